//! What is told about an event that was accepted.

use std::sync::Arc;

use serde_json::{Value, json};

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
