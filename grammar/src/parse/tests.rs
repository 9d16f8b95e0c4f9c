//! What the parser makes of text.

mod bounds;
mod dump;
mod expressions;
mod items;
mod messages;
mod mutations;

use crate::{Diagnostics, Source, diagnostic::Colour, parse, span::SourceId};

fn parsed(text: &str) -> super::Parsed {
    parse(&Source::new(SourceId(0), "test.route", text))
}

fn shown(text: &str, diagnostics: &Diagnostics) -> String {
    let sources = [Source::new(SourceId(0), "test.route", text)];
    diagnostics.iter().map(|one| crate::diagnostic::render(one, &sources, Colour::Off) + "\n").collect()
}

const SAMPLES: &[(&str, &str)] = &[
    ("1_leads", include_str!("../../examples/1_leads.route")),
    ("2_dunning", include_str!("../../examples/2_dunning.route")),
    ("3_incidents", include_str!("../../examples/3_incidents.route")),
    ("4_shop", include_str!("../../examples/4_shop.route")),
    ("5_github", include_str!("../../examples/5_github.route")),
    ("6_environments", include_str!("../../examples/6_environments.route")),
];

#[test]
fn the_samples_are_read_without_a_word() {
    for (name, text) in SAMPLES {
        let parsed = parsed(text);
        assert_eq!(shown(text, &parsed.diagnostics), "", "{name}");
        assert!(parsed.file.items.len() > 5, "{name}");
        assert!(parsed.file.edition.is_some(), "{name}");
    }
}
