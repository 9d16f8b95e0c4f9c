//! Whether the server lives and can take events, and the pages of its problems.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Json;
use super::problem::{Kind, Problem};
use crate::server::Server;

/// The page that describes every problem.
const PROBLEMS: &str = include_str!("../../docs/problems.md");

/// `GET /livez`: the process answers.
pub(super) async fn live() -> Json {
    Json::ok(json!({ "status": "ok" }))
}

/// `GET /readyz`: events are taken.
pub(super) async fn ready(State(server): State<Arc<Server>>) -> Json {
    let status = server.node.status();
    let reasons = reasons(&server);
    let ready = reasons.is_empty();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if ready { "ok" } else { "refusing" };
    // Damage in old records stops nothing that is new; it is for people to see.
    let damaged = status.journal_damage.is_some();
    let body = json!({ "status": word, "failing": status.failing, "stopping": status.stopping, "journal_damaged": damaged, "reasons": reasons });
    Json::new(code, &body)
}

/// Why no new events should be sent here; none while all is well.
pub(super) fn reasons(server: &Server) -> Vec<&'static str> {
    let status = server.node.status();
    let all = [
        ("draining", *server.leaving.borrow()),
        ("stopping", status.stopping),
        ("journal_failed", status.failing),
        ("journal_full", server.node.is_full()),
    ];
    all.into_iter().filter_map(|(reason, is_so)| is_so.then_some(reason)).collect()
}

/// `GET /problems/{name}`: what a problem means.
pub(super) async fn problem_page(uri: Uri) -> Response {
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    let known = Kind::ALL.iter().any(|kind| kind.name() == name);
    let heading = format!("## {name}\n");
    let section = PROBLEMS.split("\n\n").find(|section| known && section.starts_with(&heading));
    match section {
        Some(section) => {
            ([(CONTENT_TYPE, "text/markdown; charset=utf-8")], format!("{section}\n")).into_response()
        }
        None => Problem::not_found("problem", name).into_response(),
    }
}
