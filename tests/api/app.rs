//! A server in this process, behind a real port, and a client that says what it got.

use std::time::{Duration, Instant};

use reqwest::{Method, header::HeaderMap};
use runtime::config::ServerSettings;
use runtime::control::RedbStore;
use runtime::server::{Running, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Nothing in these tests takes longer than this, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with a client.
pub struct App {
    folder: TempDir,
    running: Option<Running>,
    http: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub struct Got {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; a text where it is none.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Got {
    /// The name of the problem; the body must be a problem document with this status.
    pub fn problem(&self) -> &str {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], self.status, "{self:?}");
        self.body["type"].as_str().unwrap().strip_prefix("/problems/").unwrap()
    }

    /// Checks the status and gives the body.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }
}

impl App {
    /// Starts with an empty folder.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts with an empty folder and other settings.
    pub async fn start_with(change: impl Fn(&mut ServerSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        runtime::server::install_crypto();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let mut settings = ServerSettings::on_loopback(folder.path());
        change(&mut settings);
        let running = Server::start(&settings).await.unwrap();
        Self { folder, running: Some(running), http }
    }

    /// Starts with a workspace `ws`.
    pub async fn with_workspace() -> Self {
        let app = Self::start().await;
        app.post("/v1/workspaces", json!({ "id": "ws" })).await.expect(201);
        app
    }

    /// Stops and starts again with the same folder.
    pub async fn restart(&mut self) {
        self.restart_after(async |_: &RedbStore| {}).await;
    }

    /// Stops, does something with the control store, and starts again with the same folder.
    pub async fn restart_after<T>(&mut self, work: impl AsyncFnOnce(&RedbStore) -> T) -> T {
        self.running.take().unwrap().stop().await;
        let store = RedbStore::open(&self.folder.path().join("control.redb")).unwrap();
        let done = work(&store).await;
        drop(store);
        let settings = ServerSettings::on_loopback(self.folder.path());
        self.running = Some(Server::start(&settings).await.unwrap());
        done
    }

    /// The server.
    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// Sends anything.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Got {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.running().url())).body(body);
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.bearer_auth(self.running().admin_key.text());
        }
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()));
        Got { status, headers, body, text }
    }

    /// Sends JSON.
    pub async fn json(&self, method: &str, path: &str, body: Value) -> Got {
        self.send(method, path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Got {
        self.send("GET", path, &[], "").await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Got {
        self.json("POST", path, body).await
    }

    /// POST of lines.
    pub async fn post_lines(&self, path: &str, lines: &str) -> Vec<Value> {
        let headers = [("content-type", "application/x-ndjson")];
        let got = self.send("POST", path, &headers, lines.to_owned()).await;
        assert_eq!((got.status, &got.headers["durability"]), (202, &"fsync".parse().unwrap()));
        got.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Makes a webhook connection and gives its signing secret.
    pub async fn connect(&self, name: &str, url: &str) -> Value {
        let new = json!({ "name": name, "integration": "webhook", "url": url });
        self.post("/v1/workspaces/ws/connections", new).await.expect(201)
    }

    /// Publishes one file of rules.
    pub async fn publish(&self, text: &str) -> Got {
        let bundle = json!({ "files": [{ "path": "rules.route", "text": text }] });
        self.json("PUT", "/v1/workspaces/ws/rules", bundle).await
    }

    /// Sends an event that is accepted.
    pub async fn event(&self, kind: &str, payload: Value) -> Value {
        self.post("/v1/workspaces/ws/events", json!({ "event": kind, "payload": payload })).await.expect(202)
    }

    /// Asks again and again until the answer is as wanted.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let body = self.get(path).await.expect(200);
            if wanted(&body) {
                return body;
            }
            assert!(began.elapsed() < PATIENCE, "{path} stays {body:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a delivery is in that state, and gives it with its attempts.
    pub async fn settled(&self, delivery: &Value, state: &str) -> Value {
        let path = format!("/v1/workspaces/ws/deliveries/{}", delivery["id"].as_str().unwrap());
        self.until(&path, |body| body["state"] == state).await
    }
}

/// The items of a list.
pub fn items(list: &Value) -> &[Value] {
    list["items"].as_array().unwrap()
}
