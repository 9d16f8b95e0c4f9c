//! An event pattern as a condition that answers the same for every event.
//!
//! Four things are different in the two products and decide the form of what is written:
//! a field of the event may be a list, and one element that fits is enough; two fields below the same
//! list must fit in the same element; null is a value that `exists` and `anything-but` accept; and an
//! object is none.

use serde_json::Value;

use super::super::layout::Cond;
use super::super::text::{Names, field, quoted};
use super::super::{ImportError, Notes};
use super::pattern::{Choice, Member, Object, Shape, ShapeKind};
use super::{Events, Options};
use crate::world::Limits;

/// Brackets of the finished condition; the file around it needs some of the 32 for itself.
const DEPTH_MAX: usize = 24;

/// How many spellings of one path are tried before giving up on names with dots.
const SPELLINGS_MAX: usize = 8;

/// What the predicate for values is called in the file.
pub(super) const VALUE: &str = "a_value";

/// Fields of EventBridge's envelope that are always there and always a single text.
const ENVELOPE: &[&str] = &["id", "version", "account", "time", "region", "source", "detail-type"];

/// A place in the event: a name that rule text knows, and the keys below it as the pattern writes them.
#[derive(Clone, Copy)]
struct Spot<'p> {
    base: &'p str,
    keys: &'p [String],
    /// How many quantifiers stand around it.
    depth: usize,
    /// What the base is in the example.
    example: Option<&'p Value>,
}

/// What an example shows at a place.
enum Seen<'p> {
    /// A single value.
    Single,
    /// A list, and one element of it.
    List(&'p Value),
    /// An object.
    Object,
    /// Nothing that tells.
    Nothing,
}

impl<'p> Spot<'p> {
    fn seen(&self) -> Seen<'p> {
        let value = self.keys.iter().try_fold(self.example, |value, key| Some(value?.get(key))).flatten();
        match value {
            None | Some(Value::Null) => Seen::Nothing,
            Some(Value::Object(_)) => Seen::Object,
            Some(Value::Array(items)) => match items.first() {
                Some(first) if !first.is_array() && !first.is_null() => Seen::List(first),
                _ => Seen::Nothing,
            },
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => Seen::Single,
        }
    }
}

/// Writes the conditions of one file.
pub(super) struct Writer<'w> {
    options: &'w Options,
    notes: &'w mut Notes,
    names: Names,
    /// Whether the predicate for values was used.
    pub(super) asks_for_values: bool,
}

impl<'w> Writer<'w> {
    pub(super) fn new(options: &'w Options, notes: &'w mut Notes) -> Self {
        let mut names = Names::default();
        // Names that the file gives itself.
        for taken in [VALUE, super::CONNECTION] {
            names.give(taken, taken);
        }
        Self { options, notes, names, asks_for_values: false }
    }

    /// The condition of a whole pattern.
    pub(super) fn pattern(&mut self, pattern: &Object) -> Result<Cond, ImportError> {
        let condition = self.object(
            pattern,
            Spot { base: "payload", keys: &[], depth: 0, example: self.options.example.as_ref() },
        );
        if condition.depth() > DEPTH_MAX {
            let reason = format!("the condition nests deeper than {DEPTH_MAX} brackets");
            return Err(ImportError::too_large(super::super::Place::Pointer(String::new()), reason));
        }
        Ok(condition)
    }

