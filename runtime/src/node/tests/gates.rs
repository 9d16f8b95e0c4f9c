//! Gates and rate limits of a whole node: drops are seen, and a restart forgets nothing.

use compiler::gate::{GateKey, Gated, Once, Tally};

use super::*;
use crate::engine::view::Standing;
use crate::model::SkipReason;

const HOUR: Duration = Duration::from_secs(3_600);

fn once(key: &str) -> Gated {
    Gated { dedupe: Some(Once { key: GateKey::new(&[key]), within: HOUR }), throttle: None }
}

fn throttled(allow: u32) -> Gated {
    Gated { dedupe: None, throttle: Some(Tally { key: GateKey::new(&["t"]), allow, every: HOUR }) }
}

fn gated(gated: Gated) -> NewEvent {
    let mut new = new_event(&["hook"]);
    new.deliveries[0].gated = gated;
    new
}

impl Bench {
    /// What becomes of an event's one delivery.
    async fn fate(&self, new: NewEvent) -> State {
        let accepted = self.accept(new).await;
        let view = self.settled(&accepted.deliveries[0]).await;
        let told = accepted.skipped.first().map(|(_, reason)| State::Skipped { reason: *reason });
        let skipped = matches!(view.state, State::Skipped { .. }).then(|| view.state.clone());
        assert_eq!(told, skipped, "the answer says it, too");
        view.state
    }
}

const DUPLICATE: State = State::Skipped { reason: SkipReason::Duplicate };
const THROTTLED: State = State::Skipped { reason: SkipReason::Throttled };

#[tokio::test]
async fn what_a_gate_drops_is_recorded_and_a_restart_forgets_nothing() {
    let bench = Bench::open(FakeDisk::default(), &[]);
    assert_eq!(bench.fate(gated(once("a"))).await, State::Delivered);
    assert_eq!(bench.fate(gated(once("a"))).await, DUPLICATE);
    assert_eq!(bench.fate(gated(once("b"))).await, State::Delivered);
    for expected in [State::Delivered, State::Delivered, THROTTLED] {
        assert_eq!(bench.fate(gated(throttled(2))).await, expected);
    }
    assert_eq!(bench.script.ids.lock().unwrap().len(), 4);
    let status = bench.node.status();
    assert_eq!((status.pending, status.skipped.duplicate, status.skipped.throttled), (0, 1, 1));

    let after = Bench::open(bench.disk.after_power_cut(0), &[]);
    assert_eq!(after.fate(gated(once("a"))).await, DUPLICATE);
    assert_eq!(after.fate(gated(throttled(2))).await, THROTTLED);
    assert_eq!(after.fate(gated(once("c"))).await, State::Delivered);
    assert_eq!(after.node.status().skipped.duplicate, 2, "the journal has the first one");
}

#[tokio::test]
async fn a_repeated_request_and_a_refused_event_leave_no_trace_in_a_gate() {
    let limits = NodeConfig { workspace_pending_max: 2, ..config() };
    let bench = Bench::open_with(FakeDisk::default(), &[], &limits);
    let mut repeated = gated(once("a"));
    repeated.identity = Identity { key: Some("k".into()), app_chose_id: false, body_hash: [1; 32] };
    let first = bench.accept(repeated.clone()).await;
    let again = bench.accept(repeated).await;
    assert!(again.repeated);
    assert_eq!(again.deliveries, first.deliveries);
    assert_eq!(bench.settled(&first.deliveries[0]).await.state, State::Delivered);

    // Three deliveries are more than may be pending: the whole event is refused, and its key stays free.
    let mut many = new_event(&["hook", "hook", "hook"]);
    for delivery in &mut many.deliveries {
        delivery.gated = throttled(100);
    }
    many.deliveries[0].gated = once("b");
    let refused = bench.node.accept(vec![many]).await;
    assert!(matches!(refused, Err(Rejected::Limit { limit: "workspace_pending_max", .. })), "{refused:?}");
    assert_eq!(bench.fate(gated(once("b"))).await, State::Delivered);
    assert_eq!(bench.fate(gated(throttled(1))).await, State::Delivered, "nor does it count");
    assert_eq!(bench.fate(gated(throttled(1))).await, THROTTLED);
}

