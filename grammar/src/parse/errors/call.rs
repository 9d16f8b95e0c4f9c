//! Function calls: here a value goes through transforms, `x | lower`.

use super::{on_one_line, shown};
use crate::{
    Diagnostic, Source,
    ast::{Expr, ExprKind},
    diagnostic::Code,
    span::{Ident, Span},
    suggest,
};

/// Transforms that people call like functions; other names may be predicates.
const COMMON: &[&str] = &[
    "abs", "ceil", "count", "date", "domain", "first", "floor", "format", "join", "keys", "last", "lower",
    "max", "min", "money", "replace", "round", "sort", "split", "sum", "title", "to_int", "to_text", "trim",
    "unique", "upper", "values",
];

/// E0136. `lower(x)`.
pub(in crate::parse) fn function(source: &Source, span: Span, function: &Ident, args: &[Expr]) -> Diagnostic {
    let report = Diagnostic::error(Code::E0136, format!("`{function}` is not called like a function here"));
    match &*function.text.to_lowercase() {
        "now" | "today" | "time" | "utcnow" | "current_time" | "current_timestamp" | "getdate" => {
            let told = Diagnostic::error(Code::E0136, "a rule does not know the present time");
            let told = told.note("a replay then gives the same answer");
            let whole = function.span.to(span);
            let told = told.at(whole, "it knows when the event happened: `event.time`");
            return match args {
                [] => told.fix("write `event.time`", [(whole, "event.time".to_owned())]),
                _ => told.help("write `event.time`"),
            };
        }
        "random" | "rand" | "uuid" | "uuidv4" => {
            return report
                .at(function.span, "rules draw no random numbers")
                .help("take a share of the events with `with { sample: 5% }`, or sort them with `event.id | bucket(10)`");
        }
        _ => {}
    }
    let report = report.at(function.span, "transforms stand behind the value, after `|`");
    let Some((first, rest)) = args.split_first() else {
        return report.help(format!("write `value | {function}`"));
    };
    let asked = on_one_line(source, first.span);
    let transform = suggest::transform(function);
    let told = piped(source, report, span, first, transform, rest);
    if rest.is_empty() && transform == &*function.text && !COMMON.contains(&&*function.text) {
        told.help(format!("if `{function}` is a predicate of yours: {asked} is {function}"))
    } else {
        told
    }
}

/// E0136. `x.lower()`.
pub(in crate::parse) fn method(
    source: &Source,
    span: Span,
    subject: &Expr,
    name: &Ident,
    args: &[Expr],
) -> Diagnostic {
    let report = Diagnostic::error(Code::E0136, format!("values have no method `{name}`"));
    let word = match &*name.text {
        "contains" | "includes" | "has" => "contains",
        "startsWith" | "starts_with" | "startswith" | "hasPrefix" => "starts with",
        "endsWith" | "ends_with" | "endswith" | "hasSuffix" => "ends with",
        "equals" | "eq" => "is",
        _ => {
            let report = report.at(name.span, "transforms stand behind the value, after `|`");
            return piped(source, report, span, subject, suggest::transform(name), args);
        }
    };
    let report = report.at(name.span, format!("this comparison is written `{word}`"));
    match args {
        [right] => {
            let mended =
                format!("{} {word} {}", on_one_line(source, subject.span), on_one_line(source, right.span));
            report.fix(shown(mended.clone(), "write it as a comparison"), [(span, mended)])
        }
        _ => report.help(format!("write `value {word} other`")),
    }
}

/// E0136. Parentheses behind something that is no name.
pub(in crate::parse) fn value(parens: Span) -> Diagnostic {
    Diagnostic::error(Code::E0136, "a value cannot be called")
        .at(parens, "I did not expect parentheses here")
        .help("transforms stand behind the value, after `|`: `value | lower`")
}

fn piped(
    source: &Source,
    report: Diagnostic,
    span: Span,
    subject: &Expr,
    transform: &str,
    args: &[Expr],
) -> Diagnostic {
    let simple = matches!(
        subject.kind,
        ExprKind::Name(_)
            | ExprKind::Field { .. }
            | ExprKind::Index { .. }
            | ExprKind::Paren(_)
            | ExprKind::Text(_)
            | ExprKind::Pipe { .. }
    );
    let subject = on_one_line(source, subject.span);
    let subject = if simple { subject } else { format!("({subject})") };
    let args: Vec<String> = args.iter().map(|arg| on_one_line(source, arg.span)).collect();
    let args = if args.is_empty() { String::new() } else { format!("({})", args.join(", ")) };
    let mended = format!("{subject} | {transform}{args}");
    report.fix(shown(mended.clone(), "write it with `|`"), [(span, mended)])
}
