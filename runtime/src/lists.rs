//! Lists that a workspace keeps outside its rules: changed over the API, asked by rules with `in`.
//!
//! They are in the control store, an entry a key. The first event whose rules ask them brings all lists of its
//! workspace into memory, where they stay as long as they are asked ([`Warm`]). In memory they are one [`Snapshot`]
//! behind an `ArcSwap`: whoever decides an event takes it once, so all questions about the event see the same lists,
//! and waits for nobody who changes them. A change is stored first and visible after that, all of it at once.

mod change;
mod shards;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwapOption;
use compiler::eval::Lists;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use change::{Changed, Edit, ListPage};
use shards::Shards;

use crate::control::{ConfigStore, StoreError};
use crate::id::WorkspaceId;
use crate::limits::LIST_ENTRY_BYTES_MORE;
use crate::workspace::Warm;
use crate::workspace::revision::in_place;
use crate::workspace::warm::Cooled;

/// `list/WORKSPACE/NAME`. Its entries are `entry/WORKSPACE/NAME/ENTRY`, without a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRecord {
    /// Its name in rules.
    pub name: Arc<str>,
    /// How many entries it has.
    pub entries: usize,
    /// Bytes of all entries, each with [`LIST_ENTRY_BYTES_MORE`].
    pub bytes: usize,
    /// Counts its changes; the first entries are 1.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Where the lists of a workspace are.
#[must_use]
pub fn lists_of(workspace: &WorkspaceId) -> String {
    format!("list/{workspace}/")
}

/// Where the entries of all lists of a workspace are.
#[must_use]
pub fn all_entries_of(workspace: &WorkspaceId) -> String {
    format!("entry/{workspace}/")
}

fn list_key(workspace: &WorkspaceId, name: &str) -> String {
    format!("list/{workspace}/{name}")
}

fn entries_of(workspace: &WorkspaceId, name: &str) -> String {
    format!("entry/{workspace}/{name}/")
}

/// What an entry counts.
fn bytes_of(entry: &str) -> usize {
    entry.len() + LIST_ENTRY_BYTES_MORE
}

/// A list in memory.
#[derive(Debug)]
struct KeptList {
    record: ListRecord,
    entries: Shards,
}

/// All lists of a workspace at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    lists: BTreeMap<Arc<str>, Arc<KeptList>>,
}

impl Lists for Snapshot {
    fn contains(&self, list: &str, text: &str, ignoring_case: bool) -> Option<bool> {
        Some(self.lists.get(list)?.entries.contains(text, ignoring_case))
    }
}

impl Snapshot {
    /// Lists that nobody stored, such as a bench's.
    #[must_use]
    pub fn of(lists: impl IntoIterator<Item = (Arc<str>, Vec<Box<str>>)>) -> Self {
        let kept = |(name, entries): (Arc<str>, Vec<Box<str>>)| {
            let entries = Shards::new(entries);
            let record = ListRecord {
                name: Arc::clone(&name),
                entries: entries.len(),
                bytes: entries.iter().map(bytes_of).sum(),
                version: 1,
                created_at: Timestamp::UNIX_EPOCH,
                updated_at: Timestamp::UNIX_EPOCH,
            };
            (name, Arc::new(KeptList { record, entries }))
        };
        Self { lists: lists.into_iter().map(kept).collect() }
    }

    /// What is known of a list.
    #[must_use]
    pub fn record(&self, name: &str) -> Option<&ListRecord> {
        self.lists.get(name).map(|list| &list.record)
    }

    fn bytes(&self) -> usize {
        self.lists.values().map(|list| list.record.bytes).sum()
    }

    /// Reads what is stored, all of it as it is at one moment. Blocks.
    fn read(store: &dyn ConfigStore, workspace: &WorkspaceId) -> Result<Self, ReadError> {
        let (lists, entries) = (lists_of(workspace), all_entries_of(workspace));
        let mut records: BTreeMap<Arc<str>, ListRecord> = BTreeMap::new();
        let mut read: BTreeMap<Box<str>, Vec<Box<str>>> = BTreeMap::new();
        let mut damaged = None;
        store.read(&[&lists, &entries], &mut |key, value| {
            if let Some(entry) = key.strip_prefix(&*entries) {
                let (list, entry) = entry.split_once('/').unwrap_or_default();
                match read.get_mut(list) {
                    Some(known) => known.push(entry.into()),
                    None => drop(read.insert(list.into(), vec![entry.into()])),
                }
            } else {
                match serde_json::from_slice::<ListRecord>(value) {
                    Ok(record) => drop(records.insert(Arc::clone(&record.name), record)),
                    Err(source) => damaged = Some(ReadError::Record { key: key.to_owned(), source }),
                }
            }
        })?;
        if let Some(damaged) = damaged {
            return Err(damaged);
        }
        let lists = records.into_iter().map(|(name, record)| {
            let entries = Shards::new(read.remove(&*name).unwrap_or_default());
            (name, Arc::new(KeptList { record, entries }))
        });
        Ok(Self { lists: lists.collect() })
    }
}

