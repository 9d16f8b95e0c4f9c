//! What is said when a test of a bundle fails.

use grammar::diagnostic::Code;
use grammar::{Diagnostic, Span};
use jiff::{SignedDuration, Timestamp};

use crate::json::JsonError;
use crate::trace::{Cause, Outcome};

/// Longer values are cut.
const VALUE_CHARS_MAX: usize = 120;

/// So many values that a condition read are shown.
const SEEN_SHOWN_MAX: usize = 3;

/// So many deliveries are shown.
const SENT_SHOWN_MAX: usize = 8;

/// A delivery that was sent.
pub(crate) struct Shown<'s> {
    pub(crate) rule: &'s str,
    pub(crate) connection: &'s str,
    pub(crate) action: &'s str,
    /// JSON.
    pub(crate) input: &'s str,
    /// Where `connection.action` is written.
    pub(crate) span: Span,
}

/// What a rule made of the event.
pub(crate) struct Reason {
    /// Where the rule's name is written.
    pub(crate) place: Span,
    /// The event's type.
    pub(crate) event: Box<str>,
    /// Whether the rule asks for a resource.
    pub(crate) names_resource: bool,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// The delivery that was not reached in a rule that holds, and which part of its own condition was
    /// not yes.
    pub(crate) guard: Option<(Span, Option<Cause>)>,
}

fn failed(code: Code, title: &str) -> Diagnostic {
    Diagnostic::error(code, format!("test failed: \"{title}\""))
}

/// E0610
pub(crate) fn not_sent(title: &str, place: Span) -> Diagnostic {
    failed(Code::E0610, title).at(place, "was not sent")
}

