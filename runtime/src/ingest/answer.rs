//! What is told about an event that was accepted.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::id::{DeliveryId, EventId, WorkspaceId};
use crate::model::{DeliveryRecord, SkipReason};
use crate::node::{Accepted, NewEvent, Node};
use crate::record::Record;

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
    ///
    /// What has left the history meanwhile is left out.
    pub async fn of_repeated(node: &Node, workspace: &WorkspaceId, kept: &Accepted) -> Self {
        let record = node.event_record(workspace, &kept.event).await.ok().flatten();
        let owed = record.as_deref().and_then(Record::owed);
        let deliveries = owed.map(|owed| owed.deliveries.iter().map(Owed::of_record).collect());
        let rules = owed.map(|owed| owed.event.rules.clone().into());
        Self {
            id: kept.event.clone(),
            rules: rules.unwrap_or_default(),
            deliveries: deliveries.unwrap_or_default(),
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
}
