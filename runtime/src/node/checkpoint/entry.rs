//! Pending deliveries, names and what gates remember as bytes of a checkpoint.

use compiler::gate::{Entry, GateKey, Kept, Recent};
use uuid::Uuid;

use super::{NameEntry, PendingEntry, ShortId};
use crate::id::EventId;
use crate::journal::Position;
use crate::node::gates::Skipped;
use crate::record::Origin;
use crate::record::take::Take;
use crate::record::wire::Put;

/// Flags of a pending delivery.
const UNMAPPED: u8 = 1;
const STARTED: u8 = 2;
const HAS_RATE: u8 = 4;
const HAS_ORDER: u8 = 8;
const HAS_ORIGIN: u8 = 16;

/// Flags of a name.
const HAS_KEY: u8 = 1;
const APP_CHOSE_ID: u8 = 2;

/// The item of a block of gates that is no gate's: how much was skipped.
pub(super) const SKIPPED: u8 = 0;

/// Which gate remembers a key.
const DEDUPE: u8 = 1;
const THROTTLE: u8 = 2;
const RATE: u8 = 3;

/// What differences are counted from; begins anew in each block.
#[derive(Default)]
pub(super) struct Before {
    segment: u32,
    offset: u32,
    expires_at: i64,
}

fn put_id(put: &mut Put, id: &ShortId) {
    match id {
        ShortId::Uuid(uuid) => put.0.extend_from_slice(&uuid.to_be_bytes()),
        ShortId::Text(text) => put.text(text),
    }
}

pub(super) fn put_pending(
    put: &mut Put,
    before: &mut Before,
    entry: &PendingEntry,
    connection: u32,
    terms: u32,
) {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    let has_origin = entry.origin != Origin { position: entry.position, index: entry.index };
    let state = flag(!entry.mapped, UNMAPPED) | flag(entry.started.is_some(), STARTED);
    let gates = flag(entry.rate.is_some(), HAS_RATE) | flag(entry.order.is_some(), HAS_ORDER);
    put.byte(state | gates | flag(has_origin, HAS_ORIGIN));
    put.0.extend_from_slice(entry.id.as_bytes());
    let Position { segment, offset } = entry.position;
    put.signed(i64::from(segment) - i64::from(before.segment));
    put.signed(i64::from(offset) - i64::from(before.offset));
    put.number(u64::from(entry.index));
    put.number(u64::from(entry.bytes));
    put.number(u64::from(connection));
    put.number(u64::from(terms));
    put.signed(entry.expires_at.wrapping_sub(before.expires_at));
    put.signed(entry.expires_at.wrapping_sub(entry.due_at));
    put.number(u64::from(entry.attempts));
    put.number(u64::from(entry.cost));
    if let Some((attempt, at)) = entry.started {
        put.number(u64::from(attempt));
        put.time(at);
    }
    if let Some(rate) = &entry.rate {
        put.tally(rate);
    }
    if let Some(order) = entry.order {
        put.number(order);
    }
    if has_origin {
        put.origin(&entry.origin);
    }
    *before = Before { segment, offset, expires_at: entry.expires_at };
}

pub(super) fn take_pending(take: &mut Take<'_>, before: &mut Before) -> Option<PendingEntry> {
    let flags = take.byte()?;
    let id = Uuid::from_bytes(take.array()?);
    let segment = u32::try_from(i64::from(before.segment).checked_add(take.signed()?)?).ok()?;
    let offset = u32::try_from(i64::from(before.offset).checked_add(take.signed()?)?).ok()?;
    let (index, bytes) = (take.number_32()?, take.number_32()?);
    let (connection, terms) = (take.number_32()?, take.number_32()?);
    let expires_at = before.expires_at.wrapping_add(take.signed()?);
    let due_at = expires_at.wrapping_sub(take.signed()?);
    let attempts = take.number_32()?;
    let cost = u16::try_from(take.number()?).ok()?;
    let started = match flags & STARTED {
        0 => None,
        _ => Some((take.number_32()?, take.time()?)),
    };
    let rate = match flags & HAS_RATE {
        0 => None,
        _ => Some(take.tally()?),
    };
    let order = match flags & HAS_ORDER {
        0 => None,
        _ => Some(take.number()?),
    };
    let position = Position { segment, offset };
    let origin = match flags & HAS_ORIGIN {
        0 => Origin { position, index },
        _ => take.origin()?,
    };
    *before = Before { segment, offset, expires_at };
    Some(PendingEntry {
        id,
        connection,
        terms,
        position,
        index,
        origin,
        bytes,
        expires_at,
        due_at,
        attempts,
        cost,
        rate,
        order,
        mapped: flags & UNMAPPED == 0,
        started,
    })
}

