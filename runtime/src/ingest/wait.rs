//! `Prefer: wait=N` (RFC 7240): the answer comes when every delivery is settled, or after N seconds.
//!
//! For tests and for trying things out. Whoever waits asks again and again, more and more slowly: a signal for
//! each delivery would cost every event of the node something, for the sake of a few.

use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::answer::Answered;
use crate::api::json_of;
use crate::id::{DeliveryId, WorkspaceId};
use crate::limits::{WAIT_MAX, WAITING_REQUESTS_MAX};
use crate::node::Node;

/// The first pause between two looks.
const PAUSE_FIRST: Duration = Duration::from_millis(2);

/// The longest pause between two looks.
const PAUSE_MAX: Duration = Duration::from_millis(100);

static PLACES: Semaphore = Semaphore::const_new(WAITING_REQUESTS_MAX);

/// A request that waits for its deliveries.
pub struct Wait {
    seconds: u64,
    until: Instant,
    _place: SemaphorePermit<'static>,
}

impl Wait {
    /// What a request asks for, if it asks and there is a place. A preference that cannot be met is ignored,
    /// as the RFC says.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let asked = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let seconds = asked.flat_map(|value| value.split([',', ';'])).find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("wait").then(|| value.parse::<u64>().ok())?
        })?;
        let seconds = seconds.min(WAIT_MAX.as_secs());
        let place = PLACES.try_acquire().ok()?;
        Some(Self { seconds, until: Instant::now() + Duration::from_secs(seconds), _place: place })
    }

    /// The value of `Preference-Applied`.
    #[must_use]
    pub fn applied(&self) -> String {
        format!("wait={}", self.seconds)
    }

    /// Waits, and gives the answers with what came of the deliveries.
    pub async fn answers(&self, node: &Node, of: &[(&WorkspaceId, &Answered)]) -> Vec<Value> {
        let mut open: Vec<(&WorkspaceId, &DeliveryId)> = of
            .iter()
            .flat_map(|(workspace, answered)| answered.deliveries.iter().map(|owed| (*workspace, &owed.id)))
            .collect();
        let mut pause = PAUSE_FIRST;
        loop {
            // One that is open is enough to wait for, so the others need not be asked about.
            while let Some((workspace, id)) = open.last()
                && is_settled(node, workspace, id).await
            {
                open.pop();
            }
            let now = Instant::now();
            if open.is_empty() || now >= self.until {
                break;
            }
            tokio::time::sleep(pause.min(self.until - now)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        let mut answers = Vec::with_capacity(of.len());
        for (workspace, answered) in of {
            answers.push(with_states(node, workspace, answered).await);
        }
        answers
    }
}

/// Whether nothing follows of a delivery any more. One that has left the history is settled.
async fn is_settled(node: &Node, workspace: &WorkspaceId, id: &DeliveryId) -> bool {
    let found = node.delivery(workspace, id).await;
    found.is_ok_and(|view| view.is_none_or(|view| view.state.is_settled()))
}

/// An answer in which every delivery says where it stands.
async fn with_states(node: &Node, workspace: &WorkspaceId, answered: &Answered) -> Value {
    let mut answer = answered.to_json();
    let mut settled = true;
    let shown = answer.get_mut("deliveries").and_then(Value::as_array_mut).into_iter().flatten();
    for (shown, owed) in shown.zip(&answered.deliveries) {
        let view = match node.delivery(workspace, &owed.id).await {
            Ok(Some(view)) => view,
            Ok(None) => continue,
            Err(_) => {
                settled = false;
                continue;
            }
        };
        settled &= view.state.is_settled();
        let Some(shown) = shown.as_object_mut() else { continue };
        if let Ok(Value::Object(state)) = json_of(&view.state) {
            shown.extend(state);
        }
        shown.insert("attempts".to_owned(), view.attempts.into());
    }
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("settled".to_owned(), settled.into());
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_read_wherever_it_stands() {
        let rows = [
            ("wait=5", Some(5)),
            ("respond-async, wait=10", Some(10)),
            ("handling=lenient; x=y, Wait = \"3\"", Some(3)),
            ("wait=100000", Some(WAIT_MAX.as_secs())),
            ("wait", None),
            ("wait=soon", None),
            ("return=minimal", None),
        ];
        for (value, seconds) in rows {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", value.parse().unwrap());
            assert_eq!(Wait::of(&headers).map(|wait| wait.seconds), seconds, "{value}");
        }
        assert!(Wait::of(&HeaderMap::new()).is_none());
    }
}
