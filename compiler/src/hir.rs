//! The checked tree: names resolved, types proven, predicates inlined, consts and environment folded.
//!
//! It cannot express a mistake: a read holds a resolved path, a delivery holds the action it was
//! checked against. Broken parts of a bundle never get here, because a bundle with errors is not planned.

mod cond;
mod expr;
mod settings;
mod test;

use std::collections::HashSet;
use std::sync::Arc;

use grammar::{Source, Span};

pub use cond::*;
pub use expr::*;
pub use settings::*;
pub use test::*;

use crate::types::Type;

/// A checked bundle.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The rule files, for traces.
    pub sources: Vec<Source>,
    /// The distinct payload paths that any rule reads; a [`PathId`] is a position here.
    pub paths: Vec<Path>,
    /// So many of them, the first ones, are read by conditions; the others only by what is sent.
    pub condition_paths: usize,
    /// The connections that rules deliver to.
    pub connections: Vec<Connection>,
    /// The schedules.
    pub schedules: Vec<Arc<Schedule>>,
    /// The lists outside the file.
    pub lists: Vec<OutsideList>,
    /// In written order, those of groups included.
    pub rules: Vec<Rule>,
    /// In written order.
    pub groups: Vec<Group>,
    /// The tests; [`run_tests`](crate::simulate::run_tests) runs them.
    pub tests: Vec<Test>,
    /// How many reads are only checked while running.
    pub unchecked: usize,
}

/// A position in [`Program::paths`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(pub u32);

/// A position in [`Program::rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// A position in [`Program::groups`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// A position in [`Program::connections`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// A position in [`Program::schedules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScheduleId(pub u32);

/// A position in [`Program::lists`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId(pub u32);

/// Field names from the payload's root, outermost first. Empty is the payload itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(pub Arc<[Box<str>]>);

/// A connection that rules deliver to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its name in rules.
    pub name: Arc<str>,
    /// Its integration.
    pub integration: Arc<str>,
    /// Where it is declared.
    pub span: Span,
}

/// A membership list outside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideList {
    /// Its name.
    pub name: Arc<str>,
    /// Its entries when the bundle holds them; otherwise the workspace does.
    pub entries: Option<Arc<HashSet<Box<str>>>>,
    /// What tests take for the entries of a list that the workspace keeps: the file `lists/NAME.csv` of the
    /// bundle.
    pub stand_in: Option<Arc<HashSet<Box<str>>>>,
    /// Whether a condition asks it ignoring case.
    pub folded: bool,
}

/// A checked rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name, unique among the rules and groups of a bundle; its identity in history.
    pub name: Arc<str>,
    /// Its `##` lines joined by line breaks; empty without any.
    pub description: Arc<str>,
    /// Where its name is written.
    pub span: Span,
    /// The events it selects.
    pub selects: Selection,
    /// The group it belongs to.
    pub group: Option<GroupId>,
    /// `let` values; a [`LetId`] is a position here. Each may read those before it.
    pub lets: Vec<Expr>,
    /// How many locals its quantifiers and loops need at most.
    pub locals: u16,
    /// `when`, and not `unless`.
    pub condition: Cond,
    /// What it does.
    pub body: Vec<Statement>,
}

/// Which events a rule is tried against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The patterns after `on`; any of them. Rules that write the same ones share them.
    pub patterns: Arc<[EventPattern]>,
    /// `resource "…"`; an event without one never matches.
    pub resource: Option<Glob>,
    /// `resource_id "…"`; an event without one never matches.
    pub resource_id: Option<Glob>,
}

/// A pattern of event types.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventPattern {
    /// As written.
    pub text: Arc<str>,
    /// Its segments.
    pub segments: Vec<Segment>,
}

/// One segment of an event pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// This word.
    Word(Box<str>),
    /// `*`: any one segment.
    One,
    /// `**`: one or more segments; only last.
    Rest,
}

/// A checked group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name; the identity of what its `otherwise` sends.
    pub name: Arc<str>,
    /// Where its name is written.
    pub span: Span,
    /// In written order.
    pub rules: Vec<RuleId>,
    /// Taken when none of its rules was true and one of them selects the event.
    pub otherwise: Option<Otherwise>,
}

/// The `otherwise` of a group.
#[derive(Clone, Debug)]
pub struct Otherwise {
    /// How many locals it needs.
    pub locals: u16,
    /// What it does.
    pub body: Vec<Statement>,
}

/// What a true rule does.
#[derive(Clone, Debug)]
pub enum Statement {
    /// One delivery.
    Deliver(Box<Deliver>),
    /// The first arm whose condition is yes.
    Choose {
        /// In written order.
        arms: Vec<(Cond, Vec<Statement>)>,
        /// Taken when none was yes.
        otherwise: Vec<Statement>,
    },
    /// Once per element.
    ForEach {
        /// Where the element is kept.
        local: LocalId,
        /// The list; missing counts as empty. Boxed as the filter is: most statements are deliveries.
        list: Box<Expr>,
        /// Which elements.
        filter: Option<Box<Cond>>,
        /// At most so many elements that pass; `None` is the workspace's cap.
        limit: Option<u64>,
        /// What is done.
        body: Vec<Statement>,
    },
    /// Matched, and nothing sent on purpose.
    Ignore {
        /// Why.
        reason: Option<Arc<str>>,
    },
}

/// A checked delivery.
#[derive(Clone, Debug)]
pub struct Deliver {
    /// Where it goes.
    pub connection: ConnectionId,
    /// The action.
    pub action: Arc<str>,
    /// What tells it from other deliveries of its rule to the same action.
    pub key: DeliveryKey,
    /// Its own guard.
    pub condition: Option<Cond>,
    /// Its input.
    pub input: Input,
    /// Its settings, inherited ones included.
    pub settings: Arc<Settings>,
    /// Where `connection.action` is written.
    pub span: Span,
}

/// What tells a delivery from others of its rule to the same action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryKey {
    /// `as late_notice`.
    Label(Arc<str>),
    /// Its place among equals, from 0.
    Position(u32),
}

/// The input of an action.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// In written order; spreads of records are expanded by the checker where their fields are known,
    /// and kept otherwise.
    pub entries: Vec<InputEntry>,
    /// The field that takes the payload as it came, byte for byte: a webhook's `body`, when neither an
    /// entry nor a spread is written for it. One that is written is required, so that nothing else is
    /// sent in its place.
    pub payload: Option<Arc<str>>,
}

/// An entry of an action's input.
#[derive(Clone, Debug)]
pub enum InputEntry {
    /// One field.
    Field(InputField),
    /// Every field of a record, known only while running.
    Spread(Expr),
}

/// One field of an action's input.
#[derive(Clone, Debug)]
pub struct InputField {
    /// Its name.
    pub key: Arc<str>,
    /// Its value.
    pub value: Expr,
    /// Whether the action cannot do without it.
    pub required: bool,
    /// Whether an explicit null is passed on; otherwise it is left out.
    pub passes_null: bool,
    /// What a value must be, where that could not be proven while compiling.
    pub checked_as: Option<Type>,
    /// The most characters of a text.
    pub chars_max: Option<usize>,
    /// Where its name is written.
    pub span: Span,
}
