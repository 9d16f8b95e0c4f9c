//! What is said about values: their types, whether they are there, and what can be done with them.

mod compare;
mod missing;
mod patterns;

use grammar::ast::ArithmeticOp;
use grammar::diagnostic::Code;
use grammar::{Diagnostic, Ident, Span, Spanned};

pub(crate) use compare::*;
pub(crate) use missing::*;
pub(crate) use patterns::*;

use super::{Declared, alternatives, declared_as};
use crate::transform::{Accepts, Count, Param, Transform};
use crate::types::{Kind, Type};

/// E0301
pub(crate) fn not_a_condition(span: Span, kind: Kind, written: &str, declared: Declared) -> Diagnostic {
    let told = Diagnostic::error(Code::E0301, "this is a value, and a condition is wanted")
        .at(span, format!("this is {}", kind.words()));
    let told = declared_as(told, declared, &format!("is {}", kind.words()));
    match kind {
        Kind::List | Kind::Record => told.help(format!("ask something of it: {written} is not empty")),
        _ => told.help(format!("ask something of it: {written} is present, or {written} is …")),
    }
}

/// E0303
pub(crate) fn not_a_valid(span: Span, text: &str, wanted: &Type, example: &str) -> Diagnostic {
    let what = match wanted {
        Type::Email => "an e-mail address",
        Type::Url => "a URL",
        Type::Uuid => "a UUID",
        Type::Ip => "an IP address",
        Type::Cidr => "a network",
        Type::DateTime => "a date with time and zone",
        Type::Date => "a day",
        Type::Duration => "a length of time",
        _ => "a value of this type",
    };
    Diagnostic::error(Code::E0303, format!("\"{text}\" is not {what}"))
        .at(span, "")
        .help(format!("write it like \"{example}\""))
}

/// E0310
pub(crate) fn wrong_kind(
    span: Span,
    what: &str,
    kinds: &[Kind],
    given: Kind,
    declared: Declared,
) -> Diagnostic {
    let wanted: Vec<&str> = kinds.iter().map(|kind| kind.words()).collect();
    let told = Diagnostic::error(Code::E0310, format!("{what} goes with {}", alternatives(&wanted)))
        .at(span, format!("this is {}", given.words()));
    let told = declared_as(told, declared, &format!("is {}", given.words()));
    match (kinds, given) {
        ([Kind::Duration], Kind::Text | Kind::Number) => {
            told.help("it is written with its unit and without quotation marks: `15s`, `1h30m`, `7d`")
        }
        _ => told,
    }
}

/// E0311
pub(crate) fn cannot_calculate(
    op: &Spanned<ArithmeticOp>,
    one: (Span, Kind),
    two: (Span, Kind),
) -> Diagnostic {
    let verb = match op.node {
        ArithmeticOp::Add => "added",
        ArithmeticOp::Subtract => "subtracted",
        ArithmeticOp::Multiply => "multiplied",
        ArithmeticOp::Divide => "divided",
    };
    Diagnostic::error(Code::E0311, format!("these two cannot be {verb}"))
        .at(op.span, "")
        .also(one.0, format!("this is {}", one.1.words()))
        .also(two.0, format!("this is {}", two.1.words()))
}

/// E0311
pub(crate) fn text_is_joined_with_holes(op: Span, one: (Span, &str), two: (Span, &str)) -> Diagnostic {
    let part = |written: &str| match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) => text.to_owned(),
        None => format!("{{{written}}}"),
    };
    let joined = format!("\"{}{}\"", part(one.1), part(two.1));
    Diagnostic::error(Code::E0311, "`+` does not join texts")
        .at(op, "")
        .note("texts are joined by writing the values into holes")
        .fix(format!("write {joined}"), [(one.0.to(two.0), joined)])
}

/// E0311
pub(crate) fn no_result(op: Span, which: ArithmeticOp) -> Diagnostic {
    let why = match which {
        ArithmeticOp::Divide => "this divides by zero",
        ArithmeticOp::Add | ArithmeticOp::Subtract | ArithmeticOp::Multiply => "the result is out of range",
    };
    Diagnostic::error(Code::E0311, format!("{why}, so it is always missing")).at(op, "")
}

/// E0312
pub(crate) fn transform_takes(
    span: Span,
    given: &Type,
    name: &Ident,
    accepts: Accepts,
    declared: Declared,
) -> Diagnostic {
    let told = Diagnostic::error(Code::E0312, format!("`{name}` works on {}", accepted(accepts)))
        .at(span, format!("this is {}", given.kind().words()));
    let told = declared_as(told, declared, &format!("is {}", given.kind().words()));
    match (accepts, given.kind()) {
        (Accepts::Text, Kind::List) => {
            told.help(format!("do it for each element: each x in list: x | {name}"))
        }
        _ => told,
    }
}

