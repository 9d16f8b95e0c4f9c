//! The rows of one segment in memory: while it is written, and while its run is made again.

use std::collections::{BTreeMap, HashMap};

use super::row::{
    About, AttemptRow, DeliveryRow, EventRow, LaterRow, Listed, Standing, hash, kind_code, short,
};
use crate::id::{DeliveryId, EventId, WorkspaceId};
use crate::journal::Position;
use crate::model::{DeliveryRecord, State};
use crate::node::query::StateKind;
use crate::record::{Carried, Owed, Record, Waits};

/// The rows of one segment. Its memory is bounded by the segment: a row is smaller than its record.
#[derive(Default)]
pub(super) struct Active {
    pub segment: u32,
    pub workspaces: HashMap<u64, Rows>,
    /// Events and deliveries by their keys: workspace and position among its rows.
    pub events: HashMap<u64, (u64, u32)>,
    pub deliveries: HashMap<u64, (u64, u32)>,
    /// Where deliveries stand whose own row is in an earlier segment.
    pub later: HashMap<u64, Standing>,
    /// Attempts that are over: delivery and offset to number.
    pub attempts: BTreeMap<(u64, u32), u32>,
    pub totals: Totals,
}

/// The rows of one workspace, in the order of their places.
#[derive(Default)]
pub(super) struct Rows {
    pub events: Vec<EventRow>,
    pub deliveries: Vec<DeliveryRow>,
    /// Copies among the events.
    pub copies: u32,
}

/// Counts of a segment, copies left out, and its times in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub events: u64,
    pub deliveries: u64,
    pub dead_letters: u64,
    pub first_at: i64,
    pub last_at: i64,
}

/// The hash that stands for a workspace.
pub(super) fn workspace_key(workspace: &WorkspaceId) -> u64 {
    hash(&[workspace.as_str()])
}

/// The hash that stands for an event. The workspace is in it: ids are unique there only.
pub(super) fn event_key(workspace: &WorkspaceId, event: &EventId) -> u64 {
    hash(&["event", workspace.as_str(), event.as_str()])
}

/// The hash that stands for a delivery.
pub(super) fn delivery_key(workspace: &WorkspaceId, delivery: &DeliveryId) -> u64 {
    hash(&["delivery", workspace.as_str(), delivery.as_str()])
}

impl Active {
    pub(super) fn new(segment: u32) -> Self {
        Self { segment, ..Self::default() }
    }

    /// Takes the next record of the segment.
    pub(super) fn apply(&mut self, record: &Record, position: Position) {
        match record {
            Record::Accepted(owed) => {
                self.event(owed, position, false);
                self.owed(owed, position);
            }
            Record::Replayed(owed) => {
                self.event(owed, position, true);
                self.owed(owed, position);
            }
            Record::Carried(carried) => self.carried(carried, position),
            Record::Started { workspace, delivery, attempt, .. } => {
                let standing = self.standing_of(workspace, delivery);
                standing.attempts = standing.attempts.max(attempt.saturating_sub(1));
                standing.moved(position, &State::InFlight { attempt: *attempt }, None);
            }
            Record::Finished { workspace, attempt, state } => {
                let key = delivery_key(workspace, &attempt.delivery);
                self.attempts.insert((key, position.offset), attempt.number);
                self.standing_of(workspace, &attempt.delivery).moved(position, state, Some(attempt));
                self.count_dead(state);
            }
            Record::Settled { workspace, delivery, state, .. } => {
                self.standing_of(workspace, delivery).moved(position, state, None);
                self.count_dead(state);
            }
        }
    }

    fn count_dead(&mut self, state: &State) {
        self.totals.dead_letters += u64::from(matches!(state, State::DeadLetter { .. }));
    }

    fn seen(&mut self, at: i64) {
        let totals = &mut self.totals;
        totals.first_at = if totals.first_at == 0 { at } else { totals.first_at.min(at) };
        totals.last_at = totals.last_at.max(at);
    }

    fn event(&mut self, owed: &Owed, position: Position, copy: bool) {
        let event = &owed.event;
        let (workspace, id) = (workspace_key(&event.workspace), event_key(&event.workspace, &event.id));
        if copy && self.events.contains_key(&id) {
            return;
        }
        let received_at = event.received_at.as_microsecond();
        self.seen(received_at);
        let rows = self.workspaces.entry(workspace).or_default();
        let about = About::of(event);
        self.events.insert(id, (workspace, index(rows.events.len())));
        rows.events.push(EventRow { workspace, offset: position.offset, copy, id, received_at, about });
        rows.copies += u32::from(copy);
        self.totals.events += u64::from(!copy);
    }

    fn owed(&mut self, owed: &Owed, position: Position) {
        for (at, delivery) in owed.deliveries.iter().enumerate() {
            self.delivery(owed, delivery, position, index(at), false);
        }
    }

