//! Field mappings: where each field of the destination comes from, and what is done to it.

use serde_json::Value;

use super::super::json::Pointer;
use super::super::text::{self, field, quoted};
use super::super::{ImportError, Notes};
use super::{members, required, string};

/// Bounds of the mapping schema.
const FIELDS_MAX: usize = 250;
const TRANSFORMS_MAX: usize = 10;
const NAME_CHARS_MAX: usize = 128;
const LITERAL_CHARS_MAX: usize = 256;

/// A part of a text is taken with a regular expression, whose size grows with these numbers.
const SUBSTRING_CHARS_MAX: u64 = 500;

/// One field of a mapping.
pub(super) struct Field {
    pub(super) at: Pointer,
    /// Its name at the destination.
    pub(super) dest: String,
    /// Its value as rule text.
    pub(super) value: String,
    pub(super) on_error: OnError,
}

/// What happens when a value cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnError {
    Skip,
    Warn,
    Fail,
}

type Read<T> = Result<T, ImportError>;

/// Reads a mapping schema.
pub(super) fn read(schema: &Value, at: &Pointer) -> Read<Vec<Field>> {
    let schema = members(schema, at, "a mapping's schema")?;
    if schema.get("schema_version").is_some_and(|version| version.as_u64() != Some(1)) {
        return Err(at.key("schema_version").invalid("only version 1 is known"));
    }
    let at = at.key("fields");
    let Some(Value::Array(fields)) = schema.get("fields") else {
        return Err(at.invalid("`fields` must be a list"));
    };
    if fields.len() > FIELDS_MAX {
        return Err(at.invalid(format!("{} fields, and {FIELDS_MAX} are allowed", fields.len())));
    }
    fields.iter().enumerate().map(|(index, one)| read_field(one, &at.index(index))).collect()
}

fn read_field(value: &Value, at: &Pointer) -> Read<Field> {
    let members = members(value, at, "a field")?;
    let dest = required(members, "dest", at)?;
    if dest.chars().count() > NAME_CHARS_MAX {
        return Err(at.key("dest").invalid(format!("a name has at most {NAME_CHARS_MAX} characters")));
    }
    let on_error = match string(members, "on_error", at)? {
        None | Some("skip_field") => OnError::Skip,
        Some("warn_action") => OnError::Warn,
        Some("fail_action") => OnError::Fail,
        Some(other) => return Err(at.key("on_error").invalid(format!("`{other}` is not known"))),
    };
    let mut made = source(members.get("source").unwrap_or(&Value::Null), &at.key("source"))?;
    let at_transforms = at.key("transforms");
    let transforms = match members.get("transforms") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(all)) if all.len() <= TRANSFORMS_MAX => all.as_slice(),
        Some(_) => {
            return Err(at_transforms.invalid(format!("at most {TRANSFORMS_MAX} transforms in a list")));
        }
    };
    for (index, one) in transforms.iter().enumerate() {
        made = transform(made, one, &at_transforms.index(index))?;
    }
    Ok(Field { at: at.clone(), dest: dest.to_owned(), value: made.written(), on_error })
}

/// A value on its way through the transforms.
enum Made {
    /// Known already.
    Literal(Literal),
    /// Computed from the payload.
    Computed { text: String, kind: Kind, optional: bool },
}

/// A known value.
#[derive(Clone, PartialEq)]
enum Literal {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(String),
}

/// What a computed value is known to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    Text,
    Other,
}

impl Made {
    fn written(self) -> String {
        match self {
            Self::Literal(literal) => literal.written(),
            Self::Computed { text, .. } => text,
        }
    }
}

impl Literal {
    fn read(value: &Value, at: &Pointer) -> Read<Self> {
        match value {
            Value::Null => Ok(Self::Null),
            Value::Bool(truth) => Ok(Self::Bool(*truth)),
            Value::Number(digits) => match text::number(digits.as_str()) {
                Some(digits) => Ok(Self::Number(digits)),
                None => Err(at.invalid("a number of more digits than can be kept exactly")),
            },
            Value::String(text) if text.chars().count() <= LITERAL_CHARS_MAX => Ok(Self::Text(text.clone())),
            Value::String(_) => {
                Err(at.invalid(format!("a literal has at most {LITERAL_CHARS_MAX} characters")))
            }
            Value::Array(_) | Value::Object(_) => {
                Err(at.invalid("a literal is a text, a number, true, false or null"))
            }
        }
    }

    fn written(self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(truth) => truth.to_string(),
            Self::Number(digits) => digits,
            Self::Text(text) => quoted(&text),
        }
    }
}

fn source(value: &Value, at: &Pointer) -> Read<Made> {
    let members = members(value, at, "a source")?;
    let value = members.get("value").unwrap_or(&Value::Null);
    match required(members, "type", at)? {
        "literal" => Literal::read(value, &at.key("value")).map(Made::Literal),
        "path" => {
            let at = at.key("value");
            let path = value.as_str().filter(|path| is_path(path));
            let Some(path) = path else { return Err(at.invalid("a path is names joined by dots")) };
            Ok(Made::Computed { text: payload_path(path), kind: Kind::Any, optional: true })
        }
        other => Err(at.key("type").invalid(format!("`{other}` is no kind of source"))),
    }
}

fn is_path(path: &str) -> bool {
    let fits = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let starts = path.starts_with(|one: char| one.is_ascii_alphabetic() || one == '_');
    starts
        && path.len() <= NAME_CHARS_MAX
        && path.split('.').all(|step| !step.is_empty() && step.chars().all(fits))
}

fn payload_path(path: &str) -> String {
    path.split('.').fold("payload".to_owned(), |base, step| field(&base, step))
}

