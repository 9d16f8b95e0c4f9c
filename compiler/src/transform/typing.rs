//! Types of results.
//!
//! What is read without a declared type may be missing, so its result is `any` again, unless a
//! transform's result is optional anyway. Results that only a limit makes missing (a number out of
//! range, a text that grew too long) keep their type, as sums and products do.

use std::sync::Arc;

use crate::types::Type;

/// The type with a `?`; types that may be missing anyway stay.
pub(super) fn optional(ty: Type) -> Type {
    match ty {
        Type::Optional(_) | Type::Any | Type::Null | Type::Broken => ty,
        other => Type::Optional(Arc::new(other)),
    }
}

/// This type when the input's is known.
pub(super) fn known(input: &Type, ty: Type) -> Type {
    match input {
        Type::Any | Type::Broken => input.clone(),
        _ => ty,
    }
}

/// A list of these.
pub(super) fn list_of(ty: Type) -> Type {
    Type::List { of: Arc::new(ty), limit: None }
}

/// The elements' type of a list, `any` of anything else.
pub(super) fn element_of(input: &Type) -> Type {
    match input {
        Type::List { of, .. } => of.as_ref().clone(),
        Type::Broken => Type::Broken,
        _ => Type::Any,
    }
}

/// The text of a constant argument: its type has that one value.
pub(super) fn constant(args: &[Type], at: usize) -> Option<&str> {
    match args.get(at)? {
        Type::OneOf(values) => match values.as_ref() {
            [only] => Some(only),
            _ => None,
        },
        _ => None,
    }
}

/// `text`
pub(super) fn text(input: &Type, _: &[Type]) -> Type {
    known(input, Type::Text)
}

/// `text?`
pub(super) fn text_or_missing(_: &Type, _: &[Type]) -> Type {
    optional(Type::Text)
}

/// `list of text`
pub(super) fn texts(input: &Type, _: &[Type]) -> Type {
    known(input, list_of(Type::Text))
}

/// `int`
pub(super) fn int(input: &Type, _: &[Type]) -> Type {
    known(input, Type::Int)
}

/// `date`
pub(super) fn date(input: &Type, _: &[Type]) -> Type {
    known(input, Type::Date)
}

/// `datetime`
pub(super) fn instant(input: &Type, _: &[Type]) -> Type {
    known(input, Type::DateTime)
}

/// The input's type: the value changes, its form stays.
pub(super) fn same(input: &Type, _: &[Type]) -> Type {
    input.clone()
}

/// The element's type with a `?`.
pub(super) fn element_or_missing(input: &Type, _: &[Type]) -> Type {
    optional(element_of(input))
}

/// The form of a text stays (an address in lower case is an address), one of several values does not.
pub(super) fn same_form(input: &Type, _: &[Type]) -> Type {
    match input {
        Type::OneOf(_) => Type::Text,
        other => other.clone(),
    }
}

/// Conversions: of what already is one, always; otherwise perhaps.
pub(super) fn converted(input: &Type, from: &[Type], to: Type) -> Type {
    if *input == to || from.contains(input) { to } else { optional(to) }
}

/// A length of time becomes a number, a number a length of time.
pub(super) fn unit(input: &Type, _: &[Type]) -> Type {
    match input {
        Type::Duration => Type::Decimal,
        Type::Int | Type::Decimal => Type::Duration,
        _ => Type::Any,
    }
}

/// The type of what the fields of a map or record hold.
pub(super) fn value_of(input: &Type) -> Type {
    match input {
        Type::Map(of) => of.as_ref().clone(),
        Type::Record(record) if !record.open => match record.fields.split_first() {
            Some((first, rest)) if rest.iter().all(|field| field.ty == first.ty) => first.ty.clone(),
            _ => Type::Any,
        },
        _ => Type::Any,
    }
}
