//! What happened, found by every filter and by conditions; replays of many; drafts against the past.

use serde_json::{Value, json};

use crate::app::{App, items};
use crate::receiver::{Answer, Receiver};

const RULES: &str = "edition 2026
connection hook: webhook
connection other: webhook
policy once { retry: { attempts: 1 } }
rule big { on order.* as order when order.total > 10 deliver hook.send_webhook { body: { id: order.id } } with once }
rule all_paid { on order.paid as order deliver other.send_webhook { body: order } with once }
";

/// Five events: `order.paid` 5, 15 and 25, `order.sent` 35, `user.new`.
async fn app(receiver: &Receiver) -> App {
    let app = App::with_workspace().await;
    app.connect("hook", &receiver.url).await;
    app.connect("other", &receiver.url).await;
    app.publish(RULES).await.expect(200);
    for (kind, total) in
        [("order.paid", 5), ("order.paid", 15), ("order.paid", 25), ("order.sent", 35), ("user.new", 0)]
    {
        let event = json!({
            "event": kind, "id": format!("e{total}"), "resource": "shop", "resource_id": format!("cust_{}", total % 2),
            "payload": { "id": format!("o{total}"), "total": total },
        });
        let answer = app.post("/v1/workspaces/ws/events", event).await.expect(202);
        for delivery in answer["deliveries"].as_array().unwrap() {
            app.until(
                &format!("/v1/workspaces/ws/deliveries/{}", delivery["id"].as_str().unwrap()),
                |body| ["delivered", "dead_letter"].contains(&body["state"].as_str().unwrap()),
            )
            .await;
        }
    }
    app
}

/// Names and values of a query.
type Pairs<'a> = &'a [(&'a str, &'a str)];

fn query(pairs: Pairs<'_>) -> String {
    let pairs = pairs.iter().map(|(name, value)| {
        let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("{name}={value}")
    });
    pairs.collect::<Vec<_>>().join("&")
}