fn transform(made: Made, value: &Value, at: &Pointer) -> Read<Made> {
    let members = members(value, at, "a transform")?;
    let name = required(members, "type", at)?;
    if name == "default" {
        let fallback = Literal::read(members.get("value").unwrap_or(&Value::Null), &at.key("value"))?;
        return Ok(default(made, fallback));
    }
    let zone = string(members, "timezone", at)?;
    let whole = |key: &str| match members.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            value.as_u64().map(Some).ok_or_else(|| at.key(key).invalid("this must be a whole number"))
        }
    };
    let part = match name {
        "substring" => Some((whole("start")?.unwrap_or_default(), whole("length")?)),
        "to_string" | "to_number" | "to_boolean" | "to_date" | "to_datetime" | "trim" | "lower" | "upper" => {
            None
        }
        other => return Err(at.key("type").invalid(format!("`{other}` is no transform"))),
    };
    let (start, length) = part.unwrap_or_default();
    if start.max(length.unwrap_or_default()) > SUBSTRING_CHARS_MAX {
        let reason = format!("`substring` beyond {SUBSTRING_CHARS_MAX} characters cannot be said in a rule");
        return Err(ImportError::too_large(at.place(), reason));
    }
    Ok(match made {
        Made::Literal(literal) => known(literal, name, part),
        Made::Computed { text, kind, optional } => computed(text, kind, optional, name, zone, part),
    })
}

fn default(made: Made, fallback: Literal) -> Made {
    match made {
        Made::Literal(Literal::Null) => Made::Literal(fallback),
        // `else` is for what may be missing, and a null is what is missing anyway.
        Made::Computed { text, kind, optional: true } if fallback != Literal::Null => {
            let kind = match (&fallback, kind) {
                (Literal::Text(_), Kind::Text) => Kind::Text,
                (_, Kind::Other) => Kind::Other,
                _ => Kind::Any,
            };
            Made::Computed { text: format!("{text} else {}", fallback.written()), kind, optional: false }
        }
        made => made,
    }
}

/// A transform of a value that is known: done here, once.
fn known(literal: Literal, name: &str, part: Option<(u64, Option<u64>)>) -> Made {
    let literal = match (literal, name) {
        (Literal::Text(text), "trim") => Literal::Text(text.trim().to_owned()),
        (Literal::Text(text), "lower") => Literal::Text(text.to_lowercase()),
        (Literal::Text(text), "upper") => Literal::Text(text.to_uppercase()),
        (Literal::Text(text), "substring") => {
            let (start, length) = part.unwrap_or_default();
            let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            Literal::Text(text.chars().skip(size(start)).take(length.map_or(usize::MAX, size)).collect())
        }
        (Literal::Text(text), "to_number") => {
            text::number(text.trim()).map_or(Literal::Null, Literal::Number)
        }
        (Literal::Text(text), "to_boolean") => match text.as_str() {
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            _ => Literal::Null,
        },
        (Literal::Number(digits), "to_string") => Literal::Text(digits),
        (Literal::Bool(truth), "to_string") => Literal::Text(truth.to_string()),
        (other, _) => other,
    };
    Made::Literal(literal)
}

fn computed(
    text: String,
    kind: Kind,
    optional: bool,
    name: &str,
    zone: Option<&str>,
    part: Option<(u64, Option<u64>)>,
) -> Made {
    // Transforms of texts want one, after a conversion too.
    let as_text = match kind {
        Kind::Any | Kind::Text => text.clone(),
        Kind::Other => format!("{text} | to_text"),
    };
    let made = |text: String, kind: Kind, optional: bool| Made::Computed { text, kind, optional };
    match name {
        "trim" | "lower" | "upper" => {
            made(format!("{as_text} | {name}"), Kind::Text, optional || kind == Kind::Any)
        }
        "substring" => {
            let text = match part.unwrap_or_default() {
                (0, None) => as_text,
                (0, Some(length)) => format!("{as_text} | take({length})"),
                (start, None) => {
                    format!("{as_text} | capture(\"(?s)^.{{0,{start}}}(?<part>.*)\", \"part\")")
                }
                (start, Some(length)) => {
                    format!("{as_text} | capture(\"(?s)^.{{0,{start}}}(?<part>.{{0,{length}}})\", \"part\")")
                }
            };
            made(text, Kind::Text, true)
        }
        "to_string" => made(format!("{text} | to_text"), Kind::Text, optional || kind == Kind::Any),
        "to_number" => made(format!("{as_text} | to_decimal"), Kind::Other, true),
        "to_boolean" => made(format!("{as_text} | to_bool"), Kind::Other, true),
        "to_date" => match zone {
            Some(zone) => {
                made(format!("{as_text} | to_datetime | date({})", quoted(zone)), Kind::Other, true)
            }
            None => made(format!("{as_text} | to_date"), Kind::Other, true),
        },
        _ => made(format!("{as_text} | to_datetime"), Kind::Other, true),
    }
}

/// Text with `{{path}}` as text with holes; a path that is missing leaves nothing, as there.
pub(super) fn template(text: &str, at: &Pointer, notes: &mut Notes) -> String {
    let mut out = String::from("\"");
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((path, after)) = after.split_once("}}") else { break };
        push_literal(&mut out, before);
        let path = path.trim();
        if is_path(path) {
            out.push_str(&format!("{{{} else \"\"}}", payload_path(path)));
        } else {
            notes.add(at.place(), format!("`{{{{{path}}}}}` is no path and is kept as it is"));
            push_literal(&mut out, &format!("{{{{{path}}}}}"));
        }
        rest = after;
    }
    push_literal(&mut out, rest);
    out.push('"');
    out
}

fn push_literal(out: &mut String, text: &str) {
    let written = quoted(text);
    let inner = written.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    out.push_str(inner.unwrap_or_default());
}
