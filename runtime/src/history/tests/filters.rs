//! Every filter, wherever the rows are.

use super::*;

fn at(second: i64) -> Option<Timestamp> {
    Some(Timestamp::from_second(second).unwrap())
}

fn condition(pattern: Option<&str>, text: Option<&str>) -> Option<Arc<Condition>> {
    let world = compiler::world::World::offline(None);
    Some(Arc::new(Condition::compile(pattern, text, &world).unwrap()))
}

/// Filters of events, and the numbers of those among forty that they let through.
fn event_filters() -> Vec<(EventFilter, Vec<u32>)> {
    let any = EventFilter::default;
    vec![
        (EventFilter { id: Some(EventId::from_text("evt_7")), ..any() }, vec![7]),
        (
            EventFilter { kind: Some("number.even".into()), ..any() },
            (0..40).rev().filter(|n| n % 2 == 0).collect(),
        ),
        (EventFilter { kind: Some("number.none".into()), ..any() }, vec![]),
        (
            EventFilter { resource_id: Some("cust_3".into()), ..any() },
            (0..40).rev().filter(|n| n % 5 == 3).collect(),
        ),
        (EventFilter { resource: Some("x".into()), ..any() }, vec![]),
        (EventFilter { time: TimeRange { after: at(10), before: at(13) }, ..any() }, vec![12, 11, 10]),
        (EventFilter { condition: condition(None, Some("payload.number > 37")), ..any() }, vec![39, 38]),
        (
            EventFilter { condition: condition(Some("*.odd"), Some("payload.number < 4")), ..any() },
            vec![3, 1],
        ),
    ]
}

/// The same of deliveries, of which numbers 4 to 6 have ended.
fn delivery_filters() -> Vec<(DeliveryFilter, Vec<String>)> {
    let any = DeliveryFilter::default;
    let ids = |numbers: &mut dyn Iterator<Item = u32>| -> Vec<String> {
        numbers.map(|number| format!("dlv_{number}_0")).collect()
    };
    vec![
        (DeliveryFilter { event: Some(EventId::from_text("evt_9")), ..any() }, ids(&mut [9].into_iter())),
        (
            DeliveryFilter { connection: Some(ConnectionId::from_text("con_3")), ..any() },
            ids(&mut (0..40).rev().filter(|n| n % 3 == 0)),
        ),
        (DeliveryFilter { rule: Some("rule 1".into()), ..any() }, vec![]),
        (DeliveryFilter { state: Some(StateKind::Delivered), ..any() }, ids(&mut [5, 4].into_iter())),
        (DeliveryFilter { state: Some(StateKind::DeadLetter), ..any() }, ids(&mut [6].into_iter())),
        (DeliveryFilter { outcome: Some(Outcome::TimedOut), ..any() }, ids(&mut [6].into_iter())),
        (
            DeliveryFilter {
                kind: Some("number.odd".into()),
                time: TimeRange { after: at(30), before: None },
                ..any()
            },
            ids(&mut (30..40).rev().filter(|n| n % 2 == 1)),
        ),
        (
            DeliveryFilter { condition: condition(None, Some("payload.number is 8")), ..any() },
            ids(&mut [8].into_iter()),
        ),
    ]
}

#[tokio::test]
async fn every_filter_finds_the_same_in_memory_in_runs_and_after_a_restart() {
    let mut bench = Bench::open(FakeDisk::default(), WIDE);
    for number in 0..40 {
        bench.accept("a", number, 1);
    }
    let (rows, deliveries) = (event_filters(), delivery_filters());
    bench.write(finished("dlv_4_0", 1, Outcome::Delivered, State::Delivered));
    bench.write(finished("dlv_5_0", 2, Outcome::Delivered, State::Delivered));
    let dead = State::DeadLetter { reason: DeadReason::AttemptsExhausted };
    bench.write(finished("dlv_6_0", 1, Outcome::TimedOut, dead));
    let check = async |bench: &Bench, when: &str| {
        for (filter, expected) in &rows {
            assert_eq!(bench.numbers("a", filter).await, *expected, "{when}: {filter:?}");
        }
        for (filter, expected) in &deliveries {
            assert_eq!(bench.deliveries("a", filter).await, *expected, "{when}: {filter:?}");
        }
    };
    check(&bench, "as written").await;
    bench.roll();
    check(&bench, "in runs").await;
    let runs = |disk: &FakeDisk| disk.names().iter().filter(|name| name.ends_with(".history")).count();
    assert!(runs(&bench.disk) > 3, "{:?}", bench.disk.names());
    let after = Bench::open(bench.disk.copy(), WIDE);
    check(&after, "after a restart").await;
    let cut = bench.disk.after_power_cut(0);
    let after = Bench::open(cut, WIDE);
    check(&after, "made again").await;
    assert_eq!(after.history.counts().0, bench.history.counts().0);
    assert_eq!(after.history.lag(), (0, 0));
}
