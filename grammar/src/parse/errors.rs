//! The wording of every message about writing (E01), one function for each.

pub(super) mod branch;
pub(super) mod call;
pub(super) mod elsewhere;
pub(super) mod empty;
pub(super) mod faults;
pub(super) mod limit;
pub(super) mod name;
pub(super) mod number;
pub(super) mod text;
pub(super) mod unexpected;

use crate::{
    Diagnostic, Source,
    ast::{Expr, ExprKind, LogicOp},
    diagnostic::Code,
    span::{Span, Spanned},
};

/// Longer text is not shown in the title of a fix.
const SHOWN_CHARS_MAX: usize = 160;

/// The source's text under a span on one line: white space becomes one space.
fn on_one_line(source: &Source, span: Span) -> String {
    source.slice(span).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` when it can be shown in full, else `instead`.
pub(super) fn shown(text: String, instead: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS_MAX && !text.contains('#') { text } else { instead.to_owned() }
}

/// E0108. `and` beside `or`.
pub(super) fn mixed_logic(source: &Source, terms: &[Expr], ops: &[Spanned<LogicOp>]) -> Diagnostic {
    let mut report = Diagnostic::error(Code::E0108, "`and` and `or` are mixed, so this can be read two ways");
    let word = |op: LogicOp| if op == LogicOp::And { "and" } else { "or" };
    let first = ops.first();
    let second = first.and_then(|first| ops.iter().find(|op| op.node != first.node));
    if let (Some(first), Some(second)) = (first, second) {
        report = report.at(second.span, format!("then `{}`", word(second.node)));
        report = report.also(first.span, format!("first `{}`", word(first.node)));
    }
    for tight in [LogicOp::And, LogicOp::Or] {
        let edits = parentheses(terms, ops, tight);
        let title = shown(
            grouped(source, terms, ops, tight),
            match tight {
                LogicOp::And => "put parentheses around what `and` joins",
                LogicOp::Or => "put parentheses around what `or` joins",
            },
        );
        report = report.fix(title, edits);
    }
    report.help("with more than two conditions, `all of [ … ]` and `any of [ … ]` read better")
}

/// Runs of terms that `tight` joins, as first and last index.
fn runs(ops: &[Spanned<LogicOp>], tight: LogicOp) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, op) in ops.iter().enumerate() {
        match runs.last_mut() {
            _ if op.node != tight => {}
            Some((_, last)) if *last == at => *last = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs
}

fn parentheses(terms: &[Expr], ops: &[Spanned<LogicOp>], tight: LogicOp) -> Vec<(Span, String)> {
    let mut edits = Vec::new();
    for (first, last) in runs(ops, tight) {
        if let (Some(first), Some(last)) = (terms.get(first), terms.get(last)) {
            edits.push((first.span.head(), "(".to_owned()));
            edits.push((last.span.tail(), ")".to_owned()));
        }
    }
    edits
}

fn grouped(source: &Source, terms: &[Expr], ops: &[Spanned<LogicOp>], tight: LogicOp) -> String {
    let runs = runs(ops, tight);
    let mut text = String::new();
    for (at, term) in terms.iter().enumerate() {
        if let Some(op) = at.checked_sub(1).and_then(|before| ops.get(before)) {
            text.push_str(if op.node == LogicOp::And { " and " } else { " or " });
        }
        if runs.iter().any(|&(first, _)| first == at) {
            text.push('(');
        }
        text.push_str(&on_one_line(source, term.span));
        if runs.iter().any(|&(_, last)| last == at) {
            text.push(')');
        }
    }
    text
}

/// E0117. `1 < x < 3`.
pub(super) fn chained_comparison(
    source: &Source,
    span: Span,
    first: &Expr,
    middle: Option<&Expr>,
    second: Span,
) -> Diagnostic {
    let report = Diagnostic::error(Code::E0117, "a comparison has two sides, and this one goes on");
    let report = report.at(second, "a second comparison").also(first.span, "the first one ends here");
    match middle {
        Some(middle) => {
            let whole = format!(
                "{} and {} {}",
                on_one_line(source, first.span),
                on_one_line(source, middle.span),
                on_one_line(source, Span { end: span.end, ..second })
            );
            let between = Span { start: first.span.end, end: second.start, ..second };
            let joined = format!(" and {} ", source.slice(middle.span));
            report.fix(shown(whole, "join the comparisons with `and`"), [(between, joined)])
        }
        None => report.help("join the comparisons with `and`"),
    }
}

/// E0117. `x between a and b`.
pub(super) fn between(source: &Source, span: Span, word: Span, parts: [&Expr; 3]) -> Diagnostic {
    let [left, low, high] = parts.map(|part| on_one_line(source, part.span));
    let mended = format!("{left} >= {low} and {left} <= {high}");
    let fits = shown(mended.clone(), "write two comparisons joined with `and`");
    Diagnostic::error(Code::E0117, "a range is written as two comparisons here")
        .at(word, "no such comparison")
        .note("both ends belong to the range; use `>` and `<` when they do not")
        .fix(fits, [(span, mended)])
}

/// E0131. `p.x is "a" else "b"`: the stand-in binds tighter than the comparison.
pub(super) fn else_after_literal(source: &Source, left: &Expr, right: &Expr, literal: &Expr) -> Diagnostic {
    let compared = left.span.to(literal.span);
    let fallback = match &right.kind {
        ExprKind::Else { fallback, .. } => on_one_line(source, fallback.span),
        _ => String::new(),
    };
    let mended = format!("({}) else {fallback}", on_one_line(source, compared));
    let edits = [(compared.head(), "(".to_owned()), (compared.tail(), ")".to_owned())];
    Diagnostic::error(Code::E0131, "`else` stands after something that cannot be missing")
        .at(literal.span, "this is always there")
        .note("`else` belongs to the value before it, not to the whole comparison")
        .fix(shown(mended, "put the comparison in parentheses"), edits)
}

/// E0101. `x is missing ignoring case`.
pub(super) fn ignoring_case_without_text(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0101, "`ignoring case` has no text to compare here")
        .at(span, "only after `is`, `in`, `contains` and other comparisons of text")
        .fix("remove `ignoring case`", [(span, String::new())])
}

/// E0137. Two values of a list without a comma.
pub(super) fn missing_comma(before: Span, next: Span) -> Diagnostic {
    Diagnostic::error(Code::E0137, "a comma is missing between two values")
        .at(next, "this starts another value")
        .also(before, "this is a value")
        .fix("put a comma between them", [(before.tail(), ",".to_owned())])
}

/// E0138. `key = value`.
pub(super) fn field_with_equals(key: Span, sign: Span) -> Diagnostic {
    Diagnostic::error(Code::E0138, "a field is written with `:`, not with `=`")
        .at(sign, "write `:`")
        .fix("replace `=` with `:`", [(key.tail().to(sign), ":".to_owned())])
}

/// E0138. `key value`.
pub(super) fn missing_colon(key: Span, shown: &str, found: Span) -> Diagnostic {
    Diagnostic::error(Code::E0138, format!("`:` is missing after `{shown}`"))
        .at(found, "the value starts here")
        .fix(format!("write `{shown}:`"), [(key.tail(), ":".to_owned())])
}

/// E0120. `any x in xs satisfies x.a > 1`.
pub(super) fn satisfies_without_parens(condition: Span) -> Diagnostic {
    Diagnostic::error(Code::E0120, "the condition after `satisfies` stands in parentheses")
        .at(condition, "put this in parentheses")
        .fix(
            "put the condition in parentheses",
            [(condition.head(), "(".to_owned()), (condition.tail(), ")".to_owned())],
        )
}

/// E0125. A part that is there already.
pub(super) fn twice(span: Span, first: Option<Span>, what: &str) -> Diagnostic {
    let report =
        Diagnostic::error(Code::E0125, format!("{what} is written twice")).at(span, "the second one");
    match first {
        Some(first) => report.also(first, "the first one"),
        None => report,
    }
}

/// E0125. A second `when` or `unless`.
pub(super) fn two_guards(place: Span, first: &Expr, second: Span, expr: &Expr, when: bool) -> Diagnostic {
    let (word, join) = if when { ("when", "and") } else { ("unless", "or") };
    let only = |span: Span| Span { end: expr_start(span, word), ..span };
    let report = Diagnostic::error(Code::E0125, format!("`{word}` is written twice"))
        .at(only(second), "the second one")
        .also(only(place), "the first one");
    let other = if when { LogicOp::Or } else { LogicOp::And };
    let mixes = |expr: &Expr| matches!(&expr.kind, ExprKind::Logic { op, .. } if *op == other);
    let neighbours = first.span.end <= second.start;
    if neighbours && !mixes(first) && !mixes(expr) {
        let keyword = Span { end: expr.span.start, ..second };
        return report.fix(format!("write the second `{word}` as `{join}`"), [(keyword, format!("{join} "))]);
    }
    report.help(format!("join both conditions with `{join}`, in parentheses where needed"))
}

/// The end of the keyword that a span begins with.
fn expr_start(span: Span, word: &str) -> u32 {
    span.end.min(span.start + u32::try_from(word.len()).unwrap_or(0))
}

/// E0132. A line of a rule's head after its first statement.
pub(super) fn part_too_late(span: Span, word: &str) -> Diagnostic {
    Diagnostic::error(Code::E0132, format!("`{word}` stands below what the rule does"))
        .at(span, "move this line up")
        .help(format!("write `{word}` above the first `deliver`"))
}

/// E0132. A part of a deliver in the wrong order.
pub(super) fn part_of_deliver_too_late(span: Span, word: &str, after: &str) -> Diagnostic {
    Diagnostic::error(Code::E0132, format!("`{word}` stands before {after} of a deliver, not behind it"))
        .at(span, "move this forward")
        .note("the order is: deliver connection.action as label when … unless … { … } with { … }")
}

/// E0132. `in` or `at` of a test after its first step.
pub(super) fn part_of_test_too_late(span: Span, word: &str) -> Diagnostic {
    Diagnostic::error(Code::E0132, format!("`{word}` stands at the top of a test"))
        .at(span, "move this line up")
        .help(if word == "at" {
            "to move the clock later, write `after 20m`"
        } else {
            "write it above the first `given`"
        })
}

/// E0132. Something behind `otherwise`.
pub(super) fn after_otherwise(span: Span, otherwise: Span, what: &str) -> Diagnostic {
    Diagnostic::error(Code::E0132, format!("this {what} stands behind `otherwise`"))
        .at(Span { end: span.start + 4.min(span.end - span.start), ..span }, "move this up")
        .also(
            Span { end: otherwise.start + 9.min(otherwise.end - otherwise.start), ..otherwise },
            "the last part",
        )
        .note("`otherwise` comes last, because it takes whatever is left")
}

/// E0132. `otherwise as x` outside of a group.
pub(super) fn alias_outside_group(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0132, "`otherwise` takes a name only in a group")
        .at(span, "the rule's own name for the payload is still there")
}
