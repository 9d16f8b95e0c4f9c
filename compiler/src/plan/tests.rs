//! Paths, slots and the index.

use std::sync::Arc;

use super::*;
use crate::hir::{Cond, CondKind, Path, PathId, Selection};
use crate::pattern::Glob;
use crate::slots::Slots;
use crate::ternary::Ternary;
use crate::testing::pattern;
use crate::value::write_json;

fn rule(patterns: &[&str], resource: Option<&str>, resource_id: Option<&str>) -> Rule {
    let glob = |text: Option<&str>| text.map(|text| Glob::new(text, false).unwrap());
    Rule {
        name: "r".into(),
        description: "".into(),
        span: grammar::Span::default(),
        selects: Selection {
            patterns: patterns.iter().map(|text| pattern(text)).collect(),
            resource: glob(resource),
            resource_id: glob(resource_id),
        },
        group: None,
        lets: Vec::new(),
        locals: 0,
        condition: Cond { kind: CondKind::Constant(Ternary::Yes), span: grammar::Span::default() },
        body: Vec::new(),
    }
}

fn event<'e>(kind: &'e str, resource: Option<&'e str>, resource_id: Option<&'e str>) -> Event<'e> {
    let time = jiff::Timestamp::UNIX_EPOCH;
    Event { id: "e", kind, resource, resource_id, time, received_at: time, payload: b"{}" }
}

#[test]
fn the_index_finds_what_selects() {
    let rules = vec![
        rule(&["order.paid"], None, None),
        rule(&["order.*"], None, None),
        rule(&["order.**"], None, None),
        rule(&["*"], None, None),
        rule(&["**"], None, None),
        rule(&["*.paid", "order.paid"], None, None),
        rule(&["order.paid"], Some("billing"), None),
        rule(&["order.paid"], Some("bill*"), None),
        rule(&["order.paid"], Some("billing"), Some("cust_1")),
        rule(&["**"], None, Some("cust_1")),
    ];
    let plan = plan(Program { rules, ..Program::default() });
    for (event, expected) in [
        (event("order.paid", None, None), &[0, 1, 2, 4, 5][..]),
        (event("order.paid", Some("billing"), None), &[0, 1, 2, 4, 5, 6, 7]),
        (event("order.paid", Some("billing"), Some("cust_1")), &[0, 1, 2, 4, 5, 6, 7, 8, 9]),
        (event("order.paid", Some("bills"), Some("cust_2")), &[0, 1, 2, 4, 5, 7]),
        (event("order", None, None), &[3, 4]),
        (event("order.line.added", None, None), &[2, 4]),
        (event("invoice.paid", None, Some("cust_1")), &[4, 5, 9]),
        (event("", None, None), &[3, 4]),
    ] {
        let mut found = Vec::new();
        plan.index.rules(&event, &mut found);
        found.retain(|&id| plan.rule(id).unwrap().selects_resource(&event));
        let all: Vec<u32> = (0..)
            .zip(&plan.program.rules)
            .filter(|(_, rule)| rule.selects(&event))
            .map(|(at, _)| at)
            .collect();
        assert_eq!(found.iter().map(|id| id.0).collect::<Vec<_>>(), expected, "{event:?}");
        assert_eq!(all, expected, "{event:?}");
    }
}

fn slots_of(paths: &[&str], payload: &str) -> Vec<String> {
    let names = |path: &str| {
        Path(path.split('/').filter(|name| !name.is_empty()).map(Box::from).collect::<Vec<_>>().into())
    };
    let paths: Vec<Path> = paths.iter().map(|path| names(path)).collect();
    let count = u32::try_from(paths.len()).unwrap();
    let plan = plan(Program { paths, ..Program::default() });
    let slots = Slots::new(&plan, payload.as_bytes()).unwrap();
    let show = |id| match slots.value(&plan.paths, PathId(id)) {
        crate::value::Value::Missing => "-".to_owned(),
        value => {
            let mut json = String::new();
            write_json(value, &mut json);
            json
        }
    };
    let duplicates = slots.duplicates(&plan.paths).map(|names| format!("twice {}", names.join("/")));
    (0..count).map(show).chain(duplicates).collect()
}

#[test]
fn slots_hold_what_stands_at_the_paths() {
    for (paths, payload, expected) in [
        (&[""][..], " 1.50 ", &["1.50"][..]),
        (&["a"], "[1]", &["-"]),
        (
            &["", "a", "a/b"],
            r#"{"a":{"b":[1,{"c":2}]}}"#,
            &[r#"{"a":{"b":[1,{"c":2}]}}"#, r#"{"b":[1,{"c":2}]}"#, r#"[1,{"c":2}]"#],
        ),
        (&["b", "a/c", "a/b"], r#"{"a":{"b":"\u00e9\"","c":null},"b":true}"#, &["true", "null", r#""é\"""#]),
        (&["a/b"], r#"{"a":[{"b":1}]}"#, &["-"]),
        (&["a/b"], r#"{"a":null}"#, &["-"]),
        (&["a"], r#"{"\u0061":1,"b":{"a":2}}"#, &["1"]),
        (&["a", "a/b"], r#"{"a":{"b":1},"a":{}}"#, &["{}", "-", "twice a"]),
        (&["a/b", "a/c"], r#"{"a":{"b":1},"a":{"c":2,"c":3}}"#, &["-", "3", "twice a", "twice a/c"]),
        (&["a/b/c/d"], r#"{"a":{"b":{"c":{"d":1}}},"a":{"b":7}}"#, &["-", "twice a"]),
        (&["a/b/c/d"], r#"{"a":{"b":{"c":{"d":1}},"b":{"c":{"d":2}}}}"#, &["2", "twice a/b"]),
    ] {
        assert_eq!(slots_of(paths, payload), expected, "{payload}");
    }
}

#[test]
fn many_fields_of_one_record_are_found() {
    let names: Vec<String> = (0..50).map(|at| format!("field_{at}")).collect();
    let fields: Vec<String> = names.iter().map(|name| format!("\"{name}\":\"{name}!\"")).collect();
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    let expected: Vec<String> = names.iter().map(|name| format!("\"{name}!\"")).collect();
    assert_eq!(slots_of(&names, &format!("{{{}}}", fields.join(","))), expected);
}

#[test]
fn a_plan_can_be_shared() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Arc::new(plan(Program::default())));
}
