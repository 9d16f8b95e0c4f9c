//! Deliveries and their attempts, dead letters, replays.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::auth::InWorkspace;
use super::connections::named_in_query;
use super::problem::{Kind, Problem};
use super::query::Query;
use super::{Json, cursor, json_of, next_cursor, page, refusal};
use crate::engine::view::Standing;
use crate::id::{DeliveryId, EventId};
use crate::model::AttemptRecord;
use crate::node::query::StateKind;
use crate::node::{ChangeError, Cursor, DeliveryFilter, DeliveryView};
use crate::server::Server;

/// The states as queries name them.
const STATES: &[(&str, StateKind)] = &[
    ("waiting", StateKind::Waiting),
    ("in_flight", StateKind::InFlight),
    ("again", StateKind::Again),
    ("delivered", StateKind::Delivered),
    ("dead_letter", StateKind::DeadLetter),
    ("skipped", StateKind::Skipped),
];

/// `GET …/deliveries`: newest first, by state, connection, rule and event.
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    mut query: Query,
) -> Result<Json, Problem> {
    let cursor = cursor(&mut query);
    let words: Vec<&'static str> = STATES.iter().map(|(word, _)| *word).collect();
    let state = query.one_of("state", &words);
    let state = state.and_then(|word| STATES.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind));
    let event = query.text("event").map(|id| EventId::from_text(&id));
    filtered(&server, &at, query, cursor, DeliveryFilter { state, event, ..DeliveryFilter::default() })
}

/// `GET …/dead-letters`: deliveries that were given up, newest first.
pub(super) async fn dead_letters(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    mut query: Query,
) -> Result<Json, Problem> {
    let cursor = cursor(&mut query);
    let state = Some(StateKind::DeadLetter);
    filtered(&server, &at, query, cursor, DeliveryFilter { state, ..DeliveryFilter::default() })
}

/// `GET …/events/{evt}/deliveries`.
pub(super) async fn of_event(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    mut query: Query,
) -> Result<Json, Problem> {
    let cursor = cursor(&mut query);
    let id = EventId::from_text(at.param("evt"));
    if server.node.event(&at.workspace.id, &id).is_none() {
        return Err(Problem::not_found("event", id.as_str()));
    }
    filtered(&server, &at, query, cursor, DeliveryFilter { event: Some(id), ..DeliveryFilter::default() })
}

fn filtered(
    server: &Server,
    at: &InWorkspace,
    mut query: Query,
    cursor: Cursor,
    mut filter: DeliveryFilter,
) -> Result<Json, Problem> {
    let connection = query.text("connection");
    filter.rule = query.text("rule").map(Into::into);
    query.finish()?;
    filter.connection = connection.map(|named| named_in_query(at, &named)).transpose()?;
    let found = server.node.deliveries(&at.workspace.id, &filter, &cursor);
    let items = found.items.iter().map(json_of).collect::<Result<Vec<_>, _>>()?;
    Ok(page(items, next_cursor(found.next)))
}

/// `GET …/deliveries/{dlv}`: with its input and every attempt.
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    let id = DeliveryId::from_text(at.param("dlv"));
    let workspace = &at.workspace.id;
    let view =
        server.node.delivery(workspace, &id).ok_or_else(|| Problem::not_found("delivery", id.as_str()))?;
    let failed = |error: crate::node::ReadError| Problem::internal("reading the delivery", &error);
    let attempts = server.node.attempts(workspace, &id).await.map_err(failed)?;
    let input = server.node.input(workspace, &id).await.map_err(failed)?;
    let (input, input_error) = match &input {
        Some(Ok(text)) => (serde_json::from_str(text).ok(), None),
        Some(Err(why)) => (None, Some(&**why)),
        None => (None, None),
    };
    let standing = server.node.standing(workspace, &id).await;
    Json::ok_written(&WithAttempts { delivery: &view, standing, input, input_error, attempt_list: &attempts })
}

/// A delivery as it is shown alone. How many attempts were made stays beside what each one was.
#[derive(Serialize)]
struct WithAttempts<'a> {
    #[serde(flatten)]
    delivery: &'a DeliveryView,
    /// What it waits for at this moment; nothing when it is settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<Standing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_error: Option<&'a str>,
    attempt_list: &'a [AttemptRecord],
}

/// `POST …/deliveries/{dlv}/replay`: owes it again, as a new delivery with the old `webhook-id`.
pub(super) async fn replay(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    let id = DeliveryId::from_text(at.param("dlv"));
    let new = server.node.replay(&at.workspace.id, &id).await.map_err(|error| changed(error, &id))?;
    Ok(Json::accepted(json!({ "id": new.as_str(), "replay_of": id.as_str(), "durability": "fsync" })))
}

/// `POST …/deliveries/{dlv}/discard`: gives a delivery up that is not settled yet.
pub(super) async fn discard(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.finish()?;
    let id = DeliveryId::from_text(at.param("dlv"));
    server.node.discard(&at.workspace.id, &id).await.map_err(|error| changed(error, &id))?;
    Ok(StatusCode::NO_CONTENT)
}

fn changed(error: ChangeError, id: &DeliveryId) -> Problem {
    match error {
        ChangeError::NotFound => Problem::not_found("delivery", id.as_str()),
        ChangeError::WrongState => Problem::new(Kind::Conflict, error.to_string()),
        ChangeError::Rejected(rejected) => refusal(rejected),
        ChangeError::Unreadable => Problem::internal("reading the delivery", &error),
    }
}
