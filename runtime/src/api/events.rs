//! Events: sent as one, as a list or as a stream; listed; and why they did what they did.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::auth::{Caller, InWorkspace};
use super::body::{Content, content, whole};
use super::fields::{invalid_json_of, refused};
use super::problem::{FieldError, Kind, Problem};
use super::query::Query;
use super::{Json, cursor, json_of, next_cursor, page};
use crate::id::EventId;
use crate::ingest::answer::{Answered, DURABILITY};
use crate::ingest::stream::{Tell, take};
use crate::ingest::{Place, keep};
use crate::limits::{
    BATCH_BODY_BYTES_MAX, BATCH_EVENTS_MAX, EVENT_BODY_BYTES_MAX, IDEMPOTENCY_KEY_CHARS_MAX,
};
use crate::node::{EventFilter, EventView};
use crate::server::Server;

/// Says that an answer is that of an earlier request with the same key.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// `POST /v1/workspaces/{ws}/events`.
pub(super) async fn post_here(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    if let Some(live) = at.workspace.live() {
        live.ready().await;
    }
    post(&server, Place::Path(at.workspace), query, &headers, body).await
}

/// `POST /v1/events`: each event names its workspace.
pub(super) async fn post_anywhere(
    State(server): State<Arc<Server>>,
    caller: Caller,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let place = Place::Body { server: Arc::clone(&server), caller };
    post(&server, place, query, &headers, body).await
}

async fn post(
    server: &Arc<Server>,
    place: Place,
    mut query: Query,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let results = query.one_of("results", &["all", "refused"]);
    query.finish()?;
    let key = idempotency_key(headers)?;
    if content(headers, &[Content::Json, Content::Lines])? == Content::Lines {
        if key.is_some() {
            let detail = "a stream has no `Idempotency-Key`; give each event an `id`";
            return Err(Problem::new(Kind::InvalidRequest, detail));
        }
        let tell = if results == Some("refused") { Tell::Refused } else { Tell::All };
        let lines = take(Arc::clone(&server.node), place, body, tell);
        let mut response = (StatusCode::ACCEPTED, lines).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        return Ok(durable(response));
    }
    let bytes = whole(headers, body, BATCH_BODY_BYTES_MAX).await?;
    if bytes.trim_ascii_start().starts_with(b"[") {
        return list_of_events(server, &place, &bytes, key.as_deref(), results == Some("refused")).await;
    }
    if bytes.len() > EVENT_BODY_BYTES_MAX {
        return Err(super::body::too_large(EVENT_BODY_BYTES_MAX));
    }
    let item = place.prepare(&bytes, "", key, Timestamp::now())?;
    let answered = keep(&server.node, vec![Ok(item)]).await?.pop();
    let answered = answered.unwrap_or_else(|| Err(Problem::internal("accepting the event", &"no answer")))?;
    let repeated = answered.repeated;
    let mut response = durable(Json::accepted(answered.to_json()).into_response());
    if repeated {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// A JSON array: one answer for each, and nothing of the good ones is lost for the bad ones.
async fn list_of_events(
    server: &Server,
    place: &Place,
    body: &[u8],
    key: Option<&str>,
    only_refused: bool,
) -> Result<Response, Problem> {
    // Cut into elements here; each element is then read strictly.
    let elements: Vec<&RawValue> =
        serde_json::from_slice(body).map_err(|error| invalid_json_of(body, &error))?;
    if elements.is_empty() {
        return Err(Problem::new(Kind::InvalidRequest, "the list holds no event"));
    }
    if elements.len() > BATCH_EVENTS_MAX {
        let detail = format!("a list may hold {BATCH_EVENTS_MAX} events; send more as application/x-ndjson");
        return Err(Problem::new(Kind::PayloadTooLarge, detail).with("events_max", BATCH_EVENTS_MAX.into()));
    }
    let now = Timestamp::now();
    let items = elements.iter().enumerate().map(|(at, element)| {
        let key = key.map(|key| Arc::from(format!("{key}/{at}")));
        place.prepare(element.get().as_bytes(), &format!("/{at}"), key, now)
    });
    let answers = keep(&server.node, items.collect()).await?;
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    let results: Vec<Value> = answers
        .iter()
        .enumerate()
        .filter(|(_, answer)| !only_refused || answer.is_err())
        .map(result)
        .collect();
    if accepted == 0 {
        let problem =
            Problem::new(Kind::EventsRefused, format!("{} events, each with a mistake", answers.len()));
        return Err(problem.with("results", results.into()));
    }
    let status = if accepted == answers.len() { StatusCode::ACCEPTED } else { StatusCode::MULTI_STATUS };
    let document = json!({
        "durability": DURABILITY,
        "accepted": accepted,
        "refused": answers.len() - accepted,
        "results": results,
    });
    Ok(durable(Json::new(status, &document).into_response()))
}

/// The answer to one element of a list.
fn result((at, answer): (usize, &Result<Answered, Problem>)) -> Value {
    let (status, rest) = match answer {
        Ok(answered) => (202, answered.to_json()),
        Err(problem) => (problem.kind().status(), json!({ "problem": problem.to_json() })),
    };
    let mut result = json!({ "index": at, "status": status });
    if let (Some(result), Value::Object(rest)) = (result.as_object_mut(), rest) {
        result.extend(rest);
    }
    result
}

fn durable(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(HeaderName::from_static("durability"), HeaderValue::from_static(DURABILITY));
    response
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<Arc<str>>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let good = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_CHARS_MAX);
    good.map(|key| Some(Arc::from(key))).ok_or_else(|| {
        let detail = format!("must be 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters");
        refused(vec![FieldError { at: "Idempotency-Key".to_owned(), detail, help: None }])
    })
}

/// `GET …/events`: newest first, by type, resource and resource id.
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    mut query: Query,
) -> Result<Json, Problem> {
    let cursor = cursor(&mut query);
    let filter = EventFilter {
        kind: query.text("type").map(Into::into),
        resource: query.text("resource").map(Into::into),
        resource_id: query.text("resource_id").map(Into::into),
    };
    query.finish()?;
    let found = server.node.events(&at.workspace.id, &filter, &cursor);
    let items = found.items.iter().map(json_of).collect::<Result<Vec<_>, _>>()?;
    Ok(page(items, next_cursor(found.next)))
}

