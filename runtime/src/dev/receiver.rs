//! A receiver on loopback that verifies what it gets, by a check of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use ring::hmac;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::server::accept;

/// Bytes of a delivery that are read.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A signature is good for so long, as Standard Webhooks suggests.
const TOLERANCE_SECONDS: i64 = 300;

/// Clients at once.
const CLIENT_LIMITS: accept::ClientLimits = accept::ClientLimits {
    connections_max: 1_024,
    per_address_max: 1_024,
    answer_stall: crate::limits::ANSWER_STALL_TIMEOUT,
};

/// What arrived under one `webhook-id`.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    /// The connection that the path names.
    pub connection: String,
    /// Whether the signature was right, the first time and each further time.
    pub verified: Result<(), &'static str>,
    /// The body.
    pub body: Vec<u8>,
    /// How often it came.
    pub times: u64,
}

/// A running receiver.
pub(super) struct Receiver {
    inner: Arc<Inner>,
    url: String,
    /// Dropped with the receiver, which stops it.
    _stop: watch::Sender<bool>,
}

#[derive(Default)]
struct Inner {
    /// A std mutex: held to look up or count, never across an await.
    state: Mutex<Seen>,
    more: Notify,
}

#[derive(Default)]
struct Seen {
    /// Signing secrets by connection.
    secrets: HashMap<String, String>,
    /// By `webhook-id`.
    arrivals: HashMap<String, Arrival>,
}

impl Receiver {
    /// Listens on a free port.
    ///
    /// # Errors
    /// No port is to be had.
    pub(super) async fn start() -> std::io::Result<Self> {
        let inner = Arc::new(Inner::default());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/hooks/{connection}", post(receive)).with_state(Arc::clone(&inner));
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(accept::serve(listener, router, CLIENT_LIMITS, stopped));
        Ok(Self { inner, url, _stop: stop })
    }

    /// Its URL without a path.
    #[must_use]
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The URL of a connection, whose deliveries must be signed with that secret.
    pub(super) fn expect(&self, connection: &str, secret: &str) -> String {
        let mut seen = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        seen.secrets.insert(connection.to_owned(), secret.to_owned());
        format!("{}/hooks/{connection}", self.url)
    }

    /// What arrived so far, by `webhook-id`.
    #[must_use]
    pub(super) fn arrivals(&self) -> HashMap<String, Arrival> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner).arrivals.clone()
    }

    /// Waits until so many different deliveries arrived, or the time is up.
    pub(super) async fn wait_for(&self, count: usize, at_most: Duration) {
        let enough = async {
            loop {
                let more = self.inner.more.notified();
                let arrived = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner).arrivals.len();
                if arrived >= count {
                    return;
                }
                more.await;
            }
        };
        let _ = tokio::time::timeout(at_most, enough).await;
    }
}

async fn receive(
    State(inner): State<Arc<Inner>>,
    Path(connection): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> StatusCode {
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    let body = body.to_bytes();
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let id = header("webhook-id");
    let mut seen = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
    let verified = match seen.secrets.get(&connection) {
        None => Err("no such connection here"),
        Some(secret) => {
            verify(secret, &id, &header("webhook-timestamp"), &header("webhook-signature"), &body)
        }
    };
    let arrival = seen.arrivals.entry(id).or_insert_with(|| Arrival {
        connection,
        verified: Ok(()),
        body: body.to_vec(),
        times: 0,
    });
    arrival.times += 1;
    arrival.verified = arrival.verified.and(verified);
    drop(seen);
    inner.more.notify_waiters();
    if verified.is_ok() { StatusCode::NO_CONTENT } else { StatusCode::BAD_REQUEST }
}

/// Standard Webhooks, symmetric: HMAC-SHA256 over `id.timestamp.body`, any of the listed signatures.
/// Written apart from the code that signs, so that one mistake cannot hide in both.
fn verify(
    secret: &str,
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
) -> Result<(), &'static str> {
    if id.is_empty() {
        return Err("no webhook-id");
    }
    let sent: i64 = timestamp.parse().map_err(|_| "no webhook-timestamp")?;
    if (Timestamp::now().as_second() - sent).abs() > TOLERANCE_SECONDS {
        return Err("the timestamp is too far away");
    }
    let key = secret.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key.ok_or("the secret is not one")?);
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let good = |listed: &str| {
        let given = listed.strip_prefix("v1,").and_then(|encoded| STANDARD.decode(encoded).ok());
        given.is_some_and(|given| hmac::verify(&key, &signed, &given).is_ok())
    };
    if signatures.split(' ').any(good) { Ok(()) } else { Err("no signature is right") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_signature_of_now_is_taken() {
        let secret = format!("whsec_{}", STANDARD.encode([7_u8; 32]));
        let now = Timestamp::now().as_second();
        let sign = |at: i64, body: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
            let tag = hmac::sign(&key, format!("dlv_1.{at}.{body}").as_bytes());
            format!("v1,{}", STANDARD.encode(tag))
        };
        let good = sign(now, "{}");
        let check = |at: i64, signatures: &str, body: &str| {
            verify(&secret, "dlv_1", &at.to_string(), signatures, body.as_bytes())
        };
        assert_eq!(check(now, &good, "{}"), Ok(()));
        assert_eq!(check(now, &format!("v1,AAAA {good}"), "{}"), Ok(()));
        assert!(check(now, &good, "{ }").is_err());
        assert!(check(now, "", "{}").is_err());
        assert!(check(now - 301, &sign(now - 301, "{}"), "{}").is_err());
        assert!(verify(&secret, "dlv_2", &now.to_string(), &good, b"{}").is_err());
    }
}
