//! SIGTERM on the real binary: in which order it stops, and what a second signal does.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use super::auditor::Promises;
use super::server::{Host, Witness, emit, receiver, request, wait_until};

/// Accepts connections and never answers.
fn silent_receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().map_while(Result::ok).collect::<Vec<_>>());
    url
}

fn signalled(arguments: &[&str]) -> (tempfile::TempDir, super::server::Served) {
    let folder = tempfile::tempdir().unwrap();
    let mut host = Host::at(folder.path());
    host.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let served = host.serve(None);
    served.prepare(&silent_receiver(), "ws_drain");
    let event = r#"{"event":"a.b","payload":{}}"#;
    let (status, answer) = request(&served.address, "POST", "/v1/workspaces/ws_drain/events", event).unwrap();
    assert_eq!(status, 202, "{answer}");
    wait_until("an attempt is under way", || {
        let (_, status) = request(&served.address, "GET", "/v1/status", "").unwrap();
        status["node"]["in_flight"] == 1
    });
    served.signal("-TERM");
    wait_until("it says that it is not ready", || {
        request(&served.address, "GET", "/readyz", "").is_ok_and(|(status, _)| status == 503)
    });
    (folder, served)
}

#[test]
fn it_is_not_ready_first_then_refuses_and_waits_for_attempts_only_so_long() {
    let (_folder, mut served) = signalled(&["--drain-delay-seconds", "2", "--drain-timeout-seconds", "3"]);
    let began = Instant::now();
    let event = r#"{"event":"a.b","payload":{}}"#;
    let send = || request(&served.address, "POST", "/v1/workspaces/ws_drain/events", event);
    assert_eq!(send().unwrap().0, 202, "events are taken while it is only not ready");
    wait_until("it refuses events", || send().is_ok_and(|(status, _)| status == 503));
    assert!(began.elapsed() > Duration::from_secs(1));
    let (_, ready) = request(&served.address, "GET", "/readyz", "").unwrap();
    assert_eq!(ready["reasons"], serde_json::json!(["draining", "stopping"]));
    assert_eq!(served.died().code(), Some(0));
    assert!(began.elapsed() > Duration::from_secs(3));
}

#[test]
fn a_second_signal_stops_it_at_once() {
    let (_folder, mut served) = signalled(&["--drain-delay-seconds", "60"]);
    served.signal("-TERM");
    assert_eq!(served.died().code(), Some(1));
}

#[test]
fn attempts_under_way_end_and_nothing_that_was_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut host = Host::at(folder.path());
    host.arguments.extend(["--drain-delay-seconds", "1"].map(str::to_owned));
    let witness = Witness::default();
    // Slow enough that attempts are under way at every moment.
    let url = receiver(&witness, |_| false, Duration::from_millis(300));
    let mut served = host.serve(None);
    served.prepare(&url, "ws_drain");
    let (address, seen) = (served.address.clone(), witness.clone());
    // Sends until nobody takes it any more; what was not acknowledged is nobody's promise.
    let sender = thread::spawn(move || {
        let told = (0..).map(|number| emit(&address, "ws_drain", &format!("e{number}"), 100, &seen));
        told.take_while(|status| *status == Some(202)).count()
    });
    wait_until("attempts are under way", || {
        let (_, status) = request(&served.address, "GET", "/v1/status", "").unwrap();
        status["node"]["in_flight"].as_u64() > Some(2)
    });
    assert_eq!(served.stop().code(), Some(0), "{}", served.said.lock().unwrap());
    let acknowledged = sender.join().unwrap();
    assert!(acknowledged > 10, "{acknowledged}");
    assert_eq!(witness.auditor().summary().acknowledged, acknowledged);

    let mut again = host.serve(None);
    // The newest were accepted last and never attempted.
    let (mut ended, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/workspaces/ws_drain/deliveries?limit=250{cursor}");
        let (_, page) = request(&again.address, "GET", &path, "").unwrap();
        let items = page["items"].as_array().unwrap().iter().filter(|item| item["attempts"] != 0);
        ended.extend(items.cloned());
        match &page["next"] {
            serde_json::Value::Null => break,
            next => {
                cursor = format!("&cursor={}", next.as_str().map_or_else(|| next.to_string(), str::to_owned))
            }
        }
    }
    assert!(ended.len() > 2);
    assert!(ended.iter().all(|item| item["outcome"] != "unknown"), "{ended:?}");
    again.quiet("ws_drain", &witness);
    witness.auditor().demand(Promises {
        attempts_max: 1,
        in_flight_max: 512,
        outcome_within: Duration::from_secs(5),
        noted_within: Duration::from_secs(1),
    });
    again.kill();
}
