//! The engine on a clock that is moved by hand, against receivers that are scripts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

const START: Millis = 1_000_000_000_000;

fn policy() -> Policy {
    Policy {
        attempts: 3,
        first_wait: Duration::from_secs(10),
        longest_wait: Duration::from_secs(600),
        growth_thousandths: 2000,
        jitter_thousandths: 200,
        timeout: Duration::from_secs(15),
        expires: Duration::from_secs(3600),
        weight: 4,
        idempotency_key: None,
    }
}

/// An engine, its clock, and what it did.
struct Bench {
    engine: Engine,
    now: Millis,
    owed: u32,
    effects: Vec<Effect>,
    started: Vec<(Millis, DeliveryId, Key, u32)>,
    moved: Vec<(Millis, DeliveryId, State)>,
    disabled: usize,
}

impl Bench {
    fn new(in_flight_max: u32, connection_in_flight_max: u32) -> Self {
        let caps = Caps { in_flight_max, connection_in_flight_max };
        let engine = Engine::new(caps, START, 42);
        Self { engine, now: START, owed: 0, effects: vec![], started: vec![], moved: vec![], disabled: 0 }
    }

    fn step(&mut self, input: Input) {
        self.engine.step(self.now, input, &mut self.effects);
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Start { key, id, attempt, .. } => self.started.push((self.now, id, key, attempt)),
                Effect::Moved { id, state, .. } => self.moved.push((self.now, id, state)),
                Effect::Disable { .. } => self.disabled += 1,
            }
        }
    }

    fn owe(&mut self, workspace: &str, connection: &str, policy: Policy) -> DeliveryId {
        let id = DeliveryId::from_text(&format!("dlv_{workspace}_{connection}_{}", self.owed));
        self.owed += 1;
        self.step(Input::Owe(Box::new(Owe {
            id: id.clone(),
            workspace: WorkspaceId::from_text(workspace),
            connection: ConnectionId::from_text(connection),
            position: Position { segment: 1, offset: self.owed },
            index: 0,
            policy,
            created_at: self.now,
            due_at: self.now,
            attempts: 0,
            mapped: true,
        })));
        id
    }

    fn finish(&mut self, key: Key, outcome: Outcome) {
        self.finish_with(key, outcome, None);
    }

    fn finish_with(&mut self, key: Key, outcome: Outcome, retry_after: Option<Millis>) {
        let ending = Ending::Attempt { outcome, retry_after, gone_for_good: outcome == Outcome::Rejected };
        self.step(Input::Finished { key, ending });
    }

    /// Lets time pass tick by tick.
    fn pass(&mut self, millis: Millis) {
        let until = self.now + millis;
        while let Some(next) = self.engine.next_tick()
            && next <= until
        {
            self.now = self.now.max(next);
            self.step(Input::Tick);
        }
        self.now = until;
    }

    fn states(&self, id: &DeliveryId) -> Vec<State> {
        self.moved.iter().filter(|(_, moved, _)| moved == id).map(|(_, _, state)| state.clone()).collect()
    }
}

#[test]
fn two_failures_and_a_success_are_three_attempts_with_growing_waits() {
    let mut bench = Bench::new(512, 16);
    let id = bench.owe("a", "one", policy());
    for (attempt, outcome) in
        [Outcome::DestinationError, Outcome::DestinationError, Outcome::Delivered].iter().enumerate()
    {
        let (_, started, key, number) = bench.started[attempt].clone();
        assert_eq!((started, number), (id.clone(), attempt as u32 + 1));
        bench.finish(key, *outcome);
        bench.pass(60_000);
    }
    assert_eq!(bench.started.len(), 3);
    let times: Vec<Millis> = bench.started.iter().map(|(at, ..)| *at).collect();
    let first = times[1] - times[0];
    assert!((8_000..=12_100).contains(&first), "{first}");
    // The second attempt failed a minute after the first one's failure was known.
    let second = times[2] - (START + 60_000);
    assert!((16_000..=24_100).contains(&second), "{second}");
    assert!(matches!(bench.states(&id)[..], [State::Again { .. }, State::Again { .. }, State::Delivered]));
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
    let keys: Vec<Key> = bench.started.iter().map(|(_, _, key, _)| *key).collect();
    bench.finish(keys[0], Outcome::TimedOut);
    bench.finish(keys[1], Outcome::Rejected);
    bench.finish(keys[2], Outcome::Unreachable);
    bench.step(Input::Finished { key: keys[3], ending: Ending::Unusable });
    let dead = |reason| vec![State::DeadLetter { reason }];
    assert_eq!(bench.states(&exhausted), dead(DeadReason::AttemptsExhausted));
    assert_eq!(bench.states(&rejected), dead(DeadReason::Rejected));
    assert_eq!(bench.disabled, 1);
    assert_eq!(bench.states(&expired), dead(DeadReason::Expired));
    assert_eq!(bench.states(&unusable), dead(DeadReason::ConnectionUnusable));

    // One that expires while it waits behind others.
    let mut bench = Bench::new(512, 1);
    bench.owe("a", "slow", policy());
    let behind = bench.owe("a", "slow", short);
    bench.pass(6_000);
    let key = bench.started[0].2;
    bench.finish(key, Outcome::Delivered);
    assert_eq!(bench.states(&behind), dead(DeadReason::Expired));
    assert_eq!(bench.started.len(), 1);
}

