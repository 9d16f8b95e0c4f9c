//! The brackets around a place, and the names that were given inside of them.

use std::ops::Range;

use super::{Before, Chain};
use crate::tokens::Kind;

/// An open bracket and what is inside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// No bracket.
    Top,
    /// A rule.
    Rule,
    /// A group.
    Group,
    /// Statements.
    Block,
    /// The arms of a `choose` statement.
    ChooseStatement,
    /// The arms of a `choose` value.
    ChooseValue,
    /// A test.
    Test,
    /// `environments { … }`
    Environments,
    /// The fields of a schema.
    Fields,
    /// An action's input: connection and action.
    Input(Box<str>, Box<str>),
    /// Settings; the keys that lead there.
    Settings(Chain),
    /// What a test expects of a delivery: connection and action.
    Expect(Box<str>, Box<str>),
    /// A test's payload: the event's type.
    Payload(Box<str>),
    /// Any other record.
    Record,
    /// `[ … ]`; the token before the bracket.
    List(usize),
    /// `( … )`; the token before the bracket.
    Paren(usize),
    /// A hole in a text.
    Hole,
}

impl Frame {
    /// Whether it holds `key: value`.
    pub(crate) fn is_record(&self) -> bool {
        matches!(
            self,
            Self::Input(..) | Self::Settings(_) | Self::Expect(..) | Self::Payload(_) | Self::Record
        )
    }

    /// Whether it holds clauses or statements.
    pub(crate) fn is_body(&self) -> bool {
        matches!(self, Self::Rule | Self::Group | Self::Block | Self::ChooseStatement | Self::Test)
    }
}

/// Where a local name comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The payload of the events that these patterns select.
    Payload(Vec<Box<str>>),
    /// An element of the list at a path; `None` for a list that is computed.
    Element(Option<Chain>),
    /// `let`; the path, when it is one.
    Let(Option<Chain>),
    /// A parameter with the name of its type.
    Parameter(Box<str>),
}

/// A name that means something in a part of a declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    /// The name.
    pub(crate) name: Box<str>,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Where it is given; the place of `on` for a payload without a name.
    pub(crate) bytes: Range<usize>,
    /// How many frames were open.
    depth: usize,
    /// Given by `for each`: it ends with the block that follows.
    of_loop: bool,
}

/// Words that begin a clause.
const CLAUSES: &[&str] = &[
    "choose",
    "deliver",
    "expect",
    "for",
    "given",
    "ignore",
    "let",
    "on",
    "only",
    "otherwise",
    "resource",
    "resource_id",
    "rule",
    "unless",
    "when",
    "with",
    "in",
    "at",
    "after",
];

/// An open frame with what was read in it.
struct Open {
    frame: Frame,
    clause: &'static str,
    /// The delivery whose input has not come yet.
    deliver: Option<(Box<str>, Box<str>)>,
    /// The event of a `given` whose payload has not come yet.
    given: Box<str>,
}

pub(super) struct Reader<'b, 'f> {
    before: &'b Before<'f>,
    open: Vec<Open>,
    locals: Vec<Local>,
    /// Patterns of the rule that is being read.
    patterns: Vec<Box<str>>,
    /// Patterns of all rules of the group.
    group_patterns: Vec<Box<str>>,
    /// The place of `on` of a rule that gave its payload no name yet.
    unnamed: Option<Range<usize>>,
}

/// The open frames, outermost first, and the names that mean something.
pub(super) fn read(before: &Before<'_>) -> (Vec<Frame>, Vec<Local>) {
    let mut reader = Reader {
        before,
        open: Vec::new(),
        locals: Vec::new(),
        patterns: Vec::new(),
        group_patterns: Vec::new(),
        unnamed: None,
    };
    reader.push(Frame::Top);
    for at in 0..before.tokens.len() {
        reader.token(at);
    }
    if let Some(bytes) = reader.unnamed.take() {
        let origin = Origin::Payload(reader.patterns.clone());
        reader.local_named("payload", origin, bytes, 0);
    }
    (reader.open.into_iter().map(|open| open.frame).collect(), reader.locals)
}

impl Reader<'_, '_> {
    fn push(&mut self, frame: Frame) {
        self.open.push(Open { frame, clause: "", deliver: None, given: Box::default() });
    }

    fn pop(&mut self) {
        if self.open.len() > 1 {
            self.open.pop();
        }
        let depth = self.open.len();
        let loop_ended = self.open.last().is_some_and(|open| open.clause == "for");
        self.locals
            .retain(|local| local.depth <= depth && !(loop_ended && local.of_loop && local.depth == depth));
        if self.open.last().is_some_and(|open| open.frame == Frame::Group) {
            self.unnamed = None;
        }
    }

