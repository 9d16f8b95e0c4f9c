//! A process that dies at a chosen place: each row of the table of crashes, and what is true after it.

use std::time::Duration;

use super::auditor::{Fact, Promises, Summary};
use super::server::{Host, Witness, emit, receiver, wait_until};

const PROMISES: Promises = Promises {
    attempts_max: 9,
    in_flight_max: 64,
    outcome_within: Duration::from_secs(10),
    noted_within: Duration::from_secs(1),
};

/// A place in the code, how often it is passed before the process dies there, and what must be seen.
struct Point {
    /// The row of the table in `docs/journal.md`.
    row: &'static str,
    place: &'static str,
    /// The receiver refuses these requests.
    refuses: fn(usize) -> bool,
    /// Bytes of each payload; large ones have the journal roll.
    padding: usize,
    check: fn(Summary),
}

const NEVER: fn(usize) -> bool = |_| false;
const FIRST: fn(usize) -> bool = |number| number == 0;

fn anything(_: Summary) {}

fn again(summary: Summary) {
    assert!(summary.repeated >= 1, "{summary:?}");
}

const POINTS: &[Point] = &[
    Point { row: "1", place: "accept.writing:3", refuses: NEVER, padding: 10, check: anything },
    Point { row: "2", place: "journal.written:9", refuses: NEVER, padding: 10, check: anything },
    Point { row: "3", place: "journal.synced:9", refuses: NEVER, padding: 10, check: anything },
    Point { row: "4", place: "delivery.starting:3", refuses: NEVER, padding: 10, check: anything },
    Point { row: "6", place: "delivery.answered:3", refuses: NEVER, padding: 10, check: again },
    Point { row: "7", place: "outcome.committed:3", refuses: NEVER, padding: 10, check: anything },
    Point { row: "8", place: "retry.scheduled", refuses: FIRST, padding: 10, check: anything },
    Point { row: "9", place: "segment.begun:2", refuses: NEVER, padding: 60_000, check: anything },
    Point { row: "9", place: "segment.named:2", refuses: NEVER, padding: 60_000, check: anything },
    Point { row: "10", place: "checkpoint.written", refuses: NEVER, padding: 60_000, check: anything },
    Point { row: "10", place: "checkpoint.named", refuses: NEVER, padding: 60_000, check: anything },
    Point { row: "11", place: "segment.dropped", refuses: NEVER, padding: 60_000, check: anything },
];

#[test]
#[cfg_attr(not(debug_assertions), ignore = "a release build has no places to die at")]
fn wherever_the_process_dies_nothing_that_was_promised_is_lost() {
    std::thread::scope(|scope| {
        for points in POINTS.chunks(POINTS.len().div_ceil(2)) {
            scope.spawn(move || points.iter().for_each(die_and_recover));
        }
    });
}

fn die_and_recover(point: &Point) {
    let folder = tempfile::tempdir().unwrap();
    let mut host = Host::at(folder.path());
    if point.place.starts_with("segment.dropped") {
        let small = ["--journal-bytes-max", "1048576", "--history-seconds-min", "0"];
        host.arguments.extend(small.iter().map(|argument| (*argument).to_owned()));
    }
    let witness = Witness::default();
    let url = receiver(&witness, point.refuses, Duration::ZERO);
    let mut server = host.serve(None);
    server.prepare(&url, "ws");
    server.kill();
    let mut server = host.serve(Some(point.place));
    for number in 0..200 {
        if server.is_dead() {
            break;
        }
        // A full journal has room again when what it holds is settled.
        while emit(&server.address, "ws", &format!("e{number}"), point.padding, &witness) == Some(503) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let ended = server.died();
    witness.see(Fact::Crashed { at: witness.now() });
    assert!(
        std::os::unix::process::ExitStatusExt::signal(&ended).is_some(),
        "row {}, {}: {ended}",
        point.row,
        point.place
    );
    let mut server = host.serve(None);
    // Who had no answer asks again, and it is still one event.
    for number in 0..200 {
        if number < 3 || number % 20 == 0 {
            let mut told = None;
            wait_until("an event is taken", || {
                told = emit(&server.address, "ws", &format!("e{number}"), point.padding, &witness);
                told != Some(503)
            });
            assert_eq!(told, Some(202), "{}", point.place);
        }
    }
    if point.place.starts_with("segment.dropped") {
        // The oldest deliveries have left the history with their segment; the rest is judged elsewhere.
        server.kill();
        return;
    }
    server.quiet("ws", &witness);
    (point.check)(witness.auditor().summary());
    witness.auditor().demand(PROMISES);
    server.kill();
}

/// Row 5: the request is on its way and its answer is not back.
#[test]
fn a_kill_while_a_receiver_thinks_sends_again_with_the_same_id() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::at(folder.path());
    let witness = Witness::default();
    let url = receiver(&witness, NEVER, Duration::from_millis(300));
    let mut server = host.serve(None);
    server.prepare(&url, "ws");
    assert_eq!(emit(&server.address, "ws", "e", 10, &witness), Some(202));
    wait_until("the receiver has it", || witness.auditor().summary().received == 1);
    server.kill();
    witness.see(Fact::Crashed { at: witness.now() });
    let mut server = host.serve(None);
    server.quiet("ws", &witness);
    let summary = witness.auditor().summary();
    assert_eq!((summary.received, summary.repeated), (2, 1), "{summary:?}");
    witness.auditor().demand(PROMISES);
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "a release build has no places to die at")]
fn a_failed_sync_ends_the_process_within_a_second_and_a_restart_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::at(folder.path());
    let witness = Witness::default();
    let url = receiver(&witness, NEVER, Duration::ZERO);
    let mut server = host.serve(None);
    server.prepare(&url, "ws");
    server.kill();
    let mut server = host.serve(Some("journal.sync:12"));
    let mut number = 0;
    let refused = loop {
        match emit(&server.address, "ws", &format!("e{number}"), 10, &witness) {
            Some(202) => number += 1,
            other => break other,
        }
    };
    assert!(refused.is_none_or(|status| status == 503), "{refused:?}");
    let began = std::time::Instant::now();
    let ended = server.died();
    witness.see(Fact::Crashed { at: witness.now() });
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(std::os::unix::process::ExitStatusExt::signal(&ended).is_some(), "it aborts: {ended}");
    assert!(server.said.lock().unwrap().contains("the journal has failed"));
    let mut server = host.serve(None);
    assert_eq!(emit(&server.address, "ws", &format!("e{number}"), 10, &witness), Some(202));
    server.quiet("ws", &witness);
    witness.auditor().demand(PROMISES);
    server.kill();
}
