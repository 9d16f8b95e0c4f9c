//! What an answer of a webhook's receiver means.
//!
//! Standard Webhooks counts every answer outside 2xx as a failure that is worth repeating, with one
//! exception: 410 says that nobody wants any more. APIs differ (a 400 there stays a 400), but the receiver
//! of a webhook is somebody's own code, and a 404 or a 400 is what a deployment or a bug that is being
//! fixed looks like from outside. A connection may say for itself what counts as success.

use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::{StatusCode, header::HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::success::{Judged, Success};
use super::transport::Answer;
use crate::engine::Millis;
use crate::model::Outcome;

/// A receiver that asks to wait longer is obeyed for so long.
pub const RETRY_AFTER_MAX: Millis = 24 * 3600 * 1000;

/// Numbers from here on are a time in seconds since 1970, not a number of seconds.
const EPOCH_SECONDS_FROM: f64 = 1e9;

/// Numbers from here on are a time in milliseconds since 1970.
const EPOCH_MILLIS_FROM: f64 = 1e12;

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

/// Judges an answer, by the connection's own idea of success if it has one.
#[must_use]
pub fn verdict(answer: &Answer, success: Option<&Success>, now: Timestamp) -> Verdict {
    let judged = success.map(|success| success.judge(answer.status, &answer.body, answer.whole));
    match judged {
        None => by_status(answer.status, &answer.headers, now),
        Some(Judged::Success) => {
            Verdict { outcome: Outcome::Delivered, error: None, retry_after: None, gone_for_good: false }
        }
        Some(Judged::OtherStatus) => {
            let verdict = by_status(answer.status, &answer.headers, now);
            match verdict.outcome {
                Outcome::Delivered => failed(answer, "which is not among the statuses that count as success"),
                _ => verdict,
            }
        }
        Some(Judged::ConditionFails) => {
            failed(answer, "and the connection's condition of success does not hold")
        }
    }
}

fn failed(answer: &Answer, why: &str) -> Verdict {
    let error = Some(format!("the receiver answered {}, {why}", answer.status));
    Verdict { outcome: Outcome::DestinationError, error, retry_after: None, gone_for_good: false }
}

/// Judges an answer by its status and headers.
fn by_status(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Verdict {
    let wait = wait(status, headers, now);
    let outcome = match status.as_u16() {
        200..=299 => Outcome::Delivered,
        403 if wait.is_some() => Outcome::RateLimited,
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
    let retry_after = wait.map(|wait| wait.clamp(0, RETRY_AFTER_MAX));
    Verdict { outcome, error, retry_after, gone_for_good: status == StatusCode::GONE }
}

/// How long a receiver asks to wait, in whichever dialect it does. The first that can be read counts.
fn wait(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Option<Millis> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let standard = || headers.get(RETRY_AFTER).and_then(|value| retry_after(value, now));
    let reset = || {
        text("x-ratelimit-reset-after")
            .and_then(seconds)
            .or_else(|| text("ratelimit-reset").and_then(|text| moment(text, now)))
            .or_else(|| text("ratelimit").and_then(structured))
            .or_else(|| text("x-ratelimit-reset").and_then(|text| moment(text, now)))
            .or_else(|| text("x-rate-limit-reset").and_then(|text| moment(text, now)))
    };
    // Such headers stand in every answer of some APIs; only a limit that is used up means anything.
    let used_up =
        || ["x-ratelimit-remaining", "ratelimit-remaining"].iter().any(|name| text(name) == Some("0"));
    match status.as_u16() {
        429 => standard().or_else(reset),
        503 => standard(),
        // GitHub and others say that their limit is reached with a 403.
        403 if used_up() || headers.contains_key(RETRY_AFTER) => standard().or_else(reset),
        _ => None,
    }
}

/// A `Retry-After` (RFC 9110, 10.2.3): seconds, or a date. Some write parts of seconds.
fn retry_after(value: &HeaderValue, now: Timestamp) -> Option<Millis> {
    let text = value.to_str().ok()?.trim();
    seconds(text).or_else(|| {
        let date = rfc2822::parse(text).ok()?.timestamp();
        Some((date.as_millisecond() - now.as_millisecond()).max(0))
    })
}

/// A number of seconds that is not negative.
fn seconds(text: &str) -> Option<Millis> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = text.parse::<f64>().ok().filter(|number| digits && number.is_finite())?;
    millis(seconds * 1000.0)
}

/// A number of seconds from now, or a time as a number since 1970.
fn moment(text: &str, now: Timestamp) -> Option<Millis> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = text.parse::<f64>().ok().filter(|number| digits && number.is_finite())?;
    let since_1970 = match number {
        number if number >= EPOCH_MILLIS_FROM => millis(number)?,
        number if number >= EPOCH_SECONDS_FROM => millis(number * 1000.0)?,
        _ => return seconds(text),
    };
    Some((since_1970 - now.as_millisecond()).max(0))
}

/// `RateLimit` as the IETF's drafts have it: `"name";r=0;t=30` (from the eighth on), or `reset=30`.
fn structured(text: &str) -> Option<Millis> {
    text.split([';', ',']).find_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        matches!(name, "t" | "reset").then(|| seconds(value)).flatten()
    })
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be within the range, and parts are dropped")]
fn millis(number: f64) -> Option<Millis> {
    (0.0..9e15).contains(&number).then_some(number as Millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, headers: &[(&'static str, &str)], now: &str) -> Verdict {
        let headers = headers.iter().map(|(name, value)| {
            (hyper::header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        by_status(StatusCode::from_u16(status).unwrap(), &headers.collect(), now.parse().unwrap())
    }

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
            let verdict = judged(status, &[], "1970-01-01T00:00:00Z");
            assert_eq!(verdict.outcome, outcome, "{status}");
            assert_eq!(verdict.error.is_none(), outcome == Delivered, "{status}");
            assert_eq!(verdict.gone_for_good, status == 410, "{status}");
        }
    }

    /// Sources: RFC 9110 10.2.3; draft-ietf-httpapi-ratelimit-headers 03 and 10; the documentation of
    /// GitHub (`X-RateLimit-Reset`, seconds since 1970), Discord (`X-RateLimit-Reset-After`).
    #[test]
    fn a_wish_to_wait_is_read_in_every_dialect() {
        use Outcome::*;
        let now = "1994-11-06T08:49:00Z";
        /// Status and headers, what they mean, and the wait that is asked for.
        type Row = (u16, &'static [(&'static str, &'static str)], Outcome, Option<Millis>);
        let rows: &[Row] = &[
            (429, &[("retry-after", "120")], RateLimited, Some(120_000)),
            (429, &[("retry-after", "1.5")], RateLimited, Some(1_500)),
            (503, &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], RateLimited, Some(37_000)),
            (503, &[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")], RateLimited, Some(0)),
            (503, &[("retry-after", "tomorrow")], DestinationError, None),
            (429, &[("retry-after", "-1")], RateLimited, None),
            (429, &[("retry-after", "99999999")], RateLimited, Some(RETRY_AFTER_MAX)),
            (429, &[("retry-after", "1e400")], RateLimited, None),
            (200, &[("retry-after", "120")], Delivered, None),
            (500, &[("retry-after", "120")], DestinationError, None),
            (429, &[("ratelimit-reset", "17")], RateLimited, Some(17_000)),
            (429, &[("ratelimit", r#""default";r=0;t=30"#)], RateLimited, Some(30_000)),
            (429, &[("ratelimit", "limit=100, remaining=0, reset=9")], RateLimited, Some(9_000)),
            (429, &[("x-ratelimit-reset", "784111777")], RateLimited, Some(RETRY_AFTER_MAX)),
            (429, &[("x-ratelimit-reset", "60")], RateLimited, Some(60_000)),
            (429, &[("x-rate-limit-reset", "60")], RateLimited, Some(60_000)),
            (429, &[("x-ratelimit-reset-after", "0.25")], RateLimited, Some(250)),
            (429, &[("retry-after", "5"), ("x-ratelimit-reset", "60")], RateLimited, Some(5_000)),
            (429, &[("retry-after", "?"), ("x-ratelimit-reset", "60")], RateLimited, Some(60_000)),
            (503, &[("x-ratelimit-reset", "60")], DestinationError, None),
            (403, &[("x-ratelimit-reset", "60")], CredentialsRefused, None),
            (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")], RateLimited, Some(60_000)),
            (403, &[("retry-after", "60")], RateLimited, Some(60_000)),
        ];
        for (status, headers, outcome, wait) in rows {
            let verdict = judged(*status, headers, now);
            assert_eq!((verdict.outcome, verdict.retry_after), (*outcome, *wait), "{status} {headers:?}");
        }
        let now = "2026-03-01T09:00:00Z";
        for (text, wait) in [("1772355660", 60_000), ("1772355660000", 60_000), ("1772355000", 0)] {
            let verdict = judged(429, &[("x-ratelimit-reset", text)], now);
            assert_eq!(verdict.retry_after, Some(wait), "{text}");
        }
    }
}
