//! What was measured on a peer and must not be ours, simulated with receivers that take their time.
//!
//! `FANWISE_BACKLOG` sets how many deliveries the noisy workspace has waiting; `1000000` is the number of
//! the design.

use super::*;

/// What a receiver does with a request.
type Receiver = fn(connection: &str) -> (Millis, Outcome);

/// An engine, its receivers and what has been asked of both.
struct World {
    bench: Bench,
    receiver: Receiver,
    /// Ends of attempts by when they come.
    ends: BTreeMap<(Millis, u64), (Key, Outcome)>,
    taken: usize,
    owed_at: HashMap<Uuid, Millis>,
    waits: Vec<Millis>,
}

impl World {
    fn new(bench: Bench, receiver: Receiver) -> Self {
        let (ends, owed_at, waits) = (BTreeMap::new(), HashMap::new(), Vec::new());
        Self { bench, receiver, ends, taken: 0, owed_at, waits }
    }

    fn owe(&mut self, workspace: &str, connection: &str) {
        let id = self.bench.owe(workspace, connection, Policy { attempts: 4, ..policy() });
        self.owed_at.insert(id, self.bench.now);
        self.take();
    }

    /// Hands what was started to its receiver.
    fn take(&mut self) {
        while let Some(started) = self.bench.started.get(self.taken).copied() {
            self.taken += 1;
            let name = self.bench.names.get(&started.id).map_or("hangs", String::as_str);
            let (took, outcome) = (self.receiver)(name);
            self.ends.insert((started.at + took, self.taken as u64), (started.key, outcome));
            if started.attempt == 1
                && let Some(owed_at) = self.owed_at.remove(&started.id)
                && !name.contains("hangs")
            {
                self.waits.push(started.at - owed_at);
            }
        }
    }

    fn pass(&mut self, millis: Millis) {
        let until = self.bench.now + millis;
        loop {
            let end = self.ends.first_key_value().map(|(at, _)| *at);
            let end_at = end.map_or(Millis::MAX, |(at, _)| at);
            let tick = self.bench.engine.next_tick().unwrap_or(Millis::MAX);
            let next = tick.max(self.bench.now).min(end_at);
            if next > until {
                break;
            }
            self.bench.now = next;
            match end.filter(|(at, _)| *at == next).and_then(|end| self.ends.remove(&end)) {
                Some((key, outcome)) => self.bench.finish(key, outcome),
                None => self.bench.step(Input::Tick),
            }
            self.take();
        }
        self.bench.now = until;
    }

    fn p99(&mut self) -> Millis {
        self.waits.sort_unstable();
        self.waits[self.waits.len() * 99 / 100]
    }

    /// How often each delivery to a healthy receiver was started.
    fn most_starts(&self) -> usize {
        let mut starts: HashMap<Uuid, usize> = HashMap::new();
        for started in &self.bench.started {
            let name = self.bench.names.get(&started.id).map_or("hangs", String::as_str);
            if !name.contains("hangs") {
                *starts.entry(started.id).or_default() += 1;
            }
        }
        starts.into_values().max().unwrap_or(0)
    }
}

/// Ten connections of one workspace, `rate` events a second to each for a minute; one of them may hang.
fn ten_connections(receiver: Receiver, hangs: bool) -> (Millis, usize, usize) {
    let mut world = World::new(Bench::new(512, 64), receiver);
    for _ in 0..60 * 20 {
        for connection in 0..10 {
            let name = if connection == 0 && hangs { "hangs".to_owned() } else { connection.to_string() };
            world.owe("a", &name);
        }
        world.pass(50);
    }
    let hanging =
        world.bench.engine.connection(&WorkspaceId::from_text("a"), &ConnectionId::from_text("hangs"));
    let held = hanging.map_or(0, |view| view.in_flight as usize);
    (world.p99(), world.most_starts(), held)
}

#[test]
fn a_connection_that_times_out_after_15_seconds_slows_nobody_down() {
    let receiver: Receiver = |name| match name.contains("hangs") {
        true => (15_000, Outcome::TimedOut),
        false => (8, Outcome::Delivered),
    };
    let (alone, ..) = ten_connections(receiver, false);
    let (beside, starts, held) = ten_connections(receiver, true);
    assert_eq!((alone, beside), (0, 0), "the healthy ones never wait");
    assert_eq!(starts, 1, "and nothing is sent to them twice");
    assert!(held <= pace::START as usize, "{held} attempts held");
}

#[test]
fn a_connection_that_answers_200_and_never_ends_its_body_slows_nobody_down() {
    // Its attempts last until the whole of their time is over; the answer counts.
    let receiver: Receiver = |name| match name.contains("hangs") {
        true => (30_000, Outcome::Delivered),
        false => (8, Outcome::Delivered),
    };
    let (beside, starts, held) = ten_connections(receiver, true);
    assert_eq!((beside, starts), (0, 1));
    assert!(held <= 2 * pace::START as usize, "{held} attempts held");
}

