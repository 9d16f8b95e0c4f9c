//! Rules of other products, imported and held against their documented answers.

#[path = "import/generated.rs"]
mod generated;
#[path = "import/statements.rs"]
mod statements;
#[path = "import/texts.rs"]
mod texts;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use compiler::catalogue::Catalogue;
use compiler::check;
use compiler::eval::{Facts, NoLists};
use compiler::event::Event;
use compiler::import::eventbridge::{Events, Options, import};
use compiler::import::{ImportError, Imported, fql, meshes};
use compiler::matcher::{Interpreter, Jit, Matcher, Matches};
use compiler::plan::{Plan, plan};
use compiler::slots::Slots;
use compiler::world::{Bundle, BundleFile, World};
use grammar::diagnostic::{Colour, Severity};
use harness::markdown::{self, Part};
use harness::{eventbridge as meaning, golden, json5};
use serde_json::{Value, json};

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
                plan_of(&case.name, &imported.text);
                imported.text
            }
            Err(error) => format!("refused: {error}\n"),
        };
        all.push_str(&format!("=== {}\n{text}\n", case.name));
    }
    golden::compare(&here().join("import/eventbridge-patterns.txt"), &all).unwrap();
}

/// The verdict in every file's name, and the plain meaning of the pattern, agree with the imported rule.
#[test]
fn documented_patterns_answer_as_documented() {
    let mut asked = 0;
    for case in cases().iter().filter(|case| case.verdict != Verdict::Invalid) {
        let plan = plan_of(&case.name, &imported(case).unwrap().text);
        // The one file without an event asks which of two equal keys counts: the last.
        let others = [(json!("eu-west-1"), true), (json!("us-east"), false), (json!("us-west-1"), true)];
        let events: Vec<(Value, bool)> = match &case.event {
            Some(event) => vec![(event.clone(), case.verdict == Verdict::Match)],
            None => {
                others.map(|(location, fits)| (json!({ "detail": { "location": location } }), fits)).to_vec()
            }
        };
        for (event, expected) in events {
            assert_eq!(holds(&plan, &event), expected, "{}: {event}\n{}", case.name, case.pattern);
            asked += 1;
        }
    }
    assert_eq!(asked, 58);
}

#[test]
fn ruler_cases_answer_as_their_meaning_says() {
    let text = fs::read_to_string(here().join("data/event-ruler-correctness-cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let options = Options { events: Events::AnyJson, ..Options::default() };
    let mut matching = 0;
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let plan = plan_of(name, &import(&case["rule"].to_string(), &options).unwrap().text);
        let expected = meaning::fits(&case["rule"], &case["event"]);
        assert_eq!(holds(&plan, &case["event"]), expected, "{name}");
        matching += usize::from(expected);
    }
    assert_eq!((cases.len(), matching), (51, 33));
}

/// A checked text, ready to be asked.
struct Engines {
    plan: Arc<Plan>,
    compiled: Jit,
}

/// What every imported text must be: without a mistake.
fn plan_of(name: &str, text: &str) -> Engines {
    let file = BundleFile { path: "imported.route".into(), text: text.into() };
    let checked = check(&Bundle { files: vec![file] }, &World::offline(None));
    let shown = |one: &grammar::Diagnostic| grammar::diagnostic::render(one, &checked.sources, Colour::Off);
    let errors = checked.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    let errors: Vec<String> = errors.map(shown).collect();
    assert!(errors.is_empty(), "{name}:\n{}\n{text}", errors.join("\n"));
    let plan = Arc::new(plan(checked.program));
    let compiled = Jit::new(&plan).unwrap();
    Engines { plan, compiled }
}

/// Whether any rule of the text holds for an event with that payload. Both matchers are asked.
fn holds(engines: &Engines, payload: &Value) -> bool {
    let plan = &*engines.plan;
    let payload = payload.to_string();
    let event = Event {
        id: "evt_1",
        kind: "imported.event",
        resource: None,
        resource_id: None,
        time: "2026-03-01T09:00:00Z".parse().unwrap(),
        received_at: "2026-03-01T09:00:00Z".parse().unwrap(),
        payload: payload.as_bytes(),
    };
    let slots = Slots::new(plan, event.payload).unwrap();
    let facts = Facts { plan, event: &event, slots: &slots, lists: &NoLists };
    let answer = |matcher: &dyn Matcher| {
        let mut matches = Matches::default();
        matcher.matches(&facts, &mut matches);
        !matches.rules.is_empty()
    };
    let answers = (answer(&Interpreter), answer(&engines.compiled));
    assert_eq!(answers.0, answers.1, "interpreter and compiled code differ: {payload}");
    answers.0
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
        let (ending, text) = match imported {
            Ok(imported) => ("route", imported.text),
            Err(error) => ("refused", format!("{error}\n")),
        };
        if ending == "route" {
            plan_of(&name, &text);
        }
        problems.extend(golden::compare(&path.with_extension(ending), &text).err());
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
                rewritten = rewritten.replacen(
                    &format!("```route\n{text}```"),
                    &format!("```route\n{expected}```"),
                    1,
                );
                continue;
            }
            _ => continue,
        };
        expected = Some(imported.unwrap().text);
    }
    assert_eq!((seen, expected), (4, None));
    golden::compare(&path, &rewritten).unwrap();
}

