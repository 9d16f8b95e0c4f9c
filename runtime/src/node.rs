//! What a server keeps and owes: events made durable, deliveries sent, and the history of both.
//!
//! A [`Node`] ties the journal, the engine and the history together. The API above it parses, matches
//! and asks; nothing above it waits for a disk or a receiver except through the futures here.
//!
//! Three threads work below: the journal's writer, which also keeps the books (names, counts) in the
//! journal's order; the engine's, which starts attempts as tasks of the runtime; and the history's, which
//! indexes what is durable and may be late.

pub mod accept;
mod admit;
mod books;
mod carry;
pub mod checkpoint;
pub mod config;
mod driver;
mod gates;
mod pressure;
pub mod query;
mod recall;
mod recent;
mod recovery;
mod report;
mod scrub;
#[cfg(test)]
mod tests;
mod timed;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot, watch};

pub use accept::{Accepted, Conflict, ConflictBy, Identity, LimitOf, NewEvent, Rejected};
pub use config::NodeConfig;
pub use gates::Skipped;
pub use query::{
    Cursor, DeliveryFilter, DeliveryView, EventFilter, EventView, Feed, Page, StateKind, Status,
};

use self::books::{Bookkeeper, Books, Fact, PendingLimits, Shelf};
use self::checkpoint::{Keeper, Pace};
use self::driver::{Driver, Gauges, Inbox, Letter, fact};
use self::recovery::Recovery;
use self::scrub::Scrubber;
use self::timed::Timed;
use crate::clock::{Clock, SystemClock};
use crate::deliver::Sender;
use crate::deliver::http::{Http, SetupError};
use crate::deliver::target::Connections;
use crate::deliver::transport::Transport;
use crate::engine::view::{ConnectionView, Standing};
use crate::engine::{Caps, Engine, Input};
use crate::history::{Found, History, HistoryLimits, HistoryParts};
use crate::id::{ConnectionId, DeliveryId, WorkspaceId};
use crate::idempotency::{Window, WindowLimits};
use crate::journal::disk::{Disk, Folder};
use crate::journal::segment::{SegmentLog, SegmentOptions};
use crate::journal::writer::{Class, Writer, WriterLimits};
use crate::journal::{Journal, JournalError, Position};
use crate::metrics::Metrics;
use crate::record::Record;
use crate::spans::Spans;
use crate::sync::{JoinHandle, Mutex, Tasks, blocking, random, sleep, spawn, within};

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder cannot be used, or another process uses it.
    #[error("the data folder cannot be used: {0}")]
    Io(#[from] std::io::Error),
    /// The journal cannot be used; nothing was changed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record is of a later version.
    #[error("the journal has a record in segment {segment} at byte {offset} that this version cannot read")]
    Record {
        /// The segment's number.
        segment: u32,
        /// The record's offset.
        offset: u32,
    },
    /// The HTTP client does not start.
    #[error(transparent)]
    Http(#[from] SetupError),
}

/// Why a question about the past has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The journal's segment with it could not be read.
    #[error("the journal cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// Why a delivery was not replayed or discarded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// There is no such delivery in this workspace, or it has left the history.
    #[error("no such delivery")]
    NotFound,
    /// It is still being delivered, so there is nothing to replay; or it is settled, so there is nothing to discard.
    #[error("the delivery's state does not allow it")]
    WrongState,
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Unreadable,
    /// The journal did not take the record.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// What a node meets the world with. [`Node::open`] uses the real ones.
pub struct Parts {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How requests are sent.
    pub transport: Arc<dyn Transport>,
    /// Where the journal lies.
    pub disk: Arc<dyn Disk>,
}

/// So much may happen before a slow watcher misses some of it.
const FEED_MAX: usize = 4_096;

/// A running node.
pub struct Node {
    /// What is counted and timed.
    pub metrics: Arc<Metrics>,
    /// Where spans go.
    pub spans: Spans,
    shelf: Arc<Shelf>,
    history: Arc<History>,
    writer: Arc<Writer<Fact>>,
    driver: Arc<Driver>,
    inbox: Arc<Inbox>,
    gauges: Arc<Gauges>,
    feed: broadcast::Sender<Feed>,
    clock: Arc<dyn Clock>,
    keeper: Arc<Keeper>,
    scrubber: Scrubber,
    /// Set when the journal has failed.
    failed: watch::Sender<bool>,
    stopping: AtomicBool,
    /// A std mutex: taken once, at shutdown.
    engine: Mutex<Option<JoinHandle<()>>>,
}

impl Node {
    /// Opens the data folder, replays the journal and starts the threads that write and deliver.
    /// Blocks while the journal is read; call it inside a tokio runtime, whose reactor the deliveries use.
    ///
    /// # Errors
    /// The folder is in use, cannot be written, or the journal is damaged before its end.
    pub fn open(config: NodeConfig, connections: Arc<dyn Connections>) -> Result<Arc<Self>, OpenError> {
        let parts = Parts {
            clock: Arc::new(SystemClock::default()),
            transport: Arc::new(Http::new(&config.http)?),
            disk: Arc::new(Folder::take(&config.data_dir.join("journal"))?),
        };
        Self::open_with(&config, connections, parts)
    }

    /// The same with other parts.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_with(
        config: &NodeConfig,
        connections: Arc<dyn Connections>,
        parts: Parts,
    ) -> Result<Arc<Self>, OpenError> {
        let Parts { clock, transport, disk } = parts;
        let options =
            SegmentOptions { segment_bytes: config.segment_bytes, prepare_ahead: true, seed: random()? };
        let (log, recovery) = read(&disk, &clock, options)?;
        let last = recovery.last();
        let mut engine = Engine::new(caps(config), clock.now().as_millisecond(), random()?);
        let mut books = empty_books(config);
        let left = recovery.restore(&mut engine, &mut books, clock.now())?;
        tracing::info!(pending = books.pending.node(), "what is owed is known again");
        let shelf = Arc::new(Shelf::new(books));
        let (inbox, gauges) = (Arc::new(Inbox::default()), Arc::new(Gauges::default()));
        let feed = broadcast::Sender::new(FEED_MAX);
        let parts = history_parts(&log, &disk, &clock, feed.clone(), last);
        let history = Arc::new(History::start(parts, history_limits(config))?);
        let keeper = Keeper::start(disk, log.records(), Arc::clone(&clock), pace(config), left.checkpoint)?;
        let keeper = Arc::new(keeper);
        let scrubber = Scrubber::start(log.records(), config.scrub_bytes_per_second)?;
        let failed = watch::Sender::new(false);
        let metrics = Arc::new(Metrics::new(clock.now()));
        let bookkeeper = Bookkeeper {
            metrics: Arc::clone(&metrics),
            shelf: Arc::clone(&shelf),
            inbox: Arc::clone(&inbox),
            history: Arc::clone(&history),
            clock: Arc::clone(&clock),
            history_kept: config.history_kept,
            journal_kept: config.journal_kept,
            failed: failed.clone(),
        };
        let journal = Timed { journal: Box::new(log), metrics: Arc::clone(&metrics) };
        let writer = Arc::new(Writer::start(Box::new(journal), writer_limits(config), bookkeeper)?);
        // These go in first, so that no new attempt of the same delivery can stand before them.
        note_unknown(&writer, left.unknown)?;
        let (addresses, spans) = (config.addresses, config.spans.clone());
        let sender = Sender { connections, transport, clock: Arc::clone(&clock), addresses, spans };
        let driver = Arc::new(Driver {
            metrics: Arc::clone(&metrics),
            sender,
            shelf: Arc::clone(&shelf),
            records: writer.records(),
            writer: Arc::clone(&writer),
            inbox: Arc::clone(&inbox),
            gauges: Arc::clone(&gauges),
            tasks: Tasks::current(),
        });
        let (running, effects) = (Arc::clone(&driver), left.effects);
        let engine_failed = failed.clone();
        let run = move || running.run(engine, effects, &engine_failed);
        let thread = spawn("engine", run)?;
        let (stopping, engine) = (AtomicBool::new(false), Mutex::new(Some(thread)));
        Ok(Arc::new(Self {
            metrics,
            spans: config.spans.clone(),
            shelf,
            history,
            writer,
            driver,
            inbox,
            gauges,
            feed,
            clock,
            keeper,
            scrubber,
            failed,
            stopping,
            engine,
        }))
    }

    /// Why a delivery is not being sent at this moment; `None` when it is settled or not there.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn standing(
        &self,
        workspace: &WorkspaceId,
        delivery: &DeliveryId,
    ) -> Result<Option<Standing>, ReadError> {
        let (Some(_), Some(id)) = (self.found(workspace, delivery).await?, delivery.uuid()) else {
            return Ok(None);
        };
        let (answer, answered) = oneshot::channel();
        self.inbox.push(Letter::Standing { delivery: id, answer });
        Ok(answered.await.ok().flatten())
    }

    /// How a connection stands; `None` when nothing is pending for it, and it is not paused.
    pub async fn connection(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
    ) -> Option<ConnectionView> {
        let (answer, answered) = oneshot::channel();
        let (workspace, connection) = (workspace.clone(), connection.clone());
        self.inbox.push(Letter::Connection { workspace, connection, answer });
        answered.await.ok().flatten()
    }

    /// What happens from now on. A reader that falls behind misses some and is told how many.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Feed> {
        self.feed.subscribe()
    }

    /// Counts, and whether the node is healthy.
    #[must_use]
    pub fn status(&self) -> Status {
        let (events, deliveries, dead_letters) = self.history.counts();
        let (history_behind, segments_behind) = self.history.lag();
        let books = self.shelf.open();
        let stopping = self.stopping.load(Ordering::Relaxed);
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        // A thread that ended although nobody asked for it has panicked.
        let broken = !stopping && engine.as_ref().is_none_or(JoinHandle::is_finished);
        Status {
            failing: self.writer.failing() || broken,
            stopping,
            pending: u64::from(books.pending.node()),
            in_flight: u64::from(self.gauges.in_flight.load(Ordering::Relaxed)),
            events,
            deliveries,
            dead_letters,
            skipped: books.gates.skipped,
            history_behind,
            history_segments_behind: segments_behind as u64,
            journal_bytes: self.writer.bytes(),
            journal_damage: self.scrubber.found(),
        }
    }

    /// Returns when the journal has failed. What is durable is known only after a restart.
    pub async fn failed(&self) {
        // The sender is ours, so this cannot fail.
        let _ = self.failed.subscribe().wait_for(|failed| *failed).await;
    }

    /// Takes no events and starts no attempts any more, and waits for those under way for at most that
    /// long. Returns how many are left. Questions are still answered.
    pub async fn drain(&self, at_most: Duration) -> u32 {
        self.stopping.store(true, Ordering::Release);
        self.inbox.push_inputs([Input::Drain]);
        let drained = async {
            while !self.gauges.drained.load(Ordering::Acquire) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        // Whoever is not done by then is counted.
        let _ = within(at_most, drained).await;
        self.gauges.in_flight.load(Ordering::Relaxed)
    }

    /// Takes nothing more, waits for attempts under way for at most `drain`, and syncs the journal. What is
    /// under way after that is shown as unknown at the next start and sent again.
    pub async fn shutdown(&self, drain: Duration) {
        self.drain(drain).await;
        let thread = self.engine.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        self.inbox.push(Letter::Stop);
        let (writer, keeper) = (Arc::clone(&self.writer), Arc::clone(&self.keeper));
        let history = Arc::clone(&self.history);
        let closing = blocking(move || {
            // A panic in there has been reported by the panic hook already.
            let _ = thread.join();
            writer.close();
            history.close();
            keeper.stop();
        });
        if let Err(error) = closing.await {
            tracing::error!(%error, "the journal could not be closed");
        }
    }
}

