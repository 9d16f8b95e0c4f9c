//! A whole node on a disk in memory, with receivers that are scripts.

mod full;
mod gates;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::*;
use crate::deliver::request::Request;
use crate::deliver::target::Target;
use crate::deliver::transport::{Answer, Course, Failure};
use crate::id::{ConnectionId, DeliveryId, EventId, WorkspaceId};
use crate::journal::fake::FakeDisk;
use crate::model::{DeadReason, DeliveryRecord, EventRecord, Outcome, Policy, State};

/// Every connection goes to the same place; `gone` ones are not there.
#[derive(Default)]
struct Town {
    disabled: AtomicUsize,
}

impl Connections for Town {
    fn target(&self, _workspace: &WorkspaceId, connection: &ConnectionId) -> Option<Target> {
        let there = connection.as_str() != "gone";
        let url = format!("https://example.com/{connection}");
        there.then(|| Target { version: 1, ..Target::to(url) })
    }

    fn disable(&self, _workspace: &WorkspaceId, _connection: &ConnectionId) {
        self.disabled.fetch_add(1, Ordering::Relaxed);
    }
}

/// Answers with the statuses of a list, then with 200. A status of 0 never answers.
#[derive(Default)]
struct Script {
    statuses: Mutex<VecDeque<u16>>,
    ids: Mutex<Vec<String>>,
}

impl Transport for Script {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Answer, Failure>> {
        Box::pin(async move {
            self.ids.lock().unwrap().push(request.headers["webhook-id"].to_str().unwrap().to_owned());
            let status = self.statuses.lock().unwrap().pop_front().unwrap_or(200);
            if status == 0 {
                tokio::time::sleep(timeout).await;
                return Err(Failure::new(Outcome::TimedOut, "no answer"));
            }
            let status = StatusCode::from_u16(status).unwrap();
            Ok(Answer {
                status,
                headers: HeaderMap::new(),
                body: Bytes::from_static(b"hello"),
                whole: true,
                course: Course::default(),
            })
        })
    }
}

struct Bench {
    node: Arc<Node>,
    disk: Arc<FakeDisk>,
    script: Arc<Script>,
    town: Arc<Town>,
}

fn config() -> NodeConfig {
    NodeConfig { segment_bytes: 1 << 16, journal_bytes_max: 1 << 22, ..NodeConfig::at("unused") }
}

impl Bench {
    fn open(disk: FakeDisk, statuses: &[u16]) -> Self {
        Self::open_with(disk, statuses, &config())
    }

    fn open_with(disk: FakeDisk, statuses: &[u16], config: &NodeConfig) -> Self {
        let (disk, town) = (Arc::new(disk), Arc::new(Town::default()));
        let script = Arc::new(Script {
            statuses: Mutex::new(statuses.iter().copied().collect()),
            ..Script::default()
        });
        let parts = Parts {
            clock: Arc::new(SystemClock::default()),
            transport: Arc::<Script>::clone(&script),
            disk: Arc::<FakeDisk>::clone(&disk),
        };
        let node = Node::open_with(config, Arc::<Town>::clone(&town), parts).unwrap();
        Self { node, disk, script, town }
    }

    async fn accept(&self, new: NewEvent) -> Accepted {
        self.node.accept(vec![new]).await.unwrap().remove(0).unwrap()
    }

