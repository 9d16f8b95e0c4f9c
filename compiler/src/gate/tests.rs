//! Gates told the time, row by row.

use std::sync::Arc;
use std::time::Duration;

use grammar::Span;

use super::*;
use crate::hir::{OpenHours, Outside, Schedule, Settings};
use crate::route::{Dedupe, DeliverySettings, InputError, Limit, LimitKey};

const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn key(name: &str) -> GateKey {
    GateKey::new(&[name])
}

#[test]
fn a_throttle_lets_no_more_through_in_any_window() {
    let mut gate = ThrottleGate::new(10);
    for (seconds, name, passes) in [
        (0, "a", true),
        (1, "a", true),
        (2, "a", false),
        (2, "b", true),
        (59, "a", false),
        // The first is out of the window now, the second is not.
        (60, "a", true),
        (60, "a", false),
        (61, "a", true),
        (62, "a", false),
        // A clock that goes back opens nothing.
        (0, "a", false),
        (120, "a", true),
    ] {
        assert_eq!(gate.pass(key(name), 2, MINUTE, at(seconds)), passes, "{seconds} {name}");
    }
}

/// Many sends, more than are kept apart: against a list of all of them.
#[test]
fn a_crowded_window_lets_through_a_little_less_and_never_more() {
    let (allow, every) = (500, 10_000);
    let mut recent = Recent::default();
    let mut sent: Vec<i64> = Vec::new();
    for step in 0..60_000_i64 {
        let now = step * 7;
        if recent.next(allow, every, now) <= now {
            recent.push(every, now);
            sent.push(now);
        }
    }
    let most = sent
        .iter()
        .enumerate()
        .map(|(first, start)| sent[first..].iter().take_while(|time| **time < start + every).count());
    assert!(most.max().unwrap() <= 500);
    let span = 60_000 * 7 / every;
    let ideal = usize::try_from(span).unwrap() * 500;
    assert!(sent.len() > ideal * 93 / 100, "{} of {ideal}", sent.len());
}

#[test]
fn few_sends_are_counted_exactly() {
    let mut recent = Recent::default();
    let mut sent: Vec<i64> = Vec::new();
    for step in 0..5_000_i64 {
        let now = step * 13 % 7 + step * 13;
        let lately = sent.iter().filter(|time| **time + 1_000 > now).count();
        let open = recent.next(20, 1_000, now) <= now;
        assert_eq!(open, lately < 20, "{now}");
        if open && step % 3 != 0 {
            recent.push(1_000, now);
            sent.push(now);
        }
    }
}

#[test]
fn a_rate_limit_says_when() {
    let mut gate = RateGate::new(10);
    let start = |gate: &RateGate, seconds| gate.start_at(key("k"), 2, MINUTE, at(seconds));
    assert_eq!(start(&gate, 0), at(0));
    gate.started(key("k"), MINUTE, at(0));
    assert_eq!(start(&gate, 10), at(10));
    gate.started(key("k"), MINUTE, at(10));
    assert_eq!(start(&gate, 11), at(60));
    assert_eq!(start(&gate, 59), at(60));
    gate.started(key("k"), MINUTE, at(60));
    assert_eq!(start(&gate, 60), at(70));
    assert_eq!(gate.start_at(key("other"), 2, MINUTE, at(60)), at(60));
    let odd = Timestamp::from_nanosecond(1_900_000_000_000_000_123).unwrap();
    assert_eq!(gate.start_at(key("k"), 2, MINUTE, odd), odd);
}

#[test]
fn the_first_one_wins_for_a_while() {
    let mut gate = DedupeGate::new(10);
    for (seconds, name, new) in [
        (0, "a", true),
        (30, "a", false),
        (30, "b", true),
        (59, "a", false),
        (60, "a", true),
        (61, "a", false),
    ] {
        assert_eq!(gate.remember(key(name), MINUTE, at(seconds)), new, "{seconds} {name}");
    }
}

#[test]
fn full_gates_forget_what_would_be_forgotten_first() {
    let mut gate = DedupeGate::new(3);
    for (name, minutes) in [("long", 10), ("short", 1), ("middle", 5), ("more", 7)] {
        assert!(gate.remember(key(name), MINUTE * minutes, at(0)));
    }
    assert_eq!((gate.keys(), gate.forgotten()), (3, 1));
    assert!(!gate.is_known(key("short"), at(1)));
    for name in ["long", "middle", "more"] {
        assert!(gate.is_known(key(name), at(1)), "{name}");
    }
    // What is over makes room by itself.
    assert!(gate.remember(key("late"), MINUTE, at(5 * 60)));
    assert_eq!((gate.keys(), gate.forgotten()), (3, 1));
}

