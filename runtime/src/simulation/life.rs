//! One life of a node: opened, used by apps and operators, troubled, and ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::Rng;

use super::disk::{Mishaps, SimDisk};
use super::scheduler::{self, Micros};
use super::sync::wait_for;
use super::town::Mood;
use super::verdict;
use super::world::{CONNECTIONS, WORKSPACES, WallClock, Wish, World, connection, workspace};
use crate::clock::Clock;
use crate::id::DeliveryId;
use crate::journal::fake::FakeDisk;
use crate::model::State;
use crate::node::{ChangeError, Cursor, DeliveryFilter, Node, Parts, Rejected, StateKind};
use crate::sync::{sleep, spawn};

/// What happens in one life of the node.
pub(super) struct Plan {
    pub number: usize,
    pub disk: Arc<FakeDisk>,
    pub mishaps: Arc<Mishaps>,
    /// How far the machine's clock is off.
    pub moved: Micros,
    pub clients: usize,
    /// It is killed after so long, wherever it is.
    pub killed_after: Option<Duration>,
    /// The disk is full from then on, for so long.
    pub full: Option<(Duration, Duration)>,
    /// Things that operators do.
    pub operations: usize,
    /// It ends by being asked to, once the apps have what they want.
    pub stops: bool,
    /// It ends when nothing is owed any more.
    pub rests: bool,
}

/// When everything that is owed must be settled: what expires takes a day, the clock may be off by an hour.
const REST_MAX: Micros = 30 * 3_600 * 1_000_000;

fn a_moment(from: u64, to: u64) -> Duration {
    Duration::from_micros(scheduler::draw(|random| random.random_range(from..to)).unwrap_or(from))
}

/// The main function of the process.
pub(super) fn live(world: &Arc<World>, plan: &Arc<Plan>) {
    let clock: Arc<dyn Clock> = Arc::new(WallClock { now: Arc::clone(&world.now), moved: plan.moved });
    let disk = SimDisk {
        inner: Arc::clone(&plan.disk),
        mishaps: Arc::clone(&plan.mishaps),
        shadow: Arc::clone(&world.shadow),
    };
    let parts = Parts {
        clock: Arc::clone(&clock),
        transport: Arc::<_>::clone(&world.town) as _,
        disk: Arc::new(disk),
    };
    let preempt_in = scheduler::preempt(0);
    let opened = Node::open_with(&world.config, Arc::<_>::clone(&world.town) as _, parts);
    let node = match opened {
        Ok(node) => node,
        Err(error) => {
            if !plan.mishaps.failed.load(Ordering::Relaxed) {
                world.complain(format!("life {}: the node does not start: {error}", plan.number));
            }
            return;
        }
    };
    let (owed, durable) = (node.status().pending, world.shadow.lock().unwrap().pending());
    if owed != durable {
        world.complain(format!("life {}: {owed} pending after the start, {durable} durable", plan.number));
    }
    scheduler::preempt(preempt_in);
    trouble(world, plan, &node);
    let at_work = Arc::new(AtomicUsize::new(plan.clients));
    for _ in 0..plan.clients {
        let (world, node, clock, at_work) =
            (Arc::clone(world), Arc::clone(&node), Arc::clone(&clock), Arc::clone(&at_work));
        let work = move || {
            wait_for(app(&world, &node, &*clock));
            at_work.fetch_sub(1, Ordering::Relaxed);
        };
        drop(spawn("app", work));
    }
    let (theirs, operated, operations) = (Arc::clone(world), Arc::clone(&node), plan.operations);
    let operator = spawn("operator", move || wait_for(operate(&theirs, &operated, &*clock, operations)));
    wait_for(async {
        while at_work.load(Ordering::Relaxed) > 0 {
            sleep(Duration::from_millis(20)).await;
        }
        if let Ok(operator) = operator {
            drop(operator.join());
        }
        if plan.rests {
            rest(world, &node).await;
        }
        if plan.stops {
            node.shutdown(a_moment(0, 3_000_000)).await;
        }
        if plan.rests || plan.stops {
            verdict::history(world, &node, &plan.disk, &plan.mishaps.failed).await;
        }
    });
}

