//! How long a start takes with ten million pending deliveries.
//!
//! `cargo run --release -p fanwise-benches --bin restart` writes a journal, opens it once so that there is a
//! checkpoint, and then times starts in processes of their own, on one core (`taskset`), from the process's beginning: until what is owed is known, until an
//! event is durable, and until a delivery is sent. `--pending N` and `--dir DIR` change what is written and
//! where; a folder that is there already is measured as it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a measurement that fails ends")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a program for people who measure")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use compiler::gate::Gated;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use runtime::clock::SystemClock;
use runtime::deliver::request::Request;
use runtime::deliver::target::{Connections, Target};
use runtime::deliver::transport::{Answer, Failure, Transport};
use runtime::id::{ConnectionId, DeliveryId, EventId, WorkspaceId};
use runtime::journal::Journal;
use runtime::journal::disk::Folder;
use runtime::journal::segment::{SegmentLog, SegmentOptions};
use runtime::model::{DeliveryRecord, EventRecord, Policy};
use runtime::node::{Identity, NewEvent, Node, NodeConfig, Parts};
use runtime::record::{Owed, Record};

/// The server's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Deliveries of one event, so that the journal of ten million stays small.
const FAN_OUT: usize = 100;
const WORKSPACES: usize = 1_000;
const STARTS: usize = 3;

fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

fn main() {
    let pending = argument("--pending").map_or(10_000_000, |text| text.parse().unwrap());
    if let Some(folder) = argument("--start") {
        return start(Path::new(&folder));
    }
    let temporary = tempfile::tempdir_in(".").unwrap();
    let folder = argument("--dir").map_or_else(|| temporary.path().join("data"), PathBuf::from);
    if !folder.join("journal").exists() {
        let began = Instant::now();
        write(&folder, pending);
        println!(
            "wrote a journal with {pending} pending deliveries in {:.1} s",
            began.elapsed().as_secs_f64()
        );
        let began = Instant::now();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let node = open(&folder, sync_channel(1).0);
            println!("opened it without a checkpoint in {:.1} s", began.elapsed().as_secs_f64());
            let began = Instant::now();
            node.shutdown(Duration::ZERO).await;
            println!("stopped it, with a checkpoint, in {:.1} s", began.elapsed().as_secs_f64());
        });
    }
    for name in std::fs::read_dir(folder.join("journal")).unwrap().map(Result::unwrap) {
        if name.file_name().to_string_lossy().starts_with("checkpoint-") {
            println!("{}: {} MiB", name.file_name().display(), name.metadata().unwrap().len() >> 20);
        }
    }
    let own = std::env::current_exe().unwrap();
    for _ in 0..STARTS {
        let status = Command::new("taskset").args(["-c", "0"]).arg(&own).arg("--start").arg(&folder).status();
        assert!(status.unwrap().success());
    }
}

/// The receiver: it tells when the first request comes, and never answers.
struct Told(SyncSender<()>);

impl Transport for Told {
    fn send(&self, _request: Request, timeout: Duration) -> BoxFuture<'_, Result<Answer, Failure>> {
        let _ = self.0.try_send(());
        Box::pin(async move {
            tokio::time::sleep(timeout).await;
            Err(Failure::new(runtime::model::Outcome::TimedOut, "none"))
        })
    }
}

struct Everywhere;

impl Connections for Everywhere {
    fn target(&self, _workspace: &WorkspaceId, _connection: &ConnectionId) -> Option<Target> {
        Some(Target::to("https://example.com/"))
    }

    fn disable(&self, _workspace: &WorkspaceId, _connection: &ConnectionId) {}
}

fn config(folder: &Path) -> NodeConfig {
    NodeConfig {
        journal_bytes_max: 64 << 30,
        node_pending_max: 50_000_000,
        workspace_pending_max: 50_000_000,
        ..NodeConfig::at(folder)
    }
}

fn open(folder: &Path, told: SyncSender<()>) -> Arc<Node> {
    let parts = Parts {
        clock: Arc::new(SystemClock::default()),
        transport: Arc::new(Told(told)),
        disk: Arc::new(Folder::take(&folder.join("journal")).unwrap()),
    };
    Node::open_with(&config(folder), Arc::new(Everywhere), parts).unwrap()
}

