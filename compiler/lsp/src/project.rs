//! A bundle that the editor has open: its files, what they declare, and what is wrong with them.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;

use compiler::catalogue::Catalogue;
use compiler::world::World;
use lsp_types::Uri;
use url::Url;

use crate::analysis::Analysis;
use crate::bundle::Bundle;
use crate::check::{self, Messages};
use crate::file::File;
use crate::outline::Outline;
use crate::position::Text;

/// An open bundle.
#[derive(Debug, Default)]
pub(crate) struct Project {
    pub(crate) bundle: Bundle,
    outline: OnceCell<Outline>,
    /// What the editor calls its open files.
    uris: BTreeMap<Box<str>, Uri>,
    /// What is wrong, as of the last check.
    pub(crate) found: Messages,
    /// What the editor shows.
    shown: BTreeMap<Box<str>, Vec<lsp_types::Diagnostic>>,
    /// Whether something changed since the last check.
    pub(crate) stale: bool,
}

/// What the editor should show for a file from now on.
pub(crate) struct Shown {
    pub(crate) uri: Uri,
    pub(crate) version: Option<i32>,
    pub(crate) diagnostics: Vec<lsp_types::Diagnostic>,
}

impl Project {
    /// A bundle that was just read.
    pub(crate) fn new(bundle: Bundle) -> Self {
        Self { bundle, stale: true, ..Self::default() }
    }

    /// Takes the text of a file that is open in the editor.
    pub(crate) fn open(&mut self, uri: Uri, path: &Path, text: Text, version: i32) {
        self.uris.insert(self.bundle.name_of(path), uri);
        self.bundle.put(path, text, Some(version));
        self.changed();
    }

    /// The file is no longer open; what is on disk counts again.
    pub(crate) fn close(&mut self, path: &Path, encoding: crate::position::Encoding) {
        let name = self.bundle.name_of(path);
        self.uris.remove(&name);
        if let Some(file) = self.bundle.files.get_mut(&name) {
            file.version = None;
        }
        self.bundle.reload(path, encoding);
        self.changed();
    }

    /// Takes note of a change.
    pub(crate) fn changed(&mut self) {
        self.outline = OnceCell::new();
        self.stale = true;
    }

    /// Whether any file of it is open.
    pub(crate) fn is_open(&self) -> bool {
        !self.uris.is_empty()
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

    /// Checks the bundle and says for which files the editor must show something else.
    pub(crate) fn check(&mut self, world: &World) -> Vec<Shown> {
        self.stale = false;
        let (sources, diagnostics) = check::run(&self.bundle, world);
        self.found = check::shown(&self.bundle, &sources, diagnostics, |name| self.uri(name));
        self.publish()
    }

    fn publish(&mut self) -> Vec<Shown> {
        let mut now: BTreeMap<Box<str>, Vec<lsp_types::Diagnostic>> = BTreeMap::new();
        for (name, found) in &self.found {
            now.insert(name.clone(), found.iter().map(|one| one.shown.clone()).collect());
        }
        for name in self.shown.keys().chain(self.uris.keys()) {
            now.entry(name.clone()).or_default();
        }
        let mut changes = Vec::new();
        for (name, diagnostics) in &now {
            if self.shown.get(name) == Some(diagnostics) {
                continue;
            }
            let Some(uri) = self.uri(name).or_else(|| uri_of(&self.bundle.root.as_ref()?.join(&**name)))
            else {
                continue;
            };
            let version = self.bundle.files.get(name).and_then(|file| file.version);
            changes.push(Shown { uri, version, diagnostics: diagnostics.clone() });
        }
        now.retain(|name, diagnostics| !diagnostics.is_empty() || self.uris.contains_key(name));
        self.shown = now;
        changes
    }
}

/// A path as the protocol writes it.
fn uri_of(path: &Path) -> Option<Uri> {
    Url::from_file_path(path).ok()?.as_str().parse().ok()
}
