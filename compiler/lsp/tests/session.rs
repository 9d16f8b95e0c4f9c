//! Conversations with the language server, over channels instead of pipes.
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
use serde_json::{Value, json};

#[test]
fn a_good_file_has_no_messages() {
    let mut client = open();
    assert_eq!(client.wrong("leads.route"), Vec::<String>::new());
    client.end();
}

#[test]
fn messages_come_and_go_with_the_text() {
    let mut client = open();
    client.edit("leads.route", "lead.source is \"partner\"", "lead.source == \"partner\"");
    let wrong = client.wrong("leads.route");
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].starts_with("33:42 E0102"), "{wrong:?}");
    client.edit("leads.route", "==", "is");
    assert_eq!(client.wrong("leads.route"), Vec::<String>::new());
    client.end();
}

#[test]
fn a_fix_is_an_edit_that_mends_the_text() {
    let mut client = open();
    client.edit("leads.route", "lead.source is \"partner\"", "lead.source == \"partner\"");
    let at = client.place_of("leads.route", "lead.source ⎮==");
    let params = json!({
        "textDocument": { "uri": client.uri("leads.route") },
        "range": { "start": at, "end": at }, "context": { "diagnostics": [] },
    });
    let actions = client.ask("textDocument/codeAction", params);
    let action = &actions[0];
    assert_eq!(action["kind"], "quickfix");
    assert_eq!(action["diagnostics"][0]["code"], "E0102");
    assert_eq!(client.applied(&action["edit"], "leads.route"), RULES);
    client.end();
}

#[test]
fn all_fixes_at_once_are_those_of_the_command_line() {
    let mut client = open();
    let two = RULES.replace("lead.source is \"partner\"", "lead.sorce == \"partner\"");
    client.edit("leads.route", "lead.source is \"partner\"", "lead.sorce == \"partner\"");
    let params = |only: Value| {
        let here = json!({ "line": 0, "character": 0 });
        json!({
            "textDocument": { "uri": client.uri("leads.route") },
            "range": { "start": here, "end": here },
            "context": { "diagnostics": [], "only": only },
        })
    };
    let (all, quick) = (params(json!(["source"])), params(json!(["quickfix"])));
    let actions = client.ask("textDocument/codeAction", all);
    assert_eq!(actions.as_array().unwrap().len(), 1, "{actions:#}");
    assert_eq!(actions[0]["kind"], "source.fixAll");
    assert_ne!(two, RULES);
    assert_eq!(client.applied(&actions[0]["edit"], "leads.route"), RULES);
    assert_eq!(client.ask("textDocument/codeAction", quick), json!([]), "no message stands there");
    client.end();
}

#[test]
fn places_are_counted_as_the_editor_counts() {
    let broken = RULES.replace("\"🚨 {lead.email}\", n: lead", "\"🚨🚨 {lead.email}\", n: == lead");
    for (capabilities, column) in
        [(json!({}), 67), (json!({ "general": { "positionEncodings": ["utf-8", "utf-16"] } }), 71)]
    {
        let mut client = Client::speaking(&[], capabilities);
        client.open("leads.route", &broken);
        let wrong = client.wrong("leads.route");
        assert!(
            wrong.iter().any(|one| one.starts_with(&format!("35:{column} E0102"))),
            "{column}: {wrong:?}"
        );
        client.end();
    }
}

#[test]
fn an_edit_after_an_emoji_lands_where_it_is_meant() {
    let mut client = open();
    client.edit("leads.route", "{lead.email}\", n", "{lead.emial}\", n");
    let text = client.text("leads.route").to_owned();
    let found = client.hover("leads.route", "🚨 {⎮lead.emial");
    assert!(found.contains("lead: Lead"), "{found}\n{text}");
    client.end();
}

