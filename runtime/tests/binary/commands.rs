//! The offline commands: what they print where, and how they end.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const GOOD: &str = "edition 2026
connection hook: webhook
rule big { on order.paid as order when order.total > 10 deliver hook.send_webhook { body: { id: order.id } } }
rule each_one { on order.* deliver hook.send_webhook }
";

const BAD: &str = "edition 2026
connection hook: webhook
schema Order { id: text, total: decimal }
event order.*: Order
rule a { on order.paid as order when order.totl > 5 deliver hook.send_webhook { body: order } }
rule b { on order.paid as order when order.total == 5 deliver hook.send_webhook { body: order } }
rule c { on order.paid as order deliver hook.send_webook { body: order } }
";

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn fanwise(arguments: &[&str], input: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanwise"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read its input closes it: that is no failure of the test.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let ended = child.wait_with_output().unwrap();
    Ran {
        code: ended.status.code().unwrap(),
        out: String::from_utf8(ended.stdout).unwrap(),
        err: String::from_utf8(ended.stderr).unwrap(),
    }
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn check_tells_mistakes_on_stderr_and_ends_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (written(folder.path(), "good.route", GOOD), written(folder.path(), "bad.route", BAD));
    let ran = fanwise(&["check", &good], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert_eq!(ran.err, "1 file checked, no mistakes; 2 fields unchecked\n");
    let declared =
        GOOD.replace("rule big", "schema Order { id: text, total: int }\nevent order.*: Order\nrule big");
    let declared = written(folder.path(), "declared.route", &declared);
    assert_eq!(fanwise(&["check", &declared], "").err, "1 file checked, no mistakes\n");
    let ran = fanwise(&["check", &bad], "");
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    for line in [5, 6, 7] {
        assert!(ran.err.contains(&format!("bad.route:{line}:")), "{}", ran.err);
    }
    assert!(
        ran.err.matches('^').count() >= 3
            && ran.err.matches("= fix:").count() + ran.err.matches("= help:").count() >= 3,
        "{}",
        ran.err
    );
    assert!(!ran.err.contains('\u{1b}'), "no colours where there is no terminal");

    let ran = fanwise(&["check", "--output", "json", &bad], "");
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &document["errors"]), (3, &json!(3)), "{document:#}");
    assert_eq!(fanwise(&["check", "/nowhere.route"], "").code, 1);
    assert_eq!(fanwise(&["check"], "").code, 2);
    assert_eq!(fanwise(&["chekc"], "").code, 2);
}

#[test]
fn match_prints_one_line_per_event() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), "rules.route", GOOD);
    let rules = folder.path().to_str().unwrap();
    let events = "{\"event\":\"order.paid\",\"payload\":{\"id\":\"o1\",\"total\":10.50}}\n\
        \n\
        {\"event\":\"order.sent\",\"payload\":{\"a\":1e2}}\n\
        {\"event\":\"other\",\"payload\":null}\n";
    let expected = "{\"line\":1,\"type\":\"order.paid\",\"rules\":[\"big\",\"each_one\"],\"deliveries\":[\
        {\"rule\":\"big\",\"connection\":\"hook\",\"action\":\"send_webhook\",\"input\":{\"body\":{\"id\":\"o1\"}}},\
        {\"rule\":\"each_one\",\"connection\":\"hook\",\"action\":\"send_webhook\",\"input\":{\"body\":{\"id\":\"o1\",\"total\":10.50}}}]}\n\
        {\"line\":3,\"type\":\"order.sent\",\"rules\":[\"each_one\"],\"deliveries\":[\
        {\"rule\":\"each_one\",\"connection\":\"hook\",\"action\":\"send_webhook\",\"input\":{\"body\":{\"a\":1e2}}}]}\n\
        {\"line\":4,\"type\":\"other\",\"rules\":[],\"deliveries\":[]}\n";
    for more in [&[][..], &["--no-jit"][..]] {
        let arguments = [&["match", "--rules", rules, "--events", "-"], more].concat();
        let ran = fanwise(&arguments, events);
        assert_eq!((ran.code, ran.out.as_str()), (0, expected), "{}", ran.err);
    }
    let ran = fanwise(&["match", "--rules", rules, "--events", "-", "--trace"], events);
    let first: Value = serde_json::from_str(ran.out.lines().nth(1).unwrap()).unwrap();
    assert_eq!(first["trace"]["rules"][0]["rule"], "big", "{first:#}");

    let ran = fanwise(
        &["match", "--rules", rules, "--events", "-"],
        "{\"event\":1}\n{\"event\":\"a\",\"payload\":1}\n",
    );
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ran.code, 1);
    assert_eq!(lines[0]["error"]["type"], "/problems/invalid-request");
    assert_eq!(lines[1]["type"], "a");
}

