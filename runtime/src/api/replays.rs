//! `/v1/workspaces/{ws}/replays`: many deliveries again, by a filter.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::auth::InWorkspace;
use super::body::json_bytes;
use super::fields::Fields;
use super::filter;
use super::problem::{Kind, Problem};
use super::query::Query;
use super::{Json, page, uninterrupted};
use crate::id::ReplayId;
use crate::limits::{
    BODY_BYTES_MAX, ID_CHARS_MAX, REPLAY_RATE_DEFAULT, REPLAY_RATE_MAX, REPLAYS_KEPT_MAX, REPLAYS_RUNNING_MAX,
};
use crate::replay::{BeginError, Replays, Wanted, preview};
use crate::server::Server;
use crate::workspace::Workspace;
use crate::workspace::replay::{Progress, ReplayMode, ReplayRecord, ReplayState};

/// `GET …/replays`: newest first; at most [`REPLAYS_KEPT_MAX`] are kept.
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    let stored = server.registry.stored_replays(&at.workspace.id).await?;
    Ok(page(stored.iter().map(|record| shown(&server, record)).collect(), None))
}

/// `GET …/replays/{rpl}`.
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    Ok(Json::ok(shown(&server, &stored(&server, &at).await?)))
}

/// `DELETE …/replays/{rpl}`: ends it. What is owed by then stays owed.
pub(super) async fn cancel(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.finish()?;
    let record = stored(&server, &at).await?;
    if !server.replays.cancel(&record.workspace, &record.id) {
        return Err(Problem::new(Kind::Conflict, format!("the replay `{}` has ended already", record.id)));
    }
    Ok(StatusCode::ACCEPTED)
}

async fn stored(server: &Server, at: &InWorkspace) -> Result<ReplayRecord, Problem> {
    let id = at.param("rpl");
    let found = server.registry.stored_replays(&at.workspace.id).await?;
    let found = found.into_iter().find(|record| record.id.as_str() == id);
    found.ok_or_else(|| Problem::not_found("replay", id))
}

/// `POST …/replays`: begins one, or with `preview` says how many it would find.
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Json, Problem> {
    query.finish()?;
    let body = json_bytes(&headers, body, BODY_BYTES_MAX).await?;
    let asked = Asked::read(&body)?;
    let wanted = wanted(&server, &at.workspace, asked.filter.clone(), Timestamp::now()).await?;
    if asked.preview {
        let found = preview(&server.node, &at.workspace.id, &wanted, asked.mode).await?;
        let document = json!({ "preview": true, "mode": asked.mode, "matched": found.matched, "complete": found.complete });
        return Ok(Json::ok(document));
    }
    let record = ReplayRecord {
        id: asked.id.map_or_else(ReplayId::fresh, |id| ReplayId::from_text(&id)),
        workspace: at.workspace.id.clone(),
        created_at: Timestamp::now(),
        mode: asked.mode,
        rate: asked.rate,
        filter: asked.filter,
        progress: Progress::default(),
    };
    let known = server.registry.stored_replays(&record.workspace).await?;
    if let Some(same) = known.iter().find(|one| one.id == record.id) {
        if (same.mode, &same.filter) != (record.mode, &record.filter) {
            let detail = format!("the replay `{}` was asked for with another filter or mode", record.id);
            return Err(Problem::new(Kind::Conflict, detail));
        }
        return Ok(Json::ok(shown(&server, same)));
    }
    let ended = known.iter().filter(|one| one.progress.state != ReplayState::Running);
    for old in ended.skip(REPLAYS_KEPT_MAX - 1) {
        server.registry.forget_replay(old).await?;
    }
    let answer = shown(&server, &record);
    uninterrupted(async move { Replays::begin(&server, at.workspace, record, wanted).await }).await?;
    Ok(Json::accepted(answer))
}

/// What a request asks for.
struct Asked {
    id: Option<String>,
    mode: ReplayMode,
    rate: u32,
    preview: bool,
    filter: Map<String, Value>,
}

