//! Every setting of a delivery, for the reference and for editors.

use crate::hir::{Retry, Settings};

/// A setting in `with { … }`.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it takes, in the language's own words.
    pub takes: &'static str,
    /// What holds when nobody sets it.
    pub default: fn(&Settings) -> String,
    /// What it does.
    pub meaning: &'static str,
    /// How it is written.
    pub example: &'static str,
}

/// Every setting, in the order in which they are explained.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "retry",
        takes: "{ attempts, first_wait, longest_wait, growth, jitter }",
        default: |settings| retry(&settings.retry),
        meaning: "When and how often a failed delivery is tried again. Only failures that may pass are: no \
                  connection, status 408, 425, 429 and 5xx. A destination that says how long to wait is \
                  obeyed. `attempts` counts the first one; each wait is the one before times `growth`, at \
                  most `longest_wait`, and changed at random by up to `jitter` both ways.",
        example: "retry: { attempts: 12, first_wait: 30s }",
    },
    Setting {
        name: "timeout",
        takes: "duration",
        default: |settings| length(settings.timeout),
        meaning: "How long one attempt may take.",
        example: "timeout: 5s",
    },
    Setting {
        name: "expires",
        takes: "duration",
        default: |settings| length(settings.expires),
        meaning: "When to give up, counted from when it is first due. The delivery becomes a dead letter, which \
                  can be replayed.",
        example: "expires: 7d",
    },
    Setting {
        name: "rate_limit",
        takes: "{ allow, every, by }",
        default: |_| "none".to_owned(),
        meaning: "At most `allow` start in any stretch of `every`; later ones wait, none is dropped. Counted \
                  for the whole connection, and apart for each value of `by`.",
        example: "rate_limit: { allow: 20, every: 1s }",
    },
    Setting {
        name: "throttle",
        takes: "{ allow, every, by }",
        default: |_| "none".to_owned(),
        meaning: "At most `allow` are sent in any stretch of `every`; the surplus is dropped and recorded as \
                  throttled. Counted for this delivery, and apart for each value of `by`. What is dropped \
                  does not count.",
        example: "throttle: { allow: 1, every: 15m, by: alert.service }",
    },
    Setting {
        name: "dedupe",
        takes: "{ by, within }",
        default: |_| "none".to_owned(),
        meaning: "The first delivery with a value of `by` is sent, and further ones are dropped until \
                  `within` has passed since. Without a value nothing is dropped. At most 30 days.",
        example: "dedupe: { by: invoice.id, within: 7d }",
    },
    Setting {
        name: "order_by",
        takes: "text, number, bool, datetime, date or duration",
        default: |_| "none".to_owned(),
        meaning: "First in, first out among the deliveries of a connection with the same value: a later one \
                  waits while an earlier one is tried again, until that one is delivered or given up.",
        example: "order_by: order.number",
    },
    Setting {
        name: "sample",
        takes: "percent, or { share, by, salt }",
        default: |_| "100%".to_owned(),
        meaning: "Only this share of the events, the same ones every time, and all deliveries of a rule \
                  together. With `by` the share is one of its values: `bucket(100)` of them is below the \
                  percentage. Rules with the same `by` and `salt` choose the same.",
        example: "sample: { share: 50%, by: user.id, salt: \"autumn\" }",
    },
    Setting {
        name: "during",
        takes: "schedule",
        default: |_| "always".to_owned(),
        meaning: "Only in these hours, retries too; `outside` says what happens otherwise.",
        example: "during: office_hours",
    },
    Setting {
        name: "outside",
        takes: "\"hold\" | \"skip\"",
        default: |_| "\"hold\"".to_owned(),
        meaning: "Outside the hours of `during`: wait until they begin, or send nothing.",
        example: "outside: \"skip\"",
    },
    Setting {
        name: "delay",
        takes: "duration",
        default: |_| "0s".to_owned(),
        meaning: "Deliver that much later, at most 30 days. It may be computed; below zero is zero.",
        example: "delay: trial.ends_at - event.time",
    },
    Setting {
        name: "priority",
        takes: "\"low\" | \"normal\" | \"high\"",
        default: |_| "\"normal\"".to_owned(),
        meaning: "The weight when there is more to send than can be sent: 1, 4 or 16. Nothing is left waiting \
                  for ever.",
        example: "priority: \"high\"",
    },
    Setting {
        name: "on_field_error",
        takes: "\"fail\" | \"skip\"",
        default: |_| "\"skip\"".to_owned(),
        meaning: "When an optional field of the input cannot be made: fail the delivery, or leave the field \
                  out and note it. A required field always fails the delivery.",
        example: "on_field_error: \"fail\"",
    },
    Setting {
        name: "idempotency_key",
        takes: "text, number, bool, datetime, date or duration",
        default: |_| "the delivery's id".to_owned(),
        meaning: "What is sent to destinations that recognise a request they have seen.",
        example: "idempotency_key: order.number",
    },
];

fn retry(retry: &Retry) -> String {
    let percent = (retry.jitter * rust_decimal::Decimal::ONE_HUNDRED).normalize();
    format!(
        "{{ attempts: {}, first_wait: {}, longest_wait: {}, growth: {}, jitter: {percent}% }}",
        retry.attempts,
        length(retry.first_wait),
        length(retry.longest_wait),
        retry.growth.normalize()
    )
}

fn length(duration: std::time::Duration) -> String {
    let duration = jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX);
    crate::messages::failures::length(duration)
}
