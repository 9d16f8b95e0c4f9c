//! `GET …/tail`: what happens in a workspace as it happens, as lines or as server-sent events.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::auth::InWorkspace;
use super::jittered;
use super::problem::{Kind, Problem};
use super::query::Query;
use crate::limits::{NODE_TAILS_MAX, TAIL_RETRY, WORKSPACE_TAILS_MAX};
use crate::server::Server;
use crate::tail::{Crowded, Tail, Wanted};

/// `GET …/tail`.
pub(super) async fn tail(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    mut query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let what = query.one_of("what", &["all", "events", "deliveries"]);
    query.finish()?;
    let wanted = Wanted { events: what != Some("deliveries"), deliveries: what != Some("events") };
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let as_events = accepted.contains("text/event-stream");
    let seat = server.tails.seat(&at.workspace.id).map_err(crowded)?;
    let (feed, leaving) = (server.node.subscribe(), server.leaving.subscribe());
    let metrics = Arc::clone(&server.node.metrics);
    let lines = Tail { seat, feed, wanted, leaving, metrics }.start();
    let stream = futures_util::stream::unfold(lines, move |mut lines| async move {
        let line = lines.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(written(&line, as_events)), lines))
    });
    let content = if as_events { "text/event-stream" } else { "application/x-ndjson" };
    let mut response = Body::from_stream(stream).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A line in the form that was asked for. JSON holds no line break, so it is one `data` field.
fn written(line: &Value, as_event: bool) -> String {
    if as_event {
        let kind = line.get("kind").and_then(Value::as_str).unwrap_or_default();
        format!("event: {kind}\ndata: {line}\n\n")
    } else {
        format!("{line}\n")
    }
}

fn crowded(crowded: Crowded) -> Problem {
    let (kind, limit, max) = match crowded {
        Crowded::Workspace => (Kind::LimitReached, "workspace_tails_max", WORKSPACE_TAILS_MAX),
        Crowded::Node => (Kind::Busy, "node_tails_max", NODE_TAILS_MAX),
    };
    let problem = Problem::new(kind, format!("the limit `{limit}` is reached: {max}"));
    problem.with("limit", limit.into()).with("max", max.into()).retry_after(jittered(TAIL_RETRY))
}
