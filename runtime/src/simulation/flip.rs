//! One flipped bit anywhere on the disk: a node on it says so, or owes and tells what it did without.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use rand::Rng;
use rand::rngs::StdRng;

use super::auditor::Auditor;
use super::disk::{Mishaps, SimDisk};
use super::scheduler::{self, End, Micros, Pace};
use super::shadow::Shadow;
use super::sync::wait_for;
use super::town::Town;
use super::verdict;
use super::world::{WORKSPACES, WallClock, World, workspace};
use crate::journal::fake::FakeDisk;
use crate::journal::format::{BatchHeader, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::node::{Node, NodeConfig, Parts};

/// What a node says that was just opened: what it owes, and the events that it lists, unless one of them
/// cannot be read.
type Said = Result<(u64, Option<Vec<String>>), String>;

/// Flips a bit of a copy of a disk and asks a node on it. What is wrong, in words.
pub(super) fn flip(world: &World, disk: &FakeDisk, moved: Micros, random: &mut StdRng) -> Option<String> {
    let names = disk.names();
    let name = &names[random.random_range(0..names.len().max(1)).min(names.len().checked_sub(1)?)];
    let mut bytes = disk.bytes_of(name);
    let bit = random.random_range(0..bytes.len().checked_mul(8).filter(|bits| *bits > 0)?);
    bytes[bit / 8] ^= 1 << (bit % 8);
    let plain = ask(world, disk.copy(), moved);
    let broken = disk.copy();
    broken.put(name, bytes);
    let damaged = ask(world, broken, moved);
    let what = |words: &str| Some(format!("bit {bit} of {name} flipped: {words}: {plain:?}, {damaged:?}"));
    match (&plain, &damaged) {
        (Err(_), _) => what("even without it there is no start"),
        (Ok(_), Err(error)) if error.contains("panic") => what("a panic"),
        (Ok(_), Err(_)) => None,
        // Damage in the very last batch looks like a write that was cut short: all of it is as if never written.
        (Ok((owed, _)), Ok((owes, _))) if owed != owes => match last_batch(disk) {
            Some((last, range)) if last == *name && range.contains(&(bit / 8)) => {
                let cut = disk.copy();
                let mut bytes = disk.bytes_of(name);
                bytes[range].fill(0);
                cut.put(name, bytes);
                if ask(world, cut, moved) == damaged { None } else { what("it is not as if it were cut off") }
            }
            _ => what("something else is owed"),
        },
        (Ok((_, Some(events))), Ok((_, Some(lists)))) => {
            // What a segment does not let be read is missing in lists, and the log says so. Indexes are made again.
            let fits = match name.ends_with(".segment") {
                true => lists.iter().all(|event| events.contains(event)),
                false => events == lists,
            };
            if fits { None } else { what("other events are listed") }
        }
        (Ok(_), Ok(_)) => None,
    }
}

/// The last batch of a disk, if it has records and nothing behind it vouches for them: the file and the bytes. A
/// node that was killed may have written it without anybody having been told.
fn last_batch(disk: &FakeDisk) -> Option<(String, std::ops::Range<usize>)> {
    let first = |name: &String| name.starts_with(|first: char| first.is_ascii_digit());
    let name = disk.names().into_iter().filter(first).max()?;
    let bytes = disk.bytes_of(&name);
    let salt = SegmentHeader::from_bytes(&bytes)?.salt;
    let (mut offset, mut last) = (SEGMENT_HEADER_BYTES, None);
    while let Some((batch, _)) = BatchHeader::from_bytes(&bytes[offset.min(bytes.len())..])
        && batch.salt == salt
    {
        let range = offset..offset + batch.batch_bytes();
        offset = range.end;
        last = Some((batch.records, range));
    }
    last.filter(|(records, _)| *records > 0).map(|(_, range)| (name, range))
}

/// Opens a node on a disk, without receivers, and asks it.
fn ask(world: &World, disk: FakeDisk, moved: Micros) -> Said {
    let shadow = Arc::new(Mutex::new(Shadow::default()));
    let town = Arc::new(Town::new(Arc::clone(&shadow), Arc::new(Mutex::new(Auditor::default()))));
    let now = Arc::new(AtomicI64::new(world.now.load(Ordering::Relaxed)));
    let clock = Arc::new(WallClock { now: Arc::clone(&now), moved });
    let disk = SimDisk { inner: Arc::new(disk), mishaps: Arc::new(Mishaps::default()), shadow };
    // Nothing goes while it is asked.
    let config = NodeConfig { journal_bytes_max: 1 << 30, ..world.config.clone() };
    let said: Arc<Mutex<Said>> = Arc::new(Mutex::new(Err("nothing".to_owned())));
    let told = Arc::clone(&said);
    let main = move || {
        let parts = Parts { clock, transport: Arc::clone(&town) as _, disk: Arc::new(disk) };
        let said = match Node::open_with(&config, town, parts) {
            Err(error) => Err(error.to_string()),
            Ok(node) => Ok((node.status().pending, wait_for(listed(&node)))),
        };
        *told.lock().unwrap() = said;
    };
    let pace = Pace { preempt_in: 0, steps_max: 200_000, time_max: 3_600 * 1_000_000 };
    let (end, _) = scheduler::run(1, now, pace, main);
    match end {
        End::Returned => std::mem::replace(&mut *said.lock().unwrap(), Err(String::new())),
        End::Panicked(words) => Err(format!("a panic: {words}")),
        End::Crashed | End::Endless(_) | End::Cut => Err(format!("a panic, or as bad: {end:?}")),
    }
}

async fn listed(node: &Node) -> Option<Vec<String>> {
    node.whole_history().await;
    let mut all = Vec::new();
    for space in (0..WORKSPACES).map(workspace) {
        all.extend(verdict::all_events(node, &space).await?.into_iter().map(|event| event.id.to_string()));
    }
    Some(all)
}