/// `GET …/events/{evt}`: with its payload.
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    let (event, payload) = event_and_payload(&server, &at).await?;
    // Written as it came: another parser's idea of a number would change its digits.
    let payload =
        serde_json::from_slice(&payload).map_err(|error| Problem::internal("reading the payload", &error))?;
    Json::ok_written(&WithPayload { event: &event, payload })
}

/// An event as it is shown alone.
#[derive(Serialize)]
struct WithPayload<'a> {
    #[serde(flatten)]
    event: &'a EventView,
    payload: &'a RawValue,
}

/// `GET …/events/{evt}/trace`: for each rule of the revision that decided, why it did or did not
/// match. With `Accept: text/plain` as people read it.
pub(super) async fn trace(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    query.finish()?;
    let (event, payload) = event_and_payload(&server, &at).await?;
    let Some(revision_id) = &event.revision else {
        let detail = "the workspace had no rules when the event came, so there is nothing to say why";
        return Err(Problem::new(Kind::NotFound, detail));
    };
    let revision = server.registry.revision_with_id(&at.workspace, revision_id.as_str()).await?;
    let as_text = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/plain"));
    let traced = tokio::task::spawn_blocking(move || {
        let seen = compiler::event::Event {
            id: event.id.as_str(),
            kind: &event.kind,
            resource: event.resource.as_deref(),
            resource_id: event.resource_id.as_deref(),
            time: event.time,
            received_at: event.received_at,
            payload: &payload,
        };
        let traced = revision.rules().map(|rules| rules.trace(&seen));
        traced
            .map(|traced| traced.map(|traced| (json_of(&traced), traced.to_string(), event, revision.number)))
    });
    let traced = traced.await.map_err(|error| Problem::internal("tracing the event", &error))?;
    let gone = || Problem::internal("tracing the event", &"its revision no longer compiles");
    let (document, text, event, number) =
        traced.ok_or_else(gone)?.map_err(|error| Problem::internal("tracing the event", &error))?;
    if as_text {
        let head = format!("event {} ({}), decided by revision {number}\n\n", event.id, event.kind);
        return Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], head + &text).into_response());
    }
    let document = document?;
    let document = json!({
        "event": event.id.as_str(),
        "type": &*event.kind,
        "revision": { "id": event.revision.as_ref().map(|id| id.as_str()), "number": number },
        "trace": document,
    });
    Ok(Json::ok(document).into_response())
}

async fn event_and_payload(server: &Server, at: &InWorkspace) -> Result<(EventView, Arc<[u8]>), Problem> {
    let id = EventId::from_text(at.param("evt"));
    let event =
        server.node.event(&at.workspace.id, &id).ok_or_else(|| Problem::not_found("event", id.as_str()))?;
    let payload = server.node.payload(&at.workspace.id, &id).await;
    let payload = payload.map_err(|error| Problem::internal("reading the payload", &error))?;
    let payload = payload.ok_or_else(|| Problem::not_found("event", id.as_str()))?;
    Ok((event, payload))
}
