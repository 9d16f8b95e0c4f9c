//! What `with { … }` promises, setting by setting.

use std::sync::Arc;

use compiler::gate::{GateKey, Tally};

use super::*;
use crate::engine::view::Standing;
use crate::id::DeliveryId;
use crate::model::Hours;

fn limited(key: &str, allow: u32, every: Duration) -> Policy {
    let key = GateKey::new(&[key]);
    Policy { rate: Some(Tally { key, allow, every }), ..policy() }
}

/// Finishes everything that is under way, after so long, until nothing is left.
fn deliver_all(bench: &mut Bench, took: Millis) {
    let mut finished = 0;
    while finished < bench.started.len() || bench.engine.pending() > 0 {
        bench.pass(took);
        while let Some(started) = bench.started.get(finished).copied() {
            bench.finish(started.key, Outcome::Delivered);
            finished += 1;
        }
        assert!(bench.now < START + 30 * 86_400_000, "it never ends");
    }
}

fn most_in(times: &[Millis], window: Millis) -> usize {
    let from = times.iter().enumerate();
    from.map(|(at, from)| times[at..].iter().take_while(|time| **time < from + window).count())
        .max()
        .unwrap_or(0)
}

#[test]
fn a_rate_limit_slows_down_and_never_drops() {
    let mut bench = Bench::new(512, 64);
    let second = Duration::from_secs(1);
    let ids: Vec<Uuid> = (0..300).map(|_| bench.owe("a", "1", limited("k", 20, second))).collect();
    deliver_all(&mut bench, 30);
    let times: Vec<Millis> = bench.started.iter().map(|started| started.at).collect();
    assert_eq!(most_in(&times, 1_000), 20);
    let order: Vec<Uuid> = bench.started.iter().map(|started| started.id).collect();
    assert_eq!(order, ids, "first in, first out");
    let took = bench.now - START;
    assert!((14_000..=16_500).contains(&took), "{took} ms for 300 at 20 a second");
}

#[test]
fn a_fast_limit_is_used_up_and_keys_and_others_do_not_wait_for_each_other() {
    let mut bench = Bench::new(512, 64);
    let tick = Duration::from_millis(50);
    for _ in 0..100 {
        bench.owe("a", "1", limited("k", 1, tick));
        bench.owe("a", "1", limited("other", 1, tick));
        bench.owe("b", "1", limited("k", 1, tick));
    }
    for _ in 0..50 {
        bench.owe("a", "1", policy());
    }
    deliver_all(&mut bench, 10);
    let took = bench.now - START;
    assert!((4_900..=5_600).contains(&took), "{took} ms for 100 at 20 a second, three times side by side");
    let free = bench.started.iter().filter(|started| started.at < START + 500).count();
    assert!(free >= 50, "what has no limit does not wait: {free}");
}

