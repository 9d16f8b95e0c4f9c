//! Who is connected: how many in all, how many from one address, and whether they do anything.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::{CLIENT_IDLE_TIMEOUT, HEADER_TIMEOUT};

/// Clients by their address.
#[derive(Debug)]
pub(super) struct Clients {
    per_address_max: usize,
    /// A std mutex: held to count. An address is in it while it has a client, so it has at most as many
    /// entries as there are clients.
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One client's place; it is given back when dropped.
pub(super) struct Place {
    clients: Arc<Clients>,
    address: IpAddr,
}

impl Clients {
    pub(super) fn new(per_address_max: usize) -> Arc<Self> {
        Arc::new(Self { per_address_max, counts: Mutex::default() })
    }

    /// A place for one more client from there; `None` when that address has enough of them.
    pub(super) fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.per_address_max {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Place { clients: Arc::clone(self), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.clients.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// What counts as one address: in version 6 a subscriber has a network of 64 bits, and any address in it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// Whether a client does anything. hyper's own timeout covers neither the bytes by which it tells the
/// versions of HTTP apart, nor an HTTP/2 client that opens no stream or never finishes its headers.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    /// Requests that are being answered.
    running: AtomicUsize,
    /// When one last began or ended, in milliseconds after `began`; 0 before the first.
    last: AtomicU64,
    /// How long a client may take in nothing of an answer.
    answer_stall: Duration,
    /// A std mutex: held to count. An answer is in it while a piece of it waits to be taken in.
    unread: Mutex<HashMap<u64, Unread>>,
    /// Names of answers.
    next: AtomicU64,
}

/// An answer of which something was handed on and not taken in.
#[derive(Debug)]
struct Unread {
    pieces: usize,
    /// When the client last took something of it in, or sent something of its request.
    since: u64,
}

/// A request and its answer.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    activity: Arc<Activity>,
    name: u64,
}

/// A request that is being answered, up to the end of the answer's body.
pub(super) struct Running(pub Exchange);

/// A piece of an answer that was handed on; it is taken in when this is dropped.
pub(super) struct Untaken(Exchange);

impl Exchange {
    /// A piece of the answer is handed on.
    pub(super) fn hand(&self) -> Untaken {
        let since = self.activity.millis();
        let mut unread = self.activity.unread.lock().unwrap_or_else(PoisonError::into_inner);
        unread.entry(self.name).or_insert(Unread { pieces: 0, since }).pieces += 1;
        Untaken(self.clone())
    }

    /// The client sends something of its request: it is there, and reads the answer when it likes.
    pub(super) fn goes_on(&self) {
        let now = self.activity.millis();
        let mut unread = self.activity.unread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(unread) = unread.get_mut(&self.name) {
            unread.since = now;
        }
    }
}

impl Activity {
    pub(super) fn new(answer_stall: Duration) -> Arc<Self> {
        let (running, last, next) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { began: Instant::now(), running, last, answer_stall, unread: Mutex::default(), next })
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// A request came.
    pub(super) fn begin(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::AcqRel);
        self.last.store(self.millis(), Ordering::Release);
        let name = self.next.fetch_add(1, Ordering::Relaxed);
        Running(Exchange { activity: Arc::clone(self), name })
    }

    /// Whether the client leaves an answer alone for too long.
    fn is_stalled(&self) -> bool {
        let (now, stall) = (self.millis(), self.answer_stall.as_millis());
        let unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        unread.values().any(|one| u128::from(now.saturating_sub(one.since)) >= stall)
    }

    /// Returns once the client has done nothing for too long, or leaves an answer alone for too long.
    pub(super) async fn idle(&self) {
        loop {
            let last = self.last.load(Ordering::Acquire);
            let allowed = if last == 0 { HEADER_TIMEOUT } else { CLIENT_IDLE_TIMEOUT };
            let quiet = Duration::from_millis(self.millis().saturating_sub(last));
            let busy = self.running.load(Ordering::Acquire) > 0;
            if (!busy && quiet >= allowed) || self.is_stalled() {
                return;
            }
            let wait = if busy { allowed } else { allowed - quiet };
            let wait = wait.min(self.answer_stall / 2);
            tokio::time::sleep(wait.max(Duration::from_millis(10))).await;
        }
    }
}

impl Drop for Untaken {
    fn drop(&mut self) {
        let Exchange { activity, name } = &self.0;
        let now = activity.millis();
        let mut all = activity.unread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(unread) = all.get_mut(name) else { return };
        (unread.pieces, unread.since) = (unread.pieces - 1, now);
        if unread.pieces == 0 {
            all.remove(name);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let activity = &self.0.activity;
        activity.last.store(activity.millis(), Ordering::Release);
        activity.running.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_many_places_and_others_have_theirs() {
        let clients = Clients::new(2);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        // Addresses that count as the same one, and one that does not.
        let rows = [
            (["1.2.3.4", "::ffff:1.2.3.4", "1.2.3.4"], "1.2.3.5"),
            (["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::"], "2001:db8:0:2::1"),
        ];
        for (same, other) in rows {
            let first = clients.place(address(same[0])).unwrap();
            let _second = clients.place(address(same[1])).unwrap();
            assert!(clients.place(address(same[2])).is_none(), "{same:?}");
            assert!(clients.place(address(other)).is_some(), "{other}");
            drop(first);
            assert!(clients.place(address(same[2])).is_some(), "{same:?}");
        }
        assert!(clients.counts.lock().unwrap().is_empty(), "nothing is left behind");
    }
}
