//! Literals other than text.

use super::{Lowering, broken};
use crate::{
    ast::{Expr, ExprKind},
    parse::{
        errors,
        rules::{Node, Rule},
    },
    span::Spanned,
};

/// Minutes of a day; a schedule may end there.
const DAY_MINUTES: u16 = 24 * 60;

impl Lowering<'_> {
    pub(super) fn literal(&mut self, node: &Node<'_>) -> Expr {
        let span = self.span(node);
        let written = node.as_str();
        let kind = match node.as_rule() {
            Rule::bool => ExprKind::Bool(written == "true"),
            Rule::null => ExprKind::Null,
            Rule::int => ExprKind::Int(without_marks(written)),
            Rule::decimal => ExprKind::Decimal(without_marks(written)),
            Rule::percent => ExprKind::Percent(without_marks(written.trim_end_matches('%'))),
            Rule::duration => return self.duration(node),
            Rule::date => ExprKind::Date(written.into()),
            Rule::datetime => ExprKind::DateTime(written.into()),
            Rule::odd_date => return self.odd_date(node),
            Rule::odd_number => return self.odd_number(node),
            _ => return broken(span),
        };
        Expr { kind, span }
    }

    fn duration(&mut self, node: &Node<'_>) -> Expr {
        let span = self.span(node);
        match milliseconds(node.as_str()) {
            Some(value) => Expr { kind: ExprKind::Duration(value), span },
            None => {
                self.report(errors::number::duration_too_long(span, node.as_str()));
                broken(span)
            }
        }
    }

    /// A duration where only one may stand, in milliseconds.
    pub(super) fn duration_of(&mut self, node: &Node<'_>) -> Spanned<u64> {
        let expr = self.literal(node);
        let value = if let ExprKind::Duration(value) = expr.kind { value } else { 0 };
        if node.as_rule() == Rule::odd_number
            && !matches!(expr.kind, ExprKind::Duration(_) | ExprKind::Broken)
        {
            self.report(errors::number::not_a_duration(expr.span, node.as_str()));
        }
        Spanned { node: value, span: expr.span }
    }

    fn odd_date(&mut self, node: &Node<'_>) -> Expr {
        let span = self.span(node);
        let written = node.as_str();
        let mended = mended_date(written);
        self.report(errors::number::date(span, written, mended.as_deref()));
        let kind = match mended {
            Some(text) if text.contains('T') => ExprKind::DateTime(text.into()),
            Some(text) => ExprKind::Date(text.into()),
            None => ExprKind::Broken,
        };
        Expr { kind, span }
    }

    /// A date where only one may stand.
    pub(super) fn date_of(&mut self, node: &Node<'_>) -> Spanned<Box<str>> {
        let expr = self.literal(node);
        let text = match expr.kind {
            ExprKind::Date(text) | ExprKind::DateTime(text) => text,
            _ => node.as_str().into(),
        };
        Spanned { node: text, span: expr.span }
    }

    /// `09:00` in minutes after midnight. Only a closing time may be `24:00`.
    pub(super) fn time(&mut self, node: &Node<'_>, closing: bool) -> Spanned<u16> {
        let span = self.span(node);
        let written = node.as_str();
        let mut minutes = (node.as_rule() == Rule::time).then(|| clock(written)).flatten();
        if minutes == Some(DAY_MINUTES) && !closing {
            self.report(errors::number::opens_at_midnight(span));
            minutes = Some(0);
        }
        let node = minutes.unwrap_or_else(|| {
            let mended = mended_time(written);
            self.report(errors::number::time(span, written, mended.as_deref()));
            mended.and_then(|mended| clock(&mended)).unwrap_or(0)
        });
        Spanned { node, span }
    }
}

/// Digits without `_`.
fn without_marks(digits: &str) -> Box<str> {
    digits.replace('_', "").into()
}

/// The parts of `1h30m` in milliseconds; nothing when they do not fit or are not a duration.
pub(super) fn milliseconds(written: &str) -> Option<u64> {
    let mut rest = written;
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, after) = tail.split_at_checked(letters)?;
        let factor: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = after;
    }
    Some(sum)
}

/// Minutes after midnight of `HH:MM`, up to `24:00`.
fn clock(written: &str) -> Option<u16> {
    let (hours, minutes) = written.split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && total <= DAY_MINUTES).then_some(total)
}

/// `9:00`, `9am`, `17` and `5:30pm` as they are written here.
fn mended_time(written: &str) -> Option<String> {
    let lower = written.to_ascii_lowercase();
    let (digits, half) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (_, Some(digits)) => (digits, Some(12)),
        _ => (lower.as_str(), None),
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let minutes = minutes.split_once(':').map_or(minutes, |(minutes, _)| minutes);
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let hours = match half {
        Some(_) if !(1..=12).contains(&hours) => return None,
        Some(half) => hours % 12 + half,
        None => hours,
    };
    (hours < 24 && minutes < 60).then(|| format!("{hours:02}:{minutes:02}"))
}

/// `2026-3-1` with zeros, and a time of day without a zone in UTC.
fn mended_date(written: &str) -> Option<String> {
    let (day, time) = written.split_once('T').map_or((written, None), |(day, time)| (day, Some(time)));
    let mut parts = day.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let date = format!("{year}-{month:0>2}-{day:0>2}");
    let Some(time) = time else { return Some(date) };
    let colons = time.bytes().filter(|&byte| byte == b':').count();
    let plain = time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let whole = time.split(':').all(|part| part.len() == 2);
    (plain && whole && (1..=2).contains(&colons)).then(|| format!("{date}T{time}Z"))
}
