//! What one HTTP request costs with `reqwest`, a bare connection of hyper's, and our transport.
//!
//! The client is one thread; the receivers are another, which reads and answers bytes without parsing HTTP.
//! What is compared is the CPU time of the client's thread, because it hardly depends on what else runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use hyper_util::rt::TokioIo;
use runtime::deliver::address::AddressPolicy;
use runtime::deliver::http::{Http, HttpSettings};
use runtime::deliver::request::Request;
use runtime::deliver::sign::scheme::{Signed, Signing};
use runtime::deliver::transport::Transport;
use runtime::id::WorkspaceId;
use runtime::secret::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of a body.
const BODY_BYTES: usize = 1024;

/// How long each row is measured.
const MEASURED: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
enum Client {
    Reqwest,
    Hyper,
    Ours,
}

fn main() {
    runtime::server::install_crypto();
    println!("1 KiB POST with a signature, plain HTTP/1.1 over loopback, connections kept\n");
    println!("client   at once  requests/s  CPU us/request");
    for at_once in [64, 256] {
        for client in [Client::Reqwest, Client::Hyper, Client::Ours] {
            let (requests, wall, cpu) = measure(client, at_once);
            let name = format!("{client:?}").to_lowercase();
            let (per_second, each) = (requests as f64 / wall, cpu * 1e6 / requests as f64);
            println!("{name:<8} {at_once:>7}  {per_second:>10.0}  {each:>14.1}");
        }
    }
}

/// Requests made, seconds passed, and seconds of CPU time of the client's thread.
fn measure(client: Client, at_once: usize) -> (u64, f64, f64) {
    let address = receivers();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (began, cpu) = (Instant::now(), cpu_nanos());
    let requests = runtime.block_on(async {
        let until = began + MEASURED;
        let shared = Shared::new(address);
        let senders = (0..at_once).map(|_| tokio::spawn(send(client, Arc::clone(&shared), until)));
        let mut requests = 0;
        for sender in senders.collect::<Vec<_>>() {
            requests += sender.await.expect("a sender");
        }
        requests
    });
    (requests, began.elapsed().as_secs_f64(), (cpu_nanos() - cpu) as f64 / 1e9)
}

/// CPU time of this thread in nanoseconds (`/proc/thread-self/schedstat`, first field).
fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|first| first.parse().ok()).expect("a number")
}

/// What all senders of a row use.
struct Shared {
    address: SocketAddr,
    url: String,
    reqwest: reqwest::Client,
    ours: Http,
    secret: Secret,
    body: Bytes,
}

impl Shared {
    fn new(address: SocketAddr) -> Arc<Self> {
        let reqwest = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let settings = HttpSettings { idle_per_host_max: 1_024, ..HttpSettings::default() };
        Arc::new(Self {
            address,
            url: format!("http://{address}/hook"),
            reqwest: reqwest.build().expect("a client"),
            ours: Http::new(&settings).expect("a transport"),
            secret: Signing::Standard.fresh_secret().expect("random numbers"),
            body: vec![b'x'; BODY_BYTES].into(),
        })
    }

    /// Headers with a fresh signature: every client has this to do.
    fn headers(&self) -> HeaderMap {
        let what = Signed { id: "dlv_bench", seconds: 1_614_265_330, body: &self.body };
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("user-agent", HeaderValue::from_static("Fanwise"));
        headers.insert("webhook-id", HeaderValue::from_static("dlv_bench"));
        headers.insert("webhook-timestamp", HeaderValue::from(what.seconds));
        let signature = Signing::Standard.header([&self.secret], what).expect("a signature");
        headers.extend(signature);
        headers
    }
}

async fn send(client: Client, shared: Arc<Shared>, until: Instant) -> u64 {
    let mut requests = 0;
    let mut line = match client {
        Client::Hyper => Some(line(shared.address).await),
        Client::Reqwest | Client::Ours => None,
    };
    while Instant::now() < until {
        match (client, &mut line) {
            (Client::Hyper, Some(line)) => {
                let mut asked =
                    hyper::Request::post("/hook").body(Full::new(shared.body.clone())).expect("one");
                *asked.headers_mut() = shared.headers();
                asked.headers_mut().insert("host", HeaderValue::from_static("localhost"));
                line.ready().await.expect("a line");
                let mut body = line.send_request(asked).await.expect("an answer").into_body();
                while let Some(frame) = body.frame().await {
                    frame.expect("a body");
                }
            }
            (Client::Ours, _) => {
                let asked = Request {
                    url: url::Url::parse(&shared.url).expect("a URL"),
                    headers: shared.headers(),
                    body: shared.body.clone(),
                    addresses: AddressPolicy { allow_loopback: true, ..AddressPolicy::default() },
                    workspace: WorkspaceId::from_text("ws"),
                    tls: None,
                };
                let answer = shared.ours.send(asked, Duration::from_secs(15)).await.expect("an answer");
                assert_eq!(answer.status, 200);
            }
            (Client::Reqwest | Client::Hyper, _) => {
                let url = url::Url::parse(&shared.url).expect("a URL");
                let asked = shared.reqwest.post(url).headers(shared.headers()).body(shared.body.clone());
                let mut answer = asked.send().await.expect("an answer");
                while answer.chunk().await.expect("a body").is_some() {}
            }
        }
        requests += 1;
    }
    requests
}

async fn line(address: SocketAddr) -> hyper::client::conn::http1::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (line, driven) = shaken.expect("HTTP");
    tokio::spawn(driven);
    line
}

/// Receivers on a thread of their own.
fn receivers() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("an option");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
            }
        });
    });
    address
}

async fn answer(mut stream: TcpStream) {
    let mut bytes = vec![0; 16 << 10];
    let mut have = 0;
    loop {
        match stream.read(&mut bytes[have..]).await {
            Ok(read) if read > 0 => have += read,
            _ => return,
        }
        let head = bytes[..have].windows(4).position(|four| four == b"\r\n\r\n");
        if head.is_some_and(|head| have >= head + 4 + BODY_BYTES) {
            have = 0;
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.is_err() {
                return;
            }
        }
    }
}
