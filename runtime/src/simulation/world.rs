//! What outlives the node of a simulation: what apps want to send, and what they were told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use compiler::gate::{GateKey, Gated, Once, Tally};
use jiff::Timestamp;
use rand::Rng;
use rand::rngs::StdRng;

use super::auditor::{Auditor, Fact};
use super::scheduler::Micros;
use super::shadow::Shadow;
use super::town::{Mood, Town};
use crate::clock::Clock;
use crate::id::{ConnectionId, DeliveryId, EventId, WorkspaceId};
use crate::model::{DeliveryRecord, EventRecord, Policy};
use crate::node::{Accepted, Identity, NewEvent, NodeConfig};

/// Workspaces of a simulation.
pub(super) const WORKSPACES: usize = 3;

/// Connections of each.
pub(super) const CONNECTIONS: usize = 4;

/// When a simulation begins, in seconds since 1970.
pub(super) const BEGINNING: i64 = 1_767_225_600;

/// The clock of the node: the scheduler's time, moved by whoever sets the machine's clock.
pub(super) struct WallClock {
    pub now: Arc<AtomicI64>,
    pub moved: Micros,
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let micros = BEGINNING * 1_000_000 + self.moved + self.now.load(Ordering::Relaxed);
        Timestamp::from_microsecond(micros).unwrap()
    }
}

/// What a rule orders for one event.
#[derive(Clone, Debug)]
pub(super) struct Order {
    connection: usize,
    policy: Policy,
    delay: Duration,
    gated: Gated,
    input_is_made: bool,
}

/// An event that an app wants to be rid of. It asks until it is told that the event is durable.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    workspace: usize,
    number: usize,
    /// The app chose its id.
    has_id: bool,
    has_key: bool,
    padding: usize,
    orders: Vec<Order>,
}

/// What outlives a crash of the node.
pub(super) struct World {
    pub config: NodeConfig,
    pub now: Arc<AtomicI64>,
    pub shadow: Arc<Mutex<Shadow>>,
    pub auditor: Arc<Mutex<Auditor>>,
    pub town: Arc<Town>,
    pub wishes: Mutex<VecDeque<Wish>>,
    /// The payloads of everything that was ever asked for, by workspace and event.
    pub payloads: Mutex<BTreeMap<(String, String), Arc<[u8]>>>,
    /// Events that somebody was told of.
    pub told: Mutex<Vec<(String, String)>>,
    pub broken: Mutex<Vec<String>>,
    /// When the machine's clock was moved, and how far.
    pub jumps: Mutex<Vec<(Micros, Micros)>>,
    /// When each life of the node ended.
    pub ends: Mutex<Vec<Micros>>,
    pub crashes: Mutex<usize>,
}

pub(super) fn workspace(number: usize) -> WorkspaceId {
    WorkspaceId::from_text(&format!("ws_{number}"))
}

pub(super) fn connection(number: usize) -> ConnectionId {
    ConnectionId::from_text(&format!("con{number}"))
}

fn one_of<T: Copy>(random: &mut StdRng, of: &[T]) -> T {
    of[random.random_range(0..of.len())]
}

fn millis(random: &mut StdRng, from: u64, to: u64) -> Duration {
    Duration::from_millis(random.random_range(from..to))
}

impl World {
    pub(super) fn new(random: &mut StdRng) -> Self {
        let shadow = Arc::new(Mutex::new(Shadow::default()));
        let auditor = Arc::new(Mutex::new(Auditor::default()));
        let town = Arc::new(Town::new(Arc::clone(&shadow), Arc::clone(&auditor)));
        let count = random.random_range(5..60);
        let wishes = (0..count).map(|number| wish(random, number)).collect();
        Self {
            config: config(random),
            now: Arc::new(AtomicI64::new(0)),
            shadow,
            auditor,
            town,
            wishes: Mutex::new(wishes),
            payloads: Mutex::default(),
            told: Mutex::default(),
            broken: Mutex::default(),
            jumps: Mutex::default(),
            ends: Mutex::default(),
            crashes: Mutex::default(),
        }
    }

    /// The node's life is over, in whatever way.
    pub(super) fn crashed(&self) {
        *self.crashes.lock().unwrap() += 1;
        let now = self.now.load(Ordering::Relaxed);
        self.ends.lock().unwrap().push(now);
        let at = Duration::from_micros(now.unsigned_abs());
        self.auditor.lock().unwrap().see(Fact::Crashed { at });
    }

    pub(super) fn complain(&self, words: impl Into<String>) {
        self.broken.lock().unwrap().push(words.into());
    }

    /// Gives every receiver a mood of its own, or all of them a good one.
    pub(super) fn moods(&self, random: Option<&mut StdRng>) {
        let mut random = random;
        for (space, number) in
            (0..WORKSPACES).flat_map(|space| (0..CONNECTIONS).map(move |number| (space, number)))
        {
            let mood = random.as_deref_mut().map_or(Mood::Good, Mood::any);
            self.town.settle(workspace(space).as_str(), connection(number).as_str(), mood);
        }
    }

