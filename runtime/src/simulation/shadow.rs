//! What is durable, told by the disk alone: every record as it was synced, and a fold over them.
//!
//! It shares nothing with the node but the format of the journal. After each sync it reads what has become
//! durable, so it knows to the microsecond what a crash must not undo and what must not be done any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::scheduler::{self, Micros};
use crate::journal::disk::{Disk, DiskFile};
use crate::journal::fake::FakeDisk;
use crate::journal::format::{BATCH_HEADER_BYTES, BatchHeader, SEGMENT_HEADER_BYTES, SegmentHeader, records};
use crate::model::{AttemptRecord, DeliveryRecord, EventRecord, SkipReason, State};
use crate::record::{Owed, Record};

/// Everything that is durable.
#[derive(Default)]
pub(crate) struct Shadow {
    /// Where the next batch of each use of a file begins, by its salt.
    read: BTreeMap<u64, u64>,
    /// Where the newest batch with records begins: segment and offset.
    pub newest: (u32, u64),
    /// The number of the next record.
    next: u64,
    pub events: BTreeMap<(String, String), EventLife>,
    pub deliveries: BTreeMap<String, Life>,
    /// Promises that were broken.
    pub broken: Vec<String>,
}

/// An event.
pub(crate) struct EventLife {
    pub event: EventRecord,
    pub deliveries: Vec<String>,
    pub lsn: u64,
    pub segment: u32,
}

/// A delivery, and what has become of it.
pub(crate) struct Life {
    pub delivery: DeliveryRecord,
    pub payload: Arc<[u8]>,
    /// Where it stands in the order of what was owed.
    pub place: (u64, usize),
    /// The segment of the newest record that has it.
    pub segment: u32,
    /// The segment of the record that owed it first.
    pub first_segment: u32,
    pub state: State,
    pub attempts: Vec<AttemptRecord>,
    /// Attempts that began, with the time that their record says.
    pub started: Vec<(u32, jiff::Timestamp, Micros)>,
    /// Since when its end is durable.
    pub settled_at: Option<Micros>,
}

impl Shadow {
    /// Deliveries that are not settled.
    pub(crate) fn pending(&self) -> u64 {
        self.deliveries.values().filter(|life| life.settled_at.is_none()).count() as u64
    }

    /// Reads what a disk has that was not seen durable before: writes that survived a crash.
    pub(crate) fn scan(&mut self, disk: &FakeDisk) {
        let mut names = disk.names();
        names.retain(|name| {
            name.ends_with(".segment") && name.starts_with(|first: char| first.is_ascii_digit())
        });
        for name in names {
            if let Ok(file) = disk.open(&name) {
                self.look(&*file);
            }
        }
    }

    /// Reads what has become durable in a file.
    pub(crate) fn look(&mut self, file: &dyn DiskFile) {
        let mut header = [0; SEGMENT_HEADER_BYTES];
        if file.read_at(0, &mut header).is_err() {
            return;
        }
        let Some(segment) = SegmentHeader::from_bytes(&header) else { return };
        let mut offset = *self.read.entry(segment.salt).or_insert(SEGMENT_HEADER_BYTES as u64);
        let mut header = [0; BATCH_HEADER_BYTES];
        while file.read_at(offset, &mut header).is_ok()
            && let Some((batch, _)) = BatchHeader::from_bytes(&header)
            && batch.salt == segment.salt
        {
            let mut payload = vec![0; batch.payload_bytes as usize];
            let whole = file.read_at(offset + BATCH_HEADER_BYTES as u64, &mut payload).is_ok();
            if !whole || crc32c::crc32c(&payload) != batch.payload_crc {
                break;
            }
            if batch.records > 0 {
                self.newest = (segment.number, offset);
                if batch.first_lsn != self.next {
                    self.broken.push(format!("record {} follows after {}", batch.first_lsn, self.next));
                }
                self.next = batch.first_lsn;
            }
            for (_, bytes) in records(&payload) {
                match Record::from_bytes(bytes) {
                    Ok(record) => self.apply(&record, segment.number),
                    Err(_) => self.broken.push(format!("record {} is none", self.next)),
                }
                self.next += 1;
            }
            offset += batch.batch_bytes() as u64;
        }
        self.read.insert(segment.salt, offset);
    }

