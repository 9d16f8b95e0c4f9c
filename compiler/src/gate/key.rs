//! What a gate counts by.

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::route::{Dedupe, Delivery, Limit, LimitKey};

/// What a gate counts by: the first 16 bytes of a SHA-256 digest, so that a key takes the same room
/// whatever a rule computes, and no value of an event is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GateKey([u8; 16]);

impl GateKey {
    /// The first of all keys in their order.
    pub(super) const FIRST: Self = Self([0; 16]);

    /// The key of these parts, in this order.
    #[must_use]
    pub fn new(parts: &[&str]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in parts {
            // Lengths keep `ab` + `c` from being `a` + `bc`.
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finish().as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// What a delivery is deduplicated by.
    #[must_use]
    pub fn dedupe(delivery: &Delivery, dedupe: &Dedupe) -> Self {
        Self::new(&["dedupe", origin(delivery), &dedupe.key])
    }

    /// What a delivery is throttled by.
    #[must_use]
    pub fn throttle(delivery: &Delivery, limit: &Limit) -> Self {
        let (kind, key) = counted_by(&limit.key);
        Self::new(&["throttle", origin(delivery), kind, key])
    }

    /// What a delivery's rate is limited by.
    #[must_use]
    pub fn rate(delivery: &Delivery, limit: &Limit) -> Self {
        let (kind, key) = counted_by(&limit.key);
        let allowance = format!("{}/{}", limit.allow, limit.every.as_millis());
        Self::new(&["rate", &delivery.connection, &allowance, kind, key])
    }
}

/// The delivery's key without the elements of loops: rule, connection, action, label or place.
fn origin(delivery: &Delivery) -> &str {
    let end = delivery.key.match_indices('/').nth(2).map_or(delivery.key.len(), |(at, _)| at);
    delivery.key.get(..end).unwrap_or(&delivery.key)
}

fn counted_by(key: &LimitKey) -> (&str, &str) {
    match key {
        LimitKey::All => ("all", ""),
        LimitKey::Missing => ("missing", ""),
        LimitKey::Of(key) => ("of", key),
    }
}
