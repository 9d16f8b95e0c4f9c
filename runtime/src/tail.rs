//! What happens in a workspace, as it happens, for as many as may watch at once.
//!
//! Each watcher has a task that takes what the node tells, keeps what belongs to its workspace, and puts
//! it into a queue with a bound. A watcher who reads too slowly misses some and is told how many: nobody
//! who delivers ever waits for somebody who watches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};

use crate::id::WorkspaceId;
use crate::limits::{NODE_TAILS_MAX, TAIL_QUEUE_MAX, WORKSPACE_TAILS_MAX};
use crate::metrics::Metrics;
use crate::node::Feed;

/// A watcher who has heard nothing for so many beats is told that all is well.
const QUIET_BEATS: u32 = 15;

/// So often it is looked whether what was missed can be told.
const BEAT: Duration = Duration::from_secs(1);

/// Who watches now.
#[derive(Debug, Default)]
pub struct Tails {
    /// A std mutex: held to count. A workspace is in it while somebody watches it.
    counts: Mutex<HashMap<WorkspaceId, usize>>,
}

/// Why nobody more may watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    /// The workspace has [`WORKSPACE_TAILS_MAX`].
    Workspace,
    /// The node has [`NODE_TAILS_MAX`].
    Node,
}

/// A place among those who watch; it is given back when dropped.
#[derive(Debug)]
pub struct Seat {
    tails: Arc<Tails>,
    workspace: WorkspaceId,
}

impl Tails {
    fn counts(&self) -> MutexGuard<'_, HashMap<WorkspaceId, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many watch.
    #[must_use]
    pub fn count(&self) -> usize {
        self.counts().values().sum()
    }

    /// A place for one more.
    ///
    /// # Errors
    /// [`Crowded`].
    pub fn seat(self: &Arc<Self>, workspace: &WorkspaceId) -> Result<Seat, Crowded> {
        let mut counts = self.counts();
        if counts.values().sum::<usize>() >= NODE_TAILS_MAX {
            return Err(Crowded::Node);
        }
        if counts.get(workspace).is_some_and(|count| *count >= WORKSPACE_TAILS_MAX) {
            return Err(Crowded::Workspace);
        }
        *counts.entry(workspace.clone()).or_default() += 1;
        drop(counts);
        Ok(Seat { tails: Arc::clone(self), workspace: workspace.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.tails.counts();
        if let Some(count) = counts.get_mut(&self.workspace) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.workspace);
            }
        }
    }
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Events that are accepted.
    pub events: bool,
    /// What becomes of deliveries.
    pub deliveries: bool,
}

/// A watcher's own task, until the watcher or the server goes.
pub struct Tail {
    /// Its place.
    pub seat: Seat,
    /// What the node tells.
    pub feed: Receiver<Feed>,
    /// What of it is wanted.
    pub wanted: Wanted,
    /// True once the server leaves.
    pub leaving: watch::Receiver<bool>,
    /// What was missed is counted there.
    pub metrics: Arc<Metrics>,
}

impl Tail {
    /// Starts the task, and gives the lines.
    #[must_use]
    pub fn start(self) -> mpsc::Receiver<Value> {
        let (lines, receiver) = mpsc::channel(TAIL_QUEUE_MAX);
        tokio::spawn(self.run(Lines { lines, missed: 0, more: false }));
        receiver
    }

    async fn run(mut self, mut lines: Lines) {
        let mut beat = tokio::time::interval(BEAT);
        let mut quiet = 0;
        loop {
            tokio::select! {
                told = self.feed.recv() => match told {
                    Ok(item) => if let Some(line) = line(&item, &self.seat.workspace, self.wanted) {
                        quiet = 0;
                        lines.put(line, &self.metrics);
                    },
                    // Whose they were is not known; so nobody else's numbers are told either.
                    Err(RecvError::Lagged(_)) => lines.more = true,
                    Err(RecvError::Closed) => return,
                },
                _ = beat.tick() => {
                    lines.tell_missed();
                    quiet += 1;
                    if quiet >= QUIET_BEATS {
                        quiet = 0;
                        lines.try_put(json!({ "kind": "alive" }));
                    }
                }
                () = lines.lines.closed() => return,
                _ = self.leaving.wait_for(|leaving| *leaving) => {
                    lines.tell_missed();
                    lines.try_put(json!({ "kind": "end", "reason": "stopping" }));
                    return;
                }
            }
        }
    }
}

