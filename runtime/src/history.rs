//! What happened, listed: an index in memory over the journal, rebuilt from it at start.
//!
//! It is a fold over records: the same function takes them while the server runs and while it starts, so
//! what is listed after a restart is what was listed before. Payloads, inputs and attempts stay in the
//! journal and are read back by position. Its memory is bounded: the oldest events leave it, and what they
//! owed with them; when a segment of the journal goes, so does everything that is only in there.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::id::{DeliveryId, EventId, WorkspaceId};
use crate::journal::Position;
use crate::model::{AttemptRecord, DeliveryRecord, State};
use crate::node::query::{
    Cursor, DeliveryFilter, DeliveryView, EventFilter, EventView, Feed, Page, StateKind,
};
use crate::record::{Carried, Owed, Record};

#[cfg(test)]
mod tests;

/// One question looks at so many entries at most; its page then ends early, with a cursor to go on.
const SCAN_MAX: usize = 20_000;

/// How much is listed.
#[derive(Clone, Copy, Debug)]
pub struct HistoryLimits {
    /// Events of one workspace.
    pub workspace_events_max: usize,
    /// Events of the node.
    pub node_events_max: usize,
}

/// The place of an entry in its list: the journal's position, so that it survives restarts.
type Place = u64;

/// Everything that is listed.
pub struct History {
    limits: HistoryLimits,
    workspaces: HashMap<WorkspaceId, Past>,
    /// All events, oldest first; those that left their workspace's list are skipped.
    order: VecDeque<(WorkspaceId, Place)>,
    events: usize,
}

/// One workspace's part.
#[derive(Default)]
struct Past {
    events: BTreeMap<Place, EventEntry>,
    deliveries: BTreeMap<Place, DeliveryEntry>,
    dead_letters: BTreeSet<Place>,
    event_places: HashMap<EventId, Place>,
    delivery_places: HashMap<DeliveryId, Place>,
}

struct EventEntry {
    view: Arc<EventView>,
    position: Position,
    /// Its deliveries with their replays.
    deliveries: Vec<Place>,
}

struct DeliveryEntry {
    view: Arc<DeliveryView>,
    position: Position,
    index: u32,
    attempts: Vec<Position>,
}

/// Where in the journal a delivery is.
#[derive(Clone, Debug)]
pub struct Source {
    /// The record with it.
    pub position: Position,
    /// Which of that record's deliveries it is.
    pub index: u32,
    /// The records of its attempts.
    pub attempts: Vec<Position>,
}

/// Records are longer than the number of their deliveries, so the places of one never reach the next.
fn place_of(position: Position, index: u32) -> Place {
    (u64::from(position.segment) << 32) | u64::from(position.offset.saturating_add(index))
}

impl History {
    /// An empty one.
    #[must_use]
    pub fn new(limits: HistoryLimits) -> Self {
        Self { limits, workspaces: HashMap::new(), order: VecDeque::new(), events: 0 }
    }

    /// Takes the next record and says what to tell those who watch.
    pub fn apply(&mut self, record: &Record, position: Position) -> Option<Feed> {
        match record {
            Record::Accepted(owed) => Some(Feed::Event(self.accepted(owed, position))),
            Record::Replayed(owed) => {
                self.replayed(owed, position);
                None
            }
            Record::Carried(carried) => {
                self.carried(carried, position);
                None
            }
            Record::Started { workspace, delivery, attempt, at, .. } => {
                let (state, attempt) = (State::InFlight { attempt: *attempt }, *attempt);
                self.moved(workspace, delivery, state, *at, None);
                Some(Feed::Started { workspace: workspace.clone(), delivery: delivery.clone(), attempt })
            }
            Record::Finished { workspace, attempt, state } => {
                let took = std::time::Duration::from_micros(attempt.took_micros);
                let at = attempt.started_at.saturating_add(took).unwrap_or(attempt.started_at);
                let done = Some((position, attempt));
                let delivery = self.moved(workspace, &attempt.delivery, state.clone(), at, done)?;
                Some(Feed::Attempt { delivery, attempt: Arc::new(attempt.clone()) })
            }
            Record::Settled { workspace, delivery, state, at } => {
                self.moved(workspace, delivery, state.clone(), *at, None).map(Feed::Settled)
            }
        }
    }

