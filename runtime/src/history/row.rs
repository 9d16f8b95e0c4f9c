//! The rows of the index: fixed sizes, numbers little-endian, texts as hashes.
//!
//! A row says where a record lies in its segment and what is asked about it. The text itself is in the
//! journal, so a hash only has to find candidates: whatever is shown was read back and compared.

use crate::journal::Position;
use crate::model::{AttemptRecord, EventRecord, Outcome, State};
use crate::node::query::StateKind;

/// A row of a table.
pub(super) trait Row: Sized {
    /// Its bytes.
    const BYTES: usize;
    fn put(&self, to: &mut Vec<u8>);
    fn take(from: Take<'_>) -> Option<Self>;
}

/// Rows that a list goes through, oldest first within a workspace.
pub(super) trait Listed: Row + Clone {
    /// Its place within the segment; later rows have greater ones.
    fn at(&self) -> u32;
}

/// An event, or the copy of one that came with a replay or a delivery that was carried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventRow {
    pub workspace: u64,
    pub offset: u32,
    pub copy: bool,
    pub id: u64,
    /// Microseconds since 1970.
    pub received_at: i64,
    pub about: About,
}

/// What an event's deliveries are asked about, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    pub kind: u32,
    pub resource: u32,
    pub resource_id: u32,
    pub revision: u32,
}

/// A delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeliveryRow {
    pub workspace: u64,
    pub offset: u32,
    /// Which of the record's deliveries it is.
    pub index: u32,
    pub copy: bool,
    pub id: u64,
    pub event: u64,
    /// Microseconds since 1970.
    pub created_at: i64,
    pub connection: u32,
    pub rule: u32,
    pub about: About,
    /// Where it stood at the end of its segment.
    pub standing: Standing,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The record that says so, in this segment; 0 when nothing has happened yet.
    pub offset: u32,
    /// Attempts that are over.
    pub attempts: u32,
    /// Of the last attempt; 0 without one.
    pub outcome: u32,
    /// [`kind_code`].
    pub kind: u32,
}

/// Where a delivery of another segment stood at the end of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LaterRow {
    pub delivery: u64,
    pub standing: Standing,
}

/// An attempt that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AttemptRow {
    pub delivery: u64,
    pub offset: u32,
    pub number: u32,
}

/// Where to find an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyRow {
    pub key: u64,
    /// A position in the table of events or of deliveries.
    pub row: u32,
    pub delivery: bool,
}

/// What a workspace has in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WorkspaceRow {
    pub workspace: u64,
    pub events_from: u32,
    pub events: u32,
    pub deliveries_from: u32,
    pub deliveries: u32,
    /// Copies among the events.
    pub copies: u32,
}

/// 64-bit FNV-1a over parts, each followed by a byte that no UTF-8 text has.
pub(super) fn hash(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    // The low bits of FNV are weak; they choose rows of the filter.
    hash ^ (hash >> 29)
}

/// A hash of one text; never 0, which means that there is none.
pub(super) fn short(text: &str) -> u32 {
    let long = hash(&[text]);
    u32::try_from((long ^ (long >> 32)) & 0xffff_ffff).unwrap_or(0).max(1)
}

/// [`short`], and 0 for nothing.
pub(super) fn short_of(text: Option<&str>) -> u32 {
    text.map_or(0, short)
}

/// An outcome as its row has it: the hash of its name, so that later ones need no number here.
pub(super) fn outcome_code(outcome: Outcome) -> u32 {
    short(&format!("{outcome:?}"))
}

/// A kind of state as its row has it.
pub(super) fn kind_code(kind: StateKind) -> u32 {
    short(&format!("{kind:?}"))
}

impl About {
    pub(super) fn of(event: &EventRecord) -> Self {
        Self {
            kind: short(&event.kind),
            resource: short_of(event.resource.as_deref()),
            resource_id: short_of(event.resource_id.as_deref()),
            revision: short_of(event.revision.as_ref().map(|revision| revision.as_str())),
        }
    }
}

impl Standing {
    /// After a record that says where the delivery stands.
    pub(super) fn moved(&mut self, position: Position, state: &State, attempt: Option<&AttemptRecord>) {
        self.offset = position.offset;
        self.kind = kind_code(StateKind::of(state));
        if let Some(attempt) = attempt {
            self.attempts = self.attempts.max(attempt.number);
            self.outcome = outcome_code(attempt.outcome);
        }
    }
}

/// Bytes that are taken field by field.
#[derive(Clone, Copy)]
pub(super) struct Take<'a>(pub &'a [u8]);

