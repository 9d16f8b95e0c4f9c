//! A condition of the rule language on its own: which recorded events are wanted.

use std::fmt;

use compiler::eval::{Facts, NoLists};
use compiler::event::Event;
use compiler::matcher::{Interpreter, Matcher, Matches};
use compiler::plan::{Plan, plan};
use compiler::slots::Slots;
use compiler::world::{Bundle, BundleFile, World};
use grammar::ast::ItemKind;
use grammar::diagnostic::{Code, Edit, Label};
use grammar::{Diagnostic, Diagnostics, Source, SourceId, Span};

use super::{Messages, Refused};
use crate::model::EventRecord;

/// What messages call the text.
const NAME: &str = "condition";

/// Which events are wanted: a pattern of types, a condition over envelope and payload, or both.
pub struct Condition {
    plan: Plan,
    text: Box<str>,
}

impl Condition {
    /// Compiles what stands after `on` and after `when` in a rule. Without a pattern all types are meant;
    /// without a condition all events of these types.
    ///
    /// # Errors
    /// The messages of the language, with places in the condition's own text.
    pub fn compile(pattern: Option<&str>, condition: Option<&str>, world: &World) -> Result<Self, Refused> {
        let head = format!("edition 2026\nrule found {{\non {}\n", pattern.unwrap_or("**"));
        // In parentheses, so that what is missing at its end is missed before the rule's own text.
        let (head, tail) = if condition.is_some() { (head + "when (\n", "\n)") } else { (head, "") };
        let written = condition.unwrap_or_default();
        let text: Box<str> = format!("{head}{written}{tail}\nignore \"found\"\n}}\n").into();
        let file = BundleFile { path: "condition.route".into(), text: text.clone() };
        let checked = compiler::check(&Bundle { files: vec![file] }, world);
        let source = || Source::new(SourceId(0), NAME, written);
        if checked.diagnostics.has_errors() {
            let moved = checked.diagnostics.into_iter().map(|one| moved(one, head.len(), written.len()));
            let mut diagnostics = Diagnostics::default();
            diagnostics.extend(moved);
            return Err(Messages { diagnostics, sources: vec![source()] });
        }
        if !is_one_condition(&Source::new(SourceId(0), NAME, text.clone())) {
            let title = "one condition is wanted, such as `payload.total > 10`";
            let whole = Span::new(SourceId(0), 0, written.len());
            let mut diagnostics = Diagnostics::default();
            diagnostics.push(Diagnostic::error(Code::E0101, title).at(whole, "this is more than one"));
            return Err(Messages { diagnostics, sources: vec![source()] });
        }
        Ok(Self { plan: plan(checked.program), text })
    }

    /// Whether it holds for an event. What cannot be decided does not.
    #[must_use]
    pub fn holds(&self, event: &EventRecord) -> bool {
        let event = seen(event);
        let Ok(slots) = Slots::new(&self.plan, event.payload) else { return false };
        let facts = Facts { plan: &self.plan, event: &event, slots: &slots, lists: &NoLists };
        let mut matches = Matches::default();
        Interpreter.matches(&facts, &mut matches);
        !matches.rules.is_empty()
    }
}

/// Whether nothing but the condition was put into the rule: `x } rule other { …` would be two rules, and
/// `x let …` more than a condition.
fn is_one_condition(source: &Source) -> bool {
    let file = grammar::parse(source).file;
    let [item] = file.items.as_slice() else { return false };
    let ItemKind::Rule(rule) = &item.kind else { return false };
    let free = rule.lets.is_empty() && rule.with.is_none() && rule.guard.unless.is_none();
    free && rule.only.is_empty()
        && rule.resource.is_none()
        && rule.resource_id.is_none()
        && rule.body.len() == 1
}

/// A recorded event as rules see it.
#[must_use]
pub fn seen(event: &EventRecord) -> Event<'_> {
    Event {
        id: event.id.as_str(),
        kind: &event.kind,
        resource: event.resource.as_deref(),
        resource_id: event.resource_id.as_deref(),
        time: event.time,
        received_at: event.received_at,
        payload: &event.payload,
    }
}

/// A message with its places in the condition alone.
fn moved(mut one: Diagnostic, by: usize, bytes: usize) -> Diagnostic {
    let to = |span: Span| {
        let within = |at: u32| (at as usize).saturating_sub(by).min(bytes);
        Span::new(SourceId(0), within(span.start), within(span.end))
    };
    one.labels = one.labels.into_iter().map(|label| Label { span: to(label.span), ..label }).collect();
    for fix in &mut one.fixes {
        let edits = std::mem::take(&mut fix.edits).into_iter();
        fix.edits = edits.map(|edit| Edit { span: to(edit.span), ..edit }).collect();
    }
    one
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::id::{EventId, WorkspaceId};

    fn event(kind: &str, resource_id: Option<&str>, payload: &str) -> EventRecord {
        EventRecord {
            id: EventId::from_text("evt_1"),
            workspace: WorkspaceId::from_text("ws_1"),
            kind: kind.into(),
            resource: None,
            resource_id: resource_id.map(Into::into),
            time: Timestamp::UNIX_EPOCH,
            received_at: Timestamp::UNIX_EPOCH,
            revision: None,
            rules: vec![],
            attributes: None,
            trace_context: None,
            payload: payload.as_bytes().into(),
        }
    }

    fn compiled(pattern: Option<&str>, condition: Option<&str>) -> Result<Condition, Refused> {
        Condition::compile(pattern, condition, &World::offline(None))
    }

    #[test]
    fn conditions_choose_events_by_payload_and_envelope() {
        let paid = event("order.paid", Some("cust_1"), r#"{"amount":101,"to":{"city":"Bern"}}"#);
        for (pattern, condition, holds) in [
            (None, Some("payload.amount > 100"), true),
            (None, Some("payload.amount > 101"), false),
            (None, Some("payload.to.city is \"Bern\" and event.type is \"order.paid\""), true),
            (None, Some("event.resource_id is \"cust_1\""), true),
            (None, Some("payload.none is present"), false),
            (Some("order.*"), None, true),
            (Some("*.sent"), None, false),
            (Some("order.*"), Some("payload.amount is 101"), true),
            (None, None, true),
        ] {
            let found = compiled(pattern, condition).unwrap().holds(&paid);
            assert_eq!(found, holds, "{pattern:?} {condition:?}");
        }
        assert!(!compiled(None, Some("payload.amount > 1")).unwrap().holds(&event("x", None, "not JSON")));
    }

    #[test]
    fn mistakes_are_told_with_places_in_the_condition() {
        for (condition, place, words) in [
            ("resource is \"x\"", "condition:1:1", "nothing is called `resource` here"),
            ("payload.amount >", "condition:1:17", ""),
            ("payload.a > 1 } rule b { on ** ignore \"x\"", "condition:1:1", ""),
            ("payload.a > 1 let x = 2", "condition:1:15", ""),
            ("payload.a > 1) let x = (payload.b", "condition:1:", ""),
            ("", "condition:1:1", ""),
        ] {
            let text = compiled(None, Some(condition)).unwrap_err().text();
            assert!(text.contains(place) && text.contains(words), "{condition}: {text}");
        }
    }
}
