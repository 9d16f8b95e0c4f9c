//! HTTP over the real network, within bounds that a hostile receiver cannot move.
//!
//! Every phase has a limit of its own, and the whole attempt has one that nothing extends: a name, a
//! connection, TLS, a receiver that stops reading, the first byte of the answer, its headers, its body.
//!
//! - [`dial`]: from addresses to a line that speaks HTTP
//! - [`line`]: one line, and one request on it
//! - [`outgoing`]: a request's body, and whether it is taken in
//! - [`pool`]: lines that wait for their next request
//! - [`stream`]: bytes with a count

mod dial;
mod line;
mod outgoing;
mod pool;
mod stream;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use url::Host as UrlHost;

use self::dial::{Dial, Proxy};
use self::line::{Line, Unsent};
use self::pool::{Host, Pool};
use super::address;
use super::request::Request;
use super::resolve::{NameError, NameSource, Names, System, TooManyNames};
use super::tls;
use super::transport::{Answer, Course, Failure, Transport};
use crate::model::{Outcome, RESPONSE_KEPT_BYTES_MAX};
use crate::secret::Secret;

/// So much of a body is read and dropped beyond what is kept, so that the line can be used again. A longer
/// one costs the line.
const BODY_DRAINED_BYTES_MAX: usize = 64 << 10;

/// Header fields of an answer, at most.
const HEADERS_MAX: usize = 100;

/// Bytes of an answer's headers, at most.
const HEADER_BYTES_MAX: usize = 32 << 10;

/// Many connections may call one host, and each may have 64 attempts under way: fewer would be closed and
/// opened again all the time while it works through a backlog.
const IDLE_PER_HOST_MAX: usize = 256;

/// How long each part of an attempt may take. None of them is longer than the attempt itself may be.
#[derive(Clone, Copy, Debug)]
pub struct Phases {
    /// A name must be resolved by then.
    pub name: Duration,
    /// A receiver must have accepted a TCP connection by then, whichever of its addresses; with an egress
    /// proxy, that must have.
    pub connect: Duration,
    /// TLS must be set up by then.
    pub tls: Duration,
    /// A receiver that takes in not a byte of a request for so long is given up.
    pub write_stall: Duration,
    /// The status decides; for the body this much more time is spent.
    pub body: Duration,
}

impl Default for Phases {
    fn default() -> Self {
        Self {
            name: Duration::from_secs(2),
            connect: Duration::from_secs(5),
            tls: Duration::from_secs(5),
            write_stall: Duration::from_secs(10),
            body: Duration::from_secs(2),
        }
    }
}

/// How requests go out.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// How long each part of an attempt may take.
    pub phases: Phases,
    /// TCP connections that wait for their next request; the longest unused is closed first.
    pub idle_max: usize,
    /// The same for one host.
    pub idle_per_host_max: usize,
    /// A proxy that every request goes through, by `CONNECT`: `http://host:port`, perhaps with a user name
    /// and a password, which is why it is a secret. It resolves names itself, so it must refuse inner
    /// addresses itself.
    pub egress_proxy: Option<Secret>,
}

impl Default for HttpSettings {
    /// As many idle connections as a quarter of the files that this process may open: the others are for
    /// attempts under way, clients and the journal.
    fn default() -> Self {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        let files = line.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
        let idle_max = (files.unwrap_or(1_024) / 4).clamp(16, 20_000);
        Self { phases: Phases::default(), idle_max, idle_per_host_max: IDLE_PER_HOST_MAX, egress_proxy: None }
    }
}

/// Why the transport cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The TLS library does not take its own settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The proxy's URL is not one.
    #[error("the egress proxy must be a URL such as `http://proxy.internal:3128`")]
    Proxy,
}

/// HTTP over the real network.
pub struct Http {
    names: Names,
    pool: Pool,
    dial: Dial,
    phases: Phases,
}

