//! `/v1/workspaces/{ws}/rules` and `…/revisions`: check, publish, look back, go back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use compiler::world::{Bundle, BundleFile, Limits};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::auth::InWorkspace;
use super::body::json_bytes;
use super::fields::Fields;
use super::problem::{Kind, Problem};
use super::query::Query;
use super::{Json, page, uninterrupted};
use crate::limits::{BUNDLE_BODY_BYTES_MAX, REVISIONS_MAX};
use crate::rules::{Refused, Rules};
use crate::server::Server;
use crate::workspace::Revision;
use crate::workspace::publish::Tests;
use crate::workspace::record::FileRecord;

/// Characters of a file's path inside a bundle.
const PATH_CHARS_MAX: usize = 200;

/// `GET …/rules`: the files that are live.
pub(super) async fn show(at: InWorkspace, query: Query) -> Result<Json, Problem> {
    query.finish()?;
    Ok(Json::ok(match at.workspace.live() {
        None => json!({ "revision": null, "files": [] }),
        Some(live) => {
            let files = live.bundle.files.iter().map(|file| json!({ "path": file.path, "text": file.text }));
            json!({ "revision": revision_shown(&live), "files": files.collect::<Vec<_>>() })
        }
    }))
}

/// `PUT …/rules`: publishes a bundle, or refuses all of it. With `?dry_run=true` it is only checked.
pub(super) async fn publish(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    mut query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Json, Problem> {
    let dry_run = query.flag("dry_run");
    query.finish()?;
    let bundle = Arc::new(bundle(&json_bytes(&headers, body, BUNDLE_BODY_BYTES_MAX).await?)?);
    if dry_run {
        let rules = server.registry.compile(&at.workspace, bundle, Tests::Run).await?;
        return Ok(Json::ok(checked(&rules)));
    }
    let revision =
        uninterrupted(async move { server.registry.publish(&at.workspace, bundle, Timestamp::now()).await })
            .await?;
    published(&revision).map(Json::ok)
}

/// `POST …/rules/check`: what publishing would say.
pub(super) async fn check(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Json, Problem> {
    query.finish()?;
    let bundle = Arc::new(bundle(&json_bytes(&headers, body, BUNDLE_BODY_BYTES_MAX).await?)?);
    let rules = server.registry.compile(&at.workspace, bundle, Tests::Run).await?;
    Ok(Json::ok(checked(&rules)))
}

/// `GET …/revisions`: newest first; at most [`REVISIONS_MAX`] are kept.
pub(super) async fn revisions(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    let listed = server.registry.revisions(&at.workspace).await?;
    let items = listed.into_iter().take(REVISIONS_MAX).map(|one| {
        json!({
            "id": one.record.id.as_str(),
            "number": one.record.number,
            "created_at": one.record.created_at.to_string(),
            "files": one.record.files.len(),
            "rollback_of": one.record.rollback_of,
            "live": one.live,
        })
    });
    Ok(page(items.collect(), None))
}

/// `GET …/revisions/{rev}`: its files.
pub(super) async fn revision(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    let record = server.registry.revision_record(&at.workspace, number(&at)?).await?;
    let file = |file: &FileRecord| json!({ "path": file.path, "text": file.text });
    Ok(Json::ok(json!({
        "id": record.id.as_str(),
        "number": record.number,
        "created_at": record.created_at.to_string(),
        "rollback_of": record.rollback_of,
        "files": record.files.iter().map(file).collect::<Vec<_>>(),
    })))
}

/// `POST …/revisions/{rev}/rollback`: publishes those files again, as a new revision.
pub(super) async fn rollback(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    let number = number(&at)?;
    let revision =
        uninterrupted(async move { server.registry.rollback(&at.workspace, number, Timestamp::now()).await })
            .await?;
    published(&revision).map(Json::ok)
}

fn number(at: &InWorkspace) -> Result<u64, Problem> {
    let text = at.param("rev");
    text.parse().map_err(|_| Problem::not_found("revision", text))
}

/// Reads `{"files":[{"path","text"}]}`.
pub(super) fn bundle(body: &[u8]) -> Result<Bundle, Problem> {
    let limits = Limits::default();
    let mut fields = Fields::of_body(body)?;
    let mut files: Vec<BundleFile> = Vec::new();
    let list = fields.needed_list("files");
    if list.is_empty() {
        fields.wrong::<()>("files", "must name at least one file".to_owned());
    }
    if list.len() > limits.bundle_files_max {
        fields.wrong::<()>("files", format!("at most {} files", limits.bundle_files_max));
    }
    for (at, value) in list.into_iter().enumerate() {
        let Value::Object(map) = value else {
            fields.wrong::<()>(&format!("files/{at}"), "must be an object".to_owned());
            continue;
        };
        let mut file = Fields::of_object(format!("/files/{at}"), map);
        let path = file.needed_text("path", PATH_CHARS_MAX);
        if !path.is_empty() && !is_bundle_path(&path) {
            file.wrong::<()>("path", "must be a relative path with `/`, such as `leads.route`".to_owned());
        }
        if files.iter().any(|other| *other.path == *path) {
            file.wrong::<()>("path", "is there twice".to_owned());
        }
        let text = match file.value("text") {
            Some(Value::String(text)) => text,
            _ => {
                file.wrong::<()>("text", "must be the file's text".to_owned());
                String::new()
            }
        };
        fields.adopt(file);
        files.push(BundleFile { path: path.into(), text: text.into() });
    }
    fields.finish()?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Bundle { files })
}

fn is_bundle_path(path: &str) -> bool {
    !path.contains('\\')
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// What is told about a bundle without errors.
fn checked(rules: &Rules) -> Value {
    json!({
        "published": false,
        "rules": rules.names(),
        "unchecked": rules.unchecked(),
        "diagnostics": rules.warnings.to_json(),
        "text": rules.warnings.text(),
    })
}

fn published(revision: &Arc<Revision>) -> Result<Value, Problem> {
    let rules = revision.rules();
    let rules =
        rules.ok_or_else(|| Problem::internal("publishing", &"the rules were compiled and are gone"))?;
    Ok(json!({
        "published": true,
        "revision": revision_shown(revision),
        "rules": rules.names(),
        "unchecked": rules.unchecked(),
        "diagnostics": rules.warnings.to_json(),
        "text": rules.warnings.text(),
    }))
}

fn revision_shown(revision: &Revision) -> Value {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), revision.id.as_str().into());
    shown.insert("number".to_owned(), revision.number.into());
    shown.insert("created_at".to_owned(), revision.created_at.to_string().into());
    shown.insert("rollback_of".to_owned(), revision.rollback_of.into());
    Value::Object(shown)
}

/// The problem of rules with errors: every message, for machines and as people read it.
#[must_use]
pub(super) fn refused(refused: &Refused) -> Problem {
    let detail = refused.verdict();
    Problem::new(Kind::RulesRefused, detail)
        .with("diagnostics", refused.to_json())
        .with("text", refused.text().into())
}