    fn delivery(
        &mut self,
        owed: &Owed,
        delivery: &DeliveryRecord,
        position: Position,
        index_in: u32,
        copy: bool,
    ) {
        let workspace = workspace_key(&delivery.workspace);
        let id = delivery_key(&delivery.workspace, &delivery.id);
        let created_at = delivery.created_at.as_microsecond();
        self.seen(created_at);
        let rows = self.workspaces.entry(workspace).or_default();
        self.deliveries.insert(id, (workspace, index(rows.deliveries.len())));
        rows.deliveries.push(DeliveryRow {
            workspace,
            offset: position.offset,
            index: index_in,
            copy,
            id,
            event: event_key(&delivery.workspace, &delivery.event),
            created_at,
            connection: short(delivery.connection.as_str()),
            rule: short(&delivery.rule),
            about: About::of(&owed.event),
            standing: Standing {
                kind: kind_code(StateKind::of(&delivery.first_state())),
                ..Standing::default()
            },
        });
        self.totals.deliveries += u64::from(!copy);
    }

    /// Deliveries that wait were copied here, with their event, so that their old segment can go.
    fn carried(&mut self, carried: &Carried, position: Position) {
        self.event(&carried.owed, position, true);
        for (index, delivery, Waits { attempts, due_at, .. }) in carried.each() {
            if !self.deliveries.contains_key(&delivery_key(&delivery.workspace, &delivery.id)) {
                self.delivery(&carried.owed, delivery, position, index, true);
            }
            let state = if attempts > 0 { State::Again { at: due_at } } else { State::Waiting };
            let standing = self.standing_of(&delivery.workspace, &delivery.id);
            standing.attempts = standing.attempts.max(attempts);
            standing.moved(position, &state, None);
        }
    }

    fn standing_of(&mut self, workspace: &WorkspaceId, delivery: &DeliveryId) -> &mut Standing {
        let key = delivery_key(workspace, delivery);
        if let Some((workspace, row)) = self.deliveries.get(&key)
            && let Some(rows) = self.workspaces.get_mut(workspace)
            && let Some(row) = rows.deliveries.get_mut(*row as usize)
            && !row.copy
        {
            return &mut row.standing;
        }
        self.later.entry(key).or_default()
    }

    /// Where a delivery stands by what this segment knows.
    pub(super) fn standing(&self, delivery: u64) -> Option<Standing> {
        let own = || self.delivery_row(delivery).filter(|row| !row.copy).map(|row| row.standing);
        self.later.get(&delivery).copied().or_else(own)
    }

    pub(super) fn delivery_row(&self, delivery: u64) -> Option<DeliveryRow> {
        let (workspace, row) = self.deliveries.get(&delivery)?;
        self.workspaces.get(workspace)?.deliveries.get(*row as usize).copied()
    }

    pub(super) fn event_row(&self, event: u64) -> Option<EventRow> {
        let (workspace, row) = self.events.get(&event)?;
        self.workspaces.get(workspace)?.events.get(*row as usize).copied()
    }

    /// The attempts of a delivery that are over.
    pub(super) fn attempts_of(&self, delivery: u64) -> Vec<AttemptRow> {
        let found = self.attempts.range((delivery, 0)..=(delivery, u32::MAX));
        found
            .map(|((delivery, offset), number)| AttemptRow {
                delivery: *delivery,
                offset: *offset,
                number: *number,
            })
            .collect()
    }

    /// Rows of a workspace with places below `below`, newest first.
    pub(super) fn rows<R: Kept>(&self, workspace: u64, below: u32, at_most: usize) -> Vec<R> {
        let Some(rows) = self.workspaces.get(&workspace) else { return Vec::new() };
        let rows = R::among(rows);
        let end = rows.partition_point(|row| row.at() < below);
        rows.get(..end).unwrap_or_default().iter().rev().take(at_most).cloned().collect()
    }

    /// Standings of deliveries from elsewhere, by key.
    pub(super) fn later_rows(&self) -> Vec<LaterRow> {
        let mut rows: Vec<LaterRow> = self
            .later
            .iter()
            .map(|(delivery, standing)| LaterRow { delivery: *delivery, standing: *standing })
            .collect();
        rows.sort_unstable_by_key(|row| row.delivery);
        rows
    }
}

/// Rows that an [`Active`] keeps by workspace.
pub(super) trait Kept: Listed {
    fn among(rows: &Rows) -> &[Self];
}

impl Kept for EventRow {
    fn among(rows: &Rows) -> &[Self] {
        &rows.events
    }
}

impl Kept for DeliveryRow {
    fn among(rows: &Rows) -> &[Self] {
        &rows.deliveries
    }
}

/// A segment has at most 4 GiB, so it has fewer rows than that.
pub(super) fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
