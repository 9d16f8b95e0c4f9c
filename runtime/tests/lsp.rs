//! An editor talks to the real program over pipes, from hello to goodbye.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails panics"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

const GOOD: &str = r##"edition 2026

connection chat: slack

schema Lead {
  ## Where to reach them.
  email:   email
  country: text?
}

event lead.*: Lead

const emea = ["AT", "DE"]

rule tell {
  on lead.created as lead
  when lead.country in emea
  deliver chat.send_message { channel: "#🚨", text: "{lead.email} is new" }
}
"##;

/// The program and the messages it sent that are no answers.
struct Editor {
    program: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    told: Vec<Value>,
    next: u64,
}

impl Editor {
    fn start(folder: &std::path::Path) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_fanwise"))
            .args(["lsp", "--stdio"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let input = program.stdin.take().expect("a pipe");
        let output = BufReader::new(program.stdout.take().expect("a pipe"));
        Self { program, input, output, told: Vec::new(), next: 0 }
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("written");
        self.input.flush().expect("written");
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.receive();
            if message["id"] == json!(id) && message.get("method").is_none() {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.told.push(message);
        }
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).expect("a line") > 0, "the program went away");
            match line.trim_end().split_once(": ") {
                Some((_, value)) => length = value.parse().expect("a number"),
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Waits for the next messages about rules, and answers their codes.
    fn codes(&mut self) -> Vec<String> {
        loop {
            let message = match self.told.is_empty() {
                true => self.receive(),
                false => self.told.remove(0),
            };
            if message["method"] == "textDocument/publishDiagnostics" {
                let all = message["params"]["diagnostics"].as_array().expect("a list").clone();
                return all.iter().map(|one| one["code"].as_str().expect("a code").to_owned()).collect();
            }
        }
    }
}

#[test]
fn an_editor_is_served_over_pipes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("leads.route");
    std::fs::write(&path, GOOD).expect("written");
    let uri = url::Url::from_file_path(&path).expect("a path").to_string();
    let root = url::Url::from_directory_path(folder.path()).expect("a path").to_string();
    let document = json!({ "uri": uri });
    let at = |line: u32, character: u32| json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } });
    let mut editor = Editor::start(folder.path());

    let hello = json!({
        "processId": 1, "rootUri": null, "capabilities": { "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } },
        "workspaceFolders": [{ "uri": root, "name": "rules" }],
    });
    let able = editor.ask("initialize", hello);
    assert_eq!(able["capabilities"]["positionEncoding"], "utf-16");
    assert_eq!(able["serverInfo"]["name"], "fanwise");
    editor.tell("initialized", json!({}));

    // A field that is not there, and an operator from elsewhere.
    let bad = GOOD.replace("{lead.email}", "{lead.emial}").replace("country in emea", "country == emea");
    let opened = json!({ "uri": uri, "languageId": "fanwise", "version": 1, "text": bad });
    editor.tell("textDocument/didOpen", json!({ "textDocument": opened }));
    let codes = editor.codes();
    assert!(codes.contains(&"E0102".to_owned()) && codes.contains(&"E0203".to_owned()), "{codes:?}");

    let everything = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let asked = json!({ "textDocument": document, "range": everything, "context": { "diagnostics": [] } });
    let actions = editor.ask("textDocument/codeAction", asked);
    let texts: Vec<&str> = actions
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|action| action["edit"]["changes"][&uri][0]["newText"].as_str())
        .collect();
    assert!(texts.contains(&"email"), "{actions}");

    let found = editor.ask("textDocument/completion", at(16, 12));
    let labels: Vec<&str> =
        found.as_array().expect("a list").iter().filter_map(|one| one["label"].as_str()).collect();
    assert_eq!(labels, ["email", "country"]);
    let hover = editor.ask("textDocument/hover", at(16, 14));
    assert!(
        hover["contents"]["value"].as_str().is_some_and(|text| text.contains("lead.country: text?")),
        "{hover}"
    );
    let definition = editor.ask("textDocument/definition", at(16, 25));
    assert_eq!(definition["range"]["start"], json!({ "line": 12, "character": 6 }));
    let mut rename = at(16, 25);
    rename["newName"] = json!("nearby");
    let edits = editor.ask("textDocument/rename", rename);
    assert_eq!(edits["changes"][&uri].as_array().map(Vec::len), Some(2), "{edits}");
    let symbols = editor.ask("textDocument/documentSymbol", json!({ "textDocument": document }));
    let names: Vec<&str> =
        symbols.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["chat", "Lead", "lead.*", "emea", "tell"]);

    // Columns are counted in units of UTF-16: the emoji before the typo is two.
    let typo = json!({ "start": { "line": 17, "character": 59 }, "end": { "line": 17, "character": 64 } });
    let operator =
        json!({ "start": { "line": 16, "character": 20 }, "end": { "line": 16, "character": 22 } });
    let changes = json!([{ "range": typo, "text": "email" }, { "range": operator, "text": "in" }]);
    editor.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": changes }),
    );
    assert_eq!(editor.codes(), Vec::<String>::new());

    editor.ask("shutdown", Value::Null);
    editor.tell("exit", Value::Null);
    assert_eq!(editor.program.wait().expect("an end").code(), Some(0));
}
