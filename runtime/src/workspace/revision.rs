//! A published bundle: immutable, live or not; held as text, and compiled when an event asks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use compiler::world::{Bundle, BundleFile, World};
use jiff::Timestamp;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

use super::record::{FileRecord, RevisionRecord};
use super::warm::{Cooled, Warm};
use crate::id::{RevisionId, WorkspaceId};
use crate::rules::{Answering, Refused, Rules};

/// Bytes that a compiled bundle takes for each byte of its text, besides its index; measured with
/// `fanwise bench --workspaces`.
const BYTES_PER_TEXT_BYTE: u64 = 32;

/// Bytes that a compiled bundle takes whatever is in it, its machine code included.
const BYTES_ANYWAY: u64 = 24 << 10;

/// One immutable, published bundle of a workspace.
pub struct Revision {
    /// Its id.
    pub id: RevisionId,
    /// Counts from 1 in its workspace.
    pub number: u64,
    /// When it was published.
    pub created_at: Timestamp,
    /// The revision whose files these are, when this was a rollback.
    pub rollback_of: Option<u64>,
    /// The files.
    pub bundle: Arc<Bundle>,
    /// What they are compiled against.
    world: World,
    /// What they compile to, while it is held.
    compiled: ArcSwapOption<Rules>,
    warm: Arc<Warm>,
    /// This build does not take it, so it is not tried again.
    refused: AtomicBool,
    /// An event has asked since somebody last looked.
    used: AtomicBool,
    /// Held while it is compiled. A std mutex: compiling is work without a pause.
    waking: Mutex<()>,
    /// One permit: requests wait here and not on a thread.
    queue: Semaphore,
}

impl Revision {
    /// A revision made now, of files that were compiled just before.
    #[must_use]
    pub fn new(
        number: u64,
        bundle: Arc<Bundle>,
        world: World,
        now: Timestamp,
        rollback_of: Option<u64>,
        warm: Arc<Warm>,
    ) -> Self {
        Self { rollback_of, ..Self::cold(number, bundle, world, now, warm) }
    }

    /// A revision that is text until an event asks.
    #[must_use]
    pub fn cold(
        number: u64,
        bundle: Arc<Bundle>,
        mut world: World,
        created_at: Timestamp,
        warm: Arc<Warm>,
    ) -> Self {
        // Connections and lists may go later: what was published stays what it was.
        world.connections = None;
        world.lists = None;
        Self {
            id: RevisionId::fresh(),
            number,
            created_at,
            rollback_of: None,
            bundle,
            world,
            compiled: ArcSwapOption::empty(),
            warm,
            refused: AtomicBool::new(false),
            used: AtomicBool::new(false),
            waking: Mutex::new(()),
            queue: Semaphore::new(1),
        }
    }

    /// A stored revision, which is text until an event asks.
    #[must_use]
    pub fn from_record(record: RevisionRecord, world: World, warm: Arc<Warm>) -> Self {
        let bundle = Arc::new(bundle_of(record.files));
        let cold = Self::cold(record.number, bundle, world, record.created_at, warm);
        Self { id: record.id, rollback_of: record.rollback_of, ..cold }
    }

    /// How it is stored.
    #[must_use]
    pub fn record(&self) -> RevisionRecord {
        let files = self.bundle.files.iter();
        RevisionRecord {
            id: self.id.clone(),
            number: self.number,
            created_at: self.created_at,
            files: files
                .map(|file| FileRecord { path: file.path.clone(), text: file.text.clone() })
                .collect(),
            rollback_of: self.rollback_of,
        }
    }

    /// Its rules. When they are text, they are compiled here and now, and whoever asks meanwhile waits
    /// for that; requests ask [`ready`](Self::ready) first. `None` when this build no longer takes what
    /// an earlier one took: then nothing of it runs until somebody publishes again.
    #[must_use]
    pub fn rules(self: &Arc<Self>) -> Option<Arc<Rules>> {
        let Some(rules) = self.compiled.load_full() else { return self.wake() };
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        Some(rules)
    }

    /// Has its rules compiled on a thread that may block, unless they are. Requests that come together
    /// cause that once.
    pub async fn ready(self: &Arc<Self>) {
        if self.is_settled() {
            return;
        }
        let _one = self.queue.acquire().await;
        let _turn = self.warm.compiling.acquire().await;
        if !self.is_settled() {
            let revision = Arc::clone(self);
            let woken = tokio::task::spawn_blocking(move || drop(revision.wake()));
            // Nothing is lost if that fails: whoever asks for the rules tries again.
            let _ = woken.await;
        }
    }

    /// What answers for it at the moment; `None` while it is text.
    #[must_use]
    pub fn answering(&self) -> Option<Answering> {
        self.compiled.load().as_ref().map(|rules| rules.answering())
    }

    /// Whether its rules are held compiled.
    #[must_use]
    pub fn is_compiled(&self) -> bool {
        self.compiled.load().is_some()
    }

    fn is_settled(&self) -> bool {
        self.is_compiled() || self.refused.load(Ordering::Acquire)
    }

    fn wake(self: &Arc<Self>) -> Option<Arc<Rules>> {
        if self.refused.load(Ordering::Acquire) {
            return None;
        }
        in_place(|| {
            let _alone = self.waking.lock().unwrap_or_else(PoisonError::into_inner);
            if self.is_settled() {
                return self.compiled.load_full();
            }
            self.warm.count_woken();
            let compiled = catch_unwind(AssertUnwindSafe(|| Rules::compile(&self.bundle, &self.world)));
            match compiled {
                Ok(Ok(rules)) => {
                    let rules = Arc::new(rules);
                    self.hold(Arc::clone(&rules));
                    Some(rules)
                }
                Ok(Err(messages)) => self.refuse(Some(&messages)),
                Err(_) => self.refuse(None),
            }
        })
    }

    /// Events of the workspace are kept and match nothing; an operator must publish again.
    fn refuse(&self, messages: Option<&Refused>) -> Option<Arc<Rules>> {
        self.refused.store(true, Ordering::Release);
        tracing::error!(
            workspace = %self.world.workspace.id, number = self.number,
            messages = ?messages.map(Refused::text),
            "the live revision no longer compiles, so no rule of it runs"
        );
        None
    }

    /// Holds its rules compiled.
    fn hold(self: &Arc<Self>, rules: Arc<Rules>) {
        let text: usize = self.bundle.files.iter().map(|file| file.text.len()).sum();
        let bytes = text as u64 * BYTES_PER_TEXT_BYTE + rules.index_bytes() as u64 + BYTES_ANYWAY;
        let workspace = WorkspaceId::from_text(&self.world.workspace.id);
        self.warm.code.serve(&rules, &workspace, self.number);
        self.compiled.store(Some(rules));
        let held: Arc<dyn Cooled> = Arc::clone(self) as Arc<dyn Cooled>;
        self.warm.add(&held, bytes);
    }

    /// Holds rules that somebody compiled from its files.
    pub(super) fn start(self: &Arc<Self>, rules: Arc<Rules>) {
        self.hold(rules);
    }
}

impl Cooled for Revision {
    fn was_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    fn cool(&self) -> Box<dyn Send> {
        Box::new(self.compiled.swap(None))
    }

    fn is_revision(&self) -> bool {
        true
    }
}

/// Does work without a pause. On a thread of the async runtime, others are given another thread first.
pub(crate) fn in_place<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Stored files as a bundle.
#[must_use]
pub fn bundle_of(files: Vec<FileRecord>) -> Bundle {
    Bundle { files: files.into_iter().map(|file| BundleFile { path: file.path, text: file.text }).collect() }
}
