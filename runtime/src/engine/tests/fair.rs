//! Turns between workspaces, connections and priorities; caps; breakers.

use super::*;

#[test]
fn a_connection_that_hangs_delays_nobody_else() {
    let mut bench = Bench::new(64, 16);
    for _ in 0..1_000 {
        bench.owe("a", "hangs", policy());
    }
    assert_eq!(bench.engine.in_flight(), pace::START);
    for turn in 0..200 {
        bench.owe("a", "works", policy());
        let Started { at, id, key, .. } = *bench.started.last().unwrap();
        assert_eq!(bench.name(id), "a_works", "turn {turn}");
        assert_eq!(at, bench.now);
        bench.finish(key, Outcome::Delivered);
        bench.pass(10);
    }
    assert_eq!(bench.engine.in_flight(), pace::START);
}

#[test]
fn a_workspace_that_hangs_everywhere_leaves_room_for_a_quiet_one() {
    let mut bench = Bench::new(100, 16);
    for connection in 0..50 {
        for _ in 0..50 {
            bench.owe("noisy", &format!("hangs_{connection}"), policy());
        }
    }
    let taken = bench.engine.in_flight();
    assert_eq!(taken, 95, "alone, it may use all but the reserve");
    bench.owe("quiet", "works", policy());
    let Started { id, key, .. } = *bench.started.last().unwrap();
    assert_eq!(bench.name(id), "quiet_works");
    bench.finish(key, Outcome::Delivered);
    // Once others wait, what the noisy one gives back goes to them until it is down to half.
    for turn in 0..200 {
        bench.owe("quiet", &format!("slow_{}", turn % 10), policy());
    }
    let is_noisy = |bench: &Bench, started: &Started| bench.name(started.id).starts_with("noisy");
    let noisy: Vec<Key> =
        bench.started.iter().filter(|started| is_noisy(&bench, started)).map(|started| started.key).collect();
    let before = bench.started.len();
    for key in noisy.iter().take(45) {
        bench.finish(*key, Outcome::Delivered);
    }
    let next = bench.started[before..].iter().filter(|started| !is_noisy(&bench, started)).count();
    assert!(next >= 35, "ten connections of four each, but one has one already: {next}");
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
        bench.finish(bench.started[turn].key, Outcome::Delivered);
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for started in &bench.started[1..121] {
        *counts.entry(bench.name(started.id).to_owned()).or_default() += 1;
    }
    let close = |name: &str, to: usize| {
        let count = counts[name];
        assert!(count.abs_diff(to) <= 5, "{name}: {count}, wanted about {to} ({counts:?})");
    };
    close("b_1", 60);
    close("a_1", 30);
    close("a_2", 30);
}

#[test]
fn priorities_share_by_weight_and_none_starves() {
    let mut bench = Bench::new(1, 1);
    bench.owe("z", "blocker", policy());
    let mut within = HashMap::new();
    for weight in [1_u8, 4, 16] {
        for _ in 0..200 {
            bench.owe("a", &format!("w{weight}"), Policy { weight, ..policy() });
            within.insert(bench.owe("b", "same", Policy { weight, ..policy() }), weight);
        }
    }
    let (mut between, mut inside): (BTreeMap<String, i32>, BTreeMap<u8, i32>) = Default::default();
    for turn in 0..421 {
        let Started { id, key, .. } = bench.started[turn];
        match within.get(&id) {
            Some(weight) => *inside.entry(*weight).or_default() += 1,
            None => *between.entry(bench.name(id).to_owned()).or_default() += 1,
        }
        bench.finish(key, Outcome::Delivered);
    }
    // 210 each, ten times 1 + 4 + 16.
    for (weight, wanted) in [(1, 10), (4, 40), (16, 160)] {
        let counts = (inside[&weight], between[&format!("a_w{weight}")]);
        assert!((counts.0 - wanted).abs() <= 4, "within a connection, {weight}: {}", counts.0);
        assert!((counts.1 - wanted).abs() <= 16, "between connections, {weight}: {}", counts.1);
    }
}

#[test]
fn the_receivers_wish_to_wait_holds_for_the_whole_connection() {
    let mut bench = Bench::new(512, 1);
    bench.owe("a", "limited", policy());
    bench.owe("a", "limited", policy());
    bench.finish_with(bench.started[0].key, Outcome::RateLimited, Some(45_000));
    assert_eq!(bench.started.len(), 1, "the second one waits, too");
    bench.pass(44_900);
    assert_eq!(bench.started.len(), 1);
    bench.pass(200);
    assert_eq!(bench.started.len(), 2);
    assert_eq!(bench.started[1].at, START + 45_000);
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
        while let Some(Started { key, .. }) = bench.started.get(answered).copied() {
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
