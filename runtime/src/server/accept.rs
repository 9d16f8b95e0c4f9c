//! The accept loop: HTTP/1.1 and HTTP/2 on one port, with every timeout and cap that there is.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::clients::{Activity, Clients, Exchange, Place, Running, Untaken};
use crate::api::problem::{Kind, Problem};
use crate::limits::{
    ANSWER_PIECE_BYTES, CLIENT_FAREWELL_TIMEOUT, HEADER_BYTES_MAX, HEADER_TIMEOUT, HEADERS_MAX,
    HTTP2_LOCAL_RESETS_MAX, HTTP2_PENDING_RESETS_MAX, HTTP2_STREAMS_MAX, SHUTDOWN_TIMEOUT,
};

/// After an accept that failed (often: no file descriptor left) the loop waits so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How many clients there may be.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// In all; further ones wait to be accepted.
    pub connections_max: usize,
    /// From one address (version 6: from one network of 64 bits); further ones are closed at once.
    pub per_address_max: usize,
    /// How long a client may take in nothing of an answer before it is told to go.
    pub answer_stall: Duration,
}

/// Serves `router` until `stop` becomes true; then no connection is accepted, requests under way
/// are finished, and what takes longer than [`SHUTDOWN_TIMEOUT`] is cut off.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ClientLimits,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let clients = Clients::new(limits.per_address_max);
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = stopped(&mut stop) => break,
        };
        let Ok(place) = place else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, from)) => {
                let Some(own) = own_place(&clients, from) else { continue };
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    converse(stream, router, limits.answer_stall, stop).await;
                    drop((place, own));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, all_ended).await.is_err() {
        tracing::warn!("requests that did not end in time are cut off");
    }
}

fn own_place(clients: &Arc<Clients>, from: SocketAddr) -> Option<Place> {
    let place = clients.place(from.ip());
    if place.is_none() {
        tracing::debug!(address = %from.ip(), "too many connections from one address");
    }
    place
}

/// Returns once `stop` is true, or its sender is gone.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// One client, from its first byte to its last.
async fn converse(
    stream: TcpStream,
    router: Router,
    answer_stall: Duration,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small and wait for nothing: Nagle's delay would only add to them.
    let _ = stream.set_nodelay(true);
    let activity = Activity::new(answer_stall);
    let running = Arc::clone(&activity);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let running = running.begin();
        answer(router.clone(), request, running)
    });
    let builder = builder();
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
        () = activity.idle() => {
            // What has not sent a request in time, or does not read, hardly listens to a farewell.
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(CLIENT_FAREWELL_TIMEOUT, connection).await;
            return;
        }
        () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    note(connection.await);
}

fn note(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX.max(64 << 10));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(HTTP2_PENDING_RESETS_MAX)
        .max_local_error_reset_streams(HTTP2_LOCAL_RESETS_MAX)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// One request. A panic in a route becomes a problem document, and the process lives on.
async fn answer(
    router: Router,
    request: hyper::Request<Incoming>,
    running: Running,
) -> Result<hyper::Response<Answering>, Infallible> {
    let many = request.version() == hyper::Version::HTTP_2;
    let exchange = running.0.clone();
    let request: Request = request.map(|body| Body::new(Asking { body, exchange }));
    let answered = std::panic::AssertUnwindSafe(router.oneshot(request)).catch_unwind().await;
    let response: Response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(impossible)) => match impossible {},
        Err(_) => {
            tracing::error!("a route panicked");
            Problem::new(Kind::Internal, "the request could not be finished").into_response()
        }
    };
    Ok(response.map(|body| Answering::new(body, many, running)))
}

/// A request's body. A client that still sends may read the answer later: streams of events are answered
/// while they run, and nobody has to read that before the end.
struct Asking {
    body: Incoming,
    exchange: Exchange,
}

