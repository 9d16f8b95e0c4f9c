//! `/v1/workspaces`: made, listed, renamed and deleted.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::auth::{Caller, InWorkspace};
use super::body::json_bytes;
use super::fields::Fields;
use super::problem::Problem;
use super::query::Query;
use super::{Json, page, uninterrupted};
use crate::id::WorkspaceId;
use crate::key::Holder;
use crate::limits::{BODY_BYTES_MAX, ID_CHARS_MAX, NAME_CHARS_MAX};
use crate::rules::Answering;
use crate::server::Server;
use crate::workspace::Workspace;
use crate::workspace::change::{NewWorkspace, WorkspaceChange};
use crate::workspace::record::FailingTests;

/// The environment of a workspace that names none.
const ENVIRONMENT_DEFAULT: &str = "production";

/// `GET /v1/workspaces`: those that the caller may see.
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json, Problem> {
    let limit = query.limit();
    let after = query.text("cursor");
    query.finish()?;
    let mut found = match &caller.0 {
        Holder::Admin => server.registry.list(after.as_deref(), limit + 1),
        Holder::Workspace(own) => server.registry.workspace(own).into_iter().collect(),
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(page(found.iter().map(|workspace| shown(workspace)).collect(), next))
}

/// `POST /v1/workspaces`.
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    caller: Caller,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Json, Problem> {
    caller.admin()?;
    query.finish()?;
    let body = json_bytes(&headers, body, BODY_BYTES_MAX).await?;
    let mut fields = Fields::of_body(&body)?;
    let id = fields.text("id", ID_CHARS_MAX);
    if id.as_deref().is_some_and(|id| !is_workspace_id(id)) {
        fields.wrong::<()>("id", "may hold letters, digits, `_` and `-`".to_owned());
    }
    let name = fields.text("name", NAME_CHARS_MAX);
    let environment =
        fields.text("environment", ID_CHARS_MAX).unwrap_or_else(|| ENVIRONMENT_DEFAULT.to_owned());
    if !crate::workspace::connection::is_rule_name(&environment) {
        fields.wrong::<()>("environment", "must be a word of letters, digits and `_`".to_owned());
    }
    let failing_tests = failing_tests(&mut fields).unwrap_or_default();
    fields.finish()?;
    let new = NewWorkspace {
        id: id.as_deref().map(WorkspaceId::from_text),
        name: name.map(Into::into),
        environment: environment.into(),
        failing_tests,
    };
    let registry = Arc::clone(&server.registry);
    let workspace = uninterrupted(async move { registry.create(new, Timestamp::now()).await }).await?;
    Ok(Json::created(shown(&workspace)))
}

/// `GET /v1/workspaces/{ws}`.
pub(super) async fn show(at: InWorkspace, query: Query) -> Result<Json, Problem> {
    query.finish()?;
    Ok(Json::ok(shown(&at.workspace)))
}

/// `PATCH /v1/workspaces/{ws}`: its name, and what becomes of rules whose tests fail. The environment is
/// fixed, because rules are compiled for it.
pub(super) async fn change(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Json, Problem> {
    at.caller.admin()?;
    query.finish()?;
    let body = json_bytes(&headers, body, BODY_BYTES_MAX).await?;
    let mut fields = Fields::of_body(&body)?;
    let name = fields.text("name", NAME_CHARS_MAX).map(Into::into);
    let failing_tests = failing_tests(&mut fields);
    fields.finish()?;
    let change = WorkspaceChange { name, failing_tests };
    let (registry, workspace) = (Arc::clone(&server.registry), Arc::clone(&at.workspace));
    uninterrupted(async move { registry.change(&workspace, change).await }).await?;
    Ok(Json::ok(shown(&at.workspace)))
}

/// `DELETE /v1/workspaces/{ws}`: with its connections and keys.
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<StatusCode, Problem> {
    at.caller.admin()?;
    query.finish()?;
    let keys = server.keys.list(Some(&at.workspace.id));
    uninterrupted(async move {
        server.registry.delete(&at.workspace, &keys, Timestamp::now()).await?;
        server.node.metrics.usage.deleted(&at.workspace.id);
        keys.iter().for_each(|key| server.keys.remove(&key.id));
        Ok::<(), crate::workspace::change::ChangeError>(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(workspace: &Workspace) -> Value {
    let live = workspace.live();
    json!({
        "id": workspace.id.as_str(),
        "name": &*workspace.name(),
        "environment": &*workspace.environment,
        "failing_tests": workspace.failing_tests(),
        "created_at": workspace.created_at.to_string(),
        "connections": workspace.connections().len(),
        "revision": live.map(|live| json!({
            "id": live.id.as_str(), "number": live.number, "matching": live.answering().map_or("text", Answering::name),
        })),
    })
}

fn failing_tests(fields: &mut Fields) -> Option<FailingTests> {
    let words = [("refuse", FailingTests::Refuse), ("warn", FailingTests::Warn)];
    fields.word("failing_tests", &words)
}

fn is_workspace_id(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
