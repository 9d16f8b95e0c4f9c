//! A bundle that the editor has open: its files, what they declare, and what is wrong with them.
//!
//! A small bundle is checked whole after every change. In a large one only the rule that was changed
//! is checked at once, against the declarations of all files; the messages of everything else move
//! along with the text until a check of the whole bundle, on another thread, has caught up.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use compiler::catalogue::Catalogue;
use compiler::world::World;
use lsp_types::Uri;
use url::Url;

use crate::analysis::Analysis;
use crate::bundle::Bundle;
use crate::check::{self, Change, Messages, Snapshot};
use crate::file::File;
use crate::items::ItemSpan;
use crate::outline::Outline;
use crate::position::{Encoding, Text};
use crate::tokens::Kind;

/// Rule files with more bytes than this together are not checked whole between two keystrokes.
const AT_ONCE_BYTES_MAX: usize = 32 << 10;

/// An open bundle.
#[derive(Debug, Default)]
pub(crate) struct Project {
    pub(crate) bundle: Bundle,
    outline: OnceCell<Outline>,
    /// What the editor calls its open files.
    uris: BTreeMap<Box<str>, Uri>,
    /// What is wrong, as far as it is known.
    pub(crate) messages: Messages,
    /// What the editor shows.
    shown: BTreeMap<Box<str>, Vec<lsp_types::Diagnostic>>,
    changed: Changed,
    /// Counts changes.
    revision: u64,
    /// Whether the messages of the whole bundle are of an older revision.
    behind: bool,
    /// Whether another thread is checking the whole bundle.
    is_checking: bool,
    /// Whether the checker panicked.
    is_broken: bool,
}

/// What changed since the last check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Changed {
    /// Nothing.
    #[default]
    Nothing,
    /// Bytes of one file, inside of declarations to which nothing else refers.
    Part(Box<str>, Range<usize>),
    /// More than that.
    Everything,
}

/// What the editor should show for a file from now on.
pub(crate) struct Shown {
    pub(crate) uri: Uri,
    pub(crate) version: Option<i32>,
    pub(crate) diagnostics: Vec<lsp_types::Diagnostic>,
}

/// The whole bundle, to be checked on another thread.
pub(crate) struct Task {
    pub(crate) revision: u64,
    pub(crate) snapshot: Snapshot,
}

impl Project {
    /// A bundle that was just read.
    pub(crate) fn new(bundle: Bundle) -> Self {
        Self { bundle, changed: Changed::Everything, ..Self::default() }
    }

    /// Takes the text of a file that is open in the editor.
    pub(crate) fn open(&mut self, uri: Uri, path: &Path, text: Text, version: i32) {
        let name = self.bundle.name_of(path);
        self.uris.insert(name.clone(), uri);
        let before = self.bundle.files.remove(&name);
        self.bundle.put(path, text, Some(version));
        self.outline = OnceCell::new();
        self.revision += 1;
        match (before, self.bundle.files.get(&name)) {
            (Some(before), Some(now)) => {
                let change = Change::between(before.str(), now.str());
                check::shift(&mut self.messages, now.id, &change);
                let part = part(&before, now, &change);
                self.changed = std::mem::take(&mut self.changed).and(&name, part, &change);
            }
            _ => self.changed = Changed::Everything,
        }
    }

    /// The file is no longer open; what is on disk counts again.
    pub(crate) fn close(&mut self, path: &Path, encoding: Encoding) {
        let name = self.bundle.name_of(path);
        self.uris.remove(&name);
        if let Some(file) = self.bundle.files.get_mut(&name) {
            file.version = None;
        }
        self.reload(path, encoding);
    }

    /// Something happened to a file on disk.
    pub(crate) fn reload(&mut self, path: &Path, encoding: Encoding) {
        self.bundle.reload(path, encoding);
        self.outline = OnceCell::new();
        self.revision += 1;
        self.changed = Changed::Everything;
    }

    /// Whether any file of it is open.
    pub(crate) fn is_open(&self) -> bool {
        !self.uris.is_empty()
    }

    /// Whether something changed since the last check.
    pub(crate) fn is_stale(&self) -> bool {
        self.changed != Changed::Nothing
    }

    /// A file by its place on disk.
    pub(crate) fn file(&self, path: &Path) -> Option<&File> {
        self.bundle.files.get(&self.bundle.name_of(path))
    }

    /// Everything a question needs.
    pub(crate) fn analysis<'a>(&'a self, catalogue: &'a Catalogue) -> Analysis<'a> {
        let outline = self.outline.get_or_init(|| Outline::of(&self.bundle));
        Analysis { bundle: &self.bundle, outline, catalogue }
    }

    /// What the editor calls a file.
    pub(crate) fn uri(&self, name: &str) -> Option<Uri> {
        let known = self.uris.get(name).cloned();
        known.or_else(|| uri_of(&self.bundle.files.get(name)?.path))
    }

    /// Checks what changed, and says for which files the editor must show something else.
    pub(crate) fn check(&mut self, world: &World) -> Vec<Shown> {
        let bytes: usize = self.bundle.rule_files().map(|file| file.str().len()).sum();
        match std::mem::take(&mut self.changed) {
            Changed::Nothing => {}
            _ if bytes <= AT_ONCE_BYTES_MAX => {
                self.take(Snapshot::of(&self.bundle).check(world));
                self.behind = false;
            }
            Changed::Part(name, bytes) => {
                self.check_part(&name, &bytes, world);
                self.behind = true;
            }
            Changed::Everything => self.behind = true,
        }
        self.publish()
    }

