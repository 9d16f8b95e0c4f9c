//! Checkpoints: what a node owes and remembers at one place of its journal.
//!
//! With one, a start need not read the whole journal.
//!
//! A checkpoint is folded from the one before it and the journal's records since then, by a thread of its
//! own that touches neither the engine nor the writer. So it is exact at its place, and it can always be
//! made again: without one, the same fold over the whole journal gives what is owed. `docs/journal.md` has
//! the bytes.

mod changes;
mod entry;
mod file;
mod keeper;
mod tables;
#[cfg(test)]
pub(super) mod tests;

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use compiler::gate::Tally;
use jiff::Timestamp;
use uuid::Uuid;

pub(crate) use self::changes::Changes;
pub(crate) use self::file::{Checkpoint, Item, Unusable, is_checkpoint, is_leftover};
pub use self::file::{Seen, look, remove_unusable};
pub(super) use self::keeper::{Keeper, Pace};
pub(crate) use self::tables::Tables;
use crate::engine::Millis;
use crate::id::{DeliveryId, EventId};
use crate::journal::Position;
use crate::record::Origin;

/// A delivery that is owed, with its names as numbers of [`Tables`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingEntry {
    pub id: Uuid,
    /// Its connection; the table knows the workspace.
    pub connection: u32,
    pub terms: u32,
    /// The journal's record with it, and which of its deliveries it is.
    pub position: Position,
    pub index: u32,
    /// Where it was owed first. Kept of what has an order; of all else it is the place of the record.
    pub origin: Origin,
    /// About how much of the record it is.
    pub bytes: u32,
    pub expires_at: Millis,
    pub due_at: Millis,
    pub attempts: u32,
    pub cost: u16,
    pub rate: Option<Tally>,
    pub order: Option<u64>,
    /// Whether there is something to send.
    pub mapped: bool,
    /// The attempt that has begun and not ended.
    pub started: Option<(u32, Timestamp)>,
}

/// An event whose names count for the idempotency window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameEntry {
    pub workspace: u32,
    pub key: Option<Arc<str>>,
    pub app_chose_id: bool,
    pub body_hash: [u8; 32],
    pub event: EventId,
    pub deliveries: Vec<ShortId>,
    /// When it was accepted.
    pub at: Timestamp,
}

/// A delivery's id in 16 bytes; as text where it is none of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ShortId {
    Uuid(u128),
    Text(Arc<str>),
}

impl ShortId {
    pub(crate) fn of(text: &str) -> Self {
        Self::uuid_of(text).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }

    /// The UUID of an id as [`DeliveryId::fresh`] makes it: lower case, no hyphens.
    pub(crate) fn uuid_of(text: &str) -> Option<u128> {
        let digits = text.strip_prefix(DeliveryId::PREFIX)?.strip_prefix('_')?.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        digits.iter().try_fold(0_u128, |number, digit| {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            Some((number << 4) | u128::from(value))
        })
    }

    pub(crate) fn delivery(&self) -> DeliveryId {
        match self {
            Self::Text(text) => DeliveryId::from_text(text),
            Self::Uuid(uuid) => {
                // Made by hand: a restart makes ten million of them.
                let mut text = *b"dlv_00000000000000000000000000000000";
                let nibbles =
                    (0..32).rev().map(|place| u8::try_from((uuid >> (4 * place)) & 15).unwrap_or(0));
                for (byte, nibble) in text.iter_mut().skip(4).zip(nibbles) {
                    *byte = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
                }
                DeliveryId::from_text(std::str::from_utf8(&text).unwrap_or_default())
            }
        }
    }
}

/// Hashes ids that this server made itself: their last half is random, so mixing is enough.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

pub(crate) type IdState = BuildHasherDefault<IdHasher>;

/// An odd number without a pattern: the golden ratio's digits.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(MIX);
        }
    }

    fn write_u128(&mut self, number: u128) {
        let (high, low) = ((number >> 64) as u64, number as u64);
        self.0 = (self.0 ^ low ^ high.rotate_left(32)).wrapping_mul(MIX);
    }
}
