//! Operators of other languages: one message for all of them on a line, with one fix.

use std::collections::BTreeMap;

use super::{
    errors,
    scan::{Kind, Scan, Token},
};
use crate::{Diagnostic, Source, ast::CompareOp, diagnostic::Code, span::Span};

/// An operator from elsewhere, by what it is written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    Is,
    IsNot,
    And,
    Or,
    Not,
    Else,
    Dot,
    LessEqual,
    GreaterEqual,
    IsIn,
    IsNotIn,
    /// `does not contain` and its kin, with the comparison meant.
    Does(CompareOp),
}

impl Foreign {
    fn of_symbol(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "===" | "==" | "=" => Self::Is,
            "!==" | "!=" | "<>" | "≠" => Self::IsNot,
            "&&" => Self::And,
            "||" => Self::Or,
            "!" => Self::Not,
            "??" => Self::Else,
            "?." => Self::Dot,
            "≤" => Self::LessEqual,
            "≥" => Self::GreaterEqual,
            _ => return None,
        })
    }

    /// What the operator is for.
    fn meaning(self) -> &'static str {
        match self {
            Self::Is => "equality",
            Self::IsNot => "inequality",
            Self::And => "a condition that also must hold",
            Self::Or => "an alternative",
            Self::Not => "the opposite",
            Self::Else => "what stands in for a missing value",
            Self::Dot => "a path through something that may be missing",
            Self::LessEqual | Self::GreaterEqual => "the comparison",
            Self::IsIn | Self::IsNotIn => "membership",
            Self::Does(_) => "the comparison",
        }
    }

    /// How it is written here.
    pub(super) fn written(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsNot => "is not",
            Self::And => "and",
            Self::Or => "or",
            Self::Not => "not",
            Self::Else => "else",
            Self::Dot => ".",
            Self::LessEqual => "<=",
            Self::GreaterEqual => ">=",
            Self::IsIn => "in",
            Self::IsNotIn => "not in",
            Self::Does(op) => match op {
                CompareOp::NotContains => "not contains",
                CompareOp::StartsWith => "starts with",
                CompareOp::NotStartsWith => "not starts with",
                CompareOp::EndsWith => "ends with",
                CompareOp::NotEndsWith => "not ends with",
                CompareOp::Matches => "matches",
                CompareOp::NotMatches => "not matches",
                _ => "contains",
            },
        }
    }

    /// A fact worth telling once.
    fn note(self) -> Option<&'static str> {
        match self {
            Self::Dot => Some("a path through something missing is missing by itself"),
            _ => None,
        }
    }
}

/// Every operator from elsewhere in a file, by place.
#[derive(Debug, Default)]
pub(super) struct Habits {
    all: BTreeMap<u32, (Span, Foreign)>,
}

impl Habits {
    /// Notes one; the scan and the lowering may both find it.
    pub(super) fn note(&mut self, span: Span, foreign: Foreign) {
        self.all.insert(span.start, (span, foreign));
    }

    /// Finds the ones that are symbols. Lowering adds those made of words.
    pub(super) fn scan(&mut self, source: &Source, scan: &Scan) -> Vec<Diagnostic> {
        let mut fields = Vec::new();
        for (at, token) in scan.tokens.iter().enumerate() {
            if token.kind != Kind::Symbol {
                continue;
            }
            let text = source.text.get(token.start..token.end).unwrap_or_default();
            let span = Span::new(source.id, token.start, token.end);
            match (text, Foreign::of_symbol(text)) {
                ("=", _) => match equals(source, scan, at) {
                    Equals::Comparison => self.note(span, Foreign::Is),
                    Equals::Field(key) => {
                        let key = Span::new(source.id, key.start, key.end);
                        fields.push(errors::field_with_equals(key, span));
                    }
                    Equals::Definition => {}
                },
                (_, Some(foreign)) => self.note(span, foreign),
                _ => {}
            }
        }
        fields
    }

    /// One message for each line.
    pub(super) fn report(self, source: &Source) -> Vec<Diagnostic> {
        let mut lines: BTreeMap<u32, Vec<(Span, Foreign)>> = BTreeMap::new();
        for (at, habit) in self.all {
            lines.entry(source.line_of(at)).or_default().push(habit);
        }
        lines.into_iter().filter_map(|(line, habits)| on_line(source, line, &habits)).collect()
    }
}

/// Markers below one line; the fix mends all of them.
const SHOWN_ON_A_LINE_MAX: usize = 8;

