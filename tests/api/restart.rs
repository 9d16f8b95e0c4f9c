//! A server that stops and starts again knows what it knew.

use serde_json::json;

use crate::app::{App, items};
use crate::receiver::{Answer, Receiver};

const RULES: &str = "edition 2026
connection hook: webhook
rule forward { on ** as order deliver hook.send_webhook { body: order } with { retry: { attempts: 9, first_wait: 1s, jitter: 0% } } }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything() {
    let receiver = Receiver::start(&[Answer::Status(204), Answer::Status(500)]).await;
    let mut app = App::with_workspace().await;
    let connection = app.connect("hook", &receiver.url).await;
    app.publish(RULES).await.expect(200);
    let key =
        app.post("/v1/workspaces/ws/keys", json!({})).await.expect(201)["key"].as_str().unwrap().to_owned();
    let done = app.event("a.done", json!({ "n": 1 })).await;
    app.settled(&done["deliveries"][0], "delivered").await;
    let waits = app.event("a.waits", json!({ "n": 2 })).await;
    app.settled(&waits["deliveries"][0], "again").await;
    let admin_key = app.running().admin_key.text().to_owned();
    let before = app.get("/v1/workspaces/ws/events").await.expect(200);

    app.restart().await;
    assert_eq!(app.running().admin_key.text(), admin_key);
    assert_eq!(app.get("/v1/workspaces/ws/events").await.expect(200), before);
    let bearer = format!("Bearer {key}");
    let with_key = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    assert_eq!(app.send("GET", "/v1/workspaces/ws", &with_key, "").await.status, 200);
    let kept = app.get("/v1/workspaces/ws/connections/hook").await.expect(200);
    assert_eq!((&kept["id"], &kept["url"]), (&connection["id"], &connection["url"]));
    assert_eq!(app.get("/v1/workspaces/ws/rules").await.expect(200)["files"][0]["text"], RULES);
    let id = done["id"].as_str().unwrap();
    assert_eq!(
        app.get(&format!("/v1/workspaces/ws/events/{id}")).await.expect(200)["payload"],
        json!({ "n": 1 })
    );

    // What was owed is still owed, and what was done is not done again.
    app.settled(&waits["deliveries"][0], "delivered").await;
    let requests = receiver.wait_for(3).await;
    let ids: Vec<_> = requests.iter().map(|request| request.headers["webhook-id"].clone()).collect();
    let (first, second) =
        (done["deliveries"][0]["id"].as_str().unwrap(), waits["deliveries"][0]["id"].as_str().unwrap());
    assert_eq!(ids, [first, second, second]);

    let next = app.event("b", json!({})).await;
    assert_eq!(next["rules"], json!(["forward"]));
    app.settled(&next["deliveries"][0], "delivered").await;
    assert_eq!(items(&app.get("/v1/workspaces/ws/events").await.expect(200)).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_stopped_keeps_nobody_from_starting_again() {
    let mut app = App::with_workspace().await;
    // A task that takes its last step late.
    let late = std::sync::Arc::clone(&app.running().server.registry);
    app.restart().await;
    app.get("/v1/workspaces/ws").await.expect(200);
    drop(late);
}
