//! Drives the engine: one thread that hands it inputs and carries out its effects.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::books::{Fact, Shelf};
use super::carry::{Carry, ToCarry};
use crate::crash;
use crate::deliver::{Report, Sender, attempt};
use crate::edge::{Mailbox, Rest};
use crate::engine::view::{ConnectionView, Standing};
use crate::engine::{Effect, Ending, Engine, Input, Key};
use crate::id::{ConnectionId, DeliveryId, WorkspaceId};
use crate::journal::writer::{Class, Entry, Writer};
use crate::journal::{Position, Records};
use crate::metrics::Metrics;
use crate::model::{AttemptRecord, Outcome, State, Timings};
use crate::record::Record;
use crate::sync::{Tasks, blocking};

/// What waits for the engine. It is bounded by what fills it: pending deliveries are counted before they
/// are owed, and there are never more ends of attempts than attempts.
#[derive(Default)]
pub(super) struct Inbox {
    letters: Mailbox<Letter>,
    /// How many wait.
    waiting: AtomicUsize,
}

/// However the engine's thread ends, nobody waits for an answer of it afterwards.
struct Closing<'a>(&'a Inbox);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        drop(self.0.letters.close());
    }
}

/// One thing for the engine's thread.
pub(super) enum Letter {
    Input(Input),
    /// An attempt is over.
    Done {
        key: Key,
        report: Report,
    },
    /// Say why a delivery is not being sent.
    Standing {
        delivery: Uuid,
        answer: oneshot::Sender<Option<Standing>>,
    },
    /// Say how a connection stands.
    Connection {
        workspace: WorkspaceId,
        connection: ConnectionId,
        answer: oneshot::Sender<Option<ConnectionView>>,
    },
    /// Copy what is owed in a segment, so that it can go.
    Carry(ToCarry),
    /// The thread ends.
    Stop,
}

impl Inbox {
    pub(super) fn push(&self, letter: Letter) {
        self.push_all([letter]);
    }

    pub(super) fn push_inputs(&self, inputs: impl IntoIterator<Item = Input>) {
        self.push_all(inputs.into_iter().map(Letter::Input));
    }

    fn push_all(&self, letters: impl IntoIterator<Item = Letter>) {
        let counted = letters.into_iter().inspect(|_| _ = self.waiting.fetch_add(1, Ordering::Relaxed));
        // When it is closed, nobody reads them any more, and whoever waits for an answer learns that.
        let _ = self.letters.put(counted, true);
    }

    /// How much waits.
    pub(super) fn len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Everything that waits; waits for something for at most that long.
    fn take(&self, at_most: Option<Duration>) -> Vec<Letter> {
        let mut letters = self.letters.take();
        if letters.is_empty() && at_most.is_none_or(|wait| !wait.is_zero()) {
            self.letters.rest(Rest::Idle, at_most);
            letters = self.letters.take();
        }
        self.waiting.fetch_sub(letters.len(), Ordering::Relaxed);
        letters
    }
}

/// Counts that others may read.
#[derive(Default)]
pub(super) struct Gauges {
    pub in_flight: AtomicU32,
    /// Nothing is started any more, and nothing is under way.
    pub drained: AtomicBool,
}

/// What attempts and the engine's thread share.
pub(super) struct Driver {
    pub metrics: Arc<Metrics>,
    pub sender: Sender,
    pub shelf: Arc<Shelf>,
    pub writer: Arc<Writer<Fact>>,
    pub records: Arc<dyn Records>,
    pub inbox: Arc<Inbox>,
    pub gauges: Arc<Gauges>,
    pub tasks: Tasks,
}

impl Driver {
    /// The engine's thread. Says so when it fails: without its engine a server would take events that it
    /// never sends.
    pub(super) fn run(self: &Arc<Self>, engine: Engine, effects: Vec<Effect>, failed: &watch::Sender<bool>) {
        if std::panic::catch_unwind(AssertUnwindSafe(|| self.drive(engine, effects))).is_err() {
            tracing::error!("the engine has failed; nothing is sent until a restart");
            failed.send_replace(true);
        }
    }