impl Http {
    /// A transport that trusts the authorities built in.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn new(settings: &HttpSettings) -> Result<Self, SetupError> {
        Self::with_names(settings, Arc::new(System::default()))
    }

    /// The same with another source of names.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn with_names(settings: &HttpSettings, names: Arc<dyn NameSource>) -> Result<Self, SetupError> {
        let proxy = settings.egress_proxy.as_ref().map(Proxy::new).transpose()?;
        Ok(Self {
            names: Names::new(names),
            pool: Pool::new(settings.idle_max, settings.idle_per_host_max),
            dial: Dial { tls: tls::public_config()?, proxy, phases: settings.phases },
            phases: settings.phases,
        })
    }

    /// Lines that wait for their next request.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.pool.idle()
    }

    async fn exchange(&self, request: &Request, within: Duration) -> Result<Answer, Failure> {
        let deadline = Instant::now() + within;
        let mut course = Course::default();
        let headed = timeout_at(deadline, self.head(request, &mut course)).await;
        let (response, line, host) = match headed {
            Ok(Ok(headed)) => headed,
            Ok(Err(failure)) => return Err(Failure { course, ..failure }),
            Err(_) => {
                let error = format!("no answer within {} ms", within.as_millis());
                return Err(Failure { course, ..Failure::new(Outcome::TimedOut, error) });
            }
        };
        let (head, body) = response.into_parts();
        let read = beginning(body, deadline.min(Instant::now() + self.phases.body)).await;
        if read.ended {
            self.pool.put(host, line);
        }
        Ok(Answer { status: head.status, headers: head.headers, body: read.kept, whole: read.whole, course })
    }

    /// Sends the request and waits for the head of its answer.
    async fn head(
        &self,
        request: &Request,
        course: &mut Course,
    ) -> Result<(hyper::Response<Incoming>, Line, Arc<Host>), Failure> {
        let (host, addresses) = self.place(request, course).await?;
        let began = Instant::now();
        while let Some(mut line) = self.pool.take(&host, &addresses) {
            if line.ready().await.is_err() {
                continue;
            }
            course.address = line.peer;
            course.timings.reused = true;
            match line.send(request, &host, self.phases.write_stall).await {
                Ok(response) => {
                    course.timings.first_byte_micros = Some(micros(began));
                    return Ok((response, line, host));
                }
                // Receivers close idle lines whenever they like, and a request can cross that. Not a byte of
                // an answer came, so it goes out again at once, on a line of its own: that is no attempt.
                Err(Unsent { nothing_came: true, .. }) => break,
                Err(unsent) => return Err(*unsent.failure),
            }
        }
        course.timings.reused = false;
        let mut line = self.dial.open(&host, &addresses, request.tls.as_deref(), course).await?;
        if let Some(shared) = line.share() {
            // Others need not wait for this answer's end.
            self.pool.put(Arc::clone(&host), shared);
        }
        let began = Instant::now();
        let response =
            line.send(request, &host, self.phases.write_stall).await.map_err(|unsent| *unsent.failure)?;
        course.timings.first_byte_micros = Some(micros(began));
        Ok((response, line, host))
    }

    /// Which host it is, and the addresses that it may be called at. None with a proxy, which decides itself.
    async fn place(
        &self,
        request: &Request,
        course: &mut Course,
    ) -> Result<(Arc<Host>, Arc<[IpAddr]>), Failure> {
        let nowhere = || Failure::new(Outcome::AddressRefused, "the URL has no host");
        let named = request.url.host().ok_or_else(nowhere)?;
        let host = Arc::new(Host {
            https: request.url.scheme() == "https",
            name: request.url.host_str().ok_or_else(nowhere)?.into(),
            port: request.url.port_or_known_default().ok_or_else(nowhere)?,
            addresses: request.addresses,
            tls: request.tls.as_ref().map(|profile| profile.id),
        });
        let refused = |error: address::AddressError| Failure::new(Outcome::AddressRefused, error.to_string());
        if self.dial.proxy.is_some() {
            if !host.https && matches!(named, UrlHost::Domain(_)) {
                address::check_plain(&[], request.addresses).map_err(refused)?;
            }
            return Ok((host, Arc::from([])));
        }
        let addresses = match named {
            // Literals were checked with the URL.
            UrlHost::Ipv4(address) => Arc::from([IpAddr::from(address)]),
            UrlHost::Ipv6(address) => Arc::from([IpAddr::from(address)]),
            UrlHost::Domain(name) => {
                let began = Instant::now();
                let deadline = began + self.phases.name;
                let lookup = self.names.lookup(&request.workspace, name, began.into_std());
                let lookup = timeout_at(deadline, lookup).await.unwrap_or(Err(TooManyNames::Open));
                let lookup = lookup.map_err(|limit| Failure {
                    retry_after: Some(60_000),
                    ..Failure::new(Outcome::RateLimited, limit.to_string())
                })?;
                let found = match timeout_at(deadline, lookup).await {
                    Ok(found) => found
                        .map_err(|error: NameError| Failure::new(Outcome::Unreachable, error.to_string()))?,
                    Err(_) => {
                        let error = "the name was not resolved in time";
                        return Err(Failure::new(Outcome::TimedOut, error));
                    }
                };
                course.timings.dns_micros = Some(micros(began));
                let allowed = found.allowed(request.addresses).map_err(refused)?;
                if !host.https {
                    address::check_plain(&allowed, request.addresses).map_err(refused)?;
                }
                allowed
            }
        };
        Ok((host, addresses))
    }
}

impl Transport for Http {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Answer, Failure>> {
        Box::pin(async move { self.exchange(&request, timeout).await })
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The beginning of a body.
struct Beginning {
    kept: Bytes,
    /// `kept` is all of it.
    whole: bool,
    /// It was read to its end.
    ended: bool,
}

/// Reads a body until it ends, is too long, too slow or broken. None of these changes what the status said.
async fn beginning(mut body: Incoming, deadline: Instant) -> Beginning {
    let mut first = Bytes::new();
    let mut kept = Vec::new();
    let mut read = 0;
    let mut ended = false;
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Ok(None) => {
                ended = true;
                break;
            }
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) | Err(_) => break,
        };
        let Ok(data) = frame.into_data() else { continue };
        read += data.len();
        if first.is_empty() && kept.is_empty() && data.len() <= RESPONSE_KEPT_BYTES_MAX {
            // One frame is the usual case, and needs no copy.
            first = data;
        } else {
            kept.extend_from_slice(&std::mem::take(&mut first));
            let room = RESPONSE_KEPT_BYTES_MAX.saturating_sub(kept.len());
            kept.extend(data.iter().take(room));
        }
        if read > RESPONSE_KEPT_BYTES_MAX + BODY_DRAINED_BYTES_MAX {
            break;
        }
    }
    let kept = if kept.is_empty() { first } else { kept.into() };
    Beginning { whole: ended && kept.len() == read, kept, ended }
}