#[test]
fn keys_are_kept_apart() {
    assert_ne!(GateKey::new(&["ab", "c"]), GateKey::new(&["a", "bc"]));
    assert_ne!(GateKey::new(&["a"]), GateKey::new(&["a", ""]));
    let limit = |key| Limit { allow: 1, every: MINUTE, key };
    let one = delivery("r/out.send/0", |_| {});
    let keys = [LimitKey::All, LimitKey::Missing, LimitKey::Of("".into()), LimitKey::Of("a".into())];
    let distinct: std::collections::HashSet<_> =
        keys.iter().map(|key| GateKey::throttle(&one, &limit(key.clone()))).collect();
    assert_eq!(distinct.len(), keys.len());
    let element = delivery("r/out.send/0/7", |_| {});
    let label = delivery("r/out.send/late", |_| {});
    let other = delivery("s/out.send/0", |_| {});
    let throttle = |delivery| GateKey::throttle(delivery, &limit(LimitKey::All));
    let rate = |delivery| GateKey::rate(delivery, &limit(LimitKey::All));
    assert_eq!(throttle(&one), throttle(&element));
    assert_ne!(throttle(&one), throttle(&label));
    assert_ne!(throttle(&one), throttle(&other));
    assert_eq!(rate(&one), rate(&other));
    assert_ne!(rate(&one), GateKey::rate(&one, &Limit { allow: 2, ..limit(LimitKey::All) }));
}

#[test]
fn what_still_counts_can_be_taken_out_and_put_in_again() {
    let mut gates = Gates::new(100);
    gates.dedupe.remember(key("old"), MINUTE, at(0));
    gates.dedupe.remember(key("new"), MINUTE, at(50));
    gates.throttle.pass(key("t"), 1, MINUTE, at(50));
    gates.rate.started(key("r"), MINUTE, at(50));
    let kept = kept(&gates, at(70));
    assert_eq!(kept.len(), 3, "{kept:?}");
    let mut restored = Gates::new(100);
    kept.iter().for_each(|one| restored.keep(one.clone()));
    assert!(!restored.dedupe.is_known(key("old"), at(0)));
    assert!(restored.dedupe.is_known(key("new"), at(70)));
    assert!(!restored.throttle.is_open(key("t"), 1, MINUTE, at(70)));
    assert_eq!(restored.rate.start_at(key("r"), 1, MINUTE, at(70)), at(110));
    assert_eq!(self::kept(&restored, at(70)), kept);
    // Exactly what is over at a time is left out at it.
    assert_eq!([109, 110].map(|second| self::kept(&gates, at(second)).len()), [3, 0]);
}

#[test]
fn a_clock_that_has_gone_back_holds_nothing_up_for_as_long() {
    let hour = 3_600;
    let mut gates = Gates::new(100);
    let gated = Gated { dedupe: Some(Once { key: key("d"), within: MINUTE }), throttle: None };
    assert_eq!(gates.pass(&gated, at(hour)), None);
    for second in [hour - 30, hour - 20] {
        gates.rate.started(key("r"), MINUTE, at(second));
        gates.throttle.count(key("t"), MINUTE, at(second));
    }
    // A server that starts then knows only that they were sent before it.
    gates.not_after(at(5));
    assert_eq!(gates.rate.start_at(key("r"), 2, MINUTE, at(5)), at(65));
    assert_eq!(gates.rate.start_at(key("r"), 3, MINUTE, at(5)), at(5));
    let open = [64, 65].map(|second| gates.throttle.is_open(key("t"), 2, MINUTE, at(second)));
    assert_eq!(open, [false, true]);
    assert_eq!(kept(&gates, at(65)).len(), 1, "duplicates see to it themselves");
    let stops = [10, 69, 70, 71].map(|second| gates.pass(&gated, at(second)));
    assert_eq!(stops, [Some(Stop::Duplicate), Some(Stop::Duplicate), None, Some(Stop::Duplicate)]);
    // One that was overtaken by another request is no reason to forget earlier.
    assert_eq!(gates.pass(&gated, at(69)), Some(Stop::Duplicate));
    assert_eq!(gates.pass(&gated, at(129)), Some(Stop::Duplicate));
    // What was sent before stays as it is.
    gates.not_after(at(200));
    gates.rate.started(key("r"), MINUTE, at(200));
    gates.not_after(at(210));
    assert_eq!(gates.rate.start_at(key("r"), 1, MINUTE, at(210)), at(260));
}

#[test]
fn sends_are_taken_only_as_they_are_given() {
    let mut recent = Recent::default();
    for step in 0..100 {
        recent.push(1_000_000, step * 7);
    }
    assert_eq!(recent.sends().len(), SENDS_KEPT_MAX);
    assert_eq!(Recent::of(recent.sends().to_vec()), Some(recent.clone()));
    let longer = [recent.sends(), &[(i64::MAX, 1)]].concat();
    for wrong in [longer, vec![(2, 1), (1, 1)], vec![(1, 1), (1, 1)]] {
        assert_eq!(Recent::of(wrong.clone()), None, "{wrong:?}");
    }
}

fn kept(gates: &Gates, now: Timestamp) -> Vec<Kept> {
    gates.entries(now).collect()
}

