//! `/v1/workspaces/{ws}/keys`: keys of one workspace, made and revoked by the admin.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::auth::InWorkspace;
use super::body::json_bytes;
use super::fields::Fields;
use super::problem::Problem;
use super::query::Query;
use super::{Json, page, uninterrupted};
use crate::id::KeyId;
use crate::key::{KeyRecord, fresh_key};
use crate::limits::{BODY_BYTES_MAX, KEYS_MAX, NAME_CHARS_MAX};
use crate::server::Server;
use crate::workspace::change::ChangeError;

/// `GET …/keys`: without their secret parts.
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    at.caller.admin()?;
    query.finish()?;
    Ok(page(server.keys.list(Some(&at.workspace.id)).iter().map(shown).collect(), None))
}

/// `POST …/keys`: the answer shows the key, once.
pub(super) async fn create(
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
    let name = fields.text("name", NAME_CHARS_MAX).unwrap_or_else(|| "key".to_owned());
    fields.finish()?;
    if server.keys.count() >= KEYS_MAX {
        return Err(ChangeError::Limit { limit: "keys_max", what: "keys", max: KEYS_MAX }.into());
    }
    let (record, token) = uninterrupted(async move {
        let (record, token) = fresh_key(at.workspace.id.clone(), &name, Timestamp::now())?;
        server.registry.store_key(&record).await?;
        server.keys.insert(record.clone());
        Ok::<_, ChangeError>((record, token))
    })
    .await?;
    let mut answer = shown(&record);
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("key".to_owned(), token.into());
    }
    Ok(Json::created(answer))
}

/// `DELETE …/keys/{key}`: the next request with it is refused.
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<StatusCode, Problem> {
    at.caller.admin()?;
    query.finish()?;
    let id = KeyId::from_text(at.param("key"));
    let known = server.keys.get(&id).filter(|record| record.workspace == at.workspace.id);
    if known.is_none() {
        return Err(Problem::not_found("key", id.as_str()));
    }
    uninterrupted(async move {
        server.registry.forget_key(&id).await?;
        server.keys.remove(&id);
        Ok::<_, ChangeError>(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(record: &KeyRecord) -> Value {
    json!({
        "id": record.id.as_str(),
        "workspace": record.workspace.as_str(),
        "name": &*record.name,
        "created_at": record.created_at.to_string(),
    })
}
