//! What the checker and failing tests say: `diagnostics/NAME.route` beside its messages.
//!
//! A case is one rule file, `NAME.route`. Lines that begin with `#:` at its head say what is around it:
//! `#: environment sandbox`, `#: connection crm hubspot` and `#: list vips` (what the workspace has), `#: strict`,
//! `#: event lead.created lead.json` (a schema that the workspace keeps). A line `# file: schemas/x.json`
//! begins another file of the bundle. `UPDATE=1` rewrites `NAME.stderr`, and `NAME.fixed` where
//! `fanwise fix` changes something: the files that it changed, and what it did.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use compiler::mend::mend;
use compiler::world::{Bundle, BundleFile, World};
use grammar::diagnostic::{CODES, Colour, Fix, Severity, render};
use grammar::{Diagnostics, Source};

/// Fewer cases than this, and the folder was not read.
const CASES_MIN: usize = 150;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("diagnostics")
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "route")).collect();
    cases.sort();
    cases
}

/// The files of a case and the world around it.
fn read(path: &Path) -> (Bundle, World) {
    let text = fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let mut registered: Vec<(String, String)> = Vec::new();
    let mut world = World::offline(None);
    for line in text.lines().map_while(|line| line.strip_prefix("#: ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["environment", one] => world.environment = Some((*one).into()),
            ["connection", name, integration] => {
                let known = world.connections.get_or_insert_default();
                known.insert((*name).into(), (*integration).into());
            }
            ["no", "connections"] => world.connections = Some(BTreeMap::new()),
            ["list", name] => {
                world.lists.get_or_insert_default().insert((*name).into());
            }
            ["event", event, path] => registered.push(((*event).to_owned(), (*path).to_owned())),
            ["strict"] => world.strict = true,
            other => panic!("{name}: {other:?} is not understood"),
        }
    }
    let mut files: Vec<(String, String)> = vec![(name, String::new())];
    for line in text.lines() {
        match line.strip_prefix("# file: ") {
            Some(path) => files.push((path.trim().to_owned(), String::new())),
            None => {
                let (_, text) = files.last_mut().unwrap();
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    for (event, path) in registered {
        let text = &files.iter().find(|(name, _)| *name == path).unwrap().1;
        world.event_schemas.insert(event.into(), text.as_str().into());
    }
    let file = |(path, text): (String, String)| BundleFile { path: path.into(), text: text.into() };
    (Bundle { files: files.into_iter().map(file).collect() }, world)
}

/// The messages of a case as a terminal shows them.
fn messages(path: &Path) -> String {
    let (bundle, world) = read(path);
    let run = compiler::simulate::run_tests(&bundle, &world);
    let mut out = String::new();
    for diagnostic in run.diagnostics.iter().chain(run.failures()) {
        let _ = writeln!(out, "{}", render(diagnostic, &run.sources, Colour::Off).trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn every_case_says_what_it_said() {
    let mut wrong = Vec::new();
    for case in cases() {
        let golden = case.with_extension("stderr");
        if let Err(difference) = harness::golden::compare(&golden, &messages(&case)) {
            wrong.push(difference);
        }
    }
    assert!(wrong.is_empty(), "{} cases differ\n{}", wrong.len(), wrong.join("\n"));
    let cases = cases().len();
    println!("{cases} cases");
    assert!(cases >= CASES_MIN, "only {cases} cases");
}

/// The rule files that fixes change and what was done to them; nothing where none is sure.
fn fixed(path: &Path) -> String {
    let (bundle, world) = read(path);
    let mended = mend(&bundle, &world, |_| true);
    let mut out = String::new();
    for file in mended.bundle.files.iter() {
        let Some(applied) = mended.files.get(&file.path) else { continue };
        out.push_str(&file.text);
        for one in applied {
            let (line, column) = (one.place.line, one.place.column);
            let _ =
                writeln!(out, "# {}:{line}:{column} {} {}", file.path, one.code, one.title.escape_debug());
        }
    }
    for one in &mended.left {
        let _ =
            writeln!(out, "# {} is left: {} errors, then {}", one.path, one.before.errors, one.after.errors);
    }
    let left = |severity| mended.checked.diagnostics.iter().filter(|one| one.severity == severity).count();
    if !out.is_empty() {
        let _ =
            writeln!(out, "# still: {} errors, {} warnings", left(Severity::Error), left(Severity::Warning));
    }
    out
}

#[test]
fn every_fix_does_what_it_did() {
    let mut wrong = Vec::new();
    for case in cases() {
        let (golden, fixed) = (case.with_extension("fixed"), fixed(&case));
        if fixed.is_empty() && !golden.exists() {
            continue;
        }
        if let Err(difference) = harness::golden::compare(&golden, &fixed) {
            wrong.push(difference);
        }
    }
    assert!(wrong.is_empty(), "{} cases differ\n{}", wrong.len(), wrong.join("\n"));
}

/// No file is worse than before, what was mended stays as it is, and a fix mends its message.
#[test]
fn fixes_leave_nothing_worse_and_come_to_an_end() {
    for case in cases() {
        let (bundle, world) = read(&case);
        let errors = |bundle: &Bundle| {
            let checked = compiler::check(bundle, &world);
            checked.diagnostics.iter().filter(|one| one.severity == Severity::Error).count()
        };
        let once = mend(&bundle, &world, |_| true);
        assert!(errors(&once.bundle) <= errors(&bundle), "{}", case.display());
        let twice = mend(&once.bundle, &world, |_| true);
        assert_eq!(twice.bundle, once.bundle, "{}", case.display());
    }
}

/// A bundle with the edits of one fix.
fn edited(bundle: &Bundle, sources: &[Source], fix: &Fix) -> Bundle {
    let mut edits: Vec<_> = fix.edits.iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span));
    let mut bundle = bundle.clone();
    for edit in edits {
        let name = &sources[usize::from(edit.span.source.0)].name;
        let file = bundle.files.iter_mut().find(|file| file.path == *name).unwrap();
        let mut text = file.text.to_string();
        text.replace_range(edit.span.range(), &edit.replacement);
        file.text = text.into();
    }
    bundle
}

/// Fixes that somebody has to choose keep what they promise, too: none makes it worse, and the
/// message is gone afterwards or fewer are left.
#[test]
fn every_offered_edit_mends_its_message() {
    let mut wrong = Vec::new();
    for case in cases() {
        let (bundle, world) = read(&case);
        let checked = compiler::check(&bundle, &world);
        let count = |found: &Diagnostics, title: &str| found.iter().filter(|one| one.title == title).count();
        let errors = |found: &Diagnostics| found.iter().filter(|one| one.severity == Severity::Error).count();
        for one in &checked.diagnostics {
            for fix in one.fixes.iter().filter(|fix| !fix.edits.is_empty()) {
                let after = compiler::check(&edited(&bundle, &checked.sources, fix), &world).diagnostics;
                let before = &checked.diagnostics;
                if errors(&after) > errors(before) || count(&after, &one.title) >= count(before, &one.title) {
                    let left: Vec<_> = after.iter().map(|one| &one.title).collect();
                    wrong.push(format!("{}: {}: {left:?}", case.display(), fix.title));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} fixes do not mend\n{}", wrong.len(), wrong.join("\n"));
}

/// A case is named after what it shows, such as `e0203_unknown_field`, and shows it.
#[test]
fn every_case_shows_its_code() {
    for case in cases() {
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        let code = name.split('_').next().unwrap().to_uppercase();
        if code == "OK" {
            assert_eq!(messages(&case), "", "{name}");
            continue;
        }
        assert!(CODES.iter().any(|entry| entry.code.as_str() == code), "{name}: no such code");
        assert!(messages(&case).contains(&format!("[{code}]")), "{name} does not show {code}");
    }
}

/// Said while reading a file, or when a test ran: those have suites of their own.
const OF_OTHERS: &[&str] = &["E01", "W01", "E061"];

/// Every code of the checker has a case.
#[test]
fn every_code_has_a_case() {
    let names: Vec<String> =
        cases().iter().map(|case| case.file_stem().unwrap().to_string_lossy().to_uppercase()).collect();
    let checker = CODES
        .iter()
        .map(|entry| entry.code.as_str())
        .filter(|code| !OF_OTHERS.iter().any(|other| code.starts_with(other)));
    let without: Vec<&str> =
        checker.filter(|code| !names.iter().any(|name| name.starts_with(code))).collect();
    assert!(without.is_empty(), "{without:?}");
}

/// No words of the compiler's own reach a reader.
#[test]
fn messages_are_written_for_people() {
    for case in cases() {
        for line in
            messages(&case).lines().filter(|line| line.starts_with("error") || line.starts_with("   ="))
        {
            for word in ["HIR", "token", "EOF", "unify", "AST", "identifier", "lvalue", "boolean"] {
                assert!(!line.contains(word), "{}: {line}", case.display());
            }
        }
    }
}