/// Starts what goes wrong in this life.
fn trouble(world: &Arc<World>, plan: &Arc<Plan>, node: &Arc<Node>) {
    if let Some(after) = plan.killed_after {
        drop(spawn("killer", move || {
            wait_for(sleep(after));
            scheduler::crash();
        }));
    }
    if let Some((after, long)) = plan.full {
        let plan = Arc::clone(plan);
        drop(spawn("filler", move || {
            wait_for(sleep(after));
            plan.mishaps.full.store(true, Ordering::Relaxed);
            wait_for(sleep(long));
            plan.mishaps.full.store(false, Ordering::Relaxed);
        }));
    }
    let (world, plan, node) = (Arc::clone(world), Arc::clone(plan), Arc::clone(node));
    drop(spawn("supervisor", move || {
        wait_for(node.failed());
        if !plan.mishaps.failed.load(Ordering::Relaxed) {
            world.complain(format!("life {}: the node failed without a cause", plan.number));
        }
        wait_for(sleep(a_moment(0, 500_000)));
        scheduler::crash();
    }));
}

/// An app: sends what it wants to be rid of, and asks again until it has an answer.
async fn app(world: &World, node: &Node, clock: &dyn Clock) {
    loop {
        let many = a_moment(1, 5).as_micros() as usize;
        let wishes: Vec<Wish> = {
            let mut waiting = world.wishes.lock().unwrap();
            let count = many.min(waiting.len());
            waiting.drain(..count).collect()
        };
        if wishes.is_empty() {
            return;
        }
        // If the node dies meanwhile, nobody knows whether they are kept: they are asked for again.
        let asked = Asked { world, wishes };
        let batch = asked.wishes.iter().map(|wish| world.event(wish, clock.now())).collect();
        match node.accept(batch).await {
            Ok(answers) => {
                for (wish, answer) in asked.answered().iter().zip(answers) {
                    match answer {
                        Ok(accepted) => world.told(wish, &accepted),
                        Err(conflict) => world.complain(format!("a conflict: {conflict:?}")),
                    }
                }
            }
            Err(Rejected::Busy { retry_after } | Rejected::Limit { retry_after, .. }) => {
                sleep(retry_after).await
            }
            Err(Rejected::Failing | Rejected::Stopping) => {
                drop(asked);
                return sleep(Duration::from_secs(1)).await;
            }
            Err(Rejected::TooLarge { bytes, .. }) => world.complain(format!("{bytes} bytes are too many")),
        }
        if a_moment(0, 3).as_micros() > 0 {
            sleep(a_moment(0, 200_000)).await;
        }
    }
}

/// Wishes without an answer. They go back in any case.
struct Asked<'a> {
    world: &'a World,
    wishes: Vec<Wish>,
}

impl Asked<'_> {
    fn answered(mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.world.wishes.lock().unwrap().extend(self.wishes.drain(..));
    }
}

