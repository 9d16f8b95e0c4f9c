//! The same request twice is one event: keys and ids that were seen lately, and what was answered.
//!
//! A name is reserved before its event is written and certain once it is durable. Who comes with the same
//! name in between waits for that. The journal's records carry the names, so the window is the same after
//! a restart, as far as the journal reaches back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::id::{DeliveryId, EventId, WorkspaceId};
use crate::node::accept::{Accepted, Conflict, ConflictBy, Identity};

/// How long and how many names are remembered.
#[derive(Clone, Copy, Debug)]
pub struct WindowLimits {
    /// How long.
    pub kept: Duration,
    /// How many names of one workspace; the oldest go first.
    pub workspace_names_max: usize,
    /// How many names of all workspaces; the oldest go first.
    pub node_names_max: usize,
}

/// The names of all workspaces.
pub struct Window {
    limits: WindowLimits,
    workspaces: HashMap<WorkspaceId, Names>,
    /// When a name of which workspace became certain, oldest first. Those that went before are skipped.
    order: VecDeque<(Timestamp, WorkspaceId)>,
}

#[derive(Default)]
struct Names {
    entries: HashMap<Name, Entry>,
    /// Certain names, oldest first.
    order: VecDeque<(Timestamp, Name)>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Name {
    Key(Arc<str>),
    Event(EventId),
}

struct Entry {
    body_hash: [u8; 32],
    answer: Arc<Answer>,
    stand: Stand,
}

struct Answer {
    event: EventId,
    deliveries: Arc<[DeliveryId]>,
}

enum Stand {
    /// Being written. The channel closes when that is over, either way.
    Reserved(watch::Sender<()>),
    /// Durable since then.
    Certain(Timestamp),
}

/// What the window says about an event that is to be written.
pub enum Reservation {
    /// It is new; its names are reserved.
    New,
    /// It was written before.
    Known(Accepted),
    /// It is being written. Ask again when the channel closes.
    Wait(watch::Receiver<()>),
    /// One of its names is another event's.
    Conflict(Conflict),
}

impl Window {
    /// An empty one.
    #[must_use]
    pub fn new(limits: WindowLimits) -> Self {
        Self { limits, workspaces: HashMap::new(), order: VecDeque::new() }
    }

    /// Reserves the names of an event, unless one of them is taken.
    pub fn reserve(
        &mut self,
        workspace: &WorkspaceId,
        identity: &Identity,
        event: &EventId,
        deliveries: impl Iterator<Item = DeliveryId>,
        now: Timestamp,
    ) -> Reservation {
        let names = names(identity, event);
        if names.is_empty() {
            return Reservation::New;
        }
        let known = self.workspaces.entry(workspace.clone()).or_default();
        known.shorten(self.limits, now);
        for name in &names {
            let Some(entry) = known.entries.get(name) else { continue };
            if entry.body_hash != identity.body_hash {
                let by = match name {
                    Name::Key(_) => ConflictBy::Key,
                    Name::Event(_) => ConflictBy::EventId,
                };
                return Reservation::Conflict(Conflict { event: entry.answer.event.clone(), by });
            }
            return match &entry.stand {
                Stand::Reserved(over) => Reservation::Wait(over.subscribe()),
                Stand::Certain(_) => Reservation::Known(entry.answer.accepted()),
            };
        }
        let answer = Arc::new(Answer { event: event.clone(), deliveries: deliveries.collect() });
        for name in names {
            let stand = Stand::Reserved(watch::Sender::new(()));
            known
                .entries
                .insert(name, Entry { body_hash: identity.body_hash, answer: Arc::clone(&answer), stand });
        }
        Reservation::New
    }

    /// The event is durable: its names are certain.
    pub fn committed(
        &mut self,
        workspace: &WorkspaceId,
        identity: &Identity,
        event: &EventId,
        deliveries: impl Iterator<Item = DeliveryId>,
        at: Timestamp,
    ) {
        let names = names(identity, event);
        if names.is_empty() {
            return;
        }
        let known = self.workspaces.entry(workspace.clone()).or_default();
        let answer = Arc::new(Answer { event: event.clone(), deliveries: deliveries.collect() });
        for name in names {
            let (answer, stand) = (Arc::clone(&answer), Stand::Certain(at));
            known.entries.insert(name.clone(), Entry { body_hash: identity.body_hash, answer, stand });
            known.order.push_back((at, name));
            self.order.push_back((at, workspace.clone()));
        }
        known.shorten(self.limits, at);
        while self.order.len() > self.limits.node_names_max
            && let Some((at, workspace)) = self.order.pop_front()
        {
            let Some(known) = self.workspaces.get_mut(&workspace) else { continue };
            if known.order.front().is_some_and(|(oldest, _)| *oldest == at) {
                known.forget_oldest();
            }
            if known.entries.is_empty() {
                self.workspaces.remove(&workspace);
            }
        }
    }

    /// The event was not taken: its names are free again.
    pub fn release(&mut self, workspace: &WorkspaceId, identity: &Identity, event: &EventId) {
        let Some(known) = self.workspaces.get_mut(workspace) else { return };
        for name in names(identity, event) {
            if matches!(known.entries.get(&name), Some(Entry { stand: Stand::Reserved(_), .. })) {
                known.entries.remove(&name);
            }
        }
    }

