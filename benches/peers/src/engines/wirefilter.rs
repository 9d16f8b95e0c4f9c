//! The crate `wirefilter-engine`: fields given, every filter run.
//!
//! It has no prefix, suffix or glob but regular expressions. It is given what is cheaper: prefixes are
//! ranges of text, suffixes are prefixes of the text from behind, the middle of a glob is `contains`.

use std::sync::OnceLock;

use ::wirefilter::{ExecutionContext, Filter, LhsValue, Scheme, Type};
use inputs::shapes::{Rule, Shape, Source};

use super::{Built, Candidate, Engine, Task, Watch, after_prefix};
use crate::fields::Fields;
use crate::naive::Middle;

pub struct Wirefilter;

struct Running {
    filters: Vec<Filter<'static>>,
    source: Source,
    shape: Shape,
    /// Memory for text from behind.
    turned: [Vec<u8>; 2],
}

fn scheme() -> &'static Scheme {
    static SCHEME: OnceLock<Scheme> = OnceLock::new();
    SCHEME.get_or_init(|| {
        let texts = ["key", "tail", "street", "lot", "side", "kind", "key_turned", "tail_turned"];
        let fields = texts.iter().map(|name| ((*name).to_owned(), Type::Bytes));
        let fields = fields.chain([("x".to_owned(), Type::Int)]);
        Scheme::try_from_iter(fields).expect("no name stands twice")
    })
}

impl Candidate for Wirefilter {
    fn name(&self) -> &'static str {
        "wirefilter (fields given)"
    }

    fn middle(&self) -> Middle {
        Middle::Anywhere
    }

    fn build(&mut self, task: &Task<'_>) -> Result<Built, String> {
        let watch = Watch::start(task.limits);
        let mut filters = Vec::with_capacity(task.rules.len());
        for (at, rule) in task.rules.iter().enumerate() {
            watch.check(at)?;
            let text = filter(task.source, rule);
            let ast = scheme().parse(&text).map_err(|error| error.to_string())?;
            filters.push(ast.compile());
        }
        let running = Running { filters, source: task.source, shape: task.shape, turned: Default::default() };
        Ok(Built::new(running, &watch))
    }
}

impl Engine for Running {
    fn matches(&mut self, event: &[u8], found: &mut Vec<u32>) -> Result<(), String> {
        // SAFETY: what is read from the event ends with the context, in this call.
        let fields = Fields::read(self.source, unsafe { lengthened(event) })?;
        let [key_turned, tail_turned] = &mut self.turned;
        let mut context = ExecutionContext::new(scheme());
        let mut given: Vec<(&str, LhsValue<'static>)> = Vec::with_capacity(5);
        match self.shape {
            Shape::Equality => given.push(("key", fields.key.into())),
            Shape::Conjunction => {
                let x = fields.x_units(self.source).unwrap_or(i32::MIN);
                given.extend([
                    ("street", fields.street.into()),
                    ("tail", fields.tail.into()),
                    ("x", x.into()),
                ]);
            }
            Shape::Ends => {
                turn(fields.key, key_turned);
                turn(fields.tail, tail_turned);
                // SAFETY: as above; nothing changes them while the context lives.
                let turned = unsafe { [lengthened(key_turned), lengthened(tail_turned)] };
                given.push(("key", fields.key.into()));
                given.extend([("key_turned", turned[0].into()), ("tail_turned", turned[1].into())]);
            }
            Shape::Disjunction => given.extend([
                ("key", fields.key.into()),
                ("street", fields.street.into()),
                ("lot", fields.lot.into()),
                ("side", fields.side.into()),
                ("kind", fields.kind.into()),
            ]),
        }
        for (name, value) in given {
            context.set_field_value(name, value).map_err(|error| error.to_string())?;
        }
        for (filter, at) in self.filters.iter().zip(0..) {
            if filter.execute(&context).map_err(|error| error.to_string())? {
                found.push(at);
            }
        }
        Ok(())
    }
}

/// Bytes with a lifetime without end: filters take values that live as long as their scheme, which lives as
/// long as they do.
///
/// # Safety
/// Nothing of it may be used when the bytes are gone or changed.
unsafe fn lengthened(bytes: &[u8]) -> &'static [u8] {
    // SAFETY: pointer and length are those of a slice; the caller answers for the lifetime.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) }
}

fn turn(text: &str, into: &mut Vec<u8>) {
    into.clear();
    into.extend(text.bytes().rev());
}

fn turned(text: &str) -> String {
    text.chars().rev().collect()
}

/// A text starts with a prefix.
fn starts(field: &str, prefix: &str) -> String {
    format!("{field} >= \"{prefix}\" && {field} < \"{}\"", after_prefix(prefix))
}

fn filter(source: Source, rule: &Rule) -> String {
    match rule {
        Rule::Equality { key } => format!("key == \"{key}\""),
        Rule::Conjunction { street, low, high, prefix } => {
            format!("street == \"{street}\" && x >= {low} && x < {high} && {}", starts("tail", prefix))
        }
        Rule::Suffix { suffix } => starts("tail_turned", &turned(suffix)),
        Rule::Glob { prefix, middle, suffix } => format!(
            "{} && {} && key contains \"{middle}\"",
            starts("key", prefix),
            starts("key_turned", &turned(suffix))
        ),
        Rule::Disjunction { key, street, lot, side, kind } => {
            // A field of a webhook may be absent, which is the empty text here.
            let there = if source == Source::Hooks { " && side != \"\" && kind != \"\"" } else { "" };
            format!(
                "(key == \"{key}\" || (street == \"{street}\" && lot == \"{lot}\")) && side != \"{side}\" && kind != \"{kind}\"{there}"
            )
        }
    }
}
