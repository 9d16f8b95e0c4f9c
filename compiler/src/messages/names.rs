//! What is said about names: unknown, taken, or standing for something else.

use grammar::diagnostic::Code;
use grammar::{Diagnostic, Ident, Span, ast, suggest};

use super::{closest, did_you_mean, listed, renaming, replacing};

/// E0122
pub(crate) fn field_with_a_dash(span: Span, meant: &str) -> Diagnostic {
    Diagnostic::error(Code::E0122, "a field name with `-` stands in quotation marks")
        .at(span, format!("did you mean `{meant}`?"))
        .note("without them, `-` is a minus sign")
        .fix(format!("write {meant}"), [(span, meant.to_owned())])
}

/// E0201
pub(crate) fn declared_twice(what: &str, name: &Ident, first: Span) -> Diagnostic {
    Diagnostic::error(Code::E0201, format!("the {what} `{name}` is there twice"))
        .at(name.span, "the second time")
        .also(first, "the first time")
        .help("give one of them another name, or remove it")
}

/// E0201
pub(crate) fn environments_twice(span: Span, first: Span) -> Diagnostic {
    Diagnostic::error(Code::E0201, "the environments are declared twice")
        .at(span, "the second time")
        .also(first, "the first time")
        .help("list all environments in one place")
}

/// E0201
pub(crate) fn value_twice(span: Span, value: &str) -> Diagnostic {
    Diagnostic::error(Code::E0201, format!("the value \"{value}\" is there twice"))
        .at(span, "the second time")
        .help("remove one of them")
}

/// E0202
pub(crate) fn unknown_name(name: &Ident, known: &[&str], on: Option<Span>) -> Diagnostic {
    let close = closest(name, known);
    let told = Diagnostic::error(Code::E0202, format!("nothing is called `{name}` here"))
        .at(name.span, did_you_mean(close))
        .note(format!("names that mean something here: {}", listed(known)));
    let told = match (close, on) {
        (None, Some(on)) => told
            .also(on, "no `as` gives the event's data a name, so it is `payload`")
            .help(format!("write `as {name}` there if you mean the event's data"))
            .help(format!("a text stands in quotation marks: \"{name}\"")),
        (None, None) => told.help(format!("a text stands in quotation marks: \"{name}\"")),
        (Some(_), _) => told,
    };
    replacing(told, name.span, name, close)
}

/// E0202
pub(crate) fn payload_has_a_name(name: &Ident, alias: &str) -> Diagnostic {
    let told = Diagnostic::error(Code::E0202, format!("the payload is called `{alias}` here"))
        .at(name.span, format!("`as {alias}` gave it another name"));
    renaming(told, name.span, name, alias)
}

/// E0203
pub(crate) fn unknown_field(
    owner: &str,
    declared: Option<&str>,
    fields: &[&str],
    name: &Ident,
) -> Diagnostic {
    let close = closest(name, fields);
    let place = declared.map(|place| format!(" ({place})")).unwrap_or_default();
    let told = Diagnostic::error(Code::E0203, format!("`{owner}` has no field called `{name}`"))
        .at(name.span, did_you_mean(close))
        .note(format!("`{owner}`{place} has: {}", listed(fields)));
    replacing(told, name.span, name, close)
}

/// E0203
pub(crate) fn unknown_envelope_field(name: &Ident, fields: &[&str]) -> Diagnostic {
    let close = closest(name, fields);
    let told = Diagnostic::error(Code::E0203, format!("there is no `{name}` here"))
        .at(name.span, did_you_mean(close))
        .note(format!("there is: {}", fields.join(", ")));
    replacing(told, name.span, name, close)
}

/// What the types of other languages are called here.
const TYPE_SYNONYMS: &[(&str, &str)] = &[
    ("string", "text"),
    ("str", "text"),
    ("varchar", "text"),
    ("number", "decimal"),
    ("float", "decimal"),
    ("double", "decimal"),
    ("money", "decimal"),
    ("integer", "int"),
    ("bigint", "int"),
    ("boolean", "bool"),
    ("timestamp", "datetime"),
    ("time", "datetime"),
    ("object", "any"),
    ("json", "any"),
    ("array", "list of any"),
];

/// The type that is meant by one of another language.
fn type_synonym(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    TYPE_SYNONYMS.iter().find(|(habit, _)| *habit == lower).map(|(_, meant)| *meant)
}

