//! An engine that is built again from what another one held.

use compiler::gate::{GateKey, Tally};

use super::*;

#[test]
fn a_restored_engine_owes_what_the_old_one_did_in_the_same_order() {
    let mut bench = Bench::new(512, 2);
    let tally = Tally { key: GateKey::new(&["k"]), allow: 1, every: Duration::from_secs(3_600) };
    let mut ids = Vec::new();
    for number in 0..200_u64 {
        let order = (number % 3 == 0).then_some(number % 2);
        let rate = (number % 5 == 0).then_some(tally);
        let connection = format!("{}", number % 7);
        let due = if number % 4 == 0 { START + 600_000 } else { START };
        ids.push(bench.owe_at("a", &connection, Policy { order, rate, ..policy() }, due));
    }
    for started in bench.started.clone().iter().take(5) {
        bench.finish(started.key, Outcome::TimedOut);
    }
    let before = bench.engine.held();
    assert_eq!(before.len(), bench.engine.pending());
    let in_pieces = (0..bench.engine.places()).step_by(9);
    let in_pieces: Vec<(Position, Key)> =
        in_pieces.flat_map(|place| bench.engine.owed_in(1, u32::try_from(place).unwrap(), 9)).collect();
    let positions = |owed: &[Owe]| owed.iter().map(|owe| owe.position).collect::<Vec<_>>();
    assert_eq!(in_pieces.iter().map(|(position, _)| *position).collect::<Vec<_>>(), positions(&before));
    assert_eq!(bench.engine.owed_in(2, 0, usize::MAX).count(), 0, "all of it is in segment 1");
    let under_way = in_pieces.iter().filter(|(_, key)| bench.engine.is_under_way(*key)).count();
    assert_eq!(under_way, bench.engine.in_flight() as usize);

    let caps = Caps { in_flight_max: 512, connection_in_flight_max: 2 };
    let mut engine = Engine::new(caps, bench.now, 1);
    engine.restore_rates(
        bench.engine.limits.gates().map(|(id, gate)| (id.clone(), gate.clone())).collect::<Vec<_>>(),
    );
    let mut backwards = before.clone();
    backwards.reverse();
    let mut effects = Vec::new();
    engine.restore(backwards, &mut effects);
    assert_eq!(effects, []);
    assert_eq!(engine.next_tick(), Some(bench.now), "what is due does not wait for something else");
    let mut after = engine.held();
    let mut sorted = before.clone();
    for owed in [&mut after, &mut sorted] {
        owed.sort_by_key(|owe| owe.id);
    }
    assert_eq!(after, sorted);

    let mut bench = Bench::with(engine, bench.now);
    bench.step(Input::Tick);
    let limited =
        bench.started.iter().filter(|started| ids.iter().position(|id| *id == started.id).unwrap() % 5 == 0);
    assert_eq!(limited.count(), 0, "its hour is not over");
    let mut finished = 0;
    while bench.engine.pending() > 0 {
        while let Some(started) = bench.started.get(finished).copied() {
            bench.finish(started.key, Outcome::Delivered);
            finished += 1;
        }
        bench.pass(600_000);
    }
    for lane in [0, 1] {
        for connection in 0..7 {
            let numbers =
                bench.started.iter().map(|started| ids.iter().position(|id| *id == started.id).unwrap());
            let mine: Vec<usize> =
                numbers.filter(|n| n % 3 == 0 && n % 2 == lane && n % 7 == connection).collect();
            assert!(mine.is_sorted(), "lane {lane} of {connection}: {mine:?}");
        }
    }
}

#[test]
fn nothing_is_owed_twice() {
    let mut bench = Bench::new(512, 1);
    let id = bench.owe("a", "1", policy());
    let again = Owe { id, ..owe(99, "a", "1", &policy(), START) };
    bench.step(Input::Owe(Box::new(again)));
    assert_eq!((bench.engine.pending(), bench.started.len()), (1, 1));
    bench.step(Input::Carried { id, position: Position { segment: 9, offset: 64 }, index: 3 });
    let held = bench.engine.held();
    assert_eq!((held[0].position.segment, held[0].index), (9, 3));
    let key = bench.started[0].key;
    bench.finish(key, Outcome::Delivered);
    bench.finish(key, Outcome::Delivered);
    assert_eq!(
        (bench.engine.pending(), bench.engine.in_flight()),
        (0, 0),
        "an end that comes twice counts once"
    );
}

