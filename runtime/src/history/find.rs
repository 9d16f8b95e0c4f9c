//! Answers about single events and deliveries, and how what is shown is read back.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use super::active::{delivery_key, event_key, workspace_key};
use super::index::Index;
use super::part::{Part, Trouble, parts};
use super::row::{DeliveryRow, Standing, kind_code};
use super::{Found, HistoryLimits};
use crate::id::{DeliveryId, EventId, WorkspaceId};
use crate::journal::Position;
use crate::model::{AttemptRecord, DeliveryRecord, State};
use crate::node::query::{DeliveryView, EventView, StateKind};
use crate::record::Record;

/// The index as one question sees it.
pub(super) struct View<'i> {
    index: &'i Index,
    pub(super) parts: Vec<Part<'i>>,
    limits: &'i HistoryLimits,
    now: Timestamp,
}

/// Nothing before this is shown of a workspace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    /// In the journal.
    pub place: u64,
    /// Microseconds since 1970.
    pub time: i64,
}

/// A place of a list: the journal's position, so that it survives restarts.
pub(super) fn place_of(segment: u32, at: u32) -> u64 {
    (u64::from(segment) << 32) | u64::from(at)
}

impl<'i> View<'i> {
    pub(super) fn new(index: &'i Index, limits: &'i HistoryLimits, now: Timestamp) -> Self {
        Self { index, parts: parts(index), limits, now }
    }

    /// What is shown of a workspace.
    pub(super) fn horizon(&self, workspace: u64) -> Result<Horizon, Trouble> {
        let kept = i64::try_from(self.limits.workspace_history_kept.as_micros()).unwrap_or(i64::MAX);
        let time = self.now.as_microsecond().saturating_sub(kept);
        let mut place = 0;
        let all: u64 = self.parts.iter().map(Part::events).sum();
        if all > self.limits.workspace_events_max {
            let mut left = self.limits.workspace_events_max;
            for part in &self.parts {
                let events = part.counted(workspace)?.events;
                if events >= left {
                    let first = left.checked_sub(1).map(|nth| part.nth_newest_event(workspace, nth));
                    let at = first.transpose()?.flatten().unwrap_or(u32::MAX);
                    place = place_of(part.segment, at);
                    break;
                }
                left -= events;
            }
        }
        Ok(Horizon { place, time })
    }

    /// Where it is: the newest event with that id, or else a copy of it.
    pub(super) fn event_position(
        &self,
        workspace: &WorkspaceId,
        event: &EventId,
    ) -> Result<Option<Position>, Trouble> {
        let (key, horizon) = (event_key(workspace, event), self.horizon(workspace_key(workspace))?);
        let mut copy = None;
        for part in &self.parts {
            let Some(row) = part.event_row(key)? else { continue };
            if row.received_at < horizon.time {
                continue;
            }
            let position = Position { segment: part.segment, offset: row.offset };
            if row.copy {
                copy.get_or_insert(position);
            } else {
                let shown = place_of(part.segment, row.offset) >= horizon.place;
                return Ok(shown.then_some(position));
            }
        }
        Ok(copy)
    }

    pub(super) fn event(
        &self,
        workspace: &WorkspaceId,
        event: &EventId,
    ) -> Result<Option<Arc<Record>>, Trouble> {
        let Some(position) = self.event_position(workspace, event)? else { return Ok(None) };
        let record = self.read(position)?;
        Ok(Some(record).filter(|record| record.owed().is_some_and(|owed| owed.event.id == *event)))
    }

    pub(super) fn delivery(
        &self,
        workspace: &WorkspaceId,
        delivery: &DeliveryId,
    ) -> Result<Option<Found>, Trouble> {
        let (key, horizon) = (delivery_key(workspace, delivery), self.horizon(workspace_key(workspace))?);
        let mut copy = None;
        for (at, part) in self.parts.iter().enumerate() {
            let Some(row) = part.delivery_row(key)? else { continue };
            if row.copy {
                copy.get_or_insert((at, row));
            } else if place_of(part.segment, row.offset) < horizon.place || row.created_at < horizon.time {
                return Ok(None);
            } else {
                copy = Some((at, row));
                break;
            }
        }
        let Some((at, row)) = copy else { return Ok(None) };
        let standing = self.standing(at, &row)?;
        let found = self.found(at, &row, standing)?;
        Ok(found.filter(|found| found.view.id == *delivery))
    }

    pub(super) fn attempts(
        &self,
        workspace: &WorkspaceId,
        delivery: &DeliveryId,
    ) -> Result<Vec<Position>, Trouble> {
        let key = delivery_key(workspace, delivery);
        let mut found = Vec::new();
        for part in self.parts.iter().rev() {
            let rows = part.attempts_of(key)?;
            found.extend(rows.iter().map(|row| Position { segment: part.segment, offset: row.offset }));
        }
        Ok(found)
    }

