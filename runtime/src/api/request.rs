//! Every request has an id, which its answer and the log say.

use axum::extract::{MatchedPath, Request};
use axum::http::header::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;

/// The header with the id: taken from the client where it is good, made here otherwise.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Characters of a client's own id, at most.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// Names a request, passes it on, and notes what came of it. The log gets the route's pattern and not the
/// path, and never a header or a body: what people send is theirs.
pub(super) async fn named(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request.headers().get(REQUEST_ID).filter(|value| is_good(value)).cloned();
    let id = id.unwrap_or_else(fresh);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let status = response.status().as_u16();
    let (request, route) =
        (id.to_str().unwrap_or_default(), route.as_ref().map_or("none", MatchedPath::as_str));
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    if status == 500 {
        tracing::warn!(request, %method, route, status, micros, "answered");
    } else {
        tracing::debug!(request, %method, route, status, micros, "answered");
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// A client's own id is written to the log, so it is held to what cannot do anything there.
fn is_good(value: &HeaderValue) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=REQUEST_ID_CHARS_MAX).contains(&value.len()) && value.as_bytes().iter().all(plain)
}

fn fresh() -> HeaderValue {
    let text = uuid::Uuid::now_v7().simple().to_string();
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("none"))
}
