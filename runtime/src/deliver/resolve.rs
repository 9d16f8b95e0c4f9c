//! Resolves names to addresses that may be called: one question at a time per name, kept briefly.
//!
//! The system's resolver blocks a thread for as long as it likes, so only so many threads may wait for it;
//! they are never more than a fraction of the runtime's, which also read the journal.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::address::{AddressError, AddressPolicy, check};
use crate::id::WorkspaceId;

/// Threads that may wait for the system's resolver at once.
const LOOKUPS_MAX: usize = 128;

/// An answer that does not say how long it is good for is used for so long. The system's never says.
const KEPT: Duration = Duration::from_secs(30);

/// An answer is used for at least so long, whatever it says: a name must not be asked for at every attempt.
const KEPT_MIN: Duration = Duration::from_secs(5);

/// An answer is used for at most so long, whatever it says: receivers do move.
const KEPT_MAX: Duration = Duration::from_secs(300);

/// That a name has no address is believed for so long.
const MISSING_KEPT: Duration = Duration::from_secs(5);

/// Names that are remembered; when there are more, all that are too old go, and then all.
const NAMES_MAX: usize = 50_000;

/// Names that one workspace may make this server ask for within a minute, when nobody asked before: a
/// server is not a tool to search the name system with. Beyond it, an attempt is put off for a minute.
pub const NEW_NAMES_PER_MINUTE_MAX: u32 = 600;

/// Questions of one workspace that may be open at once, so that names which nobody answers for never take up
/// every thread of [`LOOKUPS_MAX`]. A further question waits until one of them ends; an attempt that waits
/// in vain for as long as a name may take is put off for a minute.
pub const OPEN_LOOKUPS_MAX: usize = 16;

const MINUTE: Duration = Duration::from_secs(60);

/// Where names are looked up.
pub trait NameSource: Send + Sync + 'static {
    /// The addresses of a name.
    fn addresses(&self, name: Arc<str>) -> BoxFuture<'static, io::Result<Found>>;
}

/// What a source of names says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// How long the answer is good for, where that is known.
    pub good_for: Option<Duration>,
}

/// The system's resolver.
pub struct System {
    threads: Arc<Semaphore>,
}