#[test]
fn a_discarded_delivery_is_given_up_wherever_it_is() {
    let mut bench = Bench::new(512, 1);
    let flying = bench.owe("a", "1", policy());
    let queued = bench.owe("a", "1", policy());
    let timed = bench.owe("a", "2", policy());
    bench.finish(bench.started[1].2, Outcome::TimedOut);
    for id in [&flying, &queued, &timed] {
        bench.step(Input::Discard(id.clone()));
    }
    let discarded = State::DeadLetter { reason: DeadReason::Discarded };
    assert_eq!(bench.states(&queued), std::slice::from_ref(&discarded));
    assert_eq!(bench.states(&timed).last(), Some(&discarded));
    assert!(bench.states(&flying).is_empty(), "it is on its way");
    bench.finish(bench.started[0].2, Outcome::TimedOut);
    assert_eq!(bench.states(&flying), [discarded]);
    bench.pass(3_600_000);
    assert_eq!(bench.started.len(), 2);
    assert_eq!(bench.engine.pending(), 0);
}

#[test]
fn a_connection_that_hangs_delays_nobody_else() {
    let mut bench = Bench::new(64, 16);
    for _ in 0..1_000 {
        bench.owe("a", "hangs", policy());
    }
    assert_eq!(bench.engine.in_flight(), 16);
    for turn in 0..200 {
        bench.owe("a", "works", policy());
        let (at, id, key, _) = bench.started.last().unwrap().clone();
        assert!(id.as_str().contains("works"), "turn {turn}");
        assert_eq!(at, bench.now);
        bench.finish(key, Outcome::Delivered);
        bench.pass(10);
    }
    assert_eq!(bench.engine.in_flight(), 16);
}

#[test]
fn a_workspace_that_hangs_everywhere_leaves_room_for_a_quiet_one() {
    let mut bench = Bench::new(100, 16);
    for connection in 0..20 {
        for _ in 0..50 {
            bench.owe("noisy", &format!("hangs_{connection}"), policy());
        }
    }
    let taken = bench.engine.in_flight();
    assert_eq!(taken, 95, "alone, it may use all but the reserve");
    bench.owe("quiet", "works", policy());
    let (_, id, key, _) = bench.started.last().unwrap().clone();
    assert!(id.as_str().contains("quiet"));
    bench.finish(key, Outcome::Delivered);
    // Once others wait, what the noisy one gives back goes to them until it is down to half.
    for _ in 0..200 {
        bench.owe("quiet", "slow", policy());
    }
    let noisy: Vec<Key> =
        bench.started.iter().filter(|s| s.1.as_str().contains("noisy")).map(|s| s.2).collect();
    let before = bench.started.len();
    for key in noisy.iter().take(45) {
        bench.finish(*key, Outcome::Delivered);
    }
    let next: Vec<bool> = bench.started[before..].iter().map(|s| s.1.as_str().contains("quiet")).collect();
    assert!(next.iter().filter(|quiet| **quiet).count() >= 15, "its connection's cap is reached: {next:?}");
}