impl Take<'_> {
    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.chunk().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.chunk().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.chunk().map(i64::from_le_bytes)
    }

    fn about(&mut self) -> Option<About> {
        Some(About {
            kind: self.u32()?,
            resource: self.u32()?,
            resource_id: self.u32()?,
            revision: self.u32()?,
        })
    }

    fn standing(&mut self) -> Option<Standing> {
        Some(Standing { offset: self.u32()?, attempts: self.u32()?, outcome: self.u32()?, kind: self.u32()? })
    }
}

fn put_words(to: &mut Vec<u8>, words: impl IntoIterator<Item = u32>) {
    for word in words {
        to.extend_from_slice(&word.to_le_bytes());
    }
}

fn put_about(to: &mut Vec<u8>, about: &About) {
    put_words(to, [about.kind, about.resource, about.resource_id, about.revision]);
}

fn put_standing(to: &mut Vec<u8>, standing: &Standing) {
    put_words(to, [standing.offset, standing.attempts, standing.outcome, standing.kind]);
}

impl Row for EventRow {
    const BYTES: usize = 48;

    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.workspace.to_le_bytes());
        put_words(to, [self.offset, u32::from(self.copy)]);
        to.extend_from_slice(&self.id.to_le_bytes());
        to.extend_from_slice(&self.received_at.to_le_bytes());
        put_about(to, &self.about);
    }

    fn take(mut from: Take<'_>) -> Option<Self> {
        Some(Self {
            workspace: from.u64()?,
            offset: from.u32()?,
            copy: from.u32()? == 1,
            id: from.u64()?,
            received_at: from.i64()?,
            about: from.about()?,
        })
    }
}

impl Listed for EventRow {
    fn at(&self) -> u32 {
        self.offset
    }
}

impl Row for DeliveryRow {
    const BYTES: usize = 84;

    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.workspace.to_le_bytes());
        put_words(to, [self.offset, self.index, u32::from(self.copy)]);
        to.extend_from_slice(&self.id.to_le_bytes());
        to.extend_from_slice(&self.event.to_le_bytes());
        to.extend_from_slice(&self.created_at.to_le_bytes());
        put_words(to, [self.connection, self.rule]);
        put_about(to, &self.about);
        put_standing(to, &self.standing);
    }

    fn take(mut from: Take<'_>) -> Option<Self> {
        Some(Self {
            workspace: from.u64()?,
            offset: from.u32()?,
            index: from.u32()?,
            copy: from.u32()? == 1,
            id: from.u64()?,
            event: from.u64()?,
            created_at: from.i64()?,
            connection: from.u32()?,
            rule: from.u32()?,
            about: from.about()?,
            standing: from.standing()?,
        })
    }
}

impl Listed for DeliveryRow {
    /// Records are longer than the number of their deliveries, so the places of one never reach the next.
    fn at(&self) -> u32 {
        self.offset.saturating_add(self.index)
    }
}

impl Row for LaterRow {
    const BYTES: usize = 24;

    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.delivery.to_le_bytes());
        put_standing(to, &self.standing);
    }

    fn take(mut from: Take<'_>) -> Option<Self> {
        Some(Self { delivery: from.u64()?, standing: from.standing()? })
    }
}

impl Row for AttemptRow {
    const BYTES: usize = 16;

    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.delivery.to_le_bytes());
        put_words(to, [self.offset, self.number]);
    }

    fn take(mut from: Take<'_>) -> Option<Self> {
        Some(Self { delivery: from.u64()?, offset: from.u32()?, number: from.u32()? })
    }
}

impl Row for KeyRow {
    const BYTES: usize = 16;

    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.key.to_le_bytes());
        put_words(to, [self.row, u32::from(self.delivery)]);
    }

    fn take(mut from: Take<'_>) -> Option<Self> {
        Some(Self { key: from.u64()?, row: from.u32()?, delivery: from.u32()? == 1 })
    }
}

impl Row for WorkspaceRow {
    const BYTES: usize = 28;

    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.workspace.to_le_bytes());
        put_words(to, [self.events_from, self.events, self.deliveries_from, self.deliveries, self.copies]);
    }

    fn take(mut from: Take<'_>) -> Option<Self> {
        Some(Self {
            workspace: from.u64()?,
            events_from: from.u32()?,
            events: from.u32()?,
            deliveries_from: from.u32()?,
            deliveries: from.u32()?,
            copies: from.u32()?,
        })
    }
}

/// 512 bits of the filter of what is in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FilterRow(pub [u64; 8]);

impl Row for FilterRow {
    const BYTES: usize = 64;

    fn put(&self, to: &mut Vec<u8>) {
        for word in self.0 {
            to.extend_from_slice(&word.to_le_bytes());
        }
    }

    fn take(mut from: Take<'_>) -> Option<Self> {
        let mut words = [0; 8];
        for word in &mut words {
            *word = from.u64()?;
        }
        Some(Self(words))
    }
}
