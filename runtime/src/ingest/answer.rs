//! What is told about an event that was accepted.

use std::sync::Arc;

use serde_json::{Value, json};

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
        let deliveries = self.deliveries.iter().map(|owed| {
            let mut one = json!({
                "id": owed.id.as_str(), "rule": &*owed.rule, "connection": &*owed.connection, "action": &*owed.action,
            });
            if let Some(reason) = owed.skipped
                && let (Some(one), Ok(reason)) = (one.as_object_mut(), serde_json::to_value(reason))
            {
                one.insert("skipped".to_owned(), reason);
            }
            one
        });
        let rules: Vec<&str> = self.rules.iter().map(|rule| &**rule).collect();
        let mut answer = json!({
            "id": self.id.as_str(),
            "durability": DURABILITY,
            "rules": rules,
            "deliveries": deliveries.collect::<Vec<_>>(),
        });
        if self.repeated
            && let Some(answer) = answer.as_object_mut()
        {
            answer.insert("repeated".to_owned(), true.into());
        }
        answer
    }
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
