//! One line to a receiver, and one request on it.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Response, Uri, Version};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::HEADERS_MAX;
use super::outgoing::Outgoing;
use super::pool::Host;
use super::stream::Meter;
use crate::deliver::request::Request;
use crate::deliver::transport::Failure;
use crate::model::Outcome;

/// Bytes that are read in search of an answer's headers: interim answers, the headers, and what was read of the
/// body with them.
const HEAD_READ_BYTES_MAX: u64 = 256 << 10;

/// Bytes that an HTTP/2 line may bring between the beginning or the head of one answer and that of the next:
/// more than the bodies of all its streams are read for.
const SHARED_READ_BYTES_MAX: u64 = 16 << 20;

/// An HTTP/2 line whose receiver has taken in nothing for so long gets no new requests.
const BLOCKED_MAX: Duration = Duration::from_secs(1);

/// Requests at once on one HTTP/2 line. A receiver may allow fewer; then they wait within their deadline.
const STREAMS_MAX: usize = 100;

/// An HTTP/2 line takes no new requests when it is older: load behind a balancer moves on.
const AGE_MAX: Duration = Duration::from_secs(600);

/// A line that speaks HTTP.
pub(super) struct Line {
    pub wire: Wire,
    /// Where it ends; `None` behind an egress proxy.
    pub peer: Option<SocketAddr>,
    pub meter: Arc<Meter>,
    pub opened: Instant,
    /// Drives it. Shared by the requests of an HTTP/2 line.
    pub task: Arc<Task>,
}

/// Its protocol.
pub(super) enum Wire {
    /// One request after the other.
    One(http1::SendRequest<Outgoing>),
    /// Many at once.
    Many(http2::SendRequest<Outgoing>),
}

/// The task that drives a line; it ends with the last one who uses it.
pub(super) struct Task(pub JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A request that got no answer.
pub(super) struct Unsent {
    /// Boxed, because it is large and rare.
    pub failure: Box<Failure>,
    /// Not a byte of an answer came.
    pub nothing_came: bool,
}

impl Line {
    /// Another handle, where many requests may use a line at once and there is room for one more.
    pub(super) fn share(&self) -> Option<Self> {
        let Wire::Many(sender) = &self.wire else { return None };
        let fits = Arc::strong_count(&self.task) <= STREAMS_MAX && self.opened.elapsed() < AGE_MAX;
        let moves = self.meter.blocked_for() < BLOCKED_MAX;
        (fits && moves && !sender.is_closed()).then(|| Self {
            wire: Wire::Many(sender.clone()),
            peer: self.peer,
            meter: Arc::clone(&self.meter),
            opened: self.opened,
            task: Arc::clone(&self.task),
        })
    }

    /// Whether the other side has hung up.
    pub(super) fn is_closed(&self) -> bool {
        match &self.wire {
            Wire::One(sender) => sender.is_closed(),
            Wire::Many(sender) => sender.is_closed(),
        }
    }

    /// Waits until the request before is quite over.
    pub(super) async fn ready(&mut self) -> Result<(), hyper::Error> {
        match &mut self.wire {
            Wire::One(sender) => sender.ready().await,
            Wire::Many(sender) => sender.ready().await,
        }
    }

    /// Sends a request and waits for the head of its answer. A receiver that takes in nothing of it for
    /// `write_stall` is given up.
    pub(super) async fn send(
        &mut self,
        request: &Request,
        host: &Host,
        write_stall: Duration,
    ) -> Result<Response<Incoming>, Unsent> {
        let (read, meter) = (self.meter.read(), Arc::clone(&self.meter));
        let many = matches!(self.wire, Wire::Many(_));
        let (body, untaken) = Outgoing::new(request.body.clone());
        let asked = asked(request, host, body, if many { Version::HTTP_2 } else { Version::HTTP_11 })?;
        meter.allow(if many { SHARED_READ_BYTES_MAX } else { HEAD_READ_BYTES_MAX });
        let sending = async {
            match &mut self.wire {
                Wire::Many(sender) => sender.try_send_request(asked).await,
                Wire::One(sender) => sender.try_send_request(asked).await,
            }
        };
        let mut sending = std::pin::pin!(sending);
        let sent = loop {
            let stalled = untaken.stalled_for().max(meter.blocked_for());
            if stalled >= write_stall {
                let error = format!("the receiver took nothing in for {} ms", write_stall.as_millis());
                let failure = Box::new(Failure::new(Outcome::TimedOut, error));
                return Err(Unsent { failure, nothing_came: false });
            }
            if let Ok(sent) = timeout(write_stall.saturating_sub(stalled), sending.as_mut()).await {
                break sent;
            }
        };
        meter.allow(if many { SHARED_READ_BYTES_MAX } else { u64::MAX });
        let response = sent.map_err(|mut error| Unsent {
            nothing_came: match many {
                // It comes back when it never left.
                true => error.take_message().is_some(),
                false => meter.read() == read,
            },
            failure: Box::new(failure(error.error())),
        })?;
        if response.headers().len() > HEADERS_MAX {
            let error = format!("the answer has more than {HEADERS_MAX} header fields");
            let failure = Box::new(Failure::new(Outcome::Unreachable, error));
            return Err(Unsent { failure, nothing_came: false });
        }
        Ok(response)
    }
}

/// The request as hyper sends it: version 1 names the host in a header, version 2 in its URI.
fn asked(
    request: &Request,
    host: &Host,
    body: Outgoing,
    version: Version,
) -> Result<hyper::Request<Outgoing>, Unsent> {
    let refused = |error: &dyn std::fmt::Display| Unsent {
        failure: Box::new(Failure::new(
            Outcome::AddressRefused,
            format!("the URL cannot be asked for: {error}"),
        )),
        nothing_came: false,
    };
    let url = &request.url;
    let mut asked = hyper::Request::new(body);
    *asked.method_mut() = Method::POST;
    *asked.version_mut() = version;
    *asked.headers_mut() = request.headers.clone();
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    if version == Version::HTTP_2 {
        let scheme = if host.https { "https" } else { "http" };
        let uri = Uri::builder().scheme(scheme).authority(host.authority()).path_and_query(path).build();
        *asked.uri_mut() = uri.map_err(|error| refused(&error))?;
    } else {
        *asked.uri_mut() = Uri::try_from(path).map_err(|error| refused(&error))?;
        let name = HeaderValue::from_str(&host.authority()).map_err(|error| refused(&error))?;
        asked.headers_mut().insert(HOST, name);
    }
    Ok(asked)
}

/// Why a request got no answer, in words.
fn failure(error: &hyper::Error) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut deepest = String::new();
    while let Some(this) = cause {
        if let Some(tls) = tls_error(this) {
            return Failure::new(Outcome::TlsFailed, format!("TLS failed: {tls}"));
        }
        deepest = this.to_string();
        cause = this.source();
    }
    let doing = if error.is_parse() { "the answer is not HTTP" } else { "the connection broke" };
    Failure::new(Outcome::Unreachable, format!("{doing}: {deepest}"))
}

/// The TLS library's error, which arrives inside of `io::Error`s; these do not show it as their source.
pub(super) fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut error = error;
    loop {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        error = error.downcast_ref::<io::Error>()?.get_ref()?;
    }
}