    fn drive(self: &Arc<Self>, mut engine: Engine, mut effects: Vec<Effect>) {
        let _closing = Closing(&self.inbox);
        let (mut carry, mut todo) = (Carry::default(), Todo::default());
        loop {
            let now = self.sender.clock.now().as_millisecond();
            let tick = engine.next_tick().map(|at| at.saturating_sub(now).max(0).unsigned_abs());
            let tick = tick.map(Duration::from_millis);
            let wait = carry.wait(&self.writer).into_iter().chain(tick).min();
            let letters = self.inbox.take(wait);
            let now = self.sender.clock.now().as_millisecond();
            engine.step(now, Input::Tick, &mut effects);
            self.note(&mut effects, None, &mut todo);
            for letter in letters {
                if todo.facts.len() >= FACTS_MAX {
                    self.carry_out(&mut todo);
                }
                let done = match letter {
                    Letter::Stop => {
                        self.carry_out(&mut todo);
                        return;
                    }
                    // Who asked may have gone.
                    Letter::Standing { delivery, answer } => {
                        let _ = answer.send(engine.standing(delivery));
                        continue;
                    }
                    Letter::Connection { workspace, connection, answer } => {
                        let _ = answer.send(engine.connection(&workspace, &connection));
                        continue;
                    }
                    Letter::Carry(segment) => {
                        carry.begin(segment, &engine);
                        continue;
                    }
                    Letter::Input(input) => {
                        engine.step(now, input, &mut effects);
                        None
                    }
                    Letter::Done { key, report } => {
                        engine.step(now, Input::Finished { key, ending: report.ending }, &mut effects);
                        report.record.map(|record| (key, record))
                    }
                };
                self.note(&mut effects, done, &mut todo);
            }
            self.carry_out(&mut todo);
            carry.go_on(&engine, &*self.records, &self.writer);
            self.gauges.in_flight.store(engine.in_flight(), Ordering::Relaxed);
            self.gauges.drained.store(engine.is_drained(), Ordering::Release);
        }
    }

    /// Notes what the engine wants. `done` is the attempt that just ended.
    fn note(&self, effects: &mut Vec<Effect>, done: Option<(Key, AttemptRecord)>, todo: &mut Todo) {
        let mut done = done;
        let Todo { facts, starts } = todo;
        for effect in effects.drain(..) {
            match effect {
                Effect::Start { key, id, workspace, position, index, attempt, rate } => {
                    let (at, id) = (self.sender.clock.now(), DeliveryId::from_uuid(id));
                    let delivery = id.clone();
                    facts.push(fact(Record::Started { workspace, delivery, attempt, at, rate }, None));
                    starts.push(Start { key, id, position, index, attempt });
                }
                Effect::Moved { key, id, workspace, position, state } => {
                    if matches!(state, State::Again { .. }) {
                        crash::point("retry.scheduled");
                    }
                    let releases = state.is_settled().then_some(position.segment);
                    let ended = done.take_if(|(ended, _)| Some(*ended) == key);
                    let (id, ended) = (DeliveryId::from_uuid(id), ended.map(|(_, record)| record));
                    facts.push(fact(self.moved(workspace, id, state, ended), releases));
                }
                Effect::Disable { workspace, connection } => {
                    tracing::info!(%workspace, %connection, "disabled: its receiver answered 410");
                    self.sender.connections.disable(&workspace, &connection);
                }
            }
        }
    }

    /// Does what was noted: the journal is told in one go, and then the attempts begin.
    fn carry_out(self: &Arc<Self>, todo: &mut Todo) {
        if todo.facts.is_empty() {
            return;
        }
        let (facts, starts) = (std::mem::take(&mut todo.facts), std::mem::take(&mut todo.starts));
        let (first, again): (Vec<_>, Vec<_>) = starts.into_iter().partition(|start| start.attempt == 1);
        // Nobody waits for what begins or ends, but an attempt that is not the first: until it stands in the
        // journal that it begins, and before that how the last one ended. So a crash forgets one attempt of a
        // delivery at most, however quickly they follow each other. If the journal fails later, a restart
        // finds the attempts begun and not ended.
        let noted = match again.is_empty() {
            true => self.writer.note(Class::Outcome, facts).map(|()| None),
            false => self.writer.submit(Class::Outcome, facts).map(Some),
        };
        let Ok(durable) = noted else {
            tracing::debug!("the journal takes no outcomes any more");
            // What cannot be written down must not be sent.
            self.inbox.push(Letter::Input(Input::Drain));
            return;
        };
        self.begin(first);
        if let Some(durable) = durable {
            let driver = Arc::clone(self);
            self.tasks.spawn(async move {
                // Without its journal a node sends nothing more.
                if durable.await.is_ok() {
                    driver.begin(again);
                }
            });
        }
    }

