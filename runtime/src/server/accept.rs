//! The accept loop: HTTP/1.1 and HTTP/2 on one port, with every timeout and cap that hyper offers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::api::problem::{Kind, Problem};
use crate::limits::{HEADER_BYTES_MAX, HEADER_TIMEOUT, HTTP2_STREAMS_MAX, SHUTDOWN_TIMEOUT};

/// After an accept that failed (often: no file descriptor left) the loop waits so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` until `stop` becomes true; then no connection is accepted, requests under way
/// are finished, and what takes longer than [`SHUTDOWN_TIMEOUT`] is cut off.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections_max: usize,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(connections_max));
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
            Ok((stream, _)) => {
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    converse(stream, router, stop).await;
                    drop(place);
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

/// Returns once `stop` is true, or its sender is gone.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// One client, from its first byte to its last.
async fn converse(stream: TcpStream, router: Router, mut stop: watch::Receiver<bool>) {
    // Answers are small and wait for nothing: Nagle's delay would only add to them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| answer(router.clone(), request));
    let builder = builder();
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
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
        .max_buf_size(HEADER_BYTES_MAX.max(64 << 10));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// One request. A panic in a route becomes a problem document, and the process lives on.
async fn answer(router: Router, request: hyper::Request<Incoming>) -> Result<Response, Infallible> {
    let request: Request = request.map(Body::new);
    let answered = std::panic::AssertUnwindSafe(router.oneshot(request)).catch_unwind().await;
    Ok(match answered {
        Ok(Ok(response)) => response,
        Ok(Err(impossible)) => match impossible {},
        Err(_) => {
            tracing::error!("a route panicked");
            Problem::new(Kind::Internal, "the request could not be finished").into_response()
        }
    })
}
