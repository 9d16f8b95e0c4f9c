//! Whether a schedule is open at an instant.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::hir::Schedule;

impl Schedule {
    /// Whether the instant lies in its hours. Hours that cross midnight belong to the day they start
    /// on: closed on that day, closed after midnight, too.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        let local = self.zone.to_datetime(at);
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let today = local.date();
        let opens = |date: Date, fits: &dyn Fn(u16, u16) -> bool| {
            let day = 1_u8 << date.weekday().to_monday_zero_offset();
            !self.except.contains(&date)
                && self.hours.iter().any(|hours| hours.days & day != 0 && fits(hours.from, hours.to))
        };
        let same_day = |from: u16, to: u16| minute >= from && (to <= from || minute < to);
        let past_midnight = |from: u16, to: u16| to <= from && minute < to;
        opens(today, &same_day) || today.yesterday().is_ok_and(|yesterday| opens(yesterday, &past_midnight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hir::OpenHours;

    #[test]
    fn hours_are_local_and_may_cross_midnight() {
        let schedule = |zone: &str, days, from, to| Schedule {
            name: "s".into(),
            zone: jiff::tz::TimeZone::get(zone).unwrap(),
            hours: vec![OpenHours { days, from, to }],
            except: vec![jiff::civil::date(2026, 12, 25)],
        };
        let office = schedule("Europe/Berlin", 0b001_1111, 9 * 60, 18 * 60);
        let night = schedule("UTC", 0b111_1111, 22 * 60, 6 * 60);
        let weekend = schedule("America/New_York", 0b110_0000, 0, 24 * 60);
        for (schedule, at, open) in [
            (&office, "2026-03-02T08:00:00Z", true),
            (&office, "2026-03-02T07:59:59Z", false),
            (&office, "2026-03-02T17:00:00Z", false),
            (&office, "2026-07-01T07:00:00Z", true),
            (&office, "2026-12-25T10:00:00Z", false),
            (&office, "2026-03-01T10:00:00Z", false),
            (&night, "2026-03-01T23:00:00Z", true),
            (&night, "2026-03-01T05:59:00Z", true),
            (&night, "2026-03-01T06:00:00Z", false),
            (&night, "2026-12-25T23:00:00Z", false),
            (&night, "2026-12-26T05:00:00Z", false),
            (&night, "2026-12-25T05:00:00Z", true),
            (&weekend, "2026-03-02T04:59:00Z", true),
            (&weekend, "2026-03-02T05:00:00Z", false),
        ] {
            assert_eq!(
                schedule.is_open(at.parse().unwrap()),
                open,
                "{} {at}",
                schedule.zone.iana_name().unwrap()
            );
        }
    }
}
