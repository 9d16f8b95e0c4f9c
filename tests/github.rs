//! The demo's rules over every GitHub webhook: each line is written down, and both matchers agree.

use std::path::Path;

use harness::engine::{Engine, bundle};
use harness::golden;

/// So many webhooks there are.
const EVENTS: usize = 266;

#[test]
fn every_webhook_goes_where_the_rules_say() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/demo");
    let read = |name: &str| std::fs::read_to_string(demo.join(name)).expect("the demo's files");
    let rules = read("github.route");
    let engine = Engine::new(&bundle([("github.route", rules.as_str())])).expect("rules without mistakes");
    let events = read("github-webhooks.ndjson");
    let lines = events.lines().enumerate().map(|(at, event)| {
        let line = engine.line(at + 1, event).expect("the matchers agree");
        format!("{line}\n")
    });
    let lines: Vec<String> = lines.collect();
    assert_eq!(lines.len(), EVENTS);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/github.ndjson");
    golden::compare(&golden, &lines.concat()).unwrap_or_else(|error| panic!("{error}"));
}