/// E0611
pub(crate) fn sent_after_all(title: &str, place: Span, sent: &[Shown<'_>]) -> Diagnostic {
    let told = failed(Code::E0611, title).at(place, "but this was sent");
    where_from(told, sent)
}

/// E0611
pub(crate) fn sent_besides(title: &str, place: Span, sent: &[Shown<'_>]) -> Diagnostic {
    let told = failed(Code::E0611, title).at(place, "there was something else");
    where_from(told, sent).help("expect it in a line before this one, or change the rule")
}

/// E0612
pub(crate) fn other_count(title: &str, place: Span, wanted: u64, sent: &[Shown<'_>]) -> Diagnostic {
    let times = |count: u64| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let label = format!("was sent {}, not {}", times(sent.len() as u64), times(wanted));
    where_from(failed(Code::E0612, title).at(place, label), sent)
}

/// E0612
pub(crate) fn other_fields(
    title: &str,
    place: Span,
    fields: &[(Span, Option<String>)],
    sent: &[Shown<'_>],
    candidates: usize,
) -> Diagnostic {
    let mut told = failed(Code::E0612, title);
    for (span, is) in fields {
        told =
            told.at(*span, is.as_ref().map_or("it is missing".to_owned(), |is| format!("it is {}", cut(is))));
    }
    told = told.also(place, "was sent with something else");
    if candidates > 1 {
        told = told.note(format!("it was sent {candidates} times; this one comes nearest"));
    }
    where_from(told, sent)
}

/// E0613
pub(crate) fn other_answer(title: &str, place: Span, matched: bool) -> Diagnostic {
    let label = if matched { "did not match" } else { "matched" };
    failed(Code::E0613, title).at(place, label)
}

/// E0614
pub(crate) fn event_refused(title: &str, place: Span, file: Option<&str>, error: &JsonError) -> Diagnostic {
    let told = failed(Code::E0614, title).at(place, "a server would refuse this event");
    match file {
        Some(file) => told.note(format!("{file}: {error}")),
        None => told.note(error.to_string()),
    }
}

/// The delivery is held.
pub(crate) fn held(told: Diagnostic, span: Span, until: Timestamp, wait: SignedDuration) -> Diagnostic {
    let wait = length(wait);
    told.also(span, format!("waits until {until}")).help(format!("write `after {wait}` before this line"))
}

/// A gate or a mistake stopped it.
pub(crate) fn stopped(told: Diagnostic, span: Span, rule: &str, why: &str) -> Diagnostic {
    told.also(span, why).note(format!("`{rule}` matched, and this delivery of it was stopped"))
}

/// Where a test would find the entries of a list that the workspace keeps.
pub(crate) fn no_stand_in(told: Diagnostic, list: &str) -> Diagnostic {
    told.note(format!(
        "the workspace keeps `{list}`; tests take its entries from `lists/{list}.csv`, which is not there"
    ))
}

/// Nothing in the bundle goes there.
pub(crate) fn no_rule_sends(told: Diagnostic, target: &str, environment: &str) -> Diagnostic {
    told.note(format!("no rule that runs in `{environment}` sends `{target}`"))
        .help("name the environment that you mean: in production")
}

/// The rule is not part of this environment.
pub(crate) fn rule_not_here(told: Diagnostic, rule: &str, environment: &str) -> Diagnostic {
    told.note(format!("`{rule}` does not run in `{environment}`"))
        .help("name the environment that you mean: in production")
}

/// What the rule made of the event, and one thing to do. `target` is empty when a rule was asked about.
pub(crate) fn because(told: Diagnostic, reason: &Reason, file: Option<&str>, target: &str) -> Diagnostic {
    let fits =
        if reason.names_resource { "the event type and the resource fit" } else { "the event type fits" };
    let instead = if target.is_empty() { String::new() } else { format!(", or write `expect no {target}`") };
    match &reason.outcome {
        Outcome::OtherType { patterns } => {
            let patterns: Vec<String> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
            told.also(reason.place, format!("is for {}, not for `{}`", patterns.join(", "), reason.event))
        }
        Outcome::OtherResource { field, pattern, seen } => {
            let has = seen.as_ref().map_or("none".to_owned(), |seen| format!("\"{seen}\""));
            told.also(reason.place, format!("asks for {field} \"{pattern}\", and the event has {has}"))
                .help(format!("write `{field} \"…\"` after the event's type{instead}"))
        }
        Outcome::NotMatched { because } => {
            let told = told.also(reason.place, fits).also(because.span, answer(because));
            told.help(advice(because, file) + &instead)
        }
        Outcome::SkippedBy { by } => told.also(reason.place, format!("was skipped: `{by}` came first")),
        Outcome::Ignored { reason: why } => {
            let why = why.as_ref().map_or(String::new(), |why| format!(": {why}"));
            told.also(reason.place, format!("matched, and sends nothing on purpose{why}"))
        }
        Outcome::Matched { .. } => match &reason.guard {
            Some((_, Some(because))) => {
                let told = told.also(reason.place, "matched").also(because.span, answer(because));
                told.help(advice(because, file) + &instead)
            }
            Some((deliver, None)) => told
                .also(reason.place, "matched")
                .also(*deliver, "not reached: its branch was not taken, or its list was empty"),
            None => told.also(reason.place, "matched"),
        },
    }
}

/// What was sent instead.
pub(crate) fn what_was_sent(told: Diagnostic, sent: &[Shown<'_>]) -> Diagnostic {
    let targets = |one: &Shown<'_>| format!("{}.{}", one.connection, one.action);
    let Some(first) = sent.first() else { return told.note("nothing was sent") };
    let more = sent.len().saturating_sub(SENT_SHOWN_MAX);
    let shown = sent.iter().take(SENT_SHOWN_MAX);
    let mut list = if sent.iter().all(|one| one.rule == first.rule) {
        let all = if sent.len() > 1 { "all " } else { "" };
        let targets: Vec<String> = shown.map(targets).collect();
        format!("sent: {} ({all}from `{}`)", targets.join(", "), first.rule)
    } else {
        let each: Vec<String> = shown.map(|one| format!("{} (from `{}`)", targets(one), one.rule)).collect();
        format!("sent: {}", each.join(", "))
    };
    if more > 0 {
        list += &format!(" and {more} more");
    }
    told.note(list)
}

/// A length of time as it is written in rules.
pub(crate) fn length(length: SignedDuration) -> String {
    let millis = length.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let mut left = millis.max(0);
    let mut text = String::new();
    for (unit, name) in units {
        if left >= unit {
            text += &format!("{}{name}", left / unit);
            left %= unit;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

fn where_from(mut told: Diagnostic, sent: &[Shown<'_>]) -> Diagnostic {
    let mut places: Vec<Span> = Vec::new();
    for one in sent.iter().take(SENT_SHOWN_MAX) {
        if !places.contains(&one.span) {
            places.push(one.span);
            told = told.also(one.span, format!("sent by `{}`", one.rule));
        }
        told = told.note(format!("{}.{} {}", one.connection, one.action, cut(one.input)));
    }
    match sent.len().saturating_sub(SENT_SHOWN_MAX) {
        0 => told,
        more => told.note(format!("and {more} more")),
    }
}

fn answer(cause: &Cause) -> String {
    let seen = cause.seen.iter().take(SEEN_SHOWN_MAX).map(|seen| match &seen.value {
        Some(value) => format!("`{}` is {}", seen.path, cut(value)),
        None => format!("`{}` is missing", seen.path),
    });
    let seen: Vec<String> = seen.collect();
    if seen.is_empty() { cause.answer.to_owned() } else { format!("{}: {}", cause.answer, seen.join(", ")) }
}

fn advice(cause: &Cause, file: Option<&str>) -> String {
    let event = file.unwrap_or("the event");
    match cause.seen.iter().find(|seen| seen.value.is_none() && !seen.path.starts_with("list ")) {
        Some(seen) => format!("add `{}` to {event}", seen.path),
        None => format!("change {event} or the condition"),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((at, _)) => text.get(..at).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}
