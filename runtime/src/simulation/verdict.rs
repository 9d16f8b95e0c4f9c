//! What must hold in the end, and whenever somebody asks: the history, lanes, rates, gates, isolation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::auditor::{End, Fact, Promises};
use super::scheduler::Micros;
use super::shadow::{Life, Shadow};
use super::world::{WORKSPACES, World, workspace};
use crate::id::{DeliveryId, EventId, WorkspaceId};
use crate::journal::fake::FakeDisk;
use crate::model::{DeadReason, Outcome, State};
use crate::node::{Cursor, DeliveryFilter, DeliveryView, EventFilter, EventView, Node};

/// The engine counts in milliseconds, records say microseconds.
const SLACK: Duration = Duration::from_millis(2);

/// An attempt and its end take at most so long.
const OUTCOME_WITHIN: Duration = Duration::from_secs(90);

/// The oldest segment that is still there.
fn oldest(disk: &FakeDisk) -> u32 {
    let names = disk.names().into_iter();
    names.filter_map(|name| name.strip_suffix(".segment")?.parse().ok()).min().unwrap_or(0)
}

/// What the history says is what is durable. Nothing may happen meanwhile but that segments are dropped;
/// then it is asked again.
pub(super) async fn history(world: &World, node: &Node, disk: &FakeDisk) {
    loop {
        node.whole_history().await;
        let from = oldest(disk);
        let mut wrong = Vec::new();
        for space in (0..WORKSPACES).map(workspace) {
            // A disk that does not read is no reason to complain about the node.
            let Some(events) = all_events(node, &space).await else { return };
            let Some(deliveries) = all_deliveries(node, &space).await else { return };
            {
                let shadow = world.shadow.lock().unwrap();
                same_events(&shadow, &space, from, &events, &mut wrong);
                same_deliveries(&shadow, &space, from, &deliveries, &mut wrong);
            }
            same_bytes(world, node, &space, &events, &mut wrong).await;
            same_attempts(world, node, &space, from, &deliveries, &mut wrong).await;
        }
        if oldest(disk) == from {
            return wrong.into_iter().for_each(|words| world.complain(format!("the history: {words}")));
        }
    }
}

async fn same_bytes(
    world: &World,
    node: &Node,
    space: &WorkspaceId,
    events: &[EventView],
    wrong: &mut Vec<String>,
) {
    for event in events {
        let Ok(Some(payload)) = node.payload(space, &event.id).await else { continue };
        let known = (space.to_string(), event.id.to_string());
        let sent = world.payloads.lock().unwrap().get(&known).cloned();
        if Some(&*payload) != sent.as_deref() {
            wrong.push(format!("{} of {space} has another payload than was sent", event.id));
        }
    }
}

async fn same_attempts(
    world: &World,
    node: &Node,
    space: &WorkspaceId,
    from: u32,
    deliveries: &[DeliveryView],
    wrong: &mut Vec<String>,
) {
    for view in deliveries {
        let Ok(told) = node.attempts(space, &view.id).await else { continue };
        let shadow = world.shadow.lock().unwrap();
        let Some(life) = shadow.deliveries.get(view.id.as_str()) else { continue };
        if life.first_segment >= from && !told.is_empty() && told != life.attempts {
            wrong.push(format!("{}: {} attempts, not {}", view.id, told.len(), life.attempts.len()));
        }
    }
}

/// All events of a workspace, newest first; `None` when the disk does not let them be read.
pub(super) async fn all_events(node: &Node, space: &WorkspaceId) -> Option<Vec<EventView>> {
    let (mut all, mut cursor) = (Vec::new(), Cursor { before: None, limit: 7 });
    loop {
        let page = node.events(space, &EventFilter::default(), &cursor).await.ok()?;
        all.extend(page.items);
        cursor.before = page.next;
        if page.next.is_none() {
            return Some(all);
        }
    }
}

