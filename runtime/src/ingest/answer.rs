//! What is told about an event that was accepted.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::id::{DeliveryId, EventId, WorkspaceId};
use crate::model::{DeliveryRecord, SkipReason, State};
use crate::node::{Accepted, DeliveryView, NewEvent, Node};

/// What every accepted event's durability is called, in the body and in the header of that name.
pub const DURABILITY: &str = "fsync";

/// An event that is durable, and what is owed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its id.
    pub id: EventId,
    /// The rules that matched.
    pub rules: Arc<[Arc<str>]>,
    /// What is owed.
    pub deliveries: Vec<Owed>,
    /// It was there already; this is the first one's answer.
    pub repeated: bool,
}

/// One delivery of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Its id.
    pub id: DeliveryId,
    /// The rule.
    pub rule: Arc<str>,
    /// The connection's name.
    pub connection: Arc<str>,
    /// The action.
    pub action: Arc<str>,
    /// Why it is not sent.
    pub skipped: Option<SkipReason>,
}

impl Answered {
    /// The answer for an event that is about to be kept.
    #[must_use]
    pub fn of_new(new: &NewEvent) -> Self {
        let deliveries = new.deliveries.iter().map(Owed::of_record).collect();
        Self { id: new.event.id.clone(), rules: new.event.rules.clone().into(), deliveries, repeated: false }
    }

    /// The same with what the gates have skipped since.
    #[must_use]
    pub fn skipping(mut self, skipped: &[(DeliveryId, SkipReason)]) -> Self {
        for owed in &mut self.deliveries {
            let found = skipped.iter().find(|(id, _)| *id == owed.id);
            owed.skipped = found.map(|(_, reason)| *reason).or(owed.skipped);
        }
        self
    }

    /// The answer for an event that was kept before.
    #[must_use]
    pub fn of_repeated(node: &Node, workspace: &WorkspaceId, kept: &Accepted) -> Self {
        let views = kept.deliveries.iter().filter_map(|id| node.delivery(workspace, id));
        let rules = node.event(workspace, &kept.event).map(|event| event.rules);
        Self {
            id: kept.event.clone(),
            rules: rules.unwrap_or_default(),
            deliveries: views.map(|view| Owed::of_view(&view)).collect(),
            repeated: true,
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self.shown()).unwrap_or_default()
    }

    /// As the text of that, written at once.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(&self.shown()).unwrap_or_default()
    }

    fn shown(&self) -> Shown<'_> {
        let deliveries = self.deliveries.iter().map(|owed| ShownDelivery {
            id: owed.id.as_str(),
            rule: &owed.rule,
            connection: &owed.connection,
            action: &owed.action,
            skipped: owed.skipped,
        });
        Shown {
            id: self.id.as_str(),
            durability: DURABILITY,
            rules: &self.rules,
            deliveries: deliveries.collect(),
            repeated: self.repeated,
        }
    }
}

/// What a client sees. Texts and lists only: it always has a JSON form.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    durability: &'static str,
    rules: &'a [Arc<str>],
    deliveries: Vec<ShownDelivery<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    repeated: bool,
}

#[derive(Serialize)]
struct ShownDelivery<'a> {
    id: &'a str,
    rule: &'a str,
    connection: &'a str,
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<SkipReason>,
}

impl Owed {
    fn of_record(record: &DeliveryRecord) -> Self {
        Self {
            id: record.id.clone(),
            rule: Arc::clone(&record.rule),
            connection: Arc::clone(&record.connection_name),
            action: Arc::clone(&record.action),
            skipped: record.skipped,
        }
    }

    fn of_view(view: &DeliveryView) -> Self {
        Self {
            id: view.id.clone(),
            rule: Arc::clone(&view.rule),
            connection: Arc::clone(&view.connection_name),
            action: Arc::clone(&view.action),
            skipped: match view.state {
                State::Skipped { reason } => Some(reason),
                _ => None,
            },
        }
    }
}