    /// Where a delivery stands now, and in which segment that is written. `at` is its row's part.
    pub(super) fn standing(&self, at: usize, row: &DeliveryRow) -> Result<(u32, Standing), Trouble> {
        let segment = self.parts.get(at).map_or(0, |part| part.segment);
        if !row.copy && is_settled(row.standing.kind) {
            return Ok((segment, row.standing));
        }
        let later = self.parts.get(..at + usize::from(row.copy)).unwrap_or_default();
        let mut found: Option<(u32, Standing)> = None;
        for part in later {
            let Some(standing) = part.standing(row.id)? else { continue };
            let (_, newest) = found.get_or_insert((part.segment, standing));
            newest.attempts = newest.attempts.max(standing.attempts);
            newest.outcome = if newest.outcome == 0 { standing.outcome } else { newest.outcome };
            // A state without an attempt does not say how many there were before.
            if newest.attempts > 0 && newest.outcome != 0 {
                break;
            }
        }
        let Some((segment, mut newest)) = found else { return Ok((segment, row.standing)) };
        newest.attempts = newest.attempts.max(row.standing.attempts);
        newest.outcome = if newest.outcome == 0 { row.standing.outcome } else { newest.outcome };
        Ok((segment, newest))
    }

    /// Reads a delivery back; `None` when its record has no such delivery.
    pub(super) fn found(
        &self,
        at: usize,
        row: &DeliveryRow,
        (state_in, standing): (u32, Standing),
    ) -> Result<Option<Found>, Trouble> {
        let segment = self.parts.get(at).map_or(0, |part| part.segment);
        let record = self.read(Position { segment, offset: row.offset })?;
        let delivery = record.owed().and_then(|owed| owed.deliveries.get(row.index as usize));
        let Some(delivery) = delivery else { return Ok(None) };
        let mut view = view_of(delivery);
        view.attempts = standing.attempts;
        if standing.offset != 0 {
            let said = self.read(Position { segment: state_in, offset: standing.offset })?;
            if let Some((state, changed_at)) = state_in_record(&said, delivery) {
                (view.state, view.changed_at) = (state, changed_at);
            }
        }
        let index = row.index;
        Ok(Some(Found { view, record, index }))
    }

    /// A record.
    pub(super) fn read(&self, position: Position) -> Result<Arc<Record>, Trouble> {
        let bytes = match self.index.journal.read(position) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.index.note_gone(position.segment);
                return Err(Trouble::Gone);
            }
            Err(error) => return Err(error.into()),
        };
        let record =
            Record::from_bytes(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(Arc::new(record))
    }
}

/// Whether nothing follows from a state of that kind any more.
fn is_settled(kind: u32) -> bool {
    [StateKind::Waiting, StateKind::InFlight, StateKind::Again]
        .iter()
        .all(|pending| kind_code(*pending) != kind)
}

/// When an attempt ended.
pub(super) fn ended_at(attempt: &AttemptRecord) -> Timestamp {
    let took = std::time::Duration::from_micros(attempt.took_micros);
    attempt.started_at.saturating_add(took).unwrap_or(attempt.started_at)
}

/// The state that a record says, and since when.
fn state_in_record(record: &Record, delivery: &DeliveryRecord) -> Option<(State, Timestamp)> {
    match record {
        Record::Started { delivery: id, attempt, at, .. } if *id == delivery.id => {
            Some((State::InFlight { attempt: *attempt }, *at))
        }
        Record::Finished { attempt, state, .. } if attempt.delivery == delivery.id => {
            Some((state.clone(), ended_at(attempt)))
        }
        Record::Settled { delivery: id, state, at, .. } if *id == delivery.id => Some((state.clone(), *at)),
        Record::Carried(carried) => {
            let (.., waits) = carried.each().find(|(_, carried, _)| carried.id == delivery.id)?;
            (waits.attempts > 0).then_some((State::Again { at: waits.due_at }, delivery.created_at))
        }
        _ => None,
    }
}

/// A delivery to which nothing has happened.
fn view_of(delivery: &DeliveryRecord) -> DeliveryView {
    DeliveryView {
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
    }
}

/// An event without its payload, from its record.
#[must_use]
pub fn event_view(record: &Record) -> Option<EventView> {
    let owed = record.owed()?;
    let event = &owed.event;
    let original = matches!(record, Record::Accepted(_));
    let deliveries = owed.deliveries.iter().filter(|_| original);
    Some(EventView {
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
        deliveries: deliveries.map(|delivery| delivery.id.clone()).collect(),
        attributes: event.attributes.clone(),
        traceparent: event.trace_context.as_ref().map(ToString::to_string),
    })
}
