//! When a schedule opens next.

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

use crate::hir::Schedule;

/// So many days ahead an opening is looked for. A schedule opens every week unless its excepted days say
/// otherwise, and nothing waits longer than this anyway.
pub const OPENING_SEARCHED_DAYS_MAX: usize = 400;

impl Schedule {
    /// The earliest instant from `at` on at which it is open: `at` itself when it is open then. `None`
    /// when it does not open within [`OPENING_SEARCHED_DAYS_MAX`].
    ///
    /// It is the clock on the wall that counts. Where clocks skip the beginning of the hours, they begin
    /// right after the skip; where clocks show an hour twice, hours in it are open twice.
    #[must_use]
    pub fn next_opening(&self, at: Timestamp) -> Option<Timestamp> {
        if self.is_open(at) {
            return Some(at);
        }
        let today = self.zone.to_datetime(at).date();
        let last =
            today.checked_add(SignedDuration::from_hours(24 * OPENING_SEARCHED_DAYS_MAX as i64)).ok()?;
        let days = today.series(jiff::Span::new().days(1)).take_while(|day| *day <= last);
        let begins = days.filter_map(|day| self.begins(day, at)).next();
        let end = begins.or_else(|| self.zone.to_timestamp(last.to_datetime(Time::midnight())).ok())?;
        let changes = self.zone.following(at).map(|change| change.timestamp());
        let after_change = changes.take_while(|change| *change < end).find(|change| self.is_open(*change));
        after_change.or(begins)
    }

    /// The first beginning of hours on a day, not before `at`.
    fn begins(&self, day: Date, at: Timestamp) -> Option<Timestamp> {
        let bit = 1_u8 << day.weekday().to_monday_zero_offset();
        let midnight = day.to_datetime(Time::midnight());
        let hours = self.hours.iter().filter(|hours| hours.days & bit != 0);
        let instants = hours.flat_map(|hours| {
            let begin = midnight.checked_add(SignedDuration::from_mins(hours.from.into())).ok();
            let both = begin.map(|begin| self.zone.to_ambiguous_timestamp(begin));
            let earlier = both.and_then(|both| both.earlier().ok());
            earlier.into_iter().chain(both.and_then(|both| both.later().ok()))
        });
        instants.filter(|instant| *instant >= at && self.is_open(*instant)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hir::OpenHours;

    const WEEKDAYS: u8 = 0b001_1111;
    const EVERY_DAY: u8 = 0b111_1111;

    /// Hours as `days from to`, with minutes after midnight.
    fn schedule(zone: &str, hours: &[(u8, u16, u16)]) -> Schedule {
        Schedule {
            name: "s".into(),
            zone: jiff::tz::TimeZone::get(zone).unwrap(),
            hours: hours.iter().map(|&(days, from, to)| OpenHours { days, from, to }).collect(),
            except: vec![jiff::civil::date(2026, 12, 25)],
        }
    }

    #[test]
    fn schedules_open_next() {
        let office = schedule("Europe/Berlin", &[(WEEKDAYS, 9 * 60, 18 * 60)]);
        let night = schedule("Europe/Berlin", &[(EVERY_DAY, 22 * 60, 6 * 60)]);
        let split =
            schedule("America/New_York", &[(WEEKDAYS, 13 * 60, 17 * 60), (WEEKDAYS, 9 * 60, 12 * 60)]);
        let weekend = schedule("America/New_York", &[(0b110_0000, 0, 24 * 60)]);
        // Clocks go from 02:00 to 03:00 on 2026-03-29 in Berlin and on 2026-03-08 in New York, and back
        // from 03:00 on 2026-10-25 and from 02:00 on 2026-11-01.
        let in_gap = schedule("Europe/Berlin", &[(EVERY_DAY, 150, 240)]);
        let only_gap = schedule("Europe/Berlin", &[(EVERY_DAY, 135, 165)]);
        let in_fold = schedule("America/New_York", &[(EVERY_DAY, 75, 90)]);
        let before_fold = schedule("America/New_York", &[(EVERY_DAY, 30, 105)]);
        let never = schedule("UTC", &[]);
        for (schedule, at, opens) in [
            (&office, "2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z"),
            (&office, "2026-03-02T07:59:59.5Z", "2026-03-02T08:00:00Z"),
            (&office, "2026-03-02T17:00:00Z", "2026-03-03T08:00:00Z"),
            (&office, "2026-03-06T17:00:00Z", "2026-03-09T08:00:00Z"),
            (&office, "2026-03-27T17:00:00Z", "2026-03-30T07:00:00Z"),
            (&office, "2026-10-23T16:00:00Z", "2026-10-26T08:00:00Z"),
            (&office, "2026-12-24T17:00:00Z", "2026-12-28T08:00:00Z"),
            (&night, "2026-03-02T05:00:00Z", "2026-03-02T21:00:00Z"),
            (&night, "2026-03-02T23:30:00Z", "2026-03-02T23:30:00Z"),
            (&night, "2026-12-25T05:00:00Z", "2026-12-26T21:00:00Z"),
            (&split, "2026-03-02T13:00:00Z", "2026-03-02T14:00:00Z"),
            (&split, "2026-03-02T17:30:00Z", "2026-03-02T18:00:00Z"),
            (&weekend, "2026-03-06T12:00:00Z", "2026-03-07T05:00:00Z"),
            (&weekend, "2026-03-09T04:00:00Z", "2026-03-14T04:00:00Z"),
            (&in_gap, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
            (&in_gap, "2026-03-29T12:00:00Z", "2026-03-30T00:30:00Z"),
            (&only_gap, "2026-03-28T12:00:00Z", "2026-03-30T00:15:00Z"),
            (&in_fold, "2026-10-31T12:00:00Z", "2026-11-01T05:15:00Z"),
            (&in_fold, "2026-11-01T05:30:00Z", "2026-11-01T06:15:00Z"),
            (&before_fold, "2026-11-01T05:45:00Z", "2026-11-01T06:00:00Z"),
        ] {
            let opening = schedule.next_opening(at.parse().unwrap());
            assert_eq!(opening, Some(opens.parse().unwrap()), "{at}");
        }
        assert_eq!(never.next_opening("2026-03-02T10:00:00Z".parse().unwrap()), None);
    }

    /// Every five minutes of two days with a change of clocks, against `is_open` alone.
    #[test]
    fn nothing_opens_before_the_next_opening() {
        for (zone, from) in [
            ("Europe/Berlin", "2026-03-28T12:00:00Z"),
            ("Europe/Berlin", "2026-10-24T12:00:00Z"),
            ("America/New_York", "2026-03-07T12:00:00Z"),
            ("America/New_York", "2026-10-31T12:00:00Z"),
            ("Africa/Cairo", "2026-04-23T12:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T06:00:00Z"),
        ] {
            let start: Timestamp = from.parse().unwrap();
            for hours in [(60, 90), (90, 150), (150, 170), (0, 20), (1_430, 5), (170, 200)] {
                let schedule = schedule(zone, &[(EVERY_DAY, hours.0, hours.1)]);
                let mut next = None;
                for minute in (0..2_880).step_by(5).collect::<Vec<_>>().into_iter().rev() {
                    let at = start + SignedDuration::from_mins(minute);
                    if schedule.is_open(at) {
                        next = Some(at);
                    }
                    if next.is_some() {
                        assert_eq!(schedule.next_opening(at), next, "{zone} {hours:?} {at}");
                    }
                }
                assert!(next.is_some());
            }
        }
    }
}
