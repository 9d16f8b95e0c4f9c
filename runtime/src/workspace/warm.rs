//! Which revisions are compiled and which lists in memory: those of busy workspaces, up to a limit.
//!
//! A server holds every workspace's rules as text and compiles them at the first event; lists that a workspace
//! keeps stay in the control store until an event asks them. When what is held exceeds the limit, revisions and
//! lists that no event has asked since they were last looked at become text again, oldest first (second chance;
//! Corbató 1968). Events under way keep what they have.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Semaphore;

use crate::rules::code::CodeThread;

/// What costs memory only while events ask it.
pub(crate) trait Cooled: Send + Sync {
    /// Whether an event has asked since this was asked last.
    fn was_used(&self) -> bool;

    /// Lets go of what it holds, and gives it, so that it can be dropped elsewhere.
    fn cool(&self) -> Box<dyn Send>;

    /// Whether it is a revision; otherwise it is a workspace's lists.
    fn is_revision(&self) -> bool;
}

/// Revisions that are compiled, and lists that are in memory.
pub struct Warm {
    /// Compiles what is hot to machine code.
    pub code: CodeThread,
    bytes_max: u64,
    /// A std mutex: held for a few pushes and pops, when something was compiled.
    held: Mutex<Held>,
    /// So many are compiled at once because of an event; further events wait their turn.
    pub(crate) compiling: Semaphore,
    woken: AtomicU64,
    cooled: AtomicU64,
}

#[derive(Default)]
struct Held {
    /// Oldest first, each with the bytes that it was counted with.
    all: VecDeque<(Weak<dyn Cooled>, u64)>,
    bytes: u64,
}

/// What is held, and what happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WarmStats {
    /// Revisions that are compiled; of those that were replaced some are still counted.
    pub revisions: usize,
    /// Workspaces whose lists are in memory.
    pub lists: usize,
    /// Bytes that they take, about.
    pub bytes: u64,
    /// How often an event had one compiled.
    pub woken: u64,
    /// How often one became text again.
    pub cooled: u64,
}