#[test]
fn attempts_count_for_the_limit_retries_too() {
    let mut bench = Bench::new(512, 64);
    let minute = Duration::from_secs(60);
    for _ in 0..3 {
        bench.owe("a", "1", limited("k", 2, minute));
    }
    assert_eq!(bench.started.len(), 2);
    for key in bench.keys() {
        bench.finish(key, Outcome::DestinationError);
    }
    bench.pass(59_000);
    assert_eq!(bench.started.len(), 2, "two in a minute, whatever came of them");
    let third = Uuid::from_u64_pair(2, 2_u64.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    assert!(matches!(bench.engine.standing(third), Some(Standing::RateLimit { .. })));
    bench.pass(2_000);
    assert_eq!(bench.started.len(), 4);
}

/// A month of timers for deliveries that are long gone would be a list that anybody can make grow.
#[test]
fn who_is_discarded_before_its_time_takes_its_timer_along() {
    let mut bench = Bench::new(512, 1);
    let month = 30 * 86_400_000;
    let ids: Vec<Uuid> = (0..1_000).map(|_| bench.owe_at("a", "1", policy(), START + month)).collect();
    let kept = bench.owe_at("a", "1", policy(), START + 1_000);
    assert_eq!(bench.engine.wheel.len(), 1_001);
    for id in ids {
        bench.step(Input::Discard(id));
    }
    assert_eq!((bench.engine.wheel.len(), bench.engine.pending()), (1, 1));
    bench.pass(1_000);
    assert_eq!(bench.started.iter().map(|started| started.id).collect::<Vec<_>>(), [kept]);
}

#[test]
fn deliveries_under_a_limit_can_be_discarded_and_expire() {
    let mut bench = Bench::new(512, 64);
    let day = Duration::from_secs(86_400);
    let ids: Vec<Uuid> = (0..4).map(|_| bench.owe("a", "1", limited("k", 1, day))).collect();
    bench.finish(bench.started[0].key, Outcome::Delivered);
    bench.step(Input::Discard(ids[2]));
    assert_eq!(bench.states(ids[2]), [dead(DeadReason::Discarded)]);
    bench.pass(3_600_000 + 61_000);
    for id in [ids[1], ids[3]] {
        assert_eq!(bench.states(id), [dead(DeadReason::Expired)], "within a minute of its hour");
    }
    assert_eq!(bench.engine.pending(), 0);
    // The limit is still known when the next one comes.
    let late = bench.owe("a", "1", limited("k", 1, day));
    assert!(matches!(bench.engine.standing(late), Some(Standing::RateLimit { .. })));
}

fn ordered(order: u64) -> Policy {
    Policy { order: Some(order), ..policy() }
}

#[test]
fn what_is_ordered_waits_while_an_earlier_one_is_tried_again() {
    let mut bench = Bench::new(512, 64);
    let first = bench.owe("a", "1", ordered(7));
    let second = bench.owe("a", "1", ordered(7));
    let third = bench.owe("a", "1", ordered(7));
    let elsewhere = bench.owe("a", "2", ordered(7));
    let other = bench.owe("a", "1", ordered(8));
    let free = bench.owe("a", "1", policy());
    let started: Vec<Uuid> = bench.started.iter().map(|started| started.id).collect();
    assert_eq!(
        started,
        [first, elsewhere, other, free],
        "one in a lane; lanes and connections for themselves"
    );
    assert_eq!(
        bench.engine.standing(second),
        Some(Standing::Order { ahead: DeliveryId::from_uuid(first) }),
        "and it can be seen what it waits for"
    );
    for at in [1, 2, 3] {
        bench.finish(bench.started[at].key, Outcome::Delivered);
    }
    bench.finish(bench.started[0].key, Outcome::DestinationError);
    bench.pass(5_000);
    assert_eq!(bench.started.len(), 4, "the first is tried again before the second is tried");
    bench.pass(20_000);
    assert_eq!(bench.started[4].id, first);
    bench.finish(bench.started[4].key, Outcome::Delivered);
    assert_eq!(bench.started[5].id, second);
    bench.step(Input::Discard(third));
    bench.finish(bench.started[5].key, Outcome::Delivered);
    assert_eq!(bench.started.len(), 6);
}

#[test]
fn a_stuck_head_blocks_its_lane_until_its_own_policy_gives_it_up() {
    for (attempts, expires, reason) in
        [(2, 3_600, DeadReason::AttemptsExhausted), (50, 120, DeadReason::Expired)]
    {
        let mut bench = Bench::new(512, 64);
        let expires = Duration::from_secs(expires);
        let head = bench.owe("a", "1", Policy { attempts, expires, ..ordered(1) });
        let next = bench.owe("a", "1", ordered(1));
        let mut finished = 0;
        while bench.states(head).last().is_none_or(|state| matches!(state, State::Again { .. })) {
            for started in bench.started.split_off(finished) {
                assert_eq!(started.id, head);
                bench.finish(started.key, Outcome::TimedOut);
                finished = bench.started.len();
            }
            if bench.engine.pending() == 2 {
                bench.pass(1_000);
            }
        }
        assert_eq!(bench.states(head).last(), Some(&dead(reason)));
        assert_eq!(bench.started.last().map(|started| started.id), Some(next), "the lane goes on");
    }
}

#[test]
fn a_lane_goes_on_when_the_receiver_is_away_and_its_head_expires() {
    let mut bench = Bench::new(512, 1);
    let minute = Duration::from_secs(60);
    let head = bench.owe("a", "1", Policy { expires: minute, ..ordered(1) });
    let next = bench.owe("a", "1", ordered(1));
    // The receiver asks for an hour: nobody is asked again before, and the head's time runs out meanwhile.
    bench.finish_with(bench.started[0].key, Outcome::RateLimited, Some(50_000));
    bench.pass(49_000);
    assert!(matches!(bench.engine.standing(next), Some(Standing::Order { .. })));
    bench.pass(2_000);
    bench.finish_with(bench.started[1].key, Outcome::RateLimited, Some(3_500_000));
    assert_eq!(bench.states(head).last(), Some(&dead(DeadReason::Expired)));
    assert!(matches!(bench.engine.standing(next), Some(Standing::Connection { .. })));
}

#[test]
fn a_delayed_one_keeps_its_place_in_its_lane() {
    let mut bench = Bench::new(512, 64);
    let slow = bench.owe_at("a", "1", ordered(1), START + 60_000);
    let fast = bench.owe("a", "1", ordered(1));
    bench.pass(59_000);
    assert!(bench.started.is_empty());
    bench.pass(2_000);
    bench.finish(bench.started[0].key, Outcome::Delivered);
    let order: Vec<Uuid> = bench.started.iter().map(|started| started.id).collect();
    assert_eq!(order, [slow, fast]);
}

#[test]
fn expiry_counts_from_when_it_was_due_and_is_noticed_wherever_it_waits() {
    let mut bench = Bench::new(512, 1);
    let short = Policy { expires: Duration::from_secs(30), ..policy() };
    bench.owe("a", "1", policy());
    let behind = bench.owe("a", "1", short.clone());
    let delayed = bench.owe_at("a", "2", short, START + 86_400_000);
    bench.pass(29_000);
    assert!(bench.states(behind).is_empty());
    bench.pass(62_000);
    assert_eq!(bench.states(behind), [dead(DeadReason::Expired)], "its connection is still busy");
    bench.pass(86_400_000);
    assert_eq!(bench.started.last().map(|started| started.id), Some(delayed), "a day later it is sent");
}

/// 2001-09-09, a Sunday, 01:46:40 in UTC.
fn from_nine_to_five() -> Arc<Hours> {
    Arc::new(Hours { zone: "UTC".into(), open: vec![(0b001_1111, 540, 1_020)], except: vec![] })
}

#[test]
fn nothing_starts_outside_its_hours_not_even_a_retry() {
    let mut bench = Bench::new(512, 1);
    let office =
        Policy { hours: Some(from_nine_to_five()), first_wait: Duration::from_secs(600), ..policy() };
    let patient = Policy { expires: Duration::from_secs(5 * 86_400), ..office };
    let monday: Timestamp = "2001-09-10T09:00:00Z".parse().unwrap();
    let opens = monday.as_millisecond();
    // It was in its hours when it was taken, and could not go in them.
    let late = bench.owe("a", "1", patient.clone());
    assert_eq!(bench.engine.standing(late), Some(Standing::Time { until: monday }));
    bench.pass(opens - START - 1);
    assert!(bench.started.is_empty());
    bench.pass(1);
    assert_eq!(bench.started.len(), 1);
    bench.pass(8 * 3_600_000 - 60_000);
    bench.finish(bench.started[0].key, Outcome::DestinationError);
    let tuesday = timestamp(opens + 86_400_000);
    assert_eq!(bench.states(late), [State::Again { at: tuesday }], "ten minutes later they are over");
    bench.pass(86_400_000);
    bench.finish(bench.started[1].key, Outcome::Delivered);
    assert_eq!(bench.started[1].at, tuesday.as_millisecond());
    // Hours that never come again.
    let never = Arc::new(Hours { zone: "UTC".into(), open: vec![], except: vec![] });
    let id = bench.owe("a", "1", Policy { hours: Some(never), ..policy() });
    assert_eq!(bench.states(id), [State::Skipped { reason: SkipReason::OutsideHours }]);
}
