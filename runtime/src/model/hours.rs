//! Weekly hours as plain data: what a journal keeps of a schedule.

use std::sync::Arc;

use compiler::hir::{OpenHours, Schedule};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Weekly hours in a zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hours {
    /// The zone's IANA name.
    pub zone: Arc<str>,
    /// Days (bit 0 is Monday), and the minutes after midnight from which to which it is open.
    pub open: Vec<(u8, u16, u16)>,
    /// Closed on these days.
    pub except: Vec<Date>,
}

impl Hours {
    /// The hours of a schedule.
    #[must_use]
    pub fn of(schedule: &Schedule) -> Self {
        Self {
            zone: schedule.zone.iana_name().unwrap_or("UTC").into(),
            open: schedule.hours.iter().map(|hours| (hours.days, hours.from, hours.to)).collect(),
            except: schedule.except.clone(),
        }
    }

    /// The schedule with these hours. A zone that this build no longer knows counts as UTC.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        let hours = self.open.iter().map(|&(days, from, to)| OpenHours { days, from, to });
        Schedule {
            name: Arc::from(""),
            zone: TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC),
            hours: hours.collect(),
            except: self.except.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_the_schedule_they_come_from() {
        let schedule = Schedule {
            name: "office".into(),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
            hours: vec![OpenHours { days: 0b001_1111, from: 540, to: 1080 }],
            except: vec![jiff::civil::date(2026, 12, 25)],
        };
        let back = Hours::of(&schedule).schedule();
        for at in
            ["2026-03-02T10:00:00Z", "2026-03-02T07:30:00Z", "2026-12-25T10:00:00Z", "2026-03-07T10:00:00Z"]
        {
            let at = at.parse().unwrap();
            assert_eq!(back.next_opening(at), schedule.next_opening(at), "{at}");
        }
        assert_eq!(Hours::of(&back), Hours::of(&schedule));
    }
}
