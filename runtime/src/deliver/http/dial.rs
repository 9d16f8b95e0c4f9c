//! From addresses to a line that speaks HTTP: TCP, the egress proxy, TLS, and the protocol agreed on.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::Url;

use super::line::{Line, Task, Wire, tls_error};
use super::pool::Host;
use super::stream::{Meter, Metered, Stream, Tcp};
use super::{HEADER_BYTES_MAX, HEADERS_MAX, Phases, SetupError, micros};
use crate::deliver::tls::TlsProfile;
use crate::deliver::transport::{Course, Failure};
use crate::model::Outcome;
use crate::secret::Secret;

/// When an address has not answered for so long, the next one is tried as well (RFC 8305).
const STAGGER: Duration = Duration::from_millis(250);

/// Addresses of a name that are tried, at most.
const ADDRESSES_MAX: usize = 6;

/// Bytes of a proxy's answer, at most.
const PROXY_HEAD_BYTES_MAX: usize = 8 << 10;

/// Opens lines.
pub(super) struct Dial {
    /// For connections without certificates of their own.
    pub tls: Arc<rustls::ClientConfig>,
    pub proxy: Option<Proxy>,
    pub phases: Phases,
}

/// A proxy that is asked to `CONNECT` (RFC 9110, 9.3.6).
pub(super) struct Proxy {
    host: Box<str>,
    port: u16,
    /// The value of `Proxy-Authorization`.
    credentials: Option<Secret>,
}

impl Proxy {
    /// Reads its URL.
    ///
    /// # Errors
    /// [`SetupError::Proxy`].
    pub(super) fn new(url: &Secret) -> Result<Self, SetupError> {
        let url = url.expose_text().and_then(|text| Url::parse(text).ok()).ok_or(SetupError::Proxy)?;
        let host = url.host_str().filter(|_| url.scheme() == "http").ok_or(SetupError::Proxy)?;
        let port = url.port_or_known_default().ok_or(SetupError::Proxy)?;
        let decoded = |text: &str| {
            let pair = format!("x={}", text.replace('+', "%2B"));
            url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
        };
        let user = decoded(url.username()).unwrap_or_default();
        let password = url.password().and_then(decoded).unwrap_or_default();
        let credentials = (!user.is_empty())
            .then(|| Secret::new(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))));
        let host = host.trim_start_matches('[').trim_end_matches(']').into();
        Ok(Self { host, port, credentials })
    }

    async fn open(&self, host: &Host) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect((&*self.host, self.port)).await?;
        let place = format!("{}:{}", host.name, host.port);
        let mut head = format!("CONNECT {place} HTTP/1.1\r\nhost: {place}\r\n");
        if let Some(credentials) = self.credentials.as_ref().and_then(Secret::expose_text) {
            head = format!("{head}proxy-authorization: {credentials}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() >= PROXY_HEAD_BYTES_MAX {
                return Err(io::Error::other("the proxy's answer is too long"));
            }
            // Byte by byte, so that nothing of what follows is taken away; it is short and once per line.
            answer.push(stream.read_u8().await?);
        }
        let status = answer.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        if status.first() == Some(&b'2') {
            return Ok(stream);
        }
        let status = String::from_utf8_lossy(status);
        Err(io::Error::other(format!("the proxy answered {}", status.chars().take(3).collect::<String>())))
    }
}

