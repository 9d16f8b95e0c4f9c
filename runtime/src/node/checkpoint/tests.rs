//! With a checkpoint or without: what is owed and remembered is the same.

mod page;

use std::collections::BTreeMap;
use std::time::Duration;

use compiler::gate::{Entry, GateKey, Gated, Kept, Once, Recent, Tally};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::keeper::Work;
use super::*;
use crate::clock::VirtualClock;
use crate::id::{ConnectionId, WorkspaceId};
use crate::journal::disk::Disk;
use crate::journal::fake::FakeDisk;
use crate::journal::segment::{SegmentLog, SegmentOptions};
use crate::journal::{Journal, Mark};
use crate::model::{AttemptRecord, DeliveryRecord, EventRecord, Outcome, Policy, SkipReason, State};
use crate::node::accept::Identity;
use crate::node::gates::GateBook;
use crate::node::recovery::Recovery;
use crate::record::{Carried, Origin, Owed, Record, Waits};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn tally() -> Tally {
    Tally { key: GateKey::new(&["t"]), allow: 3, every: Duration::from_secs(5_000) }
}

pub(in crate::node) fn owed(number: usize, deliveries: usize) -> Owed {
    let workspace = WorkspaceId::from_text(["ws_a", "ws_b"][number % 2]);
    let id = EventId::from_text(&format!("e{number}"));
    let delivery = |index: usize| DeliveryRecord {
        id: DeliveryId::fresh(),
        workspace: workspace.clone(),
        event: id.clone(),
        rule: "r".into(),
        key: "k".into(),
        connection: ConnectionId::from_text(["con_1", "con_2", "con_3"][(number + index) % 3]),
        connection_name: "c".into(),
        action: "a".into(),
        input: if number % 5 == 4 { Err("none".into()) } else { Ok("{}".into()) },
        policy: Policy {
            attempts: 3 + (number % 3) as u32,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(1),
            growth_thousandths: 1500,
            jitter_thousandths: 10,
            timeout: Duration::from_secs(5),
            expires: Duration::from_secs(60),
            weight: 4,
            idempotency_key: Some(format!("own{number}").into()),
            rate: number.is_multiple_of(3).then(tally),
            order: number.is_multiple_of(4).then_some(number as u64),
            hours: None,
        },
        created_at: at(number as i64),
        due_at: at(number as i64 + 5),
        replay_of: None,
        gated: Gated {
            dedupe: Some(Once {
                key: GateKey::new(&[["x", "y"][number % 2]]),
                within: Duration::from_secs(9_000),
            }),
            throttle: number.is_multiple_of(2).then(tally),
        },
        skipped: (number % 6 == 5).then_some(SkipReason::Throttled),
    };
    let event = EventRecord {
        workspace: workspace.clone(),
        id: id.clone(),
        kind: "k".into(),
        resource: None,
        resource_id: None,
        time: at(0),
        received_at: at(number as i64),
        revision: None,
        rules: vec![],
        payload: vec![b'1'; 40].into(),
        attributes: None,
        trace_context: None,
    };
    let key = (number % 4 == 1).then(|| format!("key{number}").into());
    let identity = Identity { key, app_chose_id: number % 4 == 2, body_hash: [number as u8; 32] };
    Owed { event, deliveries: (0..deliveries).map(delivery).collect(), identity }
}

