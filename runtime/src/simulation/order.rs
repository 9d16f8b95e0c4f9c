//! What must hold of times: lanes, rate limits and gates, restarts and set clocks included.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::scheduler::Micros;
use super::shadow::{Life, Shadow};
use super::town::Sent;
use super::world::World;
use crate::model::SkipReason;

/// The engine counts in milliseconds, records say microseconds.
const SLACK: Micros = 2_000;

/// A node that dies may take so much with it that it has decided and not written.
const LOST_MAX: Micros = 5_000_000;

/// When the machine's clock was set, and how far.
type Jumps = [(Micros, Micros)];

fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap()
}

/// Whether the clock was set forward between two times: then nobody can know how long it was. When it was set
/// back, it is known that at least no time went by.
fn unknowable(jumps: &Jumps, from: Micros, until: Micros) -> bool {
    jumps.iter().any(|(at, by)| *by > 0 && from <= *at && *at <= until)
}

/// In which life of the node a delivery was sent first, and until when.
type Spans<'a> = BTreeMap<(usize, &'a str), (Micros, Micros)>;

/// In a lane, in the journal's order, nothing is sent before what stands in front of it has ended.
pub(super) fn lanes(world: &World, shadow: &Shadow, broken: &mut Vec<String>) {
    let all = world.town.sent.lock().unwrap();
    let mut sent = Spans::new();
    for Sent { at, life, delivery, ended } in all.iter() {
        let span = sent.entry((*life, delivery)).or_insert((*at, *at));
        span.1 = span.1.max(ended.unwrap_or(Micros::MAX));
    }
    let mut lanes: BTreeMap<(String, String, u64), Vec<&Life>> = BTreeMap::new();
    for life in shadow.deliveries.values() {
        if let Some(order) = life.delivery.policy.order {
            let (space, target) = (life.delivery.workspace.to_string(), life.delivery.connection.to_string());
            lanes.entry((space, target, order)).or_default().push(life);
        }
    }
    let ends = world.ends.lock().unwrap();
    let lives: BTreeSet<usize> = all.iter().map(|one| one.life).collect();
    for (lane, mut row) in lanes {
        row.sort_by_key(|life| life.place);
        for number in &lives {
            let end = ends.get(*number).copied().unwrap_or(Micros::MAX);
            in_order(&row, *number, end, &sent, &mut |words| {
                broken.push(format!("in the lane {lane:?}, {words}"))
            });
        }
    }
}

/// One lane in one life of the node, which ended at that time.
fn in_order(row: &[&Life], number: usize, end: Micros, sent: &Spans<'_>, complain: &mut dyn FnMut(String)) {
    for (at, life) in row.iter().enumerate() {
        let id = life.delivery.id.as_str();
        let Some((first, _)) = sent.get(&(number, id)) else { continue };
        for before in &row[..at] {
            let ahead = before.delivery.id.as_str();
            match sent.get(&(number, ahead)) {
                Some((_, last)) if first < last => {
                    complain(format!("{id} was sent at {first} in life {number}; {ahead} ended at {last}"));
                }
                Some(_) => {}
                // It was given up before, or the node died before it could write that.
                None if before.settled_at.is_none_or(|settled| settled > end) && first + LOST_MAX < end => {
                    complain(format!("{id} was sent at {first} in life {number}; {ahead} stood before it"));
                }
                None => {}
            }
        }
    }
}

/// In one life of the node, nothing is sent more often than its policy says, whatever the disk has of it.
pub(super) fn sends(world: &World, shadow: &Shadow, broken: &mut Vec<String>) {
    let mut counts: BTreeMap<(usize, String), u32> = BTreeMap::new();
    for one in world.town.sent.lock().unwrap().iter() {
        *counts.entry((one.life, one.delivery.clone())).or_default() += 1;
    }
    for ((number, id), count) in counts {
        let Some(life) = shadow.deliveries.get(&id) else { continue };
        let most = life.delivery.policy.attempts;
        if count > most {
            broken.push(format!("{id} was sent {count} times in life {number}; {most} are allowed"));
        }
    }
}

