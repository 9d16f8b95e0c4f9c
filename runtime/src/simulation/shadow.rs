//! What is durable, told by the disk alone: every record as it was synced, and a fold over them.
//!
//! It shares nothing with the node but the format of the journal. After each sync it reads what has become
//! durable, so it knows to the microsecond what a crash must not undo and what must not be done any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::scheduler::{self, Micros};
use super::world::BEGINNING;
use crate::journal::disk::{Disk, DiskFile};
use crate::journal::fake::FakeDisk;
use crate::journal::format::{BATCH_HEADER_BYTES, BatchHeader, SEGMENT_HEADER_BYTES, SegmentHeader, records};
use crate::model::{AttemptRecord, DeliveryRecord, EventRecord, State};
use crate::record::{Owed, Record};

/// The time of a clock that was off.
fn real(micros: i64, off: Micros) -> Micros {
    micros - BEGINNING * 1_000_000 - off
}

/// Everything that is durable.
#[derive(Default)]
pub(crate) struct Shadow {
    /// Where the next batch of each use of a file begins, by its salt.
    read: BTreeMap<u64, u64>,
    /// The number of the next record.
    next: u64,
    /// How far the machine's clock has been off, the newest last.
    pub moved: Vec<Micros>,
    /// When a disk was read last that no node was using.
    scanned_at: Micros,
    /// How far the clock was off that wrote the batch which is read.
    off: Micros,
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
    /// When it was owed; the machine's clock may have said something else.
    pub created: Micros,
    /// Attempts that began, with the time that their record says, and when that was.
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
    pub(crate) fn scan(&mut self, disk: &FakeDisk, now: Micros) {
        self.scanned_at = now;
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
            self.off = self.off_at(batch.written_at);
            if batch.records > 0 {
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

    /// How far off the clock was that said so of a batch: now, or in the life before, which may have left it.
    fn off_at(&self, written_at: i64) -> Micros {
        let now = scheduler::now().max(self.scanned_at);
        let before = self.moved.iter().rev().skip(1).chain(&[0]).take(1);
        let known = self.moved.iter().rev().take(1).chain(before).copied();
        known.min_by_key(|off| (real(written_at, *off) - now).abs()).unwrap_or(0)
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
                let began = real(at.as_microsecond(), self.off);
                let Some(life) = self.living(delivery.as_str(), "started") else { return };
                life.started.push((*attempt, *at, began));
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
                created: real(delivery.created_at.as_microsecond(), self.off),
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
}
