//! The reference pages of the book, made from the tables that the compiler itself uses.

use std::fmt::Write as _;

use crate::catalogue::Catalogue;
use crate::hir::Settings;
use crate::setting::SETTINGS;
use crate::transform::{Accepts, Count, Param, Section, TRANSFORMS, Transform};

/// The page on transforms, as Markdown.
#[must_use]
pub fn transforms() -> String {
    let mut page = String::from(TRANSFORMS_HEAD);
    for (section, title) in SECTIONS {
        let _ = write!(page, "\n## {title}\n");
        for one in TRANSFORMS.iter().filter(|one| one.section == *section) {
            transform(one, &mut page);
        }
    }
    page
}

/// The page on settings, as Markdown.
#[must_use]
pub fn settings() -> String {
    let mut page = String::from(SETTINGS_HEAD);
    let defaults = Settings::default();
    for one in SETTINGS {
        let (takes, default) = (cell(one.takes), cell(&(one.default)(&defaults)));
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| [`{0}`](#{0}) | `{takes}` | {default} |", one.name);
    }
    for one in SETTINGS {
        let _ = write!(
            page,
            "\n## {}\n\n{}\n\n```text\nwith {{ {} }}\n```\n",
            one.name, one.meaning, one.example
        );
    }
    page
}

/// The page on integrations, as Markdown.
#[must_use]
pub fn integrations() -> String {
    let mut page = String::from(INTEGRATIONS_HEAD);
    // Writing to a String cannot fail.
    for (name, integration) in Catalogue::shipped().integrations {
        let _ = write!(page, "\n## {}\n\n```text\nconnection my_{name}: {name}\n```\n", integration.title);
        for (action, what) in &integration.actions {
            let _ = write!(
                page,
                "\n### `{name}` `{action}`\n\n{}\n\n| field | takes | |\n|---|---|---|\n",
                what.description
            );
            for field in &what.fields {
                let required = if field.required { "Required. " } else { "" };
                let told = format!("{required}{}", cell(&field.description));
                let _ = writeln!(page, "| `{}` | `{}` | {} |", field.name, cell(&field.ty), told.trim_end());
            }
            if what.open {
                page.push_str("\nOther fields are passed on as they are.\n");
            }
        }
    }
    page
}

/// How a transform is called: `round([n])`, `only(key, …)`.
#[must_use]
pub fn signature(transform: &Transform) -> String {
    if transform.params.is_empty() {
        return transform.name.to_owned();
    }
    let param = |param: &Param| match param.count {
        Count::One => param.name.to_owned(),
        Count::Optional => format!("[{}]", param.name),
        Count::Several => format!("{}, …", param.name),
    };
    let params: Vec<String> = transform.params.iter().map(param).collect();
    format!("{}({})", transform.name, params.join(", "))
}

/// What is taken, in words.
#[must_use]
pub fn takes(accepts: Accepts) -> &'static str {
    match accepts {
        Accepts::Anything => "anything",
        Accepts::Text => "text",
        Accepts::Number => "a number",
        Accepts::Int => "a whole number",
        Accepts::Bool => "true or false",
        Accepts::List => "a list",
        Accepts::Record => "a record or map",
        Accepts::Container => "a list, record or map",
        Accepts::TextOrList => "text or a list",
        Accepts::Instant => "a time",
        Accepts::Date => "a day",
        Accepts::InstantOrDate => "a time or a day",
        Accepts::Duration => "a length of time",
        Accepts::NumberOrDuration => "a number or a length of time",
    }
}

const SECTIONS: &[(Section, &str)] = &[
    (Section::Text, "Text"),
    (Section::Numbers, "Numbers"),
    (Section::Lists, "Lists"),
    (Section::Records, "Records and maps"),
    (Section::Time, "Time"),
    (Section::Conversions, "Conversions"),
];

const INTEGRATIONS_HEAD: &str = "# Integrations

What a connection can be, and what can be done with it: `connection chat: slack`, then `deliver \
chat.send_message { channel: \"#sales\", text: \"…\" }`. Addresses and credentials are set on the workspace, \
never in a file.

Rules for each of these are checked and tested. A server delivers through `webhook` so far: a workspace takes \
no connection of another integration yet.

This page is written by the compiler.
";

const TRANSFORMS_HEAD: &str = "# Transforms

A transform follows a `|` and changes the value before it: `lead.email | trim | lower`. A value that does \
not fit is *missing*, and so is the result when the value or an argument is missing; `else` gives another \
one. A text of more than 256 KiB is missing, too. What the checker can see cannot work, such as \
`5 | trim`, it refuses; the examples show what happens when such a value comes from an event.

This page is written by the compiler, and every example on it is run as a test.
";

const SETTINGS_HEAD: &str = "# Settings

Settings stand in `with { … }` behind a delivery, in a rule for all of its deliveries, or in a `policy`. They \
are inherited from the workspace, a policy, the rule and the delivery, setting by setting; the innermost one \
counts.

This page is written by the compiler.

| setting | takes | default |
|---|---|---|
";

fn transform(one: &Transform, page: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "\n### `{}`\n\n{} Takes {}.\n\n```text\n",
        signature(one),
        one.summary,
        takes(one.input)
    );
    let width = one.examples.iter().map(|example| example.call.chars().count()).max().unwrap_or_default();
    for example in one.examples {
        let _ = writeln!(page, "{:width$}   # {}", example.call, example.gives);
    }
    page.push_str("```\n");
}

/// A `|` would end the cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// `UPDATE=1` writes the page instead.
    fn check(name: &str, page: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../grammar/book/reference").join(name);
        #[expect(clippy::disallowed_methods, reason = "how golden files are rewritten")]
        let update = std::env::var("UPDATE").is_ok();
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, page).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page, "{} is out of date; run again with UPDATE=1", path.display());
    }

    #[test]
    fn the_page_on_transforms_is_fresh() {
        let page = transforms();
        for one in TRANSFORMS {
            assert!(page.contains(&format!("\n### `{}`\n", signature(one))), "{}", one.name);
        }
        check("transforms.md", &page);
    }

    #[test]
    fn the_page_on_settings_is_fresh() {
        check("settings.md", &settings());
    }

    #[test]
    fn the_page_on_integrations_is_fresh() {
        check("integrations.md", &integrations());
    }

    /// Each example is a setting that the checker takes, and the checker knows no other.
    #[test]
    fn settings_are_those_of_the_checker() {
        let names: Vec<&str> = SETTINGS.iter().map(|one| one.name).collect();
        assert_eq!(names, crate::check::SETTINGS);
        for one in SETTINGS {
            let text = format!(
                "edition 2026\nconnection hook: webhook\n\
                 schema P {{ id: text, at: datetime }}\nevent t: P\n\
                 schedule office_hours = weekdays 09:00 to 18:00 in \"UTC\"\n\
                 rule r {{ on t as p  deliver hook.send_webhook with {{ {} }} }}\n",
                one.example
                    .replace("trial.ends_at", "p.at")
                    .replace("alert.service", "p.id")
                    .replace("invoice.id", "p.id")
                    .replace("order.number", "p.id")
                    .replace("user.id", "p.id")
            );
            let file = crate::world::BundleFile { path: "r.route".into(), text: text.clone().into() };
            let bundle = crate::world::Bundle { files: vec![file] };
            let world = crate::world::World::offline(None);
            let checked = crate::check::check(&bundle, &world);
            assert!(!checked.diagnostics.has_errors(), "{text}\n{:?}", checked.diagnostics);
        }
    }
}
