//! An FQL statement as `when` and `unless`.
//!
//! FQL knows true and false only: a missing value is null, equals nothing but null, and makes every other
//! comparison false. Our comparisons with a missing value are neither. As long as nothing is negated that
//! makes no difference, because only *yes* sends. So negations are pushed down to single comparisons and
//! written there with the missing case spelled out, and those that stand on top become `unless`, which
//! holds for a missing value as FQL's `!` does.

use super::super::layout::Cond;
use super::super::text::{field, quoted};
use super::super::{ImportError, Notes, Place};
use super::glob;
use super::parse::{Expr, Op, Operand, OperandKind};

/// Longer texts are not measured: the expression that does so grows with the number.
const LENGTH_MAX: u64 = 500;

/// What a rule asks.
#[derive(Default)]
pub(super) struct Guard {
    pub(super) when: Option<Cond>,
    pub(super) unless: Option<Cond>,
}

/// Why there is no condition.
pub(super) enum Refusal {
    /// FQL would not take it, or it is too large.
    Error(ImportError),
    /// FQL can say it and rule text cannot.
    Unsaid(Place, String),
}

impl From<ImportError> for Refusal {
    fn from(error: ImportError) -> Self {
        Self::Error(error)
    }
}

type Made<T> = Result<T, Refusal>;

/// The whole statement; with `drops`, the events for which it is true are the ones not wanted.
pub(super) fn guard(expr: &Expr, drops: bool, notes: &mut Notes) -> Made<Guard> {
    let mut writer = Writer { notes };
    if drops {
        return Ok(Guard { when: None, unless: Some(writer.cond(expr, true)?) });
    }
    let terms = match expr {
        Expr::And(terms) => terms.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut when = Vec::new();
    let mut unless = Vec::new();
    for term in terms {
        match term {
            Expr::Not(inner) => unless.push(writer.cond(inner, true)?),
            Expr::Compare(Op::NotEqual, left, right) if !has_null(left, right) => {
                unless.push(writer.compare(Op::Equal, left, right)?);
            }
            other => when.push(writer.cond(other, true)?),
        }
    }
    Ok(Guard { when: some(when, Cond::all), unless: some(unless, Cond::any) })
}

fn some(terms: Vec<Cond>, join: fn(Vec<Cond>) -> Cond) -> Option<Cond> {
    (!terms.is_empty()).then(|| join(terms))
}

fn has_null(left: &Operand, right: &Operand) -> bool {
    left.kind == OperandKind::Null || right.kind == OperandKind::Null
}

struct Writer<'n> {
    notes: &'n mut Notes,
}

