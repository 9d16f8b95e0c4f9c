//! An editor as far as tests need one: a folder, open files, questions and answers.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lsp_server::{Connection, Message, Notification, Request};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A file with a bit of everything.
pub(crate) const RULES: &str = include_str!("leads.route");

/// An editor with that file open.
pub(crate) fn open() -> Client {
    let mut client = Client::with(&[("lists/vips.csv", "a\n")]);
    client.open("leads.route", RULES);
    client
}

/// An editor with a server at the other end.
pub(crate) struct Client {
    connection: Connection,
    server: Option<JoinHandle<Result<(), lsp::ServeError>>>,
    folder: TempDir,
    versions: BTreeMap<String, i32>,
    texts: BTreeMap<String, String>,
    /// What the server said is wrong, by file.
    pub(crate) messages: BTreeMap<String, Vec<Value>>,
    next: i32,
}

impl Client {
    /// An editor whose folder holds these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        Self::speaking(files, json!({}))
    }

    /// The same, with capabilities.
    pub(crate) fn speaking(files: &[(&str, &str)], capabilities: Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let (server, connection) = Connection::memory();
        let server = thread::spawn(move || lsp::serve(&server));
        let mut client = Self {
            connection,
            server: Some(server),
            folder,
            versions: BTreeMap::new(),
            texts: BTreeMap::new(),
            messages: BTreeMap::new(),
            next: 0,
        };
        let root = client.uri("");
        client.ask(
            "initialize",
            json!({
                "processId": null, "capabilities": capabilities,
                "workspaceFolders": [{ "uri": root.trim_end_matches('/'), "name": "rules" }],
            }),
        );
        client.tell("initialized", json!({}));
        client
    }

    /// The place of a file on disk.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the protocol calls a file.
    pub(crate) fn uri(&self, name: &str) -> String {
        url::Url::from_file_path(self.path(name)).expect("an absolute path").to_string()
    }

    /// The name of a file that the protocol speaks of.
    pub(crate) fn name(&self, uri: &str) -> String {
        uri.strip_prefix(&self.uri(""))
            .map_or_else(|| uri.to_owned(), |name| name.trim_start_matches('/').to_owned())
    }

    pub(crate) fn tell(&self, method: &str, params: Value) {
        let message = Message::Notification(Notification { method: method.to_owned(), params });
        self.connection.sender.send(message).expect("a server");
    }

    /// Asks and waits; an error of the server is its text.
    pub(crate) fn try_ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.next += 1;
        let id = self.next;
        let request = Request { id: id.into(), method: method.to_owned(), params };
        self.connection.sender.send(request.into()).expect("a server");
        loop {
            match self.receive() {
                Message::Response(response) if response.id == id.into() => {
                    return response.response_result.map_err(|error| error.message);
                }
                other => self.note(other),
            }
        }
    }

    /// Asks and waits.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.try_ask(method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn receive(&self) -> Message {
        self.connection.receiver.recv_timeout(Duration::from_secs(20)).expect("an answer in time")
    }

    fn note(&mut self, message: Message) {
        if let Message::Notification(Notification { method, params }) = message
            && method == "textDocument/publishDiagnostics"
        {
            let name = self.name(params["uri"].as_str().expect("a URI"));
            let list = params["diagnostics"].as_array().expect("a list").clone();
            self.messages.insert(name, list);
        }
    }

    /// Opens a file with a text; the file need not be on disk.
    pub(crate) fn open(&mut self, name: &str, text: &str) {
        self.versions.insert(name.to_owned(), 1);
        self.texts.insert(name.to_owned(), text.to_owned());
        let uri = self.uri(name);
        let document = json!({ "uri": uri, "languageId": "fanwise", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Replaces the one place where `old` stands.
    pub(crate) fn edit(&mut self, name: &str, old: &str, new: &str) {
        let text = self.texts[name].clone();
        let start = text.find(old).unwrap_or_else(|| panic!("no {old:?} in {name}"));
        let range = json!({ "start": place(&text, start), "end": place(&text, start + old.len()) });
        self.change(name, json!([{ "range": range, "text": new }]));
        self.texts.insert(name.to_owned(), text.replacen(old, new, 1));
    }

    /// Sends changes as they are.
    pub(crate) fn change(&mut self, name: &str, changes: Value) {
        let uri = self.uri(name);
        let version = self.versions.get_mut(name).expect("an open file");
        *version += 1;
        let document = json!({ "uri": uri, "version": *version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// The text as the editor has it.
    pub(crate) fn text(&self, name: &str) -> &str {
        &self.texts[name]
    }

    /// Asks about the place where the text after `before` begins; `at` is `before⎮after`.
    pub(crate) fn ask_at(
        &mut self,
        method: &str,
        name: &str,
        at: &str,
        more: Value,
    ) -> Result<Value, String> {
        let mut params =
            json!({ "textDocument": { "uri": self.uri(name) }, "position": self.place_of(name, at) });
        if let (Some(params), Some(more)) = (params.as_object_mut(), more.as_object()) {
            params.extend(more.clone());
        }
        self.try_ask(method, params)
    }

    /// The place of `⎮` in a piece of a file's text.
    pub(crate) fn place_of(&self, name: &str, at: &str) -> Value {
        let (before, after) = at.split_once('⎮').expect("a place");
        let text = &self.texts[name];
        let whole = format!("{before}{after}");
        let start = text.find(&whole).unwrap_or_else(|| panic!("no {whole:?} in {text}"));
        place(text, start + before.len())
    }

    /// Waits until the server has nothing to do, and answers what is wrong in a file.
    pub(crate) fn wrong(&mut self, name: &str) -> Vec<String> {
        // An action's answer comes after the check of what changed before it.
        let range = json!({ "start": place("", 0), "end": place("", 0) });
        let document = json!({ "uri": self.uri(name) });
        self.ask(
            "textDocument/codeAction",
            json!({ "textDocument": document, "range": range, "context": { "diagnostics": [] } }),
        );
        let line = |one: &Value| {
            let at = &one["range"]["start"];
            let title =
                one["message"].as_str().unwrap_or_default().lines().next().unwrap_or_default().to_owned();
            format!("{}:{} {} {title}", at["line"], at["character"], one["code"].as_str().unwrap_or("?"))
        };
        self.messages.get(name).into_iter().flatten().map(line).collect()
    }

    /// Waits for the next messages about a file.
    pub(crate) fn wait_for_messages(&mut self, name: &str) {
        self.messages.remove(name);
        while !self.messages.contains_key(name) {
            let message = self.receive();
            self.note(message);
        }
    }

    /// The labels of the proposals at `⎮`.
    pub(crate) fn proposals(&mut self, name: &str, at: &str) -> Vec<String> {
        let found = self.ask_at("textDocument/completion", name, at, json!({})).expect("an answer");
        let items = found.as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["label"].as_str().expect("a label").to_owned()).collect()
    }

    /// The text that hovering at `⎮` shows.
    pub(crate) fn hover(&mut self, name: &str, at: &str) -> String {
        let found = self.ask_at("textDocument/hover", name, at, json!({})).expect("an answer");
        found["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// Where *go to definition* leads from `⎮`: the file and the text from there to the end of the line.
    pub(crate) fn definition(&mut self, name: &str, at: &str) -> String {
        let found = self.ask_at("textDocument/definition", name, at, json!({})).expect("an answer");
        if found.is_null() {
            return String::new();
        }
        let file = self.name(found["uri"].as_str().expect("a URI"));
        let text = self
            .texts
            .get(&file)
            .cloned()
            .unwrap_or_else(|| std::fs::read_to_string(self.path(&file)).unwrap());
        let start = byte(&text, &found["range"]["start"]);
        let end = byte(&text, &found["range"]["end"]);
        format!("{file}: {}", &text[start..end])
    }

    /// A file's text after an edit of the whole workspace.
    pub(crate) fn applied(&self, edit: &Value, name: &str) -> String {
        let mut text = self
            .texts
            .get(name)
            .cloned()
            .unwrap_or_else(|| std::fs::read_to_string(self.path(name)).unwrap());
        let uri = self.uri(name);
        let mut edits = edit["changes"][&uri].as_array().cloned().unwrap_or_default();
        edits.sort_by_key(|edit| byte(&text, &edit["range"]["start"]));
        for edit in edits.iter().rev() {
            let bytes = byte(&text, &edit["range"]["start"])..byte(&text, &edit["range"]["end"]);
            text.replace_range(bytes, edit["newText"].as_str().expect("a text"));
        }
        text
    }

    /// Says goodbye, and waits for the server to end well.
    pub(crate) fn end(mut self) {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        self.server.take().expect("a server").join().expect("no panic").expect("a good end");
    }
}

/// A byte as the protocol writes it, in units of UTF-16.
pub(crate) fn place(text: &str, byte: usize) -> Value {
    let before = &text[..byte];
    let line = before.matches('\n').count();
    let column: usize = before.rsplit('\n').next().unwrap_or_default().chars().map(char::len_utf16).sum();
    json!({ "line": line, "character": column })
}

/// A place of the protocol as a byte.
pub(crate) fn byte(text: &str, place: &Value) -> usize {
    let line = usize::try_from(place["line"].as_u64().expect("a line")).expect("small");
    let mut left = usize::try_from(place["character"].as_u64().expect("a column")).expect("small");
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    for (at, one) in text[start..].char_indices() {
        if left == 0 {
            return start + at;
        }
        left -= one.len_utf16();
    }
    text.len()
}