/// E0204
pub(crate) fn unknown_type(name: &Ident, known: &[&str]) -> Diagnostic {
    let close = type_synonym(name).or_else(|| closest(name, known));
    let told = Diagnostic::error(Code::E0204, format!("no type or schema is called `{name}`"))
        .at(name.span, did_you_mean(close))
        .note(format!("there are: {}", listed(known)));
    replacing(told, name.span, name, close)
}

/// E0204
pub(crate) fn event_needs_schema(name: &Ident) -> Diagnostic {
    Diagnostic::error(Code::E0204, format!("an event's payload is a record, not `{name}`"))
        .at(name.span, "name a schema here")
        .help("declare the payload's fields with `schema Name { … }` and name it here")
}

/// E0205
pub(crate) fn uses_itself(used_at: Span, name: &Ident) -> Diagnostic {
    Diagnostic::error(Code::E0205, format!("`{name}` is explained by itself"))
        .at(used_at, "this leads back to it")
        .also(name.span, "declared here")
        .help("write it without using it again")
}

/// E0205
pub(crate) fn schema_contains_itself(name: &Ident) -> Diagnostic {
    Diagnostic::error(Code::E0205, format!("the schema `{name}` contains itself"))
        .at(name.span, "this leads back to it")
        .help("write `any` here; what is below is then looked at while running")
}

/// E0206
pub(crate) fn used_before(span: Span, what: &str, name: &Ident) -> Diagnostic {
    Diagnostic::error(Code::E0206, format!("the {what} `{name}` is used before it is declared"))
        .at(span, "used here")
        .also(name.span, "declared here")
        .help("move the declaration above its first use")
}

/// E0207
pub(crate) fn not_in_every_event(name: &Ident, lacking: &[&str]) -> Diagnostic {
    let lacking: Vec<String> = lacking.iter().map(|one| format!("`{one}`")).collect();
    Diagnostic::error(Code::E0207, format!("not every event of this rule has `{name}`"))
        .at(name.span, format!("missing in {}", lacking.join(", ")))
        .note("a rule for several events reads the fields that all of them have")
        .help("write a rule of its own for the events that have it")
}

/// E0208
pub(crate) fn reserved_name(name: &Ident, why: &str) -> Diagnostic {
    Diagnostic::error(Code::E0208, format!("`{name}` cannot be used as a name"))
        .at(name.span, format!("this is {why}"))
        .help("choose another name")
}

/// E0208
pub(crate) fn hides(name: &Ident, first: Span) -> Diagnostic {
    Diagnostic::error(Code::E0208, format!("`{name}` means something else here already"))
        .at(name.span, "this would hide it")
        .also(first, "it comes from here")
        .help("choose another name")
}

/// E0209
pub(crate) fn unknown_environment(name: &Ident, known: &[Box<str>]) -> Diagnostic {
    let known: Vec<&str> = known.iter().map(|one| &**one).collect();
    let close = closest(name, &known);
    let told = Diagnostic::error(Code::E0209, format!("no environment is called `{name}`"))
        .at(name.span, did_you_mean(close))
        .note(format!("there are: {}", known.join(", ")));
    replacing(told, name.span, name, close)
}

/// E0209
pub(crate) fn workspace_environment_unknown(span: Span, name: &str, known: &[Box<str>]) -> Diagnostic {
    let known: Vec<&str> = known.iter().map(|one| &**one).collect();
    Diagnostic::error(Code::E0209, format!("the workspace is in `{name}`, which these rules do not know"))
        .at(span, "")
        .note(format!("they know: {}", known.join(", ")))
        .help(format!("add it: environments {{ {} {name} }}", known.join(" ")))
}

/// E0210
pub(crate) fn unknown_policy(name: &Ident, known: &[&str]) -> Diagnostic {
    let close = closest(name, known);
    let told = Diagnostic::error(Code::E0210, format!("no policy is called `{name}`"))
        .at(name.span, did_you_mean(close));
    let told = match known {
        [] => told.help(format!("declare one: policy {name} {{ … }}")),
        known => told.note(format!("there are: {}", listed(known))),
    };
    replacing(told, name.span, name, close)
}

/// E0211
pub(crate) fn events_overlap(later: &ast::Pattern, earlier: &ast::Pattern) -> Diagnostic {
    let (one, two) = (&later.text, &earlier.text);
    if one == two {
        return Diagnostic::error(Code::E0211, format!("`{one}` is given two schemas"))
            .at(later.span, "the second time")
            .also(earlier.span, "the first time")
            .help("keep the one that describes the event");
    }
    Diagnostic::error(Code::E0211, format!("`{one}` and `{two}` speak of the same events"))
        .at(later.span, "the second pattern")
        .also(earlier.span, "the first pattern")
        .note("an exact name wins over a pattern, but no pattern wins over another")
        .help("make one of them narrower, or name the event exactly")
}

