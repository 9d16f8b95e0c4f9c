//! Events: listed, shown, and why they did what they did.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::auth::InWorkspace;
use super::problem::{Kind, Problem};
use super::query::Query;
use super::{Json, cursor, filter, json_of, next_cursor, page};
use crate::id::EventId;
use crate::lists::Snapshot;
use crate::node::{EventFilter, EventView};
use crate::rules::Rules;
use crate::server::Server;

/// `GET …/events`: newest first, by what the envelope says and by a condition.
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    mut query: Query,
) -> Result<Json, Problem> {
    let cursor = cursor(&mut query);
    let about = filter::about_event(&mut query);
    let id = filter::event_id(&mut query, "id");
    query.finish()?;
    let filter = EventFilter { id, ..about.filter(&server, &at.workspace).await? };
    let found = server.node.events(&at.workspace.id, &filter, &cursor).await?;
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
    let lists = at.workspace.lists.ready().await?;
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
        let traced = revision.rules().map(|rules| {
            let changed = changed_since(&rules, &lists, event.received_at);
            rules.trace(&seen, &*lists).map(|traced| (traced, changed))
        });
        traced.map(|traced| {
            traced.map(|(traced, changed)| {
                (json_of(&traced), traced.to_string(), event, revision.number, changed)
            })
        })
    });
    let traced = traced.await.map_err(|error| Problem::internal("tracing the event", &error))?;
    let gone = || Problem::internal("tracing the event", &"its revision no longer compiles");
    let (document, text, event, number, changed) =
        traced.ok_or_else(gone)?.map_err(|error| Problem::internal("tracing the event", &error))?;
    if as_text {
        let mut head = format!("event {} ({}), decided by revision {number}\n\n", event.id, event.kind);
        for list in &changed {
            head += &format!(
                "the list `{list}` was changed after the event came; this is by what it holds now\n\n"
            );
        }
        return Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], head + &text).into_response());
    }
    let document = document?;
    let document = json!({
        "event": event.id.as_str(),
        "type": &*event.kind,
        "revision": { "id": event.revision.as_ref().map(|id| id.as_str()), "number": number },
        "lists_changed": changed,
        "trace": document,
    });
    Ok(Json::ok(document).into_response())
}

/// The lists that these rules ask and that are not as they were when an event came. A list that was made meanwhile
/// is one, and so is one that is gone: its rules do not say when it went.
fn changed_since(rules: &Rules, lists: &Snapshot, came: Timestamp) -> Vec<String> {
    let changed = |name: &&Arc<str>| lists.record(name).is_none_or(|list| list.updated_at > came);
    rules.lists().filter(changed).map(ToString::to_string).collect()
}

async fn event_and_payload(server: &Server, at: &InWorkspace) -> Result<(EventView, Arc<[u8]>), Problem> {
    let id = EventId::from_text(at.param("evt"));
    let record = server.node.event_record(&at.workspace.id, &id).await?;
    let found = record.as_deref().and_then(|record| {
        Some((crate::history::event_view(record)?, Arc::clone(&record.owed()?.event.payload)))
    });
    found.ok_or_else(|| Problem::not_found("event", id.as_str()))
}
