//! The real binary under test: started, loaded, killed, started again, and asked what it remembers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::auditor::{Auditor, End, Fact};

pub(crate) const KEY: &str = "fw_admin_crash_test";

/// Nothing in these tests takes longer, unless something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What has been seen so far, with the time at which it began.
#[derive(Clone)]
pub(crate) struct Witness {
    began: Instant,
    auditor: Arc<Mutex<Auditor>>,
}

impl Default for Witness {
    fn default() -> Self {
        Self { began: Instant::now(), auditor: Arc::default() }
    }
}

impl Witness {
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn see(&self, fact: Fact) {
        self.auditor.lock().unwrap().see(fact);
    }

    pub(crate) fn auditor(&self) -> std::sync::MutexGuard<'_, Auditor> {
        self.auditor.lock().unwrap()
    }
}

/// A data folder and how a server is started in it.
pub(crate) struct Host {
    folder: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
}

/// A running server.
pub(crate) struct Served {
    child: Child,
    pub address: String,
    /// What it says on stderr.
    pub said: Arc<Mutex<String>>,
}

impl Host {
    /// With small files, so that rolls and checkpoints come often.
    pub(crate) fn at(folder: &Path) -> Self {
        let small = ["--journal-segment-bytes", "262144", "--checkpoint-bytes", "65536"];
        let arguments = small.iter().map(|argument| (*argument).to_owned()).collect();
        Self { folder: folder.to_owned(), arguments, environment: Vec::new() }
    }

    /// Starts the binary and reads its address from stderr.
    pub(crate) fn serve(&self, crash_at: Option<&str>) -> Served {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanwise"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--allow-loopback", "--admin-key", KEY, "--data-dir"])
            .arg(&self.folder)
            .args(&self.arguments)
            .env("FANWISE_DRAIN_DELAY_SECONDS", "0")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("FANWISE_CRASH_AT", crash_at.unwrap_or_default())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = Arc::new(Mutex::new(String::new()));
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("it ended: {}", said.lock().unwrap())).unwrap();
            if let Some((_, address)) = line.split_once("listens at http://") {
                break address.to_owned();
            }
            said.lock().unwrap().push_str(&(line + "\n"));
        };
        // Somebody must read what it says, or a full pipe stops it.
        let saying = Arc::clone(&said);
        thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| saying.lock().unwrap().push_str(&(line + "\n")))
        });
        Served { child, address, said }
    }

    /// Starts it where it is expected not to start, and returns what it says.
    pub(crate) fn refuses(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanwise"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-key", KEY, "--data-dir"])
            .arg(&self.folder)
            .args(&self.arguments);
        let ended = command.output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stderr).unwrap()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }
}

