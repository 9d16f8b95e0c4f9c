//! CloudEvents 1.0 as events of ours: the binary, structured and batched modes of its HTTP binding.
//!
//! | CloudEvents | here |
//! |---|---|
//! | `type` | the event's type |
//! | `source` | `resource` |
//! | `subject` | `resource_id` |
//! | `time` | `time` |
//! | `source` and `id` together | what makes a repeated event the same event, as the specification says |
//! | `data` | the payload; with `payload=event` in the query, the whole event in its JSON form is |
//! | extension attributes, `dataschema`, `id` | kept with the event, and shown as `attributes` |
//! | `traceparent`, `tracestate` | kept as well, and where the event began, unless the request says |

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use compiler::json::{object_fields, validate};
use serde_json::{Map, Value};

use super::envelope::unreadable;
use crate::api::fields::{invalid_json, refused};
use crate::api::problem::{FieldError, Problem};
use crate::limits::{CLOUDEVENT_ATTRIBUTES_BYTES_MAX, CLOUDEVENT_ATTRIBUTES_MAX, CLOUDEVENT_ID_CHARS_MAX};
use crate::trace_context::TraceContext;

/// What the headers of the binary mode begin with.
const PREFIX: &str = "ce-";

/// What becomes the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadOf {
    /// `data`.
    Data,
    /// The whole event in its JSON form.
    Event,
}

/// A CloudEvent as an event of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated {
    /// Our envelope, as JSON.
    pub envelope: Vec<u8>,
    /// `source` and `id`: a second one with the same is the same event.
    pub key: Arc<str>,
    /// What our envelope has no place for, as a JSON object.
    pub attributes: Arc<str>,
    /// Where it began, by the extension for distributed tracing.
    pub context: Option<TraceContext>,
}

/// Whether the headers make a request one CloudEvent in the binary mode.
#[must_use]
pub fn is_binary(headers: &HeaderMap) -> bool {
    headers.contains_key("ce-specversion") || headers.contains_key("ce-type")
}

/// Translates an event in the binary mode: attributes are headers, and the body is `data`.
///
/// # Errors
/// Every attribute with a mistake, by its header.
pub fn binary(headers: &HeaderMap, body: &[u8], of: PayloadOf) -> Result<Translated, Problem> {
    let mut event = Reading { place: PREFIX, ..Reading::default() };
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(PREFIX) else { continue };
        match value.to_str().ok().and_then(unescaped) {
            Some(text) => event.attribute(name, Value::String(text)),
            None => event.wrong(name, "must be printable ASCII, with other characters as `%XX` of UTF-8"),
        }
    }
    let content = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if let Some(content) = content.filter(|content| !is_json(content)) {
        event.kept.insert("datacontenttype".to_owned(), content.into());
    }
    event.data = if body.is_empty() {
        Data::None
    } else if content.is_none_or(is_json) {
        validate(body).map_err(|error| invalid_json(&error.problem.to_string(), error.offset))?;
        Data::Json(body)
    } else {
        match std::str::from_utf8(body) {
            Ok(text) => Data::Text(text.into()),
            Err(_) => Data::Binary(STANDARD.encode(body)),
        }
    };
    event.translated(of)
}

/// Translates an event in the structured mode. `pointer` is its place in the body.
///
/// # Errors
/// `invalid-json`, or every attribute with a mistake.
pub fn structured(body: &[u8], pointer: &str, of: PayloadOf) -> Result<Translated, Problem> {
    let fields = object_fields(body).map_err(|error| unreadable(body, error))?;
    let place = format!("{pointer}/");
    let mut event = Reading { place: &place, ..Reading::default() };
    for (name, raw) in fields {
        match &*name {
            "data" if raw == b"null" => {}
            "data" => event.data = Data::Json(raw),
            "data_base64" => match serde_json::from_slice::<String>(raw) {
                Ok(text) if STANDARD.decode(&text).is_ok() => event.data = Data::Binary(text),
                _ => event.wrong("data_base64", "must be a text in base64"),
            },
            name => match serde_json::from_slice::<Value>(raw) {
                Ok(Value::Null) => {}
                Ok(value) => event.attribute(name, value),
                Err(error) => event.wrong(name, &error.to_string()),
            },
        }
    }
    event.translated(of)
}

/// What `data` is.
#[derive(Default)]
enum Data<'b> {
    #[default]
    None,
    Json(&'b [u8]),
    Text(Cow<'b, str>),
    /// In base64.
    Binary(String),
}

/// An event while it is read.
#[derive(Default)]
struct Reading<'b> {
    /// What stands before an attribute's name in messages.
    place: &'b str,
    version: Option<String>,
    id: Option<String>,
    source: Option<String>,
    kind: Option<String>,
    subject: Option<String>,
    time: Option<String>,
    /// Attributes that our envelope has no place for.
    kept: Map<String, Value>,
    data: Data<'b>,
    errors: Vec<FieldError>,
}

