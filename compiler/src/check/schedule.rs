//! Schedules: weekly hours in a zone.

use std::str::FromStr;
use std::sync::Arc;

use grammar::ast;

use super::Checker;
use super::names::{Named, Space};
use crate::hir::{OpenHours, Schedule, ScheduleId};
use crate::messages::names as messages;
use crate::ternary::Ternary;

/// The last minute of a day, as an end.
const DAY_MINUTES: u16 = 24 * 60;

impl Checker<'_> {
    /// Checks every schedule.
    pub(super) fn declare_schedules(&mut self) {
        let schedules: Vec<&ast::Schedule> = self
            .names
            .values
            .values()
            .filter_map(|named| match named {
                Named::Schedule(schedule) => Some(*schedule),
                Named::Const(_) | Named::Predicate(_) | Named::List(_) => None,
            })
            .collect();
        for schedule in schedules {
            let checked = self.schedule(schedule);
            self.program.schedules.push(Arc::new(checked));
        }
    }

    fn schedule(&mut self, schedule: &ast::Schedule) -> Schedule {
        let mut zone = jiff::tz::TimeZone::UTC;
        match schedule.zone.plain() {
            Some(name) => match jiff::tz::TimeZone::get(name) {
                Ok(known) => zone = known,
                Err(_) => self.report(messages::unknown_zone(schedule.zone.span, name)),
            },
            None => self.report(messages::unknown_zone(schedule.zone.span, "")),
        }
        let mut except = Vec::new();
        for day in &schedule.except {
            match jiff::civil::Date::from_str(&day.node) {
                Ok(date) => except.push(date),
                Err(_) => self.report(crate::messages::types::no_such_day(day.span, &day.node)),
            }
        }
        let hours = schedule.hours.iter().filter_map(|hours| self.hours(hours)).collect();
        Schedule { name: Arc::from(&*schedule.name.text), zone, hours, except }
    }

    fn hours(&mut self, hours: &ast::Hours) -> Option<OpenHours> {
        let (from, to) = (hours.from.node, hours.to.node);
        if to > DAY_MINUTES {
            self.report(messages::hours_end_too_late(hours.to.span));
            return None;
        }
        if from == to {
            self.report(messages::hours_are_empty(hours.from.span.to(hours.to.span)));
            return None;
        }
        Some(OpenHours { days: days(hours.days), from, to })
    }

    /// A schedule as a value: a name, a const, or a `choose` of them on the environment.
    pub(super) fn schedule_value(&mut self, expr: &ast::Expr) -> Option<ScheduleId> {
        match &expr.kind {
            ast::ExprKind::Paren(inner) => self.schedule_value(inner),
            ast::ExprKind::Name(name) => match self.names.values.get(&*name.text).copied() {
                Some(Named::Schedule(_)) => {
                    self.uses(Space::Value, name);
                    let same = |one: &Arc<Schedule>| *one.name == *name.text;
                    let at = self.program.schedules.iter().position(same)?;
                    u32::try_from(at).ok().map(ScheduleId)
                }
                Some(Named::Const(declared)) => {
                    self.uses(Space::Value, name);
                    let value = self.quietly(|checker| checker.const_value(declared, name.span));
                    if value.ty.kind() != crate::types::Kind::Schedule {
                        if !value.ty.is_broken() {
                            self.report(messages::not_a_schedule(name, "a const"));
                        }
                        return None;
                    }
                    self.schedule_value(&declared.value)
                }
                Some(named) => {
                    self.report(messages::not_a_schedule(name, named.words()));
                    None
                }
                None if self.names.unread.contains(&*name.text) => None,
                None => {
                    self.report(messages::unknown_schedule(name, &self.schedule_names()));
                    None
                }
            },
            ast::ExprKind::Choose { arms, otherwise } => {
                for arm in arms {
                    let answer = self.unguarded(|checker| checker.condition(&arm.condition));
                    match answer.as_constant() {
                        Some(Ternary::Yes) => return self.schedule_value(&arm.value),
                        Some(_) => {}
                        None => {
                            self.report(messages::schedule_by_event(arm.condition.span));
                            return None;
                        }
                    }
                }
                self.schedule_value(otherwise.as_deref()?)
            }
            _ => {
                self.report(messages::schedule_expected(expr.span));
                None
            }
        }
    }

    fn schedule_names(&self) -> Vec<&str> {
        let is_schedule = |named: &Named| matches!(named, Named::Schedule(_));
        let names = self.names.values.iter().filter(|(_, named)| is_schedule(named));
        names.map(|(name, _)| *name).collect()
    }
}

/// Bit 0 is Monday.
fn days(days: ast::Days) -> u8 {
    match days {
        ast::Days::Weekdays => 0b001_1111,
        ast::Days::Weekends => 0b110_0000,
        ast::Days::Every => 0b111_1111,
        ast::Days::One(day) => 1 << (day % 7),
        ast::Days::Range(from, to) => {
            let (from, to) = (from % 7, to % 7);
            let length = (to + 7 - from) % 7;
            (0..=length).fold(0, |days, step| days | 1 << ((from + step) % 7))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::days;
    use grammar::ast::Days;

    #[test]
    fn a_range_of_days_goes_round_the_week() {
        assert_eq!(days(Days::Range(4, 0)), 0b111_0001);
        assert_eq!(days(Days::Range(0, 4)), days(Days::Weekdays));
        assert_eq!(days(Days::Range(2, 2)), days(Days::One(2)));
    }
}
