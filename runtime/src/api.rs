//! The HTTP API: routes, and how failures become problem documents.

pub mod auth;
pub mod body;
mod connections;
mod deliveries;
mod events;
pub mod fields;
mod filter;
mod health;
mod intake;
mod keys;
mod lists;
mod metrics;
mod plan;
pub mod problem;
pub mod query;
pub(crate) mod replays;
mod request;
mod rules;
mod tail;
mod workspaces;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;

use crate::node::accept::LimitOf;
use crate::node::{Cursor, Rejected};
use crate::server::Server;
use crate::workspace::change::ChangeError;
use problem::{FieldError, Kind, Problem};
use query::Query;

/// Every route.
pub fn router(server: Arc<Server>) -> Router {
    let in_workspace = Router::new()
        .route("/", get(workspaces::show).patch(workspaces::change).delete(workspaces::delete))
        .route("/connections", get(connections::list).post(connections::create))
        .route(
            "/connections/{con}",
            get(connections::show).patch(connections::change).delete(connections::delete),
        )
        .route("/connections/{con}/rotate", post(connections::rotate))
        .route("/lists", get(lists::list))
        .route(
            "/lists/{list}",
            get(lists::show).put(lists::replace).patch(lists::change).delete(lists::delete),
        )
        .route("/lists/{list}/entries", get(lists::entries))
        .route("/rules", get(rules::show).put(rules::publish))
        .route("/rules/check", post(rules::check))
        .route("/rules/plan", post(plan::plan))
        .route("/revisions", get(rules::revisions))
        .route("/revisions/{rev}", get(rules::revision))
        .route("/revisions/{rev}/rollback", post(rules::rollback))
        .route("/events", get(events::list).post(intake::post_here))
        .route("/events/{evt}", get(events::show))
        .route("/events/{evt}/deliveries", get(deliveries::of_event))
        .route("/events/{evt}/trace", get(events::trace))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{dlv}", get(deliveries::show))
        .route("/deliveries/{dlv}/replay", post(deliveries::replay))
        .route("/deliveries/{dlv}/discard", post(deliveries::discard))
        .route("/dead-letters", get(deliveries::dead_letters))
        .route("/replays", get(replays::list).post(replays::create))
        .route("/replays/{rpl}", get(replays::show).delete(replays::cancel))
        .route("/tail", get(tail::tail))
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{key}", axum::routing::delete(keys::delete));
    Router::new()
        .route("/v1/workspaces", get(workspaces::list).post(workspaces::create))
        .nest("/v1/workspaces/{ws}", in_workspace)
        .route("/v1/events", post(intake::post_anywhere))
        .route("/v1/usage", get(metrics::usage))
        .route("/v1/status", get(metrics::status))
        .route("/metrics", get(metrics::metrics))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/problems/{name}", get(health::problem_page))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::from_fn(request::named))
        .with_state(server)
}

async fn nothing_here(uri: axum::http::Uri) -> Problem {
    Problem::not_found("path", uri.path())
}

async fn wrong_method(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    let path: String = uri.path().chars().take(120).collect();
    Problem::new(Kind::MethodNotAllowed, format!("`{path}` does not take {method}"))
}

/// A JSON answer, written.
pub struct Json(StatusCode, String);

impl Json {
    /// An answer with that status.
    #[must_use]
    pub fn new(status: StatusCode, value: &Value) -> Self {
        Self(status, value.to_string())
    }

    /// 200.
    #[must_use]
    pub fn ok(value: Value) -> Self {
        Self::new(StatusCode::OK, &value)
    }

    /// 200 with a value whose parts may be JSON text already, which stays as it is to the last digit.
    ///
    /// # Errors
    /// `internal` when it has no JSON form.
    pub fn ok_written<T: serde::Serialize>(value: &T) -> Result<Self, Problem> {
        let text = serde_json::to_string(value);
        text.map(|text| Self(StatusCode::OK, text))
            .map_err(|error| Problem::internal("writing the answer", &error))
    }

    /// 201.
    #[must_use]
    pub fn created(value: Value) -> Self {
        Self::new(StatusCode::CREATED, &value)
    }

    /// 202.
    #[must_use]
    pub fn accepted(value: Value) -> Self {
        Self::new(StatusCode::ACCEPTED, &value)
    }

    /// 202 with a document that is text already.
    #[must_use]
    pub fn accepted_text(text: String) -> Self {
        Self(StatusCode::ACCEPTED, text)
    }
}

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        let mut response = (self.0, self.1).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// A page of a list: its items, and the cursor of the next page.
#[must_use]
pub fn page(items: Vec<Value>, next: Option<String>) -> Json {
    Json::ok(serde_json::json!({ "items": items, "next": next }))
}

