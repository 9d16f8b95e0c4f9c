//! Whether a value fits where a type is asked for.

use grammar::Span;

use super::Checker;
use super::scope::Typed;
use crate::types::{Kind, RecordType, Type};
use crate::value::Value;

/// One side of a comparison, for messages.
pub(crate) struct Operand {
    /// Where it is.
    pub(crate) span: Span,
    /// Its kind.
    pub(crate) kind: Kind,
    /// Its value, when it is known.
    pub(crate) literal: Option<Value<'static>>,
    /// The declared field behind it: where its type is written, and its name.
    pub(crate) declared: Option<(Span, Box<str>)>,
}

/// How a value fits a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Always.
    Fits,
    /// As far as it is known; it is looked at while running.
    Checked,
    /// It is one of these strings, but not one that is taken.
    WrongText,
    /// Never.
    Wrong,
}

impl Checker<'_> {
    /// Whether a value's type fits `to`, missing aside.
    pub(super) fn fit(&self, value: &Typed, to: &Type) -> Fit {
        match (value.as_text(), to.required()) {
            (Some(text), Type::OneOf(values)) => {
                if values.iter().any(|one| &**one == text) {
                    Fit::Fits
                } else {
                    Fit::WrongText
                }
            }
            _ => fit(&value.ty, to),
        }
    }
}

/// Whether every value of `from` is one of `to`, missing aside.
pub(super) fn fit(from: &Type, to: &Type) -> Fit {
    match (from.required(), to.required()) {
        (Type::Broken, _) | (_, Type::Broken | Type::Any) | (Type::Null, _) => Fit::Fits,
        (Type::Any, _) => Fit::Checked,
        (one, two) if one == two => Fit::Fits,
        (Type::Int, Type::Decimal) => Fit::Fits,
        // A fraction may be zero; whether it is shows while running.
        (Type::Decimal, Type::Int) => Fit::Checked,
        (Type::OneOf(from), Type::OneOf(to)) => {
            if from.iter().all(|one| to.contains(one)) {
                Fit::Fits
            } else if from.iter().any(|one| to.contains(one)) {
                Fit::Checked
            } else {
                Fit::WrongText
            }
        }
        (one, Type::Text) if one.kind() == Kind::Text => Fit::Fits,
        (one, two) if one.kind() == Kind::Text && two.kind() == Kind::Text => Fit::Checked,
        (Type::List { of: from, .. }, Type::List { of: to, .. }) => fit(from, to),
        (Type::Map(from), Type::Map(to)) => fit(from, to),
        (Type::Record(from), Type::Map(to)) => {
            from.fields.iter().map(|field| fit(&field.ty, to)).fold(Fit::Fits, worse)
        }
        (Type::Record(from), Type::Record(to)) => fit_records(from, to),
        (Type::Map(_), Type::Record(_)) => Fit::Checked,
        _ => Fit::Wrong,
    }
}

fn fit_records(from: &RecordType, to: &RecordType) -> Fit {
    let field = |wanted: &crate::types::FieldType| match from.field(&wanted.name) {
        Some(given) if given.ty.is_optional() && !wanted.ty.is_optional() => {
            worse(fit(&given.ty, &wanted.ty), Fit::Checked)
        }
        Some(given) => fit(&given.ty, &wanted.ty),
        None if wanted.ty.is_optional() || wanted.ty.is_broken() => Fit::Fits,
        None if from.open => Fit::Checked,
        None => Fit::Wrong,
    };
    to.fields.iter().map(field).fold(Fit::Fits, worse)
}

fn worse(one: Fit, two: Fit) -> Fit {
    let rank = |fit: &Fit| match fit {
        Fit::Fits => 0,
        Fit::Checked => 1,
        Fit::WrongText => 2,
        Fit::Wrong => 3,
    };
    if rank(&one) >= rank(&two) { one } else { two }
}
