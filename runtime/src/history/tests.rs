//! Lists, pages, limits and drops of a history.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::id::ConnectionId;
use crate::model::{DeadReason, EventRecord, Outcome, Policy, Timings};
use crate::node::accept::Identity;

const WIDE: HistoryLimits = HistoryLimits { workspace_events_max: 1_000, node_events_max: 1_000 };

fn owed(workspace: &str, number: u32, deliveries: u32) -> Owed {
    let workspace = WorkspaceId::from_text(workspace);
    let event = EventId::from_text(&format!("evt_{number}"));
    let delivery = |index| DeliveryRecord {
        id: DeliveryId::from_text(&format!("dlv_{number}_{index}")),
        workspace: workspace.clone(),
        event: event.clone(),
        rule: format!("rule {index}").into(),
        key: "key".into(),
        connection: ConnectionId::from_text("con_1"),
        connection_name: "hook".into(),
        action: "send_webhook".into(),
        input: Ok("{}".into()),
        policy: Policy {
            attempts: 1,
            first_wait: Duration::ZERO,
            longest_wait: Duration::ZERO,
            growth_thousandths: 1000,
            jitter_thousandths: 0,
            timeout: Duration::ZERO,
            expires: Duration::ZERO,
            weight: 1,
            idempotency_key: None,
            ..Policy::default()
        },
        created_at: Timestamp::UNIX_EPOCH,
        due_at: Timestamp::UNIX_EPOCH,
        replay_of: None,
        gated: Default::default(),
        skipped: None,
    };
    let deliveries = (0..deliveries).map(delivery).collect();
    let event = EventRecord {
        id: event,
        workspace: workspace.clone(),
        kind: if number.is_multiple_of(2) { "even" } else { "odd" }.into(),
        resource: None,
        resource_id: None,
        time: Timestamp::UNIX_EPOCH,
        received_at: Timestamp::UNIX_EPOCH,
        revision: None,
        rules: vec![],
        payload: vec![1, 2, 3].into(),
        attributes: None,
    };
    Owed { event, deliveries, identity: Identity::default() }
}

/// Ten records a segment.
fn position(number: u32) -> Position {
    Position { segment: 1 + number / 10, offset: 100 + number % 10 * 50 }
}

fn accept(history: &mut History, workspace: &str, number: u32, deliveries: u32) {
    history.apply(&Record::Accepted(Box::new(owed(workspace, number, deliveries))), position(number));
}

fn cursor(before: Option<u64>, limit: usize) -> Cursor {
    Cursor { before, limit }
}

fn ids(page: &Page<EventView>) -> Vec<&str> {
    page.items.iter().map(|event| event.id.as_str()).collect()
}

#[test]
fn pages_are_newest_first_and_stay_right_while_events_come_and_go() {
    let mut history = History::new(WIDE);
    for number in 0..10 {
        accept(&mut history, "a", number, 1);
        accept(&mut history, "b", 100 + number, 1);
    }
    let workspace = WorkspaceId::from_text("a");
    let all = EventFilter::default();
    let first = history.events(&workspace, &all, &cursor(None, 4));
    assert_eq!(ids(&first), ["evt_9", "evt_8", "evt_7", "evt_6"]);
    accept(&mut history, "a", 10, 1);
    let second = history.events(&workspace, &all, &cursor(first.next, 4));
    assert_eq!(ids(&second), ["evt_5", "evt_4", "evt_3", "evt_2"]);
    let last = history.events(&workspace, &all, &cursor(second.next, 4));
    assert_eq!((ids(&last), last.next), (vec!["evt_1", "evt_0"], None));
    let even = EventFilter { kind: Some("even".into()), ..EventFilter::default() };
    assert_eq!(ids(&history.events(&workspace, &even, &cursor(None, 3))), ["evt_10", "evt_8", "evt_6"]);
    assert!(history.event(&workspace, &EventId::from_text("evt_101")).is_none(), "another workspace's");
    assert_eq!(history.counts(), (21, 21, 0));
}

#[test]
fn a_deliverys_states_attempts_and_replays_are_listed() {
    let mut history = History::new(WIDE);
    accept(&mut history, "a", 0, 2);
    let workspace = WorkspaceId::from_text("a");
    let delivery = DeliveryId::from_text("dlv_0_0");
    let at = Timestamp::UNIX_EPOCH;
    let started = Record::Started {
        workspace: workspace.clone(),
        delivery: delivery.clone(),
        attempt: 1,
        at,
        rate: None,
    };
    history.apply(&started, position(1));
    assert_eq!(history.delivery(&workspace, &delivery).unwrap().0.state, State::InFlight { attempt: 1 });
    let attempt = AttemptRecord {
        delivery: delivery.clone(),
        number: 1,
        started_at: at,
        took_micros: 5_000_000,
        outcome: Outcome::TimedOut,
        status: None,
        address: None,
        response: None,
        error: None,
        timings: Timings::default(),
    };
    let state = State::DeadLetter { reason: DeadReason::AttemptsExhausted };
    history.apply(
        &Record::Finished { workspace: workspace.clone(), attempt, state: state.clone() },
        position(2),
    );
    let (view, source) = history.delivery(&workspace, &delivery).unwrap();
    assert_eq!((&view.state, view.attempts, source.attempts), (&state, 1, vec![position(2)]));
    assert_eq!(view.changed_at, Timestamp::from_second(5).unwrap());
    let dead = DeliveryFilter { state: Some(StateKind::DeadLetter), ..DeliveryFilter::default() };
    let page = history.deliveries(&workspace, &dead, &cursor(None, 10));
    assert_eq!(page.items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["dlv_0_0"]);

    let mut again = owed("a", 0, 1);
    again.deliveries[0].id = DeliveryId::from_text("dlv_again");
    again.deliveries[0].replay_of = Some(delivery);
    history.apply(&Record::Replayed(Box::new(again)), position(3));
    let of_event = DeliveryFilter { event: Some(EventId::from_text("evt_0")), ..DeliveryFilter::default() };
    let page = history.deliveries(&workspace, &of_event, &cursor(None, 2));
    assert_eq!(page.items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["dlv_again", "dlv_0_1"]);
    let rest = history.deliveries(&workspace, &of_event, &cursor(page.next, 2));
    assert_eq!(rest.items.len(), 1);
    assert_eq!(history.counts(), (1, 3, 1));
}

#[test]
fn the_oldest_leave_at_the_limits_and_with_their_segment() {
    let mut history = History::new(HistoryLimits { workspace_events_max: 5, node_events_max: 8 });
    for number in 0..20 {
        accept(&mut history, "a", number, 2);
    }
    let (a, b) = (WorkspaceId::from_text("a"), WorkspaceId::from_text("b"));
    let all = EventFilter::default();
    assert_eq!(
        ids(&history.events(&a, &all, &cursor(None, 50))),
        ["evt_19", "evt_18", "evt_17", "evt_16", "evt_15"]
    );
    assert_eq!(history.counts(), (5, 10, 0));
    for number in 20..25 {
        accept(&mut history, "b", number, 0);
    }
    assert_eq!(history.events(&a, &all, &cursor(None, 50)).items.len(), 3);
    assert_eq!(history.events(&b, &all, &cursor(None, 50)).items.len(), 5);
    history.dropped(2);
    assert!(history.events(&a, &all, &cursor(None, 50)).items.is_empty());
    assert_eq!(history.counts(), (5, 0, 0));
    assert_eq!(history.workspaces.len(), 1);
}
