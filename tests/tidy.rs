//! The house rules that a machine can check: sizes, first lines, dependencies, words.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// No Rust file is longer.
const LINES_MAX: usize = 500;

/// The first sentence of a module's documentation is no longer.
const FIRST_LINE_CHARS_MAX: usize = 100;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

/// Every file of ours with that ending, as path from the root and text.
fn files(ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for top in ["grammar", "compiler", "runtime", "tests", "benches"] {
        walk(&root().join(top), ending, &mut found);
    }
    found.sort();
    assert!(!found.is_empty(), "no {ending} files below {}", root().display());
    found
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "node_modules", "fuzz"].contains(&name.as_str()) && !name.starts_with('.') {
                walk(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            let inside = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
            found.push((inside, fs::read_to_string(&path).expect("UTF-8 text")));
        }
    }
}

fn assert_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let long = files(".rs").into_iter().filter_map(|(path, text)| {
        let lines = text.lines().count();
        (lines > LINES_MAX).then(|| format!("{path}: {lines} lines, at most {LINES_MAX}"))
    });
    assert_none(long.collect());
}

#[test]
fn every_module_says_what_it_is() {
    let wrong = files(".rs").into_iter().filter_map(|(path, text)| {
        let first = text.lines().next().unwrap_or_default();
        let Some(sentence) = first.strip_prefix("//! ") else {
            return Some(format!("{path}: does not start with `//! `"));
        };
        let chars = sentence.chars().count();
        (chars > FIRST_LINE_CHARS_MAX).then(|| format!("{path}: first line has {chars} characters"))
    });
    assert_none(wrong.collect());
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME", "unimple".to_owned() + "mented!"];
    let mut problems = Vec::new();
    for (path, text) in files(".rs") {
        for (number, line) in text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(mark.as_str())) {
                problems.push(format!("{path}:{}: {mark}", number + 1));
            }
        }
    }
    assert_none(problems);
}

#[test]
fn lines_do_not_end_in_spaces() {
    let mut problems = Vec::new();
    for ending in [".rs", ".toml", ".pest"] {
        for (path, text) in files(ending) {
            for (number, line) in text.lines().enumerate() {
                if line.ends_with([' ', '\t']) {
                    problems.push(format!("{path}:{}", number + 1));
                }
            }
        }
    }
    assert_none(problems);
}

/// Who may use what; anything else is an edit here and a line in `CONTRIBUTING.md`.
#[test]
fn crates_depend_only_downwards() {
    let never: &[(&str, &[&str])] = &[
        ("grammar", &["compiler", "runtime", "tokio", "reqwest", "axum"]),
        ("compiler", &["runtime", "tokio", "reqwest", "axum", "dashmap", "pest", "rand"]),
        ("compiler/lsp", &["runtime", "tokio", "reqwest", "axum", "pest"]),
        ("runtime", &["pest", "cranelift-jit", "cranelift-codegen"]),
    ];
    let mut problems = Vec::new();
    for (crate_name, banned) in never {
        for name in dependencies(crate_name) {
            if banned.contains(&name.as_str()) {
                problems.push(format!("{crate_name} must not depend on {name}"));
            }
        }
    }
    assert_none(problems);
}

fn dependencies(crate_name: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(crate_name).join("Cargo.toml")).expect("a manifest");
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let section = lines.take_while(|line| !line.starts_with('['));
    section
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .map(str::to_owned)
        .filter(|n| !n.is_empty())
        .collect()
}

#[test]
fn every_dependency_has_its_reason() {
    let contributing = fs::read_to_string(root().join("CONTRIBUTING.md")).expect("CONTRIBUTING.md");
    let mut problems = Vec::new();
    for crate_name in ["grammar", "compiler", "compiler/lsp", "runtime"] {
        for name in dependencies(crate_name) {
            let ours = ["grammar", "compiler", "lsp", "runtime"].contains(&name.as_str());
            let family = if name.starts_with("cranelift-") { "cranelift" } else { &name };
            if !ours && !contributing.contains(&format!("`{family}`")) {
                problems.push(format!("{crate_name}: {name} has no row in CONTRIBUTING.md"));
            }
        }
    }
    assert_none(problems);
}

/// The compiler is pure: no files, no environment, no clock.
#[test]
fn the_compiler_touches_nothing_outside() {
    let banned = [
        "std::fs",
        "std::env",
        "TcpStream",
        "UdpSocket",
        "ToSocketAddrs",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
    ];
    let mut problems = Vec::new();
    for (path, text) in files(".rs").iter().filter(|(path, _)| path.starts_with("compiler/src")) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in banned.iter().filter(|word| code.contains(**word)) {
            if !path.ends_with("tests.rs") && !path.ends_with("unit.rs") {
                problems.push(format!("{path}: {word}"));
            }
        }
    }
    assert_none(problems);
}

#[test]
fn unsafe_stands_only_where_it_may() {
    let allowed = [
        "compiler/src/matcher/jit",
        "compiler/src/json/simd",
        "grammar/editors/tree-sitter/bindings",
        "benches/peers",
        "runtime/src/edge/mailbox.rs",
        "runtime/src/rules/crash/signal.rs",
        "tests/progress.rs",
    ];
    let mut problems = Vec::new();
    for (path, text) in files(".rs") {
        let has = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains("unsafe {") || code.contains("unsafe fn") || code.contains("unsafe impl")
        });
        if has && !allowed.iter().any(|place| path.starts_with(place)) && path != "tests/tidy.rs" {
            problems.push(format!("{path}: unsafe"));
        }
    }
    assert_none(problems);
}
