//! Lists that a workspace keeps: changed over HTTP, asked by rules, gone with their workspace.

use runtime::control::{ConfigStore, Expect, RedbStore};
use serde_json::{Value, json};

use crate::app::{App, items};
use crate::receiver::Receiver;

const RULES: &str = "edition 2026
connection hook: webhook
list vips
rule known {
  on order.* as order
  when order.email in vips
  deliver hook.send_webhook { body: { id: order.id } }
}
rule shouted {
  on order.* as order
  when order.email in vips ignoring case
  deliver hook.send_webhook { body: { id: order.id } }
}
";

const LISTS: &str = "/v1/workspaces/ws/lists";
const VIPS: &str = "/v1/workspaces/ws/lists/vips";

/// A workspace with a connection.
async fn app() -> App {
    let app = App::with_workspace().await;
    app.connect("hook", "http://127.0.0.1:9/").await;
    app
}

async fn put(app: &App, entries: Value) -> Value {
    let got = app.json("PUT", VIPS, json!({ "entries": entries })).await;
    assert!(matches!(got.status, 200 | 201), "{got:?}");
    got.body
}

async fn patch(app: &App, change: Value) -> Value {
    app.json("PATCH", VIPS, change).await.expect(200)
}

/// The rules that take an order of that address.
async fn rules(app: &App, email: &str) -> Value {
    app.event("order.paid", json!({ "id": 1, "email": email })).await["rules"].clone()
}

