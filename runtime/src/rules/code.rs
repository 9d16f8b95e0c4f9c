//! The thread that compiles what is asked often, one revision at a time, and frees what nobody uses.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use compiler::eval::Facts;
use compiler::matcher::{Indexed, Jit, Matcher, Matches};
use compiler::slots::Level;

use super::crash::{Crashes, Name};
use super::slot::{Retired, Sent};
use super::sync::Outlet;
use super::{Engine, Rules};
use crate::id::WorkspaceId;

/// A revision is compiled when it has decided so many events, and asked for again after so many more
/// when there was no room. Below that, compiling costs more than it gains.
pub const HOT_EVENTS: u64 = 256;

/// Workspaces that wait for the compiler, each with its newest revision. When so many wait, others are
/// turned away, stay interpreted, and ask again.
pub const WAITING_MAX: usize = 1_024;

/// Compiled revisions in memory. Each takes its own pages, and the kernel counts mappings (65,530 by
/// default). When there are so many, further ones stay interpreted until others are freed.
pub const MODULES_MAX: usize = 16_384;

/// One event in so many is decided by the plain interpreter, too, unless the server is told otherwise.
pub const CHECKED_EVENTS: u64 = 10_000;

/// How long code that is still asked is left alone before it is looked at again. Asking takes microseconds.
const RETIRED_WAIT: Duration = Duration::from_millis(10);

/// How code is made: a function, so that tests can have one that fails.
type Compile = fn(&Arc<Indexed>) -> Result<Option<Box<dyn Matcher>>, String>;

/// What the thread is told.
pub(super) enum Work {
    /// Something waits.
    Look,
    /// This was taken out and is freed when nobody asks it any more.
    Free(Retired<Compiled>),
    /// End.
    Stop,
}

/// How a server uses compiled code.
#[derive(Debug)]
pub struct CodeSettings {
    /// Whether at all.
    pub engine: Engine,
    /// One event in so many is checked, for each revision; 0 for none.
    pub checked_events: u64,
    /// How much of a payload is checked before rules are asked about it.
    pub level: Level,
    /// Which revisions crashed earlier.
    pub crashes: Crashes,
}

impl Default for CodeSettings {
    fn default() -> Self {
        Self {
            engine: Engine::Compiled,
            checked_events: CHECKED_EVENTS,
            level: Level::default(),
            crashes: Crashes::default(),
        }
    }
}

/// The thread, from outside. It ends when this is dropped.
pub struct CodeThread {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    settings: CodeSettings,
    compile: Compile,
    work: SyncSender<Work>,
    waiting: Mutex<Waiting>,
    /// Whether the thread was told and has not looked yet.
    told: AtomicBool,
    modules: Arc<AtomicUsize>,
    pub(super) counted: Counted,
}

/// Workspaces in the order in which they asked.
#[derive(Default)]
struct Waiting {
    order: VecDeque<WorkspaceId>,
    newest: HashMap<WorkspaceId, Weak<Rules>>,
}

#[derive(Default)]
pub(super) struct Counted {
    compiled: AtomicU64,
    failed: AtomicU64,
    panicked: AtomicU64,
    turned_away: AtomicU64,
    pub(super) checked: AtomicU64,
    pub(super) differed: AtomicU64,
}

/// What happened since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeCounts {
    /// Revisions that were compiled.
    pub compiled: u64,
    /// Revisions of which no code could be made.
    pub failed: u64,
    /// Of those, the ones at which the compiler panicked.
    pub panicked: u64,
    /// Times a revision found no room.
    pub turned_away: u64,
    /// Events that were decided by the plain interpreter, too.
    pub checked: u64,
    /// Of those, the ones that were decided differently.
    pub differed: u64,
    /// Compiled revisions in memory.
    pub modules: u64,
}

/// The code of a revision. While it runs, the thread bears the revision's name.
pub(super) struct Compiled {
    matcher: Box<dyn Matcher>,
    name: Option<Name>,
    modules: Option<Arc<AtomicUsize>>,
}

