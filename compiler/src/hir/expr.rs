//! Expressions: what gives a value.

use std::sync::Arc;

use grammar::ast::ArithmeticOp;

use super::{Cond, PathId, Regex};
use crate::transform::Transform;
use crate::value::Value;

/// A place for the element of a quantifier, `each` or `for each`, while its body runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId(pub u16);

/// A position in [`super::Rule::lets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetId(pub u16);

/// An expression.
#[derive(Clone, Debug)]
pub enum Expr {
    /// Known while compiling.
    Constant(Value<'static>),
    /// A path of the payload, as it is in the JSON.
    Read(PathId),
    /// A fact of the event's envelope.
    Envelope(EnvelopeField),
    /// The element of an enclosing quantifier or loop.
    Local(LocalId),
    /// A `let` of the rule; computed once, when first read.
    Let(LetId),
    /// A field of a record value; missing when it is none.
    Field(Box<Expr>, Arc<str>),
    /// An element by number, or a field by a computed text; missing when there is none.
    Index(Box<Expr>, Box<Expr>),
    /// Only as the list of a quantifier or loop: field names walked from a value, visiting every
    /// element of each list on the way. Gives one flat list. What stands at the end and is no list
    /// is one element itself; missing and null are none.
    Walk(Box<Expr>, Arc<[Box<str>]>),
    /// A declared type that JSON has no kind for. A text that does not fit is missing.
    Convert(Box<Expr>, Conversion),
    /// Exact arithmetic.
    Arithmetic(ArithmeticOp, Box<Expr>, Box<Expr>),
    /// `- x`
    Negate(Box<Expr>),
    /// `x | name(args)`
    Transform {
        /// Which.
        transform: &'static Transform,
        /// On what.
        subject: Box<Expr>,
        /// With what.
        args: Vec<Expr>,
    },
    /// `x | capture("…", "name")`
    Capture {
        /// What is searched.
        subject: Box<Expr>,
        /// The pattern.
        regex: Regex,
        /// The named group.
        group: Arc<str>,
    },
    /// The fallback when the subject is missing or null.
    Else(Box<Expr>, Box<Expr>),
    /// The value of the first arm whose condition is yes; missing without one.
    Choose(Vec<(Cond, Expr)>, Option<Box<Expr>>),
    /// One value per element that passes. A missing list gives `[]` when declared (the checker
    /// wraps it in `else []`) and missing otherwise.
    Each {
        /// Where the element is kept.
        local: LocalId,
        /// The list.
        list: Box<Expr>,
        /// Which elements.
        filter: Option<Box<Cond>>,
        /// What each becomes. Missing results are left out of the list.
        body: Box<Expr>,
    },
    /// `[a, b]`; missing elements are left out, nulls stay.
    List(Vec<Expr>),
    /// `{ a: 1, ..b }`; missing fields are left out, nulls stay, later keys win.
    Record(Vec<RecordEntry>),
    /// Text with holes. A missing hole makes the whole text missing, and in an action's input the
    /// field fails.
    Template(Vec<TemplatePart>),
    /// A condition as a value: unknown is missing.
    Condition(Box<Cond>),
}

/// A fact of the event's envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnvelopeField {
    /// `event.id`
    Id,
    /// `event.type`
    Kind,
    /// `event.time`
    Time,
    /// `event.received_at`
    ReceivedAt,
    /// `event.resource`
    Resource,
    /// `event.resource_id`
    ResourceId,
}

/// A conversion that a declared type asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Conversion {
    /// RFC 3339 text to an instant.
    DateTime,
    /// `YYYY-MM-DD` to a day.
    Date,
    /// ISO 8601 text to a length of time.
    Duration,
}

/// An entry of a record expression.
#[derive(Clone, Debug)]
pub enum RecordEntry {
    /// `key: value`
    Field(Arc<str>, Expr),
    /// `..record`
    Spread(Expr),
}

/// A part of a text with holes.
#[derive(Clone, Debug)]
pub enum TemplatePart {
    /// Characters.
    Chars(Arc<str>),
    /// A value, written as `to_text` does.
    Hole(Expr),
}
