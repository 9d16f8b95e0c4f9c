//! Publishing: all or nothing, and the way back.

use serde_json::{Value, json};

use crate::app::{App, items};

const FIRST: &str = "edition 2026
connection hook: webhook
rule first { on order.* as order deliver hook.send_webhook { body: order } }
";

const SECOND: &str = "edition 2026
connection hook: webhook
rule second { on order.* as order deliver hook.send_webhook { body: order } }
";

/// Three mistakes in three rules.
const WRONG: &str = "edition 2026
connection hook: webhook
schema Order { id: text, total: decimal }
event order.*: Order
rule a { on order.paid as order when order.totl > 5 deliver hook.send_webhook { body: order } }
rule b { on order.paid as order when order.total == 5 deliver hook.send_webhook { body: order } }
rule c { on order.paid as order deliver hook.send_webook { body: order } }
";

async fn matching(app: &App) -> Value {
    app.event("order.paid", json!({ "id": "1" })).await["rules"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_without_a_declared_type_are_counted() {
    let app = App::with_workspace().await;
    app.connect("hook", "http://127.0.0.1:9/").await;
    let rules = FIRST.replace("deliver", "when order.total > 5 and order.id is \"1\" deliver");
    assert_eq!(app.publish(&rules).await.expect(200)["unchecked"], 2);
    let declared = rules
        .replace("rule first", "schema Order { id: text, total: int }\nevent order.*: Order\nrule first");
    assert_eq!(app.publish(&declared).await.expect(200)["unchecked"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_rules_leave_the_old_revision_live() {
    let app = App::with_workspace().await;
    app.connect("hook", "http://127.0.0.1:9/").await;
    assert_eq!(matching(&app).await, json!([]));
    let published = app.publish(FIRST).await.expect(200);
    assert_eq!((&published["published"], &published["rules"]), (&json!(true), &json!(["first"])));
    assert_eq!(published["revision"]["number"], 1);
    assert_eq!(published["unchecked"], 0);
    assert_eq!(matching(&app).await, json!(["first"]));

    let got = app.publish(WRONG).await;
    assert_eq!(got.problem(), "rules-refused");
    assert_eq!(got.status, 422);
    assert_eq!(matching(&app).await, json!(["first"]));
    assert_eq!(items(&app.get("/v1/workspaces/ws/revisions").await.expect(200)).len(), 1);
    assert_eq!(app.get("/v1/workspaces/ws/rules").await.expect(200)["files"][0]["text"], FIRST);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_mistakes_are_three_messages_with_place_caret_and_help() {
    let app = App::with_workspace().await;
    app.connect("hook", "http://127.0.0.1:9/").await;
    let got = app.publish(WRONG).await;
    let errors: Vec<&Value> =
        got.body["diagnostics"].as_array().unwrap().iter().filter(|one| one["severity"] == "error").collect();
    assert_eq!(errors.len(), 3, "{:#}", got.body);
    let text = got.body["text"].as_str().unwrap();
    for line in [5, 6, 7] {
        assert!(text.contains(&format!("rules.route:{line}:")), "no place in line {line}:\n{text}");
    }
    assert!(text.matches('^').count() >= 3, "carets:\n{text}");
    assert!(text.matches("= fix:").count() + text.matches("= help:").count() >= 3, "help:\n{text}");
    assert!(text.contains("`total`") && text.contains("`send_webhook`"), "suggestions:\n{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_publishes_nothing() {
    let app = App::with_workspace().await;
    app.connect("hook", "http://127.0.0.1:9/").await;
    let good = json!({ "files": [{ "path": "rules.route", "text": FIRST }] });
    let bad = json!({ "files": [{ "path": "rules.route", "text": WRONG }] });
    for (method, path) in
        [("PUT", "/v1/workspaces/ws/rules?dry_run=true"), ("POST", "/v1/workspaces/ws/rules/check")]
    {
        let checked = app.json(method, path, good.clone()).await.expect(200);
        assert_eq!(checked["published"], false);
        assert_eq!(app.json(method, path, bad.clone()).await.problem(), "rules-refused");
    }
    assert_eq!(
        app.get("/v1/workspaces/ws/rules").await.expect(200),
        json!({ "revision": null, "files": [] })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_rules_name_must_be_there_and_stay() {
    let app = App::with_workspace().await;
    let got = app.publish(FIRST).await;
    assert_eq!(got.problem(), "rules-refused", "{got:?}");
    assert!(got.body["text"].as_str().unwrap().contains("`hook`"), "{got:?}");
    let made = app.connect("hook", "http://127.0.0.1:9/").await;
    app.publish(FIRST).await.expect(200);
    let path = format!("/v1/workspaces/ws/connections/{}", made["id"].as_str().unwrap());
    assert_eq!(app.send("DELETE", &path, &[], "").await.problem(), "in-use");
    app.publish("edition 2026\nconnection other: webhook\nrule r { on a deliver other.send_webhook }\n")
        .await;
    app.connect("other", "http://127.0.0.1:9/").await;
    app.publish("edition 2026\nconnection other: webhook\nrule r { on a deliver other.send_webhook }\n")
        .await
        .expect(200);
    assert_eq!(app.send("DELETE", &path, &[], "").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_back_publishes_the_old_files_again() {
    let app = App::with_workspace().await;
    app.connect("hook", "http://127.0.0.1:9/").await;
    app.publish(FIRST).await.expect(200);
    app.publish(SECOND).await.expect(200);
    assert_eq!(matching(&app).await, json!(["second"]));
    let back = app.post("/v1/workspaces/ws/revisions/1/rollback", json!({})).await.expect(200);
    assert_eq!((&back["revision"]["number"], &back["revision"]["rollback_of"]), (&json!(3), &json!(1)));
    assert_eq!(matching(&app).await, json!(["first"]));
    let revisions = app.get("/v1/workspaces/ws/revisions").await.expect(200);
    let live: Vec<_> =
        items(&revisions).iter().map(|one| (one["number"].as_u64().unwrap(), one["live"] == true)).collect();
    assert_eq!(live, [(3, true), (2, false), (1, false)]);
    assert_eq!(app.get("/v1/workspaces/ws/revisions/2").await.expect(200)["files"][0]["text"], SECOND);
    assert_eq!(app.post("/v1/workspaces/ws/revisions/9/rollback", json!({})).await.problem(), "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_none_is_refused() {
    let app = App::with_workspace().await;
    for (body, pointer) in [
        (json!({}), "/files"),
        (json!({ "files": [] }), "/files"),
        (json!({ "files": [{ "path": "../a.route", "text": "" }] }), "/files/0/path"),
        (json!({ "files": [{ "path": "a.route" }] }), "/files/0/text"),
        (
            json!({ "files": [{ "path": "a.route", "text": "" }, { "path": "a.route", "text": "" }] }),
            "/files/1/path",
        ),
        (json!({ "files": [{ "path": "a.route", "txt": "", "text": "" }] }), "/files/0/txt"),
    ] {
        let got = app.json("PUT", "/v1/workspaces/ws/rules", body).await;
        assert_eq!(got.problem(), "invalid-request");
        assert_eq!(got.body["errors"][0]["pointer"], pointer, "{got:?}");
    }
}

/// A rule and a test of it that does not hold.
const FAILING: &str = "edition 2026
connection hook: webhook
rule second { on order.* as order when order.total > 10 deliver hook.send_webhook { body: order } }
test \"cheap orders are sent, too\" {
  given order.paid { total: 5 }
  expect hook.send_webhook
}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_test_keeps_rules_from_going_live_unless_the_workspace_says_otherwise() {
    let mut app = App::with_workspace().await;
    app.connect("hook", "http://127.0.0.1:9/").await;
    app.publish(FIRST).await.expect(200);
    let got = app.publish(FAILING).await;
    assert_eq!((got.status, got.problem()), (422, "rules-refused"));
    let text = got.body["text"].as_str().unwrap();
    assert!(text.contains("cheap orders are sent, too") && text.contains("order.total > 10"), "{text}");
    assert_eq!(got.body["diagnostics"][0]["code"], "E0610");
    assert_eq!(matching(&app).await, json!(["first"]));
    let bundle = json!({ "files": [{ "path": "rules.route", "text": FAILING }] });
    let checked = app.post("/v1/workspaces/ws/rules/check", bundle.clone()).await;
    assert_eq!(checked.status, 422);
    // Nobody skips tests with a request of their own: the workspace says what they are for, and its admin.
    let skipped = app.json("PUT", "/v1/workspaces/ws/rules?skip_tests=true", bundle.clone()).await;
    assert_eq!(skipped.problem(), "invalid-query");
    let key = app.post("/v1/workspaces/ws/keys", json!({})).await.expect(201);
    let bearer = format!("Bearer {}", key["key"].as_str().unwrap());
    let with_key = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let warn = json!({ "failing_tests": "warn" });
    let got = app.send("PATCH", "/v1/workspaces/ws", &with_key, warn.to_string()).await;
    assert_eq!(got.problem(), "not-allowed");
    let wrong = app.json("PATCH", "/v1/workspaces/ws", json!({ "failing_tests": "ignore" })).await;
    assert_eq!(wrong.body["errors"][0]["pointer"], "/failing_tests");
    let shown = app.get("/v1/workspaces/ws").await.expect(200);
    assert_eq!(shown["failing_tests"], "refuse");
    let shown = app.json("PATCH", "/v1/workspaces/ws", warn).await.expect(200);
    assert_eq!((&shown["failing_tests"], &shown["name"]), (&json!("warn"), &json!("ws")));
    app.restart().await;
    let told = app.json("PUT", "/v1/workspaces/ws/rules", bundle).await.expect(200);
    assert_eq!(told["rules"], json!(["second"]));
    let warning = &told["diagnostics"][0];
    assert_eq!((&warning["code"], &warning["severity"]), (&json!("E0610"), &json!("warning")), "{told}");
    // Going back and forth runs no tests.
    app.post("/v1/workspaces/ws/revisions/1/rollback", json!({})).await.expect(200);
    app.post("/v1/workspaces/ws/revisions/2/rollback", json!({})).await.expect(200);
    app.publish(&FAILING.replace("total: 5", "total: 50")).await.expect(200);
}