    /// Checks the declarations that some bytes touch.
    fn check_part(&mut self, name: &str, bytes: &Range<usize>, world: &World) {
        let Some(file) = self.bundle.files.get(name) else { return };
        let touches = |item: &ItemSpan| item.bytes.start <= bytes.end && bytes.start <= item.bytes.end;
        let touched: Vec<&ItemSpan> = file.items.iter().filter(|item| touches(item)).collect();
        // A test speaks of rules by name.
        let words = touched.iter().filter(|item| item.word == "test").flat_map(|item| item.tokens.clone());
        let named: Vec<&str> = words.filter(|at| is_after_rule(file, *at)).map(|at| file.token(at)).collect();
        let snapshot = Snapshot::with(&self.bundle, |one| {
            one.text_with(|item| {
                let is_named = item
                    .name
                    .clone()
                    .and_then(|name| one.str().get(name))
                    .is_some_and(|n| named.contains(&n));
                !item.is_leaf() || is_named || one.name == file.name && touches(item)
            })
        });
        let found = snapshot.check(world);
        self.is_broken |= found.is_none();
        let mut found = found.and_then(|mut found| found.remove(name)).unwrap_or_default();
        let inside = |one: &grammar::Diagnostic| {
            let place = one.span().range();
            touched.iter().any(|item| item.bytes.start <= place.start && place.start <= item.bytes.end)
        };
        found.retain(inside);
        let messages = self.messages.entry(name.into()).or_default();
        messages.retain(|one| !inside(one));
        messages.extend(found);
        messages.sort_by_key(grammar::Diagnostic::span);
    }

    /// The whole bundle, when its messages are behind and nobody is checking it.
    pub(crate) fn task(&mut self) -> Option<Task> {
        if !self.behind || self.is_checking {
            return None;
        }
        self.is_checking = true;
        Some(Task { revision: self.revision, snapshot: Snapshot::of(&self.bundle) })
    }

    /// Takes what the other thread found; if the text went on meanwhile, it is out of date.
    pub(crate) fn finish(&mut self, revision: u64, messages: Option<Messages>) -> Vec<Shown> {
        self.is_checking = false;
        if revision != self.revision {
            return Vec::new();
        }
        self.behind = false;
        self.take(messages);
        self.publish()
    }

    /// Takes the messages of the whole bundle; a checker that is broken leaves the old ones.
    fn take(&mut self, messages: Option<Messages>) {
        self.is_broken |= messages.is_none();
        self.messages = messages.unwrap_or_else(|| std::mem::take(&mut self.messages));
    }

    /// Whether the checker broke since the last time somebody asked.
    pub(crate) fn take_broken(&mut self) -> bool {
        std::mem::take(&mut self.is_broken)
    }

    fn publish(&mut self) -> Vec<Shown> {
        let mut now: BTreeMap<Box<str>, Vec<lsp_types::Diagnostic>> = BTreeMap::new();
        for (name, messages) in &self.messages {
            let shown =
                messages.iter().filter_map(|one| check::shown(&self.bundle, one, |name| self.uri(name)));
            now.insert(name.clone(), shown.collect());
        }
        for name in self.shown.keys().chain(self.uris.keys()) {
            now.entry(name.clone()).or_default();
        }
        let mut changes = Vec::new();
        for (name, diagnostics) in &now {
            if self.shown.get(name) == Some(diagnostics) {
                continue;
            }
            let gone = || uri_of(&self.bundle.root.as_ref()?.join(&**name));
            let Some(uri) = self.uri(name).or_else(gone) else { continue };
            let version = self.bundle.files.get(name).and_then(|file| file.version);
            changes.push(Shown { uri, version, diagnostics: diagnostics.clone() });
        }
        now.retain(|name, diagnostics| !diagnostics.is_empty() || self.uris.contains_key(name));
        self.shown = now;
        changes
    }
}

impl Changed {
    /// Both changes, the later one given by its part of a file; `None` is everything.
    fn and(self, name: &str, part: Option<Range<usize>>, change: &Change) -> Self {
        match (self, part) {
            (Self::Nothing, Some(part)) => Self::Part(name.into(), part),
            (Self::Part(file, before), Some(part)) if *file == *name => {
                let before = change.moved_range(&before);
                Self::Part(file, before.start.min(part.start)..before.end.max(part.end))
            }
            _ => Self::Everything,
        }
    }
}

/// The bytes that a change touched, when it lies inside of rules, groups or tests and leaves the
/// declarations of the file what they are.
fn part(before: &File, now: &File, change: &Change) -> Option<Range<usize>> {
    let same = before.items.len() == now.items.len()
        && before
            .items
            .iter()
            .zip(&now.items)
            .all(|(one, other)| one.word == other.word && name_in(before, one) == name_in(now, other));
    let inside = |items: &[ItemSpan], bytes: &Range<usize>| {
        items
            .iter()
            .any(|item| item.is_leaf() && item.bytes.start < bytes.start && bytes.end <= item.bytes.end)
    };
    (same && inside(&before.items, &change.old) && inside(&now.items, &change.new))
        .then(|| change.new.clone())
}

fn name_in<'f>(file: &'f File, item: &ItemSpan) -> Option<&'f str> {
    file.str().get(item.name.clone()?)
}

/// Whether a token is a name after the word `rule`.
fn is_after_rule(file: &File, at: usize) -> bool {
    let is_word = file.tokens.get(at).is_some_and(|token| token.kind == Kind::Word);
    is_word && at.checked_sub(1).is_some_and(|before| file.token(before) == "rule")
}

/// A path as the protocol writes it.
fn uri_of(path: &Path) -> Option<Uri> {
    Url::from_file_path(path).ok()?.as_str().parse().ok()
}
