//! Generated trees: whatever can be built can be printed, and reads as what it was.

use super::{Chance, cases, format, source};
use crate::ast::{
    ArithmeticOp, ChooseArm, CompareOp, ConnectiveKind, Const, Entry, Expr, ExprKind, File, Item, ItemKind,
    LogicOp, QuantifierKind, Record, RegexPattern, TestKind, Text, TextPart,
};
use crate::diagnostic::{Code, Severity};
use crate::json::{from_json, to_json};
use crate::span::{Ident, Span, Spanned};

fn at(kind: ExprKind) -> Expr {
    Expr { kind, span: Span::default() }
}

fn ident(text: &str) -> Ident {
    Ident { text: text.into(), span: Span::default() }
}

fn spanned<T>(node: T) -> Spanned<T> {
    Spanned { node, span: Span::default() }
}

const NAMES: &[&str] = &["a", "lead", "x_1", "event", "missing", "regex", "to"];
const KEYS: &[&str] = &["a", "in", "contains", "is", "when", "x-id", "ö", "", "a \"b\"", "not", "else", "{"];
const CHARS: &[&str] =
    &["a", " ", "\n", "\t", "\"", "\"\"\"", "\\", "{", "}", "é", "🚨", "\u{202e}", "\u{1}", "  ", "#", "\r"];

impl Chance {
    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

fn chars(chance: &mut Chance) -> String {
    (0..1 + chance.below(6)).map(|_| chance.one(CHARS)).collect()
}

fn text(chance: &mut Chance, depth: usize) -> Text {
    let mut parts: Vec<TextPart> = Vec::new();
    let block = chance.below(3) == 0;
    for _ in 0..chance.below(4) {
        let after_chars = matches!(parts.last(), Some(TextPart::Chars(_)));
        if chance.below(2) == 0 && !after_chars {
            parts.push(TextPart::Chars(chars(chance).into()));
        } else {
            parts.push(TextPart::Hole(expr(chance, depth)));
        }
    }
    Text { parts, block, span: Span::default() }
}

fn record(chance: &mut Chance, depth: usize) -> Record {
    let entry = |chance: &mut Chance| match chance.below(6) {
        0 => Entry::Spread(expr(chance, depth)),
        _ => Entry::Field { key: ident(chance.one(KEYS)), value: expr(chance, depth) },
    };
    Record { entries: (0..chance.below(4)).map(|_| entry(chance)).collect(), span: Span::default() }
}

fn many(chance: &mut Chance, least: usize, depth: usize) -> Vec<Expr> {
    (0..least + chance.below(3)).map(|_| expr(chance, depth)).collect()
}

fn leaf(chance: &mut Chance) -> ExprKind {
    match chance.below(10) {
        0 => ExprKind::Bool(true),
        1 => ExprKind::Null,
        2 => ExprKind::Int("10".into()),
        3 => ExprKind::Decimal("1.50".into()),
        4 => ExprKind::Percent("5".into()),
        5 => ExprKind::Duration(chance.next() % 100_000_000),
        6 => ExprKind::Date("2026-03-01".into()),
        7 => ExprKind::DateTime("2026-03-01T09:00:00Z".into()),
        _ => ExprKind::Name(ident(chance.one(NAMES))),
    }
}

/// A comparison, a test or a pattern.
fn question(chance: &mut Chance, depth: usize) -> ExprKind {
    let boxed = |chance: &mut Chance| Box::new(expr(chance, depth));
    let flag = |chance: &mut Chance| (chance.below(4) == 0).then(Span::default);
    match chance.below(3) {
        0 => {
            use CompareOp::{Contains, GreaterEqual, In, Is, IsNot, Less, NotIn, NotMatches, StartsWith};
            let op = [Contains, GreaterEqual, In, Is, IsNot, Less, NotIn, NotMatches, StartsWith];
            let op = spanned(chance.one(&op));
            // `is null` and `is missing` are tests, whatever stands there.
            let right = Box::new(at(ExprKind::Paren(boxed(chance))));
            let right = if matches!(op.node, Is | IsNot) { right } else { boxed(chance) };
            let ignoring_case = flag(chance);
            ExprKind::Compare { left: boxed(chance), op, right, ignoring_case }
        }
        1 => {
            let test = [TestKind::Missing, TestKind::Present, TestKind::Null, TestKind::Empty];
            let test = spanned(chance.one(&test));
            ExprKind::Test { subject: boxed(chance), test, negated: chance.below(2) == 0 }
        }
        _ => {
            let pattern = chance.one(&["^a", "\"", "\\d{2}\"x", "\\\\", "[{}]"]);
            let pattern = match chance.below(3) {
                0 => RegexPattern::Name(ident("pattern")),
                _ => RegexPattern::Literal(spanned(pattern.into())),
            };
            let negated = chance.below(2) == 0;
            ExprKind::Regex { subject: boxed(chance), negated, pattern, ignoring_case: flag(chance) }
        }
    }
}

fn expr(chance: &mut Chance, depth: usize) -> Expr {
    if depth == 0 {
        return at(leaf(chance));
    }
    let depth = depth - 1;
    let boxed = |chance: &mut Chance| Box::new(expr(chance, depth));
    at(match chance.below(22) {
        0 => ExprKind::Text(text(chance, depth)),
        1 => ExprKind::Field { base: boxed(chance), name: ident(chance.one(KEYS)), quoted: true },
        2 => ExprKind::Field { base: boxed(chance), name: ident(chance.one(&["in", "b"])), quoted: false },
        3 => ExprKind::Index { base: boxed(chance), index: boxed(chance) },
        4 => ExprKind::Paren(boxed(chance)),
        5 => ExprKind::Not(boxed(chance)),
        6 => ExprKind::Negate(boxed(chance)),
        7 => ExprKind::Logic { op: chance.one(&[LogicOp::And, LogicOp::Or]), terms: many(chance, 2, depth) },
        8..=10 => question(chance, depth),
        11 | 12 => {
            use ArithmeticOp::{Add, Divide, Multiply, Subtract};
            let op = spanned(chance.one(&[Add, Divide, Multiply, Subtract]));
            ExprKind::Arithmetic { left: boxed(chance), op, right: boxed(chance) }
        }
        13 => {
            let args = if chance.below(2) == 0 { many(chance, 0, depth) } else { vec![] };
            ExprKind::Pipe { subject: boxed(chance), transform: ident("lower"), args }
        }
        14 => {
            let (pattern, group) = (spanned("(?<a>\"\\d)".into()), spanned("a \"b\"".into()));
            ExprKind::Capture { subject: boxed(chance), pattern, group }
        }
        15 => ExprKind::Else { subject: boxed(chance), fallback: boxed(chance) },
        16 => {
            let items = at(ExprKind::List(many(chance, 1, depth)));
            let kind = chance.one(&[ConnectiveKind::All, ConnectiveKind::Any, ConnectiveKind::None]);
            ExprKind::Connective { kind, items: Box::new(items) }
        }
        17 => {
            let kind = chance.one(&[QuantifierKind::Any, QuantifierKind::Every, QuantifierKind::No]);
            ExprKind::Quantifier { kind, binding: ident("y"), list: boxed(chance), condition: boxed(chance) }
        }
        18 => {
            let arm = |chance: &mut Chance| ChooseArm {
                condition: expr(chance, depth),
                value: expr(chance, depth),
            };
            let arms = (0..1 + chance.below(2)).map(|_| arm(chance)).collect();
            let otherwise = (chance.below(2) == 0).then(|| boxed(chance));
            ExprKind::Choose { arms, otherwise }
        }
        19 => {
            let filter = (chance.below(2) == 0).then(|| boxed(chance));
            ExprKind::Each { binding: ident("z"), list: boxed(chance), filter, body: boxed(chance) }
        }
        20 => ExprKind::List(many(chance, 0, depth)),
        _ => ExprKind::Record(record(chance, depth)),
    })
}

/// The tree's JSON without parentheses: printing puts some in where a tree had none.
fn bare(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(map) if map.len() == 1 && map.contains_key("paren") => bare(&map["paren"]),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), bare(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(bare).collect()),
        other => other.clone(),
    }
}