/// Where a page of the history begins, from `cursor` and `limit`.
pub fn cursor(query: &mut Query) -> Cursor {
    let limit = query.limit();
    let before = query.text("cursor").and_then(|text| {
        let number = text.strip_prefix('c').and_then(|digits| u64::from_str_radix(digits, 16).ok());
        if number.is_none() {
            query.wrong("cursor", "must be the `next` of an earlier page".to_owned());
        }
        number
    });
    Cursor { before, limit }
}

/// The cursor after a page of the history. Opaque: what it says is nobody's business.
#[must_use]
pub fn next_cursor(next: Option<u64>) -> Option<String> {
    next.map(|next| format!("c{next:x}"))
}

/// Runs a change to its end even when the client goes away, so that what is stored is also shown.
///
/// # Errors
/// Those of the change.
pub async fn uninterrupted<T, E>(
    change: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    match tokio::spawn(change).await {
        Ok(result) => result.map_err(Into::into),
        Err(error) => Err(Problem::internal("the change", &error)),
    }
}

/// A value of ours as JSON.
///
/// # Errors
/// `internal` when it has no JSON form.
pub fn json_of<T: serde::Serialize>(value: &T) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| Problem::internal("writing the answer", &error))
}

/// A server that stops has a successor after a while.
const STOPPING_RETRY: Duration = Duration::from_secs(2);

/// Whoever is turned away is not to come back at the same moment as everybody else: the wait and up to four
/// seconds more, or up to half as much again if that is longer.
#[must_use]
pub fn jittered(wait: Duration) -> Duration {
    let more = (wait / 2).max(Duration::from_secs(4)).as_millis();
    let more = rand::random_range(0..=u64::try_from(more).unwrap_or(4_000));
    wait.max(Duration::from_secs(1)) + Duration::from_millis(more)
}

/// Why a node took nothing, as a problem.
#[must_use]
pub fn refusal(rejected: Rejected) -> Problem {
    let words = rejected.to_string();
    match rejected {
        Rejected::Busy { retry_after } => Problem::new(Kind::Busy, words).retry_after(jittered(retry_after)),
        Rejected::Limit { limit, max, of, retry_after } => {
            let kind = match of {
                LimitOf::Workspace => Kind::LimitReached,
                LimitOf::Node => Kind::Busy,
            };
            let problem = Problem::new(kind, words).with("limit", limit.into()).with("max", max.into());
            problem.retry_after(jittered(retry_after))
        }
        Rejected::TooLarge { bytes_max, .. } => {
            Problem::new(Kind::PayloadTooLarge, words).with("bytes_max", bytes_max.into())
        }
        Rejected::Failing => Problem::new(Kind::NotDurable, words),
        // Another one may be there by then.
        Rejected::Stopping => Problem::new(Kind::NotDurable, words).retry_after(jittered(STOPPING_RETRY)),
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let words = error.to_string();
        match error {
            ChangeError::NotFound { what, id } => Self::not_found(what, &id),
            ChangeError::Taken { .. } => Self::new(Kind::Conflict, words),
            ChangeError::InUse { .. } | ChangeError::ListInUse { .. } => Self::new(Kind::InUse, words),
            ChangeError::Unsigned { field, .. } => {
                fields::refused(vec![FieldError { at: format!("/{field}"), detail: words, help: None }])
            }
            ChangeError::Limit { limit, max, .. } => {
                Self::new(Kind::LimitReached, words).with("limit", limit.into()).with("max", max.into())
            }
            ChangeError::Refused(refused) => rules::refused(&refused),
            ChangeError::Store(crate::control::StoreError::Conflict { .. }) => {
                Self::new(Kind::Conflict, words)
            }
            ChangeError::Store(_)
            | ChangeError::NoRandomness(_)
            | ChangeError::Secret(_)
            | ChangeError::Record { .. }
            | ChangeError::Lists(_)
            | ChangeError::ListsDied
            | ChangeError::ReaderDied
            | ChangeError::CompilerDied => Self::internal("the change", &words),
        }
    }
}

impl From<crate::node::ReadError> for Problem {
    fn from(error: crate::node::ReadError) -> Self {
        Self::internal("reading the history", &error)
    }
}

impl From<crate::lists::ReadError> for Problem {
    fn from(error: crate::lists::ReadError) -> Self {
        Self::internal("reading the lists of the workspace", &error)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_route_is_documented() {
        let source = include_str!("api.rs");
        let document = include_str!("../docs/api.md");
        let (inside, outside) =
            source.split_once("    Router::new()\n        .route(\"/v1/workspaces\"").unwrap();
        let paths = |part: &str| -> Vec<String> {
            part.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
        };
        let below = paths(inside)
            .into_iter()
            .map(|path| format!("/v1/workspaces/{{ws}}{}", path.trim_end_matches('/')));
        let all: Vec<String> = below.chain(paths(outside)).collect();
        assert!(all.len() > 20, "{all:?}");
        for path in all.iter().filter(|path| path.starts_with('/')) {
            assert!(document.contains(&format!(" {path}` |")), "docs/api.md lacks {path}");
        }
    }
}