/// What is told of something that happened, if it is the workspace's and wanted.
fn line(item: &Feed, workspace: &WorkspaceId, wanted: Wanted) -> Option<Value> {
    let (of, is_wanted) = match item {
        Feed::Event(event) => (&event.workspace, wanted.events),
        Feed::Started { workspace, .. } => (workspace, wanted.deliveries),
        Feed::Attempt { delivery, .. } | Feed::Settled(delivery) => (&delivery.workspace, wanted.deliveries),
    };
    if !is_wanted || of != workspace {
        return None;
    }
    Some(match item {
        Feed::Event(event) => json!({ "kind": "event", "event": &**event }),
        Feed::Started { delivery, attempt, .. } => {
            json!({ "kind": "started", "delivery": delivery, "attempt": attempt })
        }
        Feed::Attempt { delivery, attempt } => {
            json!({ "kind": "attempt", "delivery": &**delivery, "attempt": &**attempt })
        }
        Feed::Settled(delivery) => json!({ "kind": "settled", "delivery": &**delivery }),
    })
}

/// A watcher's queue.
struct Lines {
    lines: mpsc::Sender<Value>,
    missed: u64,
    /// More was missed than is counted.
    more: bool,
}

impl Lines {
    fn try_put(&self, line: Value) -> bool {
        self.lines.try_send(line).is_ok()
    }

    fn put(&mut self, line: Value, metrics: &Metrics) {
        // In the order in which it happened: first that something is missing.
        if !self.tell_missed() || !self.try_put(line) {
            self.missed += 1;
            metrics.tail_missed.add(1);
        }
    }

    /// Says what was missed, if anything was. Returns false when there is no room even for that.
    fn tell_missed(&mut self) -> bool {
        if self.missed == 0 && !self.more {
            return true;
        }
        let told = self.try_put(json!({ "kind": "missed", "count": self.missed, "or_more": self.more }));
        if told {
            (self.missed, self.more) = (0, false);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::DeliveryId;

    fn started(workspace: &WorkspaceId, attempt: u32) -> Feed {
        let delivery = DeliveryId::from_text("dlv_1");
        Feed::Started { workspace: workspace.clone(), delivery, attempt }
    }

    struct Watched {
        feed: tokio::sync::broadcast::Sender<Feed>,
        leaving: watch::Sender<bool>,
        lines: mpsc::Receiver<Value>,
        own: WorkspaceId,
        tails: Arc<Tails>,
    }

    fn watched() -> Watched {
        let (own, tails) = (WorkspaceId::from_text("ws_own"), Arc::new(Tails::default()));
        let (feed, leaving) = (tokio::sync::broadcast::Sender::new(4_096), watch::Sender::new(false));
        let lines = Tail {
            seat: tails.seat(&own).unwrap(),
            feed: feed.subscribe(),
            wanted: Wanted { events: true, deliveries: true },
            leaving: leaving.subscribe(),
            metrics: Arc::new(Metrics::new(jiff::Timestamp::UNIX_EPOCH)),
        }
        .start();
        Watched { feed, leaving, lines, own, tails }
    }

    #[tokio::test]
    async fn one_who_reads_too_slowly_is_told_how_many_were_missed() {
        let Watched { feed, leaving, mut lines, own, tails } = watched();
        let other = WorkspaceId::from_text("ws_other");
        let extra = 10;
        for attempt in 0..TAIL_QUEUE_MAX + extra {
            feed.send(started(&own, u32::try_from(attempt).unwrap())).ok().unwrap();
            feed.send(started(&other, 0)).ok().unwrap();
        }
        // The watcher's task takes all of it, and its queue holds what it can.
        while !feed.is_empty() {
            tokio::task::yield_now().await;
        }
        for attempt in 0..TAIL_QUEUE_MAX {
            assert_eq!(lines.recv().await.unwrap()["attempt"], attempt);
        }
        let missed = lines.recv().await.unwrap();
        assert_eq!(missed, json!({ "kind": "missed", "count": extra, "or_more": false }));
        leaving.send_replace(true);
        assert_eq!(lines.recv().await.unwrap()["kind"], "end");
        assert_eq!(lines.recv().await, None);
        assert_eq!(tails.count(), 0);
    }

    #[test]
    fn places_are_counted_for_each_workspace_and_for_all() {
        let tails = Arc::new(Tails::default());
        let id = |number: usize| WorkspaceId::from_text(&format!("ws_{number}"));
        let full: Vec<_> = (0..WORKSPACE_TAILS_MAX).map(|_| tails.seat(&id(0)).unwrap()).collect();
        assert_eq!(tails.seat(&id(0)).unwrap_err(), Crowded::Workspace);
        let rest = (WORKSPACE_TAILS_MAX..NODE_TAILS_MAX).map(|number| tails.seat(&id(number)).unwrap());
        let rest: Vec<_> = rest.collect();
        assert_eq!(tails.seat(&id(1)).unwrap_err(), Crowded::Node);
        drop(full);
        assert!(tails.seat(&id(0)).is_ok());
        drop(rest);
        assert_eq!(tails.count(), 0);
    }
}
