//! The JSON object around an event: read in one pass, every mistake told with its place.

use std::borrow::Cow;

use compiler::event::Event;
use compiler::json::{JsonError, JsonProblem, object_fields, validate};
use jiff::Timestamp;

use crate::api::fields::{closest, invalid_json, refused};
use crate::api::problem::{FieldError, Kind, Problem};
use crate::limits::{
    EVENT_ID_CHARS_MAX, EVENT_TYPE_CHARS_MAX, ID_CHARS_MAX, PAYLOAD_BYTES_MAX, RESOURCE_CHARS_MAX,
};

/// The time of an event that names none, where answers must not depend on the clock: offline, in
/// `fanwise match` and in the demo's check.
pub const EPOCH: Timestamp = Timestamp::UNIX_EPOCH;

/// The fields an event has.
const FIELDS: &[&str] = &["workspace", "event", "resource", "resource_id", "payload", "id", "time"];

/// An event as an app sent it. It borrows from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'b> {
    /// The workspace, where the path does not name it.
    pub workspace: Option<Cow<'b, str>>,
    /// Its type: segments of letters, digits, `_` and `-`, joined by dots.
    pub kind: Cow<'b, str>,
    /// What it is about.
    pub resource: Option<Cow<'b, str>>,
    /// Which one.
    pub resource_id: Option<Cow<'b, str>>,
    /// The app's own id for it.
    pub id: Option<Cow<'b, str>>,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The payload's bytes, untouched: one JSON value.
    pub payload: &'b [u8],
}

impl<'b> Envelope<'b> {
    /// Reads an event. `pointer` is its place in the body and goes before the places of mistakes.
    ///
    /// # Errors
    /// `invalid-json` with the offset in `body`, `payload-too-large`, or `invalid-request` with
    /// every mistake found.
    pub fn read(body: &'b [u8], pointer: &str) -> Result<Self, Problem> {
        let fields = object_fields(body).map_err(|error| unreadable(body, error))?;
        let mut reader = Reader { pointer, errors: Vec::new() };
        let mut envelope = Self {
            workspace: None,
            kind: Cow::Borrowed(""),
            resource: None,
            resource_id: None,
            id: None,
            time: None,
            payload: b"",
        };
        for (name, raw) in fields {
            match &*name {
                "workspace" => envelope.workspace = reader.text("workspace", raw, ID_CHARS_MAX),
                "event" => {
                    envelope.kind = reader.text("event", raw, EVENT_TYPE_CHARS_MAX).unwrap_or_default()
                }
                "resource" => envelope.resource = reader.text("resource", raw, RESOURCE_CHARS_MAX),
                "resource_id" => envelope.resource_id = reader.text("resource_id", raw, RESOURCE_CHARS_MAX),
                "id" => envelope.id = reader.id(raw),
                "time" => envelope.time = reader.time(raw),
                "payload" => envelope.payload = raw,
                unknown => reader.unknown(unknown),
            }
        }
        reader.whole(&envelope);
        if envelope.payload.len() > PAYLOAD_BYTES_MAX {
            let detail = format!(
                "`{pointer}/payload` has {} bytes, at most {PAYLOAD_BYTES_MAX}",
                envelope.payload.len()
            );
            return Err(
                Problem::new(Kind::PayloadTooLarge, detail).with("bytes_max", PAYLOAD_BYTES_MAX.into())
            );
        }
        if reader.errors.is_empty() { Ok(envelope) } else { Err(refused(reader.errors)) }
    }
}

impl Envelope<'_> {
    /// The event as rules see it. `id` is used when the app chose none, `now` is when it was accepted
    /// and, where the app says nothing else, when it happened.
    #[must_use]
    pub fn event<'a>(&'a self, id: &'a str, now: Timestamp) -> Event<'a> {
        Event {
            id: self.id.as_deref().unwrap_or(id),
            kind: &self.kind,
            resource: self.resource.as_deref(),
            resource_id: self.resource_id.as_deref(),
            time: self.time.unwrap_or(now),
            received_at: now,
            payload: self.payload,
        }
    }
}

/// Collects mistakes while the fields are read.
struct Reader<'p> {
    pointer: &'p str,
    errors: Vec<FieldError>,
}