/// E0212
pub(crate) fn disagrees_with_workspace(schema: &Ident, event: &str, field: &str, why: &str) -> Diagnostic {
    Diagnostic::error(Code::E0212, format!("`{schema}` and the workspace disagree about `{event}`"))
        .at(schema.span, format!("`{field}`: {why}"))
        .help("change the declaration, or remove it: the workspace's schema is used without one")
}

/// E0213
pub(crate) fn unknown_schedule(name: &Ident, known: &[&str]) -> Diagnostic {
    let close = closest(name, known);
    let told = Diagnostic::error(Code::E0213, format!("no schedule is called `{name}`"))
        .at(name.span, did_you_mean(close));
    let told = match known {
        [] => told.help(format!("declare one: schedule {name} = weekdays 09:00 to 17:00 in \"UTC\"")),
        known => told.note(format!("there are: {}", listed(known))),
    };
    replacing(told, name.span, name, close)
}

/// E0213
pub(crate) fn not_a_schedule(name: &Ident, what: &str) -> Diagnostic {
    Diagnostic::error(Code::E0213, format!("`{name}` is {what}, not a schedule"))
        .at(name.span, "a schedule is wanted here")
        .help("name a schedule here")
}

/// E0213
pub(crate) fn schedule_expected(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0213, "a schedule is wanted here")
        .at(span, "this is none")
        .help("name a schedule, or a `choose` of schedules by environment")
}

/// E0213
pub(crate) fn schedule_by_event(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0213, "a schedule cannot depend on the event")
        .at(span, "only `environment` can be asked here")
        .help("write one delivery per schedule, each with a condition of its own")
}

/// E0214
pub(crate) fn unknown_integration(name: &Ident, known: &[&str]) -> Diagnostic {
    let close = closest(name, known);
    let told = Diagnostic::error(Code::E0214, format!("no integration is called `{name}`"))
        .at(name.span, did_you_mean(close))
        .note(format!("there are: {}", listed(known)))
        .help("a `webhook` connection reaches what has no integration of its own");
    replacing(told, name.span, name, close)
}

/// E0215
pub(crate) fn not_a_value(name: &Ident, what: &str, declared: Span) -> Diagnostic {
    let told = Diagnostic::error(Code::E0215, format!("`{name}` is {what}, and no value by itself"))
        .at(name.span, "a value is wanted here")
        .also(declared, "declared here");
    match what {
        "a predicate" => told.help(format!("ask it of something: `lead is {name}`")),
        _ => told.help(format!("ask whether something is in it: `lead.email in {name}`")),
    }
}

/// E0215
pub(crate) fn not_a_value_by_itself(name: &Ident) -> Diagnostic {
    let what = if &*name.text == "event" { "event.type" } else { "workspace.name" };
    Diagnostic::error(Code::E0215, format!("`{name}` is no value by itself"))
        .at(name.span, "")
        .help(format!("say which part of it, such as `{what}`"))
}

/// E0216
pub(crate) fn unknown_transform(name: &Ident, known: &[&str]) -> Diagnostic {
    let habit = suggest::transform(name);
    if known.contains(&habit) {
        let told = Diagnostic::error(Code::E0216, format!("no transform is called `{name}`"))
            .at(name.span, format!("it is called `{habit}` here"));
        return renaming(told, name.span, name, habit);
    }
    let close = closest(name, known);
    let told = Diagnostic::error(Code::E0216, format!("no transform is called `{name}`"))
        .at(name.span, did_you_mean(close));
    let told = match &*name.text {
        "default" | "fallback" | "coalesce" | "if_missing" | "or" => {
            told.help("what stands in for a missing value is written `else`: `lead.name else \"there\"`")
        }
        _ => told.help("`fanwise explain E0216` lists all transforms"),
    };
    replacing(told, name.span, name, close)
}

/// E0217
pub(crate) fn file_not_in_bundle(span: Span, path: &str) -> Diagnostic {
    Diagnostic::error(Code::E0217, format!("there is no file `{path}` beside these rules"))
        .at(span, "")
        .help("add the file, or correct the path; it starts at the folder of the rules")
}

