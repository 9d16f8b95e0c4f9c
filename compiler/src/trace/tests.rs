//! Traces as text.

use grammar::ast::QuantifierKind;
use grammar::{Source, Span};

use super::*;
use crate::eval::NoLists;
use crate::hir::{Comparison, CondKind, Statement};
use crate::pattern::Glob;
use crate::plan::plan;
use crate::slots::Slots;
use crate::testing::*;

fn shown(writer: Writer, payload: &str) -> String {
    let plan = plan(writer.program);
    let event = event(payload);
    let slots = Slots::new(&plan, event.payload).unwrap();
    let trace = trace(&Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists });
    serde_json::to_string(&trace).unwrap();
    trace.to_string()
}

#[test]
fn the_first_part_that_is_not_yes_is_shown() {
    let mut writer = Writer::default();
    let source = "rule r { when lead.score > 80\n and lead.country in emea }";
    let id = grammar::SourceId(0);
    writer.program.sources.push(Source::new(id, "leads.route", source));
    let mut score = compare(Comparison::Greater, writer.read("score"), number("80"));
    score.span = Span::new(id, 14, 29);
    let mut country = within(writer.read("lead.country"), vec![crate::value::Value::text("DE")]);
    country.span = Span::new(id, 35, 55);
    let mut both = cond(CondKind::All(vec![score, country]));
    both.span = Span::new(id, 14, 55);
    writer.rule("r", both).span = Span::new(id, 5, 6);
    let again = writer.program.clone();
    let of = |payload| shown(Writer { program: again.clone() }, payload);
    assert_eq!(
        of(r#"{"score":90,"lead":{"country":"US"}}"#),
        "`r` did not match: the answer is no\n    leads.route:2:6: lead.country in emea\n    `lead.country` is \"US\"\n"
    );
    assert_eq!(
        of(r#"{"lead":{"country":"US"}}"#),
        "`r` did not match: the answer is unknown\n    leads.route:1:15: lead.score > 80\n    `score` is missing\n"
    );
    assert_eq!(
        of(r#"{"score":90,"lead":{"country":"DE"}}"#),
        "`r` matched: the answer is yes\n    leads.route:1:15: lead.score > 80  and lead.country in emea\n    \
         `score` is 90\n    `lead.country` is \"DE\"\n"
    );
    assert_eq!(
        of(r#"{"score":1e99,"lead":{"country":"DE"},"score":1e98}"#),
        "`r` did not match: the answer is unknown\n    leads.route:1:15: lead.score > 80\n    `score` is 1e98\n\
         note: `score` occurs more than once; the last value counts\n\
         note: `score` is 1e98, a number that does not fit; it counts as missing\n"
    );
}

#[test]
fn selection_groups_and_ignoring_are_told() {
    let mut writer = Writer::default();
    let fallback =
        writer.deliver(0, crate::hir::Input { payload: Some("body".into()), ..Default::default() });
    writer.rule("own", is(text("a"), text("a"))).body =
        vec![Statement::Ignore { reason: Some("ours".into()) }];
    writer.rule("big", yes());
    writer.group(0, Some(vec![fallback]));
    writer.rule("other", yes()).selects.patterns = [pattern("lead.*"), pattern("x")].into();
    writer.rule("billing", yes()).selects.resource = Some(Glob::new("bill*", false).unwrap());
    assert_eq!(
        shown(writer, "{}"),
        "`own` matched and sends nothing: ours\n\
         `big` was skipped: `own` came first\n\
         `group_0` was skipped: `own` came first\n\
         `other` is for `lead.*`, `x`\n\
         `billing` is for resource `bill*`, and the event has none\n"
    );
}

#[test]
fn long_values_are_cut_and_lists_stand_for_their_elements() {
    let mut writer = Writer::default();
    let xs = writer.read("xs");
    let long = writer.read("long");
    let any = quantifier(QuantifierKind::Any, 0, xs, is(field(local(0), "q"), long));
    writer.rule("r", any);
    let payload = format!(r#"{{"xs":[{{"q":"{}"}}],"long":1}}"#, "é".repeat(300));
    let text = shown(writer, &payload);
    let cut = text.lines().find(|line| line.contains("`xs`")).unwrap();
    assert_eq!(cut.trim(), format!("`xs` is [{{\"q\":\"{}…", "é".repeat(193)));
}