    /// A wish as the node gets it. Each try makes its deliveries anew, as the rules would.
    pub(super) fn event(&self, wish: &Wish, now: Timestamp) -> NewEvent {
        let space = workspace(wish.workspace);
        let id = match wish.has_id {
            true => EventId::from_text(&format!("order-{}", wish.number)),
            false => EventId::fresh(),
        };
        let padding = "x".repeat(wish.padding);
        let payload = format!(r#"{{"number":{},"padding":"{padding}"}}"#, wish.number);
        let payload: Arc<[u8]> = payload.into_bytes().into();
        let known = (space.to_string(), id.to_string());
        self.payloads.lock().unwrap().insert(known, Arc::clone(&payload));
        let deliveries =
            (0..).zip(&wish.orders).map(|(at, order)| delivery(&space, &id, order, at, now)).collect();
        let event = EventRecord {
            id,
            workspace: space,
            kind: one(wish.number).into(),
            resource: None,
            resource_id: None,
            time: now,
            received_at: now,
            revision: None,
            rules: Vec::new(),
            payload,
            attributes: None,
            trace_context: None,
        };
        let key = wish.has_key.then(|| format!("key-{}", wish.number).into());
        let number = u8::try_from(wish.number % 256).unwrap();
        NewEvent {
            event,
            deliveries,
            identity: Identity { key, app_chose_id: wish.has_id, body_hash: [number; 32] },
        }
    }

    /// An app was told that an event is durable.
    pub(super) fn told(&self, wish: &Wish, accepted: &Accepted) {
        let key = (workspace(wish.workspace).to_string(), accepted.event.to_string());
        let deliveries: Vec<String> = accepted.deliveries.iter().map(ToString::to_string).collect();
        let shadow = self.shadow.lock().unwrap();
        match shadow.events.get(&key) {
            None => self.complain(format!("{} was acknowledged and is not durable", accepted.event)),
            Some(life) if life.deliveries != deliveries => {
                self.complain(format!("{}: {:?} are durable, not {deliveries:?}", key.1, life.deliveries));
            }
            Some(life) if life.deliveries.len() != wish.orders.len() => {
                self.complain(format!("{}: rules ordered {} deliveries", key.1, wish.orders.len()));
            }
            Some(_) => {}
        }
        drop(shadow);
        let (workspace, event) = key.clone();
        self.auditor.lock().unwrap().see(Fact::Acknowledged { workspace, event, deliveries });
        self.told.lock().unwrap().push(key);
    }
}

fn one(number: usize) -> &'static str {
    ["order.paid", "order.sent", "invoice.paid"][number % 3]
}

fn delivery(
    space: &WorkspaceId,
    event: &EventId,
    order: &Order,
    at: usize,
    now: Timestamp,
) -> DeliveryRecord {
    let target = connection(order.connection);
    let body = format!(r#"{{"body":{{"workspace":"{space}","event":"{event}","target":"{target}"}}}}"#);
    DeliveryRecord {
        id: DeliveryId::fresh(),
        workspace: space.clone(),
        event: event.clone(),
        rule: "rule".into(),
        key: format!("rule/send_webhook/{at}").into(),
        connection_name: target.as_str().into(),
        connection: target,
        action: "send_webhook".into(),
        input: if order.input_is_made { Ok(body.into()) } else { Err("`total` is missing".into()) },
        policy: order.policy.clone(),
        created_at: now,
        due_at: now.saturating_add(order.delay).unwrap(),
        replay_of: None,
        gated: order.gated,
        skipped: None,
    }
}

fn wish(random: &mut StdRng, number: usize) -> Wish {
    let count = random.random_range(0..4);
    Wish {
        workspace: random.random_range(0..WORKSPACES),
        number,
        has_id: random.random_bool(0.5),
        has_key: random.random_bool(0.5),
        padding: if random.random_bool(0.2) {
            random.random_range(0..6_000)
        } else {
            random.random_range(0..300)
        },
        orders: (0..count).map(|_| order(random)).collect(),
    }
}

fn order(random: &mut StdRng) -> Order {
    let connection = random.random_range(0..CONNECTIONS);
    let tally = Tally {
        key: GateKey::new(&["rate", one_of(random, &["a", "b"])]),
        allow: 2,
        every: Duration::from_secs(1),
    };
    let policy = Policy {
        attempts: random.random_range(1..6),
        first_wait: millis(random, 20, 3_000),
        longest_wait: Duration::from_secs(60),
        growth_thousandths: one_of(random, &[1_000, 2_000, 10_000]),
        jitter_thousandths: one_of(random, &[0, 200, 1_000]),
        timeout: millis(random, 200, 30_000),
        expires: one_of(random, &[30, 600, 7_200, 86_400].map(Duration::from_secs)),
        weight: one_of(random, &[1, 4, 16]),
        rate: random.random_bool(0.2).then_some(tally),
        order: random.random_bool(0.3).then(|| random.random_range(0..3)),
        ..Policy::default()
    };
    let dedupe =
        Once { key: GateKey::new(&["once", one_of(random, &["a", "b"])]), within: Duration::from_secs(20) };
    let late = random.random_bool(0.15);
    Order {
        connection,
        policy,
        delay: if late { millis(random, 100, 60_000) } else { Duration::ZERO },
        gated: Gated { dedupe: random.random_bool(0.1).then_some(dedupe), throttle: None },
        input_is_made: random.random_bool(0.97),
    }
}

fn config(random: &mut StdRng) -> NodeConfig {
    let segment_bytes = one_of(random, &[16 << 10, 32 << 10, 64 << 10]);
    let is_small = random.random_bool(0.3);
    NodeConfig {
        segment_bytes,
        journal_bytes_max: if is_small { random.random_range(5..9) * segment_bytes } else { 1 << 26 },
        checkpoint_log_bytes: one_of(random, &[4 << 10, 16 << 10, 128 << 10]),
        checkpoint_after: one_of(random, &[3, 20, 900].map(Duration::from_secs)),
        history_kept: Duration::ZERO,
        scrub_bytes_per_second: one_of(random, &[0, 1 << 20]),
        in_flight_max: random.random_range(2..40),
        connection_in_flight_max: random.random_range(1..10),
        workspace_pending_max: one_of(random, &[1_000_000, 30]),
        ..NodeConfig::at("unused")
    }
}
