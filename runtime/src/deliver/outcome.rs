//! What an answer of a webhook's receiver means.
//!
//! Standard Webhooks counts every answer outside 2xx as a failure that is worth repeating, with one
//! exception: 410 says that nobody wants any more. APIs differ (a 400 there stays a 400), but the receiver
//! of a webhook is somebody's own code, and a 404 or a 400 is what a deployment or a bug that is being
//! fixed looks like from outside.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::engine::Millis;
use crate::model::Outcome;

/// The meaning of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What came of the attempt.
    pub outcome: Outcome,
    /// Why, for anything but success.
    pub error: Option<String>,
    /// How long the receiver asks to wait.
    pub retry_after: Option<Millis>,
    /// The receiver never wants to be called again.
    pub gone_for_good: bool,
}

/// Judges an answer by its status and headers.
#[must_use]
pub fn verdict(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Verdict {
    let wait = headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
    let outcome = match status.as_u16() {
        200..=299 => Outcome::Delivered,
        401 | 403 => Outcome::CredentialsRefused,
        410 => Outcome::Rejected,
        429 => Outcome::RateLimited,
        503 if wait.is_some() => Outcome::RateLimited,
        _ => Outcome::DestinationError,
    };
    let error = match status.as_u16() {
        200..=299 => None,
        300..=399 => {
            Some(format!("the receiver answered {status}, and redirects are not followed; set the new URL"))
        }
        410 => Some(
            "the receiver answered 410 Gone: it wants no more, so the connection was disabled".to_owned(),
        ),
        _ => Some(format!("the receiver answered {status}")),
    };
    let obeyed = matches!(status.as_u16(), 429 | 503).then_some(wait).flatten();
    Verdict { outcome, error, retry_after: obeyed, gone_for_good: status == StatusCode::GONE }
}

/// A `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Millis> {
    if let Ok(seconds) = text.trim().parse::<u32>() {
        return Some(Millis::from(seconds) * 1000);
    }
    let date = rfc2822::parse(text.trim()).ok()?.timestamp();
    Some((date.as_millisecond() - now.as_millisecond()).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_meaning() {
        use Outcome::*;
        let rows = [
            (200, Delivered),
            (201, Delivered),
            (202, Delivered),
            (204, Delivered),
            (299, Delivered),
            (301, DestinationError),
            (302, DestinationError),
            (304, DestinationError),
            (308, DestinationError),
            (400, DestinationError),
            (401, CredentialsRefused),
            (403, CredentialsRefused),
            (404, DestinationError),
            (405, DestinationError),
            (408, DestinationError),
            (409, DestinationError),
            (410, Rejected),
            (413, DestinationError),
            (422, DestinationError),
            (425, DestinationError),
            (429, RateLimited),
            (500, DestinationError),
            (502, DestinationError),
            (503, DestinationError),
            (504, DestinationError),
            (599, DestinationError),
            (999, DestinationError),
        ];
        for (status, outcome) in rows {
            let verdict =
                verdict(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), Timestamp::UNIX_EPOCH);
            assert_eq!(verdict.outcome, outcome, "{status}");
            assert_eq!(verdict.error.is_none(), outcome == Delivered, "{status}");
            assert_eq!(verdict.gone_for_good, status == 410, "{status}");
        }
    }

    #[test]
    fn a_wish_to_wait_is_read_in_seconds_and_as_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let check = |status: u16, text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            let verdict = verdict(StatusCode::from_u16(status).unwrap(), &headers, now);
            (verdict.outcome, verdict.retry_after)
        };
        assert_eq!(check(429, "120"), (Outcome::RateLimited, Some(120_000)));
        assert_eq!(check(503, "Sun, 06 Nov 1994 08:49:37 GMT"), (Outcome::RateLimited, Some(37_000)));
        assert_eq!(check(503, "Sun, 06 Nov 1994 08:00:00 GMT"), (Outcome::RateLimited, Some(0)));
        assert_eq!(check(503, "tomorrow"), (Outcome::DestinationError, None));
        assert_eq!(check(429, "-1"), (Outcome::RateLimited, None));
        assert_eq!(check(200, "120"), (Outcome::Delivered, None));
    }
}