/// Waits until nothing is owed any more.
async fn rest(world: &World, node: &Node) {
    let until = scheduler::now() + REST_MAX;
    let pending = || world.shadow.lock().unwrap().pending();
    while pending() > 0 || node.status().pending > 0 {
        if scheduler::now() > until {
            let first = {
                let shadow = world.shadow.lock().unwrap();
                let left = shadow.deliveries.iter().find(|(_, life)| life.settled_at.is_none());
                left.map(|(id, life)| (id.clone(), life.delivery.workspace.clone(), life.state.clone()))
            };
            let Some((id, space, state)) = first else {
                return world
                    .complain(format!("{} pending, and nothing is durable of it", node.status().pending));
            };
            let standing = node.standing(&space, &DeliveryId::from_text(&id)).await;
            let (owed, durable) = (node.status().pending, pending());
            return world.complain(format!(
                "{owed} pending in the node and {durable} on the disk never end; {id} is {state:?}, {standing:?}"
            ));
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// An operator: looks, replays, gives up, mends connections.
async fn operate(world: &World, node: &Node, clock: &dyn Clock, operations: usize) {
    for _ in 0..operations {
        sleep(a_moment(0, 3_000_000)).await;
        let dice = a_moment(0, 100).as_micros();
        match dice {
            0..25 => replay_one(world, node).await,
            25..45 => give_up(world, node).await,
            45..60 => replay_many(world, node, u8::try_from(dice % 4).unwrap_or(0)).await,
            60..70 => verdict::isolation(world, node).await,
            70..80 => verdict::limits(world, node, clock).await,
            _ => {
                let (space, number) = (a_moment(0, WORKSPACES as u64), a_moment(0, CONNECTIONS as u64));
                let mood = scheduler::draw(Mood::any).unwrap_or(Mood::Good);
                let (space, number) = (space.as_micros() as usize, number.as_micros() as usize);
                world.town.settle(workspace(space).as_str(), connection(number).as_str(), mood);
            }
        }
    }
}

/// Any delivery, settled or not.
fn any(world: &World, settled: bool) -> Option<(DeliveryId, crate::id::WorkspaceId)> {
    let shadow = world.shadow.lock().unwrap();
    let fits = shadow.deliveries.values().filter(|life| life.settled_at.is_some() == settled);
    let fits: Vec<_> = fits.collect();
    let at = scheduler::draw(|random| random.random_range(0..fits.len().max(1)))?;
    fits.get(at).map(|life| (life.delivery.id.clone(), life.delivery.workspace.clone()))
}

async fn replay_one(world: &World, node: &Node) {
    let Some((id, space)) = any(world, true) else { return };
    match node.replay(&space, &id).await {
        Ok(again) => {
            let shadow = world.shadow.lock().unwrap();
            let root = shadow.deliveries.get(id.as_str()).and_then(|life| life.delivery.replay_of.clone());
            let of = shadow.deliveries.get(again.as_str()).map(|life| life.delivery.replay_of.clone());
            if of != Some(Some(root.unwrap_or(id))) {
                world.complain(format!("{again} is a replay of {of:?}"));
            }
        }
        // It may have left the history, the node may be late or full.
        Err(
            ChangeError::NotFound
            | ChangeError::WrongState
            | ChangeError::Unreadable
            | ChangeError::Rejected(_),
        ) => {}
    }
}

async fn give_up(world: &World, node: &Node) {
    let Some((id, space)) = any(world, false) else { return };
    if let Err(ChangeError::Rejected(rejected)) = node.discard(&space, &id).await {
        world.complain(format!("a discard was refused: {rejected}"));
    }
}

/// The id of what a replay owes: the same whenever it comes to the same delivery.
fn replayed(number: u8, of: &DeliveryId) -> DeliveryId {
    let text = of.as_str().trim_start_matches("dlv_");
    let tail: String = text.chars().skip(2).collect();
    DeliveryId::from_text(&format!("dlv_{:02x}{tail}", 0xc0 + number))
}

/// All dead letters of a workspace again, as the runner of replays does it: under ids that follow from
/// the replay, so that running it again owes nothing twice.
async fn replay_many(world: &World, node: &Node, number: u8) {
    node.whole_history().await;
    let space = workspace(usize::from(number) % WORKSPACES);
    let filter = DeliveryFilter { state: Some(StateKind::DeadLetter), ..DeliveryFilter::default() };
    let mut cursor = Cursor { before: None, limit: 4 };
    loop {
        let Ok(page) = node.found_deliveries(&space, &filter, &cursor).await else { return };
        let mut owed = Vec::new();
        for found in page.items.iter().filter(|found| found.may_be_replayed()) {
            if !matches!(found.view.state, State::DeadLetter { .. }) {
                world.complain(format!("{} is listed as a dead letter", found.view.id));
            }
            let original = found.view.replay_of.as_ref().unwrap_or(&found.view.id);
            let id = replayed(number, original);
            match node.knows(&space, &id).await {
                Ok(Some(false)) if owed.iter().all(|(other, _)| *other != id) => {
                    owed.extend(node.again(found, id.clone()).map(|again| (id, again)));
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return,
            }
        }
        if !owed.is_empty()
            && node.owe_again(owed.into_iter().map(|(_, again)| again).collect()).await.is_err()
        {
            return;
        }
        let Some(next) = page.next else { return };
        cursor.before = Some(next);
    }
}
