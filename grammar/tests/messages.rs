//! Files with mistakes and what is said about them: `messages/NAME.route` and `messages/NAME.txt`.

use std::{fs, path::Path};

use grammar::{
    Source, SourceId,
    diagnostic::{Colour, render},
};

fn rendered(name: &str, text: &str) -> String {
    let sources = [Source::new(SourceId(0), name, text)];
    let parsed = grammar::parse(&sources[0]);
    let messages: Vec<String> =
        parsed.diagnostics.iter().map(|one| render(one, &sources, Colour::Off)).collect();
    messages.join("\n")
}

#[test]
fn the_messages_are_those_of_the_golden_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages");
    let mut seen = 0;
    let mut stale = Vec::new();
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.extension().is_none_or(|extension| extension != "route") {
            continue;
        }
        seen += 1;
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name").to_owned();
        let text = fs::read_to_string(&path).expect("it can be read");
        let found = rendered(&name, &text);
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&golden, &found).expect("it can be written");
        }
        if fs::read_to_string(&golden).unwrap_or_default() != found {
            stale.push(format!("{name} says now:\n{found}"));
        }
    }
    assert!(seen >= 4, "only {seen} files");
    assert!(stale.is_empty(), "`UPDATE=1` rewrites the files\n{}", stale.join("\n"));
}