/// Of what is under a rate limit, no more starts than allowed.
pub(super) fn rates(shadow: &Shadow, jumps: &Jumps, broken: &mut Vec<String>) {
    let mut starts: BTreeMap<(String, String, [u8; 16]), Vec<Micros>> = BTreeMap::new();
    let mut allowed = (0, 0);
    for life in shadow.deliveries.values() {
        let Some(tally) = life.delivery.policy.rate else { continue };
        allowed = (tally.allow as usize, micros(tally.every));
        let (space, target) = (life.delivery.workspace.to_string(), life.delivery.connection.to_string());
        let row = starts.entry((space, target, tally.key.bytes())).or_default();
        row.extend(life.started.iter().map(|(.., began)| *began));
    }
    let (allow, every) = allowed;
    for (key, mut row) in starts {
        row.sort_unstable();
        for window in row.windows(allow + 1) {
            let (first, last) = (window[0], window[allow]);
            if last - first + SLACK < every && !unknowable(jumps, first, last) {
                broken.push(format!("{} starts under {key:?} within {} µs", allow + 1, last - first));
            }
        }
    }
}

/// Whether what was sent at one time may make a duplicate of what comes at another: it is remembered for as long as
/// was asked for, and for as long again as the clock was set back meanwhile, because it has to get there first.
fn may_be_remembered(jumps: &Jumps, within: Micros, sent: Micros, comes: Micros) -> bool {
    let meanwhile = jumps.iter().filter(|(at, by)| *by < 0 && sent <= *at && *at <= comes);
    let behind: Micros = meanwhile.map(|(_, by)| -by).sum();
    (comes - sent).abs() <= within + behind
}

/// Whether the gates did what they promise: one that is skipped had one before it, and of those that are not,
/// no two come too soon after each other.
pub(super) fn gates(shadow: &Shadow, jumps: &Jumps, broken: &mut Vec<String>) {
    let mut sent: BTreeMap<(String, [u8; 16]), Vec<&Life>> = BTreeMap::new();
    let asked = |life: &&Life| life.delivery.replay_of.is_none() && life.delivery.input.is_ok();
    let mut lives: Vec<&Life> = shadow.deliveries.values().filter(asked).collect();
    lives.sort_by_key(|life| life.place);
    for life in lives {
        let Some(once) = life.delivery.gated.dedupe else { continue };
        let within = micros(once.within);
        let key = (life.delivery.workspace.to_string(), once.key.bytes());
        let before = sent.entry(key).or_default();
        let apart = |other: &Life| (life.created - other.created).abs();
        let knowable = |other: &&&Life| !unknowable(jumps, other.created, life.created);
        let near = before.iter().filter(knowable).find(|other| apart(other) < within);
        let remembered = |other: &&Life| may_be_remembered(jumps, within, other.created, life.created);
        match life.delivery.skipped {
            Some(SkipReason::Duplicate) if !before.iter().any(remembered) => {
                broken.push(format!("{} was skipped and is no duplicate", life.delivery.id));
            }
            None if near.is_some() => broken.push(format!(
                "{} of {} {:?} is a duplicate of {:?} and was sent",
                life.delivery.id,
                life.created,
                life.place,
                near.map(|other| &other.delivery.id)
            )),
            _ => {}
        }
        if life.delivery.skipped.is_none() {
            before.push(life);
        }
    }
}

#[test]
fn a_clock_set_back_prolongs_what_is_remembered_by_so_much_and_no_more() {
    let (within, back) = (10, [(100, -50), (900, -50), (100, 50)]);
    let remembered = |sent, comes| may_be_remembered(&back, within, sent, comes);
    assert!(remembered(95, 105) && remembered(95, 155), "the clock says ten later at most");
    assert!(!remembered(95, 156), "the clock has come to where it was, and ten further");
    assert!(remembered(101, 111) && !remembered(101, 112), "it was set back before");
    assert!(!remembered(80, 95), "and after");
    assert!(remembered(880, 940) && !remembered(880, 941), "only those count that lie between");
}
