//! Sends a request and reads its answer, within bounds that a hostile receiver cannot move.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::header::HeaderMap;
use reqwest::{Client, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::address::{AddressError, AddressPolicy};
use super::request::Request;
use super::resolve::{Names, NotFound, Resolver};
use crate::model::{Outcome, RESPONSE_KEPT_BYTES_MAX};

/// Name, connection and TLS together may take this long, and never longer than the attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The status decides; for the body this much more time is spent, and never more than the attempt has.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// So much of a body is read, so that the connection can be used again. A longer one costs the connection.
const BODY_READ_BYTES_MAX: usize = 64 << 10;

/// Header fields of an answer, at most.
const HEADERS_MAX: usize = 100;

/// Bytes of an HTTP/2 answer's headers, at most. Version 1 is bounded by hyper's buffer, at about 400 KiB.
const HTTP2_HEADER_BYTES_MAX: u32 = 32 << 10;

/// Idle connections that are kept for a host. They cost some 50 KiB each.
const IDLE_PER_HOST_MAX: usize = 2;

/// Load balancers commonly drop idle connections after 60 seconds; this is before that.
const IDLE_TIMEOUT: Duration = Duration::from_secs(55);

/// A whole answer, or its beginning.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// At most [`RESPONSE_KEPT_BYTES_MAX`] bytes of its body.
    pub body: Bytes,
    /// Where it came from.
    pub address: Option<SocketAddr>,
}

/// No answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub outcome: Outcome,
    /// The cause in words.
    pub error: String,
}

/// Sends requests. A script stands in for it in tests.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request and waits for its answer, for at most `timeout` in all.
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Answer, Failure>>;
}

/// HTTP over the real network.
pub struct Http {
    tls: rustls::ClientConfig,
    names: Names,
    /// One client for each policy: a connection that one policy allows must not serve another.
    /// A std mutex: held to look one up or make one.
    clients: Mutex<HashMap<AddressPolicy, Client>>,
}

impl Http {
    /// A transport that trusts the authorities built in.
    ///
    /// # Errors
    /// The TLS library does not take its own settings.
    pub fn new() -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls, names: Names::default(), clients: Mutex::default() })
    }

    fn client(&self, policy: AddressPolicy) -> Result<Client, reqwest::Error> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&policy) {
            return Ok(client.clone());
        }
        let client = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Resolver { names: self.names.clone(), policy })
            // What a workspace calls must not depend on the server's environment or on the receiver's wish.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // A repeated request is an attempt, and attempts are counted elsewhere.
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http1_max_headers(HEADERS_MAX)
            .http2_max_header_list_size(HTTP2_HEADER_BYTES_MAX)
            .build()?;
        clients.insert(policy, client.clone());
        Ok(client)
    }

    async fn exchange(&self, request: Request, timeout: Duration) -> Result<Answer, Failure> {
        let deadline = Instant::now() + timeout;
        let client = self.client(request.addresses).map_err(|error| failure(&error))?;
        let sent = client.post(request.url).headers(request.headers).body(request.body).send();
        let response = match timeout_at(deadline, sent).await {
            Ok(response) => response.map_err(|error| failure(&error.without_url()))?,
            Err(_) => {
                let error = format!("no answer within {} ms", timeout.as_millis());
                return Err(Failure { outcome: Outcome::TimedOut, error });
            }
        };
        let (status, headers, address) =
            (response.status(), response.headers().clone(), response.remote_addr());
        let body = beginning(response, deadline.min(Instant::now() + BODY_TIMEOUT)).await;
        Ok(Answer { status, headers, body, address })
    }
}

impl Transport for Http {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Answer, Failure>> {
        Box::pin(self.exchange(request, timeout))
    }
}

/// Reads the beginning of a body until it ends, is too long, too slow or broken. None of these changes
/// what the status said; a body that is not read to its end costs the connection.
async fn beginning(mut response: Response, deadline: Instant) -> Bytes {
    let mut kept = Vec::new();
    let mut read = 0;
    while let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await {
        read += chunk.len();
        let room = RESPONSE_KEPT_BYTES_MAX - kept.len();
        kept.extend(chunk.iter().take(room));
        if read > BODY_READ_BYTES_MAX {
            break;
        }
    }
    kept.into()
}

/// Finds the cause of a failed request. reqwest wraps it several times over.
fn failure(error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut deepest = String::new();
    while let Some(this) = cause {
        if let Some(refused) = this.downcast_ref::<AddressError>() {
            return Failure { outcome: Outcome::AddressRefused, error: refused.to_string() };
        }
        if let Some(missing) = this.downcast_ref::<NotFound>() {
            return Failure { outcome: Outcome::Unreachable, error: missing.to_string() };
        }
        if let Some(tls) = tls_error(this) {
            return Failure { outcome: Outcome::TlsFailed, error: format!("TLS failed: {tls}") };
        }
        deepest = this.to_string();
        cause = this.source();
    }
    let outcome = if error.is_timeout() { Outcome::TimedOut } else { Outcome::Unreachable };
    let doing = if error.is_connect() { "no connection" } else { "the connection broke" };
    Failure { outcome, error: format!("{doing}: {deepest}") }
}

/// The TLS library's error, which arrives inside of `io::Error`s; these do not show it as their source.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut error = error;
    loop {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        error = error.downcast_ref::<io::Error>()?.get_ref()?;
    }
}