impl Warm {
    /// Holds revisions and lists of about `bytes_max` bytes, and always what came last.
    #[must_use]
    pub fn new(code: CodeThread, bytes_max: u64) -> Arc<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self {
            code,
            bytes_max,
            held: Mutex::default(),
            compiling: Semaphore::new(processors),
            woken: AtomicU64::new(0),
            cooled: AtomicU64::new(0),
        })
    }

    /// Counts what was just made, in place of what was counted of it before, and lets others go.
    pub(crate) fn add(&self, new: &Arc<dyn Cooled>, bytes: u64) {
        // What goes is dropped when the lock is free again.
        let mut gone = Vec::new();
        let mut held = self.held();
        let is_new = |other: &Weak<dyn Cooled>| std::ptr::addr_eq(other.as_ptr(), Arc::as_ptr(new));
        // A revision that is held is never made again; lists change.
        if !new.is_revision()
            && let Some(at) = held.all.iter().position(|(other, _)| is_new(other))
        {
            held.bytes -= held.all.remove(at).map_or(0, |(_, counted)| counted);
        }
        held.bytes += bytes;
        held.all.push_back((Arc::downgrade(new), bytes));
        // Twice around takes everybody's second chance.
        let mut looks = 2 * held.all.len();
        while held.bytes > self.bytes_max && looks > 0 {
            looks -= 1;
            let Some((oldest, counted)) = held.all.pop_front() else { break };
            match oldest.upgrade() {
                None => held.bytes -= counted,
                Some(other) if is_new(&oldest) || other.was_used() => {
                    held.all.push_back((oldest, counted));
                }
                Some(other) => {
                    held.bytes -= counted;
                    gone.push(other.cool());
                }
            }
        }
        drop(held);
        self.cooled.fetch_add(gone.len() as u64, Ordering::Relaxed);
    }

    pub(super) fn count_woken(&self) {
        self.woken.fetch_add(1, Ordering::Relaxed);
    }

    /// What is held now.
    #[must_use]
    pub fn stats(&self) -> WarmStats {
        let held = self.held();
        let there: Vec<_> = held.all.iter().filter_map(|(one, _)| one.upgrade()).collect();
        let bytes = held.bytes;
        drop(held);
        let revisions = there.iter().filter(|one| one.is_revision()).count();
        WarmStats {
            revisions,
            lists: there.len() - revisions,
            bytes,
            woken: self.woken.load(Ordering::Relaxed),
            cooled: self.cooled.load(Ordering::Relaxed),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use compiler::event::Event;
    use compiler::world::{Bundle, BundleFile, World};
    use jiff::Timestamp;

    use super::*;
    use crate::rules::Engine;
    use crate::rules::code::CodeSettings;
    use crate::workspace::Revision;

    fn interpreted() -> CodeThread {
        CodeThread::start(CodeSettings { engine: Engine::Interpreter, ..CodeSettings::default() }).unwrap()
    }

    fn revision(warm: &Arc<Warm>, number: u64, condition: &str) -> Arc<Revision> {
        let text = format!(
            "edition 2026\nconnection out: webhook\n\
             rule r{number} {{ on a as p when {condition} deliver out.send_webhook {{ body: p }} }}\n"
        );
        let files = vec![BundleFile { path: "rules.route".into(), text: text.into() }];
        let bundle = Arc::new(Bundle { files });
        let world = World::offline(None);
        Arc::new(Revision::cold(number, bundle, world, Timestamp::UNIX_EPOCH, Arc::clone(warm)))
    }

    fn answer(revision: &Arc<Revision>) -> Vec<Arc<str>> {
        let time = Timestamp::UNIX_EPOCH;
        let event = Event {
            id: "evt_1",
            kind: "a",
            resource: None,
            resource_id: None,
            time,
            received_at: time,
            payload: b"{\"n\":1}",
        };
        revision.rules().unwrap().decide(&event, &compiler::eval::NoLists).unwrap().rules
    }

    #[test]
    fn what_does_not_fit_is_text_again_and_still_answers() {
        let warm = Warm::new(interpreted(), u64::MAX);
        let one = revision(&warm, 1, "p.n is 1");
        assert!(!one.is_compiled());
        assert_eq!(answer(&one), ["r1".into()]);
        assert!(one.is_compiled());
        let bytes = warm.stats().bytes;

        let warm = Warm::new(interpreted(), 3 * bytes + bytes / 2);
        let all: Vec<_> = (1..=50).map(|number| revision(&warm, number, "p.n is 1")).collect();
        for round in 0..2 {
            for (revision, number) in all.iter().zip(1..) {
                assert_eq!(answer(revision), [format!("r{number}").into()], "round {round}");
                assert!(revision.is_compiled());
                assert!(all.iter().filter(|one| one.is_compiled()).count() <= 3);
            }
        }
        let stats = warm.stats();
        assert!(stats.bytes <= 3 * bytes + bytes / 2, "{stats:?}");
        assert_eq!((stats.revisions, stats.woken, stats.cooled), (3, 100, 97));
    }

    #[test]
    fn what_events_ask_again_stays_and_what_they_asked_once_goes() {
        let warm = Warm::new(interpreted(), u64::MAX);
        answer(&revision(&warm, 1, "p.n is 1"));
        let warm = Warm::new(interpreted(), 4 * warm.stats().bytes);
        let busy = revision(&warm, 1, "p.n is 1");
        for number in 2..40 {
            answer(&busy);
            answer(&busy);
            answer(&revision(&warm, number, "p.n is 1"));
        }
        assert!(busy.is_compiled());
        assert_eq!(warm.stats().woken, 39, "the busy one was compiled once");
    }

    #[test]
    fn one_that_is_larger_than_the_limit_is_held_alone() {
        let warm = Warm::new(interpreted(), 1);
        let (one, two) = (revision(&warm, 1, "p.n is 1"), revision(&warm, 2, "p.n is 1"));
        for _ in 0..3 {
            assert_eq!(answer(&one), ["r1".into()]);
            assert_eq!((one.is_compiled(), two.is_compiled()), (true, false));
            assert_eq!(answer(&two), ["r2".into()]);
            assert_eq!((one.is_compiled(), two.is_compiled()), (false, true));
        }
    }

    #[test]
    fn events_that_come_together_compile_once() {
        let warm = Warm::new(interpreted(), u64::MAX);
        let revision = revision(&warm, 1, "p.n is 1");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(answer(&revision), ["r1".into()]));
            }
        });
        assert_eq!(warm.stats().woken, 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn requests_that_come_together_compile_once() {
        let warm = Warm::new(CodeThread::start(CodeSettings::default()).unwrap(), u64::MAX);
        let revision = revision(&warm, 1, "p.n is 1");
        let requests = (0..100).map(|_| {
            let revision = Arc::clone(&revision);
            tokio::spawn(async move {
                revision.ready().await;
                answer(&revision)
            })
        });
        for request in requests.collect::<Vec<_>>() {
            assert_eq!(request.await.unwrap(), ["r1".into()]);
        }
        assert_eq!(warm.stats().woken, 1);
    }

    #[test]
    fn what_no_longer_compiles_is_tried_once_and_has_no_rules() {
        let warm = Warm::new(interpreted(), u64::MAX);
        let revision = revision(&warm, 1, "nonsense(");
        for _ in 0..3 {
            assert!(revision.rules().is_none());
        }
        assert_eq!((warm.stats().woken, warm.stats().revisions), (1, 0));
    }
}
