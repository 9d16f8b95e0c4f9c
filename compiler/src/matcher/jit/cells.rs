//! What an event has at the paths that routines compare, as pairs of integers.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::super::source::{Of, Shown, Source};
use super::super::table::Fast;
use crate::eval::Facts;
use crate::hir::{Expr, Rule};
use crate::pattern::fold;
use crate::slots::Place;
use crate::value::Value;

/// A cell that was not filled for this event yet.
pub(super) const UNFILLED: [i64; 2] = [-1, 0];
/// Absent, or a number that does not fit.
pub(super) const MISSING: i64 = 0;
/// An explicit null; everything up to here counts as missing.
pub(super) const NULL: i64 = 1;
/// The second integer is 0 or 1.
pub(super) const BOOL: i64 = 2;
/// A number whose value is an integer of i64, which the second integer is.
pub(super) const INT: i64 = 3;
/// Any other number; the second integer is the greatest integer not above it, or the nearest of i64.
pub(super) const DECIMAL: i64 = 4;
/// A text; the second integer is the symbol of the equal constant, or 0 when there is none.
pub(super) const TEXT: i64 = 5;
/// Anything else.
pub(super) const OTHER: i64 = 6;

/// The cells of a plan, and the constants that texts are compared with.
#[derive(Debug, Default)]
pub(super) struct Cells {
    sources: Vec<Source>,
    places: HashMap<Source, u32>,
    exact: Symbols,
    folded: Symbols,
}

/// Texts by number, from 1.
#[derive(Debug, Default)]
struct Symbols {
    symbols: HashMap<Box<str>, i64, BuildHasherDefault<Fast>>,
    longest: usize,
}

impl Cells {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.sources.len()
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let symbols = self.exact.symbols.keys().chain(self.folded.symbols.keys());
        symbols.map(|text| text.len() + 2 * size_of::<(Box<str>, i64)>()).sum()
    }

    /// The cell of an expression that has one.
    pub(super) fn of(&mut self, expr: &Expr, rule: &Rule, folded: bool) -> Option<u32> {
        let source = Source::of(expr, rule, folded)?;
        let next = u32::try_from(self.sources.len()).ok()?;
        Some(*self.places.entry(source).or_insert_with(|| {
            self.sources.push(source);
            next
        }))
    }

    /// The number of a text that cells are compared with.
    pub(super) fn symbol(&mut self, text: &str, folded: bool) -> i64 {
        if folded { self.folded.insert(&fold(text)) } else { self.exact.insert(text) }
    }

    /// Fills cells that were not filled for this event yet.
    pub(super) fn fill(&self, facts: &Facts<'_, '_>, wanted: &[u32], cells: &mut [[i64; 2]]) {
        for &at in wanted {
            let at = at as usize;
            if let (Some(cell), Some(&source)) = (cells.get_mut(at), self.sources.get(at))
                && *cell == UNFILLED
            {
                *cell = self.cell(facts, source);
            }
        }
    }

    #[inline]
    fn cell(&self, facts: &Facts<'_, '_>, source: Source) -> [i64; 2] {
        match source.shown(facts) {
            Shown::Missing if self.is_null(facts, source) => [NULL, 0],
            Shown::Missing => [MISSING, 0],
            Shown::Container => [OTHER, 0],
            Shown::Text(text) => {
                [TEXT, if source.folded { self.folded.get(&text) } else { self.exact.get(&text) }]
            }
            Shown::Scalar(Value::Bool(truth)) => [BOOL, i64::from(truth)],
            Shown::Scalar(Value::Int(int)) => [INT, int],
            Shown::Scalar(Value::Decimal(decimal)) => number(decimal),
            Shown::Scalar(_) => [OTHER, 0],
        }
    }

    fn is_null(&self, facts: &Facts<'_, '_>, source: Source) -> bool {
        matches!(source.of, Of::Path(path) if facts.slots.place(&facts.plan.paths, path) == Place::Null)
    }
}

impl Symbols {
    fn insert(&mut self, text: &str) -> i64 {
        let next = i64::try_from(self.symbols.len()).unwrap_or(i64::MAX - 1) + 1;
        self.longest = self.longest.max(text.len());
        *self.symbols.entry(text.into()).or_insert(next)
    }

    fn get(&self, text: &str) -> i64 {
        // A long text is not read through to learn that no constant equals it.
        if text.len() > self.longest { 0 } else { self.symbols.get(text).copied().unwrap_or(0) }
    }
}

/// The cell of a decimal; the interpreter takes `3.0` for 3, too.
fn number(decimal: Decimal) -> [i64; 2] {
    let floor = decimal.floor();
    let nearest = floor.to_i64().unwrap_or(if decimal.is_sign_negative() { i64::MIN } else { i64::MAX });
    if Decimal::from(nearest) == decimal { [INT, nearest] } else { [DECIMAL, nearest] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_integers_or_what_lies_below() {
        for (text, cell) in [
            ("3.0", [INT, 3]),
            ("-0.0", [INT, 0]),
            ("2.5", [DECIMAL, 2]),
            ("-2.5", [DECIMAL, -3]),
            ("9223372036854775807", [INT, i64::MAX]),
            ("9223372036854775808", [DECIMAL, i64::MAX]),
            ("-9223372036854775808", [INT, i64::MIN]),
            ("-9223372036854775808.5", [DECIMAL, i64::MIN]),
            ("-9223372036854775809", [DECIMAL, i64::MIN]),
        ] {
            assert_eq!(number(text.parse().unwrap()), cell, "{text}");
        }
    }
}