    fn token(&mut self, at: usize) {
        match (self.before.kind(at), self.before.get(at)) {
            (Some(Kind::HoleStart), _) => self.push(Frame::Hole),
            (Some(Kind::HoleEnd), _) => {
                while self.open.len() > 1 && self.open.last().is_some_and(|open| open.frame != Frame::Hole) {
                    self.pop();
                }
                self.pop();
            }
            (Some(Kind::Sign), "{") => {
                let frame = self.brace(at);
                self.push(frame);
            }
            (Some(Kind::Sign), "[") => self.push(Frame::List(at.saturating_sub(1))),
            (Some(Kind::Sign), "(") => self.push(Frame::Paren(at.saturating_sub(1))),
            (Some(Kind::Sign), "}" | "]" | ")") => self.pop(),
            (Some(Kind::Word), word) => self.word(at, word),
            _ => {}
        }
    }

    /// What a `{` opens.
    fn brace(&mut self, at: usize) -> Frame {
        let previous = at.checked_sub(1);
        let after_choose =
            previous.is_some_and(|at| self.before.get(at) == "choose" && self.before.is_word(at));
        let after_value = previous.is_some_and(|at| self.before.ends_value(at));
        let key = at.checked_sub(2).filter(|_| previous.is_some_and(|at| self.before.get(at) == ":"));
        let key: Option<Box<str>> = key.map(|at| self.before.get(at).into());
        let before_choose_ends = at
            .checked_sub(2)
            .is_none_or(|at| self.before.ends_value(at) || matches!(self.before.get(at), "{" | "ignore"));
        let word = self.before.word;
        let Some(top) = self.open.last_mut() else { return Frame::Record };
        match &top.frame {
            Frame::Top => of_item(word, after_choose),
            Frame::Fields => Frame::Fields,
            Frame::Group if top.clause == "otherwise" => Frame::Block,
            Frame::Group => Frame::Rule,
            Frame::Test if top.clause == "given" => Frame::Payload(std::mem::take(&mut top.given)),
            Frame::Test => top.deliver.take().map_or(Frame::Record, |(c, a)| Frame::Expect(c, a)),
            Frame::Settings(path) if !after_choose => {
                let mut path = path.clone();
                path.extend(key);
                Frame::Settings(path)
            }
            Frame::ChooseStatement if !after_choose && after_value => Frame::Block,
            Frame::ChooseStatement if top.clause == "otherwise" => Frame::Block,
            Frame::Rule | Frame::Block if after_choose && before_choose_ends => Frame::ChooseStatement,
            Frame::Rule | Frame::Block if !after_choose && top.clause == "with" => {
                Frame::Settings(Chain::new())
            }
            Frame::Rule | Frame::Block if !after_choose && after_value => match top.clause {
                "for" | "otherwise" => Frame::Block,
                _ => top.deliver.take().map_or(Frame::Record, |(c, a)| Frame::Input(c, a)),
            },
            Frame::Rule | Frame::Block if top.clause == "otherwise" => Frame::Block,
            _ if after_choose => Frame::ChooseValue,
            _ => Frame::Record,
        }
    }

    fn word(&mut self, at: usize, word: &str) {
        let previous = at.checked_sub(1).map_or("", |at| self.before.get(at));
        if previous == "."
            || self.before.get(at + 1) == ":" && self.open.last().is_some_and(|o| o.frame.is_record())
        {
            return;
        }
        match word {
            "each" | "any" | "every" | "no"
                if self.before.get(at + 2) == "in" && self.before.is_word(at + 1) =>
            {
                let list = chain(self.before, at + 3);
                self.local(at + 1, Origin::Element(list), word == "each" && previous == "for");
            }
            "let" if self.before.get(at + 2) == "=" => {
                let value = chain(self.before, at + 3);
                self.local(at + 1, Origin::Let(value), false);
            }
            "as" => self.alias(at),
            _ => {}
        }
        let parameter = previous == "(" && self.before.get(at + 1) == ":" && self.open.len() == 2;
        if parameter && matches!(self.before.word, "predicate" | "policy") {
            let ty = self.before.get(at + 2).into();
            self.local(at, Origin::Parameter(ty), false);
            // The parameter belongs to what follows the bracket.
            if let Some(local) = self.locals.last_mut() {
                local.depth = 0;
            }
        }
        let is_body = self.open.last().is_some_and(|open| open.frame.is_body());
        let is_comparison = word == "with" && matches!(previous, "starts" | "ends");
        if is_body && !is_comparison {
            self.clause(at, word);
        }
    }

