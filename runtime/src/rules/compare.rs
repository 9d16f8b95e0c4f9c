//! Two revisions over the same events: which deliveries one would add, leave out or change.

use std::collections::BTreeMap;
use std::sync::Arc;

use compiler::eval::Lists;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Decided, Owed, Rules};
use crate::model::EventRecord;
use crate::rules::condition::seen;

/// Examples of each kind that are kept of each rule.
const EXAMPLES_MAX: usize = 3;

/// Longer inputs are left out of examples.
const EXAMPLE_BYTES_MAX: usize = 16 << 10;

/// What is different, rule by rule.
#[derive(Debug, Default, Serialize)]
pub struct Differences {
    /// Events that were looked at.
    pub events: u64,
    /// Events for which something is different.
    pub events_changed: u64,
    /// Each rule that owes something in either of the two, by name.
    pub rules: BTreeMap<Arc<str>, RuleDifferences>,
}

/// What is different about one rule.
#[derive(Debug, Default, Serialize)]
pub struct RuleDifferences {
    /// Deliveries that only the draft makes.
    pub added: u64,
    /// Deliveries that only the live rules make.
    pub removed: u64,
    /// Deliveries with another connection, action, input or settings.
    pub changed: u64,
    /// Deliveries that stay as they are.
    pub same: u64,
    /// A few of each kind, newest first.
    pub examples: Vec<Example>,
}

/// One delivery that is different.
#[derive(Debug, Serialize)]
pub struct Example {
    /// What is different.
    pub kind: Difference,
    /// The event.
    pub event: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: Arc<str>,
    /// By the live rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Side>,
    /// By the draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Side>,
}

/// A delivery of an example.
#[derive(Debug, Serialize)]
pub struct Side {
    connection: Arc<str>,
    action: Arc<str>,
    /// Its input; without it, it is too long to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Arc<str>>,
}

/// What is different about a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Only the draft makes it.
    Added,
    /// Only the live rules make it.
    Removed,
    /// Both make it, differently.
    Changed,
}

impl Differences {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events_changed == 0
    }

    /// Decides an event by both, with the lists of one moment, and sends nothing. Without live rules everything is added.
    pub fn look_at(&mut self, event: &EventRecord, live: Option<&Rules>, draft: &Rules, lists: &dyn Lists) {
        // What is no JSON was not accepted in the first place.
        let decide = |rules: &Rules| rules.decide_interpreted(&seen(event), lists).unwrap_or_default();
        let before = live.map(decide).unwrap_or_default();
        let after = decide(draft);
        self.events += 1;
        let found = self.compare(event, &before, &after);
        self.events_changed += u64::from(found);
    }

    fn compare(&mut self, event: &EventRecord, before: &Decided, after: &Decided) -> bool {
        let mut old: BTreeMap<&str, &Owed> =
            before.deliveries.iter().map(|owed| (&*owed.key, owed)).collect();
        let mut found = false;
        for new in &after.deliveries {
            let known = old.remove(&*new.key);
            let kind = match known {
                None => Difference::Added,
                Some(old) if same(old, new) => {
                    self.rule(&new.rule).same += 1;
                    continue;
                }
                Some(_) => Difference::Changed,
            };
            found = true;
            self.rule(&new.rule).note(kind, event, known, Some(new));
        }
        for gone in old.into_values() {
            found = true;
            self.rule(&gone.rule).note(Difference::Removed, event, Some(gone), None);
        }
        found
    }

    fn rule(&mut self, name: &Arc<str>) -> &mut RuleDifferences {
        self.rules.entry(Arc::clone(name)).or_default()
    }
}

impl RuleDifferences {
    fn note(&mut self, kind: Difference, event: &EventRecord, before: Option<&Owed>, after: Option<&Owed>) {
        match kind {
            Difference::Added => self.added += 1,
            Difference::Removed => self.removed += 1,
            Difference::Changed => self.changed += 1,
        }
        if self.examples.iter().filter(|example| example.kind == kind).count() < EXAMPLES_MAX {
            self.examples.push(Example {
                kind,
                event: event.id.to_string(),
                event_type: Arc::clone(&event.kind),
                before: before.map(side),
                after: after.map(side),
            });
        }
    }
}

fn same(old: &Owed, new: &Owed) -> bool {
    let settings = |owed: &Owed| format!("{:?}", owed.settings);
    (&old.connection, &old.action, &old.input) == (&new.connection, &new.action, &new.input)
        && settings(old) == settings(new)
}

fn side(owed: &Owed) -> Side {
    let input = owed.input.as_ref().ok().filter(|input| input.len() <= EXAMPLE_BYTES_MAX);
    Side {
        connection: Arc::clone(&owed.connection),
        action: Arc::clone(&owed.action),
        input: input.and_then(|input| RawValue::from_string(input.to_string()).ok()),
        error: owed.input.as_ref().err().cloned(),
    }
}
