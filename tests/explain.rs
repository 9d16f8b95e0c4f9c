//! The page of every message tells the truth: its first example shows the message, its second does not.

use compiler::world::{Bundle, BundleFile, World};
use grammar::diagnostic::{CODES, Severity};
use harness::markdown::{self, Part};

/// The codes that a text shows, and whether any of them is an error.
fn shown(text: &str) -> (Vec<&'static str>, bool) {
    let file = BundleFile { path: "rules.route".into(), text: text.into() };
    let world = World::offline(None);
    let checked = compiler::check(&Bundle { files: vec![file] }, &world);
    let codes = checked.diagnostics.iter().map(|one| one.code.as_str()).collect();
    let errors = checked.diagnostics.iter().any(|one| one.severity == Severity::Error);
    (codes, errors)
}

#[test]
fn the_examples_of_every_page_show_what_it_says() {
    let mut wrong = Vec::new();
    let mut examples = 0;
    for entry in CODES {
        let code = entry.code.as_str();
        let page = compiler::explain::explain(code).unwrap_or_default();
        let blocks: Vec<String> = markdown::parts(page)
            .into_iter()
            .filter_map(|part| match part {
                Part::Fence { text, .. } => Some(text),
                Part::Heading(..) | Part::Table { .. } => None,
            })
            .collect();
        let [before, after] = blocks.as_slice() else {
            assert!(blocks.is_empty(), "{code}: {} examples", blocks.len());
            continue;
        };
        examples += 1;
        if !shown(before).0.contains(&code) {
            wrong.push(format!("{code}: the first example shows {:?}", shown(before).0));
        }
        let (codes, errors) = shown(after);
        if errors || codes.contains(&code) {
            wrong.push(format!("{code}: the second example shows {codes:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(examples > 100, "only {examples} pages have examples");
}