    /// The name after `as` of a payload; a label of a delivery is no name.
    fn alias(&mut self, at: usize) {
        let clause = self.open.last().map_or("", |open| open.clause);
        let in_group = self.open.last().is_some_and(|open| open.frame == Frame::Group);
        let patterns = match clause {
            "on" => self.patterns.clone(),
            "otherwise" if in_group => self.group_patterns.clone(),
            _ => return,
        };
        if self.before.is_word(at + 1) {
            self.unnamed = None;
            self.local(at + 1, Origin::Payload(patterns), false);
        }
    }

    fn clause(&mut self, at: usize, word: &str) {
        let Some(clause) = CLAUSES.iter().find(|clause| **clause == word) else { return };
        let in_test = self.open.last().is_some_and(|open| open.frame == Frame::Test);
        if matches!(*clause, "in" | "at" | "after") && !in_test {
            return;
        }
        if *clause == "on" {
            self.patterns = patterns(self.before, at + 1);
            self.group_patterns.extend(self.patterns.iter().cloned());
            self.unnamed = self.before.tokens.get(at).map(|token| token.start..token.end);
        }
        let expected = at
            + 1
            + usize::from(matches!(self.before.kind(at + 1), Some(Kind::Number)))
            + usize::from(self.before.get(at + 1) == "no");
        let delivery = |at: usize| (self.before.get(at).into(), self.before.get(at + 2).into());
        let deliver = match *clause {
            "deliver" => Some(delivery(at + 1)),
            "expect" => Some(delivery(expected)),
            _ => None,
        };
        let given = patterns(self.before, at + 1).into_iter().next().unwrap_or_default();
        let Some(top) = self.open.last_mut() else { return };
        top.clause = clause;
        match *clause {
            "deliver" | "expect" => top.deliver = deliver,
            "given" => top.given = given,
            "when" | "unless" => {}
            _ => top.deliver = None,
        }
    }

    fn local(&mut self, at: usize, origin: Origin, of_loop: bool) {
        let Some(token) = self.before.tokens.get(at).filter(|token| token.kind == Kind::Word) else { return };
        let name = token.text(self.before.text);
        self.local_named(name, origin, token.start..token.end, self.open.len());
        if let Some(local) = self.locals.last_mut() {
            local.of_loop = of_loop;
        }
    }

    fn local_named(&mut self, name: &str, origin: Origin, bytes: Range<usize>, depth: usize) {
        self.locals.push(Local { name: name.into(), origin, bytes, depth, of_loop: false });
    }
}

fn of_item(word: &str, after_choose: bool) -> Frame {
    match word {
        "rule" => Frame::Rule,
        "group" => Frame::Group,
        "schema" | "import" => Frame::Fields,
        "policy" => Frame::Settings(Chain::new()),
        "test" => Frame::Test,
        "environments" => Frame::Environments,
        _ if after_choose => Frame::ChooseValue,
        _ => Frame::Record,
    }
}

/// The patterns of events that begin at a token.
pub(super) fn patterns(before: &Before<'_>, from: usize) -> Vec<Box<str>> {
    let mut found: Vec<Box<str>> = Vec::new();
    let mut pattern = String::new();
    let mut at = from;
    while let Some(kind) = before.kind(at) {
        let text = before.get(at);
        let touches =
            at > from && before.tokens.get(at).map(|t| t.start) == before.tokens.get(at - 1).map(|t| t.end);
        let belongs = matches!(kind, Kind::Word | Kind::Number) || matches!(text, "." | "*" | "-");
        match (belongs, text) {
            (_, ",") => found.push(std::mem::take(&mut pattern).into()),
            (true, _) if pattern.is_empty() || touches => pattern.push_str(text),
            _ => break,
        }
        at += 1;
    }
    found.push(pattern.into());
    found.retain(|one| !one.is_empty());
    found
}

/// The path that begins at a token, when the value is nothing else.
pub(super) fn chain(before: &Before<'_>, from: usize) -> Option<Chain> {
    if !before.is_word(from) {
        return None;
    }
    let mut chain: Chain = vec![before.get(from).into()];
    let mut at = from + 1;
    loop {
        match (before.get(at), before.kind(at + 1)) {
            (".", Some(Kind::Word)) => {
                chain.push(before.get(at + 1).into());
                at += 2;
            }
            (".", Some(Kind::TextStart)) if before.kind(at + 2) == Some(Kind::Chars) => {
                chain.push(before.get(at + 2).into());
                at += 4;
            }
            ("[", Some(Kind::Number)) => {
                chain.push("[]".into());
                at += 3;
            }
            _ => break,
        }
    }
    let goes_on =
        matches!(before.get(at), "|" | "+" | "-" | "*" | "/" | "[") && before.kind(at) == Some(Kind::Sign);
    (!goes_on).then_some(chain)
}
