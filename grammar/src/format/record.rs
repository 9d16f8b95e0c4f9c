//! Records, lists and `choose` over several lines: values of neighbouring keys stand below each other.

use super::flat::Bond;
use super::literal::key;
use super::{Printer, WIDTH, place, width};
use crate::ast::{ChooseArm, Entry, Expr, ExprKind, Record};
use crate::span::Span;

/// Keys wider than this are no reason to move the values of the others.
const ALIGNED_MAX: usize = 48;

/// A line of something aligned: what stands before the value, and where the line is in the source.
pub(super) struct Row {
    pub(super) head: String,
    pub(super) span: Span,
}

impl Printer<'_> {
    /// A record, on one line when it can be.
    pub(super) fn record(&mut self, record: &Record, behind: usize) {
        let free =
            !self.record_is_tall(record) && !self.has_comment(record.span, |at| place::in_record(record, at));
        let flat = self.flat_record(record);
        if free && (self.fits(&flat, behind) || record.entries.is_empty()) {
            self.push(&flat);
        } else {
            self.record_tall(record);
        }
    }

    pub(super) fn record_tall(&mut self, record: &Record) {
        let row = |entry: &Entry| match entry {
            Entry::Field { key: name, value } => {
                Row { head: format!("{}:", key(name)), span: name.span.to(value.span) }
            }
            Entry::Spread(base) => Row { head: String::new(), span: base.span },
        };
        let rows: Vec<Row> = record.entries.iter().map(row).collect();
        let widths = self.aligned(&rows);
        self.push("{");
        self.deeper(|me| {
            for (at, ((entry, row), head)) in record.entries.iter().zip(&rows).zip(widths).enumerate() {
                let (Entry::Field { value, .. } | Entry::Spread(value)) = entry;
                me.lead_with(row.span, at == 0, &|at| covers(value.span, at) && place::in_expr(value, at));
                if matches!(entry, Entry::Spread(_)) {
                    me.push("..");
                    me.expr_in(value, Bond::Path, 0);
                } else {
                    me.push(&format!("{:head$} ", row.head));
                    me.expr(value, 0);
                }
                me.trail(row.span.end);
            }
            me.rest(record.span.end, record.entries.is_empty());
        });
        self.last = self.last.max(record.span.end);
        self.line();
        self.push("}");
    }

    /// How wide what stands before each value is made: as the widest of its neighbours, up to a blank line.
    pub(super) fn aligned(&self, rows: &[Row]) -> Vec<usize> {
        let mut widths = vec![0; rows.len()];
        let mut start = 0;
        while start < rows.len() {
            let section = rows.get(start..).unwrap_or_default();
            let breaks = section.windows(2).position(|pair| match pair {
                [one, two] => self.blank_between(one.span.end, two.span.start),
                _ => false,
            });
            let length = breaks.map_or(section.len(), |at| at + 1);
            let heads = section.iter().take(length).map(|row| width(&row.head));
            let widest = heads.filter(|width| *width <= ALIGNED_MAX).max().unwrap_or(0);
            widths.iter_mut().skip(start).take(length).for_each(|width| *width = widest);
            start += length;
        }
        widths
    }

    /// A list over lines: one element each, or short ones as many as fit.
    pub(super) fn list(&mut self, span: Span, items: &[Expr]) {
        let flat: Vec<Option<String>> =
            items.iter().map(|item| is_short(item).then(|| self.flat(item))).collect();
        let filled = self.fills(span, items, &flat);
        self.push("[");
        self.deeper(|me| {
            for (at, item) in items.iter().enumerate() {
                let next = flat.get(at).and_then(Option::as_deref).filter(|_| filled && at > 0);
                match next {
                    Some(next) if me.column() + width(next) + 2 <= WIDTH => me.push(" "),
                    Some(_) => me.line(),
                    None => me.lead_with(item.span, at == 0, &|at| place::in_expr(item, at)),
                }
                me.expr(item, 1);
                me.push(",");
                if filled {
                    me.last = me.last.max(item.span.end);
                } else {
                    me.trail(item.span.end);
                }
            }
            me.rest(span.end, items.is_empty());
        });
        self.last = self.last.max(span.end);
        self.line();
        self.push("]");
    }

    /// Whether several elements share a line: short ones, unless the author gave each its own.
    fn fills(&self, span: Span, items: &[Expr], flat: &[Option<String>]) -> bool {
        let widest = flat.iter().flatten().map(|text| width(text)).max().unwrap_or(0);
        let second = items.get(1).is_some_and(|item| self.begins_line(item.span.start));
        flat.len() > 1
            && flat.iter().all(Option::is_some)
            && self.indent + 2 * (widest + 2) + 2 <= WIDTH
            && !second
            && !self.has_comment(span, |at| place::in_gap(span, items, at))
    }

    /// `choose` as a value, over lines.
    pub(super) fn choose(&mut self, span: Span, arms: &[ChooseArm], otherwise: Option<&Expr>) {
        let mut rows: Vec<Row> = arms
            .iter()
            .map(|arm| {
                let head = if self.can_be_flat(&arm.condition) {
                    format!("when {}:", self.flat(&arm.condition))
                } else {
                    "when".to_owned()
                };
                Row { head, span: arm.condition.span.to(arm.value.span) }
            })
            .collect();
        rows.extend(otherwise.map(|rest| Row { head: "otherwise:".to_owned(), span: rest.span }));
        let widths = self.aligned(&rows);
        self.push("choose {");
        self.deeper(|me| {
            for (at, (arm, (row, head))) in arms.iter().zip(rows.iter().zip(&widths)).enumerate() {
                let placed = |at: u32| in_part(&arm.condition, at) || in_part(&arm.value, at);
                me.lead_with(row.span, at == 0, &placed);
                if row.head.ends_with(':') && me.fits(&row.head, 0) {
                    me.push(&format!("{:head$} ", row.head));
                } else {
                    me.push("when ");
                    me.expr(&arm.condition, 1);
                    me.push(": ");
                }
                me.expr(&arm.value, 0);
                me.trail(row.span.end);
            }
            if let (Some(rest), Some(head)) = (otherwise, widths.last()) {
                me.lead_with(rest.span, arms.is_empty(), &|at| place::in_expr(rest, at));
                me.push(&format!("{:head$} ", "otherwise:"));
                me.expr(rest, 0);
                me.trail(rest.span.end);
            }
            me.rest(span.end, false);
        });
        self.last = self.last.max(span.end);
        self.line();
        self.push("}");
    }
}

fn in_part(expr: &Expr, at: u32) -> bool {
    covers(expr.span, at) && place::in_expr(expr, at)
}

fn covers(span: Span, at: u32) -> bool {
    span.start <= at && at < span.end
}

/// Literals and names, of which several on a line can be read.
fn is_short(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Text(text) => !text.block && text.plain().is_some(),
        ExprKind::Negate(inner) => is_short(inner),
        ExprKind::Bool(_)
        | ExprKind::Null
        | ExprKind::Int(_)
        | ExprKind::Decimal(_)
        | ExprKind::Percent(_)
        | ExprKind::Duration(_)
        | ExprKind::Date(_)
        | ExprKind::DateTime(_)
        | ExprKind::Name(_) => true,
        _ => false,
    }
}
