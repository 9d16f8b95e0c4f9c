//! `entries`: a record as a list.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Accepts, Section, Transform, eg, typing};
use crate::types::{FieldType, RecordType, Type};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "entries",
    summary: "The fields of a record or map as a list of `{ key, value }`, in their order.",
    section: Section::Records,
    input: Accepts::Record,
    params: &[],
    output: typed,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"{ b: 1, a: "é" } | entries"#, r#"[{ key: "b", value: 1 }, { key: "a", value: "é" }]"#),
        eg(r#"{ a: null } | entries"#, r#"[{ key: "a", value: null }]"#),
        eg("{} | entries", "[]"),
        eg("[1] | entries", "missing"),
    ],
};

fn typed(input: &Type, _: &[Type]) -> Type {
    let field = |name: &str, ty| FieldType {
        name: name.into(),
        ty,
        sensitive: false,
        deprecated: None,
        docs: "".into(),
        span: None,
        type_span: None,
    };
    let fields = vec![field("key", Type::Text), field("value", typing::value_of(input))];
    let entry = Type::Record(Arc::new(RecordType { name: None, fields, open: false, span: None }));
    typing::known(input, typing::list_of(entry))
}

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Record(fields) = value else { return Value::Missing };
    let entry = |(key, value): &(Cow<'e, str>, Value<'e>)| {
        let key = (Cow::Borrowed("key"), Value::Text(key.clone()));
        Value::Record([key, (Cow::Borrowed("value"), value.clone())].into())
    };
    Value::List(fields.iter().map(entry).collect())
}
