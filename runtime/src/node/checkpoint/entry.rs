//! Pending deliveries and names as bytes of a checkpoint.

use uuid::Uuid;

use super::{NameEntry, PendingEntry, ShortId};
use crate::id::EventId;
use crate::journal::Position;
use crate::record::take::Take;
use crate::record::wire::Put;

/// Flags of a pending delivery.
const UNMAPPED: u8 = 1;
const STARTED: u8 = 2;
const HAS_RATE: u8 = 4;
const HAS_ORDER: u8 = 8;

/// Flags of a name.
const HAS_KEY: u8 = 1;
const APP_CHOSE_ID: u8 = 2;

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
    let unmapped = flag(!entry.mapped, UNMAPPED) | flag(entry.started.is_some(), STARTED);
    put.byte(unmapped | flag(entry.rate.is_some(), HAS_RATE) | flag(entry.order.is_some(), HAS_ORDER));
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
    *before = Before { segment, offset, expires_at };
    Some(PendingEntry {
        id,
        connection,
        terms,
        position: Position { segment, offset },
        index,
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
