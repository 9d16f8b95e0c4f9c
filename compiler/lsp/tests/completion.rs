//! What the language server proposes, place by place.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails panics"
)]

mod client;

use client::{Client, RULES, open};
use serde_json::json;

/// Opens the rules with one line of another rule in them, and answers the proposals at `⎮`.
fn proposals(line: &str) -> Vec<String> {
    let mut client = Client::with(&[("lists/vips.csv", "a\n"), ("schemas/o.json", "{}")]);
    let (before, after) = line.split_once('⎮').expect("a place");
    client.open("leads.route", &format!("{RULES}\n{before}{after}\n\nconst last = 1\n"));
    let found = client.proposals("leads.route", line);
    client.end();
    found
}

#[track_caller]
fn proposes(line: &str, wanted: &[&str]) {
    let found = proposals(line);
    for one in wanted {
        assert!(found.iter().any(|label| label == one), "{line}: no `{one}` in {found:?}");
    }
}

#[track_caller]
fn proposes_only(line: &str, wanted: &[&str]) {
    assert_eq!(proposals(line), wanted, "{line}");
}

#[test]
fn fields_come_from_the_schema() {
    proposes_only(
        "rule r { on lead.created as lead when lead.⎮",
        &["email", "company", "source", "tags", "lines", "old"],
    );
    proposes_only("rule r { on lead.created as lead when lead.company.⎮", &["name", "employees"]);
    proposes_only(
        "rule r { on lead.created as lead when lead.comp⎮any.name",
        &["email", "company", "source", "tags", "lines", "old"],
    );
    proposes_only("rule r { on lead.created when payload.company.⎮", &["name", "employees"]);
    proposes_only("predicate p(it: Lead) = it.company.⎮", &["name", "employees"]);
    proposes_only(
        "rule r { on lead.created as lead deliver hook.send_webhook { body: \"{lead.company.⎮",
        &["name", "employees"],
    );
    proposes_only("rule r { on other.thing as it when it.⎮", &[]);
}

#[test]
fn elements_of_lists_have_their_fields() {
    proposes_only(
        "rule r { on lead.a as l for each line in l.lines { deliver hook.send_webhook { body: line.⎮",
        &["sku", "taxes"],
    );
    proposes_only("rule r { on lead.a as l when any line in l.lines satisfies (line.⎮", &["sku", "taxes"]);
    proposes_only("rule r { on lead.a as l when any tax in l.lines.taxes satisfies (tax.⎮", &["rate"]);
    proposes_only("rule r { on lead.a as l let first = l.lines[0] when first.⎮", &["sku", "taxes"]);
    proposes_only(
        "rule r { on lead.a as l deliver hook.send_webhook { body: each x in l.lines: x.⎮",
        &["sku", "taxes"],
    );
}

#[test]
fn the_envelope_is_always_there() {
    proposes_only(
        "rule r { on a when event.⎮",
        &["id", "type", "time", "received_at", "resource", "resource_id"],
    );
    proposes_only("rule r { on a when workspace.⎮", &["id", "name"]);
}

#[test]
fn connections_actions_and_inputs() {
    proposes_only("rule r { on a deliver ⎮", &["hook"]);
    proposes_only("rule r { on a deliver hook.⎮", &["send_webhook"]);
    proposes_only("rule r { on a deliver hook.send_webhook { ⎮", &["body", "headers"]);
    proposes_only("rule r { on a deliver hook.send_webhook { body: 1, ⎮", &["headers"]);
    proposes_only("rule r { on a deliver hook.send_webhook { body: payload.a\n  ⎮", &["headers"]);
    proposes_only("rule r { on a deliver hook.send_webhook when payload.a is 1 { ⎮", &["body", "headers"]);
    proposes("connection other: ⎮", &["webhook"]);
    proposes("test \"t\" { given a {} expect ⎮", &["hook", "no", "nothing else", "rule"]);
    proposes_only("test \"t\" { given a {} expect 2 ⎮", &["hook"]);
    proposes_only("test \"t\" { given a {} expect no hook.⎮", &["send_webhook"]);
    proposes_only("test \"t\" { given a {} expect hook.send_webhook { ⎮", &["body", "headers"]);
    proposes_only("test \"t\" { given a {} expect rule ⎮", &["tell"]);
    proposes("test \"t\" { given lead.created { ⎮", &["email", "company"]);
}

#[test]
fn settings_and_their_values() {
    proposes("rule r { on a deliver hook.send_webhook { } with { ⎮", &["retry", "throttle", "priority"]);
    proposes_only("rule r { on a with { throttle: { allow: 1, ⎮", &["every", "by"]);
    proposes_only("policy p { retry: { ⎮", &["attempts", "first_wait", "longest_wait", "growth", "jitter"]);
    proposes("policy p { priority: ⎮", &["\"low\"", "\"normal\"", "\"high\""]);
    proposes_only("policy p { outside: \"⎮", &["hold", "skip"]);
    proposes_only("policy p { during: ⎮", &["office"]);
    proposes("rule r { on a with ⎮", &["careful"]);
    proposes_only("rule r { on a as it with careful(⎮", &["it"]);
}

