//! The engine held against a naive model: ordered maps, no queues, no wheel, every question asked anew.
//!
//! Both take the same random inputs. After every step the model is asked what the engine has just done:
//! each start must be allowed by everything that the model knows, each end must be the right one, and when
//! the engine starts nothing more, the model must find nothing that could be started. `FANWISE_CASES` sets
//! how many random lives there are.

use std::collections::BTreeMap;
use std::time::Duration;

use compiler::gate::{GateKey, Tally};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::breaker::{FAILURES_MAX, FIRST_PAUSE, LONGEST_PAUSE};
use super::queue::RESERVE_SHARE;
use super::tests::{START, owe, policy};
use super::{Caps, Effect, Ending, Engine, Input, Key, Millis, Owe, TICK};
use crate::id::{ConnectionId, WorkspaceId};
use crate::model::{DeadReason, Outcome, Policy, State};

/// A delivery as the model sees it.
struct Delivery {
    owe: Owe,
    /// When it was owed, as a number in a row.
    number: usize,
    owed_at: Millis,
    due_at: Millis,
    made: u32,
    since: Option<Millis>,
    discarding: bool,
}

/// A connection as the model sees it.
#[derive(Default)]
struct Receiver {
    failures: u32,
    /// The pause it is in, and until when; probes allowed after it.
    pause: Millis,
    open_until: Option<Millis>,
    probes: Option<u32>,
    blocked_until: Millis,
    limit: Option<u32>,
    successes: u32,
    halved_at: Option<Millis>,
}

type Name = (WorkspaceId, ConnectionId);

struct Model {
    caps: Caps,
    now: Millis,
    pending: BTreeMap<Uuid, Delivery>,
    receivers: BTreeMap<Name, Receiver>,
    /// When deliveries were started under a limit.
    starts: BTreeMap<(WorkspaceId, GateKey), Vec<Millis>>,
    /// Attempts of each connection.
    under_way: BTreeMap<Name, u32>,
    owed: usize,
    settled: usize,
    draining: bool,
}

impl Model {
    fn name(delivery: &Delivery) -> Name {
        (delivery.owe.workspace.clone(), delivery.owe.connection.clone())
    }

    fn in_flight(&self, of: impl Fn(&Name) -> bool) -> u32 {
        self.under_way.iter().filter(|(name, _)| of(name)).map(|(_, count)| count).sum()
    }