impl Writer<'_> {
    /// A condition that is yes exactly when the statement is `wanted`.
    fn cond(&mut self, expr: &Expr, wanted: bool) -> Made<Cond> {
        match (expr, wanted) {
            (Expr::Not(inner), _) => self.cond(inner, !wanted),
            (Expr::And(terms), true) | (Expr::Or(terms), false) => Ok(Cond::all(self.each(terms, wanted)?)),
            (Expr::Or(terms), true) | (Expr::And(terms), false) => Ok(Cond::any(self.each(terms, wanted)?)),
            (Expr::Compare(op, left, right), true) => self.compare(*op, left, right),
            (Expr::Compare(op, left, right), false) => self.not_compare(*op, left, right),
            (Expr::Truth(operand), _) => self.truth(operand, wanted),
        }
    }

    fn each(&mut self, terms: &[Expr], wanted: bool) -> Made<Vec<Cond>> {
        terms.iter().map(|term| self.cond(term, wanted)).collect()
    }

    fn compare(&mut self, op: Op, left: &Operand, right: &Operand) -> Made<Cond> {
        if let Some(special) = self.measured(op, left, right, true)? {
            return Ok(special);
        }
        match op {
            Op::NotEqual => return self.not_compare(Op::Equal, left, right),
            Op::In => return self.membership(left, right, true),
            Op::Equal | Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {}
        }
        if op == Op::Equal && has_null(left, right) {
            return self.null(left, right, true);
        }
        let written = format!("{} {} {}", self.value(left)?, word(op), self.value(right)?);
        if op == Op::Equal {
            let missing = [left, right].into_iter().filter(|one| may_be_missing(one));
            let missing: Vec<Cond> = missing.map(|one| self.test(one, "is missing")).collect::<Made<_>>()?;
            // Two paths that are both absent are equal there.
            if missing.len() == 2 {
                return Ok(Cond::any([Cond::atom(written), Cond::all(missing)]));
            }
        } else {
            for side in [left, right] {
                if matches!(
                    side.kind,
                    OperandKind::Text(_) | OperandKind::Bool(_) | OperandKind::List(_) | OperandKind::Null
                ) {
                    let reason = format!("`{}` compares numbers", word(op));
                    return Err(ImportError::invalid(side.at.clone(), reason).into());
                }
            }
        }
        Ok(Cond::atom(written))
    }

    fn not_compare(&mut self, op: Op, left: &Operand, right: &Operand) -> Made<Cond> {
        if let Some(special) = self.measured(op, left, right, false)? {
            return Ok(special);
        }
        match op {
            Op::NotEqual => return self.compare(Op::Equal, left, right),
            Op::In => return self.membership(left, right, false),
            Op::Equal if has_null(left, right) => return self.null(left, right, false),
            Op::Equal | Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {}
        }
        // One that may be missing and one that is known: said in words.
        if op == Op::Equal && may_be_missing(left) && !may_be_missing(right) {
            let not = format!("{} is not {}", self.value(left)?, self.value(right)?);
            return Ok(Cond::any([self.test(left, "is missing")?, Cond::atom(not)]));
        }
        let positive = self.compare(op, left, right)?;
        Ok(never(&positive))
    }

    /// `x = null`
    fn null(&mut self, left: &Operand, right: &Operand, wanted: bool) -> Made<Cond> {
        let subject = if left.kind == OperandKind::Null { right } else { left };
        if !may_be_missing(subject) {
            let same = subject.kind == OperandKind::Null;
            return Ok(Cond::atom(if same == wanted { "true" } else { "false" }));
        }
        self.test(subject, if wanted { "is missing" } else { "is present" })
    }

    fn membership(&mut self, left: &Operand, right: &Operand, wanted: bool) -> Made<Cond> {
        let OperandKind::List(items) = &right.kind else {
            let positive = Cond::atom(format!("{} in {}", self.value(left)?, self.value(right)?));
            return Ok(if wanted { positive } else { never(&positive) });
        };
        let with_null = items.iter().any(|item| item.kind == OperandKind::Null);
        let items = items.iter().filter(|item| item.kind != OperandKind::Null);
        let items: Vec<String> = items.map(|item| self.value(item)).collect::<Made<_>>()?;
        let value = self.value(left)?;
        let word = if wanted { "in" } else { "not in" };
        let member =
            (!items.is_empty()).then(|| Cond::atom(format!("{value} {word} [{}]", items.join(", "))));
        if !may_be_missing(left) {
            return Ok(member.unwrap_or_else(|| Cond::atom(if wanted { "false" } else { "true" })));
        }
        let missing = self.test(left, "is missing")?;
        let present = self.test(left, "is present")?;
        Ok(match (wanted, with_null, member) {
            (true, false, Some(member)) => member,
            (true, true, Some(member)) | (false, false, Some(member)) => Cond::any([missing, member]),
            (false, true, Some(member)) => Cond::all([present, member]),
            (true, true, None) => missing,
            (false, true, None) => present,
            (true, false, None) => Cond::atom("false"),
            (false, false, None) => Cond::atom("true"),
        })
    }

    /// A value by itself.
    fn truth(&mut self, operand: &Operand, wanted: bool) -> Made<Cond> {
        let (name, args) = match &operand.kind {
            OperandKind::Bool(truth) => {
                return Ok(Cond::atom(if *truth == wanted { "true" } else { "false" }));
            }
            OperandKind::Null => return Ok(Cond::atom(if wanted { "false" } else { "true" })),
            OperandKind::Call(name, args) => (name.as_str(), args.as_slice()),
            OperandKind::Path(_) => ("", [].as_slice()),
            OperandKind::Text(_) | OperandKind::Number(_) | OperandKind::List(_) => {
                return Err(ImportError::invalid(operand.at.clone(), "this is neither true nor false").into());
            }
        };
        let (word, right) = match (name, args) {
            ("contains", [_, right]) => ("contains", self.value(right)?),
            ("match", [_, right]) => match &right.kind {
                OperandKind::Text(pattern) => ("matches", quoted(&glob::translate(pattern, &right.at)?)),
                _ => {
                    return Err(Refusal::Unsaid(
                        right.at.clone(),
                        "a pattern that the event holds cannot be said".to_owned(),
                    ));
                }
            },
            ("contains" | "match", _) => {
                return Err(
                    ImportError::invalid(operand.at.clone(), format!("`{name}` takes two values")).into()
                );
            }
            _ => ("is", "true".to_owned()),
        };
        let subject = args.first().filter(|_| word != "is").unwrap_or(operand);
        let value = self.value(subject)?;
        if wanted {
            return Ok(Cond::atom(format!("{value} {word} {right}")));
        }
        let not =
            if word == "is" { format!("{value} is not true") } else { format!("{value} not {word} {right}") };
        let known = args.get(1).is_none_or(|right| !may_be_missing(right));
        match (may_be_missing(subject), known) {
            (true, true) => Ok(Cond::any([self.test(subject, "is missing")?, Cond::atom(not)])),
            (false, true) => Ok(Cond::atom(not)),
            (_, false) => Ok(never(&Cond::atom(format!("{value} {word} {right}")))),
        }
    }

    /// `length(x) > 3` and `typeof(x) = "string"`, which have no value here.
    fn measured(&mut self, op: Op, left: &Operand, right: &Operand, wanted: bool) -> Made<Option<Cond>> {
        let (op, call, other) = match (&left.kind, &right.kind) {
            (OperandKind::Call(name, _), _) if name == "length" || name == "typeof" => (op, left, right),
            (_, OperandKind::Call(name, _)) if name == "length" || name == "typeof" => {
                (mirrored(op), right, left)
            }
            _ => return Ok(None),
        };
        let OperandKind::Call(name, args) = &call.kind else { return Ok(None) };
        let [subject] = args.as_slice() else {
            return Err(ImportError::invalid(call.at.clone(), format!("`{name}` takes one value")).into());
        };
        if name == "length" {
            self.length(op, subject, other, wanted)
        } else {
            self.kind(op, subject, other, wanted)
        }
        .map(Some)
    }

    fn length(&mut self, op: Op, subject: &Operand, number: &Operand, wanted: bool) -> Made<Cond> {
        let count = match &number.kind {
            OperandKind::Number(digits) => digits.parse::<u64>().ok().filter(|count| *count < LENGTH_MAX),
            _ => None,
        };
        let Some(count) = count else {
            let reason = format!("a length is compared with a whole number below {LENGTH_MAX} only");
            return Err(Refusal::Unsaid(number.at.clone(), reason));
        };
        // As a range, both ends included; the other half of a negation is a range, too.
        let op = if wanted { op } else { opposite(op) };
        let ranges: Vec<(u64, Option<u64>)> = match op {
            Op::Equal => vec![(count, Some(count))],
            Op::Less if count == 0 => Vec::new(),
            Op::Less => vec![(0, Some(count - 1))],
            Op::LessEqual => vec![(0, Some(count))],
            Op::Greater => vec![(count + 1, None)],
            Op::GreaterEqual => vec![(count, None)],
            Op::NotEqual if count == 0 => vec![(1, None)],
            Op::NotEqual => vec![(0, Some(count - 1)), (count + 1, None)],
            Op::In => {
                return Err(Refusal::Unsaid(
                    number.at.clone(),
                    "`in` with a length cannot be said".to_owned(),
                ));
            }
        };
        if ranges.is_empty() {
            return Ok(Cond::atom("false"));
        }
        let all: Vec<Cond> =
            ranges.into_iter().map(|range| self.within(subject, range)).collect::<Made<_>>()?;
        Ok(Cond::any(all))
    }

    /// Whether the length is in a range.
    fn within(&mut self, subject: &Operand, range: (u64, Option<u64>)) -> Made<Cond> {
        let value = self.value(subject)?;
        match range {
            (0, None) => return Ok(Cond::atom("true")),
            (0, Some(0)) => {
                return Ok(Cond::any([self.test(subject, "is missing")?, self.test(subject, "is empty")?]));
            }
            (1, None) => {
                return Ok(Cond::all([
                    self.test(subject, "is present")?,
                    self.test(subject, "is not empty")?,
                ]));
            }
            _ => {}
        }
        let text = "a text is measured in characters here, in bytes there";
        self.notes.add(subject.at.clone(), text);
        let (from, to) = range;
        let end = to.map(|to| to.to_string()).unwrap_or_default();
        let counted = match to {
            Some(to) if to == from => Cond::atom(format!("({value} | count) is {from}")),
            Some(to) if from == 0 => Cond::atom(format!("({value} | count) <= {to}")),
            Some(to) => Cond::all([
                Cond::atom(format!("({value} | count) >= {from}")),
                Cond::atom(format!("({value} | count) <= {to}")),
            ]),
            None => Cond::atom(format!("({value} | count) >= {from}")),
        };
        let measured = Cond::atom(format!("{value} matches regex \"(?s)^.{{{from},{end}}}$\""));
        let missing = if from == 0 { Some(self.test(subject, "is missing")?) } else { None };
        Ok(Cond::any(missing.into_iter().chain([counted, measured])))
    }

    fn kind(&mut self, op: Op, subject: &Operand, name: &Operand, wanted: bool) -> Made<Cond> {
        let wanted = match op {
            Op::Equal => wanted,
            Op::NotEqual => !wanted,
            _ => {
                return Err(Refusal::Unsaid(
                    name.at.clone(),
                    "a type is compared with `=` and `!=` only".to_owned(),
                ));
            }
        };
        let OperandKind::Text(name_of) = &name.kind else {
            return Err(Refusal::Unsaid(name.at.clone(), "a type is compared with a text only".to_owned()));
        };
        let value = self.value(subject)?;
        // Each of these gives something for one kind of value only.
        let probe = match name_of.as_str() {
            "null" => return self.test(subject, if wanted { "is missing" } else { "is present" }),
            "bool" if wanted => return Ok(Cond::atom(format!("{value} in [true, false]"))),
            "bool" => {
                let other = Cond::atom(format!("{value} not in [true, false]"));
                return Ok(Cond::any([self.test(subject, "is missing")?, other]));
            }
            "string" => "lower",
            "number" => "abs",
            "list" => "reverse",
            other => {
                return Err(ImportError::invalid(name.at.clone(), format!("`{other}` is no type")).into());
            }
        };
        Ok(Cond::atom(format!("({value} | {probe}) is {}", if wanted { "present" } else { "missing" })))
    }

    fn test(&mut self, operand: &Operand, test: &str) -> Made<Cond> {
        Ok(Cond::atom(format!("{} {test}", self.value(operand)?)))
    }

    fn value(&mut self, operand: &Operand) -> Made<String> {
        Ok(match &operand.kind {
            OperandKind::Path(steps) => {
                steps.iter().fold("payload".to_owned(), |base, step| field(&base, step))
            }
            OperandKind::Text(text) => quoted(text),
            OperandKind::Number(digits) => digits.clone(),
            OperandKind::Bool(truth) => truth.to_string(),
            OperandKind::Null => "null".to_owned(),
            OperandKind::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.value(item)).collect::<Made<_>>()?;
                format!("[{}]", items.join(", "))
            }
            OperandKind::Call(name, args) => {
                let transform = match name.as_str() {
                    "lowercase" => "lower",
                    "uppercase" => "upper",
                    "snakecase" => "replace(\" \", \"_\")",
                    "kebabcase" => "replace(\" \", \"-\")",
                    "string" => "to_text",
                    "number" => "to_decimal",
                    "bool" => "to_bool",
                    "titlecase" | "length" | "typeof" | "contains" | "match" => {
                        return Err(Refusal::Unsaid(
                            operand.at.clone(),
                            format!("`{name}` cannot be said here"),
                        ));
                    }
                    other => {
                        return Err(ImportError::invalid(
                            operand.at.clone(),
                            format!("`{other}` is no function"),
                        )
                        .into());
                    }
                };
                let [subject] = args.as_slice() else {
                    return Err(ImportError::invalid(
                        operand.at.clone(),
                        format!("`{name}` takes one value"),
                    )
                    .into());
                };
                format!("({} | {transform})", self.value(subject)?)
            }
        })
    }
}