#[test]
fn match_does_not_run_rules_with_errors() {
    let folder = tempfile::tempdir().unwrap();
    let bad = written(folder.path(), "bad.route", BAD);
    let ran = fanwise(&["match", "--rules", &bad, "--events", "-"], "{\"event\":\"a\",\"payload\":1}\n");
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    assert!(ran.err.contains("bad.route:5:"), "{}", ran.err);
}

#[test]
fn explain_prints_a_page_or_says_what_is_near() {
    let ran = fanwise(&["explain", "e0203"], "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("E0203"), "{}", ran.out);
    let ran = fanwise(&["explain", "E9999"], "");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
}

#[test]
fn a_server_that_is_not_there_ends_with_6() {
    let nowhere = ["--server", "http://127.0.0.1:9", "--workspace", "ws", "--key", "k"];
    for command in [&["why", "evt_1"][..], &["emit", "a.b", "{}"][..]] {
        let ran = fanwise(&[command, &nowhere].concat(), "");
        assert_eq!((ran.code, ran.out.as_str()), (6, ""), "{}", ran.err);
        assert!(ran.err.contains("cannot be reached"), "{}", ran.err);
    }
}

#[test]
fn import_writes_rules_to_stdout_and_what_needs_a_look_to_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let pattern =
        written(folder.path(), "pattern.json", r#"{ "detail": { "state": ["a"], "state": ["b"] } }"#);
    let ran = fanwise(&["import", "eventbridge", &pattern], "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.starts_with("/detail/state: "), "{}", ran.err);
    let imported = written(folder.path(), "imported.route", &ran.out);
    assert_eq!(fanwise(&["check", &imported], "").code, 0);
    let events = r#"{"event":"x","payload":{"detail":{"state":"b"}}}"#;
    let ran = fanwise(&["match", "--rules", &imported, "--events", "-"], events);
    assert!(ran.out.contains(r#""rules":["imported_pattern"]"#), "{} {}", ran.out, ran.err);

    let example = written(folder.path(), "event.json", r#"{ "detail": { "state": "a" } }"#);
    let ran = fanwise(&["import", "eventbridge", &pattern, "--example", &example, "--rule", "States"], "");
    assert!(
        ran.out.contains("rule states {\n  on **\n  when payload.detail.state is \"b\"\n"),
        "{}",
        ran.out
    );

    let ran = fanwise(&["import", "fql", "-"], "type = 'track'");
    assert!(
        ran.code == 0 && ran.err.is_empty() && ran.out.contains("payload.type is \"track\""),
        "{}",
        ran.out
    );
    let ran = fanwise(&["import", "fql", "-"], "type =");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("1:7: "), "{}", ran.err);
    assert_eq!(fanwise(&["import", "meshes", "-"], r#"{ "rules": [] }"#).code, 0);
    assert_eq!(fanwise(&["import", "zapier", "-"], "").code, 2);
}

const TESTED: &str = "edition 2026

connection hook: webhook

rule big {
  on order.paid as order
  when order.total > 10
  deliver hook.send_webhook { body: { id: order.id } }
}

test \"big orders are sent\" {
  given order.paid { id: \"o1\", total: 11 }
  expect hook.send_webhook { body: { id: \"o1\" } }
}
";

#[test]
fn tests_pass_or_say_what_kept_the_rule_from_firing() {
    let folder = tempfile::tempdir().unwrap();
    let good = written(folder.path(), "good.route", TESTED);
    let ran = fanwise(&["test", &good], "");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", "1 test passed\n"));
    let failing = written(folder.path(), "failing.route", &TESTED.replace("total: 11", "total: 9"));
    let ran = fanwise(&["test", &failing], "");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for part in
        ["test failed: \"big orders are sent\"", "failing.route:", "was not sent", "0 tests passed, 1 failed"]
    {
        assert!(ran.err.contains(part), "{part} in {}", ran.err);
    }
    let ran = fanwise(&["test", "--output", "json", &failing], "");
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["tests"][0]["outcome"], "failed");
    assert_eq!(document["tests"][0]["diagnostic"]["code"], "E0610");
    let bad = written(folder.path(), "bad.route", BAD);
    assert_eq!(fanwise(&["test", &bad], "").code, 3);
}

#[test]
fn fmt_writes_the_one_style_and_leaves_mistakes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let untidy = TESTED.replace("  when", "when").replace("{ id: order.id }", "{id:order.id}");
    let file = written(folder.path(), "rules.route", &untidy);
    assert_eq!(fanwise(&["fmt", "--check", &file], "").code, 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), untidy);
    assert_eq!(fanwise(&["fmt", &file], "").code, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), TESTED);
    assert_eq!(fanwise(&["fmt", "--check", folder.path().to_str().unwrap()], "").code, 0);
    let piped = fanwise(&["fmt", "-"], &untidy);
    assert_eq!((piped.code, piped.out.as_str()), (0, TESTED));
    let broken = written(folder.path(), "broken.route", "rule {");
    let ran = fanwise(&["fmt", folder.path().to_str().unwrap()], "");
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(fs::read_to_string(&broken).unwrap(), "rule {");
}

#[test]
fn fix_applies_what_needs_no_choice() {
    let folder = tempfile::tempdir().unwrap();
    let bad = written(folder.path(), "bad.route", BAD);
    let rules = folder.path().to_str().unwrap();
    let fixed = BAD.replace("totl", "total").replace("==", "is").replace("webook", "webhook");

    let ran = fanwise(&["fix", "--dry-run", rules], "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with(&format!("--- {bad}\n+++ {bad}\n@@ -2,6 +2,6 @@\n")), "{}", ran.out);
    assert_eq!(
        (ran.out.matches("\n-rule").count(), ran.out.matches("\n+rule").count()),
        (3, 3),
        "{}",
        ran.out
    );
    let ran = fanwise(&["fix", "--check", rules], "");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
    assert!(ran.err.contains(&format!("would change: {bad}")), "{}", ran.err);
    assert_eq!(fs::read_to_string(&bad).unwrap(), BAD);

    let ran = fanwise(&["fix", rules], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert_eq!(fs::read_to_string(&bad).unwrap(), fixed);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines[0], format!("{bad}:5:44: E0203: replace `totl` with `total`"));
    assert_eq!(lines[3..], [format!("fixed: {bad}"), "3 fixes, no mistakes left".to_owned()], "{}", ran.err);

    let ran = fanwise(&["fix", "--check", rules], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, "nothing to fix, no mistakes left\n"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside the file");
    assert_eq!(fanwise(&["fix", "--check", "--dry-run", rules], "").code, 2);
    assert_eq!(fanwise(&["fix", "/nowhere.route"], "").code, 1);
}

#[test]
fn fix_of_one_file_keeps_names_that_its_neighbours_declare() {
    let folder = tempfile::tempdir().unwrap();
    let text = "edition 2026\nconnection hook: webhook\n\
        rule a { on a.b as x when x.a == 1 deliver hook.send_webhook deliver hooks.send_webhook }\n";
    let one = written(folder.path(), "one.route", text);
    let ran = fanwise(&["fix", "--dry-run", &one], "");
    assert!(ran.err.contains("replace `hooks` with `hook`"), "{}", ran.err);
    written(folder.path(), "two.route", "edition 2026\nconnection hooks: webhook\n");
    let ran = fanwise(&["fix", &one], "");
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(fs::read_to_string(&one).unwrap(), text.replace("==", "is"));
    assert_eq!(fanwise(&["fix", folder.path().to_str().unwrap()], "").code, 0);
}

#[test]
fn fix_leaves_choices_and_what_it_would_make_worse() {
    let folder = tempfile::tempdir().unwrap();
    let head = "edition 2026\nconnection hook: webhook\nconnection chat: slack\n";
    let choice = format!(
        "{head}rule a {{ on a.b as x when x.a is 1 or x.b is 2 and x.c == 3 deliver hook.send_webhook }}\n"
    );
    let choice = written(folder.path(), "choice.route", &choice);
    let worse = "rule b { on a.b deliver chat.send_mesage { p: 1, q: 2 } }\n";
    let worse_path = written(folder.path(), "worse.route", worse);
    let ran = fanwise(&["fix", folder.path().to_str().unwrap()], "");
    assert_eq!(ran.code, 3, "{}", ran.err);
    let text = fs::read_to_string(&choice).unwrap();
    assert!(text.contains("x.a is 1 or x.b is 2 and x.c is 3"), "{text}");
    assert_eq!(fs::read_to_string(&worse_path).unwrap(), worse);
    let left = format!("left as it is: {worse_path} has 1 error, and with its fixes it would have ");
    assert!(ran.err.contains(&left), "{}", ran.err);
    assert!(ran.err.ends_with("1 fix, still 2 errors: `fanwise check` shows what\n"), "{}", ran.err);
}
