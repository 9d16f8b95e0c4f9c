//! Which events or deliveries are meant, from a query or from a body: the same names in both.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::connections::named_in_query;
use super::fields::Fields;
use super::problem::{Kind, Problem};
use super::query::Query;
use crate::id::{EventId, RevisionId};
use crate::limits::{CONDITION_CHARS_MAX, EVENT_ID_CHARS_MAX, RESOURCE_CHARS_MAX};
use crate::model::Outcome;
use crate::node::query::{StateKind, TimeRange};
use crate::node::{DeliveryFilter, EventFilter};
use crate::rules::condition::Condition;
use crate::server::Server;
use crate::workspace::Workspace;

/// Where the words of a filter stand.
pub(super) trait Words {
    /// Takes one.
    fn word(&mut self, name: &'static str, chars_max: usize) -> Option<String>;
    /// Notes a mistake.
    fn mistake(&mut self, name: &'static str, detail: String);
}

impl Words for Query {
    fn word(&mut self, name: &'static str, chars_max: usize) -> Option<String> {
        let text = self.text(name)?;
        if text.is_empty() || text.chars().count() > chars_max {
            self.wrong(name, format!("must have 1 to {chars_max} characters"));
            return None;
        }
        Some(text)
    }

    fn mistake(&mut self, name: &'static str, detail: String) {
        self.wrong(name, detail);
    }
}

impl Words for Fields {
    fn word(&mut self, name: &'static str, chars_max: usize) -> Option<String> {
        self.text(name, chars_max)
    }

    fn mistake(&mut self, name: &'static str, detail: String) {
        self.wrong::<()>(name, detail);
    }
}

/// What an event is asked, not looked up yet.
#[derive(Default)]
pub(super) struct AboutEvent {
    kind: Option<String>,
    resource: Option<String>,
    resource_id: Option<String>,
    revision: Option<String>,
    time: TimeRange,
    condition: Option<String>,
}

/// What a delivery is asked, not looked up yet.
#[derive(Default)]
pub(super) struct AboutDelivery {
    /// Its event.
    pub event: Option<EventId>,
    /// Its connection, by name or id.
    pub connection: Option<String>,
    /// The rule that owes it.
    pub rule: Option<String>,
    /// In that kind of state.
    pub state: Option<StateKind>,
    /// What its last attempt came to.
    pub outcome: Option<Outcome>,
}

impl AboutDelivery {
    /// Whether it asks nothing of deliveries but of which event they are.
    pub(super) fn is_only_an_event(&self) -> bool {
        let Self { event: _, connection, rule, state, outcome } = self;
        connection.is_none() && rule.is_none() && state.is_none() && outcome.is_none()
    }
}

/// Takes what is asked of events: `type`, `resource`, `resource_id`, `revision`, `after`, `before`, `where`.
pub(super) fn about_event(words: &mut impl Words) -> AboutEvent {
    let kind = words.word("type", RESOURCE_CHARS_MAX);
    // The pattern goes into a rule, where it must stay a pattern.
    let is_pattern = |kind: &String| {
        kind.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.' | '*'))
    };
    if kind.as_ref().is_some_and(|kind| !is_pattern(kind)) {
        words.mistake(
            "type",
            "must be a type such as `order.paid`, or a pattern such as `order.*`".to_owned(),
        );
    }
    AboutEvent {
        kind,
        resource: words.word("resource", RESOURCE_CHARS_MAX),
        resource_id: words.word("resource_id", RESOURCE_CHARS_MAX),
        revision: words.word("revision", EVENT_ID_CHARS_MAX),
        time: TimeRange { after: time(words, "after"), before: time(words, "before") },
        condition: words.word("where", CONDITION_CHARS_MAX),
    }
}

/// Takes what is asked of deliveries: `connection`, `rule`, `outcome`.
pub(super) fn about_delivery(words: &mut impl Words) -> AboutDelivery {
    let outcome = words.word("outcome", EVENT_ID_CHARS_MAX);
    let outcome = outcome.and_then(|word| match serde_json::from_value::<Outcome>(Value::from(word)) {
        Ok(outcome) => Some(outcome),
        Err(error) => {
            words.mistake("outcome", error.to_string());
            None
        }
    });
    AboutDelivery {
        connection: words.word("connection", EVENT_ID_CHARS_MAX),
        rule: words.word("rule", RESOURCE_CHARS_MAX),
        outcome,
        ..AboutDelivery::default()
    }
}

/// Takes `state`.
pub(super) fn state(words: &mut impl Words) -> Option<StateKind> {
    let word = words.word("state", EVENT_ID_CHARS_MAX)?;
    let found = StateKind::ALL.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
    if found.is_none() {
        let known: Vec<&str> = StateKind::ALL.iter().map(|(word, _)| *word).collect();
        words.mistake("state", format!("must be one of: {}", known.join(", ")));
    }
    found
}

/// Takes `event`.
pub(super) fn event_id(words: &mut impl Words, name: &'static str) -> Option<EventId> {
    words.word(name, EVENT_ID_CHARS_MAX).map(|id| EventId::from_text(&id))
}

fn time(words: &mut impl Words, name: &'static str) -> Option<Timestamp> {
    let word = words.word(name, EVENT_ID_CHARS_MAX)?;
    match word.parse() {
        Ok(at) => Some(at),
        Err(_) => {
            words.mistake(name, "must be a time such as 2026-03-01T09:00:00Z".to_owned());
            None
        }
    }
}

impl AboutEvent {
    /// What it means in a workspace.
    ///
    /// # Errors
    /// There is no such revision, or the condition has mistakes.
    pub(super) async fn filter(self, server: &Server, workspace: &Workspace) -> Result<EventFilter, Problem> {
        let pattern = self.kind.as_deref().filter(|kind| kind.contains('*'));
        let condition = match (pattern, self.condition.as_deref()) {
            (None, None) => None,
            (pattern, condition) => {
                let compiled = Condition::compile(pattern, condition, &workspace.world());
                Some(Arc::new(compiled.map_err(|refused| {
                    Problem::new(Kind::ConditionRefused, refused.verdict())
                        .with("diagnostics", refused.to_json())
                        .with("text", refused.text().into())
                })?))
            }
        };
        let kind = self.kind.filter(|kind| !kind.contains('*')).map(Into::into);
        Ok(EventFilter {
            id: None,
            kind,
            resource: self.resource.map(Into::into),
            resource_id: self.resource_id.map(Into::into),
            revision: revision(server, workspace, self.revision.as_deref()).await?,
            time: self.time,
            condition,
        })
    }
}

/// A revision by its number or its id.
async fn revision(
    server: &Server,
    workspace: &Workspace,
    named: Option<&str>,
) -> Result<Option<RevisionId>, Problem> {
    let Some(named) = named else { return Ok(None) };
    match named.parse() {
        Ok(number) => Ok(Some(server.registry.revision_record(workspace, number).await?.id)),
        Err(_) => Ok(Some(RevisionId::from_text(named))),
    }
}

/// Both together: what deliveries are wanted.
///
/// # Errors
/// There is no such connection or revision, or the condition has mistakes.
pub(super) async fn deliveries(
    event: AboutEvent,
    delivery: AboutDelivery,
    server: &Server,
    workspace: &Workspace,
) -> Result<DeliveryFilter, Problem> {
    let EventFilter { kind, resource, resource_id, revision, time, condition, .. } =
        event.filter(server, workspace).await?;
    Ok(DeliveryFilter {
        event: delivery.event,
        connection: delivery.connection.map(|named| named_in_query(workspace, &named)).transpose()?,
        rule: delivery.rule.map(Into::into),
        state: delivery.state,
        outcome: delivery.outcome,
        kind,
        resource,
        resource_id,
        revision,
        time,
        condition,
    })
}
