//! `sort`: a list in order.

use std::cmp::Ordering;

use super::{Accepts, Section, Transform, eg, typing};
use crate::pattern::fold;
use crate::types::Type;
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "sort",
    summary: "The list from least to greatest; texts ignoring case, by the numbers of their characters. Nulls \
              come last; missing when the elements cannot be compared with each other.",
    section: Section::Lists,
    input: Accepts::List,
    params: &[],
    output: typed,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("[3, 1, 2.5] | sort", "[1, 2.5, 3]"),
        eg(r#"["banana", "apple", "Cherry"] | sort"#, r#"["apple", "banana", "Cherry"]"#),
        eg(r#"["b", "a", "B", "A"] | sort"#, r#"["A", "a", "B", "b"]"#),
        eg(r#"["ö", "z", "o"] | sort"#, r#"["o", "z", "ö"]"#),
        eg("[2, null, 1] | sort", "[1, 2, null]"),
        eg("[2026-03-02, 2026-03-01] | sort", "[2026-03-01, 2026-03-02]"),
        eg(r#"[1, "a"] | sort"#, "missing"),
        eg("[true, false] | sort", "missing"),
        eg("[] | sort", "[]"),
        eg("5 | sort", "missing"),
    ],
};

fn typed(input: &Type, _: &[Type]) -> Type {
    let element = typing::element_of(input);
    let plain = match &element {
        Type::Optional(inner) => inner.as_ref(),
        other => other,
    };
    match plain {
        Type::Any | Type::List { .. } | Type::Record(_) | Type::Map(_) | Type::Bool => {
            typing::known(input, typing::optional(input.clone()))
        }
        _ => input.clone(),
    }
}

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::List(list) = value else { return Value::Missing };
    let (nulls, mut rest): (Vec<_>, Vec<_>) = list.iter().cloned().partition(Value::is_missing);
    if let Some(first) = rest.first().cloned() {
        if rest.iter().all(|one| matches!(one, Value::Text(_))) {
            rest.sort_by_cached_key(|one| {
                let text = one.as_text().unwrap_or_default();
                (fold(text).into_owned(), text.to_owned())
            });
        } else if rest.iter().all(|one| one.order(&first).is_some()) {
            rest.sort_by(|a, b| a.order(b).unwrap_or(Ordering::Equal));
        } else {
            return Value::Missing;
        }
    }
    rest.extend(nulls);
    Value::List(rest.into())
}