#[test]
fn a_document_is_formatted_whole_or_not_at_all() {
    let untidy = RULES.replace("  when lead is", "when    lead is");
    let mut client = Client::with(&[]);
    client.open("leads.route", &untidy);
    let params = json!({
        "textDocument": { "uri": client.uri("leads.route") },
        "options": { "tabSize": 4, "insertSpaces": true },
    });
    let edits = client.ask("textDocument/formatting", params.clone());
    let tidy = edits[0]["newText"].as_str().unwrap().to_owned();
    assert!(tidy.contains("\n  when lead is enterprise"), "{tidy}");
    client.edit("leads.route", &untidy, &tidy);
    assert_eq!(client.ask("textDocument/formatting", params.clone()), Value::Null);
    client.edit("leads.route", "rule tell {", "rule tell");
    assert_eq!(client.ask("textDocument/formatting", params), Value::Null);
    client.end();
}

#[test]
fn hovering_says_what_a_name_is() {
    let mut client = open();
    for (at, wanted) in [
        ("lead.e⎮mail}", &["lead.email: email sensitive", "Where to reach them."][..]),
        ("n: lead.company.na⎮me", &["lead.company.name: text"]),
        ("n: le⎮ad.company", &["lead: Lead", "`lead.created`, `lead.changed`"]),
        ("lead is ent⎮erprise", &["predicate enterprise(lead: Lead)", "Many people work there."]),
        ("const em⎮ea", &["const emea", "Countries nearby."]),
        ("deliver ho⎮ok.send_webhook { body: {", &["connection hook: webhook", "Webhook"]),
        ("hook.send_⎮webhook { body: {", &["webhook send_webhook", "`body`: `any`"]),
        ("{ bo⎮dy: {", &["body: any", "JSON to post"]),
        ("time⎮out: 10s", &["timeout: duration", "15s"]),
        ("event lead.⎮*: Lead", &["event lead.*", "`Lead`", "`email`: `email`. Where to reach them."]),
        ("on lead.cre⎮ated", &["event lead.created", "`Lead`"]),
        ("schema Le⎮ad", &["schema Lead", "A person who may buy something.", "`source`"]),
        ("event lead.*: Le⎮ad", &["schema Lead"]),
        ("name: te⎮xt,", &["text", "case-sensitive"]),
        ("in stag⎮ing", &["environments", "environment of the workspace"]),
        ("connection hook: web⎮hook", &["integration webhook", "`send_webhook`"]),
        ("where li⎮ne.sku", &["line: record"]),
        ("for ea⎮ch line", &["each"]),
        ("expect rule te⎮ll", &["rule tell"]),
        ("given lead.created { sou⎮rce", &["\"organic\" | \"webinar\" | \"partner\""]),
    ] {
        let found = client.hover("leads.route", at);
        for one in wanted {
            assert!(found.contains(one), "{at}: no {one:?} in {found}");
        }
    }
    assert_eq!(client.hover("leads.route", "\"🚨⎮ {lead"), "");
    client.end();
}

#[test]
fn a_definition_is_where_a_name_was_given() {
    let mut client = open();
    client.open("more.route", "rule more {\n  on lead.x as it\n  when it is enterprise\n  deliver hook.send_webhook { body: it.company.name }\n}\n");
    for (file, at, wanted) in [
        ("more.route", "it is ⎮enterprise", "leads.route: enterprise"),
        ("more.route", "⎮hook.send", "leads.route: hook"),
        ("more.route", "when ⎮it is", "more.route: it"),
        ("more.route", "it.company.na⎮me", "leads.route: name"),
        ("more.route", "on lead.⎮x", "leads.route: lead.*"),
        ("leads.route", "with care⎮ful", "leads.route: careful"),
        ("leads.route", "event lead.*: ⎮Lead", "leads.route: Lead"),
        ("leads.route", "body: ⎮line.sku", "leads.route: line"),
        ("leads.route", "expect rule ⎮tell", "leads.route: tell"),
        ("leads.route", "in ⎮staging", "leads.route: staging"),
        ("leads.route", "idempotency_key: ⎮lead.email", "leads.route: lead"),
        ("leads.route", "from \"lists/⎮vips.csv", "lists/vips.csv: "),
        ("leads.route", "ti⎮meout", ""),
    ] {
        assert_eq!(client.definition(file, at), wanted, "{file} {at}");
    }
    client.end();
}

