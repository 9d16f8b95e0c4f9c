//! What must hold in the end, and whenever somebody asks: the history, lanes, rates, gates, isolation.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::auditor::{End, Fact, Promises};
use super::order;
use super::shadow::{Life, Shadow};
use super::world::{WORKSPACES, World, workspace};
use crate::clock::Clock;
use crate::engine::view::Standing;
use crate::id::{DeliveryId, EventId, WorkspaceId};
use crate::journal::fake::FakeDisk;
use crate::model::{DeadReason, Outcome, State};
use crate::node::{Cursor, DeliveryFilter, DeliveryView, EventFilter, EventView, Node};

/// An attempt and its end take at most so long.
const OUTCOME_WITHIN: Duration = Duration::from_secs(90);

/// The oldest segment that is still there.
fn oldest(disk: &FakeDisk) -> u32 {
    let names = disk.names().into_iter();
    names.filter_map(|name| name.strip_suffix(".segment")?.parse().ok()).min().unwrap_or(0)
}

/// What the history says is what is durable. Nothing may happen meanwhile but that segments are dropped;
/// then it is asked again.
pub(super) async fn history(world: &World, node: &Node, disk: &FakeDisk, failed: &AtomicBool) {
    loop {
        node.whole_history().await;
        // Whoever stops leaves the segments that are not listed yet to the next start.
        if node.status().history_segments_behind > 0 {
            return;
        }
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
        // A segment that the disk did not let it read is missing in it until the next start.
        if failed.load(Ordering::Relaxed) {
            return;
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
        // What a disk does not let be read is another matter.
        if let Ok(one) = node.event(space, &event.id).await
            && one.as_ref() != Some(event)
        {
            wrong
                .push(format!("{} of {space} is listed as {event:?}, and asked for it is {one:?}", event.id));
        }
        let payload = match node.payload(space, &event.id).await {
            Ok(Some(payload)) => payload,
            Ok(None) => {
                wrong.push(format!("{} of {space} is listed and has no payload", event.id));
                continue;
            }
            Err(_) => continue,
        };
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
        if let Ok(one) = node.delivery(space, &view.id).await
            && one.as_ref() != Some(view)
        {
            wrong.push(format!("{} of {space} is listed as {view:?}, and asked for it is {one:?}", view.id));
        }
        let Ok(told) = node.attempts(space, &view.id).await else { continue };
        let shadow = world.shadow.lock().unwrap();
        let Some(life) = shadow.deliveries.get(view.id.as_str()) else { continue };
        if life.first_segment >= from && told != life.attempts {
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

/// Nothing waits longer for its rate limit than that may take, whatever the clock says of the life before.
pub(super) async fn limits(world: &World, node: &Node, clock: &dyn Clock) {
    let limited: Vec<_> = {
        let shadow = world.shadow.lock().unwrap();
        let limited = shadow.deliveries.values().filter(|life| life.settled_at.is_none());
        let limited = limited.filter_map(|life| Some((life.delivery.clone(), life.delivery.policy.rate?)));
        limited.collect()
    };
    for (delivery, rate) in limited {
        let standing = node.standing(&delivery.workspace, &delivery.id).await;
        if let Ok(Some(Standing::RateLimit { until })) = standing {
            let most = clock.now().saturating_add(rate.every + Duration::from_secs(1)).unwrap();
            if until > most {
                world.complain(format!(
                    "{} waits for its rate limit until {until}, after {most}",
                    delivery.id
                ));
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
    order::lanes(world, &shadow, &mut broken);
    order::sends(world, &shadow, &mut broken);
    let jumps = world.jumps.lock().unwrap().clone();
    order::rates(&shadow, &jumps, &mut broken);
    order::gates(&shadow, &jumps, &mut broken);
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
