//! Lists: from the newest segment to the oldest, row by row, as far as one question may go.

use std::sync::Arc;

use super::Found;
use super::active::{delivery_key, event_key, workspace_key};
use super::find::{Horizon, View, place_of};
use super::part::{Part, Trouble};
use super::row::{About, DeliveryRow, EventRow, kind_code, outcome_code, short};
use super::run::{InRun, Term, field};
use crate::id::WorkspaceId;
use crate::journal::Position;
use crate::limits::{HISTORY_RECORDS_READ_MAX, HISTORY_ROWS_READ_MAX};
use crate::node::query::{Cursor, DeliveryFilter, EventFilter, Page, StateKind, TimeRange};
use crate::record::Record;

/// Rows that are taken at a time.
const PIECE_ROWS: usize = 256;

/// What a question may still cost.
struct Budget {
    rows: usize,
    records: usize,
}

/// What is asked of the event that a row belongs to.
struct Asked {
    workspace: u64,
    about: About,
    terms: Vec<Term>,
    after: i64,
    before: i64,
    horizon: Horizon,
}

impl Asked {
    fn new(workspace: u64, horizon: Horizon, time: &TimeRange) -> Self {
        let micros = |at: Option<jiff::Timestamp>, open| at.map_or(open, jiff::Timestamp::as_microsecond);
        let after = micros(time.after, i64::MIN).max(horizon.time);
        let before = micros(time.before, i64::MAX);
        Self { workspace, about: About::default(), terms: Vec::new(), after, before, horizon }
    }

    /// Wants a field to be that text.
    fn field(&mut self, field: u64, value: Option<&str>) -> u32 {
        let Some(value) = value.map(short) else { return 0 };
        self.terms.push(Term::field(self.workspace, field, u64::from(value)));
        value
    }

    fn about(
        &mut self,
        kind: Option<&str>,
        resource: Option<&str>,
        resource_id: Option<&str>,
        revision: Option<&str>,
    ) {
        self.about = About {
            kind: self.field(field::KIND, kind),
            resource: self.field(field::RESOURCE, resource),
            resource_id: self.field(field::RESOURCE_ID, resource_id),
            revision: self.field(field::REVISION, revision),
        };
    }

    fn fits(&self, about: &About, at: i64) -> bool {
        let is = |wanted: u32, value: u32| wanted == 0 || wanted == value;
        (self.after..self.before).contains(&at)
            && is(self.about.kind, about.kind)
            && is(self.about.resource, about.resource)
            && is(self.about.resource_id, about.resource_id)
            && is(self.about.revision, about.revision)
    }
}