fn may_be_missing(operand: &Operand) -> bool {
    matches!(operand.kind, OperandKind::Path(_) | OperandKind::Call(..))
}

/// Not yes: no or unknown. `not` alone would keep an unknown, and `else` is an error where the checker
/// knows that nothing can be missing.
fn never(positive: &Cond) -> Cond {
    Cond::atom(format!("choose {{ when {}: false, otherwise: true }}", positive.inline()))
}

fn word(op: Op) -> &'static str {
    match op {
        Op::Equal => "is",
        Op::NotEqual => "is not",
        Op::Less => "<",
        Op::LessEqual => "<=",
        Op::Greater => ">",
        Op::GreaterEqual => ">=",
        Op::In => "in",
    }
}

fn mirrored(op: Op) -> Op {
    match op {
        Op::Less => Op::Greater,
        Op::LessEqual => Op::GreaterEqual,
        Op::Greater => Op::Less,
        Op::GreaterEqual => Op::LessEqual,
        Op::Equal | Op::NotEqual | Op::In => op,
    }
}

fn opposite(op: Op) -> Op {
    match op {
        Op::Equal => Op::NotEqual,
        Op::NotEqual => Op::Equal,
        Op::Less => Op::GreaterEqual,
        Op::LessEqual => Op::Greater,
        Op::Greater => Op::LessEqual,
        Op::GreaterEqual => Op::Less,
        Op::In => Op::In,
    }
}
