//! A workspace in memory: its name, its connections and the revision that is live.
//!
//! Readers never wait: what changes is behind an `ArcSwap`. Changes of one workspace take turns
//! (see [`registry`]), are stored first and become visible after that.

pub mod change;
pub mod connection;
mod delete;
pub mod publish;
pub mod rate;
pub mod record;
pub mod registry;
pub mod replay;
pub mod revision;
pub mod warm;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use compiler::world::{WorkspaceFacts, World};
use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};

pub use connection::Connection;
pub use registry::Registry;
pub use revision::Revision;
pub use warm::Warm;

use crate::id::{ConnectionId, WorkspaceId};
use crate::lists::{ReadError, Snapshot, WorkspaceLists};
use crate::rules::Rules;
use crate::secret::vault::WorkspaceKey;
use rate::EventRate;
use record::{FailingTests, WorkspaceRecord};

/// What rules see that ask no lists.
static NO_LISTS: LazyLock<Arc<Snapshot>> = LazyLock::new(Arc::default);

/// The isolation boundary: everything below is keyed by it.
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// What it is in; rules are compiled for it, so it never changes.
    pub environment: Arc<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How fast it may send events.
    pub rate: EventRate,
    /// The lists that its rules ask.
    pub lists: Arc<WorkspaceLists>,
    name: ArcSwap<Arc<str>>,
    failing_tests: ArcSwap<FailingTests>,
    connections: ArcSwap<ConnectionTable>,
    live: ArcSwapOption<Revision>,
    /// One permit: whoever changes the workspace holds it from reading to swapping.
    turn: Semaphore,
    /// One permit: whoever has a bundle compiled or compared holds it for that. Of one workspace one thread
    /// is kept busy so, however many ask; the others wait.
    bundles: Semaphore,
    /// Seals its secrets.
    key: WorkspaceKey,
}

/// The connections of a workspace.
#[derive(Clone, Debug, Default)]
pub struct ConnectionTable {
    by_name: BTreeMap<Arc<str>, Arc<Connection>>,
    by_id: BTreeMap<ConnectionId, Arc<Connection>>,
}

impl ConnectionTable {
    /// By its name in rules.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<Connection>> {
        self.by_name.get(name)
    }

    /// By its id.
    #[must_use]
    pub fn get(&self, id: &ConnectionId) -> Option<&Arc<Connection>> {
        self.by_id.get(id)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.by_name.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Adds one, or puts it in place of the one with its id.
    pub fn insert(&mut self, connection: Arc<Connection>) {
        self.by_name.insert(Arc::clone(&connection.name), Arc::clone(&connection));
        self.by_id.insert(connection.id.clone(), connection);
    }

    /// Takes one out.
    pub fn remove(&mut self, id: &ConnectionId) {
        if let Some(connection) = self.by_id.remove(id) {
            self.by_name.remove(&connection.name);
        }
    }
}

impl Workspace {
    /// A workspace as it is stored, with its connections and lists and without rules.
    #[must_use]
    pub fn new(
        record: &WorkspaceRecord,
        key: WorkspaceKey,
        connections: ConnectionTable,
        lists: Arc<WorkspaceLists>,
    ) -> Self {
        Self {
            lists,
            id: record.id.clone(),
            environment: Arc::clone(&record.environment),
            created_at: record.created_at,
            rate: EventRate::default(),
            name: ArcSwap::from_pointee(Arc::clone(&record.name)),
            failing_tests: ArcSwap::from_pointee(record.failing_tests),
            connections: ArcSwap::from_pointee(connections),
            live: ArcSwapOption::empty(),
            turn: Semaphore::new(1),
            bundles: Semaphore::new(1),
            key,
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        Arc::clone(&self.name.load())
    }

    /// Waits until nothing else is compiled or compared for the workspace.
    pub(crate) async fn bundle_turn(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.bundles.acquire().await.ok()
    }

    /// What becomes of a bundle whose tests fail.
    #[must_use]
    pub fn failing_tests(&self) -> FailingTests {
        **self.failing_tests.load()
    }

    /// The connections of this moment.
    #[must_use]
    pub fn connections(&self) -> Arc<ConnectionTable> {
        self.connections.load_full()
    }

    /// The revision that decides now; `None` before rules were published.
    #[must_use]
    pub fn live(&self) -> Option<Arc<Revision>> {
        self.live.load_full()
    }

    /// The lists of this moment, as far as those rules ask any.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn lists_for(&self, rules: &Rules) -> Result<Arc<Snapshot>, ReadError> {
        if rules.asks_lists() { self.lists.now() } else { Ok(Arc::clone(&NO_LISTS)) }
    }

    /// Has what an event asks brought into memory, on threads that may block.
    pub async fn ready(&self) {
        let Some(live) = self.live() else { return };
        live.ready().await;
        if live.rules().is_some_and(|rules| rules.asks_lists()) {
            // Whoever decides an event tries again, and refuses the event if that fails, too.
            let _ = self.lists.ready().await;
        }
    }

    /// What its rules are compiled against.
    #[must_use]
    pub fn world(&self) -> World {
        let mut world = World::offline(Some(&self.environment));
        world.workspace = WorkspaceFacts { id: self.id.as_str().into(), name: self.name() };
        let table = self.connections.load();
        let connections = table.iter().map(|one| (Arc::clone(&one.name), Arc::clone(&one.integration)));
        world.connections = Some(connections.collect());
        world
    }

    fn set(&self, record: &WorkspaceRecord) {
        self.name.store(Arc::new(Arc::clone(&record.name)));
        self.failing_tests.store(Arc::new(record.failing_tests));
    }

    /// Lets a revision decide from now on.
    pub(crate) fn set_live(&self, revision: Option<Arc<Revision>>) {
        self.live.store(revision);
    }

    fn edit_connections(&self, edit: impl Fn(&mut ConnectionTable)) {
        self.connections.rcu(|table| {
            let mut table = ConnectionTable::clone(table);
            edit(&mut table);
            table
        });
    }
}
