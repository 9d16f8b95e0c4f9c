//! `kill -9` in the middle: nothing that was acknowledged is lost.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const EVENTS: usize = 2_000;
const SENDERS: usize = 8;
const KEY: &str = "fw_admin_crash_test";

/// How often each `webhook-id` came.
type Counts = Arc<Mutex<HashMap<String, u64>>>;

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let counts = Counts::default();
    let receiver = receiver(Arc::clone(&counts));
    let acknowledged: Arc<Mutex<HashSet<String>>> = Arc::default();

    let (mut server, address) = serve(folder.path());
    prepare(&address, &receiver);
    let dead = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (address, dead, acknowledged) =
                (address.clone(), Arc::clone(&dead), Arc::clone(&acknowledged));
            thread::spawn(move || {
                for number in (sender..EVENTS).step_by(SENDERS) {
                    let event =
                        json!({ "event": "n", "id": format!("e{number}"), "payload": { "n": number } });
                    match request(&address, "POST", "/v1/workspaces/ws/events", &event.to_string()) {
                        Ok((202, answer)) => {
                            let delivery = answer["deliveries"][0]["id"].as_str().unwrap().to_owned();
                            acknowledged.lock().unwrap().insert(delivery);
                        }
                        Ok(other) => panic!("{other:?}"),
                        // The server is killed: what has no answer was not acknowledged.
                        Err(_) if dead.load(Ordering::SeqCst) => return,
                        Err(error) => {
                            thread::sleep(Duration::from_millis(100));
                            assert!(dead.load(Ordering::SeqCst), "{error}");
                            return;
                        }
                    }
                }
            })
        })
        .collect();
    wait_until(|| acknowledged.lock().unwrap().len() >= EVENTS / 2);
    dead.store(true, Ordering::SeqCst);
    server.kill().unwrap();
    server.wait().unwrap();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let acknowledged = acknowledged.lock().unwrap().clone();
    let before = counts.lock().unwrap().len();

    let (mut server, address) = serve(folder.path());
    let arrived = || {
        let counts = counts.lock().unwrap();
        acknowledged.iter().filter(|id| counts.contains_key(*id)).count()
    };
    wait_until(|| arrived() == acknowledged.len());
    // A delivery that was made durable without an answer may arrive too: it is owed, too.
    let (_, status) = request(&address, "GET", "/v1/workspaces/ws/deliveries?state=waiting", "").unwrap();
    assert!(status["items"].is_array(), "{status}");
    let counts = counts.lock().unwrap();
    let again: u64 = counts.values().map(|count| count - 1).sum();
    println!(
        "{} acknowledged, {before} arrived before the kill, {} arrived in all, {again} came twice under the same webhook-id",
        acknowledged.len(),
        counts.len(),
    );
    // Only what was under way can come twice.
    assert!(again <= 512, "{again} duplicates");
    assert!(counts.len() <= acknowledged.len() + SENDERS, "{} arrived", counts.len());
    server.kill().unwrap();
    server.wait().unwrap();
}

fn wait_until(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(25), "it takes too long");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Starts the binary and reads its address from stderr.
fn serve(folder: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fanwise"))
        .args(["serve", "--listen", "127.0.0.1:0", "--allow-loopback", "--admin-key", KEY, "--data-dir"])
        .arg(folder)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().expect("the server says where it listens").unwrap();
        if let Some((_, address)) = line.split_once("listens at http://") {
            break address.to_owned();
        }
    };
    // Somebody must read what it says, or a full pipe stops it.
    thread::spawn(move || lines.for_each(drop));
    (child, address)
}

fn prepare(address: &str, receiver: &str) {
    let rules = "edition 2026\nconnection hook: webhook\nrule everything { on ** as e deliver hook.send_webhook { body: e } }\n";
    let steps = [
        ("POST", "/v1/workspaces", json!({ "id": "ws" }), 201),
        (
            "POST",
            "/v1/workspaces/ws/connections",
            json!({ "name": "hook", "integration": "webhook", "url": receiver }),
            201,
        ),
        ("PUT", "/v1/workspaces/ws/rules", json!({ "files": [{ "path": "r.route", "text": rules }] }), 200),
    ];
    for (method, path, body, status) in steps {
        let (got, answer) = request(address, method, path, &body.to_string()).unwrap();
        assert_eq!(got, status, "{answer}");
    }
}

/// One request on a connection of its own.
fn request(address: &str, method: &str, path: &str, body: &str) -> std::io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let broken = || std::io::Error::other("the answer broke off");
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    Ok((status, serde_json::from_str(body).map_err(|_| broken())?))
}

/// A receiver that counts ids and always says yes.
fn receiver(counts: Counts) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counts = Arc::clone(&counts);
            thread::spawn(move || count(stream, &counts));
        }
    });
    url
}

fn count(stream: TcpStream, counts: &Counts) {
    let mut to = stream.try_clone().unwrap();
    let mut from = BufReader::new(stream);
    loop {
        let (mut id, mut length, mut line) = (String::new(), 0, String::new());
        loop {
            line.clear();
            if from.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let lower = line.trim().to_ascii_lowercase();
            if lower.is_empty() {
                break;
            }
            if let Some(value) = lower.strip_prefix("webhook-id:") {
                value.trim().clone_into(&mut id);
            }
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        if from.read_exact(&mut body).is_err() {
            return;
        }
        *counts.lock().unwrap().entry(id).or_default() += 1;
        if to.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_err() {
            return;
        }
    }
}
