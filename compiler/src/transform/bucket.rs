//! `bucket(n)`: a stable share of values.

use super::{Accepts, Section, Transform, eg, input, output, typing};
use crate::types::Type;
use crate::value::{Value, bucket_point};

pub(super) const TRANSFORM: Transform = Transform {
    name: "bucket",
    summary: "A number from 0 to `n` - 1 that is always the same for the same text, number, time or truth, and \
              evenly spread: `user.id | bucket(100) < 5` is five users of a hundred.",
    section: Section::Conversions,
    input: Accepts::Anything,
    params: &[super::one("n", Accepts::Int)],
    output: typed,
    refuses,
    apply,
    examples: &[
        eg(r#""user_1" | bucket(100)"#, "52"),
        eg(r#""user_2" | bucket(100)"#, "79"),
        eg(r#""日本" | bucket(10)"#, "4"),
        eg("7 | bucket(2)", "0"),
        eg("7.0 | bucket(2)", "0"),
        eg(r#""x" | bucket(1)"#, "0"),
        eg(r#""x" | bucket(0)"#, "missing"),
        eg("[1] | bucket(2)", "missing"),
    ],
};

fn typed(input: &Type, _: &[Type]) -> Type {
    match input {
        Type::List { .. } | Type::Record(_) | Type::Map(_) => typing::optional(Type::Int),
        _ => typing::known(input, Type::Int),
    }
}

fn refuses(_: usize, value: &Value<'_>) -> Option<String> {
    let count = input::whole(value)?;
    (count < 1).then(|| format!("there must be at least 1 bucket, and this says {count}"))
}

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let bucket = || {
        let count = u64::try_from(input::whole(args.first()?)?).ok().filter(|count| *count > 0)?;
        let place = (u128::from(bucket_point(&value, "")?) * u128::from(count)) >> 64;
        i64::try_from(place).ok().map(Value::Int)
    };
    output::given(bucket())
}
