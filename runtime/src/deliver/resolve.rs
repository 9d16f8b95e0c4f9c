//! Resolves names to addresses that may be called: one question at a time per name, kept briefly.
//!
//! The system's resolver blocks a thread for as long as it likes, so only so many threads may wait for it;
//! they are never more than a fraction of the runtime's, which also read the journal.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::address::{AddressError, AddressPolicy, check};

/// Threads that may wait for the system's resolver at once.
const LOOKUPS_MAX: usize = 128;

/// An answer is used for so long. The system does not say how long it is good for.
const KEPT: Duration = Duration::from_secs(30);

/// Names that are remembered; when there are more, all that are too old go, and then all.
const NAMES_MAX: usize = 10_000;

type Lookup = Shared<BoxFuture<'static, Result<Arc<[SocketAddr]>, NotFound>>>;

/// When each name was asked for, and the answer or the way to it.
type Known = HashMap<Arc<str>, (Instant, Lookup)>;

/// A name that has no address.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the name was not found: {0}")]
pub(super) struct NotFound(Arc<io::Error>);

/// The resolver of a transport.
#[derive(Clone)]
pub(super) struct Names {
    /// A std mutex: held to look a name up or to put one in.
    known: Arc<Mutex<Known>>,
    threads: Arc<Semaphore>,
}

impl Default for Names {
    fn default() -> Self {
        Self { known: Arc::default(), threads: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

impl Names {
    /// The addresses of a name, or the question that is under way already.
    fn lookup(&self, name: &str, now: Instant) -> Lookup {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, lookup)) = known.get(name)
            && now.duration_since(*asked) < KEPT
            // A failure is told to whoever waits for it; the next one asks again.
            && !matches!(lookup.peek(), Some(Err(_)))
        {
            return lookup.clone();
        }
        if known.len() >= NAMES_MAX {
            known.retain(|_, (asked, _)| now.duration_since(*asked) < KEPT);
            if known.len() >= NAMES_MAX {
                known.clear();
            }
        }
        let lookup = ask(name.into(), Arc::clone(&self.threads)).boxed().shared();
        known.insert(name.into(), (now, lookup.clone()));
        lookup
    }
}

/// Asks the system, on a thread that may block. The permit goes with the thread: a question that nobody
/// waits for any more still holds one.
async fn ask(name: Arc<str>, threads: Arc<Semaphore>) -> Result<Arc<[SocketAddr]>, NotFound> {
    let not_found = |error: io::Error| NotFound(Arc::new(error));
    let permit = threads.acquire_owned().await.map_err(|error| not_found(io::Error::other(error)))?;
    let asked = tokio::task::spawn_blocking(move || {
        let found = (&*name, 0).to_socket_addrs().map(Iterator::collect);
        drop(permit);
        found
    });
    asked.await.map_err(|error| not_found(io::Error::other(error)))?.map_err(not_found)
}

/// The same names under one policy. What it returns is what is connected to.
pub(super) struct Resolver {
    pub names: Names,
    pub policy: AddressPolicy,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, policy) = (self.names.lookup(name.as_str(), Instant::now()), self.policy);
        Box::pin(async move {
            let addresses = filtered(&lookup.await?, policy)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// All addresses of a name, if each of them may be called.
fn filtered(found: &[SocketAddr], policy: AddressPolicy) -> Result<Vec<SocketAddr>, AddressError> {
    found.iter().map(|address| check(address.ip(), policy).map(|()| *address)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_mixes_inner_and_outer_addresses_is_refused() {
        let outer: SocketAddr = "1.1.1.1:0".parse().unwrap();
        let inner: SocketAddr = "10.0.0.1:0".parse().unwrap();
        let policy = AddressPolicy::default();
        assert_eq!(filtered(&[outer], policy), Ok(vec![outer]));
        assert!(filtered(&[outer, inner], policy).is_err());
        assert!(filtered(&[inner, outer], policy).is_err());
        let private = AddressPolicy { allow_private_addresses: true, ..policy };
        assert_eq!(filtered(&[outer, inner], private), Ok(vec![outer, inner]));
    }

    #[tokio::test]
    async fn a_name_is_asked_for_once_and_a_failure_again() {
        let names = Names::default();
        let now = Instant::now();
        let (one, two) = (names.lookup("localhost", now), names.lookup("localhost", now));
        assert!(one.ptr_eq(&two));
        assert!(!one.await.unwrap().is_empty());
        assert!(names.lookup("localhost", now).ptr_eq(&two));
        assert!(!names.lookup("localhost", now + KEPT).ptr_eq(&two), "it is too old");
        let missing = names.lookup("no name at all", now);
        assert!(missing.clone().await.is_err());
        assert!(!names.lookup("no name at all", now).ptr_eq(&missing));
    }

    #[tokio::test]
    async fn the_names_that_are_kept_are_bounded() {
        let names = Names::default();
        for number in 0..NAMES_MAX + 10 {
            drop(names.lookup(&format!("{number}.example"), Instant::now()));
        }
        assert!(names.known.lock().unwrap().len() <= NAMES_MAX);
    }
}
