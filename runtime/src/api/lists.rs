//! `/v1/workspaces/{ws}/lists`: what rules ask with `in`, changed without publishing.

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::auth::InWorkspace;
use super::body::json_bytes;
use super::fields::{Fields, kind_of, refused};
use super::problem::{FieldError, Problem};
use super::query::Query;
use super::{Json, page, uninterrupted};
use crate::limits::{FIELD_ERRORS_MAX, ID_CHARS_MAX, LIST_BODY_BYTES_MAX, LIST_ENTRY_BYTES_MAX};
use crate::lists::{Changed, Edit, ListRecord};
use crate::server::Server;
use crate::workspace::change::ChangeError;
use crate::workspace::connection::is_rule_name;

/// `GET …/lists`: all of the workspace, by name.
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    let found = server.registry.lists(&at.workspace.id).await?;
    Ok(page(found.iter().map(shown).collect(), None))
}

/// `GET …/lists/{list}`: what is known of it.
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    let record = server.registry.list_record(&at.workspace.id, at.param("list")).await?;
    Ok(Json::ok(shown(&record)))
}

/// `GET …/lists/{list}/entries`: in the order of their bytes, page by page.
pub(super) async fn entries(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    mut query: Query,
) -> Result<Json, Problem> {
    let limit = query.limit();
    let after = query.text("cursor").and_then(|cursor| {
        let after = after_cursor(&cursor);
        if after.is_none() {
            query.wrong("cursor", "must be the `next` of an earlier page".to_owned());
        }
        after
    });
    query.finish()?;
    let (workspace, name) = (&at.workspace.id, at.param("list"));
    server.registry.list_record(workspace, name).await?;
    let found = server.registry.list_entries(workspace, name, after.as_deref(), limit).await?;
    let next = found.entries.last().filter(|_| found.more).map(|last| URL_SAFE_NO_PAD.encode(last));
    Ok(page(found.entries.into_iter().map(Value::from).collect(), next))
}

fn after_cursor(cursor: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

/// `PUT …/lists/{list}`: these are its entries from now on; makes the list when there is none.
pub(super) async fn replace(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Json, Problem> {
    query.finish()?;
    let name = new_name(at.param("list"))?;
    let body = json_bytes(&headers, body, LIST_BODY_BYTES_MAX).await?;
    edit(server, at, name, move || {
        let mut fields = Fields::of_body(&body)?;
        let given = fields.needed_list("entries");
        let entries = texts("entries", given);
        fields.finish()?;
        Ok(Edit::Replace(entries?))
    })
    .await
}

/// `PATCH …/lists/{list}`: entries to `add` and to `remove`, together.
pub(super) async fn change(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Json, Problem> {
    query.finish()?;
    let name = at.param("list").into();
    let body = json_bytes(&headers, body, LIST_BODY_BYTES_MAX).await?;
    edit(server, at, name, move || {
        let mut fields = Fields::of_body(&body)?;
        if !fields.is_given("add") && !fields.is_given("remove") {
            fields.wrong::<()>("add", "is needed, or `remove`".to_owned());
        }
        let mut side = |name: &'static str| match fields.is_given(name) {
            true => texts(name, fields.needed_list(name)),
            false => {
                fields.value(name);
                Ok(Vec::new())
            }
        };
        let (add, remove) = (side("add"), side("remove"));
        fields.finish()?;
        let (add, remove) = (add?, remove?);
        disjoint(&add, &remove)?;
        Ok(Edit::Change { add, remove })
    })
    .await
}

/// `DELETE …/lists/{list}`: refused while live rules ask it.
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.finish()?;
    uninterrupted(async move { server.registry.remove_list(&at.workspace, at.param("list")).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a large request and makes its edit. Few do that at once, because both need memory.
async fn edit(
    server: Arc<Server>,
    at: InWorkspace,
    name: Arc<str>,
    read: impl FnOnce() -> Result<Edit, Problem> + Send + 'static,
) -> Result<Json, Problem> {
    let changed = uninterrupted(async move {
        let _few = server.registry.list_turn().await;
        let read = tokio::task::spawn_blocking(read).await;
        let edit = read.map_err(|error| Problem::internal("reading the list", &error))??;
        let edited = server.registry.edit_list(&at.workspace, name, edit, Timestamp::now()).await;
        edited.map_err(|error: ChangeError| Problem::from(error))
    });
    let Changed { record, created, added, removed } = changed.await?;
    let mut shown = shown(&record);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("added".to_owned(), added.into());
        shown.insert("removed".to_owned(), removed.into());
    }
    Ok(if created { Json::created(shown) } else { Json::ok(shown) })
}

fn shown(record: &ListRecord) -> Value {
    json!({
        "name": &*record.name,
        "size": record.entries,
        "bytes": record.bytes,
        "version": record.version,
        "created_at": record.created_at.to_string(),
        "updated_at": record.updated_at.to_string(),
    })
}

/// The name of a list that may be made.
fn new_name(name: &str) -> Result<Arc<str>, Problem> {
    if is_rule_name(name) && name.len() <= ID_CHARS_MAX {
        return Ok(name.into());
    }
    let detail = format!(
        "a list is named by a word that rules can write: letters, digits and `_`, not first a digit, at most {ID_CHARS_MAX}"
    );
    Err(refused(vec![FieldError { at: "list".to_owned(), detail, help: None }]))
}

/// Entries as texts, or what is wrong with them.
fn texts(name: &str, given: Vec<Value>) -> Result<Vec<Box<str>>, Problem> {
    let mut mistakes = Vec::new();
    let mut texts = Vec::with_capacity(given.len());
    for (at, value) in given.into_iter().enumerate() {
        let detail = match value {
            Value::String(text) if text.is_empty() => "must not be empty".to_owned(),
            Value::String(text) if text.len() > LIST_ENTRY_BYTES_MAX => {
                format!("at most {LIST_ENTRY_BYTES_MAX} bytes")
            }
            Value::String(text) => {
                texts.push(text.into_boxed_str());
                continue;
            }
            Value::Number(_) => "must be a text; a number is written as one, such as \"7\"".to_owned(),
            other => format!("must be a text, not {}", kind_of(&other)),
        };
        mistakes.push(FieldError { at: format!("/{name}/{at}"), detail, help: None });
        if mistakes.len() >= FIELD_ERRORS_MAX {
            break;
        }
    }
    if mistakes.is_empty() { Ok(texts) } else { Err(refused(mistakes)) }
}

/// Whether an entry comes and goes is not for us to guess.
fn disjoint(add: &[Box<str>], remove: &[Box<str>]) -> Result<(), Problem> {
    let added: HashSet<&str> = add.iter().map(|entry| &**entry).collect();
    let both = remove.iter().enumerate().filter(|(_, entry)| added.contains(&***entry));
    let mistake = |at| FieldError {
        at: format!("/remove/{at}"),
        detail: "is in `add`, too".to_owned(),
        help: Some("leave it out of one of them".to_owned()),
    };
    let mistakes: Vec<FieldError> = both.take(FIELD_ERRORS_MAX).map(|(at, _)| mistake(at)).collect();
    if mistakes.is_empty() { Ok(()) } else { Err(refused(mistakes)) }
}
