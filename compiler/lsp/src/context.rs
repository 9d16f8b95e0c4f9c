//! What stands or may stand at a place of a rule file, read from the tokens before it.
//!
//! Tokens, not the tree, because the text around a cursor hardly ever parses. The same answer
//! serves completion (what may stand here?), hover, *go to definition* and renaming (what is this?).

mod frames;
mod site;

use std::ops::Range;

use crate::file::File;
use crate::items::ItemSpan;
use crate::tokens::{Kind, Token};

pub(crate) use frames::{Frame, Local, Origin};

/// A path as written: a name, then its steps. `[0]` is the step `[]`.
pub(crate) type Chain = Vec<Box<str>>;

/// What may stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// Nothing that is known: inside a text, a new name.
    Nothing,
    /// A declaration.
    Item,
    /// A declared name of its own: `rule HERE`.
    Name,
    /// A clause or statement inside a rule, a block, a group or a test; after a complete value also
    /// an operator.
    Statement {
        /// Whether a value ended just before, so that it could go on.
        after_value: bool,
    },
    /// An operator.
    Operator,
    /// A value.
    Value,
    /// A value that is compared with a path; after `is` also a test or a predicate.
    Compared {
        /// The left side, when it is a plain path.
        left: Option<Chain>,
        /// After `is` or `is not`.
        after_is: bool,
        /// Inside of quotation marks.
        quoted: bool,
    },
    /// A value of a setting or an input field.
    Keyed {
        /// Inside of quotation marks.
        quoted: bool,
    },
    /// A key of the innermost record.
    Key,
    /// A step of a path.
    Step(Chain),
    /// A transform.
    Transform,
    /// A connection; in a test also what else may be expected.
    Connection {
        /// Right after `expect`.
        after_expect: bool,
    },
    /// An action of a connection.
    Action(Box<str>),
    /// A type of event.
    EventType,
    /// An environment.
    Environment,
    /// A policy.
    Policy,
    /// What a policy speaks of: a payload's name.
    Argument,
    /// An integration.
    Integration,
    /// A schema.
    Schema,
    /// A type.
    Type,
    /// What may follow a type.
    Marker,
    /// A rule's name.
    Rule,
    /// A file of the bundle with one of these endings.
    Path(&'static str),
}

/// A place and what is known there.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// What may stand here.
    pub(crate) site: Site,
    /// The word that is being written, or the whole pattern of events.
    pub(crate) prefix: Range<usize>,
    /// What surrounds the place, innermost last.
    pub(crate) frames: Vec<Frame>,
    /// The key before `:`, when a value of a record stands here.
    pub(crate) key: Option<Box<str>>,
    /// Names of the innermost record's keys so far.
    pub(crate) keys: Vec<Box<str>>,
    /// Names that mean something here, innermost last.
    pub(crate) locals: Vec<Local>,
}

/// The tokens of one declaration up to a place.
pub(super) struct Before<'f> {
    text: &'f str,
    tokens: &'f [Token],
    /// The declaration's first word; empty outside of one.
    word: &'static str,
}

impl<'f> Before<'f> {
    fn get(&self, at: usize) -> &'f str {
        self.tokens.get(at).map(|token| token.text(self.text)).unwrap_or_default()
    }

    /// The text of the token that many places before the end, from 1.
    fn back(&self, places: usize) -> &'f str {
        self.tokens.len().checked_sub(places).map_or("", |at| self.get(at))
    }

    fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn is_word(&self, at: usize) -> bool {
        self.kind(at) == Some(Kind::Word)
    }

    /// Whether a value may end with the token.
    fn ends_value(&self, at: usize) -> bool {
        match self.kind(at) {
            Some(Kind::Word) => {
                let after_dot = at > 0 && self.get(at - 1) == ".";
                after_dot || !NOT_VALUES.contains(&self.get(at))
            }
            Some(Kind::Number | Kind::TextEnd) => true,
            Some(Kind::Sign) => matches!(self.get(at), ")" | "]" | "}"),
            _ => false,
        }
    }
}

/// Words after which a value has not ended.
const NOT_VALUES: &[&str] = &[
    "all",
    "and",
    "any",
    "as",
    "at",
    "choose",
    "connection",
    "const",
    "contains",
    "deliver",
    "each",
    "else",
    "ends",
    "every",
    "expect",
    "for",
    "from",
    "given",
    "group",
    "if",
    "import",
    "in",
    "is",
    "let",
    "limit",
    "list",
    "matches",
    "no",
    "none",
    "not",
    "of",
    "on",
    "only",
    "or",
    "otherwise",
    "policy",
    "predicate",
    "regex",
    "resource",
    "resource_id",
    "rule",
    "satisfies",
    "schedule",
    "schema",
    "starts",
    "test",
    "unless",
    "when",
    "where",
    "with",
];

impl Context {
    /// The place of a cursor.
    pub(crate) fn at(file: &File, offset: usize) -> Self {
        let index = file.tokens.partition_point(|token| token.start < offset);
        let typed = index.checked_sub(1).and_then(|at| file.tokens.get(at).map(|token| (at, token)));
        match typed {
            Some((at, token)) if token.kind == Kind::Word && offset <= token.end => {
                Self::before(file, at, token.start..token.end)
            }
            _ => Self::before(file, index, offset..offset),
        }
    }

    /// The place of a token.
    pub(crate) fn of_token(file: &File, at: usize) -> Self {
        let bytes = file.tokens.get(at).map(|token| token.start..token.end).unwrap_or_default();
        Self::before(file, at, bytes)
    }

    fn before(file: &File, index: usize, prefix: Range<usize>) -> Self {
        let item = enclosing(file, index, prefix.start);
        let from = item.map_or(index, |item| item.tokens.start.min(index));
        let before = Before {
            text: file.str(),
            tokens: file.tokens.get(from..index).unwrap_or_default(),
            word: item.map_or("", |item| item.word),
        };
        let (frames, locals) = frames::read(&before);
        let after = file.tokens.get(index..).unwrap_or_default();
        let next = after.iter().find(|token| token.start >= prefix.end && token.end > prefix.start);
        let next = next.filter(|token| token.start != prefix.start || prefix.is_empty());
        let follows = next.map(|token| token.text(file.str())).unwrap_or_default();
        site::decide(&before, frames, locals, prefix, follows)
    }

    /// The innermost frame.
    pub(crate) fn frame(&self) -> &Frame {
        self.frames.last().unwrap_or(&Frame::Top)
    }
}

/// The declaration that a place belongs to. A place after a complete declaration, on a line of its
/// own, belongs to none.
fn enclosing(file: &File, index: usize, offset: usize) -> Option<&ItemSpan> {
    let item = file.items.iter().rev().find(|item| item.tokens.start < index)?;
    if index < item.tokens.end {
        return Some(item);
    }
    let gap = file.str().get(item.bytes.end..offset).unwrap_or_default();
    let new_line = gap.contains('\n');
    let closed = file.token(item.tokens.end.saturating_sub(1)) == "}" && is_balanced(file, item);
    let takes_more = !closed && (item.is_leaf() || !new_line || !is_balanced(file, item));
    takes_more.then_some(item)
}

fn is_balanced(file: &File, item: &ItemSpan) -> bool {
    let tokens = file.tokens.get(item.tokens.clone()).unwrap_or_default();
    let count = |open: &str, close: &str| {
        let opened = tokens.iter().filter(|token| token.is(file.str(), open)).count();
        opened == tokens.iter().filter(|token| token.is(file.str(), close)).count()
    };
    count("{", "}") && count("[", "]") && count("(", ")")
}
