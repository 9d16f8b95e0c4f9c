//! What rules send.

use grammar::ast::QuantifierKind;
use rust_decimal::Decimal;

use super::*;
use crate::eval::NoLists;
use crate::hir::{
    Cond, Expr, Input, InputEntry, InputField, LocalId, OnFieldError, Sample, Settings, Statement,
    TemplatePart,
};
use crate::matcher::{Interpreter, Matcher};
use crate::plan::plan;
use crate::slots::Slots;
use crate::testing::*;
use crate::types::Type;
use crate::value::Value;

fn routed(writer: Writer, payload: &str) -> Routed {
    routed_within(writer, payload, &Limits::default())
}

fn routed_within(writer: Writer, payload: &str, limits: &Limits) -> Routed {
    let plan = plan(writer.program);
    let event = event(payload);
    let slots = Slots::new(&plan, event.payload).unwrap();
    let facts = Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists };
    let mut matches = Matches::default();
    Interpreter.matches(&facts, &mut matches);
    route(&facts, &matches, limits)
}

fn entry(key: &str, value: Expr) -> InputField {
    InputField {
        key: key.into(),
        value,
        required: false,
        passes_null: false,
        checked_as: None,
        chars_max: None,
        span: Span::default(),
    }
}

fn body(value: Expr) -> Input {
    Input { entries: vec![InputEntry::Field(entry("body", value))], payload: None }
}

fn shown(routed: &Routed) -> Vec<String> {
    let one = |delivery: &Delivery| match &delivery.input {
        Ok(json) => format!("{} {json}", delivery.key),
        Err(error) => format!("{} failed: {error}", delivery.key),
    };
    routed.deliveries.iter().map(one).collect()
}

/// One optional field called `f`, changed by `make`.
fn field_of(payload: &str, settings: Settings, make: impl FnOnce(&mut Writer) -> InputField) -> Vec<String> {
    let mut writer = Writer::default();
    let field = make(&mut writer);
    let deliver =
        writer.deliver_with(0, Input { entries: vec![InputEntry::Field(field)], payload: None }, settings);
    writer.rule("r", yes()).body = vec![deliver];
    let routed = routed(writer, payload);
    let skipped = routed.deliveries[0].skipped_fields.iter().map(|error| format!("skipped {error}"));
    shown(&routed).into_iter().map(|line| line.replace("r/out.send/0 ", "")).chain(skipped).collect()
}