impl View<'_> {
    /// Goes through the rows of a workspace; `take` says what becomes of one. It may refuse to go on by
    /// using the budget up; then the page ends before that row.
    fn page<R: InRun, T>(
        &self,
        asked: &Asked,
        cursor: &Cursor,
        mut take: impl FnMut(usize, &R, &mut Budget) -> Result<Option<T>, Trouble>,
    ) -> Result<Page<T>, Trouble> {
        let before = cursor.before.unwrap_or(u64::MAX);
        let mut budget = Budget { rows: HISTORY_ROWS_READ_MAX, records: HISTORY_RECORDS_READ_MAX };
        let mut page = Page { items: Vec::new(), next: None };
        let mut last = None;
        for (at, part) in self.parts.iter().enumerate() {
            if !self.is_worth_it(part, asked, before)? {
                continue;
            }
            let (segment, offset) = (before >> 32, u32::try_from(before & 0xffff_ffff).unwrap_or(u32::MAX));
            let mut below = if segment == u64::from(part.segment) { offset } else { u32::MAX };
            loop {
                let rows: Vec<R> = part.rows(asked.workspace, below, PIECE_ROWS)?;
                let Some(oldest) = rows.last() else { break };
                below = oldest.at();
                for row in &rows {
                    let place = place_of(part.segment, row.at());
                    if place < asked.horizon.place {
                        return Ok(page);
                    }
                    if page.items.len() == cursor.limit || budget.rows == 0 || budget.records == 0 {
                        page.next = last;
                        return Ok(page);
                    }
                    budget.rows -= 1;
                    page.items.extend(take(at, row, &mut budget)?);
                    last = Some(place);
                }
            }
        }
        Ok(page)
    }

    fn is_worth_it(&self, part: &Part<'_>, asked: &Asked, before: u64) -> Result<bool, Trouble> {
        let newer = u64::from(part.segment) > before >> 32;
        let older = u64::from(part.segment) < asked.horizon.place >> 32;
        Ok(!newer && !older && !part.is_outside(asked.after, asked.before) && part.may_have(&asked.terms)?)
    }

    /// Whether an older segment has what this is a copy of; then it is listed there.
    fn is_listed_earlier(
        &self,
        at: usize,
        has: impl Fn(&Part<'_>) -> Result<bool, Trouble>,
    ) -> Result<bool, Trouble> {
        for part in self.parts.get(at + 1..).unwrap_or_default() {
            if has(part)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn events(
        &self,
        workspace: &WorkspaceId,
        filter: &EventFilter,
        cursor: &Cursor,
    ) -> Result<Page<Arc<Record>>, Trouble> {
        let key = workspace_key(workspace);
        let mut asked = Asked::new(key, self.horizon(key)?, &filter.time);
        let revision = filter.revision.as_ref().map(|revision| revision.as_str());
        asked.about(
            filter.kind.as_deref(),
            filter.resource.as_deref(),
            filter.resource_id.as_deref(),
            revision,
        );
        let wanted = filter.id.as_ref().map(|id| event_key(workspace, id));
        asked.terms.extend(wanted.map(Term::key));
        self.page(&asked, cursor, |at, row: &EventRow, budget| {
            if !asked.fits(&row.about, row.received_at) || wanted.is_some_and(|id| id != row.id) {
                return Ok(None);
            }
            if row.copy && self.is_listed_earlier(at, |part| Ok(part.event_row(row.id)?.is_some()))? {
                return Ok(None);
            }
            let segment = self.parts.get(at).map_or(0, |part| part.segment);
            budget.records -= 1;
            let record = self.read(Position { segment, offset: row.offset })?;
            Ok(Some(record).filter(|record| filter.fits(workspace, record)))
        })
    }

    pub(super) fn deliveries(
        &self,
        workspace: &WorkspaceId,
        filter: &DeliveryFilter,
        cursor: &Cursor,
    ) -> Result<Page<Found>, Trouble> {
        let key = workspace_key(workspace);
        let mut asked = Asked::new(key, self.horizon(key)?, &filter.time);
        let revision = filter.revision.as_ref().map(|revision| revision.as_str());
        asked.about(
            filter.kind.as_deref(),
            filter.resource.as_deref(),
            filter.resource_id.as_deref(),
            revision,
        );
        let connection = asked.field(field::CONNECTION, filter.connection.as_ref().map(|one| one.as_str()));
        let rule = asked.field(field::RULE, filter.rule.as_deref());
        let event = filter.event.as_ref().map(|event| event_key(workspace, event));
        asked.terms.extend(event.map(|event| Term::field(key, field::EVENT, event)));
        let (kind, outcome) = (filter.state.map(kind_code), filter.outcome.map(outcome_code));
        self.page(&asked, cursor, |at, row: &DeliveryRow, budget| {
            let fits = asked.fits(&row.about, row.created_at)
                && (connection == 0 || connection == row.connection)
                && (rule == 0 || rule == row.rule)
                && event.is_none_or(|event| event == row.event);
            if !fits {
                return Ok(None);
            }
            if row.copy && self.is_listed_earlier(at, |part| Ok(part.delivery_row(row.id)?.is_some()))? {
                return Ok(None);
            }
            let (state_in, standing) = self.standing(at, row)?;
            let stands = kind.is_none_or(|kind| kind == standing.kind)
                && outcome.is_none_or(|outcome| outcome == standing.outcome);
            if !stands {
                return Ok(None);
            }
            budget.records -= 1;
            let found = self.found(at, row, (state_in, standing))?;
            Ok(found.filter(|found| {
                filter.fits(workspace, found) && delivery_key(workspace, &found.view.id) == row.id
            }))
        })
    }
}

impl EventFilter {
    /// Whether a record is wanted, by what it says itself.
    fn fits(&self, workspace: &WorkspaceId, record: &Record) -> bool {
        let Some(event) = record.owed().map(|owed| &owed.event) else { return false };
        event.workspace == *workspace
            && self.id.as_ref().is_none_or(|id| *id == event.id)
            && is(&self.kind, Some(&event.kind))
            && is(&self.resource, event.resource.as_ref())
            && is(&self.resource_id, event.resource_id.as_ref())
            && is(&self.revision, event.revision.as_ref())
            && self.condition.as_ref().is_none_or(|condition| condition.holds(event))
    }
}

impl DeliveryFilter {
    /// Whether a delivery is wanted, by what its records say.
    fn fits(&self, workspace: &WorkspaceId, found: &Found) -> bool {
        let (view, Some(owed)) = (&found.view, found.record.owed()) else { return false };
        let event = &owed.event;
        view.workspace == *workspace
            && self.event.as_ref().is_none_or(|event| *event == view.event)
            && self.connection.as_ref().is_none_or(|connection| *connection == view.connection)
            && self.rule.as_ref().is_none_or(|rule| *rule == view.rule)
            && self.state.is_none_or(|state| state == StateKind::of(&view.state))
            && is(&self.kind, Some(&event.kind))
            && is(&self.resource, event.resource.as_ref())
            && is(&self.resource_id, event.resource_id.as_ref())
            && is(&self.revision, event.revision.as_ref())
            && self.condition.as_ref().is_none_or(|condition| condition.holds(event))
    }
}

fn is<T: PartialEq>(wanted: &Option<T>, value: Option<&T>) -> bool {
    wanted.is_none() || wanted.as_ref() == value
}