    fn object(&mut self, object: &Object, spot: Spot<'_>) -> Cond {
        if let [only] = object.0.as_slice() {
            return self.member(only, spot);
        }
        if spot.keys.is_empty() || self.is_object(spot) {
            return Cond::all(object.0.iter().map(|member| self.member(member, spot)));
        }
        // Two quantifiers and the one of a value are as many as may stand inside each other.
        if spot.depth >= 2 {
            let at = pointer_of(object);
            self.notes.add(at, "fields below more than two lists are not held to the same element");
            return Cond::all(object.0.iter().map(|member| self.member(member, spot)));
        }
        let name = self.names.give(&singular(spot.keys), "one");
        let example = match spot.seen() {
            Seen::List(element) => Some(element),
            Seen::Single | Seen::Object | Seen::Nothing => None,
        };
        let inner = Spot { base: &name, keys: &[], depth: spot.depth + 1, example };
        let body = Cond::all(object.0.iter().map(|member| self.member(member, inner)));
        let paths = self.spellings(spot);
        let some = paths.iter().map(|path| some(&name, path, body.clone()));
        let some: Vec<_> = some.collect();
        self.names.free(&name);
        // Absence below an object that is itself absent, or an empty list.
        let absent = absence_is_enough(object)
            .then(|| Cond::all(paths.iter().map(|path| Cond::atom(format!("{path} is empty")))));
        Cond::any(absent.into_iter().chain(some))
    }

    fn member(&mut self, member: &Member, spot: Spot<'_>) -> Cond {
        match member {
            Member::Or(alternatives) => Cond::any(alternatives.iter().map(|one| self.object(one, spot))),
            Member::Below(_, key, below) => {
                let keys = joined(spot.keys, key);
                self.object(below, Spot { keys: &keys, ..spot })
            }
            Member::Value(_, key, choices) => {
                let keys = joined(spot.keys, key);
                self.value(choices, Spot { keys: &keys, ..spot })
            }
        }
    }

    fn value(&mut self, choices: &[Choice], spot: Spot<'_>) -> Cond {
        let paths = self.spellings(spot);
        if self.is_single(spot) {
            let single = paths.iter().map(|path| Cond::any(choices_of(path, choices, Kind::Single)));
            return Cond::any(single);
        }
        let absent = choices.contains(&Choice::Exists(false)).then(|| self.absent(&paths, spot));
        let positive: Vec<Choice> =
            choices.iter().filter(|one| **one != Choice::Exists(false)).cloned().collect();
        if positive.is_empty() {
            return absent.unwrap_or_else(|| Cond::atom("false"));
        }
        let kind = if matches!(spot.seen(), Seen::List(_)) { Kind::Single } else { Kind::Element };
        let takes_null = kind == Kind::Element && positive.iter().any(takes_null);
        self.asks_for_values |= kind == Kind::Element && positive.iter().any(asks_for_value);
        let name = self.names.give(&singular(spot.keys), "one");
        let body = Cond::any(choices_of(&name, &positive, kind));
        let present = paths.iter().flat_map(|path| {
            let null = takes_null.then(|| Cond::atom(format!("{path} is null")));
            null.into_iter().chain([some(&name, path, body.clone())])
        });
        let all: Vec<_> = present.chain(absent).collect();
        self.names.free(&name);
        Cond::any(all)
    }

    /// `exists: false`, for every spelling of the path.
    fn absent(&mut self, paths: &[String], spot: Spot<'_>) -> Cond {
        self.asks_for_values = true;
        let name = self.names.give(&singular(spot.keys), "one");
        let there = paths.iter().flat_map(|path| {
            let body = Cond::atom(format!("{name} is {VALUE}"));
            [Cond::atom(format!("{path} is null")), some(&name, path, body)]
        });
        let there = Cond::any(there);
        self.names.free(&name);
        Cond::not(there)
    }

    /// Whether it is a single value and always there.
    fn is_single(&self, spot: Spot<'_>) -> bool {
        let envelope = self.options.events == Events::EventBridge && spot.base == "payload";
        let known = envelope && matches!(spot.keys, [key] if ENVELOPE.contains(&key.as_str()));
        known || matches!(spot.seen(), Seen::Single)
    }

    fn is_object(&self, spot: Spot<'_>) -> bool {
        let envelope = self.options.events == Events::EventBridge && spot.base == "payload";
        let known = envelope && matches!(spot.keys, [key] if key == "detail");
        known || matches!(spot.seen(), Seen::Object)
    }