/// What happens next, by chance: something new, or something to what is owed.
fn next(
    random: &mut StdRng,
    number: usize,
    open: &mut Vec<(WorkspaceId, DeliveryRecord, EventRecord)>,
) -> Record {
    let pick = open.is_empty() || random.random_bool(0.4);
    if pick {
        let owed = owed(number, random.random_range(0..4));
        let owing = owed.deliveries.iter().filter(|delivery| delivery.skipped.is_none());
        let all =
            |delivery: &DeliveryRecord| (owed.event.workspace.clone(), delivery.clone(), owed.event.clone());
        open.extend(owing.map(all));
        return match random.random_bool(0.8) {
            true => Record::Accepted(Box::new(owed)),
            false => Record::Replayed(Box::new(Owed { identity: Identity::default(), ..owed })),
        };
    }
    let place = random.random_range(0..open.len());
    let (workspace, delivery, event) = open[place].clone();
    let moment = at(1_000 + number as i64);
    let attempt = AttemptRecord {
        delivery: delivery.id.clone(),
        number: number as u32 % 9,
        started_at: moment,
        took_micros: 5,
        outcome: Outcome::TimedOut,
        status: None,
        address: None,
        response: None,
        error: Some("late".into()),
        connection_version: 1,
        timings: crate::model::Timings::default(),
    };
    match random.random_range(0..5) {
        0 => {
            open.swap_remove(place);
            Record::Finished { workspace, attempt, state: State::Delivered }
        }
        1 => {
            open.swap_remove(place);
            let state = State::DeadLetter { reason: crate::model::DeadReason::Discarded };
            Record::Settled { workspace, delivery: delivery.id, state, at: moment }
        }
        2 => Record::Finished { workspace, attempt, state: State::Again { at: moment } },
        3 => {
            let (delivery, attempt) = (delivery.id, number as u32 % 9);
            Record::Started { workspace, delivery, attempt, at: moment, rate: Some(tally()) }
        }
        _ => {
            let owed = Owed { event, deliveries: vec![delivery], identity: Identity::default() };
            let origin = Origin { position: Position { segment: 1, offset: number as u32 }, index: 1 };
            let waits = vec![Waits { attempts: number as u32 % 5, due_at: moment, origin }];
            Record::Carried(Box::new(Carried { owed, waits }))
        }
    }
}

/// Everything that recovery finds, without the numbers of names, in an order of its own.
type Found = (BTreeMap<String, String>, Vec<String>, Vec<String>);

fn recover(disk: &Arc<FakeDisk>) -> (Found, Option<Mark>) {
    let mut recovery = Recovery::choose(&**disk).unwrap();
    let from = recovery.mark();
    let log = log(disk, from, &mut |position, bytes| recovery.visit(position, bytes));
    drop(log);
    let mut pending = BTreeMap::new();
    let mut names = Vec::new();
    let (checkpoint, changes) = recovery.parts();
    let tables = &changes.tables;
    let mut add = |entry: PendingEntry| {
        let (workspace, connection) = tables.connection_of(entry.connection).unwrap();
        let workspace = tables.workspace_of(*workspace).unwrap();
        let terms = tables.terms_of(entry.terms).unwrap();
        let id = entry.id.to_string();
        let rest = PendingEntry { connection: 0, terms: 0, ..entry };
        let text = format!("{workspace} {connection} {terms:?} {rest:?}");
        assert_eq!(pending.insert(id.clone(), text), None, "{id} is owed twice");
    };
    let mut name = |name: NameEntry| {
        let workspace = tables.workspace_of(name.workspace).unwrap();
        names.push(format!("{workspace} {:?}", NameEntry { workspace: 0, ..name }));
    };
    if let Some(checkpoint) = checkpoint {
        let mut items = (0, 0);
        checkpoint
            .read(&mut |item| match item {
                Item::Pending(entry) => {
                    items.0 += 1;
                    changes.amend(entry).into_iter().for_each(&mut add);
                }
                Item::Name(entry) => {
                    items.1 += 1;
                    name(entry);
                }
            })
            .unwrap();
        assert_eq!(items, (checkpoint.pending, checkpoint.names));
    }
    changes.born().cloned().for_each(&mut add);
    changes.names.iter().cloned().for_each(&mut name);
    ((pending, names, remembered(&changes.gates)), from)
}

/// What the gates remember, in an order of its own.
fn remembered(gates: &GateBook) -> Vec<String> {
    let mut lines: Vec<String> = vec![format!("{:?}", gates.skipped)];
    lines.extend(gates.entries(at(2_000)).map(|(workspace, kept)| format!("{workspace} {kept:?}")));
    lines.sort();
    lines
}

