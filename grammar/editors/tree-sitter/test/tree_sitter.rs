//! The editors' parser reads everything that the compiler's parser reads.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails panics"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use grammar::{Source, SourceId};
use tree_sitter::{Node, Parser, Query, Tree};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn tree(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_fanwise::LANGUAGE.into()).expect("a language of a version that fits");
    parser.parse(text, None).expect("a tree: there is no time limit")
}

/// The first broken place, with a few characters around it.
fn broken(text: &str) -> Option<String> {
    let tree = tree(text);
    let mut waiting = vec![tree.root_node()];
    while let Some(node) = waiting.pop() {
        if node.is_error() || node.is_missing() {
            let place = node.start_position();
            let around: String = text.get(node.start_byte()..).unwrap_or_default().chars().take(60).collect();
            return Some(format!("{}:{}: {} at {around:?}", place.row + 1, place.column + 1, node.kind()));
        }
        let mut cursor = node.walk();
        waiting.extend(node.children(&mut cursor).filter(Node::has_error));
    }
    None
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "node_modules"].contains(&name.as_str()) && !name.starts_with('.') {
            files(&path, ending, found);
        } else if path.is_file() && name.ends_with(ending) {
            found.push(path);
        }
    }
}

/// Every rule text of the repository: files, and the fenced blocks of the book.
fn texts() -> Vec<(String, String)> {
    let root = here("../../..");
    let mut texts = Vec::new();
    let mut found = Vec::new();
    for top in ["grammar", "compiler", "runtime", "tests"] {
        files(&root.join(top), ".route", &mut found);
    }
    for path in found {
        if let Ok(text) = fs::read_to_string(&path) {
            texts.push((path.display().to_string(), text));
        }
    }
    let mut chapters = Vec::new();
    files(&root.join("grammar"), ".md", &mut chapters);
    files(&root.join("tests"), ".md", &mut chapters);
    for path in chapters {
        let chapter = fs::read_to_string(&path).expect("UTF-8 text");
        for (number, block) in chapter.split("```route\n").skip(1).enumerate() {
            let block = block.split("\n```").next().unwrap_or_default();
            texts.push((format!("{} block {}", path.display(), number + 1), block.to_owned()));
        }
    }
    texts
}

#[test]
fn what_the_compiler_reads_is_read_without_an_error() {
    let mut read = 0;
    let mut problems = Vec::new();
    for (name, text) in texts() {
        let parsed = grammar::parse(&Source::new(SourceId(0), name.as_str(), text.as_str()));
        if parsed.diagnostics.has_errors() {
            continue;
        }
        read += 1;
        problems.extend(broken(&text).map(|what| format!("{name}:{what}")));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert!(read > 0, "nothing was read");
}

#[test]
fn every_construct_is_read() {
    let text = fs::read_to_string(here("test/every_construct.route")).expect("the file");
    assert_eq!(broken(&text), None);
}

#[test]
fn broken_text_is_seen_as_broken() {
    for text in
        ["rule {", "const a = ", "const a = 1 +", "rule a { on b }", "const a = \"\"\" x", "const a = \"{\""]
    {
        assert!(broken(text).is_some(), "{text}");
    }
}

/// `test/trees.txt`: a line of rule text, then its tree. `UPDATE=1` writes the trees.
#[test]
fn trees_are_as_written_down() {
    let path = here("test/trees.txt");
    let golden = fs::read_to_string(&path).expect("the file");
    let mut now = String::new();
    for line in golden.lines().filter(|line| !line.is_empty() && !line.starts_with("    ")) {
        assert_eq!(broken(line), None, "{line}");
        let _ = writeln!(now, "{line}\n    {}\n", tree(line).root_node().to_sexp());
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, now).expect("written");
    } else {
        assert_eq!(now, golden, "run with UPDATE=1 and read the difference");
    }
}

#[test]
fn queries_speak_of_nodes_that_exist() {
    use tree_sitter_fanwise::{FOLDS_QUERY, HIGHLIGHTS_QUERY, LOCALS_QUERY};
    for query in [HIGHLIGHTS_QUERY, FOLDS_QUERY, LOCALS_QUERY] {
        let query = Query::new(&tree_sitter_fanwise::LANGUAGE.into(), query).expect("a valid query");
        assert!(query.pattern_count() > 0);
    }
}

/// Nested constructs must not cost more than they are long.
#[test]
fn deep_nesting_is_read_at_once() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{ a: ", "}"), ("not ", ""), ("each x in xs: ", "")] {
        let text = format!("const a = {}1{}", open.repeat(200), close.repeat(200));
        assert_eq!(broken(&text), None, "{open}");
        let cut = format!("const a = {}1", open.repeat(200));
        let started = std::time::Instant::now();
        assert_eq!(broken(&cut).is_some(), !close.is_empty(), "{open}");
        assert!(started.elapsed().as_secs() < 5, "{open} took {:?}", started.elapsed());
    }
}
