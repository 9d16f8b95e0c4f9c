//! Rule files as nobody should write them: parser, checker, tests and formatter take any text.
//!
//! `FANWISE_CASES=1000000 cargo test -p fanwise-tests --test hostile --release` tries more.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use compiler::world::{Bundle, BundleFile, World};
use grammar::diagnostic::{Colour, render, to_json};
use grammar::{Source, SourceId};

#[path = "../grammar/src/chance.rs"]
mod chance;
use chance::Chance;

/// More than any of these texts takes, on a busy machine and unoptimised.
const SLOW: Duration = Duration::from_secs(20);

/// Every rule file of the examples and of the golden messages.
fn corpus() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        "diagnostics",
        "../grammar/examples",
        "../grammar/examples/subscription_shop",
        "../grammar/examples/tea_club",
    ];
    let mut files: Vec<_> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "route"))
        .collect();
    files.sort();
    files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Cuts a text into words, so that exchanged pieces still look like rules.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut kind = ' ';
    for letter in text.chars() {
        let now = match letter {
            _ if letter.is_alphanumeric() || letter == '_' => 'a',
            _ if letter.is_whitespace() => ' ',
            other => other,
        };
        match words.last_mut().filter(|_| now == kind && now != '"') {
            Some(word) => word.push(letter),
            None => words.push(letter.to_string()),
        }
        kind = now;
    }
    words
}

fn mutated(corpus: &[Vec<String>], chance: &mut Chance) -> String {
    let mut text = corpus[chance.below(corpus.len())].clone();
    for _ in 0..=chance.below(5) {
        let at = chance.below(text.len());
        let other = &corpus[chance.below(corpus.len())];
        let from = chance.below(other.len());
        match chance.below(6) {
            0 => drop(text.drain(at..(at + 1 + chance.below(4)).min(text.len()))),
            1 => {
                let until = (from + 1 + chance.below(12)).min(other.len());
                text.splice(at..at, other[from..until].iter().cloned());
            }
            2 | 3 => text[at] = other[from].clone(),
            4 => {
                let end = (at + chance.below(30)).min(text.len());
                let copy: Vec<String> = text[at..end].to_vec();
                let into = chance.below(text.len());
                text.splice(into..into, copy);
            }
            _ => {
                let with = chance.below(text.len());
                text.swap(at, with);
            }
        }
        if text.is_empty() {
            text.push("rule".to_owned());
        }
    }
    text.concat()
}

/// Everything that is done with a rule file.
fn take(text: &str) {
    let file = BundleFile { path: "rules.route".into(), text: text.into() };
    let world = World::offline(None);
    let run = compiler::simulate::run_tests(&Bundle { files: vec![file] }, &world);
    for one in run.diagnostics.iter().chain(run.failures()) {
        assert!(!render(one, &run.sources, Colour::Off).is_empty());
        assert!(to_json(one, &run.sources).is_object());
    }
    let source = Source::new(SourceId(0), "rules.route", text);
    if let Ok(once) = grammar::format::format(&source) {
        let again = Source::new(SourceId(0), "rules.route", once.as_str());
        let parsed = grammar::parse(&again);
        let twice = grammar::format::format(&again).expect("formatting keeps a text readable");
        assert_eq!(once, twice, "formatting twice is formatting once");
        let tree = |file| grammar::json::to_json(file).expect("a file without mistakes has a JSON form");
        assert_eq!(tree(&grammar::parse(&source).file), tree(&parsed.file), "the tree stays");
    }
}

#[test]
fn any_text_is_taken_without_a_panic_and_in_time() {
    let corpus: Vec<Vec<String>> = corpus().iter().map(|text| words(text)).collect();
    assert!(corpus.len() > 150, "only {} texts", corpus.len());
    let asked = std::env::var_os("FANWISE_CASES").and_then(|many| many.to_str()?.parse().ok());
    let mut chance = Chance(2026);
    for _ in 0..asked.unwrap_or(if cfg!(debug_assertions) { 300 } else { 10_000 }) {
        let text = mutated(&corpus, &mut chance);
        let before = Instant::now();
        let taken = catch_unwind(AssertUnwindSafe(|| take(&text)));
        assert!(taken.is_ok(), "this breaks it:\n{text}");
        assert!(before.elapsed() < SLOW, "{:?} for\n{text}", before.elapsed());
    }
}
