//! Slips and habits that stop the reader, each with what to write: words of other languages, names in
//! quotation marks, numbers with commas and units.

use super::unexpected::{Place, keywords_of};
use crate::{
    Diagnostic,
    diagnostic::Code,
    parse::{
        rules::Rule,
        scan::{Kind, Token},
    },
    span::Span,
};

/// What stands instead of these words between two values. The first one is the habit.
const COMPARISONS: &[(&str, &str)] = &[
    ("equals", "is"),
    ("equal", "is"),
    ("eq", "is"),
    ("includes", "contains"),
    ("include", "contains"),
    ("has", "contains"),
    ("startswith", "starts with"),
    ("begins", "starts with"),
    ("endswith", "ends with"),
    ("gt", ">"),
    ("gte", ">="),
    ("lt", "<"),
    ("lte", "<="),
    ("exists", "is present"),
];

/// Words that send something elsewhere.
const SENDING: &[&str] = &["send", "post", "notify", "call", "push", "emit", "publish", "action", "do"];

/// Units of time that people write.
const UNITS: &[(&str, &str)] = &[
    ("ms", "ms"),
    ("s", "s"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("m", "m"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("h", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("d", "d"),
    ("day", "d"),
    ("days", "d"),
];

const DAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Words before a name that is declared.
const NAMING: &[&str] =
    &["rule", "group", "connection", "schema", "const", "predicate", "policy", "schedule", "list"];

/// Tokens that are looked at to find a bracket.
const LOOK_BACK_MAX: usize = 100;

/// What is known about this place, if it is a habit.
pub(super) fn habit(place: &Place<'_>, found: &Token, shown: &str) -> Option<Diagnostic> {
    let of_kind = match found.kind {
        Kind::Word => word(place, found, shown),
        Kind::Text | Kind::Raw | Kind::OddText => quoted_name(place, found, shown),
        Kind::Number => number(place, found, shown),
        _ => symbol(place, found, shown),
    };
    of_kind.or_else(|| behind_number(place, found))
}

fn unexpected(shown: &str) -> Diagnostic {
    Diagnostic::error(Code::E0101, format!("I did not expect `{shown}` here"))
}

fn replace(report: Diagnostic, span: Span, written: &str, meant: &str) -> Diagnostic {
    let told = report.at(span, format!("write `{meant}`"));
    told.fix(format!("replace `{written}` with `{meant}`"), [(span, meant.to_owned())])
}

fn word(place: &Place<'_>, found: &Token, shown: &str) -> Option<Diagnostic> {
    let span = place.span(found);
    let tried = |rule: Rule| place.tried.contains(&rule);
    let lower = shown.to_ascii_lowercase();
    let report = unexpected(shown);
    let behind_value = tried(Rule::compare_tail) || tried(Rule::logic);
    if let Some(told) = behind_value.then(|| comparison(place, found, &lower)).flatten() {
        return Some(told);
    }
    if tried(Rule::kw_else) && matches!(&*lower, "if" | "default" | "otherwise") {
        let missing = place.after(1).filter(|next| matches!(place.words(next), "missing" | "null" | "empty"));
        let whole = missing.map_or(span, |next| span.to(place.span(next)));
        let told = replace(report, whole, place.source.slice(whole), "else");
        return Some(told.note("`else` is followed by what stands in for a missing value"));
    }
    if tried(Rule::deliver) || tried(Rule::kw_deliver) {
        if lower == "where" {
            return Some(replace(report, span, shown, "when"));
        }
        if lower == "then" {
            let told = report.at(span, "what is done follows without a word");
            return Some(told.fix("remove `then`", [(span, String::new())]));
        }
        if SENDING.contains(&&*lower) {
            return Some(replace(report, span, shown, "deliver"));
        }
    }
    if lower == "where" && tried(Rule::kw_satisfies) {
        let told = replace(report, span, shown, "satisfies");
        return Some(told.note("the condition behind it stands in parentheses"));
    }
    if lower == "not" && tried(Rule::kw_skipped) {
        let next = place.after(1).filter(|next| place.words(next) == "matched");
        let whole = next.map_or(span, |next| span.to(place.span(next)));
        return Some(replace(report, whole, place.source.slice(whole), "skipped"));
    }
    if tried(Rule::hours) || tried(Rule::days) || tried(Rule::day) || tried(Rule::kw_weekdays) {
        return day(place, found, &lower);
    }
    None
}

/// Words and signs of other languages that are no habit of a certain place, by what they are called here.
const OTHER_WORDS: &[(&str, &[&str])] = &[
    ("when", &["if", "where", "filter", "having", "whenever"]),
    ("unless", &["except", "excluding", "but"]),
    ("deliver", &["dispatch", "forward"]),
    ("otherwise", &["default", "else"]),
    ("starts with", &["starts_with"]),
    ("ends with", &["ends_with"]),
    ("contains", &["contain"]),
    ("matches", &["like", "ilike", "LIKE"]),
    ("matches regex", &["~", "=~", "regexp", "rlike"]),
];

/// A word or sign of another language where ours could stand.
pub(super) fn other_word(place: &Place<'_>, found: &Token, shown: &str) -> Option<Diagnostic> {
    let (ours, _) = OTHER_WORDS.iter().find(|(_, others)| others.contains(&shown))?;
    let first = ours.split(' ').next().unwrap_or(ours);
    let could = place.tried.iter().flat_map(|&rule| keywords_of(rule)).any(|word| word.starts_with(first));
    if !could {
        return None;
    }
    let span = place.span(found);
    let report = Diagnostic::error(Code::E0101, format!("this is written `{ours}` here"))
        .at(span, format!("`{shown}` means nothing here"));
    let title = format!("replace `{shown}` with `{ours}`");
    let edits = [(span, (*ours).to_owned())];
    // The patterns of `like` have other signs.
    Some(match *ours {
        "matches" => report
            .note("in its pattern `*` stands for anything and `?` for one character")
            .offer(title, edits),
        _ => report.fix(title, edits),
    })
}

/// Words between two values.
fn comparison(place: &Place<'_>, found: &Token, lower: &str) -> Option<Diagnostic> {
    let span = place.span(found);
    let shown = place.words(found);
    if let Some((_, meant)) = COMPARISONS.iter().find(|(habit, _)| *habit == lower) {
        let with = place.after(1).filter(|next| matches!(place.words(next), "with" | "to"));
        let whole = with.map_or(span, |next| span.to(place.span(next)));
        return Some(replace(unexpected(shown), whole, place.source.slice(whole), meant));
    }
    let next = place.after(1).map(|next| (place.span(next), place.words(next)));
    match (lower, next) {
        ("at", Some((end, "least"))) => Some(replace(unexpected("at least"), span.to(end), "at least", ">=")),
        ("at", Some((end, "most"))) => Some(replace(unexpected("at most"), span.to(end), "at most", "<=")),
        ("than", _) => {
            let size = place.before(1)?;
            let meant = match place.words(size) {
                "greater" | "more" | "larger" | "bigger" | "higher" | "later" | "over" => ">",
                "less" | "lower" | "smaller" | "fewer" | "earlier" => "<",
                _ => return None,
            };
            let is = place.before(2).filter(|is| place.words(is) == "is");
            let whole = place.span(is.unwrap_or(size)).to(span);
            let written = place.source.slice(whole);
            Some(replace(unexpected(written), whole, written, meant))
        }
        _ => None,
    }
}

/// `Mon-Fri`.
fn day(place: &Place<'_>, found: &Token, lower: &str) -> Option<Diagnostic> {
    let full = |short: &str| {
        let short = short.to_ascii_lowercase();
        DAYS.iter().copied().find(|day| short.len() >= 2 && day.starts_with(&short))
    };
    let first = full(lower)?;
    let dash = place.after(1).filter(|dash| matches!(place.words(dash), "-" | "–" | "to"));
    let last = dash.and(place.after(2)).and_then(|last| full(place.words(last)).map(|day| (last, day)));
    let (whole, meant) = match last {
        Some((last, day)) => (place.span(found).to(place.span(last)), format!("{first} to {day}")),
        None => (place.span(found), first.to_owned()),
    };
    let written = place.source.slice(whole);
    Some(replace(unexpected(written), whole, written, &meant))
}

/// A name or an event type in quotation marks; an address where an integration is named.
fn quoted_name(place: &Place<'_>, found: &Token, shown: &str) -> Option<Diagnostic> {
    let span = place.span(found);
    let inside = shown.trim_matches(['"', '\'', '`', '“', '”', '„']);
    let report = Diagnostic::error(Code::E0101, "I did not expect a text here");
    if place.before(3).is_some_and(|word| place.words(word) == "connection") {
        return Some(connection_detail(
            report.at(span, "the name of an integration stands here, such as `slack`"),
        ));
    }
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-' | '*');
    if place.tried.contains(&Rule::pattern) && !inside.is_empty() && inside.chars().all(allowed) {
        let told = report.at(span, "an event type stands without quotation marks");
        return Some(told.fix(format!("write {inside}"), [(span, inside.to_owned())]));
    }
    if place.tried == [Rule::ident] {
        let name = as_name(inside)?;
        let told = report.at(span, "a name stands without quotation marks");
        return Some(told.fix(format!("write {name}"), [(span, name)]));
    }
    None
}

/// A text as a name: `big sale` is `big_sale`.
pub(in crate::parse) fn as_name(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    let name = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
    name.starts_with(|letter: char| letter.is_ascii_alphabetic()).then_some(name)
}

fn connection_detail(report: Diagnostic) -> Diagnostic {
    report.help("a file only names a connection; its address and its secret are set on the workspace")
}

fn number(place: &Place<'_>, found: &Token, shown: &str) -> Option<Diagnostic> {
    if place.tried.contains(&Rule::date) {
        let told = unexpected(shown).at(place.span(found), "a date stands here");
        return Some(told.help("dates are written year, month, day, as in `2026-03-01`"));
    }
    let sign = place.before(1).filter(|sign| matches!(place.words(sign), "=>" | ">" | "<"));
    let (sign, equals) = (sign?, place.before(2)?);
    let arrow = place.words(sign) == "=>";
    let start = if arrow { sign } else { equals };
    if !arrow && (place.words(equals) != "=" || equals.end != sign.start) {
        return None;
    }
    let whole = place.span(start).to(place.span(sign));
    let meant = if place.words(sign) == "<" { "<=" } else { ">=" };
    let written = place.source.slice(whole);
    Some(replace(unexpected(written), whole, written, meant))
}

fn symbol(place: &Place<'_>, found: &Token, shown: &str) -> Option<Diagnostic> {
    let span = place.span(found);
    let (one, two) = (place.before(1), place.before(2));
    let word = |token: Option<&Token>| token.map(|token| place.words(token)).unwrap_or_default();
    let tried = |rule: Rule| place.tried.contains(&rule);
    match shown {
        ":" if NAMING.contains(&word(one)) => {
            let told = unexpected(":").at(span, format!("the name follows `{}` without a sign", word(one)));
            Some(told.fix("remove `:`", [(span, String::new())]))
        }
        ":" if word(one) == "environments" => {
            let told = unexpected(":").at(span, "the names stand in braces");
            Some(told.help("write `environments { sandbox production }`"))
        }
        "-" if NAMING.contains(&word(two)) => {
            let whole = dashed(place, one?, found)?;
            let meant = place.source.slice(whole).replace('-', "_");
            let report = Diagnostic::error(Code::E0101, "a name has no `-`");
            Some(replace(report, whole, place.source.slice(whole), &meant))
        }
        "{" if word(two) == "deliver" && tried(Rule::dot_sign) => {
            let name = word(one);
            let told = Diagnostic::error(Code::E0101, format!("it is not said what `{name}` shall do"));
            let told = told.at(span, "an action is missing before this");
            Some(told.help(format!("write `.` and the action behind `{name}`, as in `chat.send_message`")))
        }
        "{" if word(place.before(4)) == "connection" => {
            Some(connection_detail(unexpected("{").at(span, "nothing follows the integration")))
        }
        "[" if tried(Rule::sensitive) || tried(Rule::kw_sensitive) => {
            let (item, close) = (one?, place.after(1).filter(|close| place.words(close) == "]")?);
            let whole = place.span(item).to(place.span(close));
            Some(replace(
                unexpected("["),
                whole,
                place.source.slice(whole),
                &format!("list of {}", word(one)),
            ))
        }
        "?" if tried(Rule::colon) => {
            let told = unexpected("?").at(span, "`?` stands behind the type");
            Some(told.help(format!("as in `{}: text?`", word(one))))
        }
        "," => list_in_parentheses(place, found),
        _ => None,
    }
}

/// `rule big-sale`: the whole name.
fn dashed(place: &Place<'_>, first: &Token, dash: &Token) -> Option<Span> {
    let mut end = first.end;
    for step in 0.. {
        let token = if step == 0 { Some(dash) } else { place.after(step) };
        match token.filter(|token| token.start == end) {
            Some(token) => end = token.end,
            None => break,
        }
    }
    (end > dash.end).then(|| Span::new(place.source.id, first.start, end))
}

/// `x in ("a", "b")`.
fn list_in_parentheses(place: &Place<'_>, comma: &Token) -> Option<Diagnostic> {
    let index = place.scan.index_from(comma.start);
    let before = place.scan.tokens.get(..index)?;
    let (mut depth, mut opened) = (0_usize, None);
    for (at, token) in before.iter().enumerate().rev().take(LOOK_BACK_MAX) {
        match token.kind {
            Kind::Close => depth += 1,
            Kind::Open if depth == 0 => {
                opened = Some((at, token));
                break;
            }
            Kind::Open => depth -= 1,
            _ => {}
        }
    }
    let (at, open) = opened?;
    let word = before.get(at.checked_sub(1)?)?;
    if place.words(open) != "(" || !matches!(place.words(word), "in" | "of" | "IN") {
        return None;
    }
    let report = Diagnostic::error(Code::E0101, "a list stands in `[` and `]`");
    let report = report.at(place.span(open), "write `[`");
    let close =
        place.scan.tokens.get(index..)?.iter().take(LOOK_BACK_MAX).find(|token| place.words(token) == ")");
    Some(match close {
        Some(close) => {
            let edits = [(place.span(open), "[".to_owned()), (place.span(close), "]".to_owned())];
            report.fix("replace `(` with `[` and `)` with `]`", edits)
        }
        None => report,
    })
}

/// `1,000`, `5 %`, `30 s` and `1000 EUR`.
fn behind_number(place: &Place<'_>, found: &Token) -> Option<Diagnostic> {
    let shown = place.words(found);
    let one = place.before(1)?;
    if one.kind == Kind::Number {
        let next = place.after(1).filter(|next| next.kind == Kind::Number && next.start == found.end);
        let whole = place.span(one).to(place.span(next.unwrap_or(found)));
        let written = place.source.slice(whole);
        if shown == "," && one.end == found.start && next.is_some_and(|next| next.end - next.start == 3) {
            let told =
                Diagnostic::error(Code::E0115, format!("`{written}` is not how a number is written here"));
            return Some(replace(told, whole, written, &written.replace(',', "_")));
        }
        if shown == "%" {
            let told =
                Diagnostic::error(Code::E0115, format!("`{written}` is not how a number is written here"));
            return Some(replace(told, whole, written, &format!("{}%", place.words(one))));
        }
        if let Some((_, unit)) = UNITS.iter().find(|(habit, _)| *habit == shown) {
            return Some(spaced_unit(place, one, found, unit));
        }
        let money = shown.len() == 3 && shown.bytes().all(|letter| letter.is_ascii_uppercase());
        let told = unexpected(shown).at(place.span(found), "a number stands without a unit");
        return money.then(|| told.help("compare the currency, too, as in `invoice.currency is \"EUR\"`"));
    }
    // In a record the unit was taken for the next key.
    let two = place.before(2).filter(|two| two.kind == Kind::Number)?;
    let (_, unit) = UNITS.iter().find(|(habit, _)| *habit == place.words(one))?;
    place.tried.contains(&Rule::colon).then(|| spaced_unit(place, two, one, unit))
}

/// E0116. `30 s`.
fn spaced_unit(place: &Place<'_>, number: &Token, word: &Token, unit: &str) -> Diagnostic {
    let whole = place.span(number).to(place.span(word));
    let written = place.source.slice(whole);
    let told = Diagnostic::error(Code::E0116, format!("`{written}` is not how a duration is written here"));
    replace(told, whole, written, &format!("{}{unit}", place.words(number)))
        .note("durations are made of ms, s, m, h and d: `1h30m`")
}

/// E0114. `{{x}}`.
pub(super) fn doubled_brace(place: &Place<'_>, brace: &Token) -> Option<Diagnostic> {
    let outer = place.scan.index_from(brace.start).checked_sub(1).and_then(|at| place.scan.tokens.get(at))?;
    if place.words(brace) != "{" || place.words(outer) != "{" || outer.end != brace.start {
        return None;
    }
    let open = place.span(outer).to(place.span(brace));
    let rest = place.source.text.get(brace.end..place.end)?;
    let close = rest.find("}}").map(|at| brace.end + at);
    let report = Diagnostic::error(Code::E0114, "a hole has one brace on each side");
    let report = report.at(open, "write `{`");
    Some(match close {
        Some(at) => {
            let close = Span::new(place.source.id, at, at + 2);
            report.fix("take one brace away on each side", [(open, "{".to_owned()), (close, "}".to_owned())])
        }
        None => report,
    })
}

/// E0138. `body: { text contains "a" }` in an expectation: the comparison stands too deep.
pub(super) fn deep_comparison(place: &Place<'_>, found: &Token, shown: &str) -> Option<Diagnostic> {
    let comparing = matches!(shown, "contains" | "starts" | "ends" | "matches" | "is" | "in");
    let index = place.scan.index_from(found.start);
    let before = place.scan.tokens.get(..index)?;
    let step = before.iter().rev().take(LOOK_BACK_MAX).find(|token| {
        token.first && token.kind == Kind::Word && matches!(place.words(token), "expect" | "given" | "rule")
    })?;
    if !comparing || place.words(step) != "expect" {
        return None;
    }
    let report = Diagnostic::error(Code::E0138, "a comparison cannot stand this far inside an expectation");
    Some(
        report
            .at(place.span(found), "only a field of the action's own input is compared")
            .help("write the whole value, as in `body: { kind: \"paid\" }`; fields you leave out are free"),
    )
}
