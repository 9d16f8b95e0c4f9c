//! The accept loop: HTTP/1.1 and HTTP/2 on one port, with every timeout and cap that there is.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
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

use super::clients::{Activity, Clients, Place, Running};
use crate::api::problem::{Kind, Problem};
use crate::limits::{
    CLIENT_FAREWELL_TIMEOUT, HEADER_BYTES_MAX, HEADER_TIMEOUT, HEADERS_MAX, HTTP2_LOCAL_RESETS_MAX,
    HTTP2_PENDING_RESETS_MAX, HTTP2_STREAMS_MAX, SHUTDOWN_TIMEOUT,
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
                    converse(stream, router, stop).await;
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
async fn converse(stream: TcpStream, router: Router, mut stop: watch::Receiver<bool>) {
    // Answers are small and wait for nothing: Nagle's delay would only add to them.
    let _ = stream.set_nodelay(true);
    let activity = Activity::new();
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
            // What has not sent a request in time hardly listens to a farewell.
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
    let request: Request = request.map(Body::new);
    let answered = std::panic::AssertUnwindSafe(router.oneshot(request)).catch_unwind().await;
    let response: Response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(impossible)) => match impossible {},
        Err(_) => {
            tracing::error!("a route panicked");
            Problem::new(Kind::Internal, "the request could not be finished").into_response()
        }
    };
    Ok(response.map(|body| Answering { body, _running: running }))
}

/// An answer's body. Its request is under way until it is gone.
struct Answering {
    body: Body,
    _running: Running,
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