#[test]
fn generated_trees_read_as_what_they_were() {
    let mut chance = Chance(2026);
    let mut read = 0;
    let cases = cases(if cfg!(debug_assertions) { 600 } else { 50_000 });
    for _ in 0..cases {
        let depth = 1 + chance.below(4);
        let value = expr(&mut chance, depth);
        let kind = ItemKind::Const(Const { name: ident("it"), value });
        let item = Item { docs: vec![], kind, span: Span::default() };
        let file = File { items: vec![item], ..File::default() };
        let json = to_json(&file).unwrap();
        assert_eq!(from_json(&json).unwrap(), file);
        let printed = super::text(&file, None);
        let parsed = crate::parse(&source(&printed));
        let errors: Vec<_> =
            parsed.diagnostics.iter().filter(|one| one.severity == Severity::Error).collect();
        // `else` after what is always there and `x[-1]` can be read, and are mistakes all the same.
        let meant = |code| code == Code::E0131 || code == Code::E0119;
        if !errors.is_empty() && errors.iter().all(|one| meant(one.code)) {
            continue;
        }
        assert!(errors.is_empty(), "{errors:?}\n{printed}\n{json}");
        assert_eq!(bare(&to_json(&parsed.file).unwrap()), bare(&json), "{printed}");
        let once = format(&source(&printed)).unwrap();
        let twice = format(&source(&once)).unwrap();
        assert_eq!(once, twice, "of\n{printed}");
        assert_eq!(bare(&to_json(&crate::parse(&source(&once)).file).unwrap()), bare(&json), "{once}");
        read += 1;
    }
    assert!(read > cases / 2, "only {read} of {cases} were read");
}
