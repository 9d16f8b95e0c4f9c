//! A bundle as the editor sees it: the rule files of a folder with their schemas and lists.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use grammar::{SourceId, Span};

use crate::file::{File, is_rule_file};
use crate::position::{Encoding, Text};

/// Folders deeper than this below a bundle's root are not looked into.
const DEPTH_MAX: usize = 8;

/// More files than this are not read: the folder is no bundle, and the editor must not hang.
const FILES_MAX: usize = 2_000;

/// Larger files are not read; no file of a bundle may be as large.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A folder's files by their names in the bundle.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    /// The folder; `None` for a text that was never saved.
    pub(crate) root: Option<PathBuf>,
    /// By name.
    pub(crate) files: BTreeMap<Box<str>, File>,
    /// The number of each file that was ever seen; it stays when the file changes.
    ids: BTreeMap<Box<str>, SourceId>,
}

impl Bundle {
    /// Reads a folder.
    pub(crate) fn read(root: &Path, encoding: Encoding) -> Self {
        let mut bundle = Self { root: Some(root.to_owned()), ..Self::default() };
        let mut found = Vec::new();
        walk(root, DEPTH_MAX, &mut found);
        for path in found {
            if let Some(text) = read_text(&path) {
                bundle.put(&path, Text::new(text, encoding), None);
            }
        }
        bundle
    }

    /// Takes a file's text, with its version when it is open in the editor.
    pub(crate) fn put(&mut self, path: &Path, text: Text, version: Option<i32>) {
        let name = self.name_of(path);
        let next = SourceId(u16::try_from(self.ids.len()).unwrap_or(u16::MAX));
        let id = *self.ids.entry(name.clone()).or_insert(next);
        self.files.insert(name.clone(), File::new(id, path.to_owned(), name, text, version));
    }

    /// The file that a span points into.
    pub(crate) fn file_of(&self, span: Span) -> Option<&File> {
        self.files.values().find(|file| file.id == span.source)
    }

    /// The file's name in the bundle.
    pub(crate) fn name_of(&self, path: &Path) -> Box<str> {
        let inside = self.root.as_deref().and_then(|root| path.strip_prefix(root).ok()).unwrap_or(path);
        let parts = inside.components().map(|part| part.as_os_str().to_string_lossy());
        parts.collect::<Vec<_>>().join("/").into()
    }

    /// Takes the text on disk for a file that is not open, or forgets it when it is gone.
    pub(crate) fn reload(&mut self, path: &Path, encoding: Encoding) {
        let name = self.name_of(path);
        if self.files.get(&name).is_some_and(|file| file.version.is_some()) {
            return;
        }
        match read_text(path).filter(|_| belongs(path)) {
            Some(text) => self.put(path, Text::new(text, encoding), None),
            None => drop(self.files.remove(&name)),
        }
    }

    /// The types of events that rules and tests speak of.
    pub(crate) fn event_types(&self) -> impl Iterator<Item = &str> {
        self.rule_files().flat_map(File::event_types)
    }

    /// Rule files by name.
    pub(crate) fn rule_files(&self) -> impl Iterator<Item = &File> {
        self.files.values().filter(|file| file.is_rules())
    }
}

/// The folder whose files make a bundle with a file: the outermost one, up to the editor's folder,
/// that holds rule files itself.
pub(crate) fn root_of(path: &Path, folders: &[PathBuf]) -> PathBuf {
    let own = path.parent().unwrap_or(Path::new("")).to_owned();
    let Some(top) =
        folders.iter().filter(|folder| own.starts_with(folder)).max_by_key(|f| f.as_os_str().len())
    else {
        return own;
    };
    let inside = own.ancestors().take_while(|folder| folder.starts_with(top));
    inside.filter(|folder| has_rules(folder)).last().map_or(own.clone(), Path::to_owned)
}

fn has_rules(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| is_rule_file(&entry.file_name().to_string_lossy()))
}

/// Whether a file of that name can be part of a bundle.
pub(crate) fn belongs(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ["route", "json", "csv"].contains(&ending))
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let skipped = name.starts_with('.') || name == "node_modules" || name == "target";
        if path.is_dir() && !skipped && depth > 0 {
            walk(&path, depth - 1, found);
        } else if path.is_file() && belongs(&path) && found.len() < FILES_MAX {
            found.push(path);
        }
    }
}

fn read_text(path: &Path) -> Option<String> {
    let size = fs::metadata(path).ok()?.len();
    (size <= FILE_BYTES_MAX).then(|| fs::read_to_string(path).ok())?
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Bundle, root_of};
    use crate::position::Encoding;

    #[test]
    fn a_bundle_is_the_outermost_folder_with_rules() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |path: &str| place.path().join(path);
        for file in [
            "rules/a.route",
            "rules/emea/b.route",
            "rules/schemas/o.json",
            "rules/.git/c.route",
            "rules/x.rs",
        ] {
            fs::create_dir_all(at(file).parent().expect("a folder")).expect("made");
            fs::write(at(file), "").expect("written");
        }
        let folders = [place.path().to_owned()];
        assert_eq!(root_of(&at("rules/emea/b.route"), &folders), at("rules"));
        assert_eq!(root_of(&at("rules/emea/b.route"), &[]), at("rules/emea"), "no folder is open");
        let bundle = Bundle::read(&at("rules"), Encoding::Utf16);
        let names: Vec<&str> = bundle.files.keys().map(AsRef::as_ref).collect();
        assert_eq!(names, ["a.route", "emea/b.route", "schemas/o.json"]);
    }
}
