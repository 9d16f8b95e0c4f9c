//! Many deliveries again: found by a filter, owed at a rate, never twice under one id.
//!
//! A replayed delivery's id follows from the replay's and from what it replays. So whoever runs the same
//! replay twice, or after a crash from an earlier point, finds that it is owed already. Progress is stored
//! now and then; a restart goes on from there.

mod rematch;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use crate::id::{DeliveryId, ReplayId, WorkspaceId};
use crate::limits::REPLAYS_RUNNING_MAX;
use crate::node::{Cursor, DeliveryFilter, EventFilter, Node, ReadError, Rejected};
use crate::record::Owed;
use crate::server::Server;
use crate::workspace::Workspace;
use crate::workspace::change::ChangeError;
use crate::workspace::replay::{Progress, ReplayMode, ReplayRecord, ReplayState};

/// Progress is stored that often, and at the end.
const STORED_EVERY: Duration = Duration::from_secs(1);

/// Pieces of a replay within a second.
const PIECES_A_SECOND: u32 = 10;

/// Ids that are remembered beside the history, for the moment in which it is late.
const REMEMBERED_MAX: usize = 100_000;

/// A history that does not show everything yet is asked again that often.
const HISTORY_ASKED_EVERY: Duration = Duration::from_millis(200);

/// What a replay says meanwhile.
const HISTORY_LATE: &str = "the history does not show everything yet, and nothing must be sent twice";

/// A preview counts so many at most, and for so long.
const PREVIEW_MAX: u64 = 100_000;

/// See [`PREVIEW_MAX`].
const PREVIEW_TIME: Duration = Duration::from_secs(5);

/// What a replay goes through.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which deliveries.
    pub deliveries: DeliveryFilter,
    /// Whether nothing is asked of deliveries: then a replay that matches again goes through events.
    pub only_events: bool,
}

/// How many a replay would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Deliveries, or events to be matched again.
    pub matched: u64,
    /// Whether that is all of them.
    pub complete: bool,
}

/// The replays that are running.
#[derive(Default)]
pub struct Replays {
    /// A std mutex: held to look one up or to add one.
    running: Mutex<BTreeMap<(WorkspaceId, ReplayId), Arc<Running>>>,
}

struct Running {
    /// A std mutex: held to read or to replace it.
    record: Mutex<ReplayRecord>,
    cancelled: AtomicBool,
}

impl Running {
    fn record(&self) -> MutexGuard<'_, ReplayRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a replay does not begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// So many run in this workspace already.
    #[error("{REPLAYS_RUNNING_MAX} replays are running already")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] ChangeError),
}

impl Replays {
    fn running(&self) -> MutexGuard<'_, BTreeMap<(WorkspaceId, ReplayId), Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that runs, as it is now.
    #[must_use]
    pub fn now(&self, workspace: &WorkspaceId, id: &ReplayId) -> Option<ReplayRecord> {
        let found = self.running().get(&(workspace.clone(), id.clone())).cloned();
        found.map(|running| running.record().clone())
    }

    /// Ends one that runs; it ends after the piece that it is at. `false` when it does not run.
    #[must_use]
    pub fn cancel(&self, workspace: &WorkspaceId, id: &ReplayId) -> bool {
        let found = self.running().get(&(workspace.clone(), id.clone())).cloned();
        // One that has just ended is still among them.
        let found = found.filter(|running| running.record().progress.state == ReplayState::Running);
        if let Some(running) = &found {
            running.cancelled.store(true, Ordering::Release);
        }
        found.is_some()
    }

    /// Stores a replay and begins with it, or goes on with it.
    ///
    /// # Errors
    /// [`BeginError`]; then it does not run.
    pub async fn begin(
        server: &Arc<Server>,
        workspace: Arc<Workspace>,
        record: ReplayRecord,
        wanted: Wanted,
    ) -> Result<(), BeginError> {
        let key = (record.workspace.clone(), record.id.clone());
        let running =
            Arc::new(Running { record: Mutex::new(record.clone()), cancelled: AtomicBool::new(false) });
        {
            let mut all = server.replays.running();
            let of_workspace = all.keys().filter(|(workspace, _)| *workspace == key.0).count();
            if of_workspace >= REPLAYS_RUNNING_MAX {
                return Err(BeginError::TooMany);
            }
            if all.contains_key(&key) {
                return Ok(());
            }
            all.insert(key.clone(), Arc::clone(&running));
        }
        if let Err(error) = server.registry.store_replay(&record).await {
            server.replays.running().remove(&key);
            return Err(error.into());
        }
        let runner =
            Runner { server: Arc::downgrade(server), workspace, running, wanted, seen: HashSet::new() };
        tokio::spawn(async move {
            let server = runner.server.clone();
            runner.run().await;
            if let Some(server) = server.upgrade() {
                server.replays.running().remove(&key);
            }
        });
        Ok(())
    }
}