#[test]
fn values_tests_and_predicates_after_is() {
    proposes(
        "rule r { on lead.a as lead when lead.source is ⎮",
        &["\"organic\"", "\"partner\"", "enterprise", "missing", "present", "emea", "lead"],
    );
    proposes_only("rule r { on lead.a as lead when lead.source is \"⎮\"", &["organic", "webinar", "partner"]);
    proposes_only(
        "rule r { on lead.a as lead when lead.source in [\"ads\", \"⎮",
        &["organic", "webinar", "partner"],
    );
    proposes("rule r { on lead.a as lead when lead.source in [⎮", &["\"organic\""]);
    proposes("const x = choose { when environment is ⎮", &["sandbox", "staging", "production"]);
}

#[test]
fn names_and_words_where_they_fit() {
    proposes(
        "rule r { on lead.a as lead when ⎮",
        &["lead", "emea", "vips", "event", "environment", "any of", "not"],
    );
    proposes("rule r { on lead.a as lead when lead.source ⎮", &["is", "in", "contains", "and", "deliver"]);
    proposes("rule r {\n  ⎮", &["on", "when", "deliver", "choose"]);
    proposes("rule r {\n  on lead.a as lead\n  ⎮", &["when", "unless", "deliver"]);
    proposes("⎮", &["rule", "const", "schema", "test"]);
    proposes_only("rule r { on ⎮", &["lead.*", "lead.created"]);
    proposes_only("rule r { on lead.cre⎮", &["lead.*", "lead.created", "lead.cre"]);
    proposes_only("rule r { on a only in ⎮", &["production", "sandbox", "staging"]);
    proposes_only("test \"t\" { in ⎮", &["production", "sandbox", "staging"]);
    proposes("schema S { a: ⎮", &["text", "list of ", "Lead"]);
    proposes("schema S { a: list of ⎮", &["text", "Lead"]);
    proposes_only("event x.y: ⎮", &["Lead"]);
    proposes_only("import schema O from \"⎮", &["schemas/o.json"]);
    proposes_only("list l from \"⎮", &["lists/vips.csv"]);
}

#[test]
fn nothing_is_proposed_in_remarks_texts_and_new_names() {
    for line in ["# rule ⎮", "rule ⎮", "const x = \"some ⎮ text\"", "rule r { on a as ⎮", "schema S { ⎮"]
    {
        assert_eq!(proposals(line), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn a_proposal_replaces_what_was_typed() {
    let mut client = open();
    client.edit("leads.route", "on lead.created, lead.changed", "on lead.created, lead.ch");
    let found =
        client.ask_at("textDocument/completion", "leads.route", "lead.created, lead.ch⎮", json!({})).unwrap();
    let edit = &found[0]["textEdit"];
    assert_eq!(edit["newText"], "lead.*");
    assert_eq!(edit["range"]["start"], client.place_of("leads.route", "lead.created, ⎮lead.ch"));
    assert_eq!(edit["range"]["end"], client.place_of("leads.route", "lead.ch⎮"));
    client.end();
}

#[test]
fn snippets_only_for_editors_that_take_them() {
    for takes in [false, true] {
        let item = json!({ "snippetSupport": takes });
        let capabilities = json!({ "textDocument": { "completion": { "completionItem": item } } });
        let mut client = Client::speaking(&[], capabilities);
        client.open("a.route", "connection hook: webhook\nrule r { on a deliver hook.");
        let found = client.ask_at("textDocument/completion", "a.route", "deliver hook.⎮", json!({})).unwrap();
        let text = found[0]["textEdit"]["newText"].as_str().unwrap();
        assert_eq!(text.contains("$0"), takes, "{text}");
        client.end();
    }
}

#[test]
fn transforms_follow_a_bar() {
    proposes("rule r { on lead.a as lead when lead.email | ⎮", &["lower", "domain", "join"]);
    proposes("const x = \"{1 | ⎮", &["lower", "to_text"]);
    assert!(!proposals("schema S { a: \"x\" | ⎮").contains(&"lower".to_owned()));
}

#[test]
fn required_inputs_come_first() {
    let line = "connection chat: slack\nrule r { on a deliver chat.send_message { ⎮";
    proposes_only(line, &["channel", "text", "thread"]);
    proposes(
        "connection chat: slack\nrule r { on a deliver chat.⎮",
        &["send_message", "send_direct_message"],
    );
}

#[test]
fn fields_come_from_an_imported_schema() {
    let schema = r#"{ "type": "object", "required": ["total"], "properties": {
        "total": { "type": "number", "description": "With taxes." }, "state": { "enum": ["open", "paid"] } } }"#;
    let mut client = Client::with(&[("schemas/order.json", schema)]);
    let rules = "import schema Order from \"schemas/order.json\"\nevent order.*: Order\n\
                 rule r { on order.paid as order when order.total > 1 and order.state is \"paid\" ignore }\n";
    client.open("a.route", rules);
    assert_eq!(client.proposals("a.route", "when order.⎮total"), ["total", "state"]);
    assert_eq!(client.proposals("a.route", "state is \"⎮paid"), ["open", "paid"]);
    assert!(client.hover("a.route", "order.to⎮tal").contains("With taxes."));
    assert_eq!(client.definition("a.route", "order.to⎮tal"), "schemas/order.json: \"total\"");
    client.end();
}