/// Seen on a real server: a delivery that was cut by a crash waited for the next sweep.
#[test]
fn what_is_due_after_a_restart_starts_at_once() {
    let mut old = Bench::new(8, 2);
    old.owe("a", "hook", policy());
    let owe = old.engine.held().pop().unwrap();
    let caps = Caps { in_flight_max: 8, connection_in_flight_max: 2 };
    let mut engine = Engine::new(caps, START, 1);
    let mut effects = Vec::new();
    engine.restore_one(owe, &mut None, &mut effects);
    assert_eq!((effects.as_slice(), engine.next_tick()), (&[][..], Some(START)));
    engine.step(START, Input::Tick, &mut effects);
    assert!(matches!(effects.as_slice(), [Effect::Start { .. }]), "{effects:?}");
}

#[test]
fn what_a_restart_hands_over_is_found_by_its_id() {
    for count in [0, 1, 2, 5, 300, 3_000_u64] {
        let mut engine = Engine::new(Caps { in_flight_max: 8, connection_in_flight_max: 8 }, START, 1);
        // Many with the same home, and some with the last places as theirs.
        let id = |number: u64| {
            Uuid::from_u64_pair(number, if number.is_multiple_of(3) { u64::MAX } else { number / 5 })
        };
        let all =
            (0..count).map(|number| Owe { id: id(number), ..owe(0, "a", "hook", &policy(), START + 1) });
        engine.restoring(count as usize);
        engine.restore(all.clone(), &mut Vec::new());
        engine.restored();
        for number in 0..count {
            assert!(engine.standing(id(number)).is_some(), "{number} of {count}");
        }
        assert!(engine.standing(id(count)).is_none());
        // Owed once, as before.
        for owe in all {
            engine.step(START, Input::Owe(Box::new(owe)), &mut Vec::new());
        }
        assert_eq!(engine.pending() as u64, count);
        for number in 0..count {
            engine.step(START, Input::Discard(id(number)), &mut Vec::new());
            assert!(engine.standing(id(number)).is_none(), "{number} of {count}");
        }
        assert_eq!(engine.pending(), 0);
    }
}

/// Seen in a simulation: an app's event came into the journal behind one whose id was made later.
#[test]
fn lanes_are_in_the_order_in_which_it_was_owed_first() {
    let ordered = Policy { order: Some(1), ..policy() };
    let place = |segment, offset| Position { segment, offset };
    let owed = |number, copy, origin, index| {
        let origin = Origin { position: origin, index };
        Owe { position: copy, origin, ..owe(number, "a", "hook", &ordered, START) }
    };
    let all = [
        // A copy lies behind what was owed later; two of one record went at different times.
        owed(9, place(7, 64), place(2, 500), 0),
        owed(1, place(3, 900), place(3, 900), 0),
        owed(5, place(6, 64), place(2, 500), 1),
        // Earlier versions did not say; their copies are of what is oldest.
        owed(4, place(5, 64), place(0, 0), 0),
        owed(3, place(6, 300), place(0, 0), 0),
        owed(2, place(3, 100), place(3, 100), 0),
    ];
    let caps = Caps { in_flight_max: 8, connection_in_flight_max: 8 };
    let mut engine = Engine::new(caps, START, 1);
    engine.restore(all.clone(), &mut Vec::new());
    let mut bench = Bench::with(engine, START);
    bench.step(Input::Tick);
    for finished in 0..all.len() {
        let key = bench.started[finished].key;
        bench.finish(key, Outcome::Delivered);
    }
    let started: Vec<Uuid> = bench.started.iter().map(|started| started.id).collect();
    let id = |number| owe(number, "a", "hook", &ordered, START).id;
    assert_eq!(started, [3, 4, 9, 5, 2, 1].map(id));
}