async fn all_deliveries(node: &Node, space: &WorkspaceId) -> Option<Vec<DeliveryView>> {
    let (mut all, mut cursor) = (Vec::new(), Cursor { before: None, limit: 7 });
    loop {
        let page = node.deliveries(space, &DeliveryFilter::default(), &cursor).await.ok()?;
        all.extend(page.items);
        cursor.before = page.next;
        if page.next.is_none() {
            return Some(all);
        }
    }
}

/// Events in the segments that are there are all listed, newest first. Others may be: those of which a
/// delivery was copied or owed again.
fn same_events(
    shadow: &Shadow,
    space: &WorkspaceId,
    from: u32,
    found: &[EventView],
    wrong: &mut Vec<String>,
) {
    let of_space = shadow.events.values().filter(|life| life.event.workspace == *space);
    let mut ours: Vec<_> = of_space.filter(|life| life.segment >= from).collect();
    ours.sort_by_key(|life| std::cmp::Reverse(life.lsn));
    let expected: Vec<&EventId> = ours.iter().map(|life| &life.event.id).collect();
    let of_space = shadow.deliveries.values().filter(|life| life.delivery.workspace == *space);
    let copied =
        of_space.filter(|life| life.segment != life.first_segment || life.delivery.replay_of.is_some());
    let copied: BTreeSet<&EventId> = copied.map(|life| &life.delivery.event).collect();
    let listed: Vec<&EventId> = found.iter().map(|view| &view.id).collect();
    let more: Vec<_> = listed.iter().filter(|id| !expected.contains(id) && !copied.contains(**id)).collect();
    let less: Vec<_> = expected.iter().filter(|id| !listed.contains(id)).collect();
    let unique: BTreeSet<_> = listed.iter().collect();
    if !more.is_empty() || !less.is_empty() || unique.len() < listed.len() {
        wrong
            .push(format!("from segment {from} on, {more:?} are too many, {less:?} are missing: {listed:?}"));
    }
    let plain = |id: &&&EventId| expected.contains(*id) && !copied.contains(**id);
    let order: Vec<_> = listed.iter().filter(plain).collect();
    let right: Vec<_> = expected.iter().filter(plain).collect();
    if order != right {
        wrong.push(format!("events are in the order {order:?}, not {right:?}"));
    }
}

/// A state whose time is cut to what copies of deliveries keep of it.
fn in_millis(state: &State) -> State {
    match state {
        State::Again { at } => {
            State::Again { at: jiff::Timestamp::from_millisecond(at.as_millisecond()).unwrap() }
        }
        other => other.clone(),
    }
}

fn same_deliveries(
    shadow: &Shadow,
    space: &WorkspaceId,
    from: u32,
    found: &[DeliveryView],
    wrong: &mut Vec<String>,
) {
    let mut seen = BTreeSet::new();
    for view in found {
        let Some(life) = shadow.deliveries.get(view.id.as_str()) else {
            wrong.push(format!("{} was never durable", view.id));
            continue;
        };
        let is = |life: &Life| {
            (life.delivery.workspace.clone(), life.delivery.event.clone(), in_millis(&life.state))
        };
        let says = (view.workspace.clone(), view.event.clone(), in_millis(&view.state));
        if is(life) != says || (life.first_segment >= from && view.attempts as usize != life.attempts.len()) {
            wrong.push(format!("{} is {says:?} after {}, not {:?}", view.id, view.attempts, is(life)));
        }
        if !seen.insert(view.id.to_string()) {
            wrong.push(format!("{} is listed twice", view.id));
        }
    }
    let ours = shadow.deliveries.values().filter(|life| life.delivery.workspace == *space);
    for life in ours.filter(|life| life.first_segment >= from) {
        if !seen.contains(life.delivery.id.as_str()) {
            wrong.push(format!("{} is missing", life.delivery.id));
        }
    }
}