impl Drop for Node {
    /// Ends the threads of a node that nobody shut down, without waiting for anything under way.
    fn drop(&mut self) {
        self.inbox.push(Letter::Stop);
    }
}

/// Reads a journal from its newest checkpoint on.
fn read(
    disk: &Arc<dyn Disk>,
    clock: &Arc<dyn Clock>,
    options: SegmentOptions,
) -> Result<(SegmentLog, Recovery), JournalError> {
    let mut recovery = Recovery::choose(&**disk)?;
    let from = recovery.mark();
    let visit = &mut |position, _, bytes: &[u8]| recovery.visit(position, bytes);
    let log = SegmentLog::open(Arc::clone(disk), Arc::clone(clock), options, from, visit)?;
    Ok((log, recovery))
}

/// When checkpoints are written.
fn pace(config: &NodeConfig) -> Pace {
    Pace {
        log_bytes: config.checkpoint_log_bytes,
        // Or the records since the last one would keep segments that a full journal has to drop.
        log_bytes_max: config.journal_bytes_max / 8,
        after: config.checkpoint_after,
        names_kept: config.idempotency_kept,
        names_max: config.node_idempotency_keys_max as u64,
    }
}

fn caps(config: &NodeConfig) -> Caps {
    let NodeConfig { in_flight_max, connection_in_flight_max, .. } = *config;
    Caps { in_flight_max, connection_in_flight_max }
}

