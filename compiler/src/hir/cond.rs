//! Conditions: what answers no, unknown or yes.

use std::sync::Arc;

use grammar::Span;
use grammar::ast::{ConnectiveKind, QuantifierKind};

use super::{Expr, ListId, LocalId, ScheduleId};
pub use crate::pattern::{ConstantSet, Glob, NeedleSet, Regex};
use crate::ternary::Ternary;

/// A condition and where it was written.
#[derive(Clone, Debug)]
pub struct Cond {
    /// What it asks.
    pub kind: CondKind,
    /// Its place; of an inlined predicate the place in the predicate.
    pub span: Span,
}

/// What a condition asks.
#[derive(Clone, Debug)]
pub enum CondKind {
    /// Known while compiling.
    Constant(Ternary),
    /// The least answer; yes when empty.
    All(Vec<Cond>),
    /// The greatest answer; no when empty.
    Any(Vec<Cond>),
    /// The mirror image; unknown stays.
    Not(Box<Cond>),
    /// Yes when the inner answer is not yes: `unless`.
    Unless(Box<Cond>),
    /// A value as a condition: yes and no for bools, unknown for missing, no for other kinds.
    Truth(Expr),
    /// Two values compared. Missing on either side is unknown.
    Compare {
        /// How.
        op: Comparison,
        /// Left side.
        left: Expr,
        /// Right side.
        right: Expr,
        /// Both sides folded by Unicode simple case folding.
        fold: bool,
    },
    /// Yes or no, never unknown.
    Present(Expr),
    /// Yes only for an explicit JSON null, no otherwise.
    Null(Expr),
    /// A text, list or record with nothing in it.
    Empty {
        /// What is looked at.
        subject: Expr,
        /// The answer when it is missing: yes for lists and unchecked values, unknown for text.
        missing: Ternary,
    },
    /// Membership.
    In {
        /// What is looked for.
        subject: Expr,
        /// Where.
        set: Set,
        /// Texts folded.
        fold: bool,
    },
    /// Text within text, or an element of a list.
    Contains {
        /// What is searched.
        subject: Expr,
        /// What for.
        needles: Needles,
        /// What the subject was declared as.
        container: Container,
        /// Both sides folded.
        fold: bool,
    },
    /// `starts with`, `ends with`.
    Affix {
        /// Which end.
        end: End,
        /// What is looked at.
        subject: Expr,
        /// What for.
        needles: Needles,
        /// Both sides folded.
        fold: bool,
    },
    /// `matches "hotfix/*"`: the whole text against a glob.
    Glob {
        /// What is looked at.
        subject: Expr,
        /// With more than one glob: how many must fit.
        how: ConnectiveKind,
        /// At least one. They carry their own case folding.
        globs: Vec<Glob>,
    },
    /// `matches regex "…"`: searched, not anchored.
    Regex {
        /// What is searched.
        subject: Expr,
        /// The pattern.
        regex: Regex,
    },
    /// `any x in xs satisfies (…)`. A missing list counts as empty, and an unchecked value that is
    /// no list as a list of that one value.
    Quantifier {
        /// Which.
        kind: QuantifierKind,
        /// Where the element is kept.
        local: LocalId,
        /// The list.
        list: Expr,
        /// The condition on each element.
        condition: Box<Cond>,
    },
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Deep, numbers by value; values of different kinds are not equal.
    Equal,
    /// The mirror image of equal.
    NotEqual,
    /// Order: numbers, instants, days, lengths of time; between kinds unknown.
    Less,
    /// See [`Less`](Self::Less).
    LessEqual,
    /// See [`Less`](Self::Less).
    Greater,
    /// See [`Less`](Self::Less).
    GreaterEqual,
}

/// Where membership is looked up.
#[derive(Clone, Debug)]
pub enum Set {
    /// A list known while compiling. Texts in it that are networks act as such when it says so.
    Constant(Arc<ConstantSet>),
    /// A list from the event. A missing one is unknown; for a declared list the checker wraps it in
    /// `else []`, which makes it no.
    Computed(Expr),
    /// A list outside the file.
    Outside(ListId),
    /// Weekly hours; the subject is an instant.
    Schedule(ScheduleId),
}

/// What is looked for in a text or list.
#[derive(Clone, Debug)]
pub enum Needles {
    /// One value, perhaps computed. Missing makes the answer unknown.
    One(Expr),
    /// Several texts known while compiling.
    Several {
        /// How many must be found.
        how: ConnectiveKind,
        /// The texts.
        set: Arc<NeedleSet>,
    },
}

/// What the left side of `contains` was declared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// A text; missing is unknown.
    Text,
    /// A list; missing counts as empty, so the answer is no.
    List,
    /// Seen while running; missing counts as text.
    Unchecked,
}

/// Which end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The beginning.
    Start,
    /// The end.
    Finish,
}
