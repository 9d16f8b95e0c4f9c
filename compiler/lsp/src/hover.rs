//! What a word means, as Markdown.

use std::fmt::Write as _;

use compiler::transform::{Count, Transform};
use compiler::types::{FieldType, Type};

use crate::analysis::{Analysis, Target};
use crate::context::Origin;
use crate::outline::{Declared, What};
use crate::settings::Setting;

impl Analysis<'_> {
    /// The text for a target, with the locals' types looked up where it stands.
    pub(crate) fn hover(&self, target: &Target, type_of_local: &Type) -> Option<String> {
        Some(match target {
            Target::Declared(space, name) => self.declared(self.outline.get(*space, name)?),
            Target::Local(local) => {
                let ty = name_of(type_of_local);
                let what = match &local.origin {
                    Origin::Payload(patterns) => format!("The payload of {}.", list(patterns)),
                    Origin::Element(_) => "One element of the list.".to_owned(),
                    Origin::Let(_) => "Computed once for each event.".to_owned(),
                    Origin::Parameter(_) => "What the predicate or policy is asked about.".to_owned(),
                };
                page(&format!("{}: {ty}", local.name), &what)
            }
            Target::Field(path, field) => self::field(path, field),
            Target::Input(integration, action, name) => {
                let found = self.catalogue.action(integration, action)?;
                input(found.fields.iter().find(|field| field.name == *name)?)
            }
            Target::Action(integration, name) => {
                let found = self.catalogue.action(integration, name)?;
                let mut text = page(&format!("{integration} {name}"), &found.description);
                for field in &found.fields {
                    let need = if field.required { ", required" } else { "" };
                    let _ = write!(text, "\n- `{}`: `{}`{need}. {}", field.name, field.ty, field.description);
                }
                text
            }
            Target::Integration(name) => {
                let found = self.catalogue.integrations.get(name)?;
                let mut text = page(&format!("integration {name}"), &format!("{}.", found.title));
                for (action, what) in &found.actions {
                    let _ = write!(text, "\n- `{action}`: {}", what.description);
                }
                text
            }
            Target::Transform(transform) => self::transform(transform),
            Target::Setting(setting) => self::setting(setting),
            Target::Events(pattern) => {
                let ty = self.outline.payload([pattern.as_ref()]);
                let what = match &ty {
                    Type::Any => {
                        "No schema is declared for these events: fields are checked while running.".to_owned()
                    }
                    ty => format!("The payload is {}.{}", code(&name_of(ty)), fields(ty)),
                };
                page(&format!("event {pattern}"), &what)
            }
            Target::Builtin(builtin) => page(&format!("{}: {}", builtin.name, builtin.ty()), builtin.docs),
            Target::Plain(name) => page(name, plain_type(name)),
        })
    }

    fn declared(&self, declared: &Declared) -> String {
        let mut text = page(&declared.head, &declared.docs);
        let more = match &declared.what {
            What::Schema(ty) => fields(ty),
            What::Connection(integration) => match self.catalogue.integrations.get(integration) {
                Some(found) => format!("\n\n{}.", found.title),
                None => String::new(),
            },
            What::Environment => "\n\nAn environment of the workspace.".to_owned(),
            _ => String::new(),
        };
        text.push_str(&more);
        text
    }
}

