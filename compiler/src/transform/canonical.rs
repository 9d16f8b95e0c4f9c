//! A form of values in which equal values are equal and can be hashed, whatever they hold.

use super::output;
use crate::value::{Key, Value};

/// A value's form: fields in the order of their names, numbers without zeros at the end.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Canonical<'v> {
    /// No value.
    Null,
    /// Digits of a number that cannot be read.
    Digits(&'v str),
    /// A single value.
    Scalar(Key<'v>),
    /// A list.
    List(Vec<Self>),
    /// A record.
    Record(Vec<(&'v str, Self)>),
}

impl<'v> Canonical<'v> {
    /// The form of a value; `None` when it holds more than the budget has left.
    pub(super) fn of(value: &'v Value<'_>, budget: &mut usize) -> Option<Self> {
        output::charge(budget, value)?;
        Some(match value {
            Value::Missing | Value::Null => Self::Null,
            Value::Unreadable(digits) => Self::Digits(digits),
            Value::List(list) => {
                let forms: Option<Vec<_>> = list.iter().map(|one| Self::of(one, budget)).collect();
                Self::List(forms?)
            }
            Value::Record(fields) => {
                let form = |(key, field)| Some((key, Self::of(field, budget)?));
                let entries = fields.iter().map(|(key, field)| (&**key, field));
                let mut forms: Vec<_> = entries.map(form).collect::<Option<_>>()?;
                forms.sort_unstable_by_key(|(key, _)| *key);
                Self::Record(forms)
            }
            scalar => Self::Scalar(Key::new(scalar, false)?),
        })
    }
}
