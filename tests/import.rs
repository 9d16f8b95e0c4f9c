//! Rules of other products, imported and held against their documented answers.

use std::fs;
use std::path::{Path, PathBuf};

use compiler::catalogue::Catalogue;
use compiler::import::eventbridge::{Events, Options, import};
use compiler::import::{ImportError, Imported, fql, meshes};
use harness::markdown::{self, Part};
use harness::{golden, json5};
use serde_json::Value;

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// What a file says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Match,
    NoMatch,
    Invalid,
}

struct Case {
    name: String,
    pattern: String,
    /// `None` for the one file that holds a pattern only.
    event: Option<Value>,
    verdict: Verdict,
}

/// A nested pattern meets an event whose name holds a dot; only this one needs the option.
const JOINED: &str = "dot_joining_event";

fn cases() -> Vec<Case> {
    let folder = here().join("data/eventbridge-patterns");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let verdict = match &name {
            name if name.ends_with("_EXC") => Verdict::Invalid,
            name if name.ends_with("_NEG") => Verdict::NoMatch,
            _ => Verdict::Match,
        };
        let text = fs::read_to_string(path).unwrap();
        let value = json5::read(&text).unwrap();
        match value.get("EventPattern") {
            Some(pattern) => {
                Case { name, pattern: pattern.to_string(), event: value.get("Event").cloned(), verdict }
            }
            // Kept as text: its point is a key that stands twice.
            None => Case { name, pattern: text, event: None, verdict },
        }
    };
    files.iter().map(read).collect()
}

fn imported(case: &Case) -> Result<Imported, ImportError> {
    let joined_names = case.name == JOINED;
    import(&case.pattern, &Options { joined_names, ..Options::default() })
}

#[test]
fn what_eventbridge_refuses_is_refused() {
    let cases = cases();
    assert_eq!(cases.len(), 79);
    for case in cases {
        match (imported(&case), case.verdict) {
            (Err(ImportError::Invalid { .. }), Verdict::Invalid) => {}
            (Ok(_), Verdict::Match | Verdict::NoMatch) => {}
            (other, verdict) => panic!("{}: {verdict:?}, but {other:?}", case.name),
        }
    }
}

/// Every text side by side, so that a change of wording is read by a person.
#[test]
fn imported_patterns_read_well() {
    let mut all = String::new();
    for case in cases() {
        let text = match imported(&case) {
            Ok(imported) => {
                reads_well(&case.name, &imported.text);
                imported.text
            }
            Err(error) => format!("refused: {error}\n"),
        };
        all.push_str(&format!("=== {}\n{text}\n", case.name));
    }
    golden::compare(&here().join("import/eventbridge-patterns.txt"), &all).unwrap();
}

#[test]
fn ruler_cases_are_read() {
    let text = fs::read_to_string(here().join("data/event-ruler-correctness-cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 51);
    for case in &cases {
        let options = Options { events: Events::AnyJson, ..Options::default() };
        import(&case["rule"].to_string(), &options).unwrap();
    }
}

/// What every imported text must be: readable without a complaint.
fn reads_well(name: &str, text: &str) {
    let source = grammar::Source::new(grammar::SourceId(0), name, text);
    let parsed = grammar::parse(&source);
    let problems: Vec<String> = parsed.diagnostics.iter().map(|one| one.title.clone()).collect();
    assert!(problems.is_empty(), "{name}: {problems:#?}\n{text}");
}

/// Every file of `import/`, imported, beside its golden text.
#[test]
fn rules_of_others_read_well() {
    let mut files: Vec<PathBuf> =
        fs::read_dir(here().join("import")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut problems = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let source = fs::read_to_string(&path).unwrap();
        let imported = match name.rsplit_once('.') {
            Some((name, "json")) if name.starts_with("meshes") => {
                meshes::import(&source, &Catalogue::shipped())
            }
            Some((name, "json")) if name.starts_with("eventbridge") => {
                // `NAME.event` is an event like those that the pattern is about.
                let example = fs::read_to_string(path.with_extension("event")).ok();
                let example = example.map(|text| serde_json::from_str(&text).unwrap());
                import(&source, &Options { example, ..Options::default() })
            }
            Some((_, "fql")) => fql::import(&source),
            _ => continue,
        };
        let text = match imported {
            Ok(imported) => {
                reads_well(&name, &imported.text);
                imported.text
            }
            Err(error) => format!("refused: {error}\n"),
        };
        problems.extend(golden::compare(&path.with_extension("route"), &text).err());
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The page about importing shows what the importers write.
#[test]
fn the_book_shows_what_is_written() {
    let path = here().join("../grammar/book/importing.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut expected: Option<String> = None;
    let mut pattern = String::new();
    let mut seen = 0;
    let mut rewritten = page.clone();
    for part in markdown::parts(&page) {
        let Part::Fence { info, text, .. } = part else { continue };
        let imported = match info.as_str() {
            "json eventbridge" => {
                pattern.clone_from(&text);
                import(&text, &Options::default())
            }
            "json eventbridge example" => {
                let example = serde_json::from_str(&text).unwrap();
                import(&pattern, &Options { example: Some(example), ..Options::default() })
            }
            "json meshes" => meshes::import(&text, &Catalogue::shipped()),
            "text fql" => fql::import(&text),
            "route" => {
                let expected = expected.take().expect("a source before every rule");
                seen += 1;
                rewritten = rewritten.replacen(&format!("```route\n{text}```"), &format!("```route\n{expected}```"), 1);
                continue;
            }
            _ => continue,
        };
        expected = Some(imported.unwrap().text);
    }
    assert_eq!((seen, expected), (4, None));
    golden::compare(&path, &rewritten).unwrap();
}