fn delivery(key: &str, change: impl FnOnce(&mut DeliverySettings)) -> Delivery {
    let defaults = Settings::default();
    let mut settings = DeliverySettings {
        retry: defaults.retry,
        timeout: defaults.timeout,
        expires: defaults.expires,
        rate_limit: None,
        throttle: None,
        dedupe: None,
        order_by: None,
        during: None,
        outside: Outside::Hold,
        delay: Duration::ZERO,
        priority: defaults.priority,
        idempotency_key: None,
    };
    change(&mut settings);
    Delivery {
        rule: key.split('/').next().unwrap().into(),
        connection: "out".into(),
        integration: "webhook".into(),
        action: "send".into(),
        key: key.into(),
        input: Ok("{}".into()),
        skipped_fields: Vec::new(),
        settings,
        span: Span::default(),
    }
}

#[test]
fn what_one_gate_stops_counts_at_no_other() {
    let both = |name: &str| {
        let dedupe = Some(Dedupe { key: name.into(), within: MINUTE * 10 });
        let throttle = Some(Limit { allow: 2, every: MINUTE, key: LimitKey::All });
        delivery("r/out.send/0", |settings| (settings.dedupe, settings.throttle) = (dedupe, throttle))
    };
    let mut gates = Gates::default();
    let sent = |seconds| Admission::Send { not_before: at(seconds) };
    for (seconds, name, admission) in [
        (0, "a", sent(0)),
        (1, "a", Admission::Duplicate),
        (2, "b", sent(2)),
        (3, "c", Admission::Throttled),
        // Throttled, it was no first one.
        (65, "c", sent(65)),
        (66, "c", Admission::Duplicate),
    ] {
        assert_eq!(gates.admit(&both(name), at(seconds)), admission, "{seconds} {name}");
    }
    let mut failed = both("d");
    failed.input = Err(InputError::TooLarge { bytes_max: 1 });
    assert_eq!(gates.admit(&failed, at(66)), sent(66));
    assert_eq!(gates.admit(&both("d"), at(66)), sent(66));
}

#[test]
fn what_came_to_nothing_can_be_taken_back() {
    let dedupe = Some(Once { key: key("d"), within: MINUTE });
    let throttle = Some(Tally { key: key("t"), allow: 2, every: MINUTE });
    let both = Gated { dedupe, throttle };
    let only_throttle = Gated { dedupe: None, throttle };
    let mut gates = Gates::default();
    assert_eq!(gates.pass(&only_throttle, at(0)), None);
    let before = kept(&gates, at(1));
    let memory = gates.memory(&both);
    assert_eq!(gates.pass(&both, at(1)), None);
    assert_eq!(gates.pass(&both, at(2)), Some(Stop::Duplicate));
    assert_eq!(gates.pass(&only_throttle, at(2)), Some(Stop::Throttled));
    gates.put_back(&both, memory);
    assert_eq!(kept(&gates, at(1)), before);
    assert_eq!(gates.pass(&both, at(3)), None, "as if the first had never been");
    // What a journal tells is remembered whatever the gates say.
    let mut again = Gates::default();
    again.recall(&only_throttle, at(0));
    again.recall(&both, at(3));
    assert_eq!(kept(&again, at(3)), kept(&gates, at(3)));
    assert!(!again.is_over(at(4)) && again.is_over(at(63)));
}

#[test]
fn deliveries_wait_for_their_hours_and_their_delay() {
    let schedule = Arc::new(Schedule {
        name: "office".into(),
        zone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap(),
        hours: vec![OpenHours { days: 0b001_1111, from: 9 * 60, to: 18 * 60 }],
        except: Vec::new(),
    });
    for (now, delay_minutes, outside, not_before) in [
        ("2026-03-02T10:00:00Z", 0, Outside::Hold, Some("2026-03-02T10:00:00Z")),
        ("2026-03-02T10:00:00Z", 90, Outside::Hold, Some("2026-03-02T11:30:00Z")),
        ("2026-03-02T16:30:00Z", 90, Outside::Hold, Some("2026-03-03T08:00:00Z")),
        ("2026-03-02T07:30:00Z", 0, Outside::Hold, Some("2026-03-02T08:00:00Z")),
        ("2026-03-02T07:30:00Z", 0, Outside::Skip, None),
        ("2026-03-02T07:30:00Z", 30, Outside::Skip, Some("2026-03-02T08:00:00Z")),
        ("2026-03-02T16:30:00Z", 90, Outside::Skip, None),
    ] {
        let one = delivery("r/out.send/0", |settings| {
            settings.during = Some(Arc::clone(&schedule));
            settings.delay = MINUTE * delay_minutes;
            settings.outside = outside;
        });
        let admission = Gates::default().admit(&one, now.parse().unwrap());
        let expected = not_before
            .map_or(Admission::OutsideHours, |time| Admission::Send { not_before: time.parse().unwrap() });
        assert_eq!(admission, expected, "{now} {delay_minutes}");
    }
}
