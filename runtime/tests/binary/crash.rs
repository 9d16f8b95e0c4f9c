//! `kill -9` in the middle: nothing that was acknowledged is lost.

use std::collections::HashMap;
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

/// The bodies that came under each `webhook-id`.
type Arrivals = Arc<Mutex<HashMap<String, Vec<String>>>>;

/// The delivery that each event's answer promised, by the event's id.
type Promised = Arc<Mutex<HashMap<String, String>>>;

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let arrivals = Arrivals::default();
    let receiver = receiver(Arc::clone(&arrivals));
    let acknowledged = Promised::default();

    let (mut server, address) = serve(folder.path());
    prepare(&address, &receiver);
    let dead = Arc::new(AtomicBool::new(false));
    let senders = send_all(&address, &acknowledged, &dead);
    wait_until(|| acknowledged.lock().unwrap().len() >= EVENTS / 2);
    dead.store(true, Ordering::SeqCst);
    server.kill().unwrap();
    server.wait().unwrap();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let acknowledged = acknowledged.lock().unwrap().clone();
    let before = arrivals.lock().unwrap().len();

    let (mut server, address) = serve(folder.path());
    let arrived = || {
        let arrivals = arrivals.lock().unwrap();
        acknowledged.values().filter(|delivery| arrivals.contains_key(*delivery)).count()
    };
    wait_until(|| arrived() == acknowledged.len());
    // What was durable without an answer is owed, too, and nothing else.
    let after = arrivals.lock().unwrap().len();
    assert!(after <= acknowledged.len() + SENDERS, "{after} arrived");

    // The app sends everything again, because it cannot know: what is there already is not added.
    let promised = Promised::default();
    let senders = send_all(&address, &promised, &Arc::new(AtomicBool::new(false)));
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let promised = promised.lock().unwrap().clone();
    assert_eq!(promised.len(), EVENTS);
    for (event, delivery) in &acknowledged {
        assert_eq!(promised.get(event), Some(delivery), "{event} was promised under another id before");
    }
    wait_until(|| arrivals.lock().unwrap().len() >= EVENTS);
    let arrivals = arrivals.lock().unwrap();
    for (event, delivery) in &promised {
        let body = format!("{{\"id\":\"{event}\"}}");
        assert!(arrivals[delivery].iter().all(|came| *came == body), "{delivery}: {:?}", arrivals[delivery]);
    }
    assert_eq!(arrivals.len(), EVENTS, "an event has one webhook-id, however often it is sent");
    let again: usize = arrivals.values().map(|bodies| bodies.len() - 1).sum();
    println!(
        "{} acknowledged, {before} arrived before the kill, {after} after the restart, {again} came twice under the same webhook-id",
        acknowledged.len(),
    );
    // Only what was under way can come twice.
    assert!(again <= 512, "{again} duplicates");
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Sends every event; a sender ends early once the server is said to be dead.
fn send_all(address: &str, promised: &Promised, dead: &Arc<AtomicBool>) -> Vec<thread::JoinHandle<()>> {
    let sender = |sender: usize| {
        let (address, dead, promised) = (address.to_owned(), Arc::clone(dead), Arc::clone(promised));
        thread::spawn(move || {
            for number in (sender..EVENTS).step_by(SENDERS) {
                let id = format!("e{number}");
                let event = json!({ "event": "n", "id": id, "payload": { "id": id } });
                match request(&address, "POST", "/v1/workspaces/ws/events", &event.to_string()) {
                    Ok((202, answer)) => {
                        let delivery = answer["deliveries"][0]["id"].as_str().unwrap().to_owned();
                        promised.lock().unwrap().insert(id, delivery);
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
    };
    (0..SENDERS).map(sender).collect()
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

/// A receiver that keeps what comes and always says yes.
fn receiver(arrivals: Arrivals) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let arrivals = Arc::clone(&arrivals);
            thread::spawn(move || keep(stream, &arrivals));
        }
    });
    url
}

fn keep(stream: TcpStream, arrivals: &Arrivals) {
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
        let body = String::from_utf8(body).unwrap();
        arrivals.lock().unwrap().entry(id).or_default().push(body);
        if to.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_err() {
            return;
        }
    }
}
