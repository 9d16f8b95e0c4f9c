//! What operators look at: metrics, usage, status, health, ids of requests, and tails.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::app::App;
use crate::prometheus::Scrape;
use crate::receiver::{Answer, Receiver};

const RULES: &str = "edition 2026
connection hook: webhook
rule forward { on ** as it deliver hook.send_webhook { body: it } with { retry: { attempts: 9, first_wait: 1s, jitter: 0% } } }
";

async fn forwarding(app: &App, receiver: &Receiver) {
    app.connect("hook", &receiver.url).await;
    app.publish(RULES).await.expect(200);
}

async fn key_of(app: &App, workspace: &str) -> String {
    let made = app.post(&format!("/v1/workspaces/{workspace}/keys"), json!({})).await.expect(201);
    format!("Bearer {}", made["key"].as_str().unwrap())
}

async fn scraped(app: &App) -> Scrape {
    let got = app.get("/metrics").await;
    assert_eq!(
        (got.status, &got.headers["content-type"]),
        (200, &"text/plain; version=0.0.4; charset=utf-8".parse().unwrap())
    );
    Scrape::read(&got.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_move_and_nothing_that_users_write_makes_a_series() {
    let receiver = Receiver::start(&[Answer::Status(500)]).await;
    let app = App::with_workspace().await;
    forwarding(&app, &receiver).await;
    let before = scraped(&app).await;
    let payload = json!({ "note": "only here" });
    let sent = app.event("odd.type_of_mine", payload.clone()).await;
    app.settled(&sent["deliveries"][0], "delivered").await;
    app.post("/v1/workspaces/ws/events", json!({ "event": "no payload" })).await.expect(422);
    let after = scraped(&app).await;
    let moved = |series: &str| after.of(series) - before.of(series);
    let rows = [
        ("fanwise_events_accepted_total", 1.0),
        ("fanwise_events_refused_total{reason=\"invalid-request\"}", 1.0),
        ("fanwise_event_payload_bytes_total", payload.to_string().len() as f64),
        ("fanwise_deliveries_owed_total", 1.0),
        ("fanwise_attempts_total{outcome=\"destination_error\"}", 1.0),
        ("fanwise_attempts_total{outcome=\"delivered\"}", 1.0),
        ("fanwise_deliveries_settled_total{end=\"delivered\"}", 1.0),
        ("fanwise_attempt_seconds_count", 2.0),
        ("fanwise_first_attempt_delay_seconds_count", 1.0),
        ("fanwise_ingest_commit_seconds_count", 1.0),
        ("fanwise_spans_exported_total", 0.0),
    ];
    for (series, by) in rows {
        assert!((moved(series) - by).abs() < 1e-9, "{series} moved by {}, not {by}", moved(series));
    }
    assert!((after.of("fanwise_workspaces"), after.of("fanwise_ready")) == (1.0, 1.0));
    assert!(after.of("fanwise_process_resident_memory_bytes") > 1e6);
    let (before, after): (BTreeSet<&str>, BTreeSet<&str>) = (before.names(), after.names());
    assert_eq!(before, after, "the number of series is fixed");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_the_admin_key_and_for_their_own() {
    let app = App::start_with(|settings| {
        settings.metrics_key = Some(String::from("reads_metrics_and_nothing_else").into())
    })
    .await;
    app.post("/v1/workspaces", json!({ "id": "ws" })).await.expect(201);
    let own = key_of(&app, "ws").await;
    let rows = [
        ("/metrics", "Bearer reads_metrics_and_nothing_else", 200),
        ("/metrics", own.as_str(), 403),
        ("/metrics", "Bearer nobody_has_this_key", 401),
        ("/metrics", "", 401),
        ("/v1/status", "Bearer reads_metrics_and_nothing_else", 401),
        ("/v1/status", own.as_str(), 403),
        ("/v1/usage", "Bearer reads_metrics_and_nothing_else", 401),
    ];
    for (path, key, status) in rows {
        let got = app.send("GET", path, &[("authorization", key)], "").await;
        assert_eq!(got.status, status, "{path} {key} {got:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_told_per_workspace_and_what_was_deleted_counts_with_the_others() {
    let receiver = Receiver::start(&[]).await;
    let app = App::with_workspace().await;
    app.post("/v1/workspaces", json!({ "id": "noisy" })).await.expect(201);
    forwarding(&app, &receiver).await;
    let (own, noisy) = (key_of(&app, "ws").await, key_of(&app, "noisy").await);
    let sent = app.event("a.b", json!({ "n": 1 })).await;
    app.settled(&sent["deliveries"][0], "delivered").await;
    for _ in 0..3 {
        let event = json!({ "event": "a.b", "payload": {} });
        app.post("/v1/workspaces/noisy/events", event).await.expect(202);
    }
    let used = json!({ "workspace": "ws", "events": 1, "event_bytes": 7, "deliveries": 1, "attempts": 1, "delivered": 1,
        "dead_letters": 0 });
    let all = app.until("/v1/usage?by=events", |usage| usage["items"][1] == used).await;
    assert_eq!((&all["items"][0]["workspace"], &all["items"][0]["events"]), (&json!("noisy"), &json!(3)));
    assert_eq!(app.get("/v1/usage?by=deliveries&limit=1").await.expect(200)["items"], json!([used]));
    let seen = app.send("GET", "/v1/usage", &[("authorization", &own)], "").await.expect(200);
    assert_eq!((&seen["items"], seen.get("others")), (&json!([used]), None), "a workspace sees its own");
    let hidden = app.send("GET", "/v1/usage?workspace=ws", &[("authorization", &noisy)], "").await;
    assert_eq!(hidden.status, 404);
    app.get("/v1/usage?by=noise").await.expect(400);
    app.send("DELETE", "/v1/workspaces/noisy", &[], "").await.expect(204);
    let left = app.get("/v1/usage").await.expect(200);
    assert_eq!(left["items"], json!([used]));
    assert_eq!((&left["others"]["events"], &left["others"]["event_bytes"]), (&json!(3), &json!(6)));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_health_say_how_it_is() {
    let receiver = Receiver::start(&[Answer::Status(500)]).await;
    let app = App::with_workspace().await;
    forwarding(&app, &receiver).await;
    let sent = app.event("a.b", json!({})).await;
    app.settled(&sent["deliveries"][0], "again").await;
    let status = app.get("/v1/status").await.expect(200);
    assert_eq!(status["reasons"], json!([]));
    assert_eq!((&status["node"]["pending"], &status["node"]["in_flight"]), (&json!(1), &json!(0)));
    assert_eq!(
        (&status["events_accepted"], &status["attempts"], &status["workspaces"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let no_key = [("authorization", "")];
    assert_eq!(app.send("GET", "/livez", &no_key, "").await.expect(200), json!({ "status": "ok" }));
    let ready = app.send("GET", "/readyz", &no_key, "").await.expect(200);
    assert_eq!((&ready["status"], &ready["reasons"]), (&json!("ok"), &json!([])));
    app.running().server.leaving.send_replace(true);
    let leaving = app.send("GET", "/readyz", &no_key, "").await.expect(503);
    assert_eq!(leaving["reasons"], json!(["draining"]));
    app.send("GET", "/livez", &no_key, "").await.expect(200);
    app.event("a.b", json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_id_of_its_request() {
    let app = App::with_workspace().await;
    let long = "x".repeat(65);
    let rows = [
        ("abc-DEF_1.2", true),
        ("", false),
        ("has space", false),
        ("semi;colon", false),
        (long.as_str(), false),
    ];
    for path in ["/livez", "/v1/workspaces/ws", "/v1/workspaces/nobody", "/not/there"] {
        let mut made = BTreeSet::new();
        for (id, taken) in rows {
            let got = app.send("GET", path, &[("x-request-id", id)], "").await;
            let answered = got.headers["x-request-id"].to_str().unwrap().to_owned();
            assert_eq!(answered == id, taken, "{path} {id} {answered}");
            assert!(
                taken || (answered.len() == 32 && made.insert(answered.clone())),
                "{path} {id} {answered}"
            );
        }
    }
}

/// Reads a tail until a piece is there.
async fn read_until(response: &mut reqwest::Response, text: &mut String, piece: &str) {
    let reading = async {
        while !text.contains(piece) {
            let chunk = response.chunk().await.unwrap().expect("the tail goes on");
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    let read = tokio::time::timeout(Duration::from_secs(20), reading).await;
    assert!(read.is_ok(), "{piece} does not come: {text}");
}

async fn tail(app: &App, query: &str, accept: &str) -> reqwest::Response {
    let url = format!("{}/v1/workspaces/ws/tail{query}", app.running().url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let key = app.running().admin_key.text();
    client.get(url).bearer_auth(key).header("accept", accept).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_shows_an_event_and_what_becomes_of_it() {
    let receiver = Receiver::start(&[]).await;
    let app = App::with_workspace().await;
    app.post("/v1/workspaces", json!({ "id": "other" })).await.expect(201);
    forwarding(&app, &receiver).await;
    let mut lines = tail(&app, "", "*/*").await;
    let mut events = tail(&app, "?what=events", "text/event-stream").await;
    assert_eq!(lines.headers()["content-type"], "application/x-ndjson");
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    app.until("/v1/status", |_| app.running().server.tails.count() == 2).await;
    app.post("/v1/workspaces/other/events", json!({ "event": "not.mine", "payload": {} })).await.expect(202);
    let sent = app.event("a.mine", json!({})).await;
    let (mut text, mut streamed) = (String::new(), String::new());
    read_until(&mut lines, &mut text, "\"kind\":\"attempt\"").await;
    read_until(&mut events, &mut streamed, "\n\n").await;
    // The last line may not be whole yet.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let told: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = told.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["event", "started", "attempt"], "{text}");
    assert_eq!((&told[0]["event"]["id"], &told[0]["event"]["type"]), (&sent["id"], &json!("a.mine")));
    assert_eq!(told[1]["delivery"], sent["deliveries"][0]["id"]);
    assert_eq!(
        (&told[2]["delivery"]["state"], &told[2]["attempt"]["outcome"]),
        (&json!("delivered"), &json!("delivered"))
    );
    let data = streamed.strip_prefix("event: event\ndata: ").unwrap().trim_end();
    assert_eq!(serde_json::from_str::<Value>(data).unwrap()["event"]["id"], sent["id"]);
    app.running().server.leaving.send_replace(true);
    read_until(&mut lines, &mut text, "\"kind\":\"end\"").await;
    assert!(!text.contains("not.mine") && !streamed.contains("not.mine"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_has_only_so_many_watchers() {
    let app = App::with_workspace().await;
    let mut open = Vec::new();
    for _ in 0..runtime::limits::WORKSPACE_TAILS_MAX {
        open.push(tail(&app, "", "*/*").await);
    }
    let refused = app.get("/v1/workspaces/ws/tail").await;
    assert_eq!((refused.status, refused.problem()), (429, "limit-reached"));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(refused.body["limit"], "workspace_tails_max");
}
