//! An event as rules see it.

use jiff::Timestamp;

/// An event with its payload as bytes. Everything borrows from the accepted request.
#[derive(Clone, Copy, Debug)]
pub struct Event<'e> {
    /// Its id, `evt_…` or the app's own.
    pub id: &'e str,
    /// Its type, such as `invoice.paid`: segments of letters, digits, `_` and `-`, joined by dots.
    pub kind: &'e str,
    /// What it is about.
    pub resource: Option<&'e str>,
    /// Which one.
    pub resource_id: Option<&'e str>,
    /// When it happened; the only clock a rule can read.
    pub time: Timestamp,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// The payload: one JSON value, UTF-8.
    pub payload: &'e [u8],
}