impl Reading<'_> {
    fn wrong(&mut self, name: &str, detail: &str) {
        let name: String = name.chars().take(60).collect();
        let at = format!("{}{}", self.place, name.replace('~', "~0").replace('/', "~1"));
        self.errors.push(FieldError { at, detail: detail.to_owned(), help: None });
    }

    fn attribute(&mut self, name: &str, value: Value) {
        // CloudEvents 1.0.2, 3.1: names are lower-case letters and digits.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            return self.wrong(name, "attributes are named with lower-case letters and digits");
        }
        let place = match name {
            "specversion" => &mut self.version,
            "id" => &mut self.id,
            "source" => &mut self.source,
            "type" => &mut self.kind,
            "subject" => &mut self.subject,
            "time" => &mut self.time,
            _ => return self.extension(name, value),
        };
        match value {
            Value::String(text) if text.is_empty() => self.wrong(name, "must not be empty"),
            Value::String(text) => *place = Some(text),
            _ => self.wrong(name, "must be a text"),
        }
    }

    fn extension(&mut self, name: &str, value: Value) {
        if self.kept.len() >= CLOUDEVENT_ATTRIBUTES_MAX {
            let detail = format!("at most {CLOUDEVENT_ATTRIBUTES_MAX} attributes");
            return self.wrong(name, &detail);
        }
        match value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => {
                self.kept.insert(name.to_owned(), value);
            }
            Value::Null => {}
            Value::Array(_) | Value::Object(_) => {
                self.wrong(name, "an attribute is a text, a number, or true or false");
            }
        }
    }

    /// What only the whole can tell.
    fn check(&mut self) {
        match self.version.as_deref() {
            Some("1.0") => {}
            Some(_) => self.wrong("specversion", "must be `1.0`"),
            None => self.wrong("specversion", "is needed: `1.0`"),
        }
        let missing: Vec<&str> = [("id", &self.id), ("source", &self.source), ("type", &self.kind)]
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| *name)
            .collect();
        for name in missing {
            let told = self.errors.iter().any(|error| error.at == format!("{}{name}", self.place));
            if !told {
                self.wrong(name, "is needed");
            }
        }
        if self.id.as_deref().is_some_and(|id| id.chars().count() > CLOUDEVENT_ID_CHARS_MAX) {
            let detail = format!("at most {CLOUDEVENT_ID_CHARS_MAX} characters");
            self.wrong("id", &detail);
        }
    }

    fn translated(mut self, of: PayloadOf) -> Result<Translated, Problem> {
        self.check();
        if !self.errors.is_empty() {
            return Err(refused(self.errors));
        }
        let payload = match of {
            PayloadOf::Data => self.data.json(),
            PayloadOf::Event => self.whole().into(),
        };
        let mut envelope = Vec::with_capacity(payload.len() + 256);
        envelope.extend_from_slice(b"{\"event\":");
        let texts = [("resource", &self.source), ("resource_id", &self.subject), ("time", &self.time)];
        envelope.extend_from_slice(Value::from(self.kind.as_deref()).to_string().as_bytes());
        for (name, text) in texts {
            if let Some(text) = text {
                envelope.extend_from_slice(format!(",\"{name}\":{}", Value::from(text.as_str())).as_bytes());
            }
        }
        envelope.extend_from_slice(b",\"payload\":");
        envelope.extend_from_slice(&payload);
        envelope.push(b'}');
        let (source, id) = (self.source.unwrap_or_default(), self.id.unwrap_or_default());
        let extension = |name: &str| self.kept.get(name).and_then(Value::as_str);
        let context =
            extension("traceparent").and_then(|parent| TraceContext::read(parent, extension("tracestate")));
        self.kept.insert("id".to_owned(), id.as_str().into());
        let attributes = Value::Object(self.kept).to_string();
        if attributes.len() > CLOUDEVENT_ATTRIBUTES_BYTES_MAX {
            let detail = format!("its attributes take more than {CLOUDEVENT_ATTRIBUTES_BYTES_MAX} bytes");
            let at = self.place.trim_end_matches(['/', '-']).to_owned();
            return Err(refused(vec![FieldError { at, detail, help: None }]));
        }
        // With the source's length in front, two pairs never make the same key.
        let key = format!("cloudevent\n{}\n{source}\n{id}", source.len()).into();
        Ok(Translated { envelope, key, attributes: attributes.into(), context })
    }

    /// The event in its JSON form (CloudEvents JSON format 1.0.2).
    fn whole(&self) -> Vec<u8> {
        let texts = [
            ("specversion", &self.version),
            ("id", &self.id),
            ("source", &self.source),
            ("type", &self.kind),
            ("subject", &self.subject),
            ("time", &self.time),
        ];
        let mut whole = Map::new();
        for (name, text) in texts {
            if let Some(text) = text {
                whole.insert(name.to_owned(), text.as_str().into());
            }
        }
        whole.extend(self.kept.clone());
        let mut json = Value::Object(whole).to_string();
        json.pop();
        let mut json = json.into_bytes();
        match &self.data {
            Data::None => {}
            Data::Json(_) | Data::Text(_) => {
                json.extend_from_slice(b",\"data\":");
                json.extend_from_slice(&self.data.json());
            }
            Data::Binary(_) => {
                json.extend_from_slice(b",\"data_base64\":");
                json.extend_from_slice(&self.data.json());
            }
        }
        json.push(b'}');
        json
    }
}

impl Data<'_> {
    /// As JSON: what is none becomes a text, and what is no text its base64.
    fn json(&self) -> Cow<'_, [u8]> {
        match self {
            Self::None => Cow::Borrowed(b"null"),
            Self::Json(raw) => Cow::Borrowed(raw),
            Self::Text(text) => Cow::Owned(Value::from(&**text).to_string().into_bytes()),
            Self::Binary(text) => Cow::Owned(Value::from(text.as_str()).to_string().into_bytes()),
        }
    }
}

/// The attribute that a field of our envelope came from, for messages about it.
#[must_use]
pub fn attribute_of(field: &str) -> &str {
    match field {
        "event" => "type",
        "resource" => "source",
        "resource_id" => "subject",
        "payload" => "data",
        other => other,
    }
}

/// Whether a content type is JSON's.
fn is_json(content: &str) -> bool {
    let essence = content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}

/// A header's value without its percent-encoding (HTTP binding 1.0.2, 3.1.3.2).
fn unescaped(text: &str) -> Option<String> {
    let text = text.trim();
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