fn log(disk: &Arc<FakeDisk>, from: Option<Mark>, visit: &mut dyn FnMut(Position, &[u8])) -> SegmentLog {
    let options = SegmentOptions { segment_bytes: 4 << 10, prepare_ahead: false, seed: 5 };
    let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
    let disk = Arc::<FakeDisk>::clone(disk);
    SegmentLog::open(disk, clock, options, from, &mut |position, _, bytes| visit(position, bytes)).unwrap()
}

fn work(disk: &Arc<FakeDisk>, log: &SegmentLog) -> Work {
    let pace = Pace {
        log_bytes: 1,
        log_bytes_max: u64::MAX,
        after: Duration::MAX,
        names_kept: Duration::from_secs(1 << 30),
        names_max: 1 << 20,
    };
    let clock = Arc::new(VirtualClock::at(at(2_000)));
    Work::new(Arc::<FakeDisk>::clone(disk), log.records(), clock, pace, None)
}

fn without_checkpoints(disk: &FakeDisk) -> Arc<FakeDisk> {
    let copy = disk.copy();
    for name in copy.names().into_iter().filter(|name| is_checkpoint(name)) {
        copy.remove(&name).unwrap();
    }
    Arc::new(copy)
}

#[test]
fn recovery_from_a_checkpoint_is_recovery_from_the_whole_journal() {
    for seed in 0..30 {
        let mut random = StdRng::seed_from_u64(seed);
        let disk = Arc::new(FakeDisk::default());
        let mut log = log(&disk, None, &mut |_, _| {});
        let mut work = work(&disk, &log);
        let mut open = Vec::new();
        let mut folds = 0;
        for number in 0..120 {
            let record = next(&mut random, number, &mut open).to_bytes();
            log.append(&[&record]).unwrap();
            if random.random_bool(0.05) {
                work.fold(log.end()).unwrap();
                folds += 1;
            }
            if random.random_bool(0.1) {
                let (whole, none) = recover(&without_checkpoints(&disk));
                let (found, from) = recover(&disk);
                assert_eq!(found, whole, "seed {seed}, record {number}");
                assert_eq!((none, from.is_some()), (None, folds > 0));
                assert!(found.0.len() == open.len(), "seed {seed}: {} {}", found.0.len(), open.len());
            }
        }
        let checkpoints = disk.names().iter().filter(|name| is_checkpoint(name)).count();
        assert_eq!(checkpoints, folds.min(2), "two are kept");
    }
}

#[test]
fn a_damaged_checkpoint_is_passed_over_for_the_one_before_it() {
    let disk = Arc::new(FakeDisk::default());
    let mut random = StdRng::seed_from_u64(1);
    let mut log = log(&disk, None, &mut |_, _| {});
    let mut work = work(&disk, &log);
    let mut open = Vec::new();
    let mut marks = Vec::new();
    for number in 0..90 {
        log.append(&[&next(&mut random, number, &mut open).to_bytes()]).unwrap();
        if number % 30 == 20 {
            work.fold(log.end()).unwrap();
            marks.push(log.end());
        }
    }
    let (whole, newest) = recover(&disk);
    assert_eq!(newest, Some(marks[2]));
    let names: Vec<String> = disk.names().into_iter().filter(|name| is_checkpoint(name)).collect();
    let bytes = disk.bytes_of(&names[1]);
    for at in (0..bytes.len()).step_by(5) {
        let broken = Arc::new(disk.copy());
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        broken.put(&names[1], flipped);
        assert_eq!(recover(&broken), (whole.clone(), Some(marks[1])), "byte {at}");
        broken.put(&names[1], bytes[..at].to_vec());
        assert_eq!(recover(&broken), (whole.clone(), Some(marks[1])), "cut at {at}");
        broken.put(&names[0], vec![]);
        assert_eq!(recover(&broken), (whole.clone(), None), "both are gone");
    }
}

