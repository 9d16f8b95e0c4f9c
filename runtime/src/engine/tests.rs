//! The engine on a clock that is moved by hand, against receivers that are scripts.

mod fair;
mod held;
mod restart;
mod settings;
mod traps;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::owe::Terms;
use super::*;
use crate::model::Policy;
use crate::record::Origin;

pub(super) const START: Millis = 1_000_000_000_000;

pub(super) fn policy() -> Policy {
    Policy {
        attempts: 3,
        first_wait: Duration::from_secs(10),
        longest_wait: Duration::from_secs(600),
        expires: Duration::from_secs(3600),
        ..Policy::default()
    }
}

/// An attempt that began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started {
    pub(super) at: Millis,
    pub(super) id: Uuid,
    pub(super) key: Key,
    pub(super) attempt: u32,
}

/// An engine, its clock, and what it did.
pub(super) struct Bench {
    pub(super) engine: Engine,
    pub(super) now: Millis,
    owed: u64,
    effects: Vec<Effect>,
    pub(super) started: Vec<Started>,
    pub(super) moved: Vec<(Millis, Uuid, State)>,
    pub(super) disabled: usize,
    names: HashMap<Uuid, String>,
}

/// What is owed when nothing special is.
pub(super) fn owe(number: u64, workspace: &str, connection: &str, policy: &Policy, due_at: Millis) -> Owe {
    Owe {
        // The low half is what the table of ids goes by.
        id: Uuid::from_u64_pair(number, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        workspace: WorkspaceId::from_text(workspace),
        connection: ConnectionId::from_text(connection),
        position: Position { segment: 1, offset: u32::try_from(number).unwrap() },
        index: 0,
        origin: Origin {
            position: Position { segment: 1, offset: u32::try_from(number).unwrap() },
            index: 0,
        },
        terms: Terms::of(policy),
        rate: policy.rate,
        order: policy.order,
        cost: 1,
        due_at,
        expires_at: due_at + Millis::try_from(policy.expires.as_millis()).unwrap(),
        attempts: 0,
        mapped: true,
    }
}

impl Bench {
    pub(super) fn new(in_flight_max: u32, connection_in_flight_max: u32) -> Self {
        let caps = Caps { in_flight_max, connection_in_flight_max };
        Self::with(Engine::new(caps, START, 42), START)
    }

    pub(super) fn with(engine: Engine, now: Millis) -> Self {
        Self {
            engine,
            now,
            owed: 0,
            effects: vec![],
            started: vec![],
            moved: vec![],
            disabled: 0,
            names: HashMap::new(),
        }
    }

    pub(super) fn step(&mut self, input: Input) {
        self.engine.step(self.now, input, &mut self.effects);
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Start { key, id, attempt, .. } => {
                    self.started.push(Started { at: self.now, id, key, attempt });
                }
                Effect::Moved { id, state, .. } => self.moved.push((self.now, id, state)),
                Effect::Disable { .. } => self.disabled += 1,
            }
        }
    }

    pub(super) fn owe(&mut self, workspace: &str, connection: &str, policy: Policy) -> Uuid {
        self.owe_at(workspace, connection, policy, self.now)
    }

    pub(super) fn owe_at(&mut self, workspace: &str, connection: &str, policy: Policy, at: Millis) -> Uuid {
        let owe = owe(self.owed, workspace, connection, &policy, at);
        self.owed += 1;
        let id = owe.id;
        self.names.insert(id, format!("{workspace}_{connection}"));
        self.step(Input::Owe(Box::new(owe)));
        id
    }

    /// The workspace and the connection of a delivery.
    pub(super) fn name(&self, id: Uuid) -> &str {
        &self.names[&id]
    }

    pub(super) fn finish(&mut self, key: Key, outcome: Outcome) {
        self.finish_with(key, outcome, None);
    }

    pub(super) fn finish_with(&mut self, key: Key, outcome: Outcome, retry_after: Option<Millis>) {
        let ending = Ending::Attempt { outcome, retry_after, gone_for_good: outcome == Outcome::Rejected };
        self.step(Input::Finished { key, ending });
    }

    /// Lets time pass, stopping whenever the engine wants to be called.
    pub(super) fn pass(&mut self, millis: Millis) {
        let until = self.now + millis;
        while let Some(next) = self.engine.next_tick()
            && next <= until
        {
            self.now = self.now.max(next);
            self.step(Input::Tick);
        }
        self.now = until;
    }

    pub(super) fn states(&self, id: Uuid) -> Vec<State> {
        self.moved.iter().filter(|(_, moved, _)| *moved == id).map(|(_, _, state)| state.clone()).collect()
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.started.iter().map(|started| started.key).collect()
    }
}