    /// How the path may be spelled in the event: EventBridge does not tell a dot inside a name from a
    /// step to the next one.
    fn spellings(&mut self, spot: Spot<'_>) -> Vec<String> {
        let steps: Vec<&str> = spot.keys.iter().flat_map(|key| steps(key)).collect();
        let mut all = vec![spot.keys.to_vec()];
        let has_dots = steps.len() > spot.keys.len();
        if has_dots {
            all.push(steps.iter().map(|step| (*step).to_owned()).collect());
        }
        if self.options.joined_names && steps.len() > 1 {
            for groups in groupings(&steps) {
                if !all.contains(&groups) {
                    all.push(groups);
                }
            }
        }
        all.iter().map(|keys| keys.iter().fold(spot.base.to_owned(), |path, key| field(&path, key))).collect()
    }
}

fn joined(keys: &[String], key: &str) -> Vec<String> {
    keys.iter().cloned().chain([key.to_owned()]).collect()
}

/// The parts of a key between dots; a key that begins or ends with one is left alone.
fn steps(key: &str) -> Vec<&str> {
    let parts: Vec<&str> = key.split('.').collect();
    if parts.iter().any(|part| part.is_empty()) { vec![key] } else { parts }
}

/// Every way to join neighbouring steps with dots, at most so many.
fn groupings(steps: &[&str]) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for step in steps {
        let mut longer = Vec::new();
        for groups in all {
            if let Some((last, before)) = groups.split_last() {
                longer.push(before.iter().cloned().chain([format!("{last}.{step}")]).collect());
            }
            longer.push(groups.into_iter().chain([(*step).to_owned()]).collect());
        }
        longer.sort_by_key(|groups: &Vec<String>| std::cmp::Reverse(groups.len()));
        longer.truncate(SPELLINGS_MAX);
        all = longer;
    }
    all
}

/// A name for one of what the last key holds.
fn singular(keys: &[String]) -> String {
    let last = keys.last().map(String::as_str).unwrap_or_default();
    let last = last.rsplit('.').next().unwrap_or_default();
    match last.strip_suffix('s') {
        Some(one) if one.len() > 2 && !one.ends_with(['s', 'u', 'i']) => one.to_owned(),
        _ => last.to_owned(),
    }
}

fn pointer_of(object: &Object) -> super::super::Place {
    let first = object.0.iter().find_map(|member| match member {
        Member::Below(at, ..) | Member::Value(at, ..) => Some(at.place()),
        Member::Or(_) => None,
    });
    first.unwrap_or_else(|| super::super::Place::Pointer(String::new()))
}

fn some(name: &str, list: &str, body: Cond) -> Cond {
    Cond::Some { name: name.to_owned(), list: list.to_owned(), body: Box::new(body) }
}

/// Whether an event without any of the fields fits.
fn absence_is_enough(object: &Object) -> bool {
    object.0.iter().all(|member| match member {
        Member::Or(alternatives) => alternatives.iter().any(absence_is_enough),
        Member::Below(_, _, below) => absence_is_enough(below),
        Member::Value(_, _, choices) => choices.contains(&Choice::Exists(false)),
    })
}

fn takes_null(choice: &Choice) -> bool {
    matches!(choice, Choice::Null | Choice::Exists(true) | Choice::ButValues(_) | Choice::ButShape(_))
}

fn asks_for_value(choice: &Choice) -> bool {
    takes_null(choice) && *choice != Choice::Null
}

/// What is known of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is one value, and no null.
    Single,
    /// One of a list, or alone: anything.
    Element,
}

/// The choices as conditions on one value; literals come as one membership.
fn choices_of(value: &str, choices: &[Choice], kind: Kind) -> Vec<Cond> {
    let literal = |choice: &Choice| match choice {
        // In a list, a text that is a network would stand for its addresses.
        Choice::Text(text) if !is_network(text) => Some(quoted(text)),
        Choice::Plain(written) => Some(written.clone()),
        _ => None,
    };
    let literals: Vec<String> = choices.iter().filter_map(literal).collect();
    let members = literals
        .chunks(Limits::default().list_elements_max)
        .map(|chunk| Cond::atom(membership(value, chunk)));
    let others =
        choices.iter().filter(|choice| literal(choice).is_none()).map(|choice| other(value, choice, kind));
    members.chain(others).collect()
}