/// Nobody sees what belongs to another workspace.
pub(super) async fn isolation(world: &World, node: &Node) {
    for space in (0..WORKSPACES).map(workspace) {
        let foreign: Vec<(EventId, DeliveryId)> = {
            let shadow = world.shadow.lock().unwrap();
            let others = shadow.deliveries.values().filter(|life| life.delivery.workspace != space);
            others.map(|life| (life.delivery.event.clone(), life.delivery.id.clone())).take(2).collect()
        };
        for (event, delivery) in foreign {
            let seen = node.event(&space, &event).await.ok().flatten().is_some()
                || node.delivery(&space, &delivery).await.ok().flatten().is_some()
                || node.standing(&space, &delivery).await.ok().flatten().is_some();
            if seen {
                world.complain(format!("{space} sees {delivery} of {event}"));
            }
        }
        for view in all_events(node, &space).await.unwrap_or_default() {
            if view.workspace != space {
                world.complain(format!("{space} lists {} of {}", view.id, view.workspace));
            }
        }
    }
}

/// Everything that is wrong at the end of all lives.
pub(super) fn final_verdict(world: &World) -> Vec<String> {
    let shadow = world.shadow.lock().unwrap();
    let mut broken = std::mem::take(&mut *world.broken.lock().unwrap());
    broken.append(&mut world.town.broken.lock().unwrap());
    broken.extend(shadow.broken.iter().cloned());
    for key in world.told.lock().unwrap().iter() {
        match shadow.events.get(key) {
            None => broken.push(format!("{} was acknowledged and is lost", key.1)),
            Some(life) => {
                let sent = world.payloads.lock().unwrap().get(key).cloned();
                if sent.as_deref() != Some(&*life.event.payload) {
                    broken.push(format!("{} is kept with other bytes", key.1));
                }
            }
        }
    }
    let jumps = world.jumps.lock().unwrap().clone();
    lanes(world, &shadow, &mut broken);
    // Both count by the machine's clock, and forget or count on when that is set.
    if jumps.is_empty() {
        rates(&shadow, &jumps, &mut broken);
        shadow.gates(&mut broken);
    }
    let mut auditor = world.auditor.lock().unwrap();
    for life in shadow.deliveries.values() {
        policy(life, &mut broken);
        if life.delivery.replay_of.is_none() {
            auditor.see(recorded(life));
        }
    }
    if !broken.is_empty() {
        // It was stopped where it was.
        return broken;
    }
    auditor.see(Fact::Pending(shadow.pending()));
    let attempts_max = 6;
    // How many were under way at a crash is known exactly here, and judged with every request.
    let promises = Promises {
        attempts_max,
        in_flight_max: usize::MAX,
        outcome_within: OUTCOME_WITHIN,
        noted_within: Duration::ZERO,
    };
    broken.extend(auditor.broken(promises).into_iter().map(|words| format!("auditor: {words}")));
    broken
}

fn recorded(life: &Life) -> Fact {
    let end = match life.state {
        State::Delivered => End::Delivered,
        State::DeadLetter { .. } | State::Skipped { .. } => End::DeadLetter,
        State::Waiting | State::InFlight { .. } | State::Again { .. } => End::Open,
    };
    // What could not be read from a disk that failed never left.
    let sent = life.attempts.iter().filter(|attempt| attempt.outcome != Outcome::MappingFailed);
    let unknown = life.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Unknown);
    Fact::Recorded {
        workspace: life.delivery.workspace.to_string(),
        delivery: life.delivery.id.to_string(),
        end,
        attempts: u32::try_from(sent.count()).unwrap(),
        unknown: u32::try_from(unknown.count()).unwrap(),
    }
}