impl Default for System {
    fn default() -> Self {
        Self { threads: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

impl NameSource for System {
    /// Asks on a thread that may block. The permit goes with the thread: a question that nobody waits for
    /// any more still holds one.
    fn addresses(&self, name: Arc<str>) -> BoxFuture<'static, io::Result<Found>> {
        let threads = Arc::clone(&self.threads);
        Box::pin(async move {
            let permit = threads.acquire_owned().await.map_err(io::Error::other)?;
            let asked = tokio::task::spawn_blocking(move || {
                let found = (&*name, 0).to_socket_addrs();
                drop(permit);
                found.map(|found| found.map(|address| address.ip()).collect())
            });
            let addresses = asked.await.map_err(io::Error::other)??;
            Ok(Found { addresses, good_for: None })
        })
    }
}

/// A name that has no address.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the name was not found: {0}")]
pub(super) struct NameError(Arc<io::Error>);

/// A workspace asked for too many names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooManyNames {
    /// In a minute.
    #[error("this workspace asked for more than {NEW_NAMES_PER_MINUTE_MAX} new names within a minute")]
    New,
    /// At once.
    #[error("this workspace waits for the answers about {OPEN_LOOKUPS_MAX} other names")]
    Open,
}

/// An answer, and which of its addresses each policy allows: that is asked at every attempt, and asking the
/// system whether an address is its own takes longer than the rest.
pub(super) struct Answered {
    found: Found,
    allowed: [OnceLock<Result<Arc<[IpAddr]>, AddressError>>; 4],
}

impl Answered {
    /// All addresses, if each of them may be called.
    pub(super) fn allowed(&self, policy: AddressPolicy) -> Result<Arc<[IpAddr]>, AddressError> {
        let place = usize::from(policy.allow_loopback) + 2 * usize::from(policy.allow_private_addresses);
        match self.allowed.get(place) {
            Some(known) => known.get_or_init(|| filtered(&self.found.addresses, policy)).clone(),
            None => filtered(&self.found.addresses, policy),
        }
    }
}

type Lookup = Shared<BoxFuture<'static, Result<Arc<Answered>, NameError>>>;

/// When each name was asked for, and the answer or the way to it.
type Known = HashMap<Arc<str>, (Instant, Lookup)>;

/// The names that a transport knows.
pub(super) struct Names {
    source: Arc<dyn NameSource>,
    /// A std mutex: held to look a name up or to put one in.
    known: Mutex<Known>,
    /// A std mutex: held to count.
    askers: Mutex<Askers>,
}

/// Who asked in this minute, and who still waits.
#[derive(Default)]
struct Askers {
    minute: Option<Instant>,
    workspaces: HashMap<WorkspaceId, Asker>,
}

struct Asker {
    /// New names of this minute.
    new: u32,
    /// Places for open questions.
    open: Arc<Semaphore>,
}

impl Askers {
    /// The places of a workspace that asks for a name.
    fn ask(
        &mut self,
        workspace: &WorkspaceId,
        is_new: bool,
        now: Instant,
    ) -> Result<Arc<Semaphore>, TooManyNames> {
        if self.minute.is_none_or(|began| now.duration_since(began) >= MINUTE) {
            self.minute = Some(now);
            // Whoever waits for an answer or a place holds its semaphore, too.
            self.workspaces.retain(|_, asker| Arc::strong_count(&asker.open) > 1);
            self.workspaces.values_mut().for_each(|asker| asker.new = 0);
        }
        let fresh = || Asker { new: 0, open: Arc::new(Semaphore::new(OPEN_LOOKUPS_MAX)) };
        let asker = self.workspaces.entry(workspace.clone()).or_insert_with(fresh);
        if is_new && asker.new >= NEW_NAMES_PER_MINUTE_MAX {
            return Err(TooManyNames::New);
        }
        asker.new += u32::from(is_new);
        Ok(Arc::clone(&asker.open))
    }
}

impl Names {
    pub(super) fn new(source: Arc<dyn NameSource>) -> Self {
        Self { source, known: Mutex::default(), askers: Mutex::default() }
    }

    /// The addresses of a name, or the question that is under way already. Waits for a place among the
    /// workspace's open questions; whoever stops waiting leaves nothing behind.
    pub(super) async fn lookup(
        &self,
        workspace: &WorkspaceId,
        name: &str,
        now: Instant,
    ) -> Result<Lookup, TooManyNames> {
        let open = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = match known.get(name) {
                Some(asked) if is_good(asked, now) => return Ok(asked.1.clone()),
                asked => asked.is_none(),
            };
            self.askers.lock().unwrap_or_else(PoisonError::into_inner).ask(workspace, is_new, now)?
        };
        // Nobody closes it.
        let place = open.acquire_owned().await.map_err(|_| TooManyNames::Open)?;
        Ok(self.ask(name, place, now))
    }

    /// Asks, unless somebody did while a place was waited for.
    fn ask(&self, name: &str, place: OwnedSemaphorePermit, now: Instant) -> Lookup {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = known.get(name).filter(|asked| is_good(asked, now)) {
            return asked.1.clone();
        }
        if known.len() >= NAMES_MAX {
            known.retain(|_, asked| is_good(asked, now));
            if known.len() >= NAMES_MAX {
                known.clear();
            }
        }
        let name: Arc<str> = name.into();
        let asked = self.source.addresses(Arc::clone(&name));
        // A task of its own: whoever asked may go, and a question that nobody drives would keep its place.
        let asked = tokio::spawn(async move {
            let found = asked.await;
            drop(place);
            found
        });
        let lookup = async move {
            let found = asked.await.map_err(io::Error::other).and_then(|found| found);
            let found = found.map_err(|error| NameError(Arc::new(error)))?;
            Ok(Arc::new(Answered { found, allowed: Default::default() }))
        };
        let lookup = lookup.boxed().shared();
        known.insert(name, (now, lookup.clone()));
        lookup
    }
}