async fn found(app: &App, list: &str, pairs: Pairs<'_>, field: &str) -> Vec<String> {
    let path = format!("/v1/workspaces/ws/{list}?{}", query(pairs));
    let list = app.get(&path).await.expect(200);
    items(&list).iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_deliveries_are_found_by_every_filter_and_by_conditions_also_after_a_restart() {
    let receiver = Receiver::start(&[Answer::Status(204), Answer::Status(400)]).await;
    let mut app = app(&receiver).await;
    let revision = app.get("/v1/workspaces/ws/rules").await.expect(200)["revision"]["id"].clone();
    let revision = revision.as_str().unwrap().to_owned();
    let first = app.get("/v1/workspaces/ws/events/e25").await.expect(200)["received_at"].clone();
    let time = first.as_str().unwrap();
    let events: &[(Pairs<'_>, &[&str])] = &[
        (&[], &["e0", "e35", "e25", "e15", "e5"]),
        (&[("type", "order.paid")], &["e25", "e15", "e5"]),
        (&[("type", "order.*")], &["e35", "e25", "e15", "e5"]),
        (&[("type", "*.new"), ("resource", "shop")], &["e0"]),
        (&[("resource", "bank")], &[]),
        (&[("resource_id", "cust_0")], &["e0"]),
        (&[("id", "e15")], &["e15"]),
        (&[("revision", &revision), ("limit", "2")], &["e0", "e35"]),
        (&[("revision", "1"), ("type", "user.new")], &["e0"]),
        (&[("after", time)], &["e0", "e35", "e25"]),
        (&[("before", time)], &["e15", "e5"]),
        (&[("where", "payload.total > 10")], &["e35", "e25", "e15"]),
        (&[("where", "payload.total > 10 and event.type is \"order.paid\""), ("before", time)], &["e15"]),
        (&[("where", "payload.missing.field > 10")], &[]),
    ];
    // The second attempt of all got a 400.
    let deliveries: &[(Pairs<'_>, &[&str])] = &[
        (&[("rule", "big")], &["e35", "e25", "e15"]),
        (&[("connection", "other")], &["e25", "e15", "e5"]),
        (&[("state", "dead_letter")], &["e15"]),
        (&[("outcome", "destination_error")], &["e15"]),
        (&[("outcome", "delivered"), ("type", "order.sent")], &["e35"]),
        (&[("event", "e25"), ("rule", "all_paid")], &["e25"]),
        (&[("where", "payload.total < 20"), ("rule", "all_paid")], &["e15", "e5"]),
        (&[("resource_id", "cust_0")], &[]),
    ];
    for when in ["as written", "after a restart"] {
        for (pairs, expected) in events {
            assert_eq!(found(&app, "events", pairs, "id").await, *expected, "{when}: {pairs:?}");
        }
        for (pairs, expected) in deliveries {
            assert_eq!(found(&app, "deliveries", pairs, "event").await, *expected, "{when}: {pairs:?}");
        }
        let dead = found(&app, "dead-letters", &[("where", "payload.total is 15")], "event").await;
        assert_eq!(dead, ["e15"], "{when}");
        app.restart().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_filters_are_told_and_those_in_conditions_by_the_language() {
    let app = App::with_workspace().await;
    for (pairs, problem, words) in [
        (("where", "resource is \"x\""), "condition-refused", "condition:1:1"),
        (("where", "payload.total > "), "condition-refused", "E0"),
        (("where", "payload.a > 1 } rule b { on ** ignore \"x\""), "condition-refused", "E0"),
        (("type", "a b"), "invalid-query", "pattern"),
        (("after", "yesterday"), "invalid-query", "2026-03-01"),
        (("wher", "x"), "invalid-query", "did you mean `where`?"),
        (("revision", "7"), "not-found", "revision"),
    ] {
        let got = app.get(&format!("/v1/workspaces/ws/events?{}", query(&[pairs]))).await;
        assert_eq!(got.problem(), problem, "{pairs:?}: {}", got.text);
        assert!(got.text.contains(words), "{pairs:?}: {}", got.text);
    }
    for pairs in [("state", "lost"), ("outcome", "lost"), ("state", "")] {
        let got = app.get(&format!("/v1/workspaces/ws/deliveries?{}", query(&[pairs]))).await;
        assert_eq!(got.problem(), "invalid-query", "{pairs:?}");
    }
}

async fn replayed(app: &App, body: Value) -> Value {
    let begun = app.post("/v1/workspaces/ws/replays", body).await;
    assert!([200, 202].contains(&begun.status), "{begun:?}");
    let path = format!("/v1/workspaces/ws/replays/{}", begun.body["id"].as_str().unwrap());
    app.until(&path, |replay| replay["state"] != "running").await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_replayed_once_under_one_id_also_after_a_restart() {
    let receiver = Receiver::start(&[Answer::Status(204), Answer::Status(400), Answer::Status(400)]).await;
    let mut app = app(&receiver).await;
    let sent = receiver.requests().len();
    let filter = json!({ "state": "dead_letter", "where": "payload.total > 10" });
    let preview = json!({ "filter": filter, "preview": true });
    let preview = app.post("/v1/workspaces/ws/replays", preview).await.expect(200);
    assert_eq!((&preview["matched"], &preview["complete"]), (&json!(2), &json!(true)), "{preview}");
    assert_eq!(receiver.requests().len(), sent, "a preview sends nothing");

    let ask = json!({ "id": "rpl_1", "filter": filter, "rate": 1000 });
    let done = replayed(&app, ask.clone()).await;
    assert_eq!(
        (&done["state"], &done["matched"], &done["replayed"]),
        (&json!("done"), &json!(2), &json!(2)),
        "{done}"
    );
    let requests = receiver.wait_for(sent + 2).await;
    assert!(requests[sent..].iter().all(|request| request.headers["fanwise-replay"] == "true"));
    let again = replayed(&app, ask.clone()).await;
    assert_eq!(again, done, "the same replay is not begun again");
    app.restart().await;
    assert_eq!(replayed(&app, ask).await["replayed"], 2);
    let other = json!({ "id": "rpl_1", "filter": { "state": "delivered" } });
    assert_eq!(app.post("/v1/workspaces/ws/replays", other).await.problem(), "conflict");

    // Another one finds the first ones and what replayed them: one of each is enough.
    let all = replayed(&app, json!({ "filter": { "event": "e15" }, "rate": 1000 })).await;
    assert_eq!(
        (&all["matched"], &all["replayed"], &all["repeated"]),
        (&json!(4), &json!(2), &json!(2)),
        "{all}"
    );
    receiver.wait_for(sent + 4).await;
    let listed = app.get("/v1/workspaces/ws/replays").await.expect(200);
    assert_eq!(items(&listed).len(), 2);
    for (body, problem) in [
        (json!({}), "invalid-request"),
        (json!({ "filter": {} }), "invalid-request"),
        (json!({ "filter": { "stat": "delivered" } }), "invalid-request"),
        (json!({ "filter": { "where": "payload.a >" } }), "condition-refused"),
        (json!({ "filter": { "rule": "big" }, "rate": 0 }), "invalid-request"),
        (json!({ "filter": { "rule": "big" }, "mode": "again" }), "invalid-request"),
    ] {
        assert_eq!(app.post("/v1/workspaces/ws/replays", body.clone()).await.problem(), problem, "{body}");
    }
    assert_eq!(app.get("/v1/workspaces/ws/replays/rpl_x").await.problem(), "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_keeps_its_rate_is_cancelled_and_goes_on_after_a_restart() {
    let receiver = Receiver::start(&[]).await;
    let mut app = app(&receiver).await;
    let lines: String = (0..40)
        .map(|n| format!("{}\n", json!({ "event": "order.paid", "payload": { "total": n % 10 } })))
        .collect();
    app.post_lines("/v1/workspaces/ws/events", &lines).await;
    app.until("/v1/workspaces/ws/deliveries?state=waiting", |list| items(list).is_empty()).await;
    app.until("/v1/workspaces/ws/deliveries?state=in_flight", |list| items(list).is_empty()).await;
    let ask = json!({ "id": "slow", "filter": { "rule": "all_paid" }, "rate": 10 });
    app.post("/v1/workspaces/ws/replays", ask.clone()).await.expect(202);
    let path = "/v1/workspaces/ws/replays/slow";
    app.until(path, |replay| replay["replayed"].as_u64().unwrap() >= 2).await;
    let before = app.get(path).await.expect(200);
    assert_eq!(before["state"], "running");
    app.restart().await;
    let after = app.until(path, |replay| replay["replayed"].as_u64() > before["replayed"].as_u64()).await;
    assert_eq!(after["state"], "running");
    assert_eq!(app.send("DELETE", path, &[], "").await.status, 202);
    let ended = app.until(path, |replay| replay["state"] != "running").await;
    assert_eq!(ended["state"], "cancelled");
    assert!(ended["replayed"].as_u64().unwrap() < 43, "{ended}");
    assert_eq!(app.send("DELETE", path, &[], "").await.problem(), "conflict");
    // Each was replayed once, whatever the restart interrupted.
    let page = app.get("/v1/workspaces/ws/deliveries?rule=all_paid&limit=250").await.expect(200);
    let mut originals: Vec<&str> = items(&page).iter().filter_map(|one| one["replay_of"].as_str()).collect();
    let count = originals.len();
    originals.sort_unstable();
    originals.dedup();
    assert_eq!(originals.len(), count);
    assert!(count >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_matched_again_by_the_rules_that_are_live() {
    let receiver = Receiver::start(&[]).await;
    let app = app(&receiver).await;
    let rules = RULES
        .replace("order.total > 10", "order.total > 20")
        .replace("{ id: order.id }", "{ now: order.total }");
    app.publish(&rules).await.expect(200);
    let sent = receiver.requests().len();
    let ask = json!({ "filter": { "type": "order.*", "rule": "big" }, "mode": "rematch", "rate": 1000 });
    let preview = json!({ "filter": ask["filter"], "mode": "rematch", "preview": true });
    assert_eq!(app.post("/v1/workspaces/ws/replays", preview).await.expect(200)["matched"], 3);
    let done = replayed(&app, ask).await;
    assert_eq!((&done["matched"], &done["replayed"]), (&json!(3), &json!(2)), "{done}");
    let mut bodies: Vec<String> =
        receiver.wait_for(sent + 2).await[sent..].iter().map(|request| request.body.clone()).collect();
    bodies.sort();
    assert_eq!(bodies, [r#"{"now":25}"#, r#"{"now":35}"#]);
    let by_events = replayed(&app, json!({ "filter": { "event": "e5" }, "mode": "rematch" })).await;
    assert_eq!((&by_events["matched"], &by_events["replayed"]), (&json!(1), &json!(1)), "{by_events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_compared_over_the_last_events_and_sends_nothing() {
    let receiver = Receiver::start(&[]).await;
    let app = app(&receiver).await;
    let sent = receiver.requests().len();
    let plan = async |text: &str, query: &str| {
        let bundle = json!({ "files": [{ "path": "rules.route", "text": text }] });
        app.post(&format!("/v1/workspaces/ws/rules/plan{query}"), bundle).await
    };
    let same = plan(RULES, "").await.expect(200);
    assert_eq!(same["differences"]["events"], 5);
    assert_eq!(same["differences"]["events_changed"], 0, "{same:#}");
    assert_eq!(same["differences"]["rules"]["big"]["same"], 3);
    let draft = RULES
        .replace("order.total > 10", "order.total < 30")
        .replace("body: order }", "body: { t: order.total } }");
    let found = plan(&draft, "").await.expect(200);
    let counts = |rule: &str| {
        let one = &found["differences"]["rules"][rule];
        ["added", "removed", "changed", "same"].map(|name| one[name].as_u64().unwrap())
    };
    assert_eq!((counts("big"), counts("all_paid")), ([1, 1, 0, 2], [0, 0, 3, 0]), "{found:#}");
    assert_eq!(found["differences"]["events_changed"], 4);
    let examples = found["differences"]["rules"]["all_paid"]["examples"].as_array().unwrap();
    let first = &examples[0];
    assert_eq!((&first["kind"], &first["event"]), (&json!("changed"), &json!("e25")));
    assert_eq!(first["before"]["input"], json!({ "body": { "id": "o25", "total": 25 } }));
    assert_eq!(first["after"]["input"], json!({ "body": { "t": 25 } }));
    let two = plan(&draft, "?last=2").await.expect(200);
    assert_eq!(
        (&two["differences"]["events"], &two["differences"]["events_changed"]),
        (&json!(2), &json!(1))
    );
    let some = plan(&draft, "?type=order.sent").await.expect(200);
    assert_eq!(some["differences"]["rules"]["big"]["removed"], 1);
    assert_eq!(plan("edition 2026\nrule a { on x deliver y.z }\n", "").await.problem(), "rules-refused");
    assert_eq!(plan(RULES, "?last=0").await.problem(), "invalid-query");
    assert_eq!(receiver.requests().len(), sent);
    assert_eq!(
        app.get("/v1/workspaces/ws/revisions").await.expect(200)["items"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_says_with_which_settings_of_its_connection_it_was_made() {
    let (old, new) =
        (Receiver::start(&[Answer::Status(500), Answer::Status(500)]).await, Receiver::start(&[]).await);
    let app = App::with_workspace().await;
    assert_eq!(app.connect("hook", &old.url).await["version"], 1);
    let retry = "{ attempts: 9, first_wait: 300ms, longest_wait: 1s, jitter: 0% }";
    app.publish(&format!(
        "edition 2026\nconnection hook: webhook\nrule a {{ on ** as it deliver hook.send_webhook {{ body: it }} with {{ retry: {retry} }} }}\n"
    ))
    .await
    .expect(200);
    let event = app.event("a", json!({})).await;
    old.wait_for(1).await;
    app.post("/v1/workspaces/ws/connections/hook/rotate", json!({})).await.expect(200);
    old.wait_for(2).await;
    app.json("PATCH", "/v1/workspaces/ws/connections/hook", json!({ "url": new.url })).await.expect(200);
    let done = app.settled(&event["deliveries"][0], "delivered").await;
    let versions: Vec<u64> = done["attempt_list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["connection_version"].as_u64().unwrap())
        .collect();
    assert_eq!(versions, [1, 2, 3], "{done:#}");
    assert_eq!(app.get("/v1/workspaces/ws/connections/hook").await.expect(200)["version"], 3);
    let signatures = old.requests()[1].headers["webhook-signature"].split(' ').count();
    assert_eq!((signatures, new.requests().len()), (2, 1), "the rotated secret signs beside the old one");
}
