//! `fanwise why` against a real server: what a person sees, and what a machine gets.

use std::net::TcpListener;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::server::{Host, KEY, request, wait_until};

fn why(address: &str, event: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanwise"));
    command.args(["why", event, "--workspace", "ws_why", "--key", KEY, "--server"]);
    command.arg(format!("http://{address}")).args(more).output().unwrap()
}

#[test]
fn a_person_sees_who_decided_and_what_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Host::at(folder.path()).serve(None);
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    served.prepare(&format!("http://{gone}/"), "ws_why");
    let rules = "edition 2026\nconnection hook: webhook\n\
                 rule big { on order.* as o when o.total > 100 and o.vip is true deliver hook.send_webhook { body: o } }\n\
                 rule whole { on ** as e deliver hook.send_webhook { body: e } with { retry: { attempts: 9, first_wait: 1h, jitter: 0% } } }\n";
    let files = json!({ "files": [{ "path": "r.route", "text": rules }] }).to_string();
    assert_eq!(request(&served.address, "PUT", "/v1/workspaces/ws_why/rules", &files).unwrap().0, 200);
    let event = r#"{"event":"order.paid","resource":"shop","payload":{"total":19.90}}"#;
    let (_, sent) = request(&served.address, "POST", "/v1/workspaces/ws_why/events", event).unwrap();
    let (id, delivery) = (sent["id"].as_str().unwrap(), sent["deliveries"][0]["id"].as_str().unwrap());
    let path = format!("/v1/workspaces/ws_why/deliveries/{delivery}");
    wait_until("the attempt has failed", || {
        request(&served.address, "GET", &path, "").unwrap().1["state"] == "again"
    });
    let shown = why(&served.address, id, &[]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.status.code(), Some(0), "{text}");
    let line = |of: &str| -> &str {
        text.lines().find(|line| line.trim_start().starts_with(of)).unwrap_or_else(|| panic!("{of}: {text}"))
    };
    for piece in ["order.paid", "resource shop"] {
        assert!(line(&format!("event {id}")).contains(piece), "{text}");
    }
    assert!(line("came ").contains("decided by revision 2"), "{text}");
    for piece in [" no ", "o.total > 100", "r.route:3:", "= 19.90"] {
        assert!(line("big ").contains(piece), "{text}");
    }
    assert!(!line("big ").contains("vip"), "only the part that decided: {text}");
    assert!(line("whole ").contains("matched"), "{text}");
    for piece in ["whole", "hook.send_webhook", "again", " 1 ", "unreachable", "(in 59 min)"] {
        assert!(line(delivery).contains(piece), "{piece}: {text}");
    }

    for arguments in [&["--json"][..], &["--output", "json"][..]] {
        let shown = why(&served.address, id, arguments);
        let found: Value = serde_json::from_slice(&shown.stdout).unwrap();
        assert_eq!((&found["event"], &found["type"]), (&json!(id), &json!("order.paid")));
        assert_eq!(found["revision"]["number"], 2);
        let outcomes: Vec<_> =
            found["trace"]["rules"].as_array().unwrap().iter().map(|rule| &rule["outcome"]).collect();
        assert_eq!(outcomes, ["not_matched", "matched"]);
        assert_eq!(found["deliveries"][0]["attempt_list"][0]["outcome"], "unreachable");
        assert_eq!(found["deliveries"][0]["standing"]["waits_for"], "time");
    }
    let none = why(&served.address, "evt_of_nobody", &[]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(1), 0));
    served.kill();
}
