//! What is computed while compiling: constants are exact, and `environment` is one of them.

use std::sync::Arc;

use grammar::ast::ArithmeticOp;

use super::compare::Case;
use super::scope::Typed;
use crate::hir::Comparison;
use crate::ternary::Ternary;
use crate::value::{self, Value};

/// A comparison of two constants.
pub(super) fn compare(one: &Typed, two: &Typed, op: Comparison, case: Case) -> Option<Ternary> {
    let (one, two) = (one.as_constant()?, two.as_constant()?);
    if one.is_missing() || two.is_missing() {
        return Some(Ternary::Unknown);
    }
    let equal = || one.equals(two, case.folds());
    let ordered = |holds: fn(std::cmp::Ordering) -> bool| {
        one.order(two).map_or(Ternary::Unknown, |ordering| Ternary::from(holds(ordering)))
    };
    Some(match op {
        Comparison::Equal => Ternary::from(equal()),
        Comparison::NotEqual => Ternary::from(!equal()),
        Comparison::Less => ordered(std::cmp::Ordering::is_lt),
        Comparison::LessEqual => ordered(std::cmp::Ordering::is_le),
        Comparison::Greater => ordered(std::cmp::Ordering::is_gt),
        Comparison::GreaterEqual => ordered(std::cmp::Ordering::is_ge),
    })
}

/// An element or field of a constant.
pub(super) fn index(base: &Typed, index: &Typed) -> Option<Value<'static>> {
    match (base.as_constant()?, index.as_constant()?) {
        (Value::List(items), Value::Int(at)) => {
            let found = usize::try_from(*at).ok().and_then(|at| items.get(at));
            Some(found.cloned().unwrap_or(Value::Missing))
        }
        (Value::Record(fields), Value::Text(key)) => {
            let found = fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
            Some(found.unwrap_or(Value::Missing))
        }
        _ => None,
    }
}

/// Arithmetic on two constants; missing when there is no exact result.
pub(super) fn arithmetic(op: ArithmeticOp, one: &Typed, two: &Typed) -> Option<Value<'static>> {
    Some(value::arithmetic(op, one.as_constant()?, two.as_constant()?))
}

/// The opposite number.
pub(super) fn negate(number: &Typed) -> Option<Value<'static>> {
    Some(value::negate(number.as_constant()?))
}

/// A constant as text in a hole.
pub(super) fn text(value: &Value) -> Option<String> {
    value::to_text(value).map(|text| text.into_owned())
}

/// A list of constants, when every element is one. Missing elements are left out.
pub(super) fn list(items: &[Typed]) -> Option<Value<'static>> {
    let values: Option<Vec<Value<'static>>> = items.iter().map(|item| item.as_constant().cloned()).collect();
    let present = values?.into_iter().filter(|value| !matches!(value, Value::Missing));
    Some(Value::List(Arc::from_iter(present)))
}

#[cfg(test)]
mod tests {
    use grammar::Span;
    use grammar::ast::ArithmeticOp;

    use rust_decimal::Decimal;

    use super::*;
    use crate::types::Type;

    fn constant(value: Value<'static>) -> Typed {
        Typed::constant(value, Type::Any, Span::default())
    }

    fn dec(digits: &str) -> Typed {
        constant(Value::Decimal(Decimal::from_str_exact(digits).unwrap()))
    }

    #[test]
    fn arithmetic_is_exact_and_never_wraps() {
        let int = |number| constant(Value::Int(number));
        for (op, one, two, expected) in [
            (ArithmeticOp::Add, int(1), int(2), Some("3")),
            (ArithmeticOp::Add, int(i64::MAX), int(1), None),
            (ArithmeticOp::Divide, int(1), int(3), Some("0.333333333333")),
            (ArithmeticOp::Divide, int(1), int(0), None),
            (ArithmeticOp::Multiply, dec("0.1"), int(3), Some("0.3")),
        ] {
            let result = arithmetic(op, &one, &two).unwrap();
            assert_eq!(text(&result).as_deref(), expected, "{op:?}");
        }
    }

    #[test]
    fn numbers_compare_by_value() {
        let answer = compare(&dec("1.50"), &dec("1.5"), Comparison::Equal, Case::Exact);
        assert_eq!(answer, Some(Ternary::Yes));
        let kinds = compare(&dec("1"), &constant(Value::text("1")), Comparison::Less, Case::Exact);
        assert_eq!(kinds, Some(Ternary::Unknown));
    }
}
