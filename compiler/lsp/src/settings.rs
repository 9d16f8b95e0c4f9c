//! What may stand in `with { … }`, for completion and hover.

/// A setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it takes, in the language's words.
    pub(crate) ty: &'static str,
    /// What it is when nobody sets it.
    pub(crate) default: &'static str,
    /// What it does.
    pub(crate) docs: &'static str,
    /// The settings inside of its record.
    pub(crate) inner: &'static [Setting],
    /// The texts it takes.
    pub(crate) values: &'static [&'static str],
}

const fn plain(name: &'static str, ty: &'static str, default: &'static str, docs: &'static str) -> Setting {
    Setting { name, ty, default, docs, inner: &[], values: &[] }
}

const fn record(name: &'static str, docs: &'static str, inner: &'static [Setting]) -> Setting {
    Setting { name, ty: "record", default: "none", docs, inner, values: &[] }
}

const fn choice(
    name: &'static str,
    values: &'static [&'static str],
    default: &'static str,
    docs: &'static str,
) -> Setting {
    Setting { name, ty: "text", default, docs, inner: &[], values }
}

const ALLOWANCE: &[Setting] = &[
    plain("allow", "int", "required", "So many deliveries."),
    plain("every", "duration", "required", "In this time."),
    plain("by", "any", "all together", "Counts apart for each value."),
];

/// Every setting, in the order of the language book.
pub(crate) const SETTINGS: &[Setting] = &[
    record(
        "retry",
        "When and how often a failed delivery is tried again. Only failures that may pass are.",
        &[
            plain("attempts", "int", "8", "Attempts in all, the first included."),
            plain("first_wait", "duration", "10s", "The wait after the first attempt."),
            plain("longest_wait", "duration", "6h", "No wait is longer."),
            plain("growth", "decimal", "2", "Each wait is the one before times this."),
            plain("jitter", "percent", "20%", "Waits vary at random by up to this share."),
        ],
    ),
    plain("timeout", "duration", "15s", "How long one attempt may take."),
    plain("expires", "duration", "3d", "After this the delivery is given up and becomes a dead letter."),
    record("rate_limit", "Slows deliveries down. Nothing is dropped.", ALLOWANCE),
    record("throttle", "Drops what is more than this; the history says so.", ALLOWANCE),
    record(
        "dedupe",
        "The first delivery with a key is sent, later ones with the same key are not.",
        &[
            plain("by", "any", "required", "The key; a delivery without one is always sent."),
            plain("within", "duration", "required", "How long a key is remembered."),
        ],
    ),
    plain("order_by", "any", "none", "Deliveries with the same key are sent one after another, in order."),
    Setting {
        name: "sample",
        ty: "percent",
        default: "100%",
        docs: "The share of events that is sent: always the same ones, all deliveries of a rule together.",
        inner: &[
            plain("share", "percent", "required", "The share that is sent."),
            plain("by", "any", "the event", "Everything with the same key is sent, or not."),
            plain("salt", "text", "the rule's name", "Rules with the same key and salt choose the same."),
        ],
        values: &[],
    },
    plain("during", "schedule", "always", "Deliver only in these hours."),
    choice("outside", &["hold", "skip"], "\"hold\"", "What happens outside of those hours: wait, or skip."),
    plain("delay", "duration", "0s", "Deliver later."),
    choice(
        "priority",
        &["low", "normal", "high"],
        "\"normal\"",
        "The weight when many deliveries wait: 1, 4 or 16.",
    ),
    choice(
        "on_field_error",
        &["fail", "skip"],
        "\"skip\" for optional fields",
        "What a field does that has no value. A required field always fails the delivery.",
    ),
    plain("idempotency_key", "text", "the delivery's id", "Sent where the integration knows such keys."),
];

/// The settings below some keys.
pub(crate) fn below(path: &[Box<str>]) -> &'static [Setting] {
    let mut settings = SETTINGS;
    for key in path {
        settings =
            settings.iter().find(|setting| *setting.name == **key).map_or(&[], |setting| setting.inner);
    }
    settings
}

/// One setting.
pub(crate) fn named(path: &[Box<str>], name: &str) -> Option<&'static Setting> {
    below(path).iter().find(|setting| setting.name == name)
}