fn is_network(text: &str) -> bool {
    text.contains('/') && text.parse::<ipnet::IpNet>().is_ok()
}

fn membership(value: &str, literals: &[String]) -> String {
    match literals {
        [one] => format!("{value} is {one}"),
        many => format!("{value} in [{}]", many.join(", ")),
    }
}

fn other(value: &str, choice: &Choice, kind: Kind) -> Cond {
    match choice {
        Choice::Null => Cond::atom(format!("{value} is null")),
        Choice::Text(text) => Cond::atom(format!("{value} is {}", quoted(text))),
        Choice::Plain(written) => Cond::atom(format!("{value} is {written}")),
        Choice::Network(network) => Cond::atom(format!("{value} in {}", quoted(network))),
        Choice::Numeric(all) => Cond::all(all.iter().map(|one| Cond::atom(format!("{value} {one}")))),
        Choice::Shape(shape) => Cond::atom(format!("{value} {}", shape_words(shape))),
        Choice::Exists(true) if kind == Kind::Single => Cond::atom(format!("{value} is present")),
        Choice::Exists(true) => Cond::atom(format!("{value} is {VALUE}")),
        Choice::Exists(false) => Cond::atom(format!("{value} is missing")),
        Choice::ButValues(_) | Choice::ButShape(_) if kind == Kind::Single => but(value, choice),
        Choice::ButValues(_) | Choice::ButShape(_) => {
            // A null must not make the answer unknown: it is anything but those, too.
            let but = but(&format!("({value} else false)"), choice);
            Cond::all([Cond::atom(format!("{value} is {VALUE}")), but])
        }
    }
}

fn but(value: &str, choice: &Choice) -> Cond {
    match choice {
        Choice::ButValues(values) => Cond::atom(match values.as_slice() {
            [one] => format!("{value} is not {one}"),
            many => format!("{value} not in [{}]", many.join(", ")),
        }),
        Choice::ButShape(shape) if shape.kind == ShapeKind::Equal => {
            let texts: Vec<String> = shape.texts.iter().map(|text| quoted(text)).collect();
            Cond::atom(match texts.as_slice() {
                [one] => format!("{value} is not {one} ignoring case"),
                many => format!("{value} not in [{}] ignoring case", many.join(", ")),
            })
        }
        Choice::ButShape(shape) => Cond::not(Cond::atom(format!("{value} {}", shape_words(shape)))),
        _ => other(value, choice, Kind::Single),
    }
}

fn shape_words(shape: &Shape) -> String {
    let (one, many) = match shape.kind {
        ShapeKind::Equal => ("is", "in"),
        ShapeKind::Prefix => ("starts with", "starts with any of"),
        ShapeKind::Suffix => ("ends with", "ends with any of"),
        ShapeKind::Wildcard => ("matches", "matches any of"),
    };
    let texts = shape.texts.iter().map(|text| match shape.kind {
        ShapeKind::Wildcard => quoted(&glob(text)),
        ShapeKind::Equal | ShapeKind::Prefix | ShapeKind::Suffix => quoted(text),
    });
    let texts: Vec<String> = texts.collect();
    let fold = if shape.fold { " ignoring case" } else { "" };
    match texts.as_slice() {
        [text] => format!("{one} {text}{fold}"),
        texts => format!("{many} [{}]{fold}", texts.join(", ")),
    }
}

/// A wildcard as a glob, in which more characters have a meaning.
fn glob(wildcard: &str) -> String {
    let mut out = String::new();
    let mut chars = wildcard.chars();
    while let Some(one) = chars.next() {
        let literal = match one {
            '*' => {
                out.push('*');
                continue;
            }
            '\\' => chars.next().unwrap_or(one),
            other => other,
        };
        match literal {
            '*' | '?' | '[' => out.extend(['[', literal, ']']),
            '\\' => out.push_str("\\\\"),
            plain => out.push(plain),
        }
    }
    out
}