impl Dial {
    /// Opens a line to one of the addresses.
    ///
    /// # Errors
    /// Nobody answers, or TLS fails.
    pub(super) async fn open(
        &self,
        host: &Host,
        addresses: &[IpAddr],
        profile: Option<&TlsProfile>,
        course: &mut Course,
    ) -> Result<Line, Failure> {
        let began = Instant::now();
        let opened = async {
            match &self.proxy {
                Some(proxy) => proxy.open(host).await,
                None => race(addresses, host.port, self.phases.connect).await,
            }
        };
        let no_connection = |error: &dyn std::fmt::Display| {
            Failure::new(Outcome::Unreachable, format!("no connection: {error}"))
        };
        let tcp = match timeout(self.phases.connect, opened).await {
            Ok(tcp) => tcp.map_err(|error| no_connection(&error))?,
            Err(_) => {
                return Err(Failure::new(Outcome::TimedOut, "no connection in time"));
            }
        };
        // A request is one write; Nagle's delay would only hold back its end.
        let _ = tcp.set_nodelay(true);
        let peer = tcp.peer_addr().map_err(|error| no_connection(&error))?;
        let peer = self.proxy.is_none().then_some(peer);
        course.address = peer;
        course.timings.connect_micros = Some(micros(began));
        let meter = Meter::new();
        let tcp = Tcp { stream: tcp, meter: Arc::clone(&meter) };
        if !host.https {
            return self.speak(Stream::Plain(tcp), meter, peer, false).await;
        }
        let began = Instant::now();
        let config = profile.map_or(&self.tls, |profile| &profile.config);
        let name = host.name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name)
            .map_err(|error| Failure::new(Outcome::TlsFailed, format!("TLS failed: {error}")))?;
        let connecting = TlsConnector::from(Arc::clone(config)).connect(name, tcp);
        let tls = match timeout(self.phases.tls, connecting).await {
            Ok(Ok(tls)) => tls,
            Ok(Err(error)) => return Err(tls_failure(&error)),
            Err(_) => {
                return Err(Failure::new(Outcome::TimedOut, "TLS was not set up in time"));
            }
        };
        course.timings.tls_micros = Some(micros(began));
        let many = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        self.speak(Stream::Tls(Box::new(tls)), meter, peer, many).await
    }

    /// Begins to speak HTTP/1.1 or, where both sides agreed on it, HTTP/2.
    async fn speak(
        &self,
        stream: Stream,
        meter: Arc<Meter>,
        peer: Option<SocketAddr>,
        many: bool,
    ) -> Result<Line, Failure> {
        let broke = |error: hyper::Error| {
            Failure::new(Outcome::Unreachable, format!("the connection broke: {error}"))
        };
        let io = TokioIo::new(Metered { stream, meter: Arc::clone(&meter) });
        let (wire, task) = if many {
            let shaken = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
                .keep_alive_interval(Duration::from_secs(20))
                .keep_alive_timeout(Duration::from_secs(10))
                .handshake(io);
            let (sender, driven) = shaken.await.map_err(broke)?;
            (Wire::Many(sender), tokio::spawn(async move { drop(driven.await) }))
        } else {
            let shaken = http1::Builder::new()
                .max_headers(HEADERS_MAX)
                .max_header_size(HEADER_BYTES_MAX)
                .max_buf_size(2 * HEADER_BYTES_MAX)
                .handshake(io);
            let (sender, driven) = shaken.await.map_err(broke)?;
            (Wire::One(sender), tokio::spawn(async move { drop(driven.await) }))
        };
        Ok(Line { wire, peer, meter, opened: Instant::now(), task: Arc::new(Task(task)) })
    }
}

/// Connects to the first address that answers; each has a head start before the next one is tried too.
async fn race(addresses: &[IpAddr], port: u16, within: Duration) -> io::Result<TcpStream> {
    let mut left = addresses.iter().take(ADDRESSES_MAX);
    let mut running = FuturesUnordered::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        if let Some(address) = left.next() {
            running.push(TcpStream::connect((*address, port)));
        }
        let waits = if left.len() > 0 { STAGGER } else { within };
        match timeout(waits, running.next()).await {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(error))) => last = error,
            Ok(None) => return Err(last),
            Err(_) => {}
        }
    }
}

fn tls_failure(error: &io::Error) -> Failure {
    match tls_error(error) {
        Some(tls) => Failure::new(Outcome::TlsFailed, format!("TLS failed: {tls}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Failure::new(Outcome::TlsFailed, "TLS failed: the receiver hung up")
        }
        None => Failure::new(Outcome::Unreachable, format!("the connection broke: {error}")),
    }
}