fn policy() -> Policy {
    Policy {
        attempts: 10,
        first_wait: Duration::from_secs(5),
        longest_wait: Duration::from_secs(36_000),
        growth_thousandths: 3000,
        jitter_thousandths: 200,
        timeout: Duration::from_secs(30),
        expires: Duration::from_secs(7 * 24 * 3600),
        weight: 4,
        ..Policy::default()
    }
}

/// An event whose deliveries are due within a day; those of the first ones are due now.
fn owed(number: usize, deliveries: usize) -> Owed {
    let (id, now) = (EventId::fresh(), Timestamp::now());
    let workspace = WorkspaceId::from_text(&format!("ws_{:04}", number % WORKSPACES));
    let delivery = |index: usize| DeliveryRecord {
        id: DeliveryId::fresh(),
        workspace: workspace.clone(),
        event: id.clone(),
        rule: "every_order".into(),
        key: "every_order/hook.send_webhook/0".into(),
        connection: ConnectionId::from_text(&format!("con_{:032x}", (number % WORKSPACES) * 8 + index % 5)),
        connection_name: "hook".into(),
        action: "send_webhook".into(),
        input: Ok(r#"{"body":{"id":1}}"#.into()),
        policy: policy(),
        created_at: now,
        due_at: if number < 10 {
            now
        } else {
            now + Duration::from_secs(((number * 7919 + index * 104_729) % 86_400) as u64 + 60)
        },
        replay_of: None,
        gated: Gated::default(),
        skipped: None,
    };
    let deliveries = (0..deliveries).map(delivery).collect();
    let event = EventRecord {
        workspace,
        id: id.clone(),
        kind: "order.paid".into(),
        resource: None,
        resource_id: None,
        time: now,
        received_at: now,
        revision: None,
        rules: vec!["every_order".into()],
        payload: br#"{"id":1}"#.as_slice().into(),
        attributes: None,
        trace_context: None,
    };
    Owed { event, deliveries, identity: Identity::default() }
}

fn write(folder: &Path, pending: usize) {
    let config = config(folder);
    let disk = Arc::new(Folder::take(&folder.join("journal")).unwrap());
    let options = SegmentOptions { segment_bytes: config.segment_bytes, prepare_ahead: false, seed: 1 };
    let clock = Arc::new(SystemClock::default());
    let mut log = SegmentLog::open(disk, clock, options, None, &mut |_, _, _| {}).unwrap();
    let mut batch: Vec<Vec<u8>> = Vec::new();
    for number in 0..pending.div_ceil(FAN_OUT) {
        batch.push(Record::Accepted(Box::new(owed(number, FAN_OUT))).to_bytes());
        if batch.len() == 256 || (number + 1) * FAN_OUT >= pending {
            log.append(&batch.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
            batch.clear();
        }
    }
}

/// One start, in a process of its own.
fn start(folder: &Path) {
    let began = Instant::now();
    tracing_subscriber::fmt().with_target(false).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (told, first) = sync_channel(1);
        let node = open(folder, told);
        let opened = began.elapsed();
        let Owed { event, deliveries, identity } = owed(0, 1);
        node.accept(vec![NewEvent { event, deliveries, identity }]).await.unwrap();
        let accepted = began.elapsed();
        let sent = tokio::task::spawn_blocking(move || first.recv_timeout(Duration::from_secs(60)));
        sent.await.unwrap().expect("a delivery is sent");
        let memory = std::fs::read_to_string("/proc/self/status").unwrap();
        let memory = memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
        println!(
            "{} pending: open after {:.2} s, an event durable after {:.2} s, a delivery sent after {:.2} s, {memory}",
            node.status().pending,
            opened.as_secs_f64(),
            accepted.as_secs_f64(),
            began.elapsed().as_secs_f64(),
        );
        // It ends as a killed process does, so that every start finds the same.
        std::process::exit(0);
    });
}