#[test]
fn a_power_cut_while_a_checkpoint_is_written_leaves_the_one_before() {
    let disk = Arc::new(FakeDisk::default());
    disk.remember();
    let mut random = StdRng::seed_from_u64(2);
    let mut log = log(&disk, None, &mut |_, _| {});
    let mut work = work(&disk, &log);
    let mut open = Vec::new();
    let mut acts = vec![];
    for number in 0..60 {
        log.append(&[&next(&mut random, number, &mut open).to_bytes()]).unwrap();
        if number % 10 == 9 {
            acts.push(disk.acts());
            work.fold(log.end()).unwrap();
            acts.push(disk.acts());
        }
    }
    for act in acts.chunks(2).flat_map(|pair| pair[0]..=pair[1]) {
        for _ in 0..4 {
            let cut = Arc::new(disk.until(act).after_any_power_cut(&mut random));
            let whole = recover(&without_checkpoints(&cut)).0;
            assert_eq!(recover(&cut).0, whole, "act {act}");
            assert!(!cut.names().iter().any(|name| is_leftover(name)), "leftovers go");
        }
    }
}

#[test]
fn names_beyond_the_window_are_left_out() {
    let disk = Arc::new(FakeDisk::default());
    let mut log = log(&disk, None, &mut |_, _| {});
    let mut work = work(&disk, &log);
    work.pace.names_kept = Duration::from_secs(1_985);
    work.pace.names_max = 3;
    for number in 0..30 {
        log.append(&[&Record::Accepted(Box::new(owed(number, 1))).to_bytes()]).unwrap();
    }
    work.fold(log.end()).unwrap();
    let ((pending, names, _), _) = recover(&disk);
    assert_eq!((pending.len(), names.len()), (25, 3));
    assert!(names.iter().all(|name| ["e25", "e26", "e29"].iter().any(|id| name.contains(id))), "{names:?}");
}

#[test]
fn ids_are_short_and_come_back_as_they_were() {
    for _ in 0..1_000 {
        let id = DeliveryId::fresh();
        assert!(matches!(ShortId::of(id.as_str()), ShortId::Uuid(_)));
        assert_eq!(ShortId::of(id.as_str()).delivery(), id);
    }
    for text in
        ["", "dlv_", "dlv_1", "dlv_0000000000000000000000000000000G", "dlv_ABCDEF00000000000000000000000000"]
    {
        assert!(matches!(ShortId::of(text), ShortId::Text(_)), "{text}");
        assert_eq!(ShortId::of(text).delivery().as_str(), text);
    }
}

/// A block may hold the 4 KiB of a few dozen keys here, and each workspace remembers some hundred times that.
#[test]
fn gates_of_any_size_are_kept_in_blocks_of_theirs() {
    let mut gates = GateBook::default();
    let second = Duration::from_secs(1);
    gates.skipped.throttled = u64::MAX;
    for number in 0..6_000_u32 {
        let workspace = WorkspaceId::from_text(["ws_a", "ws_b", "ws_c"][number as usize % 3]);
        let key = GateKey::new(&[&number.to_string()]);
        for send in 0..=i64::from(number % 40) {
            let tally = Tally { key, allow: 50, every: second * (3_000 + number % 7) };
            gates.recall_start(workspace.as_str(), &tally, at(send * i64::from(number % 11)));
        }
        let once = Entry { key, until: 2_000_001 + i64::from(number), state: () };
        gates.keep(&workspace, Kept::Dedupe(once));
    }
    let disk = FakeDisk::default();
    let mark = Mark { segment: 1, offset: 64, lsn: 9, chain: 7 };
    let mut draft = file::Draft::begin(&disk, mark, None, 0).unwrap();
    draft.block_bytes_max = 4 << 10;
    draft.gates(&mut Tables::default(), &gates, at(2_000)).unwrap();
    let (name, bytes) = draft.finish(&disk).unwrap();
    assert!(bytes > 100 * (4 << 10), "{bytes}");
    let (_, _, read) = Checkpoint::open(&disk, &name).unwrap();
    assert_eq!(remembered(&read), remembered(&gates));
}
