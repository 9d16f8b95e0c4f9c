//! What may stand in `with { … }`: the compiler's table, and the keys inside of its records.

use compiler::hir;
use compiler::setting::SETTINGS;

/// A setting, or a key inside of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it takes, in the language's words.
    pub(crate) takes: &'static str,
    /// What it does.
    pub(crate) meaning: &'static str,
    /// How it is written; empty inside of a record.
    pub(crate) example: &'static str,
    default: Option<fn(&hir::Settings) -> String>,
}

const fn key(name: &'static str, takes: &'static str, meaning: &'static str) -> Setting {
    Setting { name, takes, meaning, example: "", default: None }
}

/// The keys inside of records, by the setting that they belong to.
const KEYS: &[(&str, &[Setting])] = &[
    (
        "retry",
        &[
            key("attempts", "int", "Attempts in all, the first one included."),
            key("first_wait", "duration", "The wait after the first attempt."),
            key("longest_wait", "duration", "No wait is longer."),
            key("growth", "number", "Each wait is the one before times this."),
            key("jitter", "percent", "A wait is changed at random by up to this share, both ways."),
        ],
    ),
    ("rate_limit", ALLOWANCE),
    ("throttle", ALLOWANCE),
    (
        "dedupe",
        &[
            key("by", "any", "The first delivery with this value is sent."),
            key("within", "duration", "How long a value is remembered; at most 30 days."),
        ],
    ),
    (
        "sample",
        &[
            key("share", "percent", "The share that is sent."),
            key("by", "any", "Everything with the same value is sent, or nothing of it."),
            key("salt", "text", "Rules with the same `by` and `salt` choose the same."),
        ],
    ),
];

const ALLOWANCE: &[Setting] = &[
    key("allow", "int", "So many."),
    key("every", "duration", "In any stretch of this length."),
    key("by", "any", "Counted apart for each value."),
];

impl Setting {
    /// What holds when nobody sets it.
    pub(crate) fn default(&self) -> Option<String> {
        self.default.map(|default| default(&hir::Settings::default()))
    }

    /// Whether it takes nothing but a record.
    pub(crate) fn is_record(&self) -> bool {
        self.takes.starts_with('{')
    }

    /// The texts it takes, when it takes nothing else.
    pub(crate) fn values(&self) -> Vec<&'static str> {
        let values = self.takes.split(" | ").map(|one| one.strip_prefix('"')?.strip_suffix('"'));
        values.collect::<Option<_>>().unwrap_or_default()
    }

    /// The keys of its record.
    pub(crate) fn keys(&self) -> &'static [Setting] {
        KEYS.iter().find(|(name, _)| *name == self.name).map_or(&[], |(_, keys)| keys)
    }
}

/// The settings below some keys.
pub(crate) fn below(path: &[Box<str>]) -> Vec<Setting> {
    let of = |one: &compiler::setting::Setting| Setting {
        name: one.name,
        takes: one.takes,
        meaning: one.meaning,
        example: one.example,
        default: Some(one.default),
    };
    let all = || SETTINGS.iter().map(of);
    match path {
        [] => all().collect(),
        [one] => {
            all().find(|setting| *setting.name == **one).map(|one| one.keys().to_vec()).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// One setting.
pub(crate) fn named(path: &[Box<str>], name: &str) -> Option<Setting> {
    below(path).into_iter().find(|setting| setting.name == name)
}

#[cfg(test)]
mod tests {
    use super::{KEYS, below};

    #[test]
    fn the_keys_are_those_that_the_compiler_names() {
        for setting in below(&[]) {
            let record = setting.takes.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
            let names: Vec<&str> =
                record.map(|(names, _)| names.split(',').map(str::trim).collect()).unwrap_or_default();
            let keys: Vec<&str> = setting.keys().iter().map(|key| key.name).collect();
            assert_eq!(keys, names, "{}", setting.name);
        }
        assert!(KEYS.iter().all(|(name, _)| below(&[]).iter().any(|setting| setting.name == *name)));
        assert_eq!(below(&["outside".into()]).len(), 0);
    }
}
