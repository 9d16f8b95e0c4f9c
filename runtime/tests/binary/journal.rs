//! `fanwise journal`: what it finds, what it mends, what it prints.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::auditor::Promises;
use super::server::{Host, Witness, emit, receiver};

/// Text that must stand in no dump.
const SECRET: &str = "xxxxxxxxxxxxxxxxxxxx";

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn journal(arguments: &[&str], folder: &Path) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanwise"));
    let ran = command.arg("journal").args(arguments).arg(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: ran.status.code(), out: text(ran.stdout), err: text(ran.stderr) }
}

fn files(folder: &Path, part: &str) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.contains(part)).collect();
    names.sort();
    names
}

#[test]
fn a_clean_stop_leaves_a_checkpoint_and_a_journal_that_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::at(folder.path());
    let witness = Witness::default();
    let url = receiver(&witness, |_| false, Duration::ZERO);
    let mut server = host.serve(None);
    for workspace in ["one", "two"] {
        server.prepare(&url, workspace);
    }
    for number in 0..40 {
        let workspace = ["one", "two"][number % 2];
        assert_eq!(emit(&server.address, workspace, &format!("e{number}"), 100, &witness), Some(202));
    }
    let in_use = journal(&["verify"], folder.path());
    assert!(
        in_use.code == Some(1) && in_use.err.contains("another process uses this folder"),
        "{}",
        in_use.err
    );
    assert_eq!(server.stop().code(), Some(0));
    let checkpoints = files(&host.journal(), "checkpoint-");
    assert!(!checkpoints.is_empty() && checkpoints.len() <= 2, "{checkpoints:?}");

    let ran = journal(&["verify"], folder.path());
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("the journal is whole") && ran.out.contains("checkpoint-"), "{}", ran.out);
    let report: Value =
        serde_json::from_str(&journal(&["verify", "--output", "json"], folder.path()).out).unwrap();
    assert_eq!(
        (&report["whole"], report["checkpoints"].as_array().unwrap().len()),
        (&true.into(), checkpoints.len())
    );

    let ran = journal(&["dump", "--output", "json", "--workspace", "two"], folder.path());
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["workspace"] == "two"));
    assert_eq!(lines.iter().filter(|line| line["kind"] == "accepted").count(), 20);
    assert_eq!(lines.iter().filter(|line| line["kind"] == "finished").count(), 20);
    assert!(!ran.out.contains(SECRET), "payloads are not printed");
    let last = lines.last().unwrap()["lsn"].as_u64().unwrap();
    let ran = journal(&["dump", "--from", &last.to_string()], folder.path());
    assert_eq!(
        (ran.out.lines().count() as u64, ran.code),
        (report["next_lsn"].as_u64().unwrap() - last, Some(0))
    );

    let mut server = host.serve(None);
    assert!(!server.said.lock().unwrap().contains("damaged"), "{}", server.said.lock().unwrap());
    for workspace in ["one", "two"] {
        server.quiet(workspace, &witness);
    }
    let promises = Promises {
        attempts_max: 9,
        in_flight_max: 0,
        outcome_within: Duration::ZERO,
        noted_within: Duration::ZERO,
    };
    witness.auditor().demand(promises);
    server.kill();
}

#[test]
fn damage_is_refused_with_its_place_and_put_aside_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut host = Host::at(folder.path());
    host.arguments.clear();
    host.arguments.extend(["--journal-segment-bytes".to_owned(), "1048576".to_owned()]);
    let witness = Witness::default();
    let url = receiver(&witness, |_| false, Duration::ZERO);
    let mut server = host.serve(None);
    server.prepare(&url, "ws");
    for number in 0..40 {
        assert_eq!(emit(&server.address, "ws", &format!("e{number}"), 100, &witness), Some(202));
    }
    server.quiet("ws", &witness);
    server.kill();
    let segment = host.journal().join("0000000001.segment");
    let mut bytes = fs::read(&segment).unwrap();
    let at =
        bytes.windows(5).position(|window| window == b"\"e20\"" || window == &b"\x03e20\x02"[..]).unwrap();
    bytes[at + 2] ^= 1;
    fs::write(&segment, &bytes).unwrap();

    let said = host.refuses();
    for part in ["0000000001.segment", "is damaged at byte", "record", "fanwise journal repair --quarantine"]
    {
        assert!(said.contains(part), "{said}");
    }
    let ran = journal(&["verify"], folder.path());
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("0000000001.segment: damaged from byte"), "{}", ran.out);
    assert_eq!(journal(&["repair"], folder.path()).code, Some(2), "it must be asked for");
    let ran = journal(&["repair", "--quarantine"], folder.path());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("1 are lost") && ran.err.contains("quarantine-0000000001-"), "{}", ran.err);
    assert_eq!(files(&host.journal(), "quarantine-").len(), 1);
    assert_eq!(journal(&["verify"], folder.path()).code, Some(0));
    let again = journal(&["repair", "--quarantine"], folder.path());
    assert!(again.err.contains("nothing is damaged"), "{}", again.err);

    let mut server = host.serve(None);
    assert_eq!(emit(&server.address, "ws", "after", 10, &witness), Some(202));
    server.kill();
}

#[test]
fn a_lost_end_is_refused_and_gone_on_without_on_request() {
    for all in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::at(folder.path());
        host.arguments.clear();
        host.arguments.extend(["--journal-segment-bytes".to_owned(), "1048576".to_owned()]);
        let witness = Witness::default();
        let url = receiver(&witness, |_| false, Duration::ZERO);
        let mut server = host.serve(None);
        server.prepare(&url, "ws");
        for number in 0..30 {
            assert_eq!(emit(&server.address, "ws", &format!("e{number}"), 40_000, &witness), Some(202));
        }
        server.quiet("ws", &witness);
        assert_eq!(server.stop().code(), Some(0));
        let segments = files(&host.journal(), ".segment");
        assert!(segments.len() > 1, "{segments:?}");
        let lost = if all { &segments[..] } else { &segments[segments.len() - 1..] };
        for segment in lost {
            fs::remove_file(host.journal().join(segment)).unwrap();
        }

        let said = host.refuses();
        for part in ["ends before `checkpoint-", &segments[segments.len() - 1], "repair --quarantine"] {
            assert!(said.contains(part), "{said}");
        }
        let ran = journal(&["verify"], folder.path());
        assert!(ran.code == Some(1) && ran.out.contains("are missing: a checkpoint was made"), "{}", ran.out);
        let ran = journal(&["repair", "--quarantine"], folder.path());
        assert!(ran.code == Some(0) && ran.err.contains("are missing at the end"), "{}", ran.err);
        assert!(!ran.err.contains("nothing is damaged"), "{}", ran.err);
        let mut server = host.serve(None);
        assert_eq!(emit(&server.address, "ws", "after", 10, &witness), Some(202));
        server.kill();
        assert_eq!(journal(&["verify"], folder.path()).code, Some(0));
    }
}

#[test]
fn a_folder_without_a_journal_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["verify", "dump"] {
        let ran = journal(&[command], folder.path());
        assert!(ran.code == Some(1) && ran.err.contains("no journal"), "{}", ran.err);
    }
    assert!(journal(&["verify"], Path::new("/nowhere")).err.contains("/nowhere"));
}
