//! `fanwise lists`: lists that a workspace keeps, from the shell; and what stands in for them offline.

use std::fs;

use serde_json::{Value, json};

use crate::history::Bench;

const RULES: &str = "edition 2026
connection hook: webhook
list vips
rule vip { on order.* as order when order.email in vips deliver hook.send_webhook { body: order.email } }
test \"who is on the list\" {
  given order.paid { email: \"ann@x.example\" }
  expect hook.send_webhook
  given order.paid { email: \"eve@x.example\" }
  expect nothing
}
";

#[tokio::test(flavor = "multi_thread")]
async fn lists_from_the_shell() {
    let bench = Bench::start().await;
    let file = bench.folder.path().join("vips.csv");
    fs::write(&file, "# email,since\nann@x.example,2024\n\"bob@x.example\",2025\n\n").unwrap();
    let path = file.to_str().unwrap();
    // Each: arguments, exit code, and what stands in its output.
    let steps: &[(&[&str], i32, &[&str])] = &[
        (&["lists", "ls"], 0, &[]),
        (&["lists", "show", "vips"], 1, &["no list `vips`"]),
        (&["lists", "set", "vips", path], 0, &["vips  2 entries", "2 added, 0 removed"]),
        (&["lists", "set", "vips", path], 0, &["0 added, 0 removed"]),
        (&["lists", "add", "vips", "eve@x.example", "ann@x.example"], 0, &["vips  3 entries", "1 added"]),
        (&["lists", "remove", "vips", "eve@x.example", "no@x.example"], 0, &["1 removed"]),
        (&["lists", "add", "vips", "--file", path], 0, &["0 added"]),
        (&["lists", "add", "vips"], 2, &["ENTRY"]),
        (&["lists", "add", "none", "a"], 1, &["no list `none`"]),
        (&["lists", "set", "vips", "/nowhere/at/all"], 1, &["cannot be read"]),
        (&["lists", "show", "vips"], 0, &["ann@x.example\nbob@x.example\n"]),
        (&["lists", "show", "vips", "--limit", "1", "--output", "json"], 0, &["\"ann@x.example\"\n"]),
        (&["lists", "ls"], 0, &["vips  2 entries"]),
    ];
    for (arguments, expected, parts) in steps {
        let (code, out, err) = bench.fanwise(arguments).await;
        assert_eq!(code, *expected, "{arguments:?}: {out}{err}");
        for part in *parts {
            assert!(out.contains(part) || err.contains(part), "{arguments:?}: {part} is not in {out}{err}");
        }
    }
    let bundle = json!({ "files": [
        { "path": "a.route", "text": RULES },
        { "path": "lists/vips.csv", "text": "ann@x.example\n" },
    ] });
    bench.send("PUT", "/v1/workspaces/ws/rules", bundle).await;
    let event = json!({ "event": "order.paid", "payload": { "email": "bob@x.example" } });
    let answer = bench.send("POST", "/v1/workspaces/ws/events", event).await;
    assert_eq!(answer["rules"], json!(["vip"]), "by the workspace's list, not by the tests'");
    let (code, _, err) = bench.fanwise(&["lists", "delete", "vips"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("rules that are live ask the list `vips`"), "{err}");
    bench.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_bundle_says_what_is_in_a_list() {
    let bench = Bench::start().await;
    let rules = bench.folder.path().join("rules");
    fs::create_dir_all(rules.join("lists")).unwrap();
    fs::write(rules.join("a.route"), RULES).unwrap();
    let events = bench.folder.path().join("events.ndjson");
    fs::write(&events, "{\"event\":\"order.paid\",\"payload\":{\"email\":\"ann@x.example\"}}\n").unwrap();
    let (rules_path, events_path) = (rules.to_str().unwrap(), events.to_str().unwrap());
    for (entries, passes, matched) in [(None, 1, json!([])), (Some("ann@x.example"), 0, json!(["vip"]))] {
        if let Some(entries) = entries {
            fs::write(rules.join("lists/vips.csv"), entries).unwrap();
        }
        let (code, _, err) = bench.fanwise(&["test", rules_path]).await;
        assert_eq!(code, passes, "{err}");
        let (code, out, err) =
            bench.fanwise(&["match", "--rules", rules_path, "--events", events_path]).await;
        assert_eq!(code, 0, "{err}");
        let line: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(line["rules"], matched, "{line}");
    }
    bench.running.stop().await;
}
