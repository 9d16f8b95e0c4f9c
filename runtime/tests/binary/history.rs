//! The commands that ask a server about the past, and that replay it.

use std::process::Command;
use std::time::Duration;

use runtime::config::ServerSettings;
use runtime::server::{Running, Server};
use serde_json::{Value, json};

const RULES: &str = "edition 2026
connection hook: webhook
rule big { on order.* as order when order.total > 10 deliver hook.send_webhook { body: order } with { retry: { attempts: 1 } } }
";

pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) running: Running,
}

impl Bench {
    /// Three events, of which two are owed to a port where nobody is.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let running = Server::start(&ServerSettings::on_loopback(folder.path().join("data"))).await.unwrap();
        let bench = Self { folder, running };
        let hook = json!({ "name": "hook", "integration": "webhook", "url": "http://127.0.0.1:9/" });
        bench.send("POST", "/v1/workspaces", json!({ "id": "ws" })).await;
        bench.send("POST", "/v1/workspaces/ws/connections", hook).await;
        let bundle = json!({ "files": [{ "path": "a.route", "text": RULES }] });
        bench.send("PUT", "/v1/workspaces/ws/rules", bundle).await;
        for total in [5, 15, 25] {
            let event =
                json!({ "event": "order.paid", "id": format!("e{total}"), "payload": { "total": total } });
            bench.send("POST", "/v1/workspaces/ws/events", event).await;
        }
        bench
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Value {
        let request = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = request.request(method.parse().unwrap(), format!("{}{path}", self.running.url()));
        let answer =
            request.bearer_auth(self.running.admin_key.text()).body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{method} {path}: {}", answer.status());
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Runs the command; its exit code, stdout and stderr.
    pub(crate) async fn fanwise(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanwise"));
        command.args(arguments).env("FANWISE_SERVER", self.running.url()).env("FANWISE_WORKSPACE", "ws");
        command.env("FANWISE_KEY", self.running.admin_key.text());
        let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (ran.status.code().unwrap(), text(ran.stdout), text(ran.stderr))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_deliveries_replays_and_plans_from_the_shell() {
    let bench = Bench::start().await;
    let (code, out, err) =
        bench.fanwise(&["events", "--where", "payload.total > 10", "--output", "json"]).await;
    assert_eq!(code, 0, "{err}");
    let ids: Vec<Value> =
        out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect();
    assert_eq!(ids, ["e25", "e15"]);
    let (code, out, _) = bench.fanwise(&["events", "--type", "order.*", "--limit", "1"]).await;
    assert_eq!((code, out.lines().count()), (0, 1));
    assert!(out.contains("  order.paid  e25  -  big"), "{out}");
    let (code, _, err) = bench.fanwise(&["events", "--where", "payload.total >"]).await;
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("condition:1:"), "{err}");

    let mut dead = String::new();
    for _ in 0..200 {
        dead = bench.fanwise(&["deliveries", "--state", "dead_letter"]).await.1;
        if dead.lines().count() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(dead.lines().all(|line| line.contains("attempts_exhausted")), "{dead}");
    let (code, out, _) = bench.fanwise(&["replay", "--state", "dead_letter", "--preview"]).await;
    assert_eq!((code, out.as_str()), (0, "2 found\n"));
    let replay = ["replay", "--state", "dead_letter", "--rate", "1000", "--id", "again"];
    for _ in 0..2 {
        let (code, out, err) = bench.fanwise(&replay).await;
        assert_eq!(code, 0, "{err}");
        assert_eq!(out, "again done: 2 found, 2 replayed, 0 owed before, 0 not settled\n");
    }
    let one = dead.split("  ").find(|word| word.starts_with("dlv_")).unwrap();
    let (code, out, err) = bench.fanwise(&["replay", one]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.ends_with(&format!(" replays {one}\n")), "{out}");
    for (arguments, expected) in
        [(&["replay"][..], 2), (&["replay", "--cancel", "again"], 1), (&["replay", "dlv_x"], 1)]
    {
        let (code, _, err) = bench.fanwise(arguments).await;
        assert_eq!(code, expected, "{arguments:?}: {err}");
    }

    let rules = bench.folder.path().join("draft.route");
    let path = rules.to_str().unwrap();
    for (text, expected, words) in [
        (RULES.to_owned(), 0, "3 events, 0 with other deliveries\nbig: +0 -0 ~0 =2\n"),
        (RULES.replace("> 10", "> 20"), 5, "big: +0 -1 ~0 =1\n  - order.paid e15"),
        (RULES.replace("order.total > 10", "order.total >"), 3, ""),
    ] {
        std::fs::write(&rules, text).unwrap();
        let (code, out, err) = bench.fanwise(&["plan", path]).await;
        assert_eq!(code, expected, "{out}{err}");
        assert!(out.contains(words), "{out}");
    }
    let (code, out, _) = bench.fanwise(&["plan", path.replace("draft", "gone").as_str()]).await;
    assert_eq!((code, out.as_str()), (1, ""));
    bench.running.stop().await;
}