    fn apply(&mut self, record: &Record, segment: u32) {
        match record {
            Record::Accepted(owed) => {
                let key = (owed.event.workspace.to_string(), owed.event.id.to_string());
                let ids = owed.deliveries.iter().map(|delivery| delivery.id.to_string()).collect();
                let life = EventLife { event: owed.event.clone(), deliveries: ids, lsn: self.next, segment };
                if self.events.insert(key, life).is_some() {
                    self.broken.push(format!("{} is in the journal twice", owed.event.id));
                }
                self.owe(owed, segment);
            }
            Record::Replayed(owed) => self.owe(owed, segment),
            Record::Carried(carried) => {
                for delivery in &carried.owed.deliveries {
                    let Some(life) = self.living(delivery.id.as_str(), "carried") else { continue };
                    life.segment = segment;
                    if life.delivery != *delivery || *life.payload != *carried.owed.event.payload {
                        self.broken.push(format!("{} was changed when it was carried", delivery.id));
                    }
                }
            }
            Record::Started { workspace, delivery, attempt, at, .. } => {
                let now = scheduler::now();
                let Some(life) = self.living(delivery.as_str(), "started") else { return };
                life.started.push((*attempt, *at, now));
                life.state = State::InFlight { attempt: *attempt };
                let (made, theirs) = (life.attempts.len(), life.delivery.workspace.clone());
                if made + 1 != *attempt as usize {
                    self.broken.push(format!("{delivery}: attempt {attempt} begins after {made}"));
                }
                if theirs != *workspace {
                    self.broken.push(format!("{delivery} of {theirs} was started for {workspace}"));
                }
            }
            Record::Finished { workspace, attempt, state } => {
                let id = attempt.delivery.as_str();
                let Some(life) = self.living(id, "tried") else { return };
                life.attempts.push(attempt.clone());
                let (made, theirs) = (life.attempts.len(), life.delivery.workspace.clone());
                self.moved(id, state);
                if made != attempt.number as usize {
                    self.broken.push(format!("{id}: attempt {} is the {made}th", attempt.number));
                }
                if theirs != *workspace {
                    self.broken.push(format!("{id} of {theirs} was tried for {workspace}"));
                }
                if attempt.error.as_deref().is_some_and(|error| error.contains("in the server itself")) {
                    self.broken.push(format!("{id}: the server panicked"));
                }
            }
            Record::Settled { delivery, state, .. } => {
                if self.living(delivery.as_str(), "settled").is_some() {
                    self.moved(delivery.as_str(), state);
                }
            }
        }
    }

    fn owe(&mut self, owed: &Owed, segment: u32) {
        for (index, delivery) in owed.deliveries.iter().enumerate() {
            let settled = delivery.skipped.is_some();
            let life = Life {
                delivery: delivery.clone(),
                payload: Arc::clone(&owed.event.payload),
                place: (self.next, index),
                segment,
                first_segment: segment,
                state: delivery.first_state(),
                attempts: Vec::new(),
                started: Vec::new(),
                settled_at: settled.then(scheduler::now),
            };
            if delivery.workspace != owed.event.workspace || delivery.event != owed.event.id {
                self.broken.push(format!("{} is not of its event", delivery.id));
            }
            if self.deliveries.insert(delivery.id.to_string(), life).is_some() {
                self.broken.push(format!("{} is owed twice", delivery.id));
            }
        }
    }

    /// A delivery to which something may still happen.
    fn living(&mut self, id: &str, what: &str) -> Option<&mut Life> {
        let life = self.deliveries.get_mut(id);
        match life {
            None => self.broken.push(format!("{id} was {what} and never owed")),
            Some(life) if life.settled_at.is_some() => {
                self.broken.push(format!("{id} was {what} after its end ({:?})", life.state));
            }
            Some(_) => {}
        }
        self.deliveries.get_mut(id)
    }

    fn moved(&mut self, id: &str, state: &State) {
        let Some(life) = self.deliveries.get_mut(id) else { return };
        life.state = state.clone();
        if state.is_settled() {
            life.settled_at = Some(scheduler::now());
        }
    }

    /// Whether the gates did what they promise: one that is skipped had one before it, and of those that
    /// are not, no two come too soon after each other.
    pub(crate) fn gates(&self, broken: &mut Vec<String>) {
        let mut sent: BTreeMap<(String, [u8; 16]), Vec<jiff::Timestamp>> = BTreeMap::new();
        let asked = |life: &&Life| life.delivery.replay_of.is_none() && life.delivery.input.is_ok();
        let mut lives: Vec<&Life> = self.deliveries.values().filter(asked).collect();
        lives.sort_by_key(|life| life.place);
        for life in lives {
            let Some(once) = life.delivery.gated.dedupe else { continue };
            let at = life.delivery.created_at;
            let key = (life.delivery.workspace.to_string(), once.key.bytes());
            let before = sent.entry(key).or_default();
            let apart = |other: &jiff::Timestamp| at.duration_since(*other).unsigned_abs();
            let near = before.iter().any(|other| apart(other) < once.within);
            let far = before.iter().all(|other| apart(other) > once.within);
            match life.delivery.skipped {
                Some(SkipReason::Duplicate) if far => {
                    broken.push(format!("{} was skipped and is no duplicate", life.delivery.id));
                }
                None if near => {
                    let other = before.iter().find(|other| apart(other) < once.within);
                    broken.push(format!(
                        "{} of {at} {:?} is a duplicate of {other:?} and was sent",
                        life.delivery.id, life.place
                    ));
                }
                _ => {}
            }
            if life.delivery.skipped.is_none() {
                before.push(at);
            }
        }
    }
}
