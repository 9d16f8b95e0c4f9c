//! The client against receivers made of raw TCP and TLS, each of them a different nuisance.

mod encrypted;
mod lines;
mod nuisances;
mod shared;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use url::Url;

use super::*;
use crate::deliver::address::AddressPolicy;
use crate::deliver::resolve::Found;
use crate::deliver::tls::{TlsMaterial, TlsProfile};
use crate::id::WorkspaceId;

const LOOPBACK: AddressPolicy =
    AddressPolicy { allow_loopback: true, allow_private_addresses: false, allow_plain_http: false };

const SECOND: Duration = Duration::from_secs(1);

/// Short phases, so that the tests are quick.
fn settings() -> HttpSettings {
    let short = Duration::from_millis(300);
    let phases = Phases { name: short, connect: SECOND, tls: short, write_stall: short, body: short };
    HttpSettings { phases, idle_max: 100, idle_per_host_max: 16, egress_proxy: None }
}

fn http() -> Http {
    crate::server::install_crypto();
    Http::new(&settings()).unwrap()
}

fn request(url: &str) -> Request {
    Request {
        url: Url::parse(url).unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
        addresses: LOOPBACK,
        workspace: WorkspaceId::from_text("ws"),
        tls: None,
    }
}

/// Reads one request and tells whether there was one.
async fn read_request<S: AsyncReadExt + Unpin>(stream: &mut S) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).await.ok()?;
        bytes.push(byte[0]);
        if bytes.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |text| text.trim().parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

/// What a receiver saw.
#[derive(Default)]
struct Seen {
    lines: AtomicUsize,
    requests: AtomicUsize,
}

impl Seen {
    fn counts(&self) -> (usize, usize) {
        (self.lines.load(Ordering::SeqCst), self.requests.load(Ordering::SeqCst))
    }
}

/// A receiver that does the same on every line. `talk` gets the stream and counts the requests that it reads.
async fn receiver<F>(talk: impl Fn(TcpStream, Arc<Seen>) -> F + Send + 'static) -> (SocketAddr, Arc<Seen>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            shared.lines.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(talk(stream, Arc::clone(&shared)));
        }
    });
    (address, seen)
}

/// Answers every request of a line in the same way.
async fn answers(mut stream: TcpStream, seen: Arc<Seen>, answer: &'static [u8]) {
    while read_request(&mut stream).await.is_some() {
        seen.requests.fetch_add(1, Ordering::SeqCst);
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

const FINE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine";

fn pem(name: &str) -> String {
    let path = format!("{}/tests/data/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}
