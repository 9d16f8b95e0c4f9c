//! Expressions that may take several lines.

use super::flat::{Bond, arithmetic, bond, compare, connective, logic, of_operator, quantifier, right_of};
use super::{Printer, place};
use crate::ast::{Entry, Expr, ExprKind, Record, TextPart};

impl Printer<'_> {
    /// Prints an expression; `behind` columns are needed after it.
    pub(super) fn expr(&mut self, expr: &Expr, behind: usize) {
        if self.can_be_flat(expr) {
            let flat = self.flat(expr);
            if self.fits(&flat, behind) || !can_be_tall(expr) {
                self.push(&flat);
                return;
            }
        }
        self.tall(expr, behind);
    }

    /// In a place for something that binds as tightly as `least`.
    pub(super) fn expr_in(&mut self, expr: &Expr, least: Bond, behind: usize) {
        if bond(expr) < least {
            self.push("(");
            self.expr(expr, behind + 1);
            self.push(")");
        } else {
            self.expr(expr, behind);
        }
    }

    fn tall(&mut self, expr: &Expr, behind: usize) {
        match &expr.kind {
            ExprKind::Text(text) if text.block => self.deeper_block(text),
            ExprKind::Field { base, .. } => {
                let flat = self.flat(expr);
                let flat_base = self.flat_in(base, Bond::Path);
                self.expr_in(base, Bond::Path, 0);
                let rest = flat.get(flat_base.len()..).unwrap_or_default().to_owned();
                self.push(&rest);
            }
            ExprKind::Index { base, index } => {
                self.expr_in(base, Bond::Path, 0);
                self.push("[");
                self.expr(index, behind + 1);
                self.push("]");
            }
            ExprKind::Paren(inner) => self.parenthesised(inner, behind),
            ExprKind::Not(inner) => {
                self.push("not ");
                self.expr_in(inner, Bond::Not, behind);
            }
            ExprKind::Negate(inner) => {
                self.push("-");
                self.expr_in(inner, Bond::Path, behind);
            }
            ExprKind::Logic { op, terms } => self.logic(logic(*op), terms, behind),
            ExprKind::Connective { kind, items } => {
                self.push(&format!("{} ", connective(*kind)));
                self.expr(items, behind);
            }
            ExprKind::Quantifier { kind, binding, list, condition } => {
                self.push(&format!("{} {binding} in ", quantifier(*kind)));
                self.expr_in(list, Bond::Each, 0);
                self.push(" satisfies ");
                self.parenthesised(condition, behind);
            }
            ExprKind::Choose { arms, otherwise } => self.choose(expr.span, arms, otherwise.as_deref()),
            ExprKind::Each { binding, list, filter, body } => {
                self.push(&format!("each {binding} in "));
                self.expr_in(list, Bond::Each, 0);
                if let Some(filter) = filter {
                    self.push(" where ");
                    self.expr(filter, 1);
                }
                self.push(": ");
                self.expr_in(body, Bond::Each, behind);
            }
            ExprKind::List(items) => self.list(expr.span, items),
            ExprKind::Record(record) => self.record_tall(record),
            _ => self.tall_operator(expr, behind),
        }
    }

    /// The same for what stands between or behind operands.
    fn tall_operator(&mut self, expr: &Expr, behind: usize) {
        match &expr.kind {
            ExprKind::Compare { left, op, right, ignoring_case } => {
                self.expr_in(left, Bond::Each, 0);
                self.push(&format!(" {} ", compare(op.node)));
                self.expr_in(right, Bond::Each, behind);
                if ignoring_case.is_some() {
                    self.push(" ignoring case");
                }
            }
            ExprKind::Test { subject, .. } | ExprKind::Regex { subject, .. } => {
                self.expr_in(subject, Bond::Each, 0);
                let tail = self.flat_tail(expr);
                self.push(&format!(" {tail}"));
            }
            ExprKind::Arithmetic { left, op, right } => {
                self.expr_in(left, of_operator(op.node), 0);
                self.push(&format!(" {} ", arithmetic(op.node)));
                self.expr_in(right, right_of(op.node), behind);
            }
            ExprKind::Pipe { subject, transform, args } => {
                self.expr_in(subject, Bond::Chain, 0);
                self.push(&format!(" | {transform}"));
                self.arguments(args, behind);
            }
            ExprKind::Capture { subject, .. } => {
                let whole = self.flat(expr);
                let before = self.flat_in(subject, Bond::Chain).len();
                self.expr_in(subject, Bond::Chain, 0);
                self.push(whole.get(before..).unwrap_or_default());
            }
            ExprKind::Else { subject, fallback } => {
                self.expr_in(subject, Bond::Chain, 0);
                self.push(" else ");
                self.expr_in(fallback, Bond::Sum, behind);
            }
            _ => {
                let flat = self.flat(expr);
                self.push(&flat);
            }
        }
    }

    fn deeper_block(&mut self, text: &crate::ast::Text) {
        self.deeper(|me| me.text_block(text));
    }

    fn arguments(&mut self, args: &[Expr], behind: usize) {
        if args.is_empty() {
            return;
        }
        self.push("(");
        for (at, arg) in args.iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            self.expr(arg, behind + 1);
        }
        self.push(")");
    }

    /// `( … )`; what has several terms gets lines of its own.
    fn parenthesised(&mut self, inner: &Expr, behind: usize) {
        let flat = self.can_be_flat(inner).then(|| self.flat(inner));
        let fits = flat.as_ref().is_some_and(|flat| self.fits(flat, behind + 2));
        if fits || !matches!(inner.kind, ExprKind::Logic { .. } | ExprKind::Quantifier { .. }) {
            self.push("(");
            self.expr(inner, behind + 1);
            self.push(")");
            return;
        }
        self.push("(");
        self.deeper(|me| {
            me.lead_with(inner.span, true, &|at| place::in_expr(inner, at));
            me.expr(inner, 0);
            me.trail(inner.span.end);
        });
        self.line();
        self.push(")");
    }

    /// Terms below each other, the operator before each but the first.
    fn logic(&mut self, op: &str, terms: &[Expr], behind: usize) {
        let mut terms = terms.iter();
        if let Some(first) = terms.next() {
            self.expr_in(first, Bond::Not, 0);
            self.trail(first.span.end);
        }
        self.deeper(|me| {
            for term in terms {
                me.lead_with(term.span, true, &|at| place::in_expr(term, at));
                me.push(&format!("{op} "));
                me.expr_in(term, Bond::Not, behind);
                me.trail(term.span.end);
            }
        });
    }

    /// Whether nothing inside asks for lines of its own.
    pub(super) fn can_be_flat(&self, expr: &Expr) -> bool {
        !self.has_comment(expr.span, |at| place::in_expr(expr, at)) && !self.is_tall(expr)
    }

    /// Whether the author, or text over lines, asks for lines.
    fn is_tall(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Text(text) => {
                let breaks = |part: &TextPart| matches!(part, TextPart::Chars(text) if text.contains('\n'));
                text.block && text.parts.iter().any(breaks)
            }
            ExprKind::Record(record) => self.record_is_tall(record),
            ExprKind::List(items) => {
                items.first().is_some_and(|first| self.begins_line(first.span.start)) || self.has_tall(expr)
            }
            ExprKind::Choose { arms, .. } => {
                // The word `when` stands before the condition.
                let line = |start: u32| self.word_begins_line(start, "when");
                arms.first().is_some_and(|arm| line(arm.condition.span.start)) || self.has_tall(expr)
            }
            _ => self.has_tall(expr),
        }
    }

    fn has_tall(&self, expr: &Expr) -> bool {
        expr.any_part(|part| self.is_tall(part))
    }

    /// The same for a record.
    pub(super) fn record_is_tall(&self, record: &Record) -> bool {
        let start = |entry: &Entry| match entry {
            Entry::Field { key, .. } => key.span.start,
            // The two dots stand before it.
            Entry::Spread(base) => base.span.start.saturating_sub(2),
        };
        let value = |entry: &Entry| match entry {
            Entry::Field { value, .. } | Entry::Spread(value) => self.is_tall(value),
        };
        record.entries.first().is_some_and(|entry| self.begins_line(start(entry)))
            || record.entries.iter().any(value)
    }

    /// Whether the author began a line with the word before what stands at `start`.
    fn word_begins_line(&self, start: u32, word: &str) -> bool {
        let before = self.source.and_then(|source| source.text.get(..start as usize)).unwrap_or_default();
        let at = before.trim_end().strip_suffix(word).map(str::len);
        at.and_then(|at| u32::try_from(at).ok()).is_some_and(|at| self.begins_line(at))
    }
}

/// Whether lines would help: something inside can be broken.
fn can_be_tall(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Record(record) => !record.entries.is_empty(),
        ExprKind::List(items) => !items.is_empty(),
        ExprKind::Logic { .. } | ExprKind::Choose { .. } | ExprKind::Quantifier { .. } => true,
        _ => expr.any_part(can_be_tall),
    }
}
