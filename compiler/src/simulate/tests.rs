//! Tests of tests: what holds, what fails, and what is said then.

use super::*;
use crate::world::BundleFile;
use grammar::diagnostic::{Colour, render};

const RULES: &str = r##"edition 2026
environments { sandbox production }
connection hook: webhook
connection chat: slack

schedule office = weekdays 09:00 to 18:00 in "Europe/Berlin"

rule big {
  on order.paid as order
  resource "shop"
  when order.total >= 100 and order.customer.email is present
  deliver hook.send_webhook { body: { id: order.id, total: order.total, lines: order.lines else [] } }
  deliver chat.send_message when order.total > 1000 { channel: "#big", text: "{order.id else "?"}" }
}

rule alert {
  on alert.raised as alert
  deliver chat.send_message { channel: "#alerts", text: alert.text } with {
    throttle: { allow: 1, every: 15m, by: alert.service }
  }
}

rule paged {
  on alert.raised as alert
  deliver hook.send_webhook as page { body: alert.service } with { dedupe: { by: alert.service, within: 1h } }
}

group reminders first_match {
  rule quiet { on invoice.due as invoice  when invoice.muted is true  ignore "muted" }
  rule remind {
    on invoice.due as invoice
    deliver chat.send_message { channel: "#due", text: "due" } with { during: office, outside: "hold" }
  }
}

rule later {
  on trial.started as trial
  deliver hook.send_webhook { body: { after: "trial" } } with { delay: 3d, sample: 1% }
}

rule only_there {
  on deploy.done as deploy
  only in production
  deliver hook.send_webhook { body: { env: environment } }
}

rule lines {
  on order.lines as order
  for each line in order.lines where line.sku is present {
    deliver hook.send_webhook { body: line.sku }
  }
}
"##;

