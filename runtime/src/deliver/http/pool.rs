//! Lines that wait for their next request: bounded in all and per host, the longest unused goes first.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::line::{Line, Wire};
use crate::deliver::address::AddressPolicy;

/// Load balancers commonly drop idle lines after 60 seconds; this is before that.
const IDLE_TIMEOUT: Duration = Duration::from_secs(55);

/// How often lines that are too old are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// What a line may be used for again. One that was opened under another policy, or with other certificates,
/// is another host's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Host {
    pub https: bool,
    /// As it stands in the URL: version 6 addresses in brackets.
    pub name: Box<str>,
    pub port: u16,
    pub addresses: AddressPolicy,
    /// Certificates of a connection's own; lines with them never serve another connection.
    pub tls: Option<u64>,
}

impl Host {
    /// Name and port, as a request says them.
    pub(super) fn authority(&self) -> String {
        match (self.https, self.port) {
            (true, 443) | (false, 80) => self.name.to_string(),
            (_, port) => format!("{}:{port}", self.name),
        }
    }
}

/// Lines that wait.
pub(super) struct Pool {
    idle_max: usize,
    idle_per_host_max: usize,
    /// A std mutex: held to take a line or to put one in.
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    /// By the order in which they came, which is also the order in which they grow too old.
    lines: BTreeMap<u64, Idle>,
    /// Which lines a host has, the latest last.
    hosts: HashMap<Arc<Host>, Vec<u64>>,
    next: u64,
    /// Somebody looks for lines that are too old.
    swept: bool,
}

struct Idle {
    host: Arc<Host>,
    line: Line,
    since: Instant,
}

impl Pool {
    pub(super) fn new(idle_max: usize, idle_per_host_max: usize) -> Self {
        Self { idle_max, idle_per_host_max, waiting: Arc::default() }
    }

    pub(super) fn idle(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).lines.len()
    }

    /// The line that was used last. Where the name has other addresses by now, a line to an old one is not
    /// used; `addresses` is empty when a proxy decides that.
    pub(super) fn take(&self, host: &Arc<Host>, addresses: &[IpAddr]) -> Option<Line> {
        let now = Instant::now();
        let mut unusable = Vec::new();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = loop {
            let Some(Idle { line, since, .. }) = waiting.take_last(host) else { break None };
            let named = addresses.is_empty() || line.peer.is_some_and(|peer| addresses.contains(&peer.ip()));
            if !named || line.is_closed() || now.duration_since(since) >= IDLE_TIMEOUT {
                unusable.push(line);
                continue;
            }
            match (&line.wire, line.share()) {
                (Wire::One(_), _) => break Some(line),
                (Wire::Many(_), Some(shared)) => {
                    waiting.put(Arc::clone(host), line, now);
                    break Some(shared);
                }
                (Wire::Many(_), None) => unusable.push(line),
            }
        };
        drop(waiting);
        // Closing sockets is the system's work, and the lock is not held for it.
        drop(unusable);
        taken
    }

    /// Keeps a line for the next request to its host.
    pub(super) fn put(&self, host: Arc<Host>, line: Line) {
        if line.is_closed() {
            return;
        }
        let now = Instant::now();
        let mut gone = Vec::new();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(line.wire, Wire::Many(_)) && waiting.shares(&host) {
            // One line for many requests is there already, often this very one.
            drop(waiting);
            return;
        }
        waiting.put(Arc::clone(&host), line, now);
        if waiting.hosts.get(&host).is_some_and(|lines| lines.len() > self.idle_per_host_max) {
            gone.extend(waiting.take_first(&host));
        }
        while waiting.lines.len() > self.idle_max {
            gone.extend(waiting.take_oldest());
        }
        let sweep = !std::mem::replace(&mut waiting.swept, true);
        drop(waiting);
        drop(gone);
        if sweep {
            self.sweep();
        }
    }

    /// Closes what waits for too long, until nothing waits.
    fn sweep(&self) {
        let waiting = Arc::downgrade(&self.waiting);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(waiting) = waiting.upgrade() else { return };
                let mut gone = Vec::new();
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let old = |idle: &Idle| idle.since.elapsed() >= IDLE_TIMEOUT || idle.line.is_closed();
                while waiting.lines.first_key_value().is_some_and(|(_, idle)| old(idle)) {
                    gone.extend(waiting.take_oldest());
                }
                if waiting.lines.is_empty() {
                    waiting.swept = false;
                    return;
                }
            }
        });
    }
}

impl Waiting {
    fn put(&mut self, host: Arc<Host>, line: Line, now: Instant) {
        let number = self.next;
        self.next += 1;
        self.hosts.entry(Arc::clone(&host)).or_default().push(number);
        self.lines.insert(number, Idle { host, line, since: now });
    }

    /// Whether a host has a line for many requests that can take one more.
    fn shares(&self, host: &Arc<Host>) -> bool {
        let lines = self.hosts.get(host).map(Vec::as_slice).unwrap_or_default();
        lines.iter().filter_map(|number| self.lines.get(number)).any(|idle| idle.line.share().is_some())
    }

    fn take_last(&mut self, host: &Arc<Host>) -> Option<Idle> {
        let number = self.hosts.get_mut(host)?.pop()?;
        self.forget_empty(host);
        self.lines.remove(&number)
    }

    fn take_first(&mut self, host: &Arc<Host>) -> Option<Idle> {
        let number = *self.hosts.get(host)?.first()?;
        self.take(number)
    }

    fn take_oldest(&mut self) -> Option<Idle> {
        let number = *self.lines.first_key_value()?.0;
        self.take(number)
    }

    fn take(&mut self, number: u64) -> Option<Idle> {
        let idle = self.lines.remove(&number)?;
        if let Some(numbers) = self.hosts.get_mut(&idle.host) {
            numbers.retain(|other| *other != number);
        }
        self.forget_empty(&idle.host);
        Some(idle)
    }

    fn forget_empty(&mut self, host: &Arc<Host>) {
        if self.hosts.get(host).is_some_and(Vec::is_empty) {
            self.hosts.remove(host);
        }
    }
}