impl Reader<'_> {
    fn wrong(&mut self, name: &str, detail: String, help: Option<String>) {
        let name = name.replace('~', "~0").replace('/', "~1");
        self.errors.push(FieldError { at: format!("{}/{name}", self.pointer), detail, help });
    }

    /// A text, or nothing for null.
    fn text<'b>(&mut self, name: &str, raw: &'b [u8], chars_max: usize) -> Option<Cow<'b, str>> {
        if raw == b"null" {
            return None;
        }
        let Some(text) = decoded(raw) else {
            self.wrong(name, "must be a text".to_owned(), None);
            return None;
        };
        if text.is_empty() || text.chars().count() > chars_max {
            self.wrong(name, format!("must have 1 to {chars_max} characters"), None);
            return None;
        }
        Some(text)
    }

    fn id<'b>(&mut self, raw: &'b [u8]) -> Option<Cow<'b, str>> {
        let id = self.text("id", raw, EVENT_ID_CHARS_MAX)?;
        // An id stands in paths, headers and logs: printable ASCII without blanks or slashes.
        if id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/') {
            return Some(id);
        }
        self.wrong("id", "may hold printable ASCII characters without `/` and blanks".to_owned(), None);
        None
    }

    fn time(&mut self, raw: &[u8]) -> Option<Timestamp> {
        let text = self.text("time", raw, 64)?;
        let time = text.parse::<Timestamp>().ok();
        if time.is_none() {
            let help = "write it as 2026-03-01T09:00:00Z".to_owned();
            self.wrong("time", "must be an instant after RFC 3339, with an offset".to_owned(), Some(help));
        }
        time
    }

    fn unknown(&mut self, name: &str) {
        let help = match closest(name, FIELDS.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("an event has: {}; what is its own goes into `payload`", FIELDS.join(", ")),
        };
        let name: String = name.chars().take(60).collect();
        self.wrong(&name, format!("there is no field `{name}`"), Some(help));
    }

    /// What only the whole can tell.
    fn whole(&mut self, envelope: &Envelope<'_>) {
        let said = |errors: &[FieldError], name: &str| errors.iter().any(|error| error.at.ends_with(name));
        if envelope.kind.is_empty() {
            if !said(&self.errors, "/event") {
                self.wrong("event", "is needed: the event's type, such as `invoice.paid`".to_owned(), None);
            }
        } else if !is_event_type(&envelope.kind) {
            let detail = "must be segments of letters, digits, `_` and `-`, joined by dots".to_owned();
            self.wrong("event", detail, Some("write it like `invoice.paid`".to_owned()));
        }
        if envelope.payload.is_empty() {
            self.wrong("payload", "is needed: any JSON value".to_owned(), None);
        }
    }
}

/// Whether a text can be an event's type.
#[must_use]
pub fn is_event_type(text: &str) -> bool {
    let good = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    text.split('.').all(good)
}

/// A JSON text without its quotation marks; `None` for anything else. The bytes were validated.
fn decoded(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inner.contains(&b'\\') {
        return serde_json::from_slice::<String>(raw).ok().map(Cow::Owned);
    }
    std::str::from_utf8(inner).ok().map(Cow::Borrowed)
}

/// A body that is no event at all: another JSON value, or no JSON.
pub(super) fn unreadable(body: &[u8], error: JsonError) -> Problem {
    let error = match error.problem {
        JsonProblem::NotAnObject => validate(body).err(),
        _ => Some(error),
    };
    match error {
        Some(error) => invalid_json(&error.problem.to_string(), error.offset),
        None => Problem::new(Kind::InvalidRequest, "an event is a JSON object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_and_its_payload_kept_as_it_came() {
        let body = br#" {"event":"invoice.paid","resource":"billing\u002dcore","resource_id":null,"payload": {"a" : 1.10},"time":"2026-03-01T09:00:00+01:00"} "#;
        let envelope = Envelope::read(body, "").unwrap();
        assert_eq!(envelope.kind, "invoice.paid");
        assert_eq!(envelope.resource.as_deref(), Some("billing-core"));
        assert_eq!(envelope.resource_id, None);
        assert_eq!(envelope.time.unwrap().to_string(), "2026-03-01T08:00:00Z");
        assert_eq!(envelope.payload, br#"{"a" : 1.10}"#);
    }

    #[test]
    fn each_mistake_has_its_place() {
        let rows: &[(&str, &str, &str)] = &[
            (r#"{"event":"a b","payload":1}"#, "invalid-request", "/event"),
            (r#"{"event":"a..b","payload":1}"#, "invalid-request", "/event"),
            (r#"{"payload":1}"#, "invalid-request", "/event"),
            (r#"{"event":"a"}"#, "invalid-request", "/payload"),
            (r#"{"event":"a","payload":1,"paylaod":2}"#, "invalid-request", "/paylaod"),
            (r#"{"event":"a","payload":1,"id":"x y"}"#, "invalid-request", "/id"),
            (r#"{"event":"a","payload":1,"time":"yesterday"}"#, "invalid-request", "/time"),
            (r#"{"event":"a","payload":1,"resource":{}}"#, "invalid-request", "/resource"),
            ("[]", "invalid-request", ""),
            ("{", "invalid-json", ""),
            ("", "invalid-json", ""),
            ("not json", "invalid-json", ""),
            (r#"{"event":"a","payload":{"b":01}}"#, "invalid-json", ""),
        ];
        for (body, kind, pointer) in rows {
            let problem = Envelope::read(body.as_bytes(), "/7").unwrap_err();
            assert_eq!(problem.kind().name(), *kind, "{body}");
            let document = problem.to_json();
            if pointer.is_empty() {
                assert!(document.get("errors").is_none(), "{document}");
            } else {
                assert_eq!(document["errors"][0]["pointer"], format!("/7{pointer}"), "{document}");
                assert_eq!(document["errors"].as_array().unwrap().len(), 1, "{document}");
            }
        }
    }

    #[test]
    fn a_large_payload_is_refused() {
        let body = format!(r#"{{"event":"a","payload":"{}"}}"#, "x".repeat(PAYLOAD_BYTES_MAX));
        assert_eq!(Envelope::read(body.as_bytes(), "").unwrap_err().kind(), Kind::PayloadTooLarge);
        let body = format!(r#"{{"event":"a","payload":"{}"}}"#, "x".repeat(PAYLOAD_BYTES_MAX - 2));
        assert!(Envelope::read(body.as_bytes(), "").is_ok());
    }
}