impl Served {
    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        // It may have died by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Sends a signal, such as `-TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// SIGTERM, and until it has ended.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.child.wait().unwrap()
    }

    /// Waits until it has died by itself.
    pub(crate) fn died(&mut self) -> ExitStatus {
        wait_until("the server dies", || self.child.try_wait().unwrap().is_some());
        self.child.wait().unwrap()
    }

    pub(crate) fn is_dead(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// A workspace whose every event goes to a receiver.
    pub(crate) fn prepare(&self, receiver: &str, workspace: &str) {
        let rules = "edition 2026\nconnection hook: webhook\nrule everything { on ** as e deliver hook.send_webhook { body: e } \
                     with { retry: { attempts: 9, first_wait: 1s, jitter: 0% } } }\n";
        let connection = json!({ "name": "hook", "integration": "webhook", "url": receiver });
        let files = json!({ "files": [{ "path": "r.route", "text": rules }] });
        for (method, path, body, status) in [
            ("POST", "/v1/workspaces".to_owned(), json!({ "id": workspace }), 201),
            ("POST", format!("/v1/workspaces/{workspace}/connections"), connection, 201),
            ("PUT", format!("/v1/workspaces/{workspace}/rules"), files, 200),
        ] {
            let (got, answer) = request(&self.address, method, &path, &body.to_string()).unwrap();
            assert_eq!(got, status, "{answer}");
        }
    }

    /// Waits until nothing is owed any more, and has the witness see what the history says.
    pub(crate) fn quiet(&self, workspace: &str, witness: &Witness) {
        // One number: a delivery may go from one state's list to another's between two requests.
        let owed = || {
            let (status, shown) = request(&self.address, "GET", "/v1/status", "").unwrap();
            assert_eq!(status, 200, "{shown}");
            shown["node"]["pending"].as_u64().unwrap()
        };
        let began = Instant::now();
        while owed() > 0 && began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
        }
        witness.see(Fact::Pending(owed()));
        for item in self.listed(workspace, "", usize::MAX) {
            let attempts = u32::try_from(item["attempts"].as_u64().unwrap()).unwrap();
            let id = item["id"].as_str().unwrap();
            let unknown = if attempts > 1 { self.unknown(workspace, id) } else { 0 };
            let end = match item["state"].as_str().unwrap() {
                "delivered" => End::Delivered,
                "dead_letter" => End::DeadLetter,
                _ => End::Open,
            };
            let workspace = item["workspace"].as_str().unwrap().to_owned();
            witness.see(Fact::Recorded { workspace, delivery: id.to_owned(), end, attempts, unknown });
        }
    }

    fn unknown(&self, workspace: &str, id: &str) -> u32 {
        let path = format!("/v1/workspaces/{workspace}/deliveries/{id}");
        let (status, shown) = request(&self.address, "GET", &path, "").unwrap();
        assert_eq!(status, 200, "{shown}");
        let attempts = shown["attempt_list"].as_array().unwrap();
        u32::try_from(attempts.iter().filter(|attempt| attempt["outcome"] == "unknown").count()).unwrap()
    }

    /// Deliveries of a workspace, at most so many.
    fn listed(&self, workspace: &str, filter: &str, max: usize) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/workspaces/{workspace}/deliveries?limit=250{filter}{cursor}");
            let (status, mut page) = request(&self.address, "GET", &path, "").unwrap();
            assert_eq!(status, 200, "{page}");
            all.append(page["items"].as_array_mut().unwrap());
            match page["next"].as_str() {
                Some(next) if all.len() < max => cursor = format!("&cursor={next}"),
                _ => return all,
            }
        }
    }
}

/// A test that fails leaves no server behind.
impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "it takes too long until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends an event and has the witness see what the client was told. `None` when the server was gone.
pub(crate) fn emit(
    address: &str,
    workspace: &str,
    id: &str,
    padding: usize,
    witness: &Witness,
) -> Option<u16> {
    let payload = json!({ "workspace": workspace, "event": id, "padding": "x".repeat(padding) });
    let event = json!({ "event": "n", "id": id, "payload": payload }).to_string();
    let (status, answer) =
        request(address, "POST", &format!("/v1/workspaces/{workspace}/events"), &event).ok()?;
    if status == 202 || status == 200 {
        let deliveries = answer["deliveries"].as_array().unwrap().iter();
        let deliveries = deliveries.map(|delivery| delivery["id"].as_str().unwrap().to_owned()).collect();
        let (workspace, event) = (workspace.to_owned(), id.to_owned());
        witness.see(Fact::Acknowledged { workspace, event, deliveries });
    }
    Some(status)
}

/// One request on a connection of its own.
pub(crate) fn request(address: &str, method: &str, path: &str, body: &str) -> std::io::Result<(u16, Value)> {
    request_with(address, method, path, "", body)
}

/// The same with further header lines, each with its line break.
pub(crate) fn request_with(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n\
         {headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let broken = || std::io::Error::other("the answer broke off");
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    Ok((status, serde_json::from_str(body).map_err(|_| broken())?))
}

/// A receiver that has the witness see what comes. `refuses` decides by the number of the request whether
/// it answers 503; `waits`, how long it thinks before.
pub(crate) fn receiver(witness: &Witness, refuses: fn(usize) -> bool, waits: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let witness = witness.clone();
    let number = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (witness, number) = (witness.clone(), Arc::clone(&number));
            thread::spawn(move || {
                receive(
                    stream,
                    &witness,
                    || refuses(number.fetch_add(1, std::sync::atomic::Ordering::SeqCst)),
                    waits,
                )
            });
        }
    });
    url
}

fn receive(stream: TcpStream, witness: &Witness, refuses: impl Fn() -> bool, waits: Duration) {
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
        let accepted = !refuses();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let (at, workspace, event) = (witness.now(), text("workspace"), text("event"));
        witness.see(Fact::Received { at, workspace, event, delivery: id, accepted });
        thread::sleep(waits);
        let status = if accepted { "204 No Content" } else { "503 Service Unavailable\r\ncontent-length: 0" };
        if to.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).is_err() {
            return;
        }
    }
}
