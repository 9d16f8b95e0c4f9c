//! What each rule answers, asked one by one of a plain JSON value: what every engine is held against.

use inputs::shapes::{Paths, Rule};
use serde_json::Value;

/// How the middle of a glob is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Middle {
    /// Between the two ends, as a glob means.
    Between,
    /// Anywhere: what `contains` of a language without globs finds.
    Anywhere,
}

struct Values<'v> {
    key: Option<&'v str>,
    tail: Option<&'v str>,
    street: Option<&'v str>,
    lot: Option<&'v str>,
    side: Option<&'v str>,
    kind: Option<&'v str>,
    x: Option<f64>,
}

/// The numbers of the rules that hold for an event.
pub fn matches(paths: &Paths, rules: &[Rule], event: &[u8], middle: Middle) -> Vec<u32> {
    let event: Value = serde_json::from_slice(event).expect("an event of ours is JSON");
    let at = |path: &[&str]| path.iter().try_fold(&event, |value, name| value.get(name));
    let text = |path| at(path).and_then(Value::as_str);
    let values = Values {
        key: text(paths.key),
        tail: text(paths.tail),
        street: text(paths.street),
        lot: text(paths.lot),
        side: text(paths.side),
        kind: text(paths.kind),
        x: at(paths.x).and_then(Value::as_f64),
    };
    let held = rules.iter().zip(0..).filter(|(rule, _)| holds(rule, &values, paths.x_scale as f64, middle));
    held.map(|(_, at)| at).collect()
}

fn holds(rule: &Rule, values: &Values<'_>, scale: f64, middle_place: Middle) -> bool {
    let is = |value: Option<&str>, wanted: &str| value == Some(wanted);
    let other = |value: Option<&str>, wanted: &str| value.is_some_and(|it| it != wanted);
    match rule {
        Rule::Equality { key } => is(values.key, key),
        Rule::Conjunction { street, low, high, prefix } => {
            is(values.street, street)
                && values.x.is_some_and(|x| x >= *low as f64 / scale && x < *high as f64 / scale)
                && values.tail.is_some_and(|it| it.starts_with(prefix.as_str()))
        }
        Rule::Suffix { suffix } => values.tail.is_some_and(|it| it.ends_with(suffix.as_str())),
        Rule::Glob { prefix, middle, suffix } => values.key.is_some_and(|text| {
            let between = text.strip_prefix(prefix.as_str()).and_then(|it| it.strip_suffix(suffix.as_str()));
            match middle_place {
                Middle::Between => between.is_some_and(|it| it.contains(middle.as_str())),
                Middle::Anywhere => {
                    text.starts_with(prefix.as_str())
                        && text.ends_with(suffix.as_str())
                        && text.contains(middle.as_str())
                }
            }
        }),
        Rule::Disjunction { key, street, lot, side, kind } => {
            (is(values.key, key) || (is(values.street, street) && is(values.lot, lot)))
                && other(values.side, side)
                && other(values.kind, kind)
        }
    }
}
