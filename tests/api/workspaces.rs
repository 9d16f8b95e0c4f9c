//! Workspaces and connections: made, changed, deleted, and what is refused about them.

use runtime::control::{ConfigStore, Expect, RedbStore};
use serde_json::json;

use crate::app::{App, items};

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_lives_and_its_id_stays_taken() {
    let app = App::start().await;
    let new = json!({ "id": "ws_internal_prod", "name": "Internal", "environment": "production" });
    let made = app.post("/v1/workspaces", new.clone()).await.expect(201);
    assert_eq!((&made["id"], &made["revision"]), (&json!("ws_internal_prod"), &json!(null)));
    assert_eq!(app.post("/v1/workspaces", new.clone()).await.problem(), "conflict");
    let chosen = app.post("/v1/workspaces", json!({})).await.expect(201);
    assert!(chosen["id"].as_str().unwrap().starts_with("ws_"), "{chosen}");
    let renamed =
        app.json("PATCH", "/v1/workspaces/ws_internal_prod", json!({ "name": "Renamed" })).await.expect(200);
    assert_eq!(renamed["name"], "Renamed");
    assert_eq!(items(&app.get("/v1/workspaces").await.expect(200)).len(), 2);
    let page = app.get("/v1/workspaces?limit=1").await.expect(200);
    let next = page["next"].as_str().unwrap();
    let second = app.get(&format!("/v1/workspaces?limit=1&cursor={next}")).await.expect(200);
    assert_ne!(items(&page)[0]["id"], items(&second)[0]["id"]);
    assert_eq!(second["next"], json!(null));
    assert_eq!(app.send("DELETE", "/v1/workspaces/ws_internal_prod", &[], "").await.status, 204);
    assert_eq!(app.get("/v1/workspaces/ws_internal_prod").await.problem(), "not-found");
    assert_eq!(app.post("/v1/workspaces", new).await.problem(), "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_workspace_leaves_nothing_but_its_name_in_the_control_store() {
    let mut app = App::with_workspace().await;
    app.connect("hook", "http://127.0.0.1:9/").await;
    app.post("/v1/workspaces/ws/keys", json!({})).await.expect(201);
    for number in 0..20 {
        let text = format!(
            "edition 2026\nconnection hook: webhook\nrule r{number} {{ on a deliver hook.send_webhook {{ body: 1 }} }}\n"
        );
        app.publish(&text).await.expect(200);
    }
    // Another one with the same beginning keeps what it has.
    app.post("/v1/workspaces", json!({ "id": "ws2" })).await.expect(201);
    app.post(
        "/v1/workspaces/ws2/connections",
        json!({ "name": "h", "integration": "webhook", "url": "https://example.com/" }),
    )
    .await
    .expect(201);
    assert_eq!(app.send("DELETE", "/v1/workspaces/ws", &[], "").await.status, 204);
    let deleted = app
        .restart_after(async |store: &RedbStore| {
            assert_eq!(keys_of(store, "ws").await, ["workspace/ws"]);
            assert_eq!(keys_of(store, "ws2").await, ["connection/ws2/h", "workspace/ws2"]);
            // As a crash in the middle leaves it.
            let deleted = store.get("workspace/ws").await.unwrap().unwrap();
            let text = String::from_utf8(deleted.value.clone()).unwrap();
            let begun = text.replace(",\"cleared\":true", "");
            assert_ne!(begun, text);
            let left = [("revision/ws/1", "{}"), ("connection/ws/hook", "{}"), ("workspace/ws", &begun)];
            for (key, value) in left {
                store.put(key, value.into(), Expect::Any).await.unwrap();
            }
            deleted
        })
        .await;
    app.restart_after(async |store: &RedbStore| {
        assert_eq!(keys_of(store, "ws").await, ["workspace/ws"]);
        assert_eq!(store.get("workspace/ws").await.unwrap().unwrap().value, deleted.value);
    })
    .await;
    assert_eq!(app.get("/v1/workspaces/ws").await.problem(), "not-found");
}

/// The keys of the control store that belong to a workspace.
async fn keys_of(store: &RedbStore, workspace: &str) -> Vec<String> {
    let all = store.list("", None, 1_000).await.unwrap();
    let (id, value) = (format!("/{workspace}"), format!("\"workspace\":\"{workspace}\""));
    let theirs = |key: &str| key.ends_with(&id) || key.contains(&format!("{id}/"));
    let found = all
        .into_iter()
        .filter(|one| theirs(&one.key) || String::from_utf8_lossy(&one.value).contains(&value));
    found.map(|one| one.key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_request_has_its_problem_and_changes_nothing() {
    let app = App::with_workspace().await;
    let big = format!("{{\"name\":\"{}\"}}", "x".repeat(70_000));
    let json = ("content-type", "application/json");
    let rows: &[(&str, &str, &[(&str, &str)], &str, u16, &str)] = &[
        ("GET", "/v1/nothing", &[], "", 404, "not-found"),
        ("GET", "/v1/workspaces/ws_other", &[], "", 404, "not-found"),
        ("PUT", "/v1/workspaces", &[], "", 405, "method-not-allowed"),
        ("GET", "/v1/workspaces", &[("authorization", "")], "", 401, "key-missing"),
        ("GET", "/v1/workspaces", &[("authorization", "Bearer fw_admin_wrong")], "", 401, "key-unknown"),
        ("GET", "/v1/workspaces", &[("authorization", "Basic eDp5")], "", 401, "key-missing"),
        ("GET", "/v1/workspaces?limti=5", &[], "", 400, "invalid-query"),
        ("GET", "/v1/workspaces?limit=0", &[], "", 400, "invalid-query"),
        ("POST", "/v1/workspaces", &[json], "{", 400, "invalid-json"),
        ("POST", "/v1/workspaces", &[json], "[]", 422, "invalid-request"),
        ("POST", "/v1/workspaces", &[json], "{\"nmae\":\"x\"}", 422, "invalid-request"),
        ("POST", "/v1/workspaces", &[json], "{\"id\":\"a/b\"}", 422, "invalid-request"),
        ("POST", "/v1/workspaces", &[json], &big, 413, "payload-too-large"),
        ("POST", "/v1/workspaces", &[("content-type", "text/html")], "{}", 415, "unsupported-media-type"),
        ("PATCH", "/v1/workspaces/ws", &[json], "{\"environment\":\"sandbox\"}", 422, "invalid-request"),
    ];
    for (method, path, headers, body, status, problem) in rows {
        let got = app.send(method, path, headers, (*body).to_owned()).await;
        assert_eq!((got.status, got.problem()), (*status, *problem), "{method} {path} {body:.60}: {got:?}");
    }
    assert_eq!(items(&app.get("/v1/workspaces").await.expect(200)).len(), 1);
    let wrong = app.send("PUT", "/v1/workspaces", &[], "").await;
    assert!(wrong.headers["allow"].to_str().unwrap().contains("POST"));
    let page = app.send("GET", "/problems/not-found", &[("authorization", "")], "").await;
    assert!(page.body.as_str().unwrap().starts_with("## not-found"), "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_shows_its_secret_once() {
    let app = App::with_workspace().await;
    let made = app.connect("hook", "https://example.com/in").await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{made}");
    let path = format!("/v1/workspaces/ws/connections/{}", made["id"].as_str().unwrap());
    for shown in [app.get(&path).await, app.get("/v1/workspaces/ws/connections").await] {
        let shown = shown.expect(200).to_string();
        assert!(!shown.contains(secret) && shown.contains("https://example.com/in"), "{shown}");
    }
    let rotated = app.post(&format!("{path}/rotate"), json!({})).await.expect(200);
    assert_ne!(rotated["secret"], made["secret"]);
    assert_eq!(rotated["secrets"].as_array().unwrap().len(), 2);
    let changed =
        app.json("PATCH", &path, json!({ "url": "https://example.com/new", "enabled": false })).await;
    let changed = changed.expect(200);
    assert_eq!((&changed["url"], &changed["enabled"]), (&json!("https://example.com/new"), &json!(false)));
    assert_eq!(app.get("/v1/workspaces/ws/connections/hook").await.expect(200)["id"], made["id"]);
    assert_eq!(app.send("DELETE", &path, &[], "").await.status, 204);
    assert_eq!(app.get(&path).await.problem(), "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_of_a_connection_is_told_at_once() {
    let app = App::with_workspace().await;
    let wrong = json!({ "name": "my hook", "integartion": "webhook", "url": "ftp://x", "secret": "s3cret" });
    let got = app.post("/v1/workspaces/ws/connections", wrong).await;
    assert_eq!(got.problem(), "invalid-request");
    let told: Vec<_> = got.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["/name", "/integration", "/url", "/secret", "/integartion"]);
    assert_eq!(got.body["errors"][4]["help"], "did you mean `integration`?");
    assert!(!got.body.to_string().contains("s3cret"), "a credential must not come back: {got:?}");
    let unknown = json!({ "name": "h", "integration": "carrier_pigeon", "url": "https://example.com" });
    assert_eq!(app.post("/v1/workspaces/ws/connections", unknown).await.problem(), "invalid-request");
    for inner in ["http://169.254.169.254/latest", "http://0xa000001/", "https://[fd00:ec2::254]:8443/"] {
        let inner = json!({ "name": "h", "integration": "webhook", "url": inner });
        let got = app.post("/v1/workspaces/ws/connections", inner).await;
        assert_eq!((got.problem(), &got.body["errors"][0]["pointer"]), ("invalid-request", &json!("/url")));
    }
    app.connect("hook", "https://example.com").await;
    let moved = json!({ "url": "http://192.168.1.1/" });
    let moved = app.json("PATCH", "/v1/workspaces/ws/connections/hook", moved).await;
    assert_eq!(moved.problem(), "invalid-request");
    let twice = json!({ "name": "hook", "integration": "webhook", "url": "https://example.com" });
    assert_eq!(app.post("/v1/workspaces/ws/connections", twice).await.problem(), "conflict");
    assert_eq!(items(&app.get("/v1/workspaces/ws/connections").await.expect(200)).len(), 1);
}
