//! What is said about deliveries, actions, settings and policies.

use grammar::diagnostic::Code;
use grammar::{Diagnostic, Ident, Span, ast};

use super::{Declared, closest, declared_as, did_you_mean, grouped, listed, quoted, replacing, slip};
use crate::catalogue::Action;
use crate::types::{Kind, Type};

/// Whether one name is probably a slip for the other.
pub(crate) fn is_close(written: &str, meant: &str) -> bool {
    closest(written, &[meant]).is_some()
}

/// `channel (text, required), text (text, required), thread (text)`
fn takes(action: &Action) -> String {
    let field = |field: &crate::catalogue::Field| match field.required {
        true => format!("{} ({}, required)", field.name, field.ty),
        false => format!("{} ({})", field.name, field.ty),
    };
    let fields: Vec<String> = action.fields.iter().map(field).collect();
    let more = if action.open { " and any other field" } else { "" };
    format!("{}{more}", fields.join(", "))
}

/// The only candidate that shares a longer word: `upsert_contact` and `create_or_update_contact`.
fn same_part<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let shares =
        |one: &str| one.split('_').any(|part| part.len() > 3 && name.split('_').any(|own| own == part));
    let mut alike = known.iter().filter(|one| shares(one));
    let first = alike.next()?;
    alike.next().is_none().then_some(*first)
}

/// E0401
pub(crate) fn unknown_action(name: &Ident, connection: &ast::Connection, known: &[&str]) -> Diagnostic {
    let close = closest(name, known);
    let told =
        Diagnostic::error(Code::E0401, format!("{} has no action called `{name}`", connection.integration))
            .at(name.span, did_you_mean(close.or_else(|| same_part(name, known))))
            .also(
                connection.integration.span,
                format!("`{}` is a {} connection", connection.name, connection.integration),
            )
            .note(format!("its actions are: {}", listed(known)));
    replacing(told, name.span, name, close)
}

/// E0402
pub(crate) fn missing_field(
    span: Span,
    written: &str,
    known_as: &str,
    action: &Action,
    field: &str,
    alike: Option<&Ident>,
) -> Diagnostic {
    let told = Diagnostic::error(Code::E0402, format!("`{written}` is missing `{field}`")).at(span, "");
    let told = match alike {
        Some(key) => told.also(key.span, format!("no such field; did you mean `{field}`?")),
        None => told,
    };
    let told = told.note(format!("{known_as} takes: {}", takes(action)));
    match alike {
        Some(key) => replacing(told, key.span, key, Some(field)),
        None => told,
    }
}

/// E0403
pub(crate) fn unknown_field(key: &Ident, written: &str, known_as: &str, action: &Action) -> Diagnostic {
    let known: Vec<&str> = action.fields.iter().map(|field| &*field.name).collect();
    let close = closest(key, &known);
    let told = Diagnostic::error(Code::E0403, format!("`{written}` has no field called `{key}`"))
        .at(key.span, did_you_mean(close))
        .note(format!("{known_as} takes: {}", takes(action)));
    let told = if crate::setting::SETTINGS.iter().any(|one| one.name == &*key.text) {
        told.help(format!("a setting stands behind the record: with {{ {key}: … }}"))
    } else if close.is_none() && known.contains(&"body") {
        told.help(format!("what is posted stands in `body`: {{ body: {{ {key}: … }} }}"))
    } else {
        told
    };
    replacing(told, key.span, key, close)
}

/// E0304
pub(crate) fn may_be_missing(
    (written, known_as): (&str, &str),
    key: &Ident,
    (span, value, ty): (Span, &str, &Type),
    declared: Option<&str>,
    (guard, word): (Span, &str),
    instead: Option<String>,
) -> Diagnostic {
    let see = declared.map(|place| format!(", see {place}")).unwrap_or_default();
    let known_as = known_as.to_owned();
    let told =
        Diagnostic::error(Code::E0304, format!("`{written}` needs `{key}`, and `{value}` may be missing"))
            .at(span, format!("{ty}{see}"))
            .also(key.span, format!("required by {known_as}"))
            .offer(
                format!("add a condition to this deliver: {word} {value} is present"),
                [(guard, format!(" {word} {value} is present"))],
            );
    match instead {
        Some(other) => told.offer(
            format!("give another value: {value} else {other}"),
            [(span.tail(), format!(" else {other}"))],
        ),
        None => told.help(format!("or give another value: {value} else …")),
    }
}

/// E0404
pub(crate) fn field_takes(
    span: Span,
    given: &Type,
    key: &Ident,
    written: &str,
    wanted: &Type,
    declared: Declared,
) -> Diagnostic {
    let told = match wanted.required() {
        Type::OneOf(values) => {
            Diagnostic::error(Code::E0404, format!("`{key}` of `{written}` does not take this value"))
                .at(span, "")
                .note(format!("it takes: {}", quoted(values)))
        }
        wanted => Diagnostic::error(Code::E0404, format!("`{key}` of `{written}` takes {wanted}"))
            .at(span, format!("this is {}", given.required())),
    };
    let told = declared_as(told, declared, &format!("is {}", given.kind().words()));
    match (wanted.kind(), given.kind()) {
        (Kind::Text, Kind::Number | Kind::Bool | Kind::Instant | Kind::Date) => {
            told.help("make it a text: write it in a hole, as in \"{value}\"")
        }
        (Kind::List, other) if other != Kind::List => told.help("put it into brackets to make it a list"),
        _ => told,
    }
}

/// E0404
pub(crate) fn cannot_clear(span: Span, written: &str, field: &str) -> Diagnostic {
    Diagnostic::error(Code::E0404, format!("`{field}` of `{written}` cannot be cleared"))
        .at(span, "the destination takes no null here")
        .help("leave the field out")
}

