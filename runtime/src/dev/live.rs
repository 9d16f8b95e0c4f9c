//! One line for each attempt, as it happens.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use crate::model::{AttemptRecord, State};
use crate::node::{DeliveryView, Feed, Node};
use crate::out::{harmless, painted, say};

/// Prints until the node is gone.
pub(super) async fn print(node: Arc<Node>) {
    let mut feed = node.subscribe();
    loop {
        match feed.recv().await {
            Ok(Feed::Attempt { delivery, attempt }) => say(&line(&node, &delivery, &attempt).await),
            Ok(Feed::Settled(delivery)) => say(&settled(&delivery)),
            Ok(Feed::Event(_) | Feed::Started { .. }) => {}
            Err(RecvError::Lagged(lines)) => say(&format!("  … {lines} lines left out")),
            Err(RecvError::Closed) => return,
        }
    }
}

async fn line(node: &Node, delivery: &DeliveryView, attempt: &AttemptRecord) -> String {
    let time = attempt.started_at.strftime("%H:%M:%S%.3fZ").to_string();
    let event = node.event(&delivery.workspace, &delivery.event).await.ok().flatten();
    let kind = event.map_or_else(|| delivery.event.to_string(), |event| event.kind.to_string());
    let millis = attempt.took_micros as f64 / 1_000.0;
    let result = match (attempt.status, &attempt.error) {
        (Some(status), None) => status.to_string(),
        (Some(status), Some(error)) => format!("{status} {error}"),
        (None, Some(error)) => error.to_string(),
        (None, None) => format!("{:?}", attempt.outcome),
    };
    let good = matches!(delivery.state, State::Delivered);
    let result = painted(&harmless(&result), if good { "32" } else { "31" });
    let path = format!("{} → {}.{}", delivery.rule, delivery.connection_name, delivery.action);
    let nth = if attempt.number > 1 { format!(", attempt {}", attempt.number) } else { String::new() };
    format!("{time}  {kind:<38} {path:<42} {result}  {millis:.1} ms{nth}")
}

fn settled(delivery: &DeliveryView) -> String {
    let state = match &delivery.state {
        State::DeadLetter { reason } => format!("dead letter: {reason:?}"),
        other => format!("{other:?}"),
    };
    let path = format!("{} → {}.{}", delivery.rule, delivery.connection_name, delivery.action);
    format!("{:<14}{:<38} {path:<42} {}", "", delivery.event.as_str(), painted(&state, "31"))
}