fn renamed(client: &mut Client, file: &str, at: &str, to: &str) -> Result<Value, String> {
    client.ask_at("textDocument/rename", file, at, json!({ "newName": to }))
}

#[test]
fn renaming_changes_every_use_in_every_file() {
    let mut client = open();
    let more = "rule more {\n  on lead.x as hook\n  when hook is enterprise\n  deliver hook.send_webhook { body: hook.company.name }\n}\n";
    client.open("more.route", more);
    let edit = renamed(&mut client, "more.route", "hook is ⎮enterprise", "big").expect("renamed");
    assert_eq!(client.applied(&edit, "leads.route"), RULES.replace("enterprise", "big"));
    assert_eq!(client.applied(&edit, "more.route"), more.replace("enterprise", "big"));
    let edit = renamed(&mut client, "leads.route", "connection ⎮hook", "out").expect("renamed");
    let wanted = RULES.replace("connection hook", "connection out").replace("hook.send", "out.send");
    assert_eq!(client.applied(&edit, "leads.route"), wanted);
    assert_eq!(
        client.applied(&edit, "more.route"),
        more.replace("hook.send", "out.send"),
        "the payload keeps its name"
    );
    let edit = renamed(&mut client, "more.route", "⎮hook is enterprise", "it").expect("renamed");
    assert_eq!(
        client.applied(&edit, "more.route"),
        more.replace("as hook", "as it").replace("hook is", "it is").replace("hook.company", "it.company")
    );
    assert_eq!(client.applied(&edit, "leads.route"), RULES);
    for (at, to, old, new) in [
        ("with care⎮ful", "gentle", "careful", "gentle"),
        ("schedule off⎮ice", "hours", "office", "hours"),
        ("const em⎮ea", "near", "emea", "near"),
        ("expect rule te⎮ll", "say", "rule tell", "rule say"),
        ("⎮line.sku }", "one", "line", "one"),
        ("in ⎮staging", "test_stage", "staging", "test_stage"),
    ] {
        let edit = renamed(&mut client, "leads.route", at, to).expect("renamed");
        let wanted = RULES.replace("lines", "LINES").replace(old, new).replace("LINES", "lines");
        assert_eq!(client.applied(&edit, "leads.route"), wanted, "{at}");
    }
    client.end();
}

#[test]
fn a_rename_that_would_break_something_is_refused() {
    let mut client = open();
    client.open(
        "more.route",
        "connection other: webhook\nrule more { on a deliver hook.send_webhook { body: payload.x } }\n",
    );
    for (file, at, to, wanted) in [
        ("leads.route", "connection ⎮hook", "other", "`other` is already the name of something else"),
        ("leads.route", "connection ⎮hook", "when", "`when` is a word of the language"),
        ("leads.route", "connection ⎮hook", "9x", "`9x` is not a name"),
        ("leads.route", "connection ⎮hook", "für", "`für` is not a name"),
        ("leads.route", "where ⎮line.sku", "lead", "`lead` is already the name of something else"),
        ("leads.route", "where ⎮line.sku", "emea", "`emea` is already the name of something else"),
        ("leads.route", "const ⎮emea", "enterprise", "`enterprise` is already the name of something else"),
        ("leads.route", "lead.⎮email}", "mail", "only names that the rule files declare"),
        ("leads.route", "⎮timeout: 10s", "x", "only names that the rule files declare"),
        ("more.route", "body: ⎮payload.x", "x", "write `as payload` after `on` first"),
    ] {
        let refused = renamed(&mut client, file, at, to).expect_err(at);
        assert!(refused.contains(wanted), "{at}: {refused}");
    }
    let ready =
        client.ask_at("textDocument/prepareRename", "leads.route", "connection ho⎮ok", json!({})).unwrap();
    assert_eq!(ready["placeholder"], "hook");
    client.end();
}