/// A delivery is tried as often as its policy says, and given up for the reason that is given.
fn policy(life: &Life, broken: &mut Vec<String>) {
    let id = &life.delivery.id;
    let unknown = life.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Unknown).count();
    let (made, max) = (life.attempts.len(), life.delivery.policy.attempts as usize);
    if made > max + unknown {
        broken.push(format!("{id} was tried {made} times, {unknown} of them cut; {max} are allowed"));
    }
    let last = life.attempts.last().map(|attempt| attempt.outcome);
    let fits = match &life.state {
        State::Delivered => last == Some(Outcome::Delivered),
        State::DeadLetter { reason: DeadReason::AttemptsExhausted } => made >= max,
        State::DeadLetter { reason: DeadReason::MappingFailed } => {
            life.delivery.input.is_err() || last == Some(Outcome::MappingFailed)
        }
        State::DeadLetter { reason: DeadReason::Rejected } => last == Some(Outcome::Rejected),
        _ => true,
    };
    if !fits {
        broken.push(format!("{id} is {:?} after {made} attempts, the last one {last:?}", life.state));
    }
}

/// In a lane, nothing is sent before what stands in front of it has ended, within one life of the node.
fn lanes(world: &World, shadow: &Shadow, broken: &mut Vec<String>) {
    let mut sent: BTreeMap<(usize, &str), (Micros, Micros)> = BTreeMap::new();
    let all = world.town.sent.lock().unwrap();
    for one in all.iter() {
        let span = sent.entry((one.life, &*one.delivery)).or_insert((one.at, one.at));
        span.1 = span.1.max(one.ended.unwrap_or(Micros::MAX));
    }
    let mut lanes: BTreeMap<(String, String, u64), Vec<&Life>> = BTreeMap::new();
    for life in shadow.deliveries.values() {
        if let Some(order) = life.delivery.policy.order {
            let (space, target) = (life.delivery.workspace.to_string(), life.delivery.connection.to_string());
            lanes.entry((space, target, order)).or_default().push(life);
        }
    }
    let lives = all.iter().map(|one| one.life).max().unwrap_or(0);
    for (lane, mut row) in lanes {
        row.sort_by_key(|life| life.place);
        for number in 0..=lives {
            for (at, life) in row.iter().enumerate() {
                let id = life.delivery.id.as_str();
                let Some((first, _)) = sent.get(&(number, id)) else { continue };
                // A restart puts a lane in the order of ids: what was owed in another order has none.
                for before in row[..at].iter().filter(|before| before.delivery.id < life.delivery.id) {
                    let ahead = before.delivery.id.as_str();
                    if let Some((_, last)) = sent.get(&(number, ahead))
                        && first < last
                    {
                        broken.push(format!(
                            "in the lane {lane:?}, {id} was sent at {first} in life {number}; {ahead} ended at {last}"
                        ));
                    }
                }
            }
        }
    }
}

/// Of what is under a rate limit, no more starts than allowed, restarts included.
fn rates(shadow: &Shadow, jumps: &[Micros], broken: &mut Vec<String>) {
    let mut starts: BTreeMap<(String, String, [u8; 16]), Vec<(jiff::Timestamp, Micros)>> = BTreeMap::new();
    let mut allowed = (0, Duration::ZERO);
    for life in shadow.deliveries.values() {
        let Some(tally) = life.delivery.policy.rate else { continue };
        allowed = (tally.allow as usize, tally.every);
        let (space, target) = (life.delivery.workspace.to_string(), life.delivery.connection.to_string());
        let row = starts.entry((space, target, tally.key.bytes())).or_default();
        row.extend(life.started.iter().map(|(_, at, seen)| (*at, *seen)));
    }
    let (allow, every) = allowed;
    for (key, mut row) in starts {
        row.sort_unstable();
        for window in row.windows(allow + 1) {
            let (first, last) = (window[0], window[allow]);
            let moved = jumps.iter().any(|jump| first.1 <= *jump && *jump <= last.1);
            let apart = last.0.duration_since(first.0).unsigned_abs();
            if !moved && apart + SLACK < every {
                broken.push(format!("{} starts under {key:?} within {apart:?}", allow + 1));
            }
        }
    }
}