fn accepted(accepts: Accepts) -> &'static str {
    match accepts {
        Accepts::Anything => "everything",
        Accepts::Text => "text",
        Accepts::Number => "numbers",
        Accepts::Int => "whole numbers",
        Accepts::Bool => "true or false",
        Accepts::List => "lists",
        Accepts::Record => "records",
        Accepts::Container => "lists and records",
        Accepts::TextOrList => "text and lists",
        Accepts::Instant => "times",
        Accepts::Date => "days",
        Accepts::InstantOrDate => "times and days",
        Accepts::Duration => "lengths of time",
        Accepts::NumberOrDuration => "numbers and lengths of time",
    }
}

/// E0313
pub(crate) fn argument_count(span: Span, transform: &Transform, given: usize, written: &str) -> Diagnostic {
    let parameter = |param: &Param| match param.count {
        Count::One => param.name.to_owned(),
        Count::Optional => format!("[{}]", param.name),
        Count::Several => format!("{}, …", param.name),
    };
    let params: Vec<String> = transform.params.iter().map(parameter).collect();
    let shape = match params.as_slice() {
        [] => format!("| {}", transform.name),
        params => format!("| {}({})", transform.name, params.join(", ")),
    };
    let count = match given {
        0 => "no values".to_owned(),
        1 => "1 value".to_owned(),
        more => format!("{more} values"),
    };
    let told =
        Diagnostic::error(Code::E0313, format!("`{}` is given {count} in parentheses", transform.name))
            .at(span, "")
            .help(format!("it is written {shape}"));
    match transform.examples.first() {
        Some(example) if !written.is_empty() => {
            told.note(format!("as in {} , which is {}", example.call, example.gives))
        }
        _ => told,
    }
}

/// E0313
pub(crate) fn argument_takes(span: Span, given: &Type, name: &Ident, param: &Param) -> Diagnostic {
    Diagnostic::error(Code::E0313, format!("`{}` of `{name}` takes {}", param.name, accepted(param.accepts)))
        .at(span, format!("this is {}", given.kind().words()))
}

/// E0313
pub(crate) fn argument_refused(span: Span, name: &Ident, why: &str) -> Diagnostic {
    Diagnostic::error(Code::E0313, format!("`{name}` cannot work with this value")).at(span, "").note(why)
}

/// E0314
pub(crate) fn number_too_long(span: Span, digits: usize) -> Diagnostic {
    Diagnostic::error(Code::E0314, format!("numbers have at most {digits} digits"))
        .at(span, "")
        .help("if this is an id and not a number, put it into quotation marks")
}

/// E0315
pub(crate) fn no_such_day(span: Span, written: &str) -> Diagnostic {
    Diagnostic::error(Code::E0315, format!("there is no day {written}"))
        .at(span, "")
        .help("days are written year, month, day: 2026-03-01")
}

/// E0315
pub(crate) fn no_such_instant(span: Span, written: &str) -> Diagnostic {
    Diagnostic::error(Code::E0315, format!("there is no time {written}"))
        .at(span, "")
        .help("times are written with their distance from UTC: 2026-03-01T09:00:00+01:00, or with Z for UTC")
}

/// E0319
pub(crate) fn field_of_list(span: Span, name: &Ident, list: &str) -> Diagnostic {
    Diagnostic::error(Code::E0319, format!("a list has no `{name}`; its elements may"))
        .at(span, "this is a list")
        .help(format!("all of them: each x in {list}: x.{name}"))
        .help(format!("one of them: any x in {list} satisfies (x.{name} is …), or {list}[0].{name}"))
}

/// E0319
pub(crate) fn no_fields(span: Span, name: &Ident, ty: &Type, declared: Declared) -> Diagnostic {
    let told = Diagnostic::error(Code::E0319, format!("`{name}` is asked of something that has no fields"))
        .at(span, format!("this is {}", ty.kind().words()));
    let told = declared_as(told, declared, &format!("is {}", ty.kind().words()));
    match &*name.text {
        "domain" | "host" | "lower" | "upper" | "trim" | "count" => {
            told.help(format!("it is a transform: write `| {name}`"))
        }
        _ => told,
    }
}

