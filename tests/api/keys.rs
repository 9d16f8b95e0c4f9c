//! Keys of a workspace: what they open, and what stays closed.

use serde_json::{Value, json};

use crate::app::App;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_workspace_opens_that_workspace_only() {
    let app = App::with_workspace().await;
    app.post("/v1/workspaces", json!({ "id": "other" })).await.expect(201);
    let made = app.post("/v1/workspaces/ws/keys", json!({ "name": "app" })).await.expect(201);
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("fw_"), "{made}");
    let bearer = format!("Bearer {key}");
    let with_key = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let event = json!({ "event": "a.b", "payload": {} }).to_string();

    assert_eq!(app.send("GET", "/v1/workspaces/ws", &with_key, "").await.status, 200);
    assert_eq!(app.send("POST", "/v1/workspaces/ws/events", &with_key, event.clone()).await.status, 202);
    // The key says which workspace, so the body need not.
    assert_eq!(app.send("POST", "/v1/events", &with_key, event.clone()).await.status, 202);
    let listed = app.send("GET", "/v1/workspaces", &with_key, "").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    for (method, path, body, problem) in [
        ("GET", "/v1/workspaces/other", "", "not-found"),
        ("POST", "/v1/workspaces/other/events", event.as_str(), "not-found"),
        ("POST", "/v1/events", r#"{"workspace":"other","event":"a","payload":1}"#, "not-found"),
        ("GET", "/v1/workspaces/nowhere", "", "not-found"),
        ("POST", "/v1/workspaces", "{}", "not-allowed"),
        ("DELETE", "/v1/workspaces/ws", "", "not-allowed"),
        ("POST", "/v1/workspaces/ws/keys", "{}", "not-allowed"),
    ] {
        let got = app.send(method, path, &with_key, body.to_owned()).await;
        assert_eq!(got.problem(), problem, "{method} {path}");
    }
    // Another's workspace and none at all must not be told apart, but for the name that was asked for.
    let other = app.send("GET", "/v1/workspaces/other", &with_key, "").await.body.to_string();
    let none = app.send("GET", "/v1/workspaces/nowhere", &with_key, "").await.body.to_string();
    assert_eq!(other.replace("other", "X"), none.replace("nowhere", "X"));

    let keys = app.get("/v1/workspaces/ws/keys").await.expect(200);
    assert!(!keys.to_string().contains(key), "a key is shown once: {keys}");
    let path = format!("/v1/workspaces/ws/keys/{}", made["id"].as_str().unwrap());
    assert_eq!(app.send("DELETE", &path.replace("/ws/", "/other/"), &[], "").await.problem(), "not-found");
    assert_eq!(app.send("DELETE", &path, &[], "").await.status, 204);
    assert_eq!(app.send("GET", "/v1/workspaces/ws", &with_key, "").await.problem(), "key-unknown");
    let left = app.get("/v1/workspaces/ws/keys").await.expect(200);
    assert_eq!(left["items"], Value::Array(Vec::new()));
}