/// A head in the language's colours and a text below it.
fn page(head: &str, text: &str) -> String {
    match text {
        "" => format!("```fanwise\n{head}\n```"),
        text => format!("```fanwise\n{head}\n```\n\n{text}"),
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn list(patterns: &[Box<str>]) -> String {
    let quoted: Vec<String> = patterns.iter().map(|one| code(one)).collect();
    match quoted.as_slice() {
        [] => "the event".to_owned(),
        all => all.join(", "),
    }
}

/// A type as people write it; a record without a name is just that.
pub(crate) fn name_of(ty: &Type) -> String {
    match ty {
        Type::Record(record) if record.name.is_none() => "record".to_owned(),
        Type::Optional(inner) if matches!(inner.as_ref(), Type::Record(record) if record.name.is_none()) => {
            "record?".to_owned()
        }
        ty => ty.to_string(),
    }
}

/// The fields of a record as a list.
fn fields(ty: &Type) -> String {
    let Type::Record(record) = ty.required() else { return String::new() };
    let mut text = "\n".to_owned();
    for field in &record.fields {
        let _ = write!(text, "\n- `{}`: `{}`", field.name, name_of(&field.ty));
        if !field.docs.is_empty() {
            let _ = write!(text, ". {}", field.docs.replace('\n', " "));
        }
    }
    text
}

fn field(path: &str, field: &FieldType) -> String {
    let sensitive = if field.sensitive { " sensitive" } else { "" };
    let mut text = page(&format!("{path}: {}{sensitive}", name_of(&field.ty)), &field.docs);
    if let Some(advice) = &field.deprecated {
        let _ = write!(text, "\n\nDeprecated: {advice}");
    }
    if matches!(field.ty, Type::Record(_)) {
        text.push_str(&fields(&field.ty));
    }
    text
}

/// A field of an action's input.
pub(crate) fn input(field: &compiler::catalogue::Field) -> String {
    let mut text = page(&format!("{}: {}", field.name, field.ty), &field.description);
    if field.required {
        text.push_str("\n\nRequired.");
    }
    if let Some(most) = field.chars_max {
        let _ = write!(text, "\n\nAt most {most} characters.");
    }
    if field.clears {
        text.push_str("\n\nAn explicit `null` clears it.");
    }
    text
}

/// A transform with its parameters and examples.
pub(crate) fn transform(transform: &Transform) -> String {
    let mut text = page(&format!("| {}", signature(transform)), transform.summary);
    if !transform.examples.is_empty() {
        text.push_str("\n\n```fanwise");
        for example in transform.examples {
            let _ = write!(text, "\n{}  # {}", example.call, example.gives);
        }
        text.push_str("\n```");
    }
    text
}

/// `shorten(length)`, `join(separator?)`.
pub(crate) fn signature(transform: &Transform) -> String {
    if transform.params.is_empty() {
        return transform.name.to_owned();
    }
    let param = |param: &compiler::transform::Param| match param.count {
        Count::One => param.name.to_owned(),
        Count::Optional => format!("{}?", param.name),
        Count::Several => format!("{}, …", param.name),
    };
    let params: Vec<String> = transform.params.iter().map(param).collect();
    format!("{}({})", transform.name, params.join(", "))
}

/// A setting with its default.
pub(crate) fn setting(setting: &Setting) -> String {
    let mut text = page(&format!("{}: {}", setting.name, setting.takes), setting.meaning);
    if let Some(default) = setting.default() {
        let _ = write!(text, "\n\nDefault: `{default}`");
    }
    for key in setting.keys() {
        let _ = write!(text, "\n- `{}`: {}", key.name, key.meaning);
    }
    if !setting.example.is_empty() {
        let _ = write!(text, "\n\n```fanwise\n{}\n```", setting.example);
    }
    text
}

/// What the types of the language take.
pub(crate) fn plain_type(name: &str) -> &'static str {
    match name {
        "any" => "Anything; checked while running.",
        "text" => "A string. Comparisons are case-sensitive unless told otherwise.",
        "int" => "A whole number of at most 64 bits.",
        "decimal" => "An exact number of at most 28 digits. A whole number fits, too.",
        "bool" => "`true` or `false`; never a text or a number.",
        "email" => "A string that is an address of mail; also a text.",
        "url" => "A string that is a URL; also a text.",
        "uuid" => "A string that is a UUID; also a text.",
        "ip" => "A string that is an address of version 4 or 6.",
        "cidr" => "A string that is a network, such as `10.0.0.0/8`.",
        "datetime" => "An instant: an RFC 3339 string with an offset.",
        "date" => "A day without a time zone: `YYYY-MM-DD`.",
        "duration" => "A length of time: an ISO 8601 string. A day is 24 hours.",
        _ => "",
    }
}