impl HttpBody for Asking {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.exchange.goes_on();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. Its request is under way until it is gone.
struct Answering {
    body: Body,
    /// What was read of it and is still to be handed on.
    rest: Bytes,
    /// Several answers share a connection, and each may be left alone.
    many: bool,
    /// What was handed on last is not asked behind yet.
    untaken: Option<Untaken>,
    running: Running,
}

/// A piece of an answer of HTTP/2, which lets go of it when it has left: asked for the next one it may be
/// before that.
struct Piece {
    bytes: Bytes,
    _untaken: Untaken,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Answering {
    fn new(body: Body, many: bool, running: Running) -> Self {
        let untaken = Some(running.0.hand());
        Self { body, rest: Bytes::new(), many, untaken, running }
    }

    fn piece(&mut self) -> Frame<Bytes> {
        let bytes = self.rest.split_to(self.rest.len().min(ANSWER_PIECE_BYTES));
        self.untaken = Some(self.running.0.hand());
        if !self.many {
            return Frame::data(bytes);
        }
        Frame::data(Bytes::from_owner(Piece { bytes, _untaken: self.running.0.hand() }))
    }
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.untaken = None;
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.piece())));
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        match frame.into_data() {
            Ok(data) => {
                self.rest = data;
                Poll::Ready(Some(Ok(self.piece())))
            }
            Err(trailers) => Poll::Ready(Some(Ok(trailers))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use futures_util::StreamExt;
    use http_body_util::BodyExt;
    use hyper::client::conn::{http1, http2};
    use tokio::net::TcpStream;

    use super::*;

    const STALL: Duration = Duration::from_secs(1);

    /// More than the system takes in for a client that does not read.
    const LONG: usize = 12 << 20;

    /// A server with a long answer, and one that comes drop by drop.
    async fn server() -> (SocketAddr, watch::Sender<bool>) {
        let drops = || {
            let drops = futures_util::stream::iter(0..3).then(|_| async {
                tokio::time::sleep(STALL).await;
                Ok::<_, Infallible>(Bytes::from_static(b"drop"))
            });
            Body::from_stream(drops)
        };
        let router = Router::new()
            .route("/long", get(|| async { vec![b'x'; LONG] }))
            .route("/long", post(long_while_it_sends))
            .route("/drops", get(move || async move { drops() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let limits = ClientLimits { connections_max: 100, per_address_max: 100, answer_stall: STALL };
        tokio::spawn(serve(listener, router, limits, stopped));
        (address, stop)
    }

    /// The long answer, begun before the request is over.
    async fn long_while_it_sends(body: Body) -> Vec<u8> {
        tokio::spawn(body.collect());
        vec![b'x'; LONG]
    }

    fn asked(address: SocketAddr, path: &str) -> hyper::Request<http_body_util::Empty<Bytes>> {
        let uri = format!("http://{address}{path}");
        hyper::Request::get(uri).header("host", "x").body(http_body_util::Empty::new()).unwrap()
    }

    /// A client with HTTP/2, and what tells when its connection is over.
    async fn client(
        address: SocketAddr,
        window: u32,
    ) -> (http2::SendRequest<http_body_util::Empty<Bytes>>, tokio::task::JoinHandle<()>) {
        let stream = TcpStream::connect(address).await.unwrap();
        let builder = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(window)
            .initial_connection_window_size(1 << 24)
            .clone();
        let (sender, driven) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        (sender, tokio::spawn(async move { drop(driven.await) }))
    }

    #[tokio::test]
    async fn a_client_that_leaves_an_answer_unread_is_told_to_go_whatever_else_it_does() {
        let (address, _stop) = server().await;
        // Nothing of the answer has room; some of it; all but the last bytes of it.
        for window in [0, 1 << 16, u32::try_from(LONG).unwrap() - 1] {
            let (mut sender, over) = client(address, window).await;
            let unread = sender.send_request(asked(address, "/long")).await.unwrap();
            let began = std::time::Instant::now();
            // It goes on asking for something else, and reads that.
            let asks = async {
                while let Ok(answer) = sender.send_request(asked(address, "/nothing")).await {
                    let _ = answer.into_body().collect().await;
                    tokio::time::sleep(STALL / 8).await;
                }
            };
            let over = async { tokio::join!(asks, over).1 };
            tokio::time::timeout(Duration::from_secs(30), over).await.expect("it is let go").unwrap();
            assert!(began.elapsed() >= STALL, "{window}: {:?}", began.elapsed());
            drop(unread);
        }
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, driven) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(driven);
        let unread = sender.send_request(asked(address, "/long")).await.unwrap();
        // Who does not read does not see the end either: that is there when it reads at last.
        tokio::time::sleep(2 * STALL + 2 * CLIENT_FAREWELL_TIMEOUT).await;
        assert!(unread.into_body().collect().await.is_err());
    }

    #[tokio::test]
    async fn who_still_sends_may_read_the_answer_later() {
        let (address, _stop) = server().await;
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, driven) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(driven);
        let sending = futures_util::stream::iter(0..8).then(|_| async {
            tokio::time::sleep(STALL / 2).await;
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"drop")))
        });
        let sending = http_body_util::BodyExt::boxed_unsync(http_body_util::StreamBody::new(sending));
        let asked = hyper::Request::post("/long").header("host", "x").body(sending).unwrap();
        let answer = sender.send_request(asked).await.unwrap();
        tokio::time::sleep(4 * STALL).await;
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), LONG);
    }

    #[tokio::test]
    async fn an_answer_that_comes_slowly_or_is_read_slowly_comes_whole() {
        let (address, _stop) = server().await;
        let (mut sender, _over) = client(address, 1 << 16).await;
        let drops = sender.send_request(asked(address, "/drops")).await.unwrap();
        assert_eq!(drops.into_body().collect().await.unwrap().to_bytes().len(), 12);
        let mut long = sender.send_request(asked(address, "/long")).await.unwrap().into_body();
        let (mut read, began) = (0, std::time::Instant::now());
        while let Some(frame) = long.frame().await {
            read += frame.unwrap().into_data().unwrap().len();
            if began.elapsed() < 2 * STALL {
                tokio::time::sleep(STALL / 20).await;
            }
        }
        assert_eq!(read, LONG);
    }
}
