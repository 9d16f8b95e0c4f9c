//! `kill -9` under load, again and again: nothing that was acknowledged is lost.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::auditor::{Fact, Promises};
use super::server::{Host, Witness, emit, receiver, wait_until};

/// Clients at once.
const SENDERS: usize = 8;

/// So many events are acknowledged before each kill.
const TOLD_BEFORE_A_KILL: usize = 40;

/// Kills in the tests that always run. `FANWISE_KILLS=100 cargo test -p fanwise --test binary
/// survives_every_kill -- --nocapture` takes a few minutes and prints how much was sent twice.
const KILLS: usize = 5;

const PROMISES: Promises = Promises {
    attempts_max: 9,
    in_flight_max: 512,
    outcome_within: Duration::from_secs(5),
    noted_within: Duration::from_secs(1),
};

#[expect(clippy::disallowed_methods, reason = "a test has no settings")]
fn kills() -> usize {
    std::env::var("FANWISE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS)
}

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::at(folder.path());
    let witness = Witness::default();
    // Every twentieth request fails, so that there are retries in every crash.
    let url = receiver(&witness, |number| number % 20 == 7, Duration::from_millis(2));
    let mut server = host.serve(None);
    for workspace in ["one", "two"] {
        server.prepare(&url, workspace);
    }
    let address = Arc::new(Mutex::new(server.address.clone()));
    let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let told = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (address, witness) = (Arc::clone(&address), witness.clone());
            let (over, sent, told) = (Arc::clone(&over), Arc::clone(&sent), Arc::clone(&told));
            thread::spawn(move || {
                let workspace = ["one", "two"][sender % 2];
                while !over.load(Ordering::SeqCst) {
                    let id = format!("e{}", sent.fetch_add(1, Ordering::SeqCst));
                    // Whoever has no answer asks again, with the same id, until there is one.
                    loop {
                        let now = address.lock().unwrap().clone();
                        match emit(&now, workspace, &id, 300, &witness) {
                            Some(202) => {
                                told.fetch_add(1, Ordering::SeqCst);
                                break;
                            }
                            Some(429 | 503) | None => thread::sleep(Duration::from_millis(20)),
                            Some(other) => panic!("{other}"),
                        }
                    }
                    thread::sleep(Duration::from_millis(2));
                }
            })
        })
        .collect();
    for round in 0..kills() {
        // Some load first, however slow the machine is; then at any moment.
        let before = told.load(Ordering::SeqCst);
        wait_until("clients are told", || told.load(Ordering::SeqCst) >= before + TOLD_BEFORE_A_KILL);
        thread::sleep(Duration::from_millis((round as u64 * 37) % 300));
        server.kill();
        witness.see(Fact::Crashed { at: witness.now() });
        server = host.serve(None);
        address.lock().unwrap().clone_from(&server.address);
    }
    over.store(true, Ordering::SeqCst);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    for workspace in ["one", "two"] {
        server.quiet(workspace, &witness);
    }
    let auditor = witness.auditor();
    let summary = auditor.summary();
    assert!(summary.acknowledged >= TOLD_BEFORE_A_KILL * kills(), "{summary:?}");
    // What was sent twice is allowed, with the same id; how often it happened is for who runs this by hand.
    eprintln!("{summary:?}");
    auditor.demand(PROMISES);
    server.kill();
}