#[tokio::test]
async fn of_one_event_the_first_delivery_with_a_key_wins() {
    let bench = Bench::open(FakeDisk::default(), &[]);
    let mut both = new_event(&["hook", "other"]);
    for delivery in &mut both.deliveries {
        delivery.gated = once("a");
    }
    // What has no input counts nowhere.
    let mut broken = gated(once("a"));
    broken.deliveries[0].input = Err("no `x`".into());
    assert_eq!(bench.fate(broken).await, State::DeadLetter { reason: DeadReason::MappingFailed });
    let accepted = bench.accept(both).await;
    assert_eq!(bench.settled(&accepted.deliveries[0]).await.state, State::Delivered);
    assert_eq!(bench.settled(&accepted.deliveries[1]).await.state, DUPLICATE);
}

#[tokio::test]
async fn what_was_skipped_can_be_replayed_unless_a_sample_left_it_out() {
    let bench = Bench::open(FakeDisk::default(), &[]);
    assert_eq!(bench.fate(gated(once("a"))).await, State::Delivered);
    let dropped = bench.accept(gated(once("a"))).await;
    assert_eq!(bench.settled(&dropped.deliveries[0]).await.state, DUPLICATE);
    let replay = bench.node.replay(&workspace(), &dropped.deliveries[0]).await.unwrap();
    let view = bench.settled(&replay).await;
    assert_eq!((view.state, view.replay_of.as_ref()), (State::Delivered, Some(&dropped.deliveries[0])));

    let mut left_out = new_event(&["hook"]);
    left_out.deliveries[0].skipped = Some(SkipReason::Sampled);
    left_out.deliveries[0].input = Err("left out of its sample".into());
    let left_out = bench.accept(left_out).await;
    assert_eq!(
        bench.settled(&left_out.deliveries[0]).await.state,
        State::Skipped { reason: SkipReason::Sampled }
    );
    let refused = bench.node.replay(&workspace(), &left_out.deliveries[0]).await;
    assert_eq!(refused, Err(ChangeError::WrongState));
    assert_eq!(bench.node.status().skipped.sampled, 1);
}

#[tokio::test]
async fn a_rate_limit_counts_what_was_started_before_a_restart() {
    let limited = || {
        let mut new = new_event(&["hook"]);
        let key = GateKey::new(&["r"]);
        new.deliveries[0].policy.rate = Some(Tally { key, allow: 1, every: HOUR });
        new
    };
    let bench = Bench::open(FakeDisk::default(), &[]);
    let first = bench.accept(limited()).await;
    bench.settled(&first.deliveries[0]).await;
    let second = bench.accept(limited()).await;
    let standing = bench.node.standing(&workspace(), &second.deliveries[0]).await.unwrap();
    assert!(matches!(standing, Some(Standing::RateLimit { .. })), "{standing:?}");
    let after = Bench::open(bench.disk.after_power_cut(0), &[]);
    let third = after.accept(limited()).await;
    for id in [&second.deliveries[0], &third.deliveries[0]] {
        let standing = after.node.standing(&workspace(), id).await.unwrap();
        assert!(matches!(standing, Some(Standing::RateLimit { .. })), "{standing:?}");
    }
    assert!(after.script.ids.lock().unwrap().is_empty());
    assert_eq!(after.node.status().pending, 2);
    let view = after.node.connection(&workspace(), &ConnectionId::from_text("hook")).await.unwrap();
    assert_eq!((view.pending, view.in_flight), (2, 0));
    after.node.discard(&workspace(), &third.deliveries[0]).await.unwrap();
    let discarded = State::DeadLetter { reason: DeadReason::Discarded };
    assert_eq!(after.settled(&third.deliveries[0]).await.state, discarded);
    // Once it has stopped, it says nothing, and nobody waits for an answer.
    after.node.shutdown(Duration::from_secs(1)).await;
    assert_eq!(after.node.standing(&workspace(), &second.deliveries[0]).await.unwrap(), None);
}
