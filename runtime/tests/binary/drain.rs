//! SIGTERM on the real binary: in which order it stops, and what a second signal does.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use super::server::{Host, request};

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
    super::server::wait_until("an attempt is under way", || {
        let (_, status) = request(&served.address, "GET", "/v1/status", "").unwrap();
        status["node"]["in_flight"] == 1
    });
    served.signal("-TERM");
    super::server::wait_until("it says that it is not ready", || {
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
    super::server::wait_until("it refuses events", || send().is_ok_and(|(status, _)| status == 503));
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