async fn entries(app: &App, query: &str) -> (Vec<String>, Option<String>) {
    let page = app.get(&format!("{VIPS}/entries{query}")).await.expect(200);
    let entries = items(&page).iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    (entries, page["next"].as_str().map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_delivered_when_its_list_says_so() {
    let receiver = Receiver::start(&[]).await;
    let mut app = App::with_workspace().await;
    app.connect("hook", &receiver.url).await;
    let made =
        app.json("PUT", VIPS, json!({ "entries": ["ann@x.example", "bob@x.example"] })).await.expect(201);
    assert_eq!(
        (&made["name"], &made["size"], &made["version"], &made["added"]),
        (&json!("vips"), &json!(2), &json!(1), &json!(2))
    );
    let published = app.publish(RULES).await.expect(200);
    assert!(!published["text"].as_str().unwrap_or_default().contains("W0231"), "{published}");

    let sent = app.event("order.paid", json!({ "id": 1, "email": "ann@x.example" })).await;
    assert_eq!(sent["rules"], json!(["known", "shouted"]));
    app.settled(&sent["deliveries"][0], "delivered").await;
    assert_eq!(rules(&app, "eve@x.example").await, json!([]));
    assert_eq!(rules(&app, "BOB@x.example").await, json!(["shouted"]));

    // The next event after a change sees it, and nothing is published for it.
    let changed = patch(
        &app,
        json!({ "add": ["eve@x.example", "ann@x.example"], "remove": ["BOB@x.example", "bob@x.example"] }),
    )
    .await;
    assert_eq!(
        (&changed["added"], &changed["removed"], &changed["size"], &changed["version"]),
        (&json!(1), &json!(1), &json!(2), &json!(2))
    );
    assert_eq!(rules(&app, "eve@x.example").await, json!(["known", "shouted"]));
    assert_eq!(rules(&app, "bob@x.example").await, json!([]));
    assert_eq!(rules(&app, "BOB@x.example").await, json!([]));

    app.restart().await;
    assert_eq!(rules(&app, "EVE@x.example").await, json!(["shouted"]));
    assert_eq!(rules(&app, "bob@x.example").await, json!([]));
    assert_eq!(items(&app.get(LISTS).await.expect(200))[0]["version"], 2);

    // Another workspace has lists of its own: for it `vips` is unknown.
    app.post("/v1/workspaces", json!({ "id": "ws2" })).await.expect(201);
    let hook = json!({ "name": "hook", "integration": "webhook", "url": receiver.url });
    app.post("/v1/workspaces/ws2/connections", hook).await.expect(201);
    let bundle = json!({ "files": [{ "path": "rules.route", "text": RULES }] });
    let published = app.json("PUT", "/v1/workspaces/ws2/rules", bundle).await.expect(200);
    assert!(published["text"].as_str().unwrap().contains("W0231"), "{published}");
    let event = json!({ "event": "order.paid", "payload": { "id": 1, "email": "eve@x.example" } });
    let answer = app.post("/v1/workspaces/ws2/events", event.clone()).await.expect(202);
    assert_eq!(answer["rules"], json!([]));
    app.json("PUT", "/v1/workspaces/ws2/lists/vips", json!({ "entries": ["eve@x.example"] }))
        .await
        .expect(201);
    let answer = app.post("/v1/workspaces/ws2/events", event).await.expect(202);
    assert_eq!(answer["rules"], json!(["known", "shouted"]));
    assert_eq!(entries(&app, "").await.0, ["ann@x.example", "eve@x.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeating_a_change_changes_nothing() {
    let app = app().await;
    let first = put(&app, json!(["b", "a", "a"])).await;
    assert_eq!(first["size"], 2);
    let again = put(&app, json!(["a", "b"])).await;
    assert_eq!(
        (&again["version"], &again["updated_at"], &again["added"]),
        (&first["version"], &first["updated_at"], &json!(0))
    );
    for _ in 0..2 {
        let changed = patch(&app, json!({ "add": ["c"], "remove": ["a", "never"] })).await;
        assert_eq!((&changed["version"], &changed["size"]), (&json!(2), &json!(2)));
    }
    let replaced = put(&app, json!(["c", "d"])).await;
    assert_eq!(
        (&replaced["added"], &replaced["removed"], &replaced["version"]),
        (&json!(1), &json!(1), &json!(3))
    );
    assert_eq!(app.get(VIPS).await.expect(200)["size"], 2);
    assert_eq!(entries(&app, "").await, (vec!["c".to_owned(), "d".to_owned()], None));
    assert_eq!(put(&app, json!([])).await["size"], 0);
    assert_eq!(entries(&app, "").await, (vec![], None));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_come_in_pages_that_stay_right_while_the_list_changes() {
    let app = app().await;
    let all: Vec<String> = (0..30).map(|at| format!("e/{at:02} ü")).collect();
    put(&app, json!(all)).await;
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let (page, next) = entries(&app, &format!("?limit=7{cursor}")).await;
        assert!(page.len() <= 7);
        found.extend(page);
        let Some(next) = next else { break };
        cursor = format!("&cursor={next}");
        // What is gone was seen, and what is new comes behind.
        patch(&app, json!({ "remove": [found.last().unwrap()], "add": ["a", "e/99"] })).await;
    }
    let mut expected = all;
    expected.push("e/99".to_owned());
    assert_eq!(found, expected);
    assert_eq!(app.get(&format!("{VIPS}/entries?cursor=%21")).await.problem(), "invalid-query");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_or_too_much_changes_nothing() {
    let app = app().await;
    put(&app, json!(["a"])).await;
    let long = "x".repeat(513);
    let rows = [
        ("PUT", VIPS, json!({ "entries": ["b", 7] }), 422, "/entries/1"),
        ("PUT", VIPS, json!({ "entries": ["b", ""] }), 422, "/entries/1"),
        ("PUT", VIPS, json!({ "entries": [long] }), 422, "/entries/0"),
        ("PUT", VIPS, json!({ "entires": ["b"] }), 422, "/entries"),
        ("PUT", "/v1/workspaces/ws/lists/no-word", json!({ "entries": ["b"] }), 422, "no-word"),
        ("PATCH", VIPS, json!({}), 422, "/add"),
        ("PATCH", VIPS, json!({ "add": ["b"], "remove": ["c", "b"] }), 422, "/remove/1"),
        ("PATCH", "/v1/workspaces/ws/lists/none", json!({ "add": ["b"] }), 404, "none"),
        ("DELETE", "/v1/workspaces/ws/lists/none", json!({}), 404, "none"),
        ("GET", "/v1/workspaces/ws/lists/none", json!({}), 404, "none"),
        ("GET", "/v1/workspaces/ws/lists/none/entries", json!({}), 404, "none"),
    ];
    for (method, path, body, status, part) in rows {
        let got = app.json(method, path, body).await;
        let expected = if status == 404 { "not-found" } else { "invalid-request" };
        assert_eq!((got.status, got.problem()), (status, expected), "{method} {path}");
        assert!(part == "no-word" || got.text.contains(part), "{part} is not in {}", got.text);
    }
    // A list that is over its bound is refused as a whole, as is one list more than there may be.
    let many: Vec<String> = (0..1_000_001).map(|at| format!("{at}")).collect();
    let got = app.json("PUT", VIPS, json!({ "entries": many })).await;
    assert_eq!(
        (got.problem(), &got.body["limit"], &got.body["max"]),
        ("limit-reached", &json!("list_entries_max"), &json!(1_000_000))
    );
    assert_eq!(entries(&app, "").await.0, ["a"]);
    for at in 1..100 {
        app.json("PUT", &format!("{LISTS}/l{at}"), json!({ "entries": [] })).await.expect(201);
    }
    let got = app.json("PUT", &format!("{LISTS}/l100"), json!({ "entries": [] })).await;
    assert_eq!((got.problem(), &got.body["limit"]), ("limit-reached", &json!("lists_max")));
    assert_eq!(app.get(VIPS).await.expect(200)["version"], 1);
    assert_eq!(items(&app.get(LISTS).await.expect(200)).len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_live_rules_ask_is_not_deleted() {
    let app = app().await;
    put(&app, json!(["a"])).await;
    app.publish(RULES).await.expect(200);
    let got = app.send("DELETE", VIPS, &[], "").await;
    assert_eq!((got.status, got.problem()), (409, "in-use"));
    assert_eq!(rules(&app, "a").await, json!(["known", "shouted"]));
    app.publish(
        "edition 2026\nconnection hook: webhook\nrule r { on a deliver hook.send_webhook { body: 1 } }\n",
    )
    .await
    .expect(200);
    assert_eq!(app.send("DELETE", VIPS, &[], "").await.status, 204);
    assert_eq!(app.get(VIPS).await.problem(), "not-found");
    // Made anew it has nothing of what it had.
    assert_eq!(put(&app, json!(["b"])).await["version"], 1);
    assert_eq!(entries(&app, "").await.0, ["b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_comes_later_is_unknown_until_then() {
    let app = app().await;
    let published = app.publish(RULES).await.expect(200);
    assert!(
        published["text"].as_str().unwrap().contains("the workspace keeps no list `vips`"),
        "{published}"
    );
    let early = app.event("order.paid", json!({ "id": 1, "email": "a" })).await;
    assert_eq!(early["rules"], json!([]));
    put(&app, json!(["a"])).await;
    assert_eq!(rules(&app, "a").await, json!(["known", "shouted"]));
    // Why an event did what it did is told by the lists of now, and it is said which are others by now.
    let trace = |event: &Value| format!("/v1/workspaces/ws/events/{}/trace", event["id"].as_str().unwrap());
    assert_eq!(app.get(&trace(&early)).await.expect(200)["lists_changed"], json!(["vips"]));
    let late = app.event("order.paid", json!({ "id": 2, "email": "a" })).await;
    let told = app.get(&trace(&late)).await.expect(200);
    assert_eq!(told["lists_changed"], json!([]), "{told}");
    let text = app.send("GET", &trace(&early), &[("accept", "text/plain")], "").await.text;
    assert!(text.contains("the list `vips` was changed after the event came"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_workspace_leaves_nothing_of_its_lists() {
    let mut app = app().await;
    put(&app, json!(["a", "b/c"])).await;
    app.post("/v1/workspaces", json!({ "id": "ws2" })).await.expect(201);
    app.json("PUT", "/v1/workspaces/ws2/lists/vips", json!({ "entries": ["a"] })).await.expect(201);
    assert_eq!(app.send("DELETE", "/v1/workspaces/ws", &[], "").await.status, 204);
    app.restart_after(async |store: &RedbStore| {
        for prefix in ["list/", "entry/"] {
            let left = store.list(prefix, None, 10).await.unwrap();
            let keys: Vec<_> = left.iter().map(|one| one.key.strip_prefix(prefix).unwrap()).collect();
            let expected = if prefix == "list/" { "ws2/vips" } else { "ws2/vips/a" };
            assert_eq!(keys, [expected]);
        }
    })
    .await;
    assert_eq!(app.get("/v1/workspaces/ws2/lists/vips").await.expect(200)["size"], 1);
}

/// What cannot be read is not taken for a list without entries.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_lists_cannot_be_read_is_not_taken() {
    let mut app = app().await;
    put(&app, json!(["a"])).await;
    app.publish(RULES).await.expect(200);
    app.restart_after(async |store: &RedbStore| {
        store.put("list/ws/vips", b"no record".to_vec(), Expect::Any).await.unwrap();
    })
    .await;
    let event = json!({ "event": "order.paid", "payload": { "id": 1, "email": "a" } });
    let got = app.post("/v1/workspaces/ws/events", event).await;
    assert_eq!((got.status, got.problem()), (500, "internal"));
    assert_eq!(items(&app.get("/v1/workspaces/ws/events").await.expect(200)).len(), 0);
    assert_eq!(app.json("PATCH", VIPS, json!({ "add": ["b"] })).await.problem(), "internal");
}

/// With room for one workspace, each event of another brings its lists back.
#[tokio::test(flavor = "multi_thread")]
async fn lists_that_had_to_go_from_memory_come_back() {
    let app = App::start_with(|settings| settings.compiled_bytes_max = 1).await;
    let names = ["w1", "w2", "w3"];
    for name in names {
        app.post("/v1/workspaces", json!({ "id": name })).await.expect(201);
        let base = format!("/v1/workspaces/{name}");
        let hook = json!({ "name": "hook", "integration": "webhook", "url": "http://127.0.0.1:9/" });
        app.post(&format!("{base}/connections"), hook).await.expect(201);
        app.json("PUT", &format!("{base}/lists/vips"), json!({ "entries": [name] })).await.expect(201);
        let bundle = json!({ "files": [{ "path": "rules.route", "text": RULES }] });
        app.json("PUT", &format!("{base}/rules"), bundle).await.expect(200);
    }
    for round in 0..3 {
        for (name, others) in [("w1", "w2"), ("w2", "w3"), ("w3", "w1")] {
            for (email, expected) in [(name, json!(["known", "shouted"])), (others, json!([]))] {
                let event = json!({ "event": "order.paid", "payload": { "id": round, "email": email } });
                let answer =
                    app.post(&format!("/v1/workspaces/{name}/events"), event.clone()).await.expect(202);
                assert_eq!(answer["rules"], expected, "{name} {email}");
                let mut named = event;
                named["workspace"] = json!(name);
                assert_eq!(app.post("/v1/events", named).await.expect(202)["rules"], expected);
            }
        }
    }
    // Only what came last is held: a revision, or the lists of a workspace.
    let held = app.get("/v1/status").await.expect(200)["held"].clone();
    assert_eq!(held["revisions"].as_u64().unwrap() + held["lists"].as_u64().unwrap(), 1, "{held}");
    // A change of what is not in memory goes on top of what is stored.
    let path = "/v1/workspaces/w1/lists/vips";
    assert_eq!(app.json("PATCH", path, json!({ "add": ["w9"] })).await.expect(200)["size"], 2);
}

/// Two entries change places again and again. An event that asks for both in one condition sees one of them, never
/// both and never none: all questions about an event see the lists of one moment, whichever matcher answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_event_never_sees_half_a_change() {
    let app = App::start_with(|settings| settings.checked_events = 3).await;
    app.post("/v1/workspaces", json!({ "id": "ws" })).await.expect(201);
    app.connect("hook", "http://127.0.0.1:9/").await;
    put(&app, json!(["a"])).await;
    let rules = "edition 2026
connection hook: webhook
list vips
rule both { on o as o when o.n > 0 and o.a in vips and o.b in vips deliver hook.send_webhook { body: 1 } }
rule neither { on o as o when o.n > 0 and not (o.a in vips) and not (o.b in vips) deliver hook.send_webhook { body: 1 } }
rule one { on o as o when o.n > 0 and (o.a in vips or o.b in vips) deliver hook.send_webhook { body: 1 } }
";
    app.publish(rules).await.expect(200);
    let line = json!({ "event": "o", "payload": { "a": "a", "b": "b", "n": 1 } }).to_string();
    let (mut seen, stream) = (0, format!("{line}\n").repeat(300));
    let changes = async {
        for _ in 0..40 {
            patch(&app, json!({ "add": ["b"], "remove": ["a"] })).await;
            patch(&app, json!({ "add": ["a"], "remove": ["b"] })).await;
        }
    };
    let events = async {
        for _ in 0..6 {
            for told in app.post_lines("/v1/workspaces/ws/events", &stream).await {
                if told["status"] == 202 {
                    assert_eq!(told["rules"], json!(["one"]), "{told}");
                    seen += 1;
                }
            }
        }
    };
    tokio::join!(changes, events);
    assert_eq!(seen, 1_800);
    // No matcher was found to differ, or it would be `quarantined` or `plain`.
    app.until("/v1/workspaces/ws", |shown| shown["revision"]["matching"] == "compiled").await;
}