    fn accepted(&mut self, owed: &Owed, position: Position) -> Arc<EventView> {
        let event = &owed.event;
        let view = Arc::new(EventView {
            id: event.id.clone(),
            workspace: event.workspace.clone(),
            kind: Arc::clone(&event.kind),
            resource: event.resource.clone(),
            resource_id: event.resource_id.clone(),
            time: event.time,
            received_at: event.received_at,
            revision: event.revision.clone(),
            rules: event.rules.clone().into(),
            payload_bytes: u32::try_from(event.payload.len()).unwrap_or(u32::MAX),
            deliveries: owed.deliveries.iter().map(|delivery| delivery.id.clone()).collect(),
            attributes: event.attributes.clone(),
        });
        let past = self.workspaces.entry(event.workspace.clone()).or_default();
        let place = place_of(position, 0);
        let mut places = Vec::with_capacity(owed.deliveries.len());
        for (index, delivery) in (0..).zip(&owed.deliveries) {
            places.push(past.owe(delivery, position, index));
        }
        past.event_places.insert(event.id.clone(), place);
        past.events.insert(place, EventEntry { view: Arc::clone(&view), position, deliveries: places });
        self.events += 1;
        self.order.push_back((event.workspace.clone(), place));
        self.shorten(&event.workspace);
        view
    }

    fn replayed(&mut self, owed: &Owed, position: Position) {
        let Some(past) = self.workspaces.get_mut(&owed.event.workspace) else { return };
        let Some(event) = past.event_places.get(&owed.event.id).copied() else { return };
        for (index, delivery) in (0..).zip(&owed.deliveries) {
            let place = past.owe(delivery, position, index);
            if let Some(event) = past.events.get_mut(&event) {
                event.deliveries.push(place);
            }
        }
    }

    /// A delivery's record is elsewhere now, and its event's with it. At start, the old one may be gone.
    fn carried(&mut self, carried: &Carried, position: Position) {
        let Carried { owed, attempts, due_at } = carried;
        let Some(delivery) = owed.deliveries.first() else { return };
        let known = self.workspaces.get(&owed.event.workspace).map(|past| &past.event_places);
        if known.is_none_or(|places| !places.contains_key(&owed.event.id)) {
            self.accepted(owed, position);
        }
        let Some(past) = self.workspaces.get_mut(&owed.event.workspace) else { return };
        let Some(event) = past.event_places.get(&owed.event.id).copied() else { return };
        let known = past.delivery_places.get(&delivery.id).copied();
        let place = known.unwrap_or_else(|| past.owe(delivery, position, 0));
        if let Some(event) = past.events.get_mut(&event) {
            event.position = position;
            if !event.deliveries.contains(&place) {
                event.deliveries.push(place);
            }
        }
        if let Some(entry) = past.deliveries.get_mut(&place) {
            (entry.position, entry.index) = (position, 0);
            if *attempts > entry.view.attempts {
                let view = Arc::make_mut(&mut entry.view);
                view.attempts = *attempts;
                view.state = State::Again { at: *due_at };
            }
        }
    }

    fn moved(
        &mut self,
        workspace: &WorkspaceId,
        delivery: &DeliveryId,
        state: State,
        at: jiff::Timestamp,
        attempt: Option<(Position, &AttemptRecord)>,
    ) -> Option<Arc<DeliveryView>> {
        let past = self.workspaces.get_mut(workspace)?;
        let place = past.delivery_places.get(delivery).copied()?;
        let entry = past.deliveries.get_mut(&place)?;
        if matches!(state, State::DeadLetter { .. }) {
            past.dead_letters.insert(place);
        }
        let view = Arc::make_mut(&mut entry.view);
        view.state = state;
        view.changed_at = at;
        if let Some((position, attempt)) = attempt {
            view.attempts = view.attempts.max(attempt.number);
            entry.attempts.push(position);
        }
        Some(Arc::clone(&entry.view))
    }

