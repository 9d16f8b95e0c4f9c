//! Copies what is still owed in the journal's oldest segment to the log's end, so that it can go.
//!
//! The engine's thread does it between its other work, a little at a time: first it looks for the segment's
//! deliveries in the engine's table, then it copies record by record, each event once with all of its
//! deliveries that wait. What is under way is left for the next time that the segment is asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::accept::Identity;
use super::books::Fact;
use super::driver::fact;
use crate::engine::{Engine, Key, timestamp};
use crate::journal::writer::{Class, Entry, Writer};
use crate::journal::{Position, Records};
use crate::record::{Carried, Origin, Owed, Record, Waits};

/// So many places of the engine's table are looked at in one go: well under a millisecond.
const LOOK_MAX: usize = 16_384;

/// Records are copied in one go until they have so many bytes. Reading them may wait for the disk.
const PIECE_BYTES_MAX: usize = 256 << 10;

/// While the journal's queue is this full of other things, copying waits.
const CROWDED_WAIT: Duration = Duration::from_millis(20);

/// A segment to be freed.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToCarry {
    pub segment: u32,
    /// At most so many deliveries are owed in it.
    pub owed: u64,
    /// Copies may take so many bytes.
    pub bytes_max: u64,
}

/// What is left to do for a segment.
#[derive(Default)]
pub(super) struct Carry {
    segment: u32,
    /// The place of the engine's table to look at next; `None` when the segment's deliveries are known.
    look_from: Option<u32>,
    /// At most so many have not been found yet.
    missing: u64,
    /// What waits to be copied, by record.
    left: BTreeMap<Position, Vec<Key>>,
    /// What was under way when its turn came.
    under_way: Vec<(Position, Key)>,
    bytes_left: u64,
}

impl Carry {
    /// Begins with a segment, unless one is being copied. A segment that was looked through already gets no
    /// new deliveries: only those are tried again that were under way.
    pub(super) fn begin(&mut self, to: ToCarry, engine: &Engine) {
        if !self.is_done() {
            return;
        }
        if to.segment != self.segment {
            let ToCarry { segment, owed, bytes_max } = to;
            let look_from = Some(0);
            *self = Self { segment, look_from, missing: owed, bytes_left: bytes_max, ..Self::default() };
            return;
        }
        let waits = |(_, key): &mut (Position, Key)| engine.waiting(*key).is_some();
        for (position, key) in self.under_way.extract_if(.., waits) {
            self.left.entry(position).or_default().push(key);
        }
    }

    fn is_done(&self) -> bool {
        self.look_from.is_none() && self.left.is_empty()
    }

    /// How long it may wait until it goes on; `None` when there is nothing to do.
    pub(super) fn wait(&self, writer: &Writer<Fact>) -> Option<Duration> {
        match self.is_done() {
            true => None,
            false if writer.is_crowded() => Some(CROWDED_WAIT),
            false => Some(Duration::ZERO),
        }
    }

    /// Does a little of it.
    pub(super) fn go_on(&mut self, engine: &Engine, records: &dyn Records, writer: &Writer<Fact>) {
        if self.is_done() || writer.is_crowded() {
            return;
        }
        match self.look_from {
            Some(place) => self.look(place, engine),
            None => self.copy(engine, records, writer),
        }
    }

    fn look(&mut self, place: u32, engine: &Engine) {
        for (position, key) in engine.owed_in(self.segment, place, LOOK_MAX) {
            self.left.entry(position).or_default().push(key);
            self.missing = self.missing.saturating_sub(1);
        }
        let next = (place as usize).saturating_add(LOOK_MAX);
        let more = self.missing > 0 && next < engine.places();
        self.look_from = u32::try_from(next).ok().filter(|_| more);
    }

    fn copy(&mut self, engine: &Engine, records: &dyn Records, writer: &Writer<Fact>) {
        let mut facts: Vec<Entry<Fact>> = Vec::new();
        let mut bytes = 0;
        while bytes < PIECE_BYTES_MAX
            && let Some((position, keys)) = self.left.pop_first()
        {
            let Some(record) = self.copy_of(position, keys, engine, records) else { continue };
            let copy = fact(record, Some(self.segment));
            bytes += copy.bytes.len();
            self.bytes_left = match self.bytes_left.checked_sub(copy.bytes.len() as u64) {
                Some(left) => left,
                None => {
                    tracing::debug!(segment = self.segment, "what is owed in it is too much to be copied");
                    self.left.clear();
                    break;
                }
            };
            facts.push(copy);
        }
        // If the journal does not take them, the old records stay.
        if !facts.is_empty() && writer.note(Class::Outcome, facts).is_err() {
            self.left.clear();
        }
    }

    /// One event with those of its deliveries that wait.
    fn copy_of(
        &mut self,
        position: Position,
        keys: Vec<Key>,
        engine: &Engine,
        records: &dyn Records,
    ) -> Option<Record> {
        let mut waiting = Vec::with_capacity(keys.len());
        for key in keys {
            match engine.waiting(key) {
                Some(entry) if entry.position == position => waiting.push(entry),
                // It has been copied already.
                Some(_) => {}
                None if engine.is_under_way(key) => self.under_way.push((position, key)),
                None => {}
            }
        }
        if waiting.is_empty() {
            return None;
        }
        let bytes = records.read(position).ok()?;
        let record = Record::from_bytes(&bytes).ok()?;
        let owed = record.owed()?;
        let copied = waiting.into_iter().filter_map(|entry| {
            let (attempts, due_at) = (u32::from(entry.attempts), timestamp(entry.due_at));
            let index = entry.index as usize;
            let origin = match &record {
                Record::Carried(before) => before.waits.get(index)?.origin,
                _ => Origin { position, index: entry.index },
            };
            Some((owed.deliveries.get(index)?.clone(), Waits { attempts, due_at, origin }))
        });
        let (deliveries, waits): (Vec<_>, Vec<_>) = copied.unzip();
        let owed = Owed { event: owed.event.clone(), deliveries, identity: Identity::default() };
        (!waits.is_empty()).then(|| Record::Carried(Box::new(Carried { owed, waits })))
    }
}