/// E0405
pub(crate) fn text_too_long(span: Span, written: &str, field: &str, is: usize, max: usize) -> Diagnostic {
    let (is, max) = (grouped(is), grouped(max));
    Diagnostic::error(
        Code::E0405,
        format!("`{field}` of `{written}` takes {max} characters, and this has {is}"),
    )
    .at(span, "")
    .help("make it shorter")
}

/// E0406
pub(crate) fn label_twice(label: &Ident, first: Span) -> Diagnostic {
    Diagnostic::error(Code::E0406, format!("two deliveries of this rule are called `{label}`"))
        .at(label.span, "the second")
        .also(first, "the first")
        .note("a label tells deliveries to the same action apart in their history")
        .help("give one of them another label")
}

/// E0407
pub(crate) fn unknown_setting(key: &Ident, known: &[&str]) -> Diagnostic {
    let close = closest(key, known);
    let told = Diagnostic::error(Code::E0407, format!("no setting is called `{key}`"))
        .at(key.span, did_you_mean(close))
        .note(format!("there are: {}", listed(known)));
    replacing(told, key.span, key, close)
}

/// E0407
pub(crate) fn settings_have_no_spread(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0407, "settings are written out, one by one")
        .at(span, "")
        .help("give settings that several deliveries share a name: policy careful { … }")
}

/// E0408
pub(crate) fn setting_takes(span: Span, setting: &str, given: &str, known: &[&str]) -> Diagnostic {
    let close = closest(given, known);
    let told = Diagnostic::error(Code::E0408, format!("`{setting}` is never \"{given}\""))
        .at(span, "")
        .note(format!("it is one of: {}", quoted(known)));
    match close {
        Some(close) => {
            let title = format!("replace \"{given}\" with \"{close}\"");
            slip(told, (given, close), title, [(span, format!("\"{close}\""))])
        }
        None => told,
    }
}

/// E0408
pub(crate) fn out_of_range(span: Span, setting: &str, least: &str, most: &str) -> Diagnostic {
    Diagnostic::error(Code::E0408, format!("`{setting}` is between {least} and {most}")).at(span, "")
}

/// E0408
pub(crate) fn setting_needs_record(span: Span, setting: &str, fields: &[&str]) -> Diagnostic {
    let fields: Vec<String> = fields.iter().map(|field| format!("{field}: …")).collect();
    Diagnostic::error(Code::E0408, format!("`{setting}` takes several values in braces"))
        .at(span, "")
        .help(format!("write it as {setting}: {{ {} }}", fields.join(", ")))
}

/// E0408
pub(crate) fn setting_lacks(span: Span, setting: &str, field: &str, what: &str) -> Diagnostic {
    Diagnostic::error(Code::E0408, format!("`{setting}` does not say {what}"))
        .at(span, format!("`{field}` is missing"))
}

/// E0408
pub(crate) fn setting_not_constant(span: Span, setting: &str) -> Diagnostic {
    Diagnostic::error(Code::E0408, format!("`{setting}` is the same for every event"))
        .at(span, "this depends on the event")
        .help("write a fixed value, a const, or a `choose` by environment")
}

/// E0408
pub(crate) fn key_is_no_scalar(span: Span, setting: &str, kind: Kind) -> Diagnostic {
    Diagnostic::error(Code::E0408, format!("`{setting}` takes one value"))
        .at(span, format!("this is {}", kind.words()))
        .help("name one field, such as an id")
}

/// E0409
pub(crate) fn setting_comes_later(key: &Ident) -> Diagnostic {
    Diagnostic::error(Code::E0409, format!("`{key}` is planned, and not part of the language yet"))
        .at(key.span, "")
        .help("deliver each event by itself for now")
}

/// E0410
pub(crate) fn policy_needs_argument(name: &Ident, param: &Ident, alias: &str) -> Diagnostic {
    let argument = if alias.is_empty() { "payload" } else { alias };
    Diagnostic::error(Code::E0410, format!("the policy `{name}` needs to know its `{param}`"))
        .at(name.span, "")
        .also(param.span, "it is asked for here")
        .fix(format!("write {name}({argument})"), [(name.span, format!("{name}({argument})"))])
}

/// E0410
pub(crate) fn policy_takes_nothing(span: Span, name: &Ident, declared: Span) -> Diagnostic {
    Diagnostic::error(Code::E0410, format!("the policy `{name}` asks for nothing"))
        .at(span, "")
        .also(declared, "declared without a parameter")
        .help(format!("write `with {name}`"))
}

/// E0410
pub(crate) fn policy_takes(
    span: Span,
    given: &Type,
    name: &Ident,
    wanted: &Type,
    declared: Span,
) -> Diagnostic {
    Diagnostic::error(Code::E0410, format!("the policy `{name}` is for {wanted}"))
        .at(span, format!("this is {given}"))
        .also(declared, "it says so here")
}

/// W0410
pub(crate) fn sensitive_in_chat(span: Span, field: &str, written: &str, declared: Declared) -> Diagnostic {
    let told = Diagnostic::warning(
        Code::W0410,
        format!("`{field}` is sensitive, and people will read it in `{written}`"),
    )
    .at(span, "");
    declared_as(told, declared, "is marked as sensitive").help("leave it out, or conceal it: | mask")
}

/// W0411
pub(crate) fn throttle_drops(span: Span) -> Diagnostic {
    Diagnostic::warning(Code::W0411, "`throttle` drops deliveries, and here it counts all of them together")
        .at(span, "")
        .note("what is more than allowed is never sent")
        .help("count by something, as in by: incident.service; or write `rate_limit`, which waits instead")
}