    /// The reason why a delivery may not start, whatever its turn is.
    fn obstacle(&self, id: Uuid) -> Option<&'static str> {
        let delivery = &self.pending[&id];
        let name = Self::name(delivery);
        let receiver = &self.receivers[&name];
        let allowed = match (receiver.open_until, receiver.probes) {
            (Some(until), _) if self.now < until => 0,
            (Some(_), _) => 1,
            (None, Some(probes)) => probes,
            (None, None) => u32::MAX,
        };
        let limit = receiver.limit.unwrap_or(4).min(self.caps.connection_in_flight_max);
        let is_ahead = |other: &&Delivery| {
            other.owe.order == delivery.owe.order
                && Self::name(other) == name
                && other.number < delivery.number
        };
        let limited = delivery.owe.rate.is_some_and(|tally| {
            let starts = self.starts.get(&(name.0.clone(), tally.key));
            let every = Millis::try_from(tally.every.as_millis()).unwrap();
            let lately = starts.map_or(0, |all| all.iter().filter(|at| **at + every > self.now).count());
            lately >= tally.allow as usize
        });
        if self.draining {
            Some("nothing starts any more")
        } else if delivery.since.is_some() {
            Some("it is under way")
        } else if delivery.due_at > self.now {
            Some("it is not due")
        } else if delivery.owe.order.is_some() && self.pending.values().any(|other| is_ahead(&other)) {
            Some("another one is ahead in its lane")
        } else if limited {
            Some("its rate limit is used up")
        } else if self.now < receiver.blocked_until {
            Some("its receiver asked to wait")
        } else if self.in_flight(|other| *other == name) >= allowed.min(limit) {
            Some("its connection has enough under way")
        } else if self.in_flight(|_| true) >= self.caps.in_flight_max {
            Some("the node has enough under way")
        } else {
            None
        }
    }

    /// Whether a workspace's own caps are what stops a delivery that nothing else stops.
    fn is_capped(&self, id: Uuid) -> bool {
        let workspace = self.pending[&id].owe.workspace.clone();
        let mine = self.in_flight(|other| other.0 == workspace);
        let free = self.caps.in_flight_max - self.in_flight(|_| true);
        mine >= (self.caps.in_flight_max / 2).max(1)
            || (free <= self.caps.in_flight_max / RESERVE_SHARE && mine > 0)
    }

    fn started(&mut self, id: Uuid, attempt: u32) {
        assert_eq!(self.obstacle(id), None, "{id} started at {}", self.now);
        let now = self.now;
        let delivery = self.pending.get_mut(&id).unwrap();
        assert!(now <= delivery.owe.expires_at + 1_000, "it had expired");
        delivery.made += 1;
        delivery.since = Some(now);
        *self
            .under_way
            .entry((delivery.owe.workspace.clone(), delivery.owe.connection.clone()))
            .or_default() += 1;
        assert_eq!(attempt, delivery.made, "attempts are counted one by one");
        if let Some(tally) = delivery.owe.rate {
            self.starts.entry((delivery.owe.workspace.clone(), tally.key)).or_default().push(now);
        }
    }

    /// What an end says about the receiver, and which states may follow.
    fn finished(&mut self, id: Uuid, outcome: Outcome, retry_after: Option<Millis>) -> (State, Range) {
        let (now, max) = (self.now, self.caps.connection_in_flight_max);
        let name = Self::name(&self.pending[&id]);
        let under_way = self.in_flight(|other| *other == name);
        let delivery = self.pending.get_mut(&id).unwrap();
        let since = delivery.since.take().unwrap();
        *self.under_way.get_mut(&name).unwrap() -= 1;
        let receiver = self.receivers.get_mut(&name).unwrap();
        let limit = receiver.limit.get_or_insert(4);
        match outcome {
            Outcome::Delivered => {
                receiver.successes += 1;
                if receiver.successes >= *limit && under_way * 2 >= *limit {
                    (*limit, receiver.successes) = ((*limit + 1).min(max), 0);
                }
                receiver.failures = 0;
                receiver.probes = match (receiver.open_until.take(), receiver.probes) {
                    (Some(_), _) => Some(2),
                    (None, Some(probes)) if probes < 32 => Some(probes * 2),
                    (None, _) => None,
                };
            }
            _ => {
                if receiver.halved_at.is_none_or(|at| since > at) {
                    (*limit, receiver.successes, receiver.halved_at) = ((*limit / 2).max(1), 0, Some(now));
                }
            }
        }
        if let Some(wait) = retry_after {
            receiver.blocked_until = receiver.blocked_until.max(now + wait);
        }
        if matches!(outcome, Outcome::TimedOut | Outcome::DestinationError) {
            receiver.fail(now);
        }
        delivery.expected(outcome, retry_after, now)
    }
}

impl Receiver {
    fn fail(&mut self, now: Millis) {
        self.failures += 1;
        let opens = match (self.open_until, self.probes) {
            (None, None) => self.failures >= FAILURES_MAX,
            (Some(until), _) => now >= until,
            (None, Some(_)) => true,
        };
        if !opens {
            return;
        }
        let first = self.open_until.is_none() && self.probes.is_none();
        self.pause = if first { FIRST_PAUSE } else { (self.pause * 2).min(LONGEST_PAUSE) };
        (self.open_until, self.probes) = (Some(now + self.pause), None);
        self.blocked_until = self.blocked_until.max(now + self.pause);
        (self.limit, self.successes, self.halved_at) = (Some(4), 0, Some(now));
    }
}

impl Delivery {
    /// The state that follows, and for one more try from when to when it may be.
    fn expected(&self, outcome: Outcome, retry_after: Option<Millis>, now: Millis) -> (State, Range) {
        let dead = |reason| (State::DeadLetter { reason }, None);
        let terms = &self.owe.terms;
        if outcome == Outcome::Delivered {
            return (State::Delivered, None);
        }
        if self.made >= terms.attempts {
            return dead(DeadReason::AttemptsExhausted);
        }
        let first = terms.first_wait.as_millis() as f64;
        let growth = f64::from(terms.growth_thousandths) / 1_000.0;
        let base = (first * growth.powi(self.made as i32 - 1)).min(terms.longest_wait.as_millis() as f64);
        let asked = now + retry_after.unwrap_or(0);
        let earliest = (now + (base * 0.8) as Millis - 2).max(asked);
        let latest = (now + (base * 1.2) as Millis + 2).max(asked);
        if earliest > self.owe.expires_at + 1_000 {
            return dead(DeadReason::Expired);
        }
        (State::Again { at: super::timestamp(earliest) }, Some((earliest, latest)))
    }
}

/// From when to when one more try may be, when there is one.
type Range = Option<(Millis, Millis)>;

