//! FQL tokens to a tree. `and` binds tighter than `or`, `!` and `not` tighter than both.

use super::super::{ImportError, Place};
use super::token::{Token, tokens};

/// A statement may nest so deep; rule text itself may nest 32 brackets.
const DEPTH_MAX: usize = 20;

/// What is true or false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    /// `left op right`, `in` included.
    Compare(Op, Operand, Operand),
    /// A value by itself.
    Truth(Operand),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operand {
    pub(super) kind: OperandKind,
    pub(super) at: Place,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OperandKind {
    Path(Vec<String>),
    Text(String),
    Number(String),
    Bool(bool),
    Null,
    List(Vec<Operand>),
    Call(String, Vec<Operand>),
}

/// Reads a statement.
pub(super) fn parse(source: &str) -> Result<Expr, ImportError> {
    let tokens = tokens(source)?;
    let lines = source.lines().count().max(1);
    let last = source.lines().last().unwrap_or_default();
    let end = Place::Line { line: lines, column: last.chars().count() + 1 };
    let mut parser = Parser { tokens, next: 0, depth: 0, end };
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(expr),
        Some(_) => Err(parser.unexpected("`and`, `or` or the end")),
    }
}

struct Parser {
    tokens: Vec<(Token, Place)>,
    next: usize,
    depth: usize,
    end: Place,
}

type Read<T> = Result<T, ImportError>;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    fn place(&self) -> Place {
        self.tokens.get(self.next).map_or_else(|| self.end.clone(), |(_, place)| place.clone())
    }

    fn unexpected(&self, wanted: &str) -> ImportError {
        let found = match self.peek() {
            None => "the statement ends here".to_owned(),
            Some(Token::Path(steps)) => format!("found `{}`", steps.join(".")),
            Some(Token::Text(text)) => format!("found the text `{text}`"),
            Some(Token::Number(digits)) => format!("found `{digits}`"),
            Some(Token::Sign(sign)) => format!("found `{sign}`"),
        };
        ImportError::invalid(self.place(), format!("{found}, where {wanted} should stand"))
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(one)) if *one == sign);
        self.next += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Path(steps)) if steps.len() == 1 && steps.iter().any(|step| step == word));
        self.next += usize::from(found);
        found
    }

    /// Runs `inner` one level deeper.
    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= DEPTH_MAX {
            let reason = format!("nested deeper than {DEPTH_MAX}");
            return Err(ImportError::too_large(self.place(), reason));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn or(&mut self) -> Read<Expr> {
        let mut terms = vec![self.and()?];
        while self.take_word("or") {
            terms.push(self.and()?);
        }
        Ok(one_or(terms, Expr::Or))
    }

    fn and(&mut self) -> Read<Expr> {
        let mut terms = vec![self.unary()?];
        while self.take_word("and") {
            terms.push(self.unary()?);
        }
        Ok(one_or(terms, Expr::And))
    }

    fn unary(&mut self) -> Read<Expr> {
        if self.take_sign("!") || self.take_word("not") {
            return self.deeper(|parser| Ok(Expr::Not(Box::new(parser.unary()?))));
        }
        if self.take_sign("(") {
            let inner = self.deeper(Self::or)?;
            return if self.take_sign(")") { Ok(inner) } else { Err(self.unexpected("`)`")) };
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Read<Expr> {
        let left = self.operand()?;
        let op = match self.peek() {
            Some(Token::Sign("=")) => Op::Equal,
            Some(Token::Sign("!=")) => Op::NotEqual,
            Some(Token::Sign("<")) => Op::Less,
            Some(Token::Sign("<=")) => Op::LessEqual,
            Some(Token::Sign(">")) => Op::Greater,
            Some(Token::Sign(">=")) => Op::GreaterEqual,
            Some(Token::Path(steps)) if steps.len() == 1 && steps.iter().any(|step| step == "in") => Op::In,
            _ => return Ok(Expr::Truth(left)),
        };
        self.next += 1;
        let right = self.operand()?;
        Ok(Expr::Compare(op, left, right))
    }

    fn operand(&mut self) -> Read<Operand> {
        let at = self.place();
        let Some(token) = self.peek().cloned() else { return Err(self.unexpected("a value")) };
        let kind = match token {
            Token::Text(text) => OperandKind::Text(text),
            Token::Number(digits) => OperandKind::Number(digits),
            Token::Path(steps) => return self.named(steps, at),
            Token::Sign("[") => {
                self.next += 1;
                let items = self.deeper(|parser| parser.operands("]"))?;
                return Ok(Operand { kind: OperandKind::List(items), at });
            }
            Token::Sign(_) => return Err(self.unexpected("a value")),
        };
        self.next += 1;
        Ok(Operand { kind, at })
    }

    fn named(&mut self, steps: Vec<String>, at: Place) -> Read<Operand> {
        let word = match steps.as_slice() {
            [word] => Some(word.as_str()),
            _ => None,
        };
        if let Some("and" | "or" | "in" | "not") = word {
            return Err(self.unexpected("a value"));
        }
        self.next += 1;
        let kind = match word {
            Some("true") => OperandKind::Bool(true),
            Some("false") => OperandKind::Bool(false),
            Some("null") => OperandKind::Null,
            Some(name) if self.take_sign("(") => {
                OperandKind::Call(name.to_owned(), self.deeper(|parser| parser.operands(")"))?)
            }
            _ => OperandKind::Path(steps),
        };
        Ok(Operand { kind, at })
    }

    /// Values joined by commas, up to `close`.
    fn operands(&mut self, close: &'static str) -> Read<Vec<Operand>> {
        let mut items = Vec::new();
        if self.take_sign(close) {
            return Ok(items);
        }
        loop {
            items.push(self.operand()?);
            if self.take_sign(close) {
                return Ok(items);
            }
            if !self.take_sign(",") {
                return Err(self.unexpected(&format!("`,` or `{close}`")));
            }
        }
    }
}

fn one_or(mut terms: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match terms.len() {
        1 => terms.pop().unwrap_or(Expr::And(Vec::new())),
        _ => many(terms),
    }
}
