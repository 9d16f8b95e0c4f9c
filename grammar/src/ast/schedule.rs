//! Weekly hours as written.

use serde::{Deserialize, Serialize};

use super::Text;
use crate::span::{Ident, Span, Spanned};

/// `schedule NAME = HOURS, HOURS in "ZONE" except DATE, DATE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Its name.
    pub name: Ident,
    /// The weekly hours.
    pub hours: Vec<Hours>,
    /// The IANA zone.
    pub zone: Text,
    /// Days on which it is closed, `YYYY-MM-DD` as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Spanned<Box<str>>>,
}

/// `weekdays 09:00 to 18:00`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Which days.
    pub days: Days,
    /// Opening, minutes after midnight, 0 to 1440 as written.
    pub from: Spanned<u16>,
    /// Closing, minutes after midnight; at or before `from` it is on the next day.
    pub to: Spanned<u16>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// Which days of the week. Days count from Monday, 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Days {
    /// Monday to Friday.
    Weekdays,
    /// Saturday and Sunday.
    Weekends,
    /// `every day`.
    Every,
    /// One day.
    One(u8),
    /// `friday to monday`, both included, going round the week.
    Range(u8, u8),
}