    async fn state_when(&self, delivery: &DeliveryId, wanted: fn(&State) -> bool) -> DeliveryView {
        for _ in 0..1_000 {
            let view = self.node.delivery(&workspace(), delivery).await.unwrap();
            if let Some(view) = view.filter(|view| wanted(&view.state)) {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{delivery} is {:?}", self.node.delivery(&workspace(), delivery).await);
    }

    async fn settled(&self, delivery: &DeliveryId) -> DeliveryView {
        self.state_when(delivery, State::is_settled).await
    }

    async fn outcomes(&self, delivery: &DeliveryId) -> Vec<Outcome> {
        let attempts = self.node.attempts(&workspace(), delivery).await.unwrap();
        attempts.iter().map(|attempt| attempt.outcome).collect()
    }
}

fn workspace() -> WorkspaceId {
    WorkspaceId::from_text("ws_1")
}

fn policy() -> Policy {
    Policy {
        attempts: 3,
        first_wait: Duration::from_millis(100),
        longest_wait: Duration::from_millis(200),
        growth_thousandths: 1000,
        jitter_thousandths: 0,
        timeout: Duration::from_secs(30),
        expires: Duration::from_secs(60),
        weight: 4,
        idempotency_key: None,
        ..Policy::default()
    }
}

fn new_event(connections: &[&str]) -> NewEvent {
    let (id, now) = (EventId::fresh(), Timestamp::now());
    let delivery = |connection: &&str| DeliveryRecord {
        id: DeliveryId::fresh(),
        workspace: workspace(),
        event: id.clone(),
        rule: "rule".into(),
        key: format!("rule/send_webhook/{connection}").into(),
        connection: ConnectionId::from_text(connection),
        connection_name: (*connection).into(),
        action: "send_webhook".into(),
        input: Ok(r#"{"body":{}}"#.into()),
        policy: policy(),
        created_at: now,
        due_at: now,
        replay_of: None,
        gated: Default::default(),
        skipped: None,
    };
    let deliveries = connections.iter().map(delivery).collect();
    let event = EventRecord {
        id,
        workspace: workspace(),
        kind: "invoice.paid".into(),
        resource: None,
        resource_id: None,
        time: now,
        received_at: now,
        revision: None,
        rules: vec!["rule".into()],
        payload: br#"{"amount":1}"#.as_slice().into(),
        attributes: None,
        trace_context: None,
    };
    NewEvent { event, deliveries, identity: Identity::default() }
}

#[tokio::test]
async fn an_event_is_durable_listed_and_delivered_after_two_failures() {
    let bench = Bench::open(FakeDisk::default(), &[500, 503]);
    let mut feed = bench.node.subscribe();
    let accepted = bench.accept(new_event(&["hook"])).await;
    let listed = bench.node.event(&workspace(), &accepted.event).await.unwrap();
    assert!(listed.is_some(), "listed as soon as it is accepted");
    let view = bench.settled(&accepted.deliveries[0]).await;
    assert_eq!((view.state, view.attempts), (State::Delivered, 3));
    let attempts = bench.node.attempts(&workspace(), &accepted.deliveries[0]).await.unwrap();
    let statuses: Vec<_> = attempts.iter().map(|attempt| attempt.status.unwrap()).collect();
    assert_eq!(statuses, [500, 503, 200]);
    assert!(attempts.windows(2).all(|pair| pair[0].started_at < pair[1].started_at));
    assert_eq!(attempts[2].response.as_deref(), Some("hello"));
    let payload = bench.node.payload(&workspace(), &accepted.event).await.unwrap().unwrap();
    assert_eq!(&*payload, br#"{"amount":1}"#);
    assert_eq!(
        bench.node.input(&workspace(), &accepted.deliveries[0]).await.unwrap(),
        Some(Ok(r#"{"body":{}}"#.into()))
    );
    let Ok(Feed::Event(first)) = feed.recv().await else { panic!("the event comes first") };
    assert_eq!(first.id, accepted.event);
    let mut ended = 0;
    while let Ok(item) = feed.try_recv() {
        ended += usize::from(matches!(item, Feed::Attempt { .. }));
    }
    assert_eq!(ended, 3);
    let status = bench.node.status();
    assert_eq!((status.pending, status.events, status.deliveries, status.failing), (0, 1, 1, false));
    let strangers = bench.node.event(&WorkspaceId::from_text("ws_2"), &accepted.event).await.unwrap();
    assert!(strangers.is_none());
}

#[tokio::test]
async fn dead_letters_have_reasons_and_can_be_replayed() {
    let bench = Bench::open(FakeDisk::default(), &[500, 500, 500]);
    let accepted = bench.accept(new_event(&["hook"])).await;
    let dead = bench.settled(&accepted.deliveries[0]).await;
    assert_eq!(dead.state, State::DeadLetter { reason: DeadReason::AttemptsExhausted });
    let replay = bench.node.replay(&workspace(), &dead.id).await.unwrap();
    let view = bench.settled(&replay).await;
    assert_eq!((view.state, view.replay_of, view.attempts), (State::Delivered, Some(dead.id.clone()), 1));
    let second = bench.node.replay(&workspace(), &replay).await.unwrap();
    assert_eq!(bench.settled(&second).await.replay_of, Some(dead.id.clone()));
    assert_eq!(
        *bench.script.ids.lock().unwrap(),
        vec![dead.id.as_str().to_owned(); 5],
        "one id for its receiver"
    );
    let filter = DeliveryFilter { state: Some(StateKind::DeadLetter), ..DeliveryFilter::default() };
    let cursor = Cursor { before: None, limit: 10 };
    let listed = bench.node.deliveries(&workspace(), &filter, &cursor).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    let stranger = DeliveryId::from_text("dlv_stranger");
    assert_eq!(bench.node.replay(&workspace(), &stranger).await, Err(ChangeError::NotFound));

    let mut broken = new_event(&["hook"]);
    broken.deliveries[0].input = Err("`total` is missing".into());
    let gone = bench.accept(new_event(&["gone"])).await;
    let broken = bench.accept(broken).await;
    let reason = async |id| bench.settled(id).await.state;
    assert_eq!(
        reason(&gone.deliveries[0]).await,
        State::DeadLetter { reason: DeadReason::ConnectionUnusable }
    );
    assert_eq!(reason(&broken.deliveries[0]).await, State::DeadLetter { reason: DeadReason::MappingFailed });
}

#[tokio::test]
async fn a_farewell_disables_the_connection_and_a_discard_gives_up() {
    let bench = Bench::open(FakeDisk::default(), &[410]);
    let accepted = bench.accept(new_event(&["hook"])).await;
    let view = bench.settled(&accepted.deliveries[0]).await;
    assert_eq!(view.state, State::DeadLetter { reason: DeadReason::Rejected });
    assert_eq!(bench.town.disabled.load(Ordering::Relaxed), 1);
    let mut later = new_event(&["hook"]);
    later.deliveries[0].due_at = Timestamp::now() + Duration::from_secs(30);
    let later = bench.accept(later).await;
    bench.node.discard(&workspace(), &later.deliveries[0]).await.unwrap();
    let view = bench.settled(&later.deliveries[0]).await;
    assert_eq!((view.state, view.attempts), (State::DeadLetter { reason: DeadReason::Discarded }, 0));
    assert_eq!(bench.node.discard(&workspace(), &view.id).await, Err(ChangeError::WrongState));
}

#[tokio::test]
async fn a_power_cut_keeps_every_accepted_event_and_shows_what_is_unknown() {
    let bench = Bench::open(FakeDisk::default(), &[0, 500]);
    let hanging = bench.accept(new_event(&["slow"])).await;
    bench.state_when(&hanging.deliveries[0], |state| matches!(state, State::InFlight { .. })).await;
    let failing = bench.accept(new_event(&["hook"])).await;
    bench.state_when(&failing.deliveries[0], |state| matches!(state, State::Again { .. })).await;
    let mut later = new_event(&["hook"]);
    later.deliveries[0].due_at = Timestamp::now() + Duration::from_secs(40);
    let later = bench.accept(later).await;
    let after = Bench::open(bench.disk.after_power_cut(0), &[]);
    assert_eq!(after.node.status().pending, 3);
    assert_eq!(after.settled(&hanging.deliveries[0]).await.attempts, 2);
    assert_eq!(after.outcomes(&hanging.deliveries[0]).await, [Outcome::Unknown, Outcome::Delivered]);
    assert_eq!(after.settled(&failing.deliveries[0]).await.attempts, 2);
    assert_eq!(after.outcomes(&failing.deliveries[0]).await, [Outcome::DestinationError, Outcome::Delivered]);
    let ids = after.script.ids.lock().unwrap().clone();
    assert!(ids.contains(&hanging.deliveries[0].as_str().to_owned()), "it is sent again with its id");
    let waiting = after.node.delivery(&workspace(), &later.deliveries[0]).await.unwrap().unwrap();
    assert_eq!(waiting.state, State::Waiting);
    let payload = after.node.payload(&workspace(), &later.event).await.unwrap();
    assert_eq!(payload.as_deref(), Some(br#"{"amount":1}"#.as_slice()), "read back from the journal");
    after.node.shutdown(Duration::from_secs(5)).await;
    let third = Bench::open(after.disk.after_power_cut(0), &[]);
    third.node.whole_history().await;
    assert_eq!((third.node.status().pending, third.node.status().events), (1, 3));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(third.script.ids.lock().unwrap().is_empty(), "what is settled is not sent again");
}

#[tokio::test]
async fn the_same_request_is_one_event_also_at_the_same_time_and_after_a_restart() {
    let bench = Bench::open(FakeDisk::default(), &[]);
    let with = |key: &str, hash: u8| {
        let mut new = new_event(&["hook"]);
        new.identity = Identity { key: Some(key.into()), app_chose_id: false, body_hash: [hash; 32] };
        new
    };
    let (one, two) = tokio::join!(bench.accept(with("k", 1)), bench.accept(with("k", 1)));
    assert_eq!((&one.event, &one.deliveries), (&two.event, &two.deliveries));
    assert_eq!([one.repeated, two.repeated].iter().filter(|repeated| **repeated).count(), 1);
    let batch = vec![with("b", 1), with("b", 1), with("k", 2), with("b", 1)];
    let answers = bench.node.accept(batch).await.unwrap();
    let first = answers[0].as_ref().unwrap();
    assert!(!first.repeated);
    assert_eq!(answers[1].as_ref().unwrap().event, first.event);
    assert_eq!(answers[2], Err(Conflict { event: one.event.clone(), by: ConflictBy::Key }));
    assert!(answers[3].as_ref().unwrap().repeated);
    bench.node.whole_history().await;
    assert_eq!(bench.node.status().events, 2);
    bench.settled(&one.deliveries[0]).await;
    let after = Bench::open(bench.disk.copy(), &[]);
    let again = after.accept(with("k", 1)).await;
    assert_eq!((again.event, again.repeated), (one.event, true));
    assert!(after.node.accept(vec![with("k", 3)]).await.unwrap()[0].is_err());
}

#[tokio::test]
async fn limits_refuse_whole_batches_and_leave_nothing_behind() {
    let small = NodeConfig { workspace_pending_max: 2, ..config() };
    let bench = Bench::open_with(FakeDisk::default(), &[0, 0], &small);
    let mut keyed = new_event(&["a", "b"]);
    keyed.identity = Identity { key: Some("k".into()), app_chose_id: true, body_hash: [1; 32] };
    let batch = vec![keyed.clone(), new_event(&["c"])];
    match bench.node.accept(batch).await {
        Err(Rejected::Limit { limit: "workspace_pending_max", max: 2, of: LimitOf::Workspace, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!((bench.node.status().pending, bench.node.status().events), (0, 0));
    assert!(!bench.accept(keyed).await.repeated, "its names are free again");
    assert!(bench.node.accept(vec![new_event(&["c"])]).await.is_err());
    assert!(bench.node.accept(vec![new_event(&[])]).await.is_ok(), "an event that owes nothing is fine");
    let mut large = new_event(&[]);
    large.event.payload = vec![0; 1 << 16].into();
    assert!(matches!(bench.node.accept(vec![large]).await, Err(Rejected::TooLarge { .. })));
    bench.disk.sync_fails.store(true, Ordering::Relaxed);
    assert_eq!(bench.node.accept(vec![new_event(&[])]).await, Err(Rejected::Failing));
    assert!(bench.node.status().failing);
    assert_eq!(bench.node.accept(vec![new_event(&[])]).await, Err(Rejected::Failing));
}

fn padded(connections: &[&str]) -> NewEvent {
    let mut new = new_event(connections);
    new.event.payload = vec![b' '; 4_000].into();
    new
}

fn in_seconds(mut new: NewEvent, seconds: u64) -> NewEvent {
    for delivery in &mut new.deliveries {
        delivery.due_at = Timestamp::now() + Duration::from_secs(seconds);
    }
    new
}

/// Events, failures, power cuts and full journals by chance: what was accepted is delivered in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_what_was_accepted_is_delivered() {
    for seed in 0..4 {
        survive(seed).await;
    }
}

async fn survive(seed: u64) {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    const CUTS: usize = 4;
    let mut random = StdRng::seed_from_u64(seed);
    let small = NodeConfig { journal_bytes_max: 8 << 16, history_kept: Duration::ZERO, ..config() };
    let statuses = |random: &mut StdRng| -> Vec<u16> {
        (0..40).map(|_| if random.random_bool(0.7) { 200 } else { 500 }).collect()
    };
    let mut bench = Bench::open_with(FakeDisk::default(), &statuses(&mut random), &small);
    let mut accepted = Vec::new();
    let mut sent: Vec<String> = Vec::new();
    for cut in 0..CUTS {
        for _ in 0..random.random_range(5..25) {
            let mut new = padded(&["one", "two"]);
            new.deliveries.iter_mut().for_each(|delivery| delivery.policy.attempts = 1_000);
            if random.random_bool(0.2) {
                new = in_seconds(new, 1);
            }
            if let Ok(mut answers) = bench.node.accept(vec![new]).await {
                accepted.push(answers.remove(0).unwrap());
            }
            if random.random_bool(0.3) {
                tokio::time::sleep(Duration::from_millis(random.random_range(0..20))).await;
            }
        }
        if cut + 1 < CUTS {
            let disk = bench.disk.after_power_cut(random.random_range(0..6_000));
            sent.append(&mut bench.script.ids.lock().unwrap());
            bench = Bench::open_with(disk, &statuses(&mut random), &small);
        }
    }
    for _ in 0..2_000 {
        if bench.node.status().pending == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(bench.node.status().pending, 0, "seed {seed}");
    sent.append(&mut bench.script.ids.lock().unwrap());
    assert!(accepted.len() > 20, "seed {seed}: {}", accepted.len());
    for delivery in accepted.iter().flat_map(|accepted| accepted.deliveries.iter()) {
        let times = sent.iter().filter(|id| **id == delivery.as_str()).count();
        assert!(times >= 1, "seed {seed}: {delivery} was never sent");
        // What has left the history with its segment was settled before.
        let Some(view) = bench.node.delivery(&workspace(), delivery).await.unwrap() else { continue };
        assert_eq!(view.state, State::Delivered, "seed {seed}");
        assert!(
            times <= view.attempts as usize + CUTS,
            "seed {seed}: {times} times in {} attempts",
            view.attempts
        );
    }
}

#[tokio::test]
async fn a_folder_is_used_by_one_node_and_keeps_everything_between_two() {
    let folder = tempfile::tempdir().unwrap();
    let config = NodeConfig { data_dir: folder.path().join("data"), ..config() };
    let open = || Node::open(config.clone(), Arc::new(Town::default()));
    let node = open().unwrap();
    let owed = in_seconds(new_event(&["hook"]), 60);
    let accepted = node.accept(vec![owed]).await.unwrap().remove(0).unwrap();
    match open() {
        Err(OpenError::Io(error)) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        other => panic!("{:?}", other.map(drop)),
    }
    node.shutdown(Duration::ZERO).await;
    drop(node);
    let node = open().unwrap();
    assert_eq!(node.status().pending, 1);
    assert_eq!(node.event(&workspace(), &accepted.event).await.unwrap().unwrap().id, accepted.event);
    node.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn a_shutdown_waits_for_what_is_under_way_and_takes_nothing_more() {
    let bench = Bench::open(FakeDisk::default(), &[0]);
    let mut short = new_event(&["slow"]);
    short.deliveries[0].policy.timeout = Duration::from_millis(200);
    let accepted = bench.accept(short).await;
    bench.state_when(&accepted.deliveries[0], |state| matches!(state, State::InFlight { .. })).await;
    bench.node.shutdown(Duration::from_secs(10)).await;
    assert_eq!(bench.outcomes(&accepted.deliveries[0]).await, [Outcome::TimedOut]);
    assert_eq!(bench.node.accept(vec![new_event(&[])]).await, Err(Rejected::Stopping));
}