#[test]
fn workspaces_and_connections_take_turns() {
    let mut bench = Bench::new(1, 1);
    bench.owe("z", "blocker", policy());
    for _ in 0..90 {
        bench.owe("a", "1", policy());
        bench.owe("a", "2", policy());
        bench.owe("b", "1", policy());
    }
    for turn in 0..120 {
        bench.finish(bench.started[turn].2, Outcome::Delivered);
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, id, ..) in &bench.started[1..121] {
        let name = id.as_str().rsplit_once('_').unwrap().0.to_owned();
        *counts.entry(name).or_default() += 1;
    }
    let close = |name: &str, to: usize| {
        let count = counts[name];
        assert!(count.abs_diff(to) <= 5, "{name}: {count}, wanted about {to} ({counts:?})");
    };
    close("dlv_b_1", 60);
    close("dlv_a_1", 30);
    close("dlv_a_2", 30);
}

#[test]
fn priorities_share_by_weight_and_none_starves() {
    let mut bench = Bench::new(1, 1);
    bench.owe("a", "0", policy());
    for weight in [1, 4, 16] {
        for _ in 0..100 {
            bench.owe("a", &format!("w{weight}"), Policy { weight, ..policy() });
            bench.owe(
                "b",
                "same",
                Policy { weight, idempotency_key: Some(weight.to_string().into()), ..policy() },
            );
        }
    }
    let mut per_weight: BTreeMap<String, usize> = BTreeMap::new();
    for turn in 0..85 {
        let (_, id, key, _) = bench.started[turn].clone();
        if id.as_str().contains("_a_w") {
            *per_weight.entry(id.as_str().split('_').nth(2).unwrap().to_owned()).or_default() += 1;
        }
        bench.finish(key, Outcome::Delivered);
    }
    assert_eq!(per_weight.values().sum::<usize>(), 42);
    assert_eq!((per_weight["w1"], per_weight["w4"], per_weight["w16"]), (2, 8, 32));
}

#[test]
fn the_receivers_wish_to_wait_holds_for_the_whole_connection() {
    let mut bench = Bench::new(512, 1);
    bench.owe("a", "limited", policy());
    bench.owe("a", "limited", policy());
    bench.finish_with(bench.started[0].2, Outcome::RateLimited, Some(45_000));
    assert_eq!(bench.started.len(), 1, "the second one waits, too");
    bench.pass(44_900);
    assert_eq!(bench.started.len(), 1);
    bench.pass(200);
    assert_eq!(bench.started.len(), 2);
    assert_eq!(bench.started[1].0, START + 45_000);
}

#[test]
fn an_outage_burns_no_attempts_while_the_breaker_is_open() {
    let mut bench = Bench::new(512, 16);
    let patient = Policy { attempts: 4, expires: Duration::from_secs(24 * 3600), ..policy() };
    for _ in 0..200 {
        bench.owe("a", "down", patient.clone());
    }
    let mut answered = 0;
    let back_at = START + 3 * 3600 * 1000;
    while bench.now < START + 5 * 3600 * 1000 {
        while let Some((_, _, key, _)) = bench.started.get(answered).cloned() {
            let outcome = if bench.now < back_at { Outcome::Unreachable } else { Outcome::Delivered };
            bench.finish(key, outcome);
            answered += 1;
        }
        bench.pass(1_000);
    }
    let delivered = bench.moved.iter().filter(|(_, _, state)| *state == State::Delivered).count();
    assert!(delivered >= 198, "{delivered} of 200 after three hours without the receiver");
    assert_eq!(bench.engine.pending(), 0);
    assert!(bench.started.len() < 400, "{} attempts", bench.started.len());
}

#[test]
fn nothing_is_started_while_draining_and_what_is_not_mapped_is_never() {
    let mut bench = Bench::new(512, 16);
    bench.step(Input::Drain);
    bench.owe("a", "1", policy());
    assert!(bench.started.is_empty());
    assert_eq!(bench.engine.pending(), 1);
    let mut bench = Bench::new(512, 16);
    let id = DeliveryId::from_text("dlv_x");
    bench.step(Input::Owe(Box::new(Owe {
        id: id.clone(),
        workspace: WorkspaceId::from_text("a"),
        connection: ConnectionId::from_text("1"),
        position: Position { segment: 1, offset: 64 },
        index: 0,
        policy: policy(),
        created_at: START,
        due_at: START,
        attempts: 0,
        mapped: false,
    })));
    assert_eq!(bench.states(&id), [State::DeadLetter { reason: DeadReason::MappingFailed }]);
    assert!(bench.started.is_empty());
}
