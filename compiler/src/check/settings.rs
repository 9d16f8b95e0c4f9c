//! Settings of deliveries: which there are and what each takes.

use std::time::Duration;

use grammar::{Ident, ast};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::Checker;
use super::scope::Typed;
use crate::hir::{Allowance, Dedupe, Expr, OnFieldError, Outside, Priority, Sample, Settings};
use crate::messages::{deliveries as messages, grouped};
use crate::types::Kind;
use crate::value::Value;

/// Every setting of the language.
pub(crate) const SETTINGS: &[&str] = &[
    "retry",
    "timeout",
    "expires",
    "rate_limit",
    "throttle",
    "dedupe",
    "order_by",
    "sample",
    "during",
    "outside",
    "delay",
    "priority",
    "on_field_error",
    "idempotency_key",
];

/// Settings that are planned and not part of the language yet.
const LATER: &[&str] = &["batch", "digest", "cancel"];

const DAY: Duration = Duration::from_secs(86_400);

/// Longer than this nothing is delayed or remembered.
const MONTH: Duration = Duration::from_secs(30 * 86_400);

impl Checker<'_> {
    /// Applies a settings record to what is inherited; the innermost wins, field by field.
    pub(super) fn settings(&mut self, settings: &mut Settings, record: &ast::Record) {
        self.keys_once(record);
        for entry in &record.entries {
            match entry {
                ast::Entry::Field { key, value } => self.setting(settings, key, value),
                ast::Entry::Spread(base) => self.report(messages::settings_have_no_spread(base.span)),
            }
        }
    }

    fn setting(&mut self, settings: &mut Settings, key: &Ident, value: &ast::Expr) {
        let name = &*key.text;
        if LATER.contains(&name) {
            self.report(messages::setting_comes_later(key));
            return;
        }
        match name {
            "retry" => self.retry(settings, value),
            "timeout" => self.duration_within(value, key, Duration::from_millis(1), DAY / 24, |length| {
                settings.timeout = length;
            }),
            "expires" => self.duration_within(value, key, Duration::from_secs(1), MONTH, |length| {
                settings.expires = length;
            }),
            "rate_limit" => {
                if let Some(allowance) = self.allowance(value, key) {
                    settings.rate_limit = Some(allowance);
                }
            }
            "throttle" => {
                if let Some(allowance) = self.allowance(value, key) {
                    if allowance.by.is_none() {
                        self.report(messages::throttle_drops(key.span));
                    }
                    settings.throttle = Some(allowance);
                }
            }
            "dedupe" => settings.dedupe = self.dedupe(value, key).or(settings.dedupe.take()),
            "order_by" => settings.order_by = self.key(value, key).or(settings.order_by.take()),
            "sample" => settings.sample = self.sample(value, key).or(settings.sample.take()),
            "during" => settings.during = self.schedule_value(value).or(settings.during),
            "delay" => settings.delay = self.delay(value, key).or(settings.delay.take()),
            "idempotency_key" => {
                settings.idempotency_key = self.key(value, key).or(settings.idempotency_key.take());
            }
            "outside" => {
                self.one_of(value, key, &[("hold", Outside::Hold), ("skip", Outside::Skip)], |one| {
                    settings.outside = one;
                })
            }
            "priority" => {
                let weights =
                    [("low", Priority::Low), ("normal", Priority::Normal), ("high", Priority::High)];
                self.one_of(value, key, &weights, |one| settings.priority = one);
            }
            "on_field_error" => {
                let answers = [("fail", OnFieldError::Fail), ("skip", OnFieldError::Skip)];
                self.one_of(value, key, &answers, |one| settings.on_field_error = one);
            }
            _ => self.report(messages::unknown_setting(key, SETTINGS)),
        }
    }

    /// `{ attempts, first_wait, longest_wait, growth, jitter }`, field by field.
    fn retry(&mut self, settings: &mut Settings, value: &ast::Expr) {
        const FIELDS: &[&str] = &["attempts", "first_wait", "longest_wait", "growth", "jitter"];
        let Some(fields) = self.fields(value, "retry", FIELDS) else { return };
        let retry = &mut settings.retry;
        for (key, value) in fields {
            match &*key.text {
                "attempts" => {
                    if let Some(number) = self.whole(value, key, 1, 100) {
                        retry.attempts = number;
                    }
                }
                "first_wait" => {
                    self.duration_within(value, key, Duration::ZERO, DAY, |length| retry.first_wait = length);
                }
                "longest_wait" => {
                    let second = Duration::from_secs(1);
                    self.duration_within(value, key, second, 7 * DAY, |length| retry.longest_wait = length);
                }
                "growth" => {
                    if let Some(number) = self.number(value, key, Decimal::ONE, Decimal::TEN) {
                        retry.growth = number;
                    }
                }
                "jitter" => {
                    if let Some(number) = self.number(value, key, Decimal::ZERO, Decimal::ONE) {
                        retry.jitter = number;
                    }
                }
                _ => {}
            }
        }
    }

    /// `{ allow, every, by }`
    fn allowance(&mut self, value: &ast::Expr, of: &Ident) -> Option<Allowance> {
        let fields = self.fields(value, &of.text, &["allow", "every", "by"])?;
        let (mut allow, mut every, mut by) = (None, None, None);
        for (key, value) in fields {
            match &*key.text {
                "allow" => allow = Some(self.whole(value, key, 1, 1_000_000)?),
                "every" => {
                    let second = Duration::from_millis(1);
                    self.duration_within(value, key, second, MONTH, |length| every = Some(length));
                    every?;
                }
                "by" => by = Some(self.key(value, key)?),
                _ => {}
            }
        }
        match (allow, every) {
            (Some(allow), Some(every)) => Some(Allowance { allow, every, by }),
            (None, _) => {
                self.report(messages::setting_lacks(value.span, &of.text, "allow", "how many"));
                None
            }
            (_, None) => {
                self.report(messages::setting_lacks(value.span, &of.text, "every", "in which time"));
                None
            }
        }
    }

    /// `{ by, within }`
    fn dedupe(&mut self, value: &ast::Expr, of: &Ident) -> Option<Dedupe> {
        let fields = self.fields(value, &of.text, &["by", "within"])?;
        let (mut by, mut within) = (None, None);
        for (key, value) in fields {
            match &*key.text {
                "by" => by = Some(self.key(value, key)?),
                "within" => {
                    self.duration_within(value, key, Duration::from_secs(1), MONTH, |length| {
                        within = Some(length)
                    });
                    within?;
                }
                _ => {}
            }
        }
        match (by, within) {
            (Some(by), Some(within)) => Some(Dedupe { by, within }),
            (None, _) => {
                self.report(messages::setting_lacks(value.span, &of.text, "by", "what tells two apart"));
                None
            }
            (_, None) => {
                self.report(messages::setting_lacks(value.span, &of.text, "within", "for how long"));
                None
            }
        }
    }

    /// `5%`, or `{ share, by, salt }`
    fn sample(&mut self, value: &ast::Expr, of: &Ident) -> Option<Sample> {
        if !matches!(value.kind, ast::ExprKind::Record(_)) {
            let share = self.number(value, of, Decimal::ZERO, Decimal::ONE)?;
            return Some(Sample { share, by: None, salt: None });
        }
        let fields = self.fields(value, &of.text, &["share", "by", "salt"])?;
        let mut sample = Sample { share: Decimal::ONE, by: None, salt: None };
        let mut given = false;
        for (key, value) in fields {
            match &*key.text {
                "share" => {
                    sample.share = self.number(value, key, Decimal::ZERO, Decimal::ONE)?;
                    given = true;
                }
                "by" => sample.by = Some(self.key(value, key)?),
                "salt" => {
                    let salt = self.constant(value, key, &[Kind::Text])?;
                    sample.salt = salt.as_text().map(std::sync::Arc::from);
                }
                _ => {}
            }
        }
        if !given {
            self.report(messages::setting_lacks(value.span, &of.text, "share", "which part is sent"));
            return None;
        }
        Some(sample)
    }

    /// Below zero is zero; a known delay is bounded here, a computed one while running.
    fn delay(&mut self, value: &ast::Expr, of: &Ident) -> Option<Expr> {
        let delay = self.unguarded(|checker| checker.value(value));
        if delay.ty.is_broken() || !self.wants(&delay, &[Kind::Duration], "`delay`") {
            return None;
        }
        if let Some(Value::Duration(length)) = delay.as_constant()
            && length.unsigned_abs() > MONTH
            && length.is_positive()
        {
            self.report(messages::out_of_range(delay.span, &of.text, "0s", "30d"));
            return None;
        }
        Some(delay.expr)
    }

    /// What deliveries are told apart by: any single value.
    fn key(&mut self, value: &ast::Expr, of: &Ident) -> Option<Expr> {
        let key = self.unguarded(|checker| checker.value(value));
        if key.ty.is_broken() {
            return None;
        }
        if matches!(key.ty.kind(), Kind::List | Kind::Record | Kind::Schedule) {
            self.report(messages::key_is_no_scalar(key.span, &of.text, key.ty.kind()));
            return None;
        }
        Some(key.expr)
    }

    /// The fields of a settings record, unknown ones reported.
    fn fields<'e>(
        &mut self,
        value: &'e ast::Expr,
        of: &str,
        known: &[&str],
    ) -> Option<Vec<(&'e Ident, &'e ast::Expr)>> {
        let ast::ExprKind::Record(record) = &value.kind else {
            self.report(messages::setting_needs_record(value.span, of, known));
            return None;
        };
        self.keys_once(record);
        let mut fields = Vec::new();
        for entry in &record.entries {
            match entry {
                ast::Entry::Field { key, value } if known.contains(&&*key.text) => fields.push((key, value)),
                ast::Entry::Field { key, .. } => self.report(messages::unknown_setting(key, known)),
                ast::Entry::Spread(base) => self.report(messages::settings_have_no_spread(base.span)),
            }
        }
        Some(fields)
    }

    /// A value that must be known while compiling.
    fn constant(&mut self, value: &ast::Expr, of: &Ident, kinds: &[Kind]) -> Option<Typed> {
        let value = self.unguarded(|checker| checker.value(value));
        if value.ty.is_broken() || !self.wants(&value, kinds, &format!("`{of}`")) {
            return None;
        }
        match value.as_constant() {
            Some(Value::Missing | Value::Null) | None => {
                self.report(messages::setting_not_constant(value.span, &of.text));
                None
            }
            Some(_) => Some(value),
        }
    }

    fn whole(&mut self, value: &ast::Expr, of: &Ident, least: u32, most: u32) -> Option<u32> {
        let number = self.number(value, of, Decimal::from(least), Decimal::from(most))?;
        match number.to_u32().filter(|_| number.is_integer()) {
            Some(whole) => Some(whole),
            None => {
                self.report(messages::out_of_range(
                    value.span,
                    &of.text,
                    &least.to_string(),
                    &most.to_string(),
                ));
                None
            }
        }
    }

    fn number(&mut self, value: &ast::Expr, of: &Ident, least: Decimal, most: Decimal) -> Option<Decimal> {
        let constant = self.constant(value, of, &[Kind::Number])?;
        let number = match constant.as_constant()? {
            Value::Int(number) => Decimal::from(*number),
            Value::Decimal(number) => *number,
            _ => return None,
        };
        if number < least || number > most {
            let percent = self.written(value.span).ends_with('%');
            let shown = |number: Decimal| match number.to_usize() {
                _ if percent => format!("{}%", (number * Decimal::ONE_HUNDRED).normalize()),
                Some(whole) if number.is_integer() => grouped(whole),
                _ => number.to_string(),
            };
            self.report(messages::out_of_range(value.span, &of.text, &shown(least), &shown(most)));
            return None;
        }
        Some(number)
    }

    fn duration_within(
        &mut self,
        value: &ast::Expr,
        of: &Ident,
        least: Duration,
        most: Duration,
        take: impl FnOnce(Duration),
    ) {
        let Some(constant) = self.constant(value, of, &[Kind::Duration]) else { return };
        let Some(Value::Duration(length)) = constant.as_constant() else { return };
        match Duration::try_from(*length) {
            Ok(length) if (least..=most).contains(&length) => take(length),
            _ => self.report(messages::out_of_range(value.span, &of.text, &written(least), &written(most))),
        }
    }

    fn one_of<T: Copy>(&mut self, value: &ast::Expr, of: &Ident, known: &[(&str, T)], take: impl FnOnce(T)) {
        let Some(constant) = self.constant(value, of, &[Kind::Text]) else { return };
        let text = constant.as_text().unwrap_or_default();
        match known.iter().find(|(name, _)| *name == text) {
            Some((_, one)) => take(*one),
            None => {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                self.report(messages::setting_takes(value.span, &of.text, text, &names));
            }
        }
    }
}

/// A length of time as rules write it.
fn written(length: Duration) -> String {
    let millis = length.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let fits = units.iter().find(|(_, unit)| millis > 0 && millis.is_multiple_of(*unit));
    match fits {
        Some((name, unit)) => format!("{}{name}", millis / unit),
        None if millis == 0 => "0s".to_owned(),
        None => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_shown_in_the_largest_whole_unit() {
        for (seconds, expected) in [(0, "0s"), (90, "90s"), (3_600, "1h"), (2_592_000, "30d")] {
            assert_eq!(written(Duration::from_secs(seconds)), expected);
        }
    }
}
