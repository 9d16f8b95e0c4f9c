//! The segments of the journal as a question sees them, each in memory or in its run.

use std::io;
use std::sync::Arc;

use super::active::Active;
use super::index::Index;
use super::row::{AttemptRow, DeliveryRow, EventRow, Standing};
use super::run::{Damaged, InRun, Run, Term};

/// Why a question has no answer yet.
pub(super) enum Trouble {
    /// A run must be made again first.
    Damaged(Arc<Run>),
    /// A segment was dropped while the question was answered. What was owed in it has been copied, so the
    /// question must be asked again.
    Gone,
    /// The journal cannot be read.
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One segment.
pub(super) struct Part<'i> {
    index: &'i Index,
    pub segment: u32,
    /// `None`: in memory when the question began.
    run: Option<Arc<Run>>,
}

/// What a workspace has in a part.
pub(super) struct Counted {
    /// Events, copies left out.
    pub events: u64,
}

/// Every segment, newest first.
pub(super) fn parts(index: &Index) -> Vec<Part<'_>> {
    let parts = index.parts();
    // The index may be so late that the segment it is at has been dropped.
    let active = Some(parts.active.segment).filter(|segment| !index.is_gone(*segment));
    let active = active.map(|segment| Part { index, segment, run: None });
    let runs = parts.runs.iter().rev().filter(|(segment, _)| !index.is_gone(**segment));
    let runs = runs.map(|(segment, run)| Part { index, segment: *segment, run: Some(Arc::clone(run)) });
    active.into_iter().chain(runs).collect()
}

impl Part<'_> {
    fn ask<T: Default>(
        &self,
        of_active: impl FnOnce(&Active) -> T,
        of_run: impl FnOnce(&Run) -> Result<T, Damaged>,
    ) -> Result<T, Trouble> {
        let run = match &self.run {
            Some(run) => Some(Arc::clone(run)),
            None => {
                let parts = self.index.parts();
                if parts.active.segment == self.segment {
                    return Ok(of_active(&parts.active));
                }
                // It was finished meanwhile.
                parts.runs.get(&self.segment).cloned()
            }
        };
        match run {
            Some(run) => of_run(&run).map_err(|Damaged| Trouble::Damaged(run)),
            None => Ok(T::default()),
        }
    }

    /// Rows of a workspace with places below `below`, newest first.
    pub(super) fn rows<R: InRun>(
        &self,
        workspace: u64,
        below: u32,
        at_most: usize,
    ) -> Result<Vec<R>, Trouble> {
        self.ask(
            |active| active.rows(workspace, below, at_most),
            |run| match run.workspace(workspace)? {
                Some(of) => run.rows(&of, below, at_most),
                None => Ok(Vec::new()),
            },
        )
    }

    /// The place of the `nth` newest event row of a workspace, counted from 0.
    pub(super) fn nth_newest_event(&self, workspace: u64, nth: u64) -> Result<Option<u32>, Trouble> {
        let nth = usize::try_from(nth).unwrap_or(usize::MAX);
        self.ask(
            |active| {
                let events = active.workspaces.get(&workspace).map(|rows| rows.events.as_slice());
                events.and_then(|events| events.iter().rev().nth(nth)).map(|row| row.offset)
            },
            |run| {
                let Some(of) = run.workspace(workspace)? else { return Ok(None) };
                let back = u32::try_from(nth).unwrap_or(u32::MAX).saturating_add(1);
                let Some(at) = of.events.checked_sub(back) else { return Ok(None) };
                let at = of.events_from + at;
                Ok(EventRow::read(run, at, at + 1)?.first().map(|row| row.offset))
            },
        )
    }

    pub(super) fn counted(&self, workspace: u64) -> Result<Counted, Trouble> {
        let events = self.ask(
            |active| {
                active
                    .workspaces
                    .get(&workspace)
                    .map_or(0, |rows| rows.events.len() as u64 - u64::from(rows.copies))
            },
            |run| Ok(run.workspace(workspace)?.map_or(0, |of| u64::from(of.events) - u64::from(of.copies))),
        );
        Ok(Counted { events: events? })
    }

    /// Events of all workspaces.
    pub(super) fn events(&self) -> u64 {
        match &self.run {
            Some(run) => run.totals.events,
            None => self.index.parts().active.totals.events,
        }
    }

    /// Whether everything in it is older than `after` or not older than `before` (microseconds).
    pub(super) fn is_outside(&self, after: i64, before: i64) -> bool {
        self.run.as_ref().is_some_and(|run| {
            let totals = &run.totals;
            totals.first_at != 0 && (totals.last_at < after || totals.first_at >= before)
        })
    }

    /// Whether it may have all of these; `false` is certain.
    pub(super) fn may_have(&self, terms: &[Term]) -> Result<bool, Trouble> {
        self.ask(
            |_| Some(()),
            |run| {
                for term in terms {
                    if !run.may_have(*term)? {
                        return Ok(None);
                    }
                }
                Ok(Some(()))
            },
        )
        .map(|found| found.is_some())
    }

    pub(super) fn event_row(&self, event: u64) -> Result<Option<EventRow>, Trouble> {
        self.ask(|active| active.event_row(event), |run| run.event_row(event))
    }

    pub(super) fn delivery_row(&self, delivery: u64) -> Result<Option<DeliveryRow>, Trouble> {
        self.ask(|active| active.delivery_row(delivery), |run| run.delivery_row(delivery))
    }

    pub(super) fn standing(&self, delivery: u64) -> Result<Option<Standing>, Trouble> {
        self.ask(|active| active.standing(delivery), |run| run.standing(delivery))
    }

    pub(super) fn attempts_of(&self, delivery: u64) -> Result<Vec<AttemptRow>, Trouble> {
        self.ask(|active| active.attempts_of(delivery), |run| run.attempts_of(delivery))
    }
}