    /// Nothing becomes durable any more: whoever waits is told.
    pub fn release_all(&mut self) {
        for known in self.workspaces.values_mut() {
            known.entries.retain(|_, entry| matches!(entry.stand, Stand::Certain(_)));
        }
    }
}

impl Names {
    fn shorten(&mut self, limits: WindowLimits, now: Timestamp) {
        let oldest = now.saturating_sub(limits.kept).unwrap_or(Timestamp::MIN);
        while let Some((at, _)) = self.order.front()
            && (*at < oldest || self.order.len() > limits.workspace_names_max)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((at, name)) = self.order.pop_front() else { return };
        // A name that was used again since is younger than this line of the list.
        if matches!(self.entries.get(&name), Some(Entry { stand: Stand::Certain(since), .. }) if *since == at)
        {
            self.entries.remove(&name);
        }
    }
}

impl Answer {
    fn accepted(&self) -> Accepted {
        Accepted {
            event: self.event.clone(),
            deliveries: Arc::clone(&self.deliveries),
            repeated: true,
            skipped: Vec::new(),
        }
    }
}

fn names(identity: &Identity, event: &EventId) -> Vec<Name> {
    let key = identity.key.clone().map(Name::Key);
    let id = identity.app_chose_id.then(|| Name::Event(event.clone()));
    key.into_iter().chain(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: WindowLimits =
        WindowLimits { kept: Duration::from_secs(100), workspace_names_max: 3, node_names_max: 5 };

    struct Bench(Window, WorkspaceId);

    impl Bench {
        fn new() -> Self {
            Self(Window::new(LIMITS), WorkspaceId::from_text("a"))
        }

        fn reserve(&mut self, key: &str, event: &str, body: u8, now: i64) -> Reservation {
            let deliveries = [DeliveryId::from_text("dlv_1")].into_iter();
            self.0.reserve(&self.1, &identity(key, body), &EventId::from_text(event), deliveries, at(now))
        }

        fn commit(&mut self, key: &str, event: &str, body: u8, now: i64) {
            let deliveries = [DeliveryId::from_text("dlv_1")].into_iter();
            self.0.committed(&self.1, &identity(key, body), &EventId::from_text(event), deliveries, at(now));
        }
    }

    fn identity(key: &str, body: u8) -> Identity {
        let text = (!key.is_empty()).then(|| key.into());
        Identity { key: text, app_chose_id: true, body_hash: [body; 32] }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_same_again_is_known_and_another_body_is_a_conflict() {
        let mut bench = Bench::new();
        assert!(matches!(bench.reserve("k", "evt_1", 1, 0), Reservation::New));
        let Reservation::Wait(over) = bench.reserve("k", "evt_1", 1, 0) else {
            panic!("it is being written")
        };
        assert!(over.has_changed().is_ok());
        bench.commit("k", "evt_1", 1, 0);
        assert!(over.has_changed().is_err(), "the channel is closed");
        for (key, event) in [("k", "evt_1"), ("k", "evt_2"), ("", "evt_1"), ("other", "evt_1")] {
            match bench.reserve(key, event, 1, 50) {
                Reservation::Known(accepted) => {
                    assert_eq!((accepted.event.as_str(), accepted.repeated), ("evt_1", true));
                    assert_eq!(accepted.deliveries[0].as_str(), "dlv_1");
                }
                _ => panic!("{key} {event}"),
            }
        }
        let by = |reservation| match reservation {
            Reservation::Conflict(conflict) => conflict.by,
            _ => panic!("no conflict"),
        };
        assert_eq!(by(bench.reserve("k", "evt_9", 2, 50)), ConflictBy::Key);
        assert_eq!(by(bench.reserve("new", "evt_1", 2, 50)), ConflictBy::EventId);
        bench.1 = WorkspaceId::from_text("b");
        assert!(matches!(bench.reserve("k", "evt_1", 2, 50), Reservation::New), "another workspace's names");
    }

    #[test]
    fn names_are_forgotten_by_age_by_number_and_when_the_event_was_refused() {
        let mut bench = Bench::new();
        bench.commit("", "evt_1", 1, 0);
        assert!(matches!(bench.reserve("", "evt_1", 1, 100), Reservation::Known(_)));
        assert!(matches!(bench.reserve("", "evt_1", 1, 101), Reservation::New));
        bench.0.release(&bench.1, &identity("", 1), &EventId::from_text("evt_1"));
        assert!(matches!(bench.reserve("", "evt_1", 2, 101), Reservation::New), "it was never taken");
        for number in 2..6 {
            bench.commit("", &format!("evt_{number}"), 1, 102);
        }
        assert!(matches!(bench.reserve("", "evt_5", 1, 103), Reservation::Known(_)));
        assert!(matches!(bench.reserve("", "evt_2", 1, 103), Reservation::New));
        let Reservation::Wait(over) = bench.reserve("", "evt_2", 1, 103) else {
            panic!("it is being written")
        };
        bench.0.release_all();
        assert!(over.has_changed().is_err());
        assert!(matches!(bench.reserve("", "evt_5", 1, 103), Reservation::Known(_)));
    }

    #[test]
    fn a_node_remembers_so_many_names_of_all_workspaces() {
        let mut bench = Bench::new();
        for (number, workspace) in ["a", "b", "c", "a", "b", "c", "d"].into_iter().enumerate() {
            bench.1 = WorkspaceId::from_text(workspace);
            bench.commit("", &format!("evt_{number}"), 1, number as i64);
        }
        let mut known = Vec::new();
        for (number, workspace) in ["a", "b", "c", "a", "b", "c", "d"].into_iter().enumerate() {
            bench.1 = WorkspaceId::from_text(workspace);
            known.push(matches!(bench.reserve("", &format!("evt_{number}"), 1, 10), Reservation::Known(_)));
        }
        assert_eq!(known, [false, false, true, true, true, true, true]);
    }
}