impl Asked {
    fn read(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::of_body(body)?;
        let id = fields.text("id", ID_CHARS_MAX);
        let is_id =
            |id: &String| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if id.as_ref().is_some_and(|id| !is_id(id)) {
            fields.wrong::<()>("id", "may hold letters, digits, `_` and `-`".to_owned());
        }
        let mode = match fields.text("mode", ID_CHARS_MAX).as_deref() {
            None | Some("recorded") => ReplayMode::Recorded,
            Some("rematch") => ReplayMode::Rematch,
            Some(_) => {
                fields.wrong::<()>("mode", "must be `recorded` or `rematch`".to_owned());
                ReplayMode::Recorded
            }
        };
        let rate = match fields.value("rate").map(|rate| rate.as_u64()) {
            None => REPLAY_RATE_DEFAULT,
            Some(rate) => rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(0),
        };
        if !(1..=REPLAY_RATE_MAX).contains(&rate) {
            fields.wrong::<()>("rate", format!("must be a number from 1 to {REPLAY_RATE_MAX}"));
        }
        let preview = fields.flag("preview").unwrap_or(false);
        let filter = match fields.value("filter") {
            Some(Value::Object(filter)) if !filter.is_empty() => filter,
            _ => {
                let detail = "must be an object with at least one of the names that lists are filtered by";
                fields.wrong::<()>("filter", detail.to_owned());
                Map::new()
            }
        };
        fields.finish()?;
        Ok(Self { id, mode, rate, preview, filter })
    }
}

/// What the filter of a replay means now.
pub(crate) async fn wanted(
    server: &Server,
    workspace: &Workspace,
    filter: Map<String, Value>,
    begun_at: Timestamp,
) -> Result<Wanted, Problem> {
    let mut fields = Fields::of_object("/filter".to_owned(), filter);
    let about = filter::about_event(&mut fields);
    let state = filter::state(&mut fields);
    let event = filter::event_id(&mut fields, "event");
    let asked = filter::AboutDelivery { state, event, ..filter::about_delivery(&mut fields) };
    fields.finish()?;
    let only_events = asked.is_only_an_event();
    let mut deliveries = filter::deliveries(about, asked, server, workspace).await?;
    // What it owes itself is younger.
    let before = deliveries.time.before.map_or(begun_at, |before| before.min(begun_at));
    deliveries.time.before = Some(before);
    Ok(Wanted { deliveries, only_events })
}

/// Goes on with the replays that a stop interrupted.
pub(crate) async fn resume(server: Arc<Server>) {
    let stored = match server.registry.running_replays().await {
        Ok(stored) => stored,
        Err(error) => return tracing::error!(%error, "replays cannot be read, so none goes on"),
    };
    for mut record in stored {
        let Some(workspace) = server.registry.workspace(&record.workspace) else { continue };
        let begun = match wanted(&server, &workspace, record.filter.clone(), record.created_at).await {
            Ok(wanted) => {
                Replays::begin(&server, workspace, record.clone(), wanted).await.map_err(Problem::from)
            }
            Err(problem) => Err(problem),
        };
        if let Err(problem) = begun {
            let because = problem.to_json().get("detail").map(ToString::to_string).unwrap_or_default();
            record.progress.because = Some(because.into());
            record.progress.state = ReplayState::Failed;
            if let Err(error) = server.registry.store_replay(&record).await {
                tracing::error!(replay = %record.id, %error, "a replay cannot go on");
            }
        }
    }
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::TooMany => Self::new(Kind::LimitReached, error.to_string())
                .with("limit", "replays_running_max".into())
                .with("max", REPLAYS_RUNNING_MAX.into()),
            BeginError::Store(error) => error.into(),
        }
    }
}

fn shown(server: &Server, stored: &ReplayRecord) -> Value {
    let running = server.replays.now(&stored.workspace, &stored.id);
    let record = running.as_ref().unwrap_or(stored);
    let progress = &record.progress;
    json!({
        "id": record.id.as_str(),
        "created_at": record.created_at.to_string(),
        "mode": record.mode,
        "rate": record.rate,
        "filter": record.filter,
        "state": progress.state,
        "matched": progress.matched,
        "replayed": progress.replayed,
        "repeated": progress.repeated,
        "not_settled": progress.not_settled,
        "because": progress.because.as_deref(),
        "ended_at": progress.ended_at.map(|at| at.to_string()),
    })
}