/// E0320
pub(crate) fn cannot_index(base: Span, ty: &Type, index: Span, given: Kind) -> Diagnostic {
    let told = Diagnostic::error(Code::E0320, "nothing can be looked up like this")
        .at(base, format!("this is {}", ty.kind().words()))
        .also(index, format!("this is {}", given.words()));
    match ty.kind() {
        Kind::List => told.help("a list is read by number: list[0]"),
        Kind::Record => told.help("a map is read by text: prices[order.currency]"),
        _ => told,
    }
}

/// E0320
pub(crate) fn negative_index(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0320, "places in a list count from 0")
        .at(span, "")
        .help("the last element is list | last")
}

/// E0321
pub(crate) fn not_a_list(span: Span, kind: Kind, declared: Declared) -> Diagnostic {
    let told =
        Diagnostic::error(Code::E0321, "a list is wanted here").at(span, format!("this is {}", kind.words()));
    let told = declared_as(told, declared, &format!("is {}", kind.words()));
    match kind {
        Kind::Record => told.help("the entries of a map are a list: m | entries"),
        _ => told,
    }
}

/// E0322
pub(crate) fn not_constant(span: Span, name: &Ident) -> Diagnostic {
    Diagnostic::error(Code::E0322, format!("the const `{name}` cannot be worked out before events come"))
        .at(span, "")
        .help("a `choose` in a const needs `otherwise: …`, so that it has a value in every environment")
        .help("a const is made of literals, other consts and `environment`; use `let` in a rule for the rest")
}

/// E0324
pub(crate) fn spread_needs_record(span: Span, kind: Kind, declared: Declared) -> Diagnostic {
    let told = Diagnostic::error(Code::E0324, "only a record can be spread with `..`")
        .at(span, format!("this is {}", kind.words()));
    declared_as(told, declared, &format!("is {}", kind.words()))
}

/// E0326
pub(crate) fn never_empty(word: Span, value: Span, kind: Kind, declared: Declared) -> Diagnostic {
    let told = Diagnostic::error(Code::E0326, format!("{} is never empty", kind.words()))
        .at(word, "")
        .also(value, format!("this is {}", kind.words()));
    declared_as(told, declared, &format!("is {}", kind.words())).help("ask whether it is there: is missing")
}

/// E0329
pub(crate) fn conditions_in_brackets(span: Span, written: &str) -> Diagnostic {
    Diagnostic::error(Code::E0329, "conditions are written out in brackets here")
        .at(span, "")
        .help(format!("after `contains` and its kin a name can stand: x contains any of {written}"))
}

/// E0332
pub(crate) fn hole_is_no_text(span: Span, kind: Kind, written: &str) -> Diagnostic {
    let told =
        Diagnostic::error(Code::E0332, format!("{} cannot stand in a text", kind.words())).at(span, "");
    match kind {
        Kind::List => told.help(format!("join it: {{{written} | join(\", \")}}")),
        _ => told.help(format!("name one of its fields, or write it as JSON: {{{written} | to_json}}")),
    }
}

/// E0333
pub(crate) fn unchecked_is_refused(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0333, "this workspace takes no values without a declared type")
        .at(span, "its type is only known when an event comes")
        .help("declare the event's fields: schema Name { … } and event type: Name")
}

/// E0334
pub(crate) fn predicate_takes(
    span: Span,
    given: &Type,
    name: &Ident,
    wanted: &Type,
    declared: Span,
) -> Diagnostic {
    Diagnostic::error(Code::E0334, format!("the predicate `{name}` is about {wanted}"))
        .at(span, format!("this is {given}"))
        .also(declared, "it says so here")
}

/// E0312, at the end of `each`.
pub(crate) fn belongs_to_the_element(told: Diagnostic, transform: &Ident) -> Diagnostic {
    told.note("after `each`, what follows `:` belongs to the element")
        .help(format!("to do it with the whole list write (each x in list: x.…) | {transform}"))
}

/// W0414
pub(crate) fn pipes_each_element(transform: &Ident) -> Diagnostic {
    Diagnostic::warning(Code::W0414, format!("`{transform}` is done for each element by itself"))
        .at(transform.span, "")
        .note("after `each`, what follows `:` belongs to the element")
        .help(format!("to do it with the whole list write (each x in list: x.…) | {transform}"))
}

/// W0415
pub(crate) fn deprecated(name: &Ident, advice: &str) -> Diagnostic {
    let told = Diagnostic::warning(Code::W0415, format!("`{name}` is deprecated")).at(name.span, "");
    if advice.is_empty() { told } else { told.help(advice) }
}