/// Segment's own examples, and what its reference says of missing values.
#[test]
fn statements_answer_as_documented() {
    let event = json!({
        "event": "Button Clicked", "type": "track", "userId": "u1", "nothing": null,
        "context": { "library": { "name": "analytics.js", "version": "1.0" } },
        "properties": { "features": ["discounts", "dark-mode"], "product 1": { "price": 19.99 }, "on": true },
    });
    let rows = [
        ("event = 'Button Clicked'", true),
        ("event = 'Screen Tapped'", false),
        ("context.path.path = '/login'", false),
        ("type = 'identify' or type = 'track'", true),
        ("event = 'Button Clicked' and type = 'track'", true),
        ("match( context.library.version, '1.*' )", true),
        ("match( context.library.version, '2.*' )", false),
        ("type = 'track' and ( event = 'Click' or match( event, 'Button *' ) )", true),
        ("!contains( context.library.name, 'js' )", false),
        ("'dark-mode' in properties.features", true),
        ("'blink' in properties.features", false),
        ("!('blink' in properties.features)", true),
        ("!('blink' in properties.missing)", true),
        ("type = 'page' or !('blink' in properties.missing)", true),
        ("properties.product\\ 1.price < 20", true),
        ("properties.product\\ 1.price > 20 or properties.on", true),
        ("!properties.on", false),
        ("type = 'page' or !properties.off", true),
        ("missing = null", true),
        ("nothing = null and event != null", true),
        ("missing != 'a'", true),
        ("type = 'page' or missing != 'a'", true),
        ("type = 'page' or event != 'Button Clicked'", false),
        ("missing = nothing", true),
        ("missing != nothing", false),
        ("event = type", false),
        ("type = 'page' or event != type", true),
        ("missing > 3", false),
        ("!(missing > 3)", true),
        ("type = 'page' or !(missing > 3)", true),
        ("contains(missing, 'a')", false),
        ("type = 'page' or !contains(missing, 'a')", true),
        ("length(missing) = 0", true),
        ("length(userId) > 0", true),
        ("length(userId) = 2", true),
        ("length(userId) != 2", false),
        ("length(properties.features) = 2", true),
        ("length(properties.features) >= 3", false),
        ("!(length(properties.features) >= 3)", true),
        ("2 < length(event)", true),
        ("lowercase(event) = 'button clicked'", true),
        ("uppercase(type) = 'TRACK'", true),
        ("snakecase(event) = 'Button_Clicked'", true),
        ("kebabcase(event) = 'Button-Clicked'", true),
        ("lowercase(missing) = null", true),
        ("typeof(missing) = 'null'", true),
        ("typeof(event) = 'string'", true),
        ("typeof(event) != 'number'", true),
        ("typeof(properties.features) = 'list'", true),
        ("typeof(properties.on) = 'bool'", true),
        ("typeof(missing) != 'bool'", true),
        ("typeof(properties.product\\ 1.price) = 'number'", true),
        ("!( type in ['track', 'identify'] )", false),
        ("missing in ['a', null]", true),
        ("type = 'page' or !(missing in ['a', null])", false),
        ("not (type = 'page' and event = 'x') and not not type = 'track'", true),
        ("type = 'page' and event = 'x' or type = 'track'", true),
    ];
    for (statement, expected) in rows {
        let text = fql::import(statement).unwrap().text;
        assert_eq!(holds(&plan_of(statement, &text), &event), expected, "{statement}\n{text}");
    }
    for wrong in [
        "userId = oops\"",
        "type =",
        "(type = 'a'",
        "type = 'a')",
        "and",
        "a > 'b'",
        "f(x)",
        "1..2 = a",
        "a ~ b",
    ] {
        assert!(matches!(fql::import(wrong), Err(ImportError::Invalid { .. })), "{wrong}");
    }
}
