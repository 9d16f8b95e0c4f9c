//! Deliveries and their attempts, dead letters, replays.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::auth::InWorkspace;
use super::filter::{self, AboutDelivery};
use super::problem::{Kind, Problem};
use super::query::Query;
use super::{Json, cursor, json_of, next_cursor, page, refusal};
use crate::engine::view::Standing;
use crate::id::{DeliveryId, EventId};
use crate::model::AttemptRecord;
use crate::node::query::StateKind;
use crate::node::{ChangeError, DeliveryView};
use crate::server::Server;

/// `GET …/deliveries`: newest first, by state, connection, rule, event and what the event says.
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    mut query: Query,
) -> Result<Json, Problem> {
    let asked = AboutDelivery {
        state: filter::state(&mut query),
        event: filter::event_id(&mut query, "event"),
        ..AboutDelivery::default()
    };
    filtered(&server, &at, query, asked).await
}

/// `GET …/dead-letters`: deliveries that were given up, newest first.
pub(super) async fn dead_letters(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    let asked = AboutDelivery { state: Some(StateKind::DeadLetter), ..AboutDelivery::default() };
    filtered(&server, &at, query, asked).await
}

/// `GET …/events/{evt}/deliveries`.
pub(super) async fn of_event(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    let id = EventId::from_text(at.param("evt"));
    if server.node.event_record(&at.workspace.id, &id).await?.is_none() {
        return Err(Problem::not_found("event", id.as_str()));
    }
    filtered(&server, &at, query, AboutDelivery { event: Some(id), ..AboutDelivery::default() }).await
}

async fn filtered(
    server: &Server,
    at: &InWorkspace,
    mut query: Query,
    asked: AboutDelivery,
) -> Result<Json, Problem> {
    let cursor = cursor(&mut query);
    let about = filter::about_event(&mut query);
    let more = filter::about_delivery(&mut query);
    query.finish()?;
    let asked = AboutDelivery { event: asked.event, state: asked.state, ..more };
    let filter = filter::deliveries(about, asked, server, &at.workspace).await?;
    let found = server.node.deliveries(&at.workspace.id, &filter, &cursor).await?;
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
    let view = server.node.delivery(workspace, &id).await?;
    let view = view.ok_or_else(|| Problem::not_found("delivery", id.as_str()))?;
    let attempts = server.node.attempts(workspace, &id).await?;
    let input = server.node.input(workspace, &id).await?;
    let (input, input_error) = match &input {
        Some(Ok(text)) => (serde_json::from_str(text).ok(), None),
        Some(Err(why)) => (None, Some(&**why)),
        None => (None, None),
    };
    let standing = server.node.standing(workspace, &id).await?;
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
