//! What is said about comparisons.

use grammar::diagnostic::Code;
use grammar::{Diagnostic, Span};

use super::super::{Declared, closest, declared_as, quoted, slip};
use crate::check::Operand;
use crate::types::Kind;
use crate::value::Value;

/// E0302
pub(crate) fn kinds_differ(wrong: &Operand, other: &Operand) -> Diagnostic {
    let (left, right) = (other.kind.words(), wrong.kind.words());
    let told = Diagnostic::error(Code::E0302, format!("{left} is compared with {right}"))
        .at(wrong.span, format!("this is {right}"));
    let told = match &other.declared {
        Some(_) => declared_as(told, other.declared.clone(), &format!("is {left}")),
        None => told.also(other.span, format!("this is {left}")),
    };
    let told = told.note("this would never be true");
    match (&wrong.literal, other.kind) {
        (Some(Value::Text(text)), Kind::Number) if is_number(text) => {
            told.fix(format!("replace \"{text}\" with {text}"), [(wrong.span, text.to_string())])
        }
        (Some(Value::Text(text)), Kind::Bool) if matches!(&**text, "true" | "false") => {
            told.fix(format!("replace \"{text}\" with {text}"), [(wrong.span, text.to_string())])
        }
        (Some(Value::Int(number)), Kind::Text) => {
            told.fix(format!("replace {number} with \"{number}\""), [(wrong.span, format!("\"{number}\""))])
        }
        (Some(Value::Decimal(number)), Kind::Text) => {
            told.fix(format!("replace {number} with \"{number}\""), [(wrong.span, format!("\"{number}\""))])
        }
        _ => told,
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let dots = digits.matches('.').count();
    !digits.is_empty()
        && dots <= 1
        && !digits.starts_with('.')
        && !digits.ends_with('.')
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// E0306
pub(crate) fn never_that(
    span: Span,
    subject: &str,
    text: &str,
    values: &[Box<str>],
    declared: Option<&str>,
) -> Diagnostic {
    let known: Vec<&str> = values.iter().map(|value| &**value).collect();
    let close = closest(text, &known);
    let label = close.map(|close| format!("did you mean \"{close}\"?")).unwrap_or_default();
    let told = Diagnostic::error(Code::E0306, format!("`{subject}` is never \"{text}\""))
        .at(span, label)
        .note(format!("its values are: {}", quoted(values)));
    let told = match declared {
        Some(place) => told.help(format!("if that list is out of date, change it at {place}")),
        None => told,
    };
    match close {
        Some(close) => {
            let title = format!("replace \"{text}\" with \"{close}\"");
            slip(told, (text, close), title, [(span, format!("\"{close}\""))])
        }
        None => told,
    }
}

/// E0308
pub(crate) fn no_order(op: Span, side: Span, kind: Kind, declared: Declared) -> Diagnostic {
    let told = Diagnostic::error(Code::E0308, format!("{} has no smaller and no larger", kind.words()))
        .at(op, "")
        .also(side, format!("this is {}", kind.words()));
    declared_as(told, declared, &format!("is {}", kind.words()))
        .help("`<` and its kin compare numbers, days, times and lengths of time")
}

/// E0309
pub(crate) fn contains_needs(span: Span, kind: Kind, declared: Declared) -> Diagnostic {
    let told = Diagnostic::error(Code::E0309, "`contains` looks into texts and lists")
        .at(span, format!("this is {}", kind.words()));
    let told = declared_as(told, declared, &format!("is {}", kind.words()));
    match kind {
        Kind::Record => told.help("look into its texts with | texts, or into its names with | keys"),
        _ => told,
    }
}

/// E0302
pub(crate) fn never_contains(
    needle: Span,
    given: Kind,
    list: Span,
    of: Kind,
    declared: Declared,
) -> Diagnostic {
    let told = Diagnostic::error(Code::E0302, format!("{} is looked for among {}", given.words(), many(of)))
        .at(needle, format!("this is {}", given.words()));
    let told = match declared {
        Some(_) => declared_as(told, declared, &format!("holds {}", many(of))),
        None => told.also(list, format!("this holds {}", many(of))),
    };
    told.note("this would never be true")
}

/// E0302
pub(crate) fn not_in_a_text(needle: Span, given: Kind, declared: Declared) -> Diagnostic {
    let told = Diagnostic::error(Code::E0302, format!("{} is looked for in a text", given.words()))
        .at(needle, format!("this is {}", given.words()));
    declared_as(told, declared, "is text")
        .note("this would never be true")
        .help("put it into quotation marks")
}

/// E0302
pub(crate) fn wrong_element(
    one: Span,
    given: Kind,
    other: Span,
    wanted: Kind,
    declared: Declared,
) -> Diagnostic {
    let told =
        Diagnostic::error(Code::E0302, format!("{} is compared with {}", wanted.words(), given.words()))
            .at(one, format!("this is {}", given.words()));
    let told = match declared {
        Some(_) => declared_as(told, declared, &format!("is {}", wanted.words())),
        None => told.also(other, format!("this is {}", wanted.words())),
    };
    told.note("this would never be true")
}

fn many(kind: Kind) -> &'static str {
    match kind {
        Kind::Any => "values",
        Kind::Text => "texts",
        Kind::Number => "numbers",
        Kind::Bool => "true and false",
        Kind::Instant => "times",
        Kind::Date => "days",
        Kind::Duration => "lengths of time",
        Kind::List => "lists",
        Kind::Record => "records",
        Kind::Null => "nulls",
        Kind::Schedule => "schedules",
    }
}

/// E0318
pub(crate) fn in_text(span: Span, one: &str, two: &str) -> Diagnostic {
    let mended = format!("{two} contains {one}");
    Diagnostic::error(Code::E0318, "`in` looks into lists, and this is a text")
        .at(span, "")
        .fix(format!("write {mended}"), [(span, mended)])
}

/// E0318
pub(crate) fn in_no_list(span: Span, kind: Kind, declared: Declared) -> Diagnostic {
    let told =
        Diagnostic::error(Code::E0318, "`in` looks into lists").at(span, format!("this is {}", kind.words()));
    let told = declared_as(told, declared, &format!("is {}", kind.words()));
    match kind {
        Kind::Record => told.help("look into its names with | keys, or into its values with | values"),
        _ => told,
    }
}

/// E0303
pub(crate) fn not_a_network(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(Code::E0303, format!("\"{text}\" is not a network"))
        .at(span, "")
        .help("write an address and the length of its prefix, such as \"10.0.0.0/8\"")
}

/// E0327
pub(crate) fn case_of_no_text(span: Span, kind: Kind) -> Diagnostic {
    Diagnostic::error(Code::E0327, "`ignoring case` is about texts")
        .at(span, format!("this is {}", kind.words()))
        .help("leave `ignoring case` out")
}

/// W0413
pub(crate) fn folded_away(span: Span, text: &str, transform: &str) -> Diagnostic {
    let (letters, mended) = match transform {
        "upper" => ("small", text.to_uppercase()),
        _ => ("capital", text.to_lowercase()),
    };
    Diagnostic::warning(
        Code::W0413,
        format!("this can never be yes: after `{transform}` no {letters} letters are left"),
    )
    .at(span, "")
    .help("or leave the transform out and end the comparison with `ignoring case`")
    .fix(format!("replace \"{text}\" with \"{mended}\""), [(span, format!("\"{mended}\""))])
}
