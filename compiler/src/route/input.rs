//! The input of an action: fields evaluated, checked and written as JSON.

use std::borrow::Cow;
use std::sync::Arc;

use super::fit::fits;
use crate::eval::Frame;
use crate::hir::{Deliver, InputEntry, InputField, OnFieldError};
use crate::json::Fields;
use crate::types::Type;
use crate::value::weight::fits_within;
use crate::value::{Value, write_json};

/// Why a delivery has no input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Fields that could not be made.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Fields(Vec<FieldError>),
    /// More bytes than a delivery may have.
    #[error("the input has more than {bytes_max} bytes")]
    TooLarge {
        /// How many it may have.
        bytes_max: usize,
    },
}

/// A field that could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct FieldError {
    /// The field.
    pub field: Arc<str>,
    /// What is wrong.
    pub problem: FieldProblem,
}

/// What is wrong with a field's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// It is required and missing.
    #[error("is required, and its value is missing")]
    Missing,
    /// A hole in its text.
    #[error("has a text with a hole for `{hole}`, which is missing")]
    Hole {
        /// What the hole reads.
        hole: Box<str>,
    },
    /// It does not have the type that the action asks for.
    #[error("must be {expected}, and is {seen}")]
    Type {
        /// The type, for people.
        expected: Box<str>,
        /// The kind that was seen.
        seen: &'static str,
    },
    /// A text that is too long.
    #[error("has {chars} characters, and {chars_max} are allowed")]
    TooLong {
        /// How many it has.
        chars: usize,
        /// How many it may have.
        chars_max: usize,
    },
}

/// The input as JSON, and the optional fields that had to be left out.
pub(super) fn input<'a>(
    frame: &Frame<'a, '_>,
    deliver: &'a Deliver,
    bytes_max: usize,
) -> (Result<Box<str>, InputError>, Vec<FieldError>) {
    let mut fields = Fields::default();
    let (mut failed, mut skipped) = (Vec::new(), Vec::new());
    for entry in &deliver.input.entries {
        match entry {
            InputEntry::Field(field) => match value(frame, field) {
                Ok(Some(value)) => fields.insert(Cow::Owned(field.key.as_ref().to_owned()), value),
                Ok(None) => {}
                Err(problem) => {
                    let error = FieldError { field: Arc::clone(&field.key), problem };
                    let fails = field.required || deliver.settings.on_field_error == OnFieldError::Fail;
                    if fails { failed.push(error) } else { skipped.push(error) }
                }
            },
            InputEntry::Spread(record) => {
                if let Value::Record(spread) = &*frame.value(record) {
                    spread.iter().for_each(|(key, value)| fields.insert(key.clone(), value.clone()));
                }
            }
        }
    }
    if !failed.is_empty() {
        return (Err(InputError::Fields(failed)), skipped);
    }
    let input = Value::Record(fields.entries.into());
    let too_large = Err(InputError::TooLarge { bytes_max });
    // Weighed before it is written: parts that are shared in memory are not in JSON.
    if !fits_within(&input, bytes_max) {
        return (too_large, skipped);
    }
    let mut json = String::new();
    write_json(&input, &mut json);
    if let Some(field) = &deliver.input.payload {
        put_payload(field, frame.facts.slots.text().trim_ascii(), &mut json);
    }
    (if json.len() > bytes_max { too_large } else { Ok(json.into()) }, skipped)
}

/// Puts the payload's own bytes in front of the fields of a JSON object.
fn put_payload(field: &str, payload: &str, json: &mut String) {
    let mut first = String::from("{");
    write_json(&Value::text(field), &mut first);
    first.push(':');
    first.push_str(payload);
    let rest = json.strip_prefix('{').unwrap_or_default();
    if rest != "}" {
        first.push(',');
    }
    first.push_str(rest);
    *json = first;
}

/// A field's value; `None` leaves it out.
fn value<'a, 'e>(frame: &Frame<'a, 'e>, field: &'a InputField) -> Result<Option<Value<'e>>, FieldProblem> {
    // A hole that something else left behind is not this field's.
    frame.take_hole();
    let value = frame.value(&field.value).into_owned();
    if let Some(hole) = frame.take_hole() {
        return Err(FieldProblem::Hole { hole });
    }
    if matches!(value, Value::Null) && field.passes_null {
        return Ok(Some(value));
    }
    if value.is_missing() {
        return if field.required { Err(FieldProblem::Missing) } else { Ok(None) };
    }
    if let Some(expected) = field.checked_as.as_ref().filter(|expected| !fits(&value, expected)) {
        return Err(FieldProblem::Type { expected: required(expected), seen: value.kind() });
    }
    if let (Some(chars_max), Value::Text(text)) = (field.chars_max, &value) {
        let chars = text.chars().count();
        if chars > chars_max {
            return Err(FieldProblem::TooLong { chars, chars_max });
        }
    }
    Ok(Some(value))
}

/// The type without its `?`: that a value may be missing was decided before.
fn required(ty: &Type) -> Box<str> {
    match ty {
        Type::Optional(inner) => required(inner),
        ty => ty.to_string().into(),
    }
}