#[test]
fn fields_are_left_out_skipped_or_fail() {
    type Make = fn(&mut Writer) -> InputField;
    let optional: Make = |w| entry("f", w.read("x"));
    let required: Make = |w| InputField { required: true, ..entry("f", w.read("x")) };
    let nullable: Make = |w| InputField { passes_null: true, ..entry("f", w.read("x")) };
    let email: Make = |w| InputField { checked_as: Some(Type::Email), ..entry("f", w.read("x")) };
    let short: Make = |w| InputField { chars_max: Some(2), ..entry("f", w.read("x")) };
    let hole: Make = |w| entry("f", Expr::Template(vec![TemplatePart::Hole(w.read("x.y"))]));
    let missing = "failed: `f` is required, and its value is missing";
    let odd = "`f` must be email, and is int";
    let long = "`f` has 3 characters, and 2 are allowed";
    let holed = "`f` has a text with a hole for `x.y`, which is missing";
    for (name, make, payload, expected) in [
        ("optional", optional, r#"{"x":1.10}"#, vec![r#"{"f":1.10}"#.to_owned()]),
        ("optional", optional, "{}", vec!["{}".into()]),
        ("optional", optional, r#"{"x":null}"#, vec!["{}".into()]),
        ("optional", optional, r#"{"x":1e99}"#, vec!["{}".into()]),
        ("optional", optional, r#"{"x":[1e99,null]}"#, vec![r#"{"f":[1e99,null]}"#.into()]),
        ("required", required, "{}", vec![missing.into()]),
        ("required", required, r#"{"x":null}"#, vec![missing.into()]),
        ("nullable", nullable, r#"{"x":null}"#, vec![r#"{"f":null}"#.into()]),
        ("nullable", nullable, "{}", vec!["{}".into()]),
        ("email", email, r#"{"x":"a@b.c"}"#, vec![r#"{"f":"a@b.c"}"#.into()]),
        ("email", email, r#"{"x":7}"#, vec!["{}".into(), format!("skipped {odd}")]),
        ("short", short, r#"{"x":"äö"}"#, vec![r#"{"f":"äö"}"#.into()]),
        ("short", short, r#"{"x":"äöü"}"#, vec!["{}".into(), format!("skipped {long}")]),
        ("hole", hole, r#"{"x":{"y":"z"}}"#, vec![r#"{"f":"z"}"#.into()]),
        ("hole", hole, "{}", vec!["{}".into(), format!("skipped {holed}")]),
    ] {
        assert_eq!(field_of(payload, Settings::default(), make), expected, "{name} {payload}");
    }
    let strict = || Settings { on_field_error: OnFieldError::Fail, ..Settings::default() };
    assert_eq!(field_of("{}", strict(), hole), [format!("failed: {holed}")]);
    assert_eq!(field_of(r#"{"x":7}"#, strict(), email), [format!("failed: {odd}")]);
    assert_eq!(field_of("{}", strict(), optional), ["{}"]);
}

#[test]
fn the_payload_goes_as_it_came() {
    let mut writer = Writer::default();
    let deliver = writer.deliver(0, Input { payload: Some("body".into()), ..Default::default() });
    writer.rule("r", yes()).body = vec![deliver];
    assert_eq!(
        shown(&routed(writer, " {\"a\": 1.0e1,\n\"a\":2} ")),
        ["r/out.send/0 {\"body\":{\"a\": 1.0e1,\n\"a\":2}}"]
    );
}

fn grouped(otherwise: bool) -> Writer {
    let mut writer = Writer::default();
    for (name, wanted) in [("own", "1"), ("big", "2"), ("every", "2")] {
        let condition = is(writer.read("x"), number(wanted));
        let deliver = writer.deliver(0, body(text(name)));
        writer.rule(name, condition).body = vec![deliver];
    }
    let last = writer.program.rules.pop().unwrap();
    let fallback = writer.deliver(0, body(text("other")));
    writer.group(0, otherwise.then(|| vec![fallback]));
    writer.program.rules.push(last);
    writer
}

#[test]
fn the_first_true_rule_of_a_group_sends() {
    for (payload, otherwise, matched) in [
        (r#"{"x":1}"#, true, &["own"][..]),
        (r#"{"x":2}"#, true, &["big", "every"]),
        (r#"{"x":3}"#, true, &["group_0"]),
        ("{}", true, &["group_0"]),
        ("{}", false, &[]),
    ] {
        let routed = routed(grouped(otherwise), payload);
        assert_eq!(routed.matched.iter().map(|name| &**name).collect::<Vec<_>>(), matched, "{payload}");
        assert_eq!(routed.deliveries.len(), matched.len(), "{payload}");
    }
    // An `otherwise` needs a rule of its group that selects the event.
    let mut writer = grouped(true);
    writer.program.rules.iter_mut().for_each(|rule| rule.selects.patterns = [pattern("other")].into());
    assert!(routed(writer, "{}").matched.is_empty());
}

#[test]
fn a_groups_otherwise_stands_behind_its_rules() {
    let mut writer = grouped(true);
    writer.program.rules[2].condition = yes();
    let routed = routed(writer, "{}");
    assert_eq!(
        shown(&routed),
        [r#"group_0/out.send/0 {"body":"other"}"#, r#"every/out.send/0 {"body":"every"}"#]
    );
}

fn looping(limit: Option<u64>, filter: Option<Cond>) -> Writer {
    let mut writer = Writer::default();
    let list = writer.read("xs");
    let inner = writer.deliver(0, body(local(0)));
    let (list, filter) = (Box::new(list), filter.map(Box::new));
    let statement = Statement::ForEach { local: LocalId(0), list, filter, limit, body: vec![inner] };
    writer.rule("r", yes()).body = vec![statement];
    writer
}

#[test]
fn loops_send_per_element_up_to_their_limit() {
    let first = shown(&routed(looping(None, None), r#"{"xs":[7,"a"]}"#));
    assert_eq!(first, [r#"r/out.send/0/0 {"body":7}"#, r#"r/out.send/0/1 {"body":"a"}"#]);
    assert!(routed(looping(None, None), "{}").deliveries.is_empty());

    let odd = quantifier(QuantifierKind::No, 1, local(0), is(local(1), number("2")));
    let cut = routed(looping(Some(2), Some(odd)), r#"{"xs":[1,2,3,2,5,6]}"#);
    assert_eq!(shown(&cut), [r#"r/out.send/0/0 {"body":1}"#, r#"r/out.send/0/2 {"body":3}"#]);
    assert_eq!(cut.overflow[0].kind, OverflowKind::Elements { taken: 2, left: 2 });

    let many = format!("{{\"xs\":[{}1]}}", "1,".repeat(149));
    let capped = routed(looping(None, None), &many);
    assert_eq!(capped.deliveries.len(), 100);
    assert_eq!(capped.overflow[0].kind, OverflowKind::Elements { taken: 100, left: 50 });
}

#[test]
fn an_event_causes_a_bounded_output() {
    let few = Limits { deliveries_per_event_max: 2, ..Limits::default() };
    let result = routed_within(looping(None, None), r#"{"xs":[1,2,3,4]}"#, &few);
    assert_eq!((result.deliveries.len(), result.overflow[0].kind), (2, OverflowKind::Deliveries { left: 2 }));

    let small = Limits { delivery_bytes_max: 12, event_output_bytes_max: 25, ..Limits::default() };
    let result = routed_within(looping(None, None), r#"{"xs":["long text",1,2,3,4]}"#, &small);
    assert_eq!(
        shown(&result),
        [
            "r/out.send/0/0 failed: the input has more than 12 bytes",
            r#"r/out.send/0/1 {"body":1}"#,
            r#"r/out.send/0/2 {"body":2}"#
        ]
    );
    assert_eq!(result.overflow[0].kind, OverflowKind::Bytes { left: 2 });
}

#[test]
fn settings_are_evaluated() {
    let mut writer = Writer::default();
    let delay = Expr::Constant(Value::Duration(jiff::SignedDuration::from_hours(-1)));
    let limit = |by| crate::hir::Allowance { allow: 1, every: std::time::Duration::from_secs(1), by };
    let settings = Settings {
        order_by: Some(writer.read("id")),
        dedupe: Some(crate::hir::Dedupe {
            by: writer.read("none"),
            within: std::time::Duration::from_secs(1),
        }),
        throttle: Some(limit(Some(writer.read("none")))),
        rate_limit: Some(limit(None)),
        delay: Some(delay),
        idempotency_key: Some(writer.read("id")),
        ..Settings::default()
    };
    let deliver =
        writer.deliver_with(0, Input { payload: Some("body".into()), ..Default::default() }, settings);
    writer.rule("r", yes()).body = vec![deliver];
    let routed = routed(writer, r#"{"id":1.50}"#);
    let settings = &routed.deliveries[0].settings;
    assert_eq!(settings.order_by.as_deref(), Some("1.50"));
    assert_eq!(settings.idempotency_key.as_deref(), Some("1.50"));
    assert_eq!(settings.dedupe, None);
    assert_eq!(settings.throttle.as_ref().unwrap().key, LimitKey::Missing);
    assert_eq!(settings.rate_limit.as_ref().unwrap().key, LimitKey::All);
    assert_eq!(settings.delay, std::time::Duration::ZERO);
}

#[test]
fn a_sample_takes_its_share_and_the_same_ones_each_time() {
    let sampled = |rule: &str, by: bool, id: usize| {
        let mut writer = Writer::default();
        let by = by.then(|| writer.read("id"));
        let sample = Some(Sample { share: Decimal::new(25, 2), by, salt: Some("s".into()) });
        let settings = Settings { sample, ..Settings::default() };
        let deliver =
            writer.deliver_with(0, Input { payload: Some("body".into()), ..Default::default() }, settings);
        writer.rule(rule, yes()).body = vec![deliver];
        let payload = format!("{{\"id\":{id}}}");
        let routed = routed(writer, &payload);
        assert_eq!(routed.deliveries.len() + routed.sampled_out.len(), 1);
        routed.deliveries.len()
    };
    let taken: usize = (0..2_000).map(|id| sampled("r", true, id)).sum();
    assert!((430..570).contains(&taken), "{taken} of 2000");
    for id in 0..50 {
        assert_eq!(sampled("r", true, id), sampled("other", true, id));
        assert_eq!(sampled("r", false, id), sampled("r", false, 0));
    }
}

#[test]
fn ignoring_is_said() {
    let mut writer = Writer::default();
    writer.rule("r", yes()).body = vec![Statement::Ignore { reason: Some("ours".into()) }];
    let routed = routed(writer, "{}");
    assert_eq!(routed.ignored, [Ignored { rule: "r".into(), reason: Some("ours".into()) }]);
    assert_eq!(&*routed.matched[0], "r");
}