    /// Begins attempts. One task goes over to the runtime's threads and begins the others there, where that
    /// costs no wake-up.
    fn begin(self: &Arc<Self>, starts: Vec<Start>) {
        if starts.is_empty() {
            return;
        }
        let driver = Arc::clone(self);
        self.tasks.spawn(async move {
            for start in starts {
                driver.tasks.spawn(Arc::clone(&driver).make(start));
            }
        });
    }

    fn moved(
        &self,
        workspace: WorkspaceId,
        delivery: DeliveryId,
        state: State,
        ended: Option<AttemptRecord>,
    ) -> Record {
        match ended {
            Some(attempt) => Record::Finished { workspace, attempt, state },
            None => Record::Settled { workspace, delivery, state, at: self.sender.clock.now() },
        }
    }

    /// Makes an attempt and tells the engine how it ended, whatever happens.
    async fn make(self: Arc<Self>, start: Start) {
        crash::point("delivery.starting");
        let work = AssertUnwindSafe(self.attempt(&start)).catch_unwind();
        let report = match work.await {
            Ok(report) => report,
            Err(_) => self.broken(&start, "an error in the server itself; the log has it".to_owned()),
        };
        crash::point("delivery.answered");
        self.inbox.push(Letter::Done { key: start.key, report });
    }

    async fn attempt(&self, start: &Start) -> Report {
        let mut record = self.read(start.position).await;
        let mut index = start.index;
        if record.is_err() {
            // It may have been copied, and its segment dropped, since the engine said where it is.
            let copy = self.shelf.open().place_of(&start.id);
            if let Some((copy, of_copy)) = copy {
                record = self.read(copy).await;
                index = of_copy;
            }
        }
        let record = match record {
            Ok(record) => record,
            Err(error) => return self.broken(start, format!("the journal cannot be read: {error}")),
        };
        let Some(owed) = record.owed() else {
            return self.broken(start, "the journal has another record there".to_owned());
        };
        match owed.deliveries.get(index as usize) {
            Some(delivery) => {
                if start.attempt == 1 {
                    let waited = self.sender.clock.now().duration_since(delivery.due_at);
                    self.metrics.first_attempt.observe(waited.try_into().unwrap_or_default());
                }
                let context = owed.event.trace_context.as_ref();
                attempt(&self.sender, delivery, context, start.attempt).await
            }
            None => self.broken(start, "the journal has no such delivery".to_owned()),
        }
    }

    /// A record, from memory or from the disk.
    pub(super) async fn read(&self, position: Position) -> std::io::Result<Arc<Record>> {
        if let Some(record) = self.shelf.recent.get(position) {
            return Ok(record);
        }
        let parsed = |bytes: Vec<u8>| {
            let wrong = |error| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
            Record::from_bytes(&bytes).map(Arc::new).map_err(wrong)
        };
        let read = async {
            match self.records.read_now(position) {
                Ok(Some(bytes)) => parsed(bytes),
                // Going over to another thread costs more than most reads.
                Ok(None) | Err(_) => {
                    let records = Arc::clone(&self.records);
                    blocking(move || records.read(position).and_then(parsed)).await?
                }
            }
        };
        self.shelf.recent.read_back(position, read).await
    }

    /// What cannot be sent because of us goes to the dead letters, where people see it.
    fn broken(&self, start: &Start, error: String) -> Report {
        tracing::error!(delivery = %start.id, error, "a delivery could not be attempted");
        let outcome = Outcome::MappingFailed;
        let record = AttemptRecord {
            delivery: start.id.clone(),
            number: start.attempt,
            started_at: self.sender.clock.now(),
            took_micros: 0,
            outcome,
            status: None,
            address: None,
            response: None,
            error: Some(error.into()),
            timings: Timings::default(),
            connection_version: 0,
        };
        let ending = Ending::Attempt { outcome, retry_after: None, gone_for_good: false };
        Report { record: Some(record), ending }
    }
}

/// So many records wait at most until the journal is told, while the engine's thread has other letters.
const FACTS_MAX: usize = 256;

/// What the engine wants, not yet done.
#[derive(Default)]
struct Todo {
    facts: Vec<Entry<Fact>>,
    starts: Vec<Start>,
}

/// An attempt to make.
struct Start {
    key: Key,
    id: DeliveryId,
    position: Position,
    index: u32,
    attempt: u32,
}

pub(super) fn fact(record: Record, releases: Option<u32>) -> Entry<Fact> {
    let bytes = record.to_bytes();
    Entry { bytes, value: Fact { record: Arc::new(record), releases } }
}