fn history_parts(
    log: &SegmentLog,
    disk: &Arc<dyn Disk>,
    clock: &Arc<dyn Clock>,
    feed: broadcast::Sender<Feed>,
    last: Option<Position>,
) -> HistoryParts {
    HistoryParts {
        journal: log.records(),
        disk: Arc::clone(disk),
        clock: Arc::clone(clock),
        feed,
        segments: log.segments().iter().map(|segment| segment.number).collect(),
        last,
    }
}

/// Writes down the attempts that a crash cut.
fn note_unknown(writer: &Writer<Fact>, unknown: Vec<Record>) -> Result<(), JournalError> {
    let unknown: Vec<_> = unknown.into_iter().map(|record| fact(record, None)).collect();
    if !unknown.is_empty() && writer.note(Class::Outcome, unknown).is_err() {
        return Err(JournalError::Poisoned);
    }
    Ok(())
}

fn history_limits(config: &NodeConfig) -> HistoryLimits {
    HistoryLimits {
        workspace_events_max: config.workspace_events_max,
        workspace_history_kept: config.workspace_history_kept,
    }
}

fn writer_limits(config: &NodeConfig) -> WriterLimits {
    WriterLimits {
        queue_bytes_max: config.queue_bytes_max,
        queue_records_max: config.queue_records_max,
        journal_bytes_max: config.journal_bytes_max,
    }
}

fn empty_books(config: &NodeConfig) -> Books {
    let window = Window::new(WindowLimits {
        kept: config.idempotency_kept,
        workspace_names_max: config.workspace_idempotency_keys_max,
        node_names_max: config.node_idempotency_keys_max,
    });
    let limits =
        PendingLimits { workspace_max: config.workspace_pending_max, node_max: config.node_pending_max };
    Books::new(window, limits)
}
