//! Formatting keeps the tree and the comments, and does nothing the second time.

mod generate;
mod layouts;

use serde_json::Value;

use super::{format, text};
use crate::ast::File;
use crate::chance::Chance;
use crate::json::{from_json, to_json};
use crate::{Source, SourceId, parse};

const SAMPLES: &[&str] = &[
    include_str!("../../examples/1_leads.route"),
    include_str!("../../examples/2_dunning.route"),
    include_str!("../../examples/3_incidents.route"),
    include_str!("../../examples/4_shop.route"),
    include_str!("../../examples/5_github.route"),
    include_str!("../../examples/6_environments.route"),
    include_str!("../../editors/tree-sitter/test/every_construct.route"),
];

/// How many generated cases; `FANWISE_CASES` asks for more.
fn cases(default: usize) -> usize {
    std::env::var_os("FANWISE_CASES").and_then(|many| many.to_str()?.parse().ok()).unwrap_or(default)
}

fn source(text: &str) -> Source {
    Source::new(SourceId(0), "test.route", text)
}

/// The tree when the text has no mistakes.
fn tree(text: &str) -> Option<(File, Value)> {
    let parsed = parse(&source(text));
    let sound = !parsed.diagnostics.has_errors();
    let value = to_json(&parsed.file).ok().filter(|_| sound)?;
    Some((parsed.file, value))
}

/// Everything that must hold of a text without mistakes.
#[track_caller]
fn holds(text: &str) {
    let (file, before) = tree(text).unwrap_or_else(|| panic!("has mistakes:\n{text}"));
    let once = format(&source(text)).unwrap();
    let Some((again, after)) = tree(&once) else {
        let wrong = parse(&source(&once)).diagnostics;
        panic!("{:?}\n--- of\n{text}\n--- came\n{once}", wrong.iter().next());
    };
    assert_eq!(before, after, "the tree changed\n--- of\n{text}\n--- came\n{once}");
    let twice = format(&source(&once)).unwrap();
    assert_eq!(once, twice, "the second time differs\n--- of\n{text}");
    let words = |file: &File, text: &str| -> Vec<String> {
        let source = source(text);
        let mut words: Vec<String> = file
            .comments
            .iter()
            .map(|one| source.slice(one.span).trim_matches(['#', ' ', '\r']).to_owned())
            .collect();
        words.sort();
        words
    };
    assert_eq!(
        words(&file, text),
        words(&again, &once),
        "comments changed\n--- of\n{text}\n--- came\n{once}"
    );
    for line in once.lines() {
        assert!(!line.ends_with(' ') || text.contains("\"\"\""), "{line:?} ends in a space");
    }
    let printed = crate::json::to_text(&before).unwrap();
    let back = tree(&printed).unwrap_or_else(|| panic!("the JSON form gives\n{printed}"));
    assert_eq!(before, back.1, "by way of JSON\n{printed}");
}

#[test]
fn samples_keep_their_trees() {
    SAMPLES.iter().for_each(|sample| holds(sample));
}

#[test]
fn the_six_examples_are_written_in_the_one_style() {
    for sample in &SAMPLES[..6] {
        assert_eq!(format(&source(sample)).unwrap(), *sample);
    }
}

#[test]
fn a_file_with_mistakes_is_left_alone() {
    let found = format(&source("rule a {")).unwrap_err();
    assert!(found.has_errors());
    assert_eq!(format(&source("")).unwrap(), "");
    assert_eq!(
        format(&source("# nothing but words\n\n\n# more")).unwrap(),
        "# nothing but words\n\n# more\n"
    );
}

#[test]
fn a_tree_without_a_text_has_a_text() {
    let (file, _) = tree("const a = [1]\nrule r { on x ignore }\nevent x: X\nschema X { a: int }").unwrap();
    let expected =
        "const a = [1]\n\nrule r {\n  on x\n  ignore\n}\n\nevent x: X\n\nschema X {\n  a: int\n}\n";
    assert_eq!(text(&from_json(&to_json(&file).unwrap()).unwrap(), None), expected);
}