    /// Lets the oldest events go until the limits hold.
    fn shorten(&mut self, workspace: &WorkspaceId) {
        if let Some(past) = self.workspaces.get_mut(workspace) {
            while past.events.len() > self.limits.workspace_events_max && past.forget_oldest() {
                self.events -= 1;
            }
        }
        while self.events > self.limits.node_events_max
            && let Some((workspace, place)) = self.order.pop_front()
        {
            if let Some(past) = self.workspaces.get_mut(&workspace)
                && past.forget(place)
            {
                self.events -= 1;
            }
        }
        // What left its workspace's list early still stands in here; that must not grow without end.
        if self.order.len() > 2 * self.events + 1_000 {
            let workspaces = &self.workspaces;
            self.order.retain(|(workspace, place)| {
                workspaces.get(workspace).is_some_and(|past| past.events.contains_key(place))
            });
        }
    }

    /// A segment is gone, and with it the events in it and before it.
    pub fn dropped(&mut self, segment: u32) {
        let end = (u64::from(segment) + 1) << 32;
        for past in self.workspaces.values_mut() {
            // An event that was copied keeps its place in the list and has a later position.
            let old = past.events.range(..end).filter(|(_, event)| event.position.segment <= segment);
            let old: Vec<Place> = old.map(|(place, _)| *place).collect();
            self.events -= old.iter().filter(|place| past.forget(**place)).count();
        }
        self.workspaces.retain(|_, past| !past.events.is_empty());
    }

    /// Events of a workspace, newest first.
    #[must_use]
    pub fn events(&self, workspace: &WorkspaceId, filter: &EventFilter, cursor: &Cursor) -> Page<EventView> {
        let Some(past) = self.workspaces.get(workspace) else {
            return Page { items: Vec::new(), next: None };
        };
        let entries = past.events.range(..cursor.before.unwrap_or(Place::MAX)).rev();
        page(entries, cursor.limit, |entry| filter.fits(&entry.view).then(|| (*entry.view).clone()))
    }

    /// Deliveries of a workspace, newest first.
    #[must_use]
    pub fn deliveries(
        &self,
        workspace: &WorkspaceId,
        filter: &DeliveryFilter,
        cursor: &Cursor,
    ) -> Page<DeliveryView> {
        let Some(past) = self.workspaces.get(workspace) else {
            return Page { items: Vec::new(), next: None };
        };
        let before = cursor.before.unwrap_or(Place::MAX);
        let take = |entry: &DeliveryEntry| filter.fits(&entry.view).then(|| (*entry.view).clone());
        let find =
            |place: &Place| Some((place, past.deliveries.get(place)?)).map(|(place, entry)| (*place, entry));
        if let Some(event) = &filter.event {
            let event = past.event_places.get(event).and_then(|place| past.events.get(place));
            let places = event.map(|event| event.deliveries.as_slice()).unwrap_or_default();
            let entries = places.iter().rev().filter(|place| **place < before).filter_map(find);
            return page(entries, cursor.limit, take);
        }
        if filter.state == Some(StateKind::DeadLetter) {
            return page(past.dead_letters.range(..before).rev().filter_map(find), cursor.limit, take);
        }
        page(past.deliveries.range(..before).rev(), cursor.limit, take)
    }

    /// One event.
    #[must_use]
    pub fn event(&self, workspace: &WorkspaceId, event: &EventId) -> Option<(Arc<EventView>, Position)> {
        let past = self.workspaces.get(workspace)?;
        let entry = past.events.get(past.event_places.get(event)?)?;
        Some((Arc::clone(&entry.view), entry.position))
    }

