//! `GET /metrics` for Prometheus, `GET /v1/usage` per workspace, `GET /v1/status` for people.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::auth::{Caller, token, unknown_key};
use super::problem::{Kind, Problem};
use super::query::Query;
use super::{Json, health, json_of};
use crate::id::WorkspaceId;
use crate::key::Holder;
use crate::metrics::process::Process;
use crate::metrics::text::{CONTENT_TYPE as TEXT, Text};
use crate::metrics::usage::{By, Counts};
use crate::server::Server;

/// `GET /metrics`.
pub(super) async fn metrics(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    may_scrape(&server, &headers)?;
    let mut text = Text::default();
    server.node.write_metrics(&mut text).await;
    text.gauge("workspaces", "Workspaces there are.", server.registry.count());
    let held = server.registry.warm().stats();
    text.gauge("revisions_held", "Revisions that are compiled.", held.revisions);
    text.gauge("lists_held", "Workspaces whose lists are in memory.", held.lists);
    text.gauge("held_bytes", "Bytes of compiled rules and lists in memory, about.", held.bytes);
    text.gauge("tails", "Watchers of workspaces.", server.tails.count());
    text.gauge("ready", "Whether events are taken: 1 or 0.", u8::from(health::reasons(&server).is_empty()));
    process(&mut text);
    Ok(([(CONTENT_TYPE, TEXT)], text.finish()).into_response())
}

fn process(text: &mut Text) {
    let now = Process::now();
    let rows = [
        ("process_resident_memory_bytes", "Memory that is really there.", now.resident_bytes),
        ("process_resident_memory_peak_bytes", "The most it ever was.", now.resident_bytes_peak),
        ("process_threads", "Threads.", now.threads),
        ("process_open_fds", "Open file descriptors.", now.files),
        ("process_max_fds", "File descriptors it may have.", now.files_max),
    ];
    for (name, help, value) in rows {
        text.gauge(name, help, value);
    }
}

/// Numbers about all workspaces together are the operator's: the admin key, or the key that only reads them.
fn may_scrape(server: &Server, headers: &HeaderMap) -> Result<(), Problem> {
    let token = token(headers)?;
    let reads = |keys: &crate::key::Keys| keys.holder(token) == Some(Holder::Admin);
    if reads(&server.keys) || server.metrics_key.as_ref().is_some_and(reads) {
        return Ok(());
    }
    match server.keys.holder(token) {
        Some(_) => Err(Problem::new(Kind::NotAllowed, "only the admin key or the metrics key may do that")),
        None => Err(unknown_key()),
    }
}

/// By what `/v1/usage` sorts.
const BY: &[(&str, By)] = &[
    ("events", By::Events),
    ("event_bytes", By::Bytes),
    ("deliveries", By::Deliveries),
    ("attempts", By::Attempts),
];

/// `GET /v1/usage`: what workspaces used since the start, those that used most first.
pub(super) async fn usage(
    State(server): State<Arc<Server>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json, Problem> {
    let limit = query.limit();
    let words: Vec<&'static str> = BY.iter().map(|(word, _)| *word).collect();
    let by = query.one_of("by", &words).unwrap_or("events");
    let one = query.text("workspace");
    query.finish()?;
    let by = BY.iter().find(|(word, _)| *word == by).map_or(By::Events, |(_, by)| *by);
    let usage = &server.node.metrics.usage;
    let own = match &caller.0 {
        Holder::Admin => one.clone(),
        Holder::Workspace(own) => Some(one.unwrap_or_else(|| own.to_string())),
    };
    let others = own.is_none().then(|| usage.others());
    let found = match own {
        Some(id) => {
            let id = caller.workspace(&server, &id)?.id.clone();
            let counts = usage.of(&id);
            vec![(id, counts)]
        }
        None => usage.noisiest(by, limit),
    };
    let items: Result<Vec<Value>, Problem> = found.iter().map(|(id, counts)| shown(id, counts)).collect();
    let mut shown = json!({ "since": server.node.metrics.since, "items": items? });
    if let (Some(shown), Some(others)) = (shown.as_object_mut(), others) {
        shown.insert("others".to_owned(), json_of(&others)?);
    }
    Ok(Json::ok(shown))
}

fn shown(id: &WorkspaceId, counts: &Counts) -> Result<Value, Problem> {
    let mut shown = json!({ "workspace": id });
    if let (Some(shown), Value::Object(counts)) = (shown.as_object_mut(), json_of(counts)?) {
        shown.extend(counts);
    }
    Ok(shown)
}

/// `GET /v1/status`: how the server is doing (admin).
pub(super) async fn status(State(server): State<Arc<Server>>, caller: Caller) -> Result<Json, Problem> {
    caller.admin()?;
    let metrics = &server.node.metrics;
    let held = server.registry.warm().stats();
    let now = Process::now();
    Ok(Json::ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "since": metrics.since,
        "reasons": health::reasons(&server),
        "node": json_of(&server.node.status())?,
        "workspaces": server.registry.count(),
        "held": { "revisions": held.revisions, "lists": held.lists, "bytes": held.bytes },
        "events_accepted": metrics.events_accepted.get(),
        "events_refused": metrics.events_refused.all().map(|(_, count)| count).sum::<u64>(),
        "attempts": metrics.attempts.all().map(|(_, count)| count).sum::<u64>(),
        "process": { "resident_bytes": now.resident_bytes, "threads": now.threads, "files": now.files },
    })))
}