/// Counts what a filter finds.
///
/// # Errors
/// The journal cannot be read.
pub async fn preview(
    node: &Node,
    workspace: &WorkspaceId,
    wanted: &Wanted,
    mode: ReplayMode,
) -> Result<Preview, ReadError> {
    let began = std::time::Instant::now();
    let mut cursor = Cursor { before: None, limit: 1_000 };
    let mut matched = 0;
    loop {
        let (found, next) = if mode == ReplayMode::Rematch && wanted.only_events {
            let page = node.event_records(workspace, &wanted.events(), &cursor).await?;
            (page.items.len(), page.next)
        } else {
            let page = node.found_deliveries(workspace, &wanted.deliveries, &cursor).await?;
            (page.items.len(), page.next)
        };
        matched += found as u64;
        cursor.before = next;
        if next.is_none() || matched >= PREVIEW_MAX || began.elapsed() >= PREVIEW_TIME {
            return Ok(Preview { matched, complete: next.is_none() });
        }
    }
}

impl Wanted {
    /// What it asks of events.
    fn events(&self) -> EventFilter {
        let asked = &self.deliveries;
        EventFilter {
            id: asked.event.clone(),
            kind: asked.kind.clone(),
            resource: asked.resource.clone(),
            resource_id: asked.resource_id.clone(),
            revision: asked.revision.clone(),
            time: asked.time,
            condition: asked.condition.clone(),
        }
    }
}

/// The id of what a replay owes: the same whenever the same replay comes to the same thing. Like every id
/// it sorts by time, here that of the replay.
fn delivery_id(replay: &ReplayRecord, of: &[&str]) -> DeliveryId {
    let mut text = format!("{}\0{}", replay.workspace, replay.id);
    for part in of {
        text.push('\0');
        text.push_str(part);
    }
    let hash = digest(&SHA256, text.as_bytes());
    let hash: String = hash.as_ref().iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    let millis = replay.created_at.as_millisecond().max(0).unsigned_abs() & 0xffff_ffff_ffff;
    DeliveryId::from_text(&format!("{}_{millis:012x}{hash}", DeliveryId::PREFIX))
}

/// One replay at work.
struct Runner {
    /// Weak: a replay does not keep a server that stops.
    server: Weak<Server>,
    workspace: Arc<Workspace>,
    running: Arc<Running>,
    wanted: Wanted,
    /// What it owed a moment ago.
    seen: HashSet<DeliveryId>,
}

/// A piece of a replay.
#[derive(Default)]
struct Piece {
    owed: Vec<Owed>,
    deliveries: u64,
    matched: u64,
    repeated: u64,
    not_settled: u64,
    next: Option<u64>,
}

/// Why a replay ends before its end.
enum Stop {
    /// For good.
    Failed(String),
    /// The server stops; the next start goes on.
    Later,
    /// Somebody cancelled it.
    Cancelled,
}

