//! Samples with bytes and tokens removed, doubled, swapped and replaced: no panic, and every span in
//! the text on character boundaries.

use super::{SAMPLES, parsed};
use crate::chance::Chance;
use crate::{
    Source, SourceId,
    diagnostic::{Colour, render, to_json},
};

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "\"\"\"",
    "'",
    "\\",
    "#",
    "##",
    "//",
    "/*",
    "*/",
    ";",
    ",",
    ":",
    ".",
    "..",
    "|",
    "||",
    "&&",
    "==",
    "=",
    "!",
    "!=",
    "?",
    "??",
    "?.",
    "-",
    "+",
    "<",
    ">=",
    "≥",
    "\n",
    "\r\n",
    "\t",
    "\u{a0}",
    "\u{200b}",
    "ä",
    "日本",
    "🚨",
    "rule",
    "rule x {",
    "test",
    "const",
    "when ",
    "unless ",
    "with ",
    "not ",
    "is ",
    "in ",
    "any x in ",
    "each x in ",
    "choose { ",
    "otherwise",
    "satisfies ",
    "matches regex ",
    "capture(",
    "list of ",
    "edition 2026",
    "1e6",
    "2w",
    ".5",
    "2026-1-1",
    "9am",
    "\"{",
    "}\"",
    "\\u{",
    "\\u{110000}",
    "if ",
    "event",
];

fn mutated(text: &str, chance: &mut Chance) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for _ in 0..=chance.below(4) {
        let at = chance.below(letters.len());
        match chance.below(7) {
            0 => drop(letters.drain(at..(at + 1 + chance.below(3)).min(letters.len()))),
            1 => drop(letters.drain(at..(at + chance.below(60)).min(letters.len()))),
            2 => {
                let end = (at + chance.below(40)).min(letters.len());
                let copy: Vec<char> = letters[at..end].to_vec();
                let into = chance.below(letters.len());
                letters.splice(into..into, copy);
            }
            3 => {
                let other = chance.below(letters.len());
                letters.swap(at, other);
            }
            4 => letters.truncate(at.max(1)),
            _ => {
                let piece = PIECES[chance.below(PIECES.len())];
                letters.splice(at..at, piece.chars());
            }
        }
        if letters.is_empty() {
            letters.push('x');
        }
    }
    letters.into_iter().collect()
}

#[test]
fn mutated_samples_never_panic() {
    let mut chance = Chance(2026);
    let cases = if cfg!(debug_assertions) { 600 } else { 20_000 };
    let mut broken = 0;
    for case in 0..cases {
        let (_, sample) = SAMPLES[case % SAMPLES.len()];
        // A part of a sample is quicker and breaks as well as the whole.
        let letters: Vec<char> = sample.chars().collect();
        let start = chance.below(letters.len());
        let part: String = letters[start..].iter().take(700).collect();
        let text = mutated(&part, &mut chance);
        let parsed = parsed(&text);
        let sources = [Source::new(SourceId(0), "test.route", text.as_str())];
        for one in &parsed.diagnostics {
            let spans = one.labels.iter().map(|label| label.span);
            let edits = one.fixes.iter().flat_map(|fix| fix.edits.iter().map(|edit| edit.span));
            for span in spans.chain(edits) {
                assert!(text.get(span.range()).is_some(), "{span:?} of {one:?} in\n{text}");
            }
            assert!(!render(one, &sources, Colour::On).is_empty());
            assert!(to_json(one, &sources).is_object());
        }
        for item in &parsed.file.items {
            assert!(text.get(item.span.range()).is_some(), "{:?} in\n{text}", item.span);
        }
        broken += usize::from(parsed.diagnostics.has_errors());
    }
    assert!(broken > cases / 2, "only {broken} of {cases} had a mistake: the mutations prove nothing");
}

#[test]
fn letters_that_were_never_rules_never_panic() {
    let mut chance = Chance(7);
    for _ in 0..if cfg!(debug_assertions) { 300 } else { 10_000 } {
        let pieces = 1 + chance.below(40);
        let text: String = (0..pieces).map(|_| PIECES[chance.below(PIECES.len())]).collect();
        let parsed = parsed(&text);
        for one in &parsed.diagnostics {
            assert!(text.get(one.span().range()).is_some(), "{one:?} in\n{text}");
        }
    }
}
