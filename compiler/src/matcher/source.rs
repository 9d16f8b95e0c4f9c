//! What an event shows at the places that conditions compare, without making values of it.

use std::borrow::Cow;

use super::table::{of_both, of_bytes};
use crate::eval::Facts;
use crate::hir::{EnvelopeField, Expr, PathId, Rule};
use crate::pattern::fold;
use crate::slots::Place;
use crate::value::{Value, parse_number};

/// Something of an event that can be compared with a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) of: Of,
    /// Texts folded by Unicode simple case folding.
    pub(super) folded: bool,
}

/// What of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Of {
    Path(PathId),
    Id,
    Kind,
    Resource,
    ResourceId,
}

/// What an event has there.
pub(super) enum Shown<'a> {
    /// Nothing, null, or a number that cannot be read.
    Missing,
    Text(Cow<'a, str>),
    /// Anything else that is one value.
    Scalar(Value<'a>),
    /// A list or a record.
    Container,
}

impl Source {
    /// The source that an expression is; a `let` is what it stands for.
    pub(super) fn of(expr: &Expr, rule: &Rule, folded: bool) -> Option<Self> {
        let of = match expr {
            Expr::Read(path) => Of::Path(*path),
            Expr::Envelope(EnvelopeField::Id) => Of::Id,
            Expr::Envelope(EnvelopeField::Kind) => Of::Kind,
            Expr::Envelope(EnvelopeField::Resource) => Of::Resource,
            Expr::Envelope(EnvelopeField::ResourceId) => Of::ResourceId,
            Expr::Let(id) => {
                let before = usize::from(id.0);
                return match rule.lets.get(before)? {
                    // A let sees only those before it, so this ends.
                    Expr::Let(earlier) if usize::from(earlier.0) >= before => None,
                    expr => Self::of(expr, rule, folded),
                };
            }
            _ => return None,
        };
        Some(Self { of, folded })
    }

    /// What the event has there.
    #[inline]
    pub(super) fn shown<'a>(self, facts: &Facts<'a, '_>) -> Shown<'a> {
        let optional = |text: Option<&'a str>| text.map_or(Shown::Missing, |text| self.text(text.into()));
        match self.of {
            Of::Id => self.text(facts.event.id.into()),
            Of::Kind => self.text(facts.event.kind.into()),
            Of::Resource => optional(facts.event.resource),
            Of::ResourceId => optional(facts.event.resource_id),
            Of::Path(path) => match facts.slots.place(&facts.plan.paths, path) {
                Place::Absent | Place::Null => Shown::Missing,
                Place::True => Shown::Scalar(Value::Bool(true)),
                Place::False => Shown::Scalar(Value::Bool(false)),
                Place::Container { .. } => Shown::Container,
                Place::Text(raw) => self.text(facts.slots.text_at(raw)),
                Place::Number { start, end } => match parse_number(facts.slots.slice(start, end)) {
                    Value::Unreadable(_) => Shown::Missing,
                    number => Shown::Scalar(number),
                },
            },
        }
    }

    fn text<'a>(self, text: Cow<'a, str>) -> Shown<'a> {
        Shown::Text(match text {
            text if !self.folded => text,
            Cow::Borrowed(text) => fold(text),
            Cow::Owned(text) => Cow::Owned(fold(&text).into_owned()),
        })
    }
}

/// The hash of a value that can be equal to a constant: equal values have equal hashes.
pub(super) fn hash_of(value: &Value<'_>, folded: bool) -> Option<u64> {
    use crate::value::Key;
    Some(match Key::new(value, folded)? {
        Key::Text(text) => of_bytes(text.as_bytes()),
        Key::Bool(truth) => of_both(1, u64::from(truth)),
        Key::Int(int) => of_both(2, int.cast_unsigned()),
        Key::Decimal(decimal) => of_both(3, of_bytes(&decimal.normalize().serialize())),
        // JSON has none of these: they are never equal to what stands in a payload.
        Key::Instant(_) | Key::Date(_) | Key::Duration(_) => return None,
    })
}
