//! A delivery's settings with everything that depends on the event evaluated.

use std::sync::Arc;
use std::time::Duration;

use crate::eval::Frame;
use crate::gate::{event_point, is_taken};
use crate::hir::{Allowance, Expr, Outside, Priority, Retry, Sample, Schedule, Settings};
use crate::value::{Value, bucket_point, to_text};

/// No delivery is put off for longer.
const DELAY_MAX: Duration = Duration::from_secs(30 * 86_400);

/// The settings of one delivery, as plain data.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// When and how often it is tried again.
    pub retry: Retry,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// After this it is given up.
    pub expires: Duration,
    /// Slows down, never drops.
    pub rate_limit: Option<Limit>,
    /// Drops the surplus.
    pub throttle: Option<Limit>,
    /// The first one wins; `None` also when the key is missing.
    pub dedupe: Option<Dedupe>,
    /// First in, first out per key on the connection; `None` also when the key is missing.
    pub order_by: Option<Box<str>>,
    /// Only in these hours.
    pub during: Option<Arc<Schedule>>,
    /// What happens outside those hours.
    pub outside: Outside,
    /// Not before this has passed.
    pub delay: Duration,
    /// Its weight under pressure.
    pub priority: Priority,
    /// Sent where the integration supports it; `None` is the delivery's id.
    pub idempotency_key: Option<Box<str>>,
}

/// So many in so long, counted under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many, at least 1.
    pub allow: u32,
    /// In this time.
    pub every: Duration,
    /// Under this key.
    pub key: LimitKey,
}

/// What a limit is counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// All together.
    All,
    /// Those whose key is missing.
    Missing,
    /// Those with this key.
    Of(Box<str>),
}

/// A key that is remembered for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dedupe {
    /// The key.
    pub key: Box<str>,
    /// How long it is remembered.
    pub within: Duration,
}

/// Evaluates the settings of a delivery.
pub(super) fn evaluate<'a>(frame: &Frame<'a, '_>, settings: &'a Settings) -> DeliverySettings {
    let text = |expr: &'a Expr| to_text(&frame.value(expr)).map(|text| Box::from(&*text));
    let limit = |allowance: &'a Allowance| Limit {
        allow: allowance.allow,
        every: allowance.every,
        key: match &allowance.by {
            None => LimitKey::All,
            Some(by) => text(by).map_or(LimitKey::Missing, LimitKey::Of),
        },
    };
    let dedupe = settings.dedupe.as_ref();
    let schedules = &frame.facts.plan.program.schedules;
    DeliverySettings {
        retry: settings.retry.clone(),
        timeout: settings.timeout,
        expires: settings.expires,
        rate_limit: settings.rate_limit.as_ref().map(limit),
        throttle: settings.throttle.as_ref().map(limit),
        dedupe: dedupe.and_then(|dedupe| Some(Dedupe { key: text(&dedupe.by)?, within: dedupe.within })),
        order_by: settings.order_by.as_ref().and_then(text),
        during: settings.during.and_then(|id| schedules.get(id.0 as usize)).cloned(),
        outside: settings.outside,
        delay: settings.delay.as_ref().map_or(Duration::ZERO, |delay| match &*frame.value(delay) {
            // Below zero is zero.
            Value::Duration(delay) => Duration::try_from(*delay).unwrap_or(Duration::ZERO).min(DELAY_MAX),
            _ => Duration::ZERO,
        }),
        priority: settings.priority,
        idempotency_key: settings.idempotency_key.as_ref().and_then(text),
    }
}

/// Whether a delivery is in its rule's share: by the point of the event's id and the rule's name, or of
/// what the rule says, so that the same events are chosen every time, and by the same `by` and `salt`
/// the same ones as `bucket` has. A missing key is one value of its own.
pub(super) fn is_sampled<'a>(frame: &Frame<'a, '_>, sample: &'a Sample, rule: &str) -> bool {
    let salt = sample.salt.as_deref().unwrap_or_default();
    match &sample.by {
        Some(by) => {
            let point = bucket_point(&frame.value(by), salt).or_else(|| bucket_point(&Value::text(""), salt));
            point.is_some_and(|point| is_taken(point, sample.share))
        }
        None => is_taken(event_point(frame.facts.event.id, rule, salt), sample.share),
    }
}
