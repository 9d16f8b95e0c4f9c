//! Whether what a test expects has come about.

use grammar::ast::ExpectCount;
use grammar::{Diagnostic, Span};

use super::explain;
use super::run::{Sent, Simulation};
use crate::eval::Frame;
use crate::hir::{Comparison, CondKind, ExpectedField, Expr, TestStepKind};
use crate::json;
use crate::messages::failures;
use crate::value::Value;

/// Why an expectation does not hold; `None` when it does.
pub(super) fn failure(
    simulation: &mut Simulation<'_>,
    step: &TestStepKind,
    span: Span,
) -> Option<Diagnostic> {
    match step {
        TestStepKind::Given { .. } | TestStepKind::After(_) => None,
        TestStepKind::ExpectNothing => {
            let all: Vec<&Sent> = simulation.sent.iter().collect();
            (!all.is_empty()).then(|| failures::sent_after_all(&simulation.test.title, span, &shown(&all)))
        }
        TestStepKind::ExpectNothingElse => {
            let rest: Vec<&Sent> = simulation.sent.iter().filter(|sent| !sent.expected).collect();
            (!rest.is_empty()).then(|| failures::sent_besides(&simulation.test.title, span, &shown(&rest)))
        }
        TestStepKind::ExpectRule { rule, matched, place } => {
            if simulation.matched.contains(rule) == *matched {
                return None;
            }
            Some(explain::other_answer(simulation, rule, *matched, *place))
        }
        TestStepKind::ExpectDelivery { count, connection, action, place, fields } => {
            let to = To { connection, action, place: *place };
            deliveries(simulation, *count, &to, fields)
        }
    }
}

/// Where an expected delivery goes.
pub(super) struct To<'t> {
    pub(super) connection: &'t str,
    pub(super) action: &'t str,
    pub(super) place: Span,
}

/// What was sent, for messages: the rule, the target, the input and where it is written.
pub(super) fn shown<'s>(sent: &[&'s Sent]) -> Vec<failures::Shown<'s>> {
    let one = |sent: &&'s Sent| failures::Shown {
        rule: &sent.delivery.rule,
        connection: &sent.delivery.connection,
        action: &sent.delivery.action,
        input: sent.delivery.input.as_deref().unwrap_or_default(),
        span: sent.delivery.span,
    };
    sent.iter().map(one).collect()
}

fn deliveries(
    simulation: &mut Simulation<'_>,
    count: ExpectCount,
    to: &To<'_>,
    fields: &[ExpectedField],
) -> Option<Diagnostic> {
    let goes_there =
        |sent: &Sent| *sent.delivery.connection == *to.connection && *sent.delivery.action == *to.action;
    let candidates: Vec<usize> =
        (0..simulation.sent.len()).filter(|&at| simulation.sent.get(at).is_some_and(goes_there)).collect();
    // Per delivery the fields that do not fit, with what they are.
    let misfits: Vec<(usize, Vec<Misfit<'_>>)> =
        candidates.iter().map(|&at| (at, misfits(simulation, at, fields))).collect();
    let fitting: Vec<usize> =
        misfits.iter().filter(|(_, misfits)| misfits.is_empty()).map(|(at, _)| *at).collect();
    let holds = match count {
        ExpectCount::AtLeastOne => !fitting.is_empty(),
        ExpectCount::None => fitting.is_empty(),
        ExpectCount::Exactly(count) => fitting.len() as u64 == count,
    };
    if holds {
        for &at in &fitting {
            simulation.sent.get_mut(at).into_iter().for_each(|sent| sent.expected = true);
        }
        return None;
    }
    let title = &simulation.test.title;
    let taken: Vec<&Sent> = fitting.iter().filter_map(|&at| simulation.sent.get(at)).collect();
    match count {
        ExpectCount::None => {
            return Some(failures::sent_after_all(title, to.place, &shown(&taken)));
        }
        ExpectCount::Exactly(wanted) if !fitting.is_empty() || wanted == 0 => {
            return Some(failures::other_count(title, to.place, wanted, &shown(&taken)));
        }
        ExpectCount::AtLeastOne | ExpectCount::Exactly(_) => {}
    }
    let closest = misfits.iter().min_by_key(|(_, misfits)| misfits.len());
    Some(match closest {
        None => explain::not_sent(simulation, to),
        Some((at, misfits)) => {
            let sent: Vec<&Sent> = simulation.sent.get(*at).into_iter().collect();
            let fields: Vec<(Span, Option<String>)> =
                misfits.iter().map(|misfit| (misfit.field.span, misfit.is.clone())).collect();
            failures::other_fields(title, to.place, &fields, &shown(&sent), candidates.len())
        }
    })
}

/// A field that is not what was expected.
struct Misfit<'f> {
    field: &'f ExpectedField,
    /// What it is, as JSON; `None` when it is missing.
    is: Option<String>,
}

fn misfits<'f>(simulation: &Simulation<'_>, at: usize, fields: &'f [ExpectedField]) -> Vec<Misfit<'f>> {
    let Some(sent) = simulation.sent.get(at) else { return Vec::new() };
    let text = sent.delivery.input.as_deref().unwrap_or("{}");
    let input = json::parse(text.as_bytes()).map_or(Value::Missing, Value::into_owned);
    let mut misfits = Vec::new();
    // The event was read when it was sent, so asking about it again does not fail.
    let _ = simulation.given.with_facts(simulation.plan, |facts| {
        for field in fields {
            let is = input.field(&field.key).cloned().unwrap_or(Value::Missing);
            let frame = Frame::new(*facts, &[], simulation.test.locals);
            let only: Value<'_> = Value::List([is.clone()].into());
            let fits = frame.each(field.local, &only, |_| Some(fits(&frame, field, &is)));
            if fits != Some(true) {
                let json = (!matches!(is, Value::Missing)).then(|| json_of(&is));
                misfits.push(Misfit { field, is: json });
            }
        }
    });
    misfits
}

fn json_of(value: &Value<'_>) -> String {
    let mut json = String::new();
    crate::value::write_json(value, &mut json);
    json
}

/// Whether a field is what was expected; the frame's local holds it.
fn fits<'a>(frame: &Frame<'a, '_>, field: &'a ExpectedField, is: &Value<'_>) -> bool {
    if frame.answer(&field.condition).is_yes() {
        return true;
    }
    match &field.condition.kind {
        CondKind::Compare { op: Comparison::Equal, left: Expr::Local(_), right, .. } if field.is_value => {
            covers(&frame.value(right), is)
        }
        _ => false,
    }
}

/// Whether a value has all that was written: of records the listed fields, whatever else they hold; of
/// lists every element.
fn covers(written: &Value<'_>, is: &Value<'_>) -> bool {
    match (written, is) {
        (Value::Record(fields), Value::Record(_)) => {
            fields.iter().all(|(key, field)| is.field(key).is_some_and(|is| covers(field, is)))
        }
        (Value::List(written), Value::List(is)) => {
            written.len() == is.len()
                && written.iter().zip(is.iter()).all(|(written, is)| covers(written, is))
        }
        (Value::Null, Value::Null) => true,
        (Value::Instant(_) | Value::Date(_) | Value::Duration(_), Value::Text(text)) => {
            crate::value::to_text(written).is_some_and(|written| written == *text)
        }
        _ => written.equals(is, false),
    }
}
