//! What is said about bounds, reach and the work that a rule causes.

use grammar::diagnostic::Code;
use grammar::{Diagnostic, Ident, Span};

use super::{grouped, replacing};

/// E0501. Every limit has a name and a number.
fn limit(span: Span, what: &str, is: usize, unit: &str, name: &str, max: usize) -> Diagnostic {
    let (is, max) = (grouped(is), grouped(max));
    Diagnostic::error(Code::E0501, format!("{what} {is} {unit}, and the limit is {max}"))
        .at(span, "")
        .note(format!("limit: {name}, {max}"))
}

/// E0501
pub(crate) fn file_too_large(span: Span, is: usize, max: usize) -> Diagnostic {
    limit(span, "the file has", is, "bytes", "bytes of a file", max).help("split it into several files")
}

/// E0501
pub(crate) fn regex_too_large(span: Span, max: usize) -> Diagnostic {
    let max = grouped(max);
    Diagnostic::error(Code::E0501, format!("this pattern needs more than {max} bytes, and that is the limit"))
        .at(span, "")
        .note(format!("limit: bytes of a regular expression once compiled, {max}"))
        .help("repeat less: every `{100}` writes its part out a hundred times")
}

/// E0501
pub(crate) fn bundle_too_large(span: Span, is: usize, max: usize) -> Diagnostic {
    limit(span, "the files together have", is, "bytes", "bytes of all files", max)
        .help("move long lists to the workspace, where they can have a million entries")
}

/// E0501
pub(crate) fn too_many_files(span: Span, is: usize, max: usize) -> Diagnostic {
    limit(span, "there are", is, "files", "files", max).help("put rules that belong together into one file")
}

/// E0501
pub(crate) fn too_many_rules(span: Span, is: usize, max: usize) -> Diagnostic {
    limit(span, "there are", is, "rules", "rules of a workspace", max)
        .help("the limit is a setting of the workspace")
}

/// E0501
pub(crate) fn too_many_names(span: Span, is: usize, max: usize) -> Diagnostic {
    limit(span, "there are", is, "consts and predicates", "consts and predicates", max)
        .help("a const can be a record or a list that holds many values")
}

/// E0501
pub(crate) fn too_many_fields(span: Span, is: usize, max: usize) -> Diagnostic {
    limit(span, "the record has", is, "fields", "fields of a record", max)
        .help("group some of them in a record")
}

/// E0501
pub(crate) fn too_many_elements(span: Span, is: usize, max: usize) -> Diagnostic {
    limit(span, "the list has", is, "elements", "elements of a list in a rule file", max)
        .help("keep it outside: list NAME from \"lists/name.csv\"")
}

/// E0501
pub(crate) fn list_too_long(span: Span, is: usize, max: usize) -> Diagnostic {
    limit(span, "the list has", is, "entries", "entries of a list outside the rules", max)
}

/// E0501
pub(crate) fn text_too_long(span: Span, is: usize, max: usize) -> Diagnostic {
    limit(span, "the text has", is, "bytes", "bytes of a text", max)
}

/// E0501
pub(crate) fn too_many_stars(span: Span, is: usize, max: usize) -> Diagnostic {
    limit(span, "the pattern has", is, "stars", "stars of a pattern", max)
        .help("write several patterns: matches any of [ … ]")
}

/// E0501
pub(crate) fn regex_too_long(span: Span, is: usize, max: usize) -> Diagnostic {
    limit(span, "the regular expression has", is, "characters", "characters of a regular expression", max)
}

/// E0501
pub(crate) fn const_too_large(span: Span, max: usize) -> Diagnostic {
    Diagnostic::error(Code::E0501, "this const is too large")
        .at(span, "")
        .note(format!("limit: values of a const, {}; a long text counts as several", grouped(max)))
        .help("keep long lists outside: list NAME from \"lists/name.csv\"")
}

/// E0501
pub(crate) fn const_too_deep(span: Span, max: usize) -> Diagnostic {
    Diagnostic::error(Code::E0501, "this const is nested too deeply")
        .at(span, "")
        .note(format!("limit: lists and records inside each other, {max}"))
}

/// E0501
pub(crate) fn schema_too_large(name: &Ident, limit: &str, fields: usize, depth: usize) -> Diagnostic {
    Diagnostic::error(Code::E0501, format!("the schema `{name}` is too large"))
        .at(name.span, "")
        .note(format!("limit: {limit}; there can be {} fields on {depth} levels", grouped(fields)))
        .help("write `any` for the parts that no rule reads")
}

/// E0501
pub(crate) fn predicates_unfold(span: Span, max: usize) -> Diagnostic {
    Diagnostic::error(Code::E0501, "the predicates here ask too many questions")
        .at(span, "")
        .note(format!(
            "limit: predicates asked by one rule, those inside predicates included, {}",
            grouped(max)
        ))
        .help("ask each of them once, or split the rule")
}