fn run(tests: &str) -> TestRun {
    let file = |path: &str, text: &str| BundleFile { path: path.into(), text: text.into() };
    let bundle = Bundle {
        files: vec![
            file("fixtures/big.json", r#"{"id":7,"total":250,"customer":{"email":"ada@example.com"}}"#),
            file("fixtures/deep.json", &format!("{}{}", "[".repeat(70), "]".repeat(70))),
            file("rules.route", &format!("{RULES}\n{tests}")),
        ],
    };
    run_tests(&bundle, &World::offline(None))
}

/// Runs one test with these steps; what is said when it fails.
fn failure(steps: &str) -> Option<String> {
    let run = run(&format!("test \"it works\" {{\n{steps}\n}}"));
    let said: Vec<String> =
        run.diagnostics.iter().map(|one| render(one, &run.sources, Colour::Off)).collect();
    assert!(!run.diagnostics.has_errors(), "{}", said.join("\n"));
    assert_eq!(run.results.len(), 1);
    let told = run.failures().next()?;
    Some(render(told, &run.sources, Colour::Off))
}

#[test]
fn expectations_that_hold() {
    for steps in [
        r#"given order.paid resource "shop" from "fixtures/big.json"
           expect hook.send_webhook
           expect nothing else
           expect rule big matched
           expect rule alert skipped
           expect no chat.send_message"#,
        r##"given order.paid resource "shop" { id: 1, total: 2000, customer: { email: "a@b.c" }, lines: [{ a: 1 }] }
           expect 1 hook.send_webhook { body: { id: 1, lines: [{ a: 1 }] } }
           expect chat.send_message { channel: "#big", text contains "1" }
           expect 0 hook.send_webhook { body: { id: 2 } }
           expect nothing else"##,
        r#"given order.paid { id: 1, total: 2000, customer: { email: "a@b.c" } }
           expect nothing"#,
        r##"given alert.raised { service: "db", text: "x" }
           expect 1 chat.send_message
           expect 1 hook.send_webhook { body: "db" }
           after 14m
           given alert.raised { service: "db", text: "x" }
           expect nothing
           expect rule alert matched
           given alert.raised { service: "web", text: "y" }
           expect chat.send_message { text: "y" }
           after 1m
           given alert.raised { service: "db", text: "z" }
           expect chat.send_message { text is "z", channel starts with "#" }
           expect no hook.send_webhook
           after 45m
           given alert.raised { service: "db", text: "z" }
           expect hook.send_webhook"##,
        r#"at 2026-03-03T20:00:00+01:00
           given invoice.due { id: 1 }
           expect nothing
           after 12h
           expect nothing
           after 1h
           expect chat.send_message
           expect nothing else"#,
        r#"given invoice.due { id: 1, muted: true }
           expect rule quiet matched
           expect rule remind skipped
           expect nothing"#,
        r#"given trial.started { id: 1 }
           expect nothing
           after 3d
           expect hook.send_webhook"#,
        r#"in production
           given deploy.done { id: 1 }
           expect hook.send_webhook { body: { env: "production" } }"#,
        r#"in sandbox
           given deploy.done { id: 1 }
           expect nothing"#,
        r#"given order.lines { lines: [{ sku: "a" }, { no: 1 }, { sku: "b" }] }
           expect 2 hook.send_webhook
           expect hook.send_webhook { body: "b" }"#,
    ] {
        assert_eq!(failure(steps).as_deref(), None, "{steps}");
    }
}

/// Steps, and what is said about them.
const FAILURES: &[(&str, &[&str])] = &[
    (
        r#"given order.paid resource "shop" { id: 1, total: 200, customer: {} }
               expect hook.send_webhook"#,
        &[
            "error[E0610]: test failed: \"it works\"",
            "was not sent",
            "the event type and the resource fit",
            "no: `customer.email` is missing",
            "nothing was sent",
            "add `customer.email` to the event, or write `expect no hook.send_webhook`",
        ],
    ),
    (
        r#"given order.paid { id: 1, total: 200 }
               expect rule big matched"#,
        &["E0613", "did not match", "asks for resource \"shop\", and the event has none"],
    ),
    (
        r#"given order.paid resource "shop" from "fixtures/big.json"
               expect rule big skipped"#,
        &["E0613", "matched", "sent: hook.send_webhook (from `big`)"],
    ),
    (
        r#"given order.paid resource "shop" from "fixtures/big.json"
               expect chat.send_message"#,
        &[
            "E0610",
            "no: `total` is 250",
            "change fixtures/big.json or the condition",
            "sent: hook.send_webhook",
        ],
    ),
    (
        r#"given order.paid resource "shop" from "fixtures/big.json"
               expect hook.send_webhook { body: { id: 8 } }"#,
        &[
            "E0612",
            "it is {\"id\":7,\"total\":250,\"lines\":[]}",
            "was sent with something else",
            "sent by `big`",
        ],
    ),
    (
        r#"given order.paid resource "shop" from "fixtures/big.json"
               expect 2 hook.send_webhook"#,
        &["E0612", "was sent once, not 2 times"],
    ),
    (
        r#"given order.paid resource "shop" from "fixtures/big.json"
               expect no hook.send_webhook"#,
        &["E0611", "but this was sent", "hook.send_webhook {\"body\":"],
    ),
    (
        r#"given order.paid resource "shop" from "fixtures/big.json"
               expect nothing else"#,
        &["E0611", "there was something else"],
    ),
    (
        r#"given alert.raised { service: "db", text: "x" }
               given alert.raised { service: "db", text: "x" }
               expect chat.send_message"#,
        &["E0610", "throttled: 1 in 15m were sent already"],
    ),
    (
        r#"given alert.raised { service: "db", text: "x" }
               given alert.raised { service: "db", text: "x" }
               expect hook.send_webhook"#,
        &["E0610", "a duplicate"],
    ),
    (
        r#"given alert.raised { service: "db" }
               expect chat.send_message"#,
        &["E0610", "its input could not be made: `text` is required, and its value is missing"],
    ),
    (
        r#"at 2026-03-03T20:00:00+01:00
               given invoice.due { id: 1 }
               expect chat.send_message"#,
        &["E0610", "waits until 2026-03-04T08:00:00Z", "write `after 13h` before this line"],
    ),
    (
        r##"given invoice.due { muted: true }
               expect chat.send_message { channel: "#due" }"##,
        &["E0610", "was skipped: `quiet` came first"],
    ),
    (
        r#"in sandbox
               given deploy.done { id: 1 }
               expect rule only_there matched"#,
        &["E0613", "`only_there` does not run in `sandbox`"],
    ),
    (
        r#"given deploy.done { id: 1 }
               expect nothing"#,
        &["E0611", "this is in `production`; in `sandbox` the test holds"],
    ),
    (
        r#"given order.lines { lines: [] }
               expect hook.send_webhook"#,
        &["E0610", "not reached"],
    ),
    (
        r#"given order.lines from "fixtures/deep.json"
               expect nothing"#,
        &["E0614", "a server would refuse this event", "fixtures/deep.json"],
    ),
];

#[test]
fn failures_explain_themselves() {
    for (steps, parts) in FAILURES {
        let told = failure(steps).unwrap_or_else(|| panic!("this holds: {steps}"));
        for part in *parts {
            assert!(told.contains(part), "{part}\nis not in\n{told}");
        }
    }
}

#[test]
fn results_name_their_tests() {
    let run = run(r#"
test "one" { given deploy.done {}  expect no chat.send_message }
test "two" { given deploy.done {}  expect chat.send_message }
"#);
    let shown: Vec<_> = run
        .results
        .iter()
        .map(|one| (&*one.title, &*one.file, matches!(one.outcome, TestOutcome::Passed)))
        .collect();
    assert_eq!(shown, [("one", "rules.route", true), ("two", "rules.route", false)]);
    assert!(!run.passed());
}

#[test]
fn a_bundle_with_errors_runs_no_test() {
    let run = run(r#"test "x" { given deploy.done {}  expect rule nobody matched }"#);
    assert!(run.diagnostics.has_errors() && run.results.is_empty() && !run.passed());
}

#[test]
fn after_many_failures_nothing_more_is_run() {
    let one = "test \"x\" { in sandbox  given deploy.done {}  expect chat.send_message }\n";
    let run = run(&one.repeat(FAILURES_MAX + 2));
    assert_eq!(run.failures().count(), FAILURES_MAX);
    let not_run = run.results.iter().filter(|one| matches!(one.outcome, TestOutcome::NotRun(_)));
    assert_eq!(not_run.count(), 2);
    assert!(!run.passed());
}