/// One random life: an engine, its model and what is under way.
struct Life {
    engine: Engine,
    model: Model,
    random: StdRng,
    under_way: BTreeMap<Uuid, Key>,
    /// What may follow from what was just finished.
    expected: Option<(Uuid, State, Range)>,
}

impl Life {
    fn step(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.engine.step(self.model.now, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Start { key, id, attempt, .. } => {
                    self.model.started(id, attempt);
                    assert!(self.under_way.insert(id, key).is_none(), "started twice at once");
                }
                Effect::Moved { id, state, key, .. } => self.moved(id, &state, key.is_some()),
                Effect::Disable { .. } => panic!("nobody answered 410"),
            }
        }
        assert!(self.expected.is_none(), "nothing followed from an attempt");
        let forgotten: Vec<(Uuid, _)> = self.startable().map(|id| (id, self.engine.standing(id))).collect();
        assert!(forgotten.is_empty(), "{forgotten:?} could be started at {}", self.model.now);
        assert_eq!(self.engine.pending(), self.model.pending.len());
        assert_eq!(self.engine.in_flight(), self.model.in_flight(|_| true));
    }

    fn startable(&self) -> impl Iterator<Item = Uuid> {
        let ids = self.model.pending.keys().copied();
        // Between two ticks of the wheel something may be due that it has not fired yet.
        ids.filter(|id| {
            let delivery = &self.model.pending[id];
            let ripe = delivery.due_at + TICK <= self.model.now || delivery.due_at <= delivery.owed_at;
            ripe && self.ripe_limit(delivery)
                && self.model.obstacle(*id).is_none()
                && !self.model.is_capped(*id)
        })
    }

    /// Whether room under a limit, or the end of a block, has been there for a tick.
    fn ripe_limit(&self, delivery: &Delivery) -> bool {
        let receiver = &self.model.receivers[&Model::name(delivery)];
        let blocked = receiver.blocked_until > Millis::MIN && receiver.blocked_until + TICK > self.model.now;
        let Some(tally) = delivery.owe.rate else { return !blocked };
        let every = Millis::try_from(tally.every.as_millis()).unwrap();
        let starts = self.model.starts.get(&(delivery.owe.workspace.clone(), tally.key));
        let lately =
            starts.map_or(0, |all| all.iter().filter(|at| **at + every + TICK > self.model.now).count());
        !blocked && lately < tally.allow as usize
    }

    fn moved(&mut self, id: Uuid, state: &State, ended: bool) {
        if ended {
            let (expected, wanted, range) = self.expected.take().expect("an end that nobody asked for");
            assert_eq!(expected, id);
            let delivery = self.model.pending.get_mut(&id).unwrap();
            match (state, range) {
                (State::Again { at }, Some((earliest, latest))) if !delivery.discarding => {
                    let at = at.as_millisecond();
                    assert!((earliest..=latest).contains(&at), "{at} is not in {earliest} to {latest}");
                    delivery.due_at = at;
                    return;
                }
                // The jitter may reach beyond the expiry.
                (State::DeadLetter { reason: DeadReason::Expired }, Some((_, latest))) => {
                    assert!(latest > delivery.owe.expires_at);
                }
                (State::DeadLetter { reason: DeadReason::Discarded }, Some(_)) => {
                    assert!(delivery.discarding)
                }
                (state, _) => assert_eq!(*state, wanted),
            }
        } else {
            let delivery = &self.model.pending[&id];
            assert!(delivery.since.is_none());
            match state {
                State::DeadLetter { reason: DeadReason::Expired } => {
                    assert!(self.model.now > delivery.owe.expires_at);
                }
                State::DeadLetter { reason: DeadReason::Discarded } => assert!(delivery.discarding),
                other => panic!("{other:?} without an attempt"),
            }
        }
        self.model.pending.remove(&id).expect("settled twice");
        self.model.settled += 1;
    }

    fn owe(&mut self) {
        let random = &mut self.random;
        let workspace = ["a", "b", "c"][random.random_range(0..3_usize)];
        let connection = ["1", "2"][random.random_range(0..2_usize)];
        let allow = random.random_range(1..4);
        let tally = |random: &mut StdRng| Tally {
            key: GateKey::new(&[connection, &random.random_range(0..2).to_string(), &allow.to_string()]),
            allow,
            every: Duration::from_secs(5),
        };
        let policy = Policy {
            attempts: random.random_range(1..5),
            first_wait: Duration::from_secs(random.random_range(1..20)),
            longest_wait: Duration::from_secs(60),
            expires: Duration::from_secs(random.random_range(30..600)),
            weight: [1, 4, 16][random.random_range(0..3_usize)],
            rate: random.random_bool(0.3).then(|| tally(random)),
            order: random.random_bool(0.3).then(|| random.random_range(0..2)),
            ..policy()
        };
        let due_at =
            self.model.now + if random.random_bool(0.2) { random.random_range(0..60_000) } else { 0 };
        let number = self.model.owed;
        self.model.owed += 1;
        let owe = owe(number as u64, workspace, connection, &policy, due_at);
        let owed_at = self.model.now;
        let delivery =
            Delivery { owe: owe.clone(), number, owed_at, due_at, made: 0, since: None, discarding: false };
        self.model.receivers.entry(Model::name(&delivery)).or_default();
        self.model.pending.insert(owe.id, delivery);
        self.step(Input::Owe(Box::new(owe)));
        self.forget_idle_receivers();
    }

    /// An engine forgets what it knows of a connection when nothing is pending for it.
    fn forget_idle_receivers(&mut self) {
        let names: Vec<Name> = self.model.pending.values().map(Model::name).collect();
        let now = self.model.now;
        self.model.receivers.retain(|name, receiver| names.contains(name) || receiver.blocked_until > now);
    }

    fn finish(&mut self) {
        let Some(at) = self.random.random_range(0..=self.under_way.len()).checked_sub(1) else { return };
        let (id, key) = self.under_way.iter().nth(at).map(|(id, key)| (*id, *key)).unwrap();
        self.under_way.remove(&id);
        let outcome = match self.random.random_range(0..10) {
            0 => Outcome::RateLimited,
            1 | 2 => Outcome::TimedOut,
            3 | 4 => Outcome::DestinationError,
            _ => Outcome::Delivered,
        };
        let asks = outcome == Outcome::RateLimited && self.random.random_bool(0.5);
        let retry_after = asks.then(|| self.random.random_range(1..30_000));
        let (state, range) = self.model.finished(id, outcome, retry_after);
        self.expected = Some((id, state, range));
        let ending = Ending::Attempt { outcome, retry_after, gone_for_good: false };
        self.step(Input::Finished { key, ending });
        self.forget_idle_receivers();
    }

    fn discard(&mut self) {
        let Some(at) = self.random.random_range(0..=self.model.pending.len()).checked_sub(1) else { return };
        let (id, delivery) = self.model.pending.iter_mut().nth(at).unwrap();
        delivery.discarding = true;
        let id = *id;
        self.step(Input::Discard(id));
        self.forget_idle_receivers();
    }

    fn pass(&mut self, millis: Millis) {
        let until = self.model.now + millis;
        while let Some(next) = self.engine.next_tick()
            && next <= until
        {
            self.model.now = self.model.now.max(next);
            self.step(Input::Tick);
            self.forget_idle_receivers();
        }
        self.model.now = until;
        self.step(Input::Tick);
    }
}