/// Why lists cannot be read. Then no event is decided whose rules ask them.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored value cannot be read.
    #[error("the stored {key} cannot be read: {source}")]
    Record {
        /// Its key.
        key: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The server has stopped.
    #[error("the server has stopped")]
    Stopped,
    /// The reading thread died.
    #[error("the lists could not be read")]
    ReaderDied,
}

/// The lists of one workspace: in the store, and in memory while events ask them.
pub struct WorkspaceLists {
    workspace: WorkspaceId,
    /// Without a store there are none. Weak, because whoever still holds a workspace of a server that has stopped must
    /// not hold its store open.
    source: Option<(Weak<dyn ConfigStore>, Arc<Warm>)>,
    held: ArcSwapOption<Snapshot>,
    /// An event has asked since somebody last looked.
    used: AtomicBool,
    /// Held while they are read, and while a change becomes visible, so that what was read before a change is never
    /// shown after it. A std mutex: both are work without a pause.
    loading: Mutex<()>,
}

impl WorkspaceLists {
    /// Those that are stored, read when they are first asked.
    #[must_use]
    pub fn stored(workspace: &WorkspaceId, store: &Arc<dyn ConfigStore>, warm: Arc<Warm>) -> Arc<Self> {
        Self::of(workspace, Some((Arc::downgrade(store), warm)))
    }

    /// None, for ever.
    #[must_use]
    pub fn none(workspace: &WorkspaceId) -> Arc<Self> {
        Self::of(workspace, None)
    }

    fn of(workspace: &WorkspaceId, source: Option<(Weak<dyn ConfigStore>, Arc<Warm>)>) -> Arc<Self> {
        Arc::new(Self {
            workspace: workspace.clone(),
            source,
            held: ArcSwapOption::empty(),
            used: AtomicBool::new(false),
            loading: Mutex::new(()),
        })
    }

    /// All lists of this moment. When they are not in memory they are read here and now, and whoever asks
    /// meanwhile waits for that; requests ask [`ready`](Self::ready) first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn now(self: &Arc<Self>) -> Result<Arc<Snapshot>, ReadError> {
        let Some(held) = self.held.load_full() else { return self.load() };
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        Ok(held)
    }

    /// The same; when they are not in memory, a thread that may block reads them.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn ready(self: &Arc<Self>) -> Result<Arc<Snapshot>, ReadError> {
        if self.held.load().is_some() {
            return self.now();
        }
        let _turn = match &self.source {
            Some((_, warm)) => warm.compiling.acquire().await.ok(),
            None => None,
        };
        let lists = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || lists.now()).await;
        read.map_err(|_| ReadError::ReaderDied)?
    }

    fn load(self: &Arc<Self>) -> Result<Arc<Snapshot>, ReadError> {
        let Some((store, _)) = &self.source else { return Ok(Arc::default()) };
        in_place(|| {
            let _alone = self.alone();
            if let Some(held) = self.held.load_full() {
                return Ok(held);
            }
            let store = store.upgrade().ok_or(ReadError::Stopped)?;
            let read = Arc::new(Snapshot::read(&*store, &self.workspace)?);
            self.hold(Arc::clone(&read));
            Ok(read)
        })
    }

    /// Shows what a change has made and stored.
    fn show(self: &Arc<Self>, changed: Arc<Snapshot>) {
        in_place(|| {
            let _alone = self.alone();
            self.hold(changed);
        });
    }

    fn hold(self: &Arc<Self>, snapshot: Arc<Snapshot>) {
        let bytes = snapshot.bytes() as u64;
        let old = self.held.swap(Some(snapshot));
        if let Some((_, warm)) = &self.source {
            let held: Arc<dyn Cooled> = Arc::clone(self) as Arc<dyn Cooled>;
            warm.add(&held, bytes);
        }
        drop(old);
    }

    fn alone(&self) -> MutexGuard<'_, ()> {
        self.loading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether they are in memory.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.load().is_some()
    }
}

impl Cooled for WorkspaceLists {
    fn was_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    fn cool(&self) -> Box<dyn Send> {
        Box::new(self.held.swap(None))
    }

    fn is_revision(&self) -> bool {
        false
    }
}