/// E0503
pub(crate) fn predicates_too_deep(span: Span, max: usize) -> Diagnostic {
    Diagnostic::error(Code::E0503, format!("predicates use each other more than {max} deep"))
        .at(span, "")
        .note(format!("limit: predicates inside each other, {max}"))
}

/// E0503
pub(crate) fn too_deep(span: Span, is: usize, max: usize) -> Diagnostic {
    Diagnostic::error(Code::E0503, format!("{is} lists are walked inside each other, and the limit is {max}"))
        .at(span, "")
        .note(format!("limit: lists inside each other, {max}"))
        .help("one path can cross several lists: any tax in order.lines.taxes satisfies (…)")
}

/// E0504
pub(crate) fn cross_product(list: Span, root: &str, outer: &str, outer_span: Span) -> Diagnostic {
    let label = match root {
        "" => format!("does not start at `{outer}`"),
        root if root == outer => format!("is looked up anew for every `{outer}`"),
        root => format!("starts at `{root}`, not at `{outer}`"),
    };
    Diagnostic::error(Code::E0504, "the inner list does not belong to the outer element")
        .at(list, label)
        .also(outer_span, "the outer element")
        .note(format!(
            "every {outer} would be compared with every entry: the work grows with the product of both lists"
        ))
}

/// E0504: the same with a list that is computed once.
pub(crate) fn with_look_up(
    told: Diagnostic,
    mended: Option<(Span, String, Option<String>)>,
    outer: &str,
) -> Diagnostic {
    let told = match mended {
        Some((span, mended, whole)) => told
            .note(format!(
                "in the fix the second list does not mention `{outer}`, so it is computed once and looked up"
            ))
            .fix(whole.unwrap_or_else(|| mended.clone()), [(span, mended)]),
        None => told
            .help(format!("a list that does not mention `{outer}` is computed once: {outer}.… in (each …)")),
    };
    told.help(format!(
        "nested lists are also fine when they start at `{outer}`, as in `any x in {outer}.… satisfies (…)`"
    ))
}

/// E0506
pub(crate) fn limit_of_nothing(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0506, "a limit of 0 would deliver nothing")
        .at(span, "")
        .help("write 1 or more, or leave `limit` out")
}

/// W0502
pub(crate) fn never_reached(
    names: [(&str, Span); 2],
    events: &str,
    moved: Option<[(Span, String); 2]>,
) -> Diagnostic {
    let [(later, later_span), (earlier, earlier_span)] = names;
    let told = Diagnostic::warning(Code::W0502, format!("`{later}` can never be reached"))
        .at(later_span, "")
        .also(earlier_span, format!("this one comes first and takes every {events}"))
        .note("in a `first_match` group the first rule that is true sends, and the rest are skipped");
    let words = format!("move `{earlier}` to the end, or write it as `otherwise {{ … }}`");
    match moved {
        Some(edits) => told.offer(words, edits),
        None => told.help(words),
    }
}

/// W0507
pub(crate) fn never_triggered(
    pattern: Span,
    written: &str,
    near: Option<&str>,
    known: &[&str],
) -> Diagnostic {
    let told = Diagnostic::warning(Code::W0507, format!("no declared event is a `{written}`"));
    let list: Vec<String> = known.iter().map(|event| format!("`{event}`")).collect();
    let told = match near {
        Some(near) => {
            let told = told.at(pattern, format!("did you mean `{near}`?"));
            replacing(told, pattern, written, Some(near))
        }
        None => told.at(pattern, "nothing that is declared triggers this"),
    };
    told.note(format!("declared are: {}", list.join(", ")))
        .help(format!("if the event exists, declare what it carries: event {written}: …"))
}

/// W0508
pub(crate) fn never_yes(span: Span, other: Option<Span>) -> Diagnostic {
    let told = Diagnostic::warning(Code::W0508, "this condition is never yes, so nothing is ever sent here");
    match other {
        Some(other) => told
            .at(span, "this cannot hold")
            .also(other, "together with this")
            .help("take one of them away, or join them with `or`"),
        None => {
            told.at(span, "never yes").help("take the rule or the delivery away, or change the condition")
        }
    }
}

/// W0505
pub(crate) fn many_deliveries(span: Span, most: u64, max: u64) -> Diagnostic {
    let count = |number: u64| grouped(usize::try_from(number).unwrap_or(usize::MAX));
    Diagnostic::warning(Code::W0505, format!("one event may cause {} deliveries here", count(most)))
        .at(span, "")
        .note(format!(
            "an event may cause {}; what is more becomes one dead letter that can be replayed",
            count(max)
        ))
        .help("give `for each` a smaller limit")
}
