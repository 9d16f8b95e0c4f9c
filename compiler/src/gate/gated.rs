//! What gates look at, as plain data: a journal keeps it, so that they remember after a restart.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::GateKey;
use crate::hir::Outside;
use crate::route::{Delivery, DeliverySettings};

/// What the gates count a delivery by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gated {
    /// By `dedupe`.
    pub dedupe: Option<Once>,
    /// By `throttle`.
    pub throttle: Option<Tally>,
}

/// A key of which the first one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Once {
    /// The key.
    pub key: GateKey,
    /// How long it is remembered.
    pub within: Duration,
}

/// So many in so long, under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tally {
    /// The key.
    pub key: GateKey,
    /// So many, at least 1.
    pub allow: u32,
    /// In this time.
    pub every: Duration,
}

impl Gated {
    /// What a delivery is counted by.
    #[must_use]
    pub fn of(delivery: &Delivery) -> Self {
        let settings = &delivery.settings;
        Self {
            dedupe: settings
                .dedupe
                .as_ref()
                .map(|once| Once { key: GateKey::dedupe(delivery, once), within: once.within }),
            throttle: settings.throttle.as_ref().map(|limit| Tally {
                key: GateKey::throttle(delivery, limit),
                allow: limit.allow,
                every: limit.every,
            }),
        }
    }

    /// Whether no gate looks at it.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.dedupe.is_none() && self.throttle.is_none()
    }
}

impl Tally {
    /// What a delivery's rate is limited by.
    #[must_use]
    pub fn rate(delivery: &Delivery) -> Option<Self> {
        let limit = delivery.settings.rate_limit.as_ref()?;
        Some(Self { key: GateKey::rate(delivery, limit), allow: limit.allow, every: limit.every })
    }
}

/// When a delivery may go by its delay and its hours, asked at `now`; `None` when it is outside its hours
/// and does not wait.
#[must_use]
pub fn opening(settings: &DeliverySettings, now: Timestamp) -> Option<Timestamp> {
    let delay = SignedDuration::try_from(settings.delay).unwrap_or(SignedDuration::MAX);
    let due = now.checked_add(delay).unwrap_or(Timestamp::MAX);
    let Some(schedule) = &settings.during else { return Some(due) };
    let opening = schedule.next_opening(due)?;
    (settings.outside == Outside::Hold || opening == due).then_some(opening)
}