impl CodeThread {
    /// Starts it. Without compiled code there is no thread.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(settings: CodeSettings) -> std::io::Result<Self> {
        Self::start_with(settings, jit)
    }

    fn start_with(settings: CodeSettings, compile: Compile) -> std::io::Result<Self> {
        let (work, told) = sync_channel(MODULES_MAX + 2);
        let runs = settings.engine == Engine::Compiled;
        let shared = Arc::new(Shared {
            settings,
            compile,
            work,
            waiting: Mutex::default(),
            told: AtomicBool::new(false),
            modules: Arc::default(),
            counted: Counted::default(),
        });
        if runs {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("fanwise-code".to_owned()).spawn(move || run(&shared, &told))?;
        }
        Ok(Self { shared })
    }

    /// Has a revision compiled when it is asked often, and checked now and then. Events are decided by
    /// its index meanwhile.
    pub fn serve(&self, rules: &Arc<Rules>, workspace: &WorkspaceId, number: u64) {
        rules.serve(&self.shared, workspace, number);
        if self.shared.settings.crashes.are_too_many(workspace, number) {
            let _ = rules.quarantine();
            tracing::error!(
                %workspace, number,
                "the process crashed in this revision's compiled code more than once, so it is interpreted"
            );
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> CodeCounts {
        let counted = &self.shared.counted;
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CodeCounts {
            compiled: of(&counted.compiled),
            failed: of(&counted.failed),
            panicked: of(&counted.panicked),
            turned_away: of(&counted.turned_away),
            checked: of(&counted.checked),
            differed: of(&counted.differed),
            modules: self.shared.modules.load(Ordering::Relaxed) as u64,
        }
    }
}

impl Drop for CodeThread {
    fn drop(&mut self) {
        // A full channel means that it is told already, or has ended.
        drop(self.shared.work.try_send(Work::Stop));
    }
}

impl Shared {
    /// How much of a payload is checked before rules are asked about it.
    pub(super) fn level(&self) -> Level {
        self.settings.level
    }

    /// Whether an event is to be decided by the plain interpreter, too.
    pub(super) fn is_checked(&self, count: u64) -> bool {
        let every = self.settings.checked_events;
        every > 0 && count.is_multiple_of(every)
    }

    /// Asks for code, without waiting for anything.
    pub(super) fn ask(&self, workspace: &WorkspaceId, rules: &Weak<Rules>) {
        if self.settings.engine == Engine::Interpreter {
            return;
        }
        // Whoever decides events does not wait for a lock: it asks again later.
        let taken = self.waiting.try_lock().is_ok_and(|mut waiting| waiting.add(workspace, rules));
        if !taken || self.modules.load(Ordering::Relaxed) >= MODULES_MAX {
            self.counted.turned_away.fetch_add(1, Ordering::Relaxed);
        }
        if taken && !self.told.swap(true, Ordering::AcqRel) {
            drop(self.work.try_send(Work::Look));
        }
    }

    fn next(&self) -> Option<(WorkspaceId, Arc<Rules>)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let workspace = waiting.order.pop_front()?;
            // What was replaced meanwhile is gone.
            if let Some(rules) = waiting.newest.remove(&workspace).and_then(|rules| rules.upgrade()) {
                return Some((workspace, rules));
            }
        }
    }

    fn compile(&self, workspace: &WorkspaceId, rules: &Rules) {
        if self.modules.load(Ordering::Relaxed) >= MODULES_MAX || rules.is_settled() {
            return;
        }
        let counted = &self.counted;
        match catch_unwind(AssertUnwindSafe(|| (self.compile)(&rules.indexed))) {
            Ok(Ok(Some(matcher))) => {
                self.modules.fetch_add(1, Ordering::Relaxed);
                let modules = Some(Arc::clone(&self.modules));
                let name = rules.name();
                rules.put(Compiled { matcher, name, modules }, &Outlet::new(self.work.clone()));
                counted.compiled.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Ok(None)) => rules.settle(),
            Ok(Err(error)) => {
                rules.settle();
                counted.failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%workspace, %error, "conditions stay interpreted");
            }
            Err(_) => {
                rules.settle();
                counted.failed.fetch_add(1, Ordering::Relaxed);
                counted.panicked.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%workspace, "the code generator panicked; conditions stay interpreted");
            }
        }
    }
}

impl Waiting {
    /// Of a workspace only the newest revision waits, in the place of the one before.
    fn add(&mut self, workspace: &WorkspaceId, rules: &Weak<Rules>) -> bool {
        if let Some(newest) = self.newest.get_mut(workspace) {
            newest.clone_from(rules);
            return true;
        }
        if self.order.len() >= WAITING_MAX {
            return false;
        }
        self.order.push_back(workspace.clone());
        self.newest.insert(workspace.clone(), Weak::clone(rules));
        true
    }
}

fn run(shared: &Shared, told: &Receiver<Work>) {
    // There are never more than there are modules.
    let mut retired: Vec<Retired<Compiled>> = Vec::new();
    loop {
        let work = if retired.is_empty() {
            told.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            told.recv_timeout(RETIRED_WAIT)
        };
        match work {
            Ok(Work::Free(code)) => retired.push(code),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Work::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Work::Look) => {
                shared.told.store(false, Ordering::Release);
                let Some((workspace, rules)) = shared.next() else { continue };
                shared.compile(&workspace, &rules);
                drop(rules);
                // What waits behind it takes turns with what is to be freed.
                if !shared.told.swap(true, Ordering::AcqRel) {
                    drop(shared.work.try_send(Work::Look));
                }
            }
        }
        retired = retired.into_iter().filter_map(|code| code.release().err()).collect();
    }
}

/// Machine code of a plan; `None` when no rule of it would use any.
fn jit(indexed: &Arc<Indexed>) -> Result<Option<Box<dyn Matcher>>, String> {
    let jit = Jit::compile(indexed).map_err(|error| error.to_string())?;
    let is_used = jit.stats().rules > 0;
    Ok(is_used.then(|| Box::new(jit) as Box<dyn Matcher>))
}

impl Compiled {
    /// Code that is not counted and not named: of a command that ends soon.
    pub(super) fn now(indexed: &Arc<Indexed>) -> Result<Option<Self>, String> {
        Ok(jit(indexed)?.map(|matcher| Self { matcher, name: None, modules: None }))
    }
}

impl Matcher for Compiled {
    fn matches(&self, facts: &Facts<'_, '_>, out: &mut Matches) {
        let _inside = self.name.as_ref().map(Name::enter);
        self.matcher.matches(facts, out);
    }
}

impl Sent for Compiled {
    fn send(retired: Retired<Self>, outlet: &Outlet) {
        outlet.send(retired);
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        if let Some(modules) = &self.modules {
            modules.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