/// Whether an answer, or the way to it, may be used.
fn is_good((asked, lookup): &(Instant, Lookup), now: Instant) -> bool {
    now.saturating_duration_since(*asked) < kept(lookup)
}

/// How long an answer is used; a question that is under way is joined for as long.
fn kept(lookup: &Lookup) -> Duration {
    match lookup.peek() {
        None => KEPT,
        Some(Ok(answered)) => answered.found.good_for.unwrap_or(KEPT).clamp(KEPT_MIN, KEPT_MAX),
        Some(Err(_)) => MISSING_KEPT,
    }
}

fn filtered(found: &[IpAddr], policy: AddressPolicy) -> Result<Arc<[IpAddr]>, AddressError> {
    found.iter().map(|address| check(*address, policy).map(|()| *address)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Names end in the number of seconds that they are good for; others have no address.
    struct Fake;

    impl NameSource for Fake {
        fn addresses(&self, name: Arc<str>) -> BoxFuture<'static, io::Result<Found>> {
            let seconds = name.rsplit('-').next().and_then(|text| text.parse().ok());
            Box::pin(async move {
                let good_for = seconds.map(Duration::from_secs);
                let good_for = Some(good_for.ok_or_else(|| io::Error::other("none"))?);
                Ok(Found { addresses: vec![IpAddr::from([1, 1, 1, 1])], good_for })
            })
        }
    }

    fn ws(name: &str) -> WorkspaceId {
        WorkspaceId::from_text(name)
    }

    #[test]
    fn an_answer_that_mixes_inner_and_outer_addresses_is_refused() {
        let outer = IpAddr::from([1, 1, 1, 1]);
        let inner = IpAddr::from([10, 0, 0, 1]);
        let policy = AddressPolicy::default();
        assert_eq!(filtered(&[outer], policy).as_deref(), Ok(&[outer][..]));
        assert!(filtered(&[outer, inner], policy).is_err());
        assert!(filtered(&[inner, outer], policy).is_err());
        let private = AddressPolicy { allow_private_addresses: true, ..policy };
        assert_eq!(filtered(&[outer, inner], private).as_deref(), Ok(&[outer, inner][..]));
    }

    #[tokio::test]
    async fn a_name_is_asked_for_once_while_its_answer_is_good() {
        let names = Names::new(Arc::new(Fake));
        let now = Instant::now();
        // Seconds that an answer says it is good for, and seconds that it is used.
        for (says, used) in [(0, 5), (1, 5), (60, 60), (86_400, 300)] {
            let name = format!("a-{says}");
            let asked = names.lookup(&ws("a"), &name, now).await.unwrap();
            assert!(names.lookup(&ws("b"), &name, now).await.unwrap().ptr_eq(&asked), "under way");
            assert!(asked.clone().await.is_ok());
            let at = |seconds: u64| now + Duration::from_secs(seconds);
            assert!(names.lookup(&ws("a"), &name, at(used - 1)).await.unwrap().ptr_eq(&asked), "{says}");
            assert!(!names.lookup(&ws("a"), &name, at(used)).await.unwrap().ptr_eq(&asked), "{says}");
        }
        let missing = names.lookup(&ws("a"), "missing", now).await.unwrap();
        assert!(missing.clone().await.is_err());
        assert!(
            names.lookup(&ws("a"), "missing", now).await.unwrap().ptr_eq(&missing),
            "believed for a while"
        );
        assert!(!names.lookup(&ws("a"), "missing", now + MISSING_KEPT).await.unwrap().ptr_eq(&missing));
    }

    /// Answers after a while, and counts its answers.
    struct Slow(Arc<Semaphore>);

    impl NameSource for Slow {
        fn addresses(&self, _: Arc<str>) -> BoxFuture<'static, io::Result<Found>> {
            let answered = Arc::clone(&self.0);
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                answered.add_permits(1);
                Ok(Found { addresses: Vec::new(), good_for: None })
            })
        }
    }

    #[tokio::test]
    async fn a_question_that_nobody_waits_for_is_answered_and_gives_its_place_back() {
        let answered = Arc::new(Semaphore::new(0));
        let names = Names::new(Arc::new(Slow(Arc::clone(&answered))));
        for number in 0..50 {
            drop(names.lookup(&ws("a"), &format!("{number}"), Instant::now()).await);
        }
        let all = tokio::time::timeout(Duration::from_secs(30), answered.acquire_many(50)).await;
        assert!(all.unwrap().is_ok());
    }

    /// Counts questions, and answers each when it is told to.
    struct Held(Arc<Semaphore>, Arc<AtomicUsize>);

    impl NameSource for Held {
        fn addresses(&self, _: Arc<str>) -> BoxFuture<'static, io::Result<Found>> {
            self.1.fetch_add(1, Ordering::SeqCst);
            let told = Arc::clone(&self.0);
            Box::pin(async move {
                told.acquire().await.map_err(io::Error::other)?.forget();
                Ok(Found { addresses: Vec::new(), good_for: None })
            })
        }
    }

    #[tokio::test]
    async fn one_workspace_has_so_many_open_questions_and_others_have_theirs() {
        let (told, asked) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let names = Names::new(Arc::new(Held(Arc::clone(&told), Arc::clone(&asked))));
        let now = Instant::now();
        // All who ask go away; their questions stay open.
        for number in 0..3 * OPEN_LOOKUPS_MAX {
            let lookup = names.lookup(&ws("a"), &format!("{number}"), now).now_or_never();
            assert_eq!(lookup.is_some(), number < OPEN_LOOKUPS_MAX, "{number}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), OPEN_LOOKUPS_MAX);
        assert!(names.lookup(&ws("a"), "0", now).now_or_never().is_some(), "it is asked for already");
        assert!(names.lookup(&ws("b"), "more", now).now_or_never().is_some());
        // A minute later the places are still taken.
        assert!(names.lookup(&ws("a"), "later", now + MINUTE).now_or_never().is_none());
        told.add_permits(1);
        let a = ws("a");
        let waits = names.lookup(&a, "later", now + MINUTE);
        assert!(tokio::time::timeout(Duration::from_secs(30), waits).await.unwrap().is_ok());
        assert_eq!(asked.load(Ordering::SeqCst), OPEN_LOOKUPS_MAX + 2);
    }

    #[tokio::test]
    async fn the_system_knows_this_machine() {
        let found = System::default().addresses("localhost".into()).await.unwrap();
        assert!(found.addresses.iter().all(IpAddr::is_loopback) && !found.addresses.is_empty());
        assert!(System::default().addresses("no name at all".into()).await.is_err());
    }

    #[tokio::test]
    async fn a_workspace_cannot_search_the_name_system() {
        let names = Names::new(Arc::new(Fake));
        let now = Instant::now();
        for number in 0..NEW_NAMES_PER_MINUTE_MAX {
            assert!(names.lookup(&ws("a"), &format!("{number}"), now).await.is_ok());
        }
        assert!(matches!(names.lookup(&ws("a"), "more", now).await, Err(TooManyNames::New)));
        assert!(names.lookup(&ws("a"), "1", now).await.is_ok(), "known names are not new");
        assert!(names.lookup(&ws("b"), "more", now).await.is_ok(), "others are not held back");
        assert!(names.lookup(&ws("a"), "even more", now + MINUTE).await.is_ok());
    }

    #[tokio::test]
    async fn the_names_that_are_kept_are_bounded() {
        let names = Names::new(Arc::new(Fake));
        for number in 0..NAMES_MAX + 10 {
            // Many workspaces, so that none of them asks for too much.
            let workspace = ws(&format!("ws-{}", number % 100));
            drop(names.lookup(&workspace, &format!("{number}.example"), Instant::now()).await);
        }
        assert!(names.known.lock().unwrap().len() <= NAMES_MAX);
    }
}