impl From<crate::lists::ReadError> for Stop {
    fn from(error: crate::lists::ReadError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Runner {
    async fn run(mut self) {
        let ended = self.pieces().await;
        let Some(server) = self.server.upgrade() else { return };
        let state = match ended {
            Ok(state) => state,
            Err(Stop::Later) => return,
            Err(Stop::Cancelled) => ReplayState::Cancelled,
            Err(Stop::Failed(because)) => {
                self.running.record().progress.because = Some(because.into());
                ReplayState::Failed
            }
        };
        let record = {
            let mut record = self.running.record();
            (record.progress.state, record.progress.ended_at) = (state, Some(Timestamp::now()));
            record.clone()
        };
        store(&server, &record).await;
    }

    async fn pieces(&mut self) -> Result<ReplayState, Stop> {
        let rate = self.running.record().rate.max(1);
        let limit = rate.div_ceil(PIECES_A_SECOND).min(250);
        let mut stored = tokio::time::Instant::now();
        let mut due = tokio::time::Instant::now();
        loop {
            let server = self.server.upgrade().ok_or(Stop::Later)?;
            if self.running.cancelled.load(Ordering::Acquire) {
                return Ok(ReplayState::Cancelled);
            }
            let (before, mode) = {
                let record = self.running.record();
                (record.progress.cursor, record.mode)
            };
            let cursor = Cursor { before, limit: limit as usize };
            let piece = match mode {
                ReplayMode::Recorded => self.recorded(&server, &cursor).await?,
                ReplayMode::Rematch => self.rematched(&server, &cursor).await?,
            };
            let (deliveries, next) = (piece.deliveries, piece.next);
            self.owe(&server, piece).await?;
            if next.is_none() {
                return Ok(ReplayState::Done);
            }
            if stored.elapsed() >= STORED_EVERY {
                let record = self.running.record().clone();
                store(&server, &record).await;
                stored = tokio::time::Instant::now();
            }
            drop(server);
            // A page may end early without a find; looking on costs its time, too.
            due += Duration::from_micros(deliveries.saturating_mul(1_000_000) / u64::from(rate));
            tokio::time::sleep_until(due.max(tokio::time::Instant::now() + Duration::from_millis(1))).await;
            due = due.max(tokio::time::Instant::now() - Duration::from_secs(1));
        }
    }

    /// The next settled deliveries with the inputs that they had.
    async fn recorded(&mut self, server: &Server, cursor: &Cursor) -> Result<Piece, Stop> {
        let record = self.running.record().clone();
        let page = server.node.found_deliveries(&record.workspace, &self.wanted.deliveries, cursor).await?;
        let mut piece = Piece { next: page.next, matched: page.items.len() as u64, ..Piece::default() };
        for found in page.items {
            if !found.may_be_replayed() {
                piece.not_settled += 1;
                continue;
            }
            let original = found.view.replay_of.as_ref().unwrap_or(&found.view.id);
            let id = delivery_id(&record, &[original.as_str()]);
            if self.is_owed(server, &id).await? {
                piece.repeated += 1;
                continue;
            }
            if let Some(owed) = server.node.again(&found, id) {
                piece.deliveries += 1;
                piece.owed.push(owed);
            }
        }
        Ok(piece)
    }

    /// Whether this replay owes that already; from now on it does. What an earlier run owed must be found, or
    /// it would be owed twice: so a history that is being made again, or of which the disk does not give a
    /// part, is waited for.
    async fn is_owed(&mut self, server: &Server, id: &DeliveryId) -> Result<bool, Stop> {
        if self.seen.len() >= REMEMBERED_MAX {
            self.seen.clear();
        }
        if !self.seen.insert(id.clone()) {
            return Ok(true);
        }
        let workspace = self.workspace.id.clone();
        loop {
            if let Some(owed) = server.node.knows(&workspace, id).await? {
                return Ok(owed);
            }
            if self.running.cancelled.load(Ordering::Acquire) {
                return Err(Stop::Cancelled);
            }
            if matches!(server.node.refuses(None), Some(Rejected::Stopping | Rejected::Failing)) {
                return Err(Stop::Later);
            }
            self.running.record().progress.because = Some(HISTORY_LATE.into());
            tokio::time::sleep(HISTORY_ASKED_EVERY).await;
        }
    }

    /// Makes a piece durable, as soon as there is room for it, and counts it.
    async fn owe(&self, server: &Server, piece: Piece) -> Result<(), Stop> {
        while !piece.owed.is_empty() {
            let wait = match server.node.owe_again(piece.owed.clone()).await {
                Ok(()) => break,
                Err(Rejected::Stopping | Rejected::Failing) => return Err(Stop::Later),
                Err(Rejected::TooLarge { .. }) => {
                    return Err(Stop::Failed("a record is too large".to_owned()));
                }
                Err(rejected @ (Rejected::Busy { retry_after } | Rejected::Limit { retry_after, .. })) => {
                    self.running.record().progress.because = Some(rejected.to_string().into());
                    retry_after.min(Duration::from_secs(2))
                }
            };
            if self.running.cancelled.load(Ordering::Acquire) {
                return Ok(());
            }
            tokio::time::sleep(wait).await;
        }
        let mut record = self.running.record();
        let progress: &mut Progress = &mut record.progress;
        progress.because = None;
        progress.matched += piece.matched;
        progress.replayed += piece.deliveries;
        progress.repeated += piece.repeated;
        progress.not_settled += piece.not_settled;
        progress.cursor = piece.next;
        Ok(())
    }
}

async fn store(server: &Server, record: &ReplayRecord) {
    if let Err(error) = server.registry.store_replay(record).await {
        tracing::error!(replay = %record.id, %error, "the progress of a replay cannot be stored");
    }
}