    /// One delivery.
    #[must_use]
    pub fn delivery(
        &self,
        workspace: &WorkspaceId,
        delivery: &DeliveryId,
    ) -> Option<(Arc<DeliveryView>, Source)> {
        let past = self.workspaces.get(workspace)?;
        let entry = past.deliveries.get(past.delivery_places.get(delivery)?)?;
        let source =
            Source { position: entry.position, index: entry.index, attempts: entry.attempts.clone() };
        Some((Arc::clone(&entry.view), source))
    }

    /// How many events, deliveries and dead letters are listed.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let pasts = self.workspaces.values();
        let (deliveries, dead) = pasts.fold((0, 0), |(deliveries, dead), past| {
            (deliveries + past.deliveries.len(), dead + past.dead_letters.len())
        });
        (self.events, deliveries, dead)
    }
}

impl Past {
    fn owe(&mut self, delivery: &DeliveryRecord, position: Position, index: u32) -> Place {
        let view = Arc::new(DeliveryView {
            id: delivery.id.clone(),
            workspace: delivery.workspace.clone(),
            event: delivery.event.clone(),
            rule: Arc::clone(&delivery.rule),
            key: Arc::clone(&delivery.key),
            connection: delivery.connection.clone(),
            connection_name: Arc::clone(&delivery.connection_name),
            action: Arc::clone(&delivery.action),
            policy: delivery.policy.clone(),
            created_at: delivery.created_at,
            replay_of: delivery.replay_of.clone(),
            state: delivery.first_state(),
            attempts: 0,
            changed_at: delivery.created_at,
        });
        let place = place_of(position, index);
        self.delivery_places.insert(delivery.id.clone(), place);
        self.deliveries.insert(place, DeliveryEntry { view, position, index, attempts: Vec::new() });
        place
    }

    fn forget_oldest(&mut self) -> bool {
        let oldest = self.events.keys().next().copied();
        oldest.is_some_and(|place| self.forget(place))
    }

    fn forget(&mut self, place: Place) -> bool {
        let Some(event) = self.events.remove(&place) else { return false };
        // A younger event may have taken the id, when the first one was no longer remembered.
        if self.event_places.get(&event.view.id) == Some(&place) {
            self.event_places.remove(&event.view.id);
        }
        for place in event.deliveries {
            self.dead_letters.remove(&place);
            if let Some(entry) = self.deliveries.remove(&place)
                && self.delivery_places.get(&entry.view.id) == Some(&place)
            {
                self.delivery_places.remove(&entry.view.id);
            }
        }
        true
    }
}

impl EventFilter {
    fn fits(&self, event: &EventView) -> bool {
        let is = |wanted: &Option<Arc<str>>, value: Option<&Arc<str>>| {
            wanted.is_none() || wanted.as_ref() == value
        };
        is(&self.kind, Some(&event.kind))
            && is(&self.resource, event.resource.as_ref())
            && is(&self.resource_id, event.resource_id.as_ref())
    }
}

impl DeliveryFilter {
    fn fits(&self, delivery: &DeliveryView) -> bool {
        self.event.as_ref().is_none_or(|event| *event == delivery.event)
            && self.connection.as_ref().is_none_or(|connection| *connection == delivery.connection)
            && self.rule.as_ref().is_none_or(|rule| *rule == delivery.rule)
            && self.state.is_none_or(|state| state == StateKind::of(&delivery.state))
    }
}

/// The wanted ones among entries that come newest first, up to `limit`.
fn page<P: std::borrow::Borrow<Place>, E, T>(
    entries: impl Iterator<Item = (P, E)>,
    limit: usize,
    mut take: impl FnMut(E) -> Option<T>,
) -> Page<T> {
    let mut items = Vec::new();
    let mut next = None;
    for (scanned, (place, entry)) in entries.enumerate() {
        if items.len() == limit || scanned == SCAN_MAX {
            return Page { items, next };
        }
        items.extend(take(entry));
        next = Some(*place.borrow());
    }
    Page { items, next: None }
}