#[test]
fn two_failures_and_a_success_are_three_attempts_with_growing_waits() {
    let mut bench = Bench::new(512, 16);
    let id = bench.owe("a", "one", policy());
    for (attempt, outcome) in
        [Outcome::DestinationError, Outcome::DestinationError, Outcome::Delivered].iter().enumerate()
    {
        let Started { id: started, key, attempt: number, .. } = bench.started[attempt];
        assert_eq!((started, number), (id, attempt as u32 + 1));
        bench.finish(key, *outcome);
        bench.pass(60_000);
    }
    assert_eq!(bench.started.len(), 3);
    let times: Vec<Millis> = bench.started.iter().map(|started| started.at).collect();
    let first = times[1] - times[0];
    assert!((8_000..=12_100).contains(&first), "{first}");
    // The second attempt failed a minute after the first one's failure was known.
    let second = times[2] - (START + 60_000);
    assert!((16_000..=24_100).contains(&second), "{second}");
    assert!(matches!(bench.states(id)[..], [State::Again { .. }, State::Again { .. }, State::Delivered]));
    assert_eq!((bench.engine.pending(), bench.engine.in_flight()), (0, 0));
    assert_eq!(bench.engine.queues.workspaces(), 0, "an idle connection costs nothing");
}

#[test]
fn every_way_to_give_up_has_its_reason() {
    let mut bench = Bench::new(512, 16);
    let once = Policy { attempts: 1, ..policy() };
    let short = Policy { expires: Duration::from_secs(5), ..policy() };
    let exhausted = bench.owe("a", "1", once);
    let rejected = bench.owe("a", "2", policy());
    let expired = bench.owe("a", "3", short.clone());
    let unusable = bench.owe("a", "4", policy());
    let keys = bench.keys();
    bench.finish(keys[0], Outcome::TimedOut);
    bench.finish(keys[1], Outcome::Rejected);
    bench.finish(keys[2], Outcome::Unreachable);
    bench.step(Input::Finished { key: keys[3], ending: Ending::Unusable });
    let dead = |reason| vec![State::DeadLetter { reason }];
    assert_eq!(bench.states(exhausted), dead(DeadReason::AttemptsExhausted));
    assert_eq!(bench.states(rejected), dead(DeadReason::Rejected));
    assert_eq!(bench.disabled, 1);
    assert_eq!(bench.states(expired), dead(DeadReason::Expired));
    assert_eq!(bench.states(unusable), dead(DeadReason::ConnectionUnusable));

    // One that expires while it waits behind others.
    let mut bench = Bench::new(512, 1);
    bench.owe("a", "slow", policy());
    let behind = bench.owe("a", "slow", short);
    bench.pass(6_000);
    let key = bench.started[0].key;
    bench.finish(key, Outcome::Delivered);
    assert_eq!(bench.states(behind), dead(DeadReason::Expired));
    assert_eq!(bench.started.len(), 1);
}

#[test]
fn a_discarded_delivery_is_given_up_wherever_it_is() {
    let mut bench = Bench::new(512, 1);
    let flying = bench.owe("a", "1", policy());
    let queued = bench.owe("a", "1", policy());
    let timed = bench.owe("a", "2", policy());
    bench.finish(bench.started[1].key, Outcome::TimedOut);
    for id in [flying, queued, timed] {
        bench.step(Input::Discard(id));
    }
    let discarded = State::DeadLetter { reason: DeadReason::Discarded };
    assert_eq!(bench.states(queued), std::slice::from_ref(&discarded));
    assert_eq!(bench.states(timed).last(), Some(&discarded));
    assert!(bench.states(flying).is_empty(), "it is on its way");
    bench.finish(bench.started[0].key, Outcome::TimedOut);
    assert_eq!(bench.states(flying), [discarded]);
    bench.pass(3_600_000);
    assert_eq!(bench.started.len(), 2);
    assert_eq!(bench.engine.pending(), 0);
}

#[test]
fn nothing_is_started_while_draining_and_what_is_not_mapped_is_never() {
    let mut bench = Bench::new(512, 16);
    bench.step(Input::Drain);
    bench.owe("a", "1", policy());
    assert!(bench.started.is_empty());
    assert_eq!(bench.engine.pending(), 1);
    let mut bench = Bench::new(512, 16);
    let unmapped = Owe { mapped: false, ..owe(7, "a", "1", &policy(), START) };
    let id = unmapped.id;
    bench.step(Input::Owe(Box::new(unmapped)));
    assert_eq!(bench.states(id), [State::DeadLetter { reason: DeadReason::MappingFailed }]);
    assert!(bench.started.is_empty());
}