/// 1,000 quiet workspaces with an event a second each, beside one with a backlog to receivers that hang.
fn quiet_workspaces(backlog: u32, noisy_connections: u32) -> Millis {
    let receiver: Receiver = |name| match name.contains("hangs") {
        true => (30_000, Outcome::TimedOut),
        false => (20, Outcome::Delivered),
    };
    let mut bench = Bench::new(512, 64);
    let noisy = (0..backlog).map(|number| {
        let connection = format!("hangs_{}", number % noisy_connections.max(1));
        owe(10_000_000 + u64::from(number), "noisy", &connection, &policy(), START)
    });
    let mut effects = Vec::new();
    bench.engine.restore(noisy, &mut effects);
    assert_eq!(bench.engine.pending(), backlog as usize);
    bench.step(Input::Tick);
    let mut world = World::new(bench, receiver);
    world.take();
    let seconds = 20;
    for turn in 0..seconds * 100 {
        for workspace in (0..1_000).skip(turn % 100).step_by(100) {
            world.owe(&format!("quiet_{workspace}"), "works");
        }
        world.pass(10);
    }
    assert_eq!(world.waits.len(), seconds * 1_000, "everything was started");
    assert_eq!(world.most_starts(), 1);
    world.p99()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own knob, no setting of the server")]
fn a_backlog_into_receivers_that_hang_does_not_move_the_quiet_workspaces() {
    let backlog = std::env::var("FANWISE_BACKLOG").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let alone = quiet_workspaces(0, 0);
    assert_eq!(alone, 0);
    for noisy_connections in [1, 500] {
        assert_eq!(
            quiet_workspaces(backlog, noisy_connections),
            alone,
            "{noisy_connections} connections hang"
        );
    }
}

#[test]
fn a_rate_limit_is_enforced_and_not_only_stored() {
    use compiler::gate::{GateKey, Tally};
    let mut world = World::new(Bench::new(512, 64), |_| (5, Outcome::Delivered));
    let tally = Tally { key: GateKey::new(&["k"]), allow: 10, every: Duration::from_secs(1) };
    for _ in 0..500 {
        world.bench.owe("a", "1", Policy { rate: Some(tally), ..policy() });
        world.take();
    }
    world.pass(20_000);
    assert!((200..=210).contains(&world.bench.started.len()), "{} in 20 s", world.bench.started.len());
    let times: Vec<Millis> = world.bench.started.iter().map(|started| started.at).collect();
    assert!(times.windows(11).all(|eleven| eleven[10] - eleven[0] >= 1_000));
}

#[test]
fn an_outage_coalesces_retries_and_the_way_back_is_slow_first() {
    let mut world = World::new(Bench::new(512, 64), |_| (10, Outcome::Unreachable));
    let patient = Policy { attempts: 8, expires: Duration::from_secs(86_400), ..policy() };
    for _ in 0..5_000 {
        world.bench.owe("a", "down", patient.clone());
        world.take();
    }
    world.pass(3 * 3_600_000);
    let during = world.bench.started.len();
    assert!(during < 100, "{during} attempts of 5000 deliveries in three hours");
    let connection = (WorkspaceId::from_text("a"), ConnectionId::from_text("down"));
    let view = |world: &World| world.bench.engine.connection(&connection.0, &connection.1);
    assert_ne!(view(&world).unwrap().breaker, breaker::BreakerView::Closed, "and it can be seen");
    world.receiver = |_| (10, Outcome::Delivered);
    let mut allowed = Vec::new();
    while let Some(view) = view(&world) {
        if allowed.last() != Some(&view.in_flight_max) {
            allowed.push(view.in_flight_max);
        }
        world.pass(10);
    }
    let way = [0, 1, 2, 4].map(|step| allowed.iter().position(|allowed| *allowed == step));
    assert!(
        way.iter().all(Option::is_some) && way.is_sorted(),
        "one probe, then two, then four: {allowed:?}"
    );
    let delivered = world.bench.moved.iter().filter(|(.., state)| *state == State::Delivered).count();
    assert_eq!(delivered, 5_000, "no delivery has used up its attempts");
}

#[test]
fn a_slow_receiver_pays_for_the_slots_it_holds() {
    let receiver: Receiver = |name| (if name.contains("slow") { 1_000 } else { 100 }, Outcome::Delivered);
    let mut world = World::new(Bench::new(12, 64), receiver);
    for _ in 0..4_000 {
        for workspace in ["slow", "one", "two"] {
            world.owe(workspace, "1");
        }
    }
    world.pass(120_000);
    let starts = |name: &str| {
        let of = |started: &&Started| world.bench.name(started.id).starts_with(name);
        world.bench.started.iter().filter(of).count()
    };
    let (slow, one, two) = (starts("slow"), starts("one"), starts("two"));
    // By turns alone, each would start as often, and the slow one would hold ten of twelve slots.
    assert!(one > 6 * slow && two > 6 * slow, "{slow} slow ones, {one} and {two} of the others");
    assert!(slow > 200, "and it still gets its third: {slow}");
}
