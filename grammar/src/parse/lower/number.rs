//! Numbers and durations as people write them elsewhere: `1e6`, `.5`, `2w`, `1.5h`.

use super::{Lowering, literal::milliseconds};
use crate::{
    ast::{Expr, ExprKind},
    parse::{errors, rules::Node},
};

/// What was probably meant.
enum Meant {
    Number(String),
    Duration(String),
}

impl Lowering<'_> {
    pub(super) fn odd_number(&mut self, node: &Node<'_>) -> Expr {
        let span = self.span(node);
        let written = node.as_str();
        let (kind, report) = match meant(written) {
            Some(Meant::Number(number)) => {
                let report = errors::number::number(span, written, Some(&number));
                let digits = number.replace('_', "").into_boxed_str();
                let kind = match digits.strip_suffix('%') {
                    Some(share) => ExprKind::Percent(share.into()),
                    None if digits.contains('.') => ExprKind::Decimal(digits),
                    None => ExprKind::Int(digits),
                };
                (kind, report)
            }
            Some(Meant::Duration(text)) => {
                let value = milliseconds(&text);
                let report = errors::number::duration(span, written, Some(&text));
                (value.map_or(ExprKind::Broken, ExprKind::Duration), report)
            }
            None if unit_of(written).is_some() => {
                (ExprKind::Broken, errors::number::duration(span, written, None))
            }
            None => (ExprKind::Broken, errors::number::number(span, written, None)),
        };
        self.report(report);
        Expr { kind, span }
    }
}

/// A number and a unit as words, such as `90min` or `1.5h`.
fn unit_of(written: &str) -> Option<(&str, &str)> {
    let at = written.find(|letter: char| letter.is_alphabetic())?;
    let (number, unit) = written.split_at_checked(at)?;
    let known = [
        "ms", "msec", "s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minute", "minutes", "h",
        "hr", "hrs", "hour", "hours", "d", "day", "days", "w", "wk", "week", "weeks", "mo", "month",
        "months", "y", "yr", "year", "years",
    ];
    known.contains(&unit).then_some((number, unit))
}

fn meant(written: &str) -> Option<Meant> {
    if let Some((number, unit)) = unit_of(written) {
        return duration_meant(number, unit).map(Meant::Duration);
    }
    let (number, sign) = written.strip_suffix('%').map_or((written, ""), |number| (number, "%"));
    if let Some((digits, exponent)) = number.split_once(['e', 'E']) {
        return Some(Meant::Number(expanded(digits, exponent)? + sign));
    }
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'.'));
    if !plain || number.bytes().filter(|&byte| byte == b'.').count() > 1 {
        return None;
    }
    let digits = number.replace('_', "");
    let whole = if digits.starts_with('.') { format!("0{digits}") } else { digits };
    Some(Meant::Number(whole + sign))
}

/// `1e6` as `1000000`, up to 18 places.
fn expanded(digits: &str, exponent: &str) -> Option<String> {
    let exponent: usize = exponent.parse().ok().filter(|&exponent| exponent <= 18)?;
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(part) || part.len() > exponent {
        return None;
    }
    let zeros = "0".repeat(exponent - part.len());
    let all = format!("{whole}{part}{zeros}");
    let trimmed = all.trim_start_matches('0');
    Some(if trimmed.is_empty() { "0".to_owned() } else { grouped(trimmed) })
}

/// Digits in groups of three, as in `1_000_000`.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

/// A number of days, hours, … in our units; no months or years, which are not of one length.
fn duration_meant(number: &str, unit: &str) -> Option<String> {
    let factor: u64 = match unit.chars().next()? {
        'm' if unit.starts_with("ms") => 1,
        's' => 1_000,
        'm' if unit.starts_with("mo") => return None,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        'w' => 7 * 86_400_000,
        _ => return None,
    };
    let number = number.replace('_', "");
    let (whole, part) = number.split_once('.').unwrap_or((&number, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(factor)?;
    if !part.is_empty() {
        let scale = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
        let rest = part.parse::<u64>().ok()?.checked_mul(factor)?;
        total = total.checked_add(rest.is_multiple_of(scale).then_some(rest / scale)?)?;
    }
    let mut text = String::new();
    for (name, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if total >= size {
            text.push_str(&format!("{}{name}", total / size));
            total %= size;
        }
    }
    (!text.is_empty()).then_some(text)
}