#[test]
fn references_and_highlights() {
    let mut client = open();
    let context = json!({ "context": { "includeDeclaration": true } });
    let found = client.ask_at("textDocument/references", "leads.route", "connection ho⎮ok", context).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 4, "{found}");
    let context = json!({ "context": { "includeDeclaration": false } });
    let found = client.ask_at("textDocument/references", "leads.route", "connection ho⎮ok", context).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 3, "{found}");
    let found =
        client.ask_at("textDocument/documentHighlight", "leads.route", "each li⎮ne in", json!({})).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 3, "{found}");
    client.end();
}

#[test]
fn the_outline_lists_declarations_and_the_rules_of_groups() {
    let mut client = Client::with(&[]);
    client.open("a.route", "const a = 1\ngroup g first_match {\n  rule one { on x ignore }\n  rule two {\n    on y\n    ignore\n  }\n}\ntest \"t\" { given x {} expect nothing }\n");
    let uri = client.uri("a.route");
    let found = client.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri } }));
    let names: Vec<&str> =
        found.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "g", "\"t\""]);
    let two = &found[1]["children"][1];
    assert_eq!(two["name"], "two");
    assert_eq!((&two["range"]["start"]["line"], &two["range"]["end"]["line"]), (&json!(3), &json!(6)));
    assert_eq!(two["selectionRange"]["start"], json!({ "line": 3, "character": 7 }));
    client.end();
}

#[test]
fn broken_text_answers_like_any_other() {
    let mut client = open();
    for end in (0..RULES.len()).filter(|end| RULES.is_char_boundary(*end)).step_by(7) {
        client.change("leads.route", json!([{ "text": &RULES[..end] }]));
        let at = client::place(RULES, end);
        let place = json!({ "textDocument": { "uri": client.uri("leads.route") }, "position": at });
        for method in ["textDocument/completion", "textDocument/hover", "textDocument/definition"] {
            client.ask(method, place.clone());
        }
    }
    client.change("leads.route", json!([{ "text": RULES }]));
    assert_eq!(client.wrong("leads.route"), Vec::<String>::new());
    client.end();
}

#[test]
fn a_file_that_changes_on_disk_counts_unless_it_is_open() {
    let mut client = Client::with(&[("b.route", "connection other: webhook\n")]);
    client.open("a.route", "rule r { on a deliver ");
    assert_eq!(client.proposals("a.route", "deliver ⎮"), ["other"]);
    std::fs::write(client.path("b.route"), "connection new: webhook\n").unwrap();
    let changes = json!({ "changes": [{ "uri": client.uri("b.route"), "type": 2 }] });
    client.tell("workspace/didChangeWatchedFiles", changes.clone());
    assert_eq!(client.proposals("a.route", "deliver ⎮"), ["new"]);
    client.open("b.route", "connection unsaved: webhook\n");
    client.tell("workspace/didChangeWatchedFiles", changes);
    assert_eq!(client.proposals("a.route", "deliver ⎮"), ["unsaved"]);
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": client.uri("b.route") } }));
    assert_eq!(client.proposals("a.route", "deliver ⎮"), ["new"]);
    client.end();
}

#[test]
fn what_is_not_known_is_refused_and_the_server_lives_on() {
    let mut client = open();
    assert!(client.try_ask("textDocument/unheardOf", json!({})).is_err());
    assert!(client.try_ask("textDocument/hover", json!({ "position": 3 })).is_err());
    client.tell("textDocument/didChange", json!("nonsense"));
    assert_eq!(client.wrong("leads.route"), Vec::<String>::new());
    client.end();
}

#[test]
fn a_text_that_was_never_saved_is_a_bundle_of_its_own() {
    let mut client = Client::with(&[]);
    let text = "connection c: webhook\nrule r { on a deliver ";
    let document =
        json!({ "uri": "untitled:Untitled-1", "languageId": "fanwise", "version": 1, "text": text });
    client.tell("textDocument/didOpen", json!({ "textDocument": document }));
    let place = json!({ "textDocument": { "uri": "untitled:Untitled-1" }, "position": { "line": 1, "character": 22 } });
    let found = client.ask("textDocument/completion", place);
    assert_eq!(found[0]["label"], "c");
    client.end();
}
