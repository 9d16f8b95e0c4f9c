//! Transforms: what `|` applies. One file each holds code, docs and examples that run as tests.

use crate::types::Type;
use crate::value::Value;

/// A transform.
pub struct Transform {
    /// The name after `|`.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Its section in the reference.
    pub section: Section,
    /// What it takes on the left of `|`.
    pub input: Accepts,
    /// Its parameters.
    pub params: &'static [Param],
    /// The type of its result, given the input's type without `?` and the types of the arguments.
    /// An optional input makes the result optional by itself; a transform that can fail on a value
    /// of a right type answers with an optional type.
    pub output: fn(&Type, &[Type]) -> Type,
    /// Applies it. The input is never missing; a value that does not fit gives missing.
    pub apply: for<'e> fn(Value<'e>, &[Value<'e>]) -> Value<'e>,
    /// Shown in the reference and run as tests.
    pub examples: &'static [Example],
}

/// A section of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Text.
    Text,
    /// Numbers.
    Numbers,
    /// Lists.
    Lists,
    /// Records and maps.
    Records,
    /// Instants, days and lengths of time.
    Time,
    /// From one kind to another.
    Conversions,
}

/// What kinds of values are taken. `any` is always taken and looked at while running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Everything.
    Anything,
    /// Text and its kin.
    Text,
    /// `int`, `decimal`.
    Number,
    /// `int`.
    Int,
    /// `bool`.
    Bool,
    /// Any list.
    List,
    /// Records and maps.
    Record,
    /// Lists, records and maps.
    Container,
    /// `text` or a list: `take`.
    TextOrList,
    /// `datetime`.
    Instant,
    /// `date`.
    Date,
    /// `datetime` or `date`.
    InstantOrDate,
    /// `duration`.
    Duration,
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name, for messages.
    pub name: &'static str,
    /// What it takes.
    pub accepts: Accepts,
    /// How often it may be given.
    pub count: Count,
}

/// How often an argument is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Once.
    One,
    /// Once or not at all; only after the required ones.
    Optional,
    /// Once or more; only the last parameter.
    Several,
}

/// An example: `"Ada" | lower` gives `"ada"`; both are written in the language itself.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The expression.
    pub call: &'static str,
    /// Its value as a literal, or `missing`.
    pub gives: &'static str,
}

/// Every transform, in the order of their names.
pub const TRANSFORMS: &[&Transform] = &[];

impl Transform {
    /// The transform of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        let at = TRANSFORMS.binary_search_by(|one| one.name.cmp(name)).ok()?;
        TRANSFORMS.get(at).copied()
    }
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