/// W0231. A warning: the list may come later, and until then nothing is sent that should not be.
pub(crate) fn list_not_kept(name: &Ident, known: &[&str]) -> Diagnostic {
    let close = closest(name, known);
    let told = Diagnostic::warning(Code::W0231, format!("the workspace keeps no list `{name}`"))
        .at(name.span, did_you_mean(close))
        .note("until it does, whether something is in it is unknown, and only *yes* sends")
        .help(format!("make it: fanwise lists set {name} FILE"));
    match known {
        [] => told,
        known => told.note(format!("it keeps: {}", listed(known))),
    }
}

/// E0219
pub(crate) fn unknown_zone(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(Code::E0219, format!("no time zone is called `{name}`"))
        .at(span, "")
        .help("zones are named after a city, such as \"Europe/Berlin\" or \"America/New_York\", or \"UTC\"")
}

/// E0220
pub(crate) fn hours_end_too_late(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0220, "a day ends at 24:00")
        .at(span, "")
        .help("for hours across midnight write the time of the next day, as in `22:00 to 06:00`")
}

/// E0220
pub(crate) fn hours_are_empty(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0220, "these hours begin and end at the same time")
        .at(span, "")
        .help("a whole day is `00:00 to 24:00`")
}

/// E0221
pub(crate) fn unknown_connection(
    name: &Ident,
    by_integration: Option<&ast::Connection>,
    place: Option<&str>,
    known: &[&str],
) -> Diagnostic {
    let told = Diagnostic::error(Code::E0221, format!("no connection is called `{name}`"));
    if let Some(connection) = by_integration {
        let line = place.and_then(|place| place.rsplit(':').next()).unwrap_or_default();
        let told = told
            .at(name.span, format!("use the name from line {line}"))
            .also(connection.name.span, "the connection")
            .also(connection.integration.span, "its integration");
        return renaming(told, name.span, name, &connection.name.text);
    }
    let close = closest(name, known);
    let told = told.at(name.span, did_you_mean(close));
    let told = match known {
        [] => told.help(format!("declare it: connection {name}: webhook")),
        known => told.note(format!("there are: {}", listed(known))),
    };
    replacing(told, name.span, name, close)
}

/// E0223
pub(crate) fn connection_not_set_up(connection: &ast::Connection) -> Diagnostic {
    let name = &connection.name;
    Diagnostic::error(Code::E0223, format!("the connection `{name}` is not set up in this workspace"))
        .at(name.span, "a rule that runs here delivers to it")
        .help(format!("set up a {} connection called `{name}` in the workspace", connection.integration))
}

/// E0224
pub(crate) fn connection_is_another(connection: &ast::Connection, integration: &str) -> Diagnostic {
    let name = &connection.name;
    Diagnostic::error(Code::E0224, format!("`{name}` is a {integration} connection in this workspace"))
        .at(connection.integration.span, format!("here it is said to be {}", connection.integration))
        .help("change this line, or the connection in the workspace")
}

/// W0230
pub(crate) fn never_used(what: &str, name: &str, span: Span) -> Diagnostic {
    Diagnostic::warning(Code::W0230, format!("the {what} `{name}` is never used"))
        .at(span, "")
        .help("remove it, or use it")
}

/// E0222
pub(crate) fn schema_is_no_json(span: Span, path: &str, line: usize, column: usize) -> Diagnostic {
    Diagnostic::error(Code::E0222, format!("`{path}` is not valid JSON"))
        .at(span, format!("the mistake is at line {line}, column {column}"))
}

/// E0222
pub(crate) fn schema_reference_leads_nowhere(span: Span, target: &str) -> Diagnostic {
    Diagnostic::error(Code::E0222, format!("`{target}` leads nowhere"))
        .at(span, "")
        .help("a reference names a part of this file (#/$defs/Name) or of a file beside these rules")
}

/// E0222
pub(crate) fn schema_too_deep(span: Span, max: usize) -> Diagnostic {
    Diagnostic::error(Code::E0222, "this schema contains itself, or is nested too deeply")
        .at(span, "")
        .note(format!("limit: schemas inside each other, {max}"))
        .help("write `true` here; what is below is then looked at while running")
}

/// W0225
pub(crate) fn schema_part_not_understood(span: Span, keyword: &str) -> Diagnostic {
    Diagnostic::note_only(Code::W0225, format!("`{keyword}` is not understood in a schema"))
        .at(span, "")
        .note("it is left out; values are taken as if it were not there")
}

/// W0225
pub(crate) fn schema_choice_is_any(span: Span, keyword: &str) -> Diagnostic {
    Diagnostic::note_only(Code::W0225, format!("what `{keyword}` allows is only looked at while running"))
        .at(span, "")
        .note("a field of a rule has one type, and this has several")
}
