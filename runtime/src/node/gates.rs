//! `dedupe` and `throttle`, asked in the order of the journal.
//!
//! An event's deliveries are asked about while it is being queued for the journal, under the books' lock:
//! so the order of answers is the order of records, and a repeated request, which is answered from the
//! window, is asked about nothing. What is refused after that is taken back before anybody else can be
//! asked. The records carry the keys; reading them again at start gives the same answers as before.

use std::collections::HashMap;

use compiler::gate::{Gated, Gates, KEYS_MAX, Kept, Memory, RateGate, Stop, Tally};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{DeliveryId, WorkspaceId};
use crate::model::{DeliveryRecord, SkipReason};
use crate::record::glance::OwedGlance;
use crate::record::{Owed, Record};

/// The gates of all workspaces, each of at most [`KEYS_MAX`] keys.
#[derive(Default)]
pub(crate) struct GateBook {
    workspaces: HashMap<WorkspaceId, Gates>,
    /// Answers until gates that remember nothing are looked for.
    until_swept: u32,
    pub skipped: Skipped,
}

/// How many deliveries of the node were skipped, as far as its journal reaches back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// By `dedupe`.
    pub duplicate: u64,
    /// By `throttle`.
    pub throttled: u64,
    /// By `sample`.
    pub sampled: u64,
    /// By `during` with `outside: "skip"`.
    pub outside_hours: u64,
}

impl Skipped {
    /// Counts what a record skips.
    pub(super) fn count(&mut self, owed: &Owed) {
        for reason in owed.deliveries.iter().filter_map(|delivery| delivery.skipped) {
            self.add(reason);
        }
    }

    fn add(&mut self, reason: SkipReason) {
        let count = match reason {
            SkipReason::Duplicate => &mut self.duplicate,
            SkipReason::Throttled => &mut self.throttled,
            SkipReason::Sampled => &mut self.sampled,
            SkipReason::OutsideHours => &mut self.outside_hours,
        };
        *count += 1;
    }
}

/// What the gates were asked, and what they remembered before.
pub(super) struct Asked {
    workspace: WorkspaceId,
    gated: Gated,
    before: Memory,
}

/// So many answers pass between two looks for gates that can go.
const SWEEP_EVERY: u32 = 4_096;

/// Whether the gates are asked about any delivery of a record.
pub(super) fn is_gated(record: &Record) -> bool {
    matches!(record, Record::Accepted(owed) if owed.deliveries.iter().any(asks))
}

fn asks(delivery: &DeliveryRecord) -> bool {
    delivery.skipped.is_none() && delivery.input.is_ok() && !delivery.gated.is_free()
}

impl GateBook {
    /// Asks about the deliveries of new events; who is stopped is skipped.
    pub(super) fn ask(&mut self, records: &mut [Record]) -> Vec<Asked> {
        let mut asked = Vec::new();
        for record in records.iter_mut().filter(|record| is_gated(record)) {
            let Record::Accepted(owed) = record else { continue };
            let now = owed.event.received_at;
            for delivery in owed.deliveries.iter_mut().filter(|delivery| asks(delivery)) {
                let gates = self.of(&delivery.workspace, now);
                let before = gates.memory(&delivery.gated);
                delivery.skipped = gates.pass(&delivery.gated, now).map(|stop| match stop {
                    Stop::Duplicate => SkipReason::Duplicate,
                    Stop::Throttled => SkipReason::Throttled,
                });
                if delivery.skipped.is_none() {
                    asked.push(Asked {
                        workspace: delivery.workspace.clone(),
                        gated: delivery.gated,
                        before,
                    });
                }
            }
        }
        asked
    }

    /// Takes answers back: their events were refused.
    pub(super) fn take_back(&mut self, asked: Vec<Asked>) {
        for Asked { workspace, gated, before } in asked.into_iter().rev() {
            if let Some(gates) = self.workspaces.get_mut(&workspace) {
                gates.put_back(&gated, before);
            }
        }
    }

    /// Remembers what an accepted event's record says, at start.
    pub(super) fn recall_accepted(&mut self, owed: &OwedGlance<'_>) {
        let (workspace, at) = (WorkspaceId::from_text(owed.event.workspace), owed.event.received_at);
        for delivery in &owed.deliveries {
            if let Some(reason) = delivery.skipped {
                self.skipped.add(reason);
            } else if delivery.input.is_ok() && !delivery.gated.is_free() {
                self.of(&workspace, at).recall(&delivery.gated, at);
            }
        }
    }

    /// Remembers an attempt that began under a rate limit, at start.
    pub(super) fn recall_start(&mut self, workspace: &str, rate: &Tally, at: Timestamp) {
        self.of(&WorkspaceId::from_text(workspace), at).rate.started(rate.key, rate.every, at);
    }

    /// What still counts at that time, each with its workspace; those of one workspace stand together.
    pub(super) fn entries(&self, now: Timestamp) -> impl Iterator<Item = (&WorkspaceId, Kept)> {
        let all = self.workspaces.iter();
        all.flat_map(move |(workspace, gates)| gates.entries(now).map(move |kept| (workspace, kept)))
    }

    /// Remembers what one of [`Self::entries`] says.
    pub(super) fn keep(&mut self, workspace: &WorkspaceId, kept: Kept) {
        match self.workspaces.get_mut(workspace) {
            Some(gates) => gates.keep(kept),
            None => self.workspaces.entry(workspace.clone()).or_default().keep(kept),
        }
    }

    /// A node begins with what was remembered, at that time. Returns the rate limits' part, which the engine keeps
    /// from now on.
    pub(super) fn take_rates(&mut self, now: Timestamp) -> Vec<(WorkspaceId, RateGate)> {
        let mut rates = Vec::new();
        for (workspace, gates) in &mut self.workspaces {
            gates.not_after(now);
            let rate = std::mem::replace(&mut gates.rate, RateGate::new(KEYS_MAX));
            if !rate.is_over(now) {
                rates.push((workspace.clone(), rate));
            }
        }
        self.workspaces.retain(|_, gates| !gates.is_over(now));
        rates
    }

    fn of(&mut self, workspace: &WorkspaceId, now: Timestamp) -> &mut Gates {
        match self.until_swept.checked_sub(1) {
            Some(left) => self.until_swept = left,
            None => {
                self.until_swept = SWEEP_EVERY;
                self.workspaces.retain(|_, gates| !gates.is_over(now));
            }
        }
        self.workspaces.entry(workspace.clone()).or_default()
    }
}

/// What records skip, for the answer.
pub(super) fn skipped_in(record: &Record) -> Vec<(DeliveryId, SkipReason)> {
    let deliveries = record.owed().map(|owed| owed.deliveries.as_slice()).unwrap_or_default();
    let skipped = deliveries.iter().filter_map(|delivery| Some((delivery.id.clone(), delivery.skipped?)));
    skipped.collect()
}
