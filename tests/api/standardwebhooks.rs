//! An implementation that is not ours verifies our signatures: PyPI `standardwebhooks`.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::app::App;
use crate::receiver::Receiver;

/// Reads secret, headers and body as JSON; prints `verified`, or why not.
const SCRIPT: &str = r#"
import json, sys
from standardwebhooks.webhooks import Webhook
given = json.load(sys.stdin)
try:
    Webhook(given["secret"]).verify(given["body"], given["headers"])
    print("verified")
except Exception as error:
    print(f"refused: {error}")
"#;

/// The interpreter that has the library; `None` when there is none and none is demanded.
fn python() -> Option<String> {
    let python = std::env::var("FANWISE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import standardwebhooks"]).stderr(Stdio::null()).status();
    if has.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    let demanded = std::env::var("FANWISE_REQUIRE_PY").is_ok_and(|value| value == "1");
    assert!(!demanded, "{python} cannot import standardwebhooks");
    println!("SKIPPED: {python} cannot import standardwebhooks; `.ci/run` installs it");
    None
}

fn verify(python: &str, given: &serde_json::Value) -> String {
    let mut child = Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_library_verifies_our_signatures() {
    let Some(python) = python() else { return };
    let receiver = Receiver::start(&[]).await;
    let app = App::with_workspace().await;
    let made = app.connect("hook", &receiver.url).await;
    app.publish("edition 2026\nconnection hook: webhook\nrule r { on ** as e deliver hook.send_webhook { body: e } }\n").await.expect(200);
    app.event("a", json!({ "text": "Grüße, 世界 \u{1F680}", "n": 1.10 })).await;
    let rotated = app.post("/v1/workspaces/ws/connections/hook/rotate", json!({})).await;
    receiver.wait_for(1).await;
    let rotated = rotated.expect(200);
    app.event("b", json!({})).await;
    let requests = receiver.wait_for(2).await;
    let given = |request: usize, secret: &serde_json::Value| {
        json!({
            "secret": secret, "headers": requests[request].headers, "body": requests[request].body,
        })
    };
    let mut forged = given(0, &made["secret"]);
    forged["body"] = json!("{}");
    assert_eq!(verify(&python, &given(0, &made["secret"])), "verified");
    assert!(verify(&python, &forged).starts_with("refused"));
    // After the rotation both secrets verify.
    assert_eq!(verify(&python, &given(1, &made["secret"])), "verified");
    assert_eq!(verify(&python, &given(1, &rotated["secret"])), "verified");
}