pub(super) fn put_name(put: &mut Put, entry: &NameEntry, workspace: u32) {
    put.number(u64::from(workspace));
    let chose = if entry.app_chose_id { APP_CHOSE_ID } else { 0 };
    put.byte(chose | if entry.key.is_some() { HAS_KEY } else { 0 });
    if let Some(key) = &entry.key {
        put.text(key);
    }
    put.0.extend_from_slice(&entry.body_hash);
    put.text(entry.event.as_str());
    put.time(entry.at);
    put.number(entry.deliveries.len() as u64);
    for id in &entry.deliveries {
        put.byte(u8::from(matches!(id, ShortId::Text(_))));
        put_id(put, id);
    }
}

pub(super) fn take_name(take: &mut Take<'_>) -> Option<NameEntry> {
    let workspace = take.number_32()?;
    let flags = take.byte()?;
    let key = match flags & HAS_KEY {
        0 => None,
        _ => Some(take.text()?.into()),
    };
    let body_hash = take.array()?;
    let event = EventId::from_text(take.text()?);
    let at = take.time()?;
    let count = take.number()?;
    let one = |take: &mut Take<'_>| {
        Some(match take.byte()? {
            0 => ShortId::Uuid(u128::from_be_bytes(take.array()?)),
            _ => ShortId::Text(take.text()?.into()),
        })
    };
    let deliveries = (0..count).map(|_| one(take)).collect::<Option<_>>()?;
    let app_chose_id = flags & APP_CHOSE_ID != 0;
    Some(NameEntry { workspace, key, app_chose_id, body_hash, event, deliveries, at })
}

pub(super) fn put_skipped(put: &mut Put, skipped: &Skipped) {
    put.byte(SKIPPED);
    let Skipped { duplicate, throttled, sampled, outside_hours } = skipped;
    for count in [duplicate, throttled, sampled, outside_hours] {
        put.number(*count);
    }
}

/// Its first byte is read already.
pub(super) fn take_skipped(take: &mut Take<'_>) -> Option<Skipped> {
    let (duplicate, throttled) = (take.number()?, take.number()?);
    Some(Skipped { duplicate, throttled, sampled: take.number()?, outside_hours: take.number()? })
}

pub(super) fn put_kept(put: &mut Put, kept: &Kept, workspace: u32) {
    let mut head = |gate: u8, key: GateKey, until: i64| {
        put.byte(gate);
        put.number(u64::from(workspace));
        put.0.extend_from_slice(&key.bytes());
        put.signed(until);
    };
    match kept {
        Kept::Dedupe(Entry { key, until, state: () }) => head(DEDUPE, *key, *until),
        Kept::Throttle(Entry { key, until, state }) => {
            head(THROTTLE, *key, *until);
            put_sends(put, state, *until);
        }
        Kept::Rate(Entry { key, until, state }) => {
            head(RATE, *key, *until);
            put_sends(put, state, *until);
        }
    }
}

/// The sends, the newest first, each as how long it was before the next one; the newest before `until`.
fn put_sends(put: &mut Put, recent: &Recent, until: i64) {
    put.number(recent.sends().len() as u64);
    let mut next = until;
    for (at, count) in recent.sends().iter().rev() {
        put.signed(next.wrapping_sub(*at));
        put.number(u64::from(*count));
        next = *at;
    }
}

/// What a gate remembers, and the number of its workspace.
pub(super) fn take_kept(take: &mut Take<'_>, gate: u8) -> Option<(u32, Kept)> {
    let workspace = take.number_32()?;
    let (key, until) = (GateKey::from_bytes(take.array()?), take.signed()?);
    let kept = match gate {
        DEDUPE => Kept::Dedupe(Entry { key, until, state: () }),
        THROTTLE => Kept::Throttle(Entry { key, until, state: take_sends(take, until)? }),
        RATE => Kept::Rate(Entry { key, until, state: take_sends(take, until)? }),
        _ => return None,
    };
    Some((workspace, kept))
}

fn take_sends(take: &mut Take<'_>, until: i64) -> Option<Recent> {
    let count = take.number()?;
    let mut next = until;
    let one = |_| {
        next = next.wrapping_sub(take.signed()?);
        Some((next, take.number_32()?))
    };
    let mut sends = (0..count).map(one).collect::<Option<Vec<_>>>()?;
    sends.reverse();
    Recent::of(sends)
}