fn on_line(source: &Source, line: u32, habits: &[(Span, Foreign)]) -> Option<Diagnostic> {
    let &(first, foreign) = habits.first()?;
    let title = format!("{} is written `{}` here", foreign.meaning(), foreign.written());
    let mut report = Diagnostic::error(Code::E0102, title).at(first, "");
    for &(span, other) in habits.iter().take(SHOWN_ON_A_LINE_MAX).skip(1) {
        report = report.at(span, format!("and this is written `{}`", other.written()));
    }
    let mut told = Vec::new();
    for note in habits.iter().filter_map(|(_, foreign)| foreign.note()) {
        if !told.contains(&note) {
            told.push(note);
            report = report.note(note);
        }
    }
    let edits: Vec<(Span, String)> =
        habits.iter().map(|&(span, foreign)| edit(source, span, foreign)).collect();
    let mended = mended_line(source, line, &edits);
    Some(report.fix(errors::shown(mended, "write these operators as words"), edits))
}

/// Replaces the operator, with spaces around a word.
fn edit(source: &Source, span: Span, foreign: Foreign) -> (Span, String) {
    let written = foreign.written();
    if foreign == Foreign::Dot {
        return (span, written.to_owned());
    }
    let range = span.range();
    let before = source.text.get(..range.start).and_then(|text| text.chars().next_back());
    let after = source.text.get(range.end..).and_then(|text| text.chars().next());
    let tight = |letter: Option<char>| letter.is_some_and(|letter| !letter.is_whitespace());
    let open = before.is_some_and(|letter| matches!(letter, '(' | '[' | '{'));
    let left = if tight(before) && !open { " " } else { "" };
    let right = if tight(after) { " " } else { "" };
    (span, format!("{left}{written}{right}"))
}

/// The line as it should be, without its indentation.
fn mended_line(source: &Source, line: u32, edits: &[(Span, String)]) -> String {
    let Some(&(first, _)) = edits.first() else { return String::new() };
    let column =
        source.text.get(..first.range().start).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
    let text = source.line(line);
    let mut mended = String::new();
    let mut from = 0;
    for (span, replacement) in edits {
        let range = span.range();
        let (start, end) = (range.start.saturating_sub(column), range.end.saturating_sub(column));
        mended.push_str(text.get(from..start).unwrap_or_default());
        mended.push_str(replacement);
        from = end;
    }
    mended.push_str(text.get(from..).unwrap_or_default());
    mended.trim().to_owned()
}

/// What a single `=` is.
enum Equals<'t> {
    /// `const name = …`
    Definition,
    /// `key = value`, which is written with a colon.
    Field(&'t Token),
    Comparison,
}

/// Tokens that are looked at to find the bracket an `=` stands in.
const LOOK_BACK_MAX: usize = 400;

fn equals<'t>(source: &Source, scan: &'t Scan, at: usize) -> Equals<'t> {
    let token = |back: usize| at.checked_sub(back).and_then(|index| scan.tokens.get(index));
    let word = |back: usize| {
        token(back).and_then(|token| source.text.get(token.start..token.end)).unwrap_or_default()
    };
    let Some(key) = token(1) else { return Equals::Comparison };
    if matches!(word(1), "const" | "let" | "schedule" | "predicate" | "policy") {
        return Equals::Definition;
    }
    match word(2) {
        "const" | "let" | "schedule" | "predicate" | "policy" | "list" => return Equals::Definition,
        "connection" => return Equals::Field(key),
        _ => {}
    }
    if word(1) == ")" && opening_line_begins_with(source, key, "predicate") {
        return Equals::Definition;
    }
    let name = matches!(key.kind, Kind::Word | Kind::Text | Kind::OddText);
    let before = word(2);
    let continues = matches!(
        before,
        "when"
            | "unless"
            | "and"
            | "or"
            | "not"
            | "where"
            | "("
            | "["
            | ":"
            | "="
            | "satisfies"
            | "."
            | "is"
            | "in"
    );
    let begins = before == "{" || (key.first && !continues) || before == ",";
    if name && begins && !continues && innermost(source, scan, at) == Some('{') {
        return Equals::Field(key);
    }
    Equals::Comparison
}

fn opening_line_begins_with(source: &Source, token: &Token, word: &str) -> bool {
    let upto = source.text.get(..token.start).unwrap_or_default();
    let line = upto.rfind('\n').map_or(0, |at| at + 1);
    upto.get(line..).is_some_and(|line| line.trim_start().starts_with(word))
}

/// The bracket around the token at this index.
fn innermost(source: &Source, scan: &Scan, at: usize) -> Option<char> {
    let mut closed = 0_usize;
    for token in scan.tokens.get(..at)?.iter().rev().take(LOOK_BACK_MAX) {
        match token.kind {
            Kind::Close => closed += 1,
            Kind::Open if closed == 0 => return source.text.get(token.start..)?.chars().next(),
            Kind::Open => closed -= 1,
            _ => {}
        }
    }
    None
}