fn live(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let caps = Caps {
        in_flight_max: random.random_range(1..40),
        connection_in_flight_max: random.random_range(1..8),
    };
    let model = Model {
        caps,
        now: START,
        pending: BTreeMap::new(),
        receivers: BTreeMap::new(),
        starts: BTreeMap::new(),
        under_way: BTreeMap::new(),
        owed: 0,
        settled: 0,
        draining: false,
    };
    let engine = Engine::new(caps, START, seed);
    let mut life = Life { engine, model, random, under_way: BTreeMap::new(), expected: None };
    for _ in 0..100 {
        match life.random.random_range(0..20) {
            0..=8 => life.owe(),
            9..=14 => life.finish(),
            15 => life.discard(),
            16..=18 => {
                let millis = life.random.random_range(0..3_000);
                life.pass(millis);
            }
            _ => {
                let millis = life.random.random_range(0..120_000);
                life.pass(millis);
            }
        }
    }
    // Whatever is left comes to an end.
    for _ in 0..2_000 {
        if life.model.pending.is_empty() {
            break;
        }
        life.finish();
        life.pass(1_000);
    }
    assert_eq!(life.model.settled, life.model.owed, "nothing is lost");
    life.model.draining = true;
    life.step(Input::Drain);
    assert!(life.engine.is_drained());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own knob, no setting of the server")]
fn the_engine_does_what_a_naive_model_allows_and_leaves_nothing_undone() {
    let cases = std::env::var("FANWISE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(500);
    for seed in 0..cases {
        let lived = std::panic::catch_unwind(|| live(seed));
        assert!(lived.is_ok(), "seed {seed}");
    }
}
