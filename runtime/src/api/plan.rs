//! `POST …/rules/plan`: what a draft would do with the events that came last. Sends nothing.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::json;

use super::auth::InWorkspace;
use super::body::json_bytes;
use super::filter;
use super::problem::Problem;
use super::query::Query;
use super::rules::bundle;
use super::{Json, json_of};
use crate::limits::{BUNDLE_BODY_BYTES_MAX, PLAN_EVENTS_DEFAULT, PLAN_EVENTS_MAX, PLAN_TIME_MAX};
use crate::node::Cursor;
use crate::rules::compare::Differences;
use crate::server::Server;
use crate::workspace::publish::Tests;

/// Events that are compared at a time.
const PIECE_EVENTS: usize = 200;

/// `POST …/rules/plan`: a draft bundle against the last events; `last` says how many.
pub(super) async fn plan(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    mut query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Json, Problem> {
    let last = last(&mut query);
    let about = filter::about_event(&mut query);
    query.finish()?;
    let filter = about.filter(&server, &at.workspace).await?;
    let bundle = Arc::new(bundle(&json_bytes(&headers, body, BUNDLE_BODY_BYTES_MAX).await?)?);
    let draft = server.registry.compile(&at.workspace, bundle, Tests::Skip).await?;
    let live = at.workspace.live();
    let lists = at.workspace.lists.ready().await?;
    let _alone = at.workspace.bundle_turn().await;
    let mut found = Differences::default();
    let mut cursor = Cursor { before: None, limit: 0 };
    let began = Instant::now();
    let mut complete = true;
    while found.events < last as u64 {
        if began.elapsed() >= PLAN_TIME_MAX {
            complete = false;
            break;
        }
        cursor.limit = PIECE_EVENTS.min(last - usize::try_from(found.events).unwrap_or(last));
        let page = server.node.event_records(&at.workspace.id, &filter, &cursor).await?;
        let (items, next) = (page.items, page.next);
        let (live, draft, lists) = (live.clone(), Arc::clone(&draft), Arc::clone(&lists));
        let compared = tokio::task::spawn_blocking(move || {
            // Compiled here if they are text yet: this thread may block.
            let live = live.as_ref().and_then(|live| live.rules());
            for event in items.iter().filter_map(|record| record.owed().map(|owed| &owed.event)) {
                found.look_at(event, live.as_deref(), &draft, &*lists);
            }
            found
        });
        found = compared.await.map_err(|error| Problem::internal("comparing the rules", &error))?;
        let Some(next) = next else { break };
        cursor.before = Some(next);
    }
    Ok(Json::ok(json!({
        "live": at.workspace.live().map(|live| json!({ "id": live.id.as_str(), "number": live.number })),
        "complete": complete,
        "differences": json_of(&found)?,
        "diagnostics": draft.warnings.to_json(),
        "text": draft.warnings.text(),
    })))
}

fn last(query: &mut Query) -> usize {
    let Some(text) = query.text("last") else { return PLAN_EVENTS_DEFAULT };
    match text.parse::<usize>() {
        Ok(last) if (1..=PLAN_EVENTS_MAX).contains(&last) => last,
        _ => {
            query.wrong("last", format!("must be a number from 1 to {PLAN_EVENTS_MAX}"));
            PLAN_EVENTS_DEFAULT
        }
    }
}
