//! Reads a bundle from files and folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use compiler::world::{Bundle, BundleFile, Limits};

/// What a bundle may hold beside rules: schemas, fixtures of tests, lists.
const OTHER_ENDINGS: &[&str] = &["json", "csv", "txt"];

/// Folders below each other. Deeper is no bundle but somebody's disk.
const FOLDER_DEPTH_MAX: usize = 16;

/// Why a bundle cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BundleError {
    /// A file or folder cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not text.
    #[error("`{0}` is not UTF-8 text")]
    NotText(String),
    /// There is nothing to check.
    #[error("no `.route` file in {0}")]
    Empty(String),
    /// Two files have the same path inside the bundle.
    #[error("`{0}` is there twice")]
    Twice(String),
    /// More files than a bundle may have.
    #[error("more than {0} files: is this the folder of the rules?")]
    TooMany(usize),
    /// More bytes than a bundle may have.
    #[error("more than {0} bytes: is this the folder of the rules?")]
    TooLarge(usize),
}

/// Reads every rule file at these paths. Of a folder also schemas, fixtures and lists are read; of
/// a single file those that it names.
///
/// # Errors
/// [`BundleError`].
pub(super) fn read(paths: &[PathBuf]) -> Result<Bundle, BundleError> {
    read_with_places(paths).map(|read| read.bundle)
}

/// A bundle, and where its files are on disk.
#[derive(Debug)]
pub(super) struct Read {
    /// The bundle.
    pub(super) bundle: Bundle,
    /// By path in the bundle.
    pub(super) places: BTreeMap<Box<str>, PathBuf>,
}

/// The same, and where its files are.
///
/// # Errors
/// [`BundleError`].
pub(super) fn read_with_places(paths: &[PathBuf]) -> Result<Read, BundleError> {
    let mut reader =
        Reader { files: Vec::new(), places: BTreeMap::new(), bytes: 0, limits: Limits::default() };
    for path in paths {
        let about = fs::metadata(path).map_err(|source| unreadable(path, source))?;
        if about.is_dir() { reader.folder(path, path, 0)? } else { reader.single(path)? }
    }
    let mut files = reader.files;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some(pair) = files.windows(2).find(|pair| matches!(pair, [a, b] if a.path == b.path)) {
        return Err(BundleError::Twice(pair.first().map(|file| file.path.to_string()).unwrap_or_default()));
    }
    if !files.iter().any(|file| file.path.ends_with(".route")) {
        let places: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(BundleError::Empty(places.join(", ")));
    }
    Ok(Read { bundle: Bundle { files }, places: reader.places })
}

/// The rule files at these paths, as they are on disk.
///
/// # Errors
/// [`BundleError`].
pub(super) fn rule_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, BundleError> {
    let mut found = Vec::new();
    for path in paths {
        let about = fs::metadata(path).map_err(|source| unreadable(path, source))?;
        if about.is_dir() { rule_files_in(path, 0, &mut found)? } else { found.push(path.clone()) }
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        let places: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(BundleError::Empty(places.join(", ")));
    }
    Ok(found)
}

fn rule_files_in(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), BundleError> {
    let entries = fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
    for entry in entries {
        let path = entry.map_err(|source| unreadable(folder, source))?.path();
        if is_left_out(&path) {
            continue;
        }
        if path.is_dir() && depth < FOLDER_DEPTH_MAX {
            rule_files_in(&path, depth + 1, found)?;
        } else if path.is_file() && path.extension().is_some_and(|ending| ending == "route") {
            found.push(path);
        }
    }
    Ok(())
}

/// Folders that hold what programs made, and hidden ones.
fn is_left_out(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name == "target" || name == "node_modules"
}

struct Reader {
    files: Vec<BundleFile>,
    places: BTreeMap<Box<str>, PathBuf>,
    bytes: usize,
    limits: Limits,
}

impl Reader {
    fn folder(&mut self, root: &Path, folder: &Path, depth: usize) -> Result<(), BundleError> {
        let entries = fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
        for entry in entries {
            let path = entry.map_err(|source| unreadable(folder, source))?.path();
            if is_left_out(&path) {
                continue;
            }
            let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && depth < FOLDER_DEPTH_MAX {
                self.folder(root, &path, depth + 1)?;
            } else if path.is_file() && (ending == "route" || OTHER_ENDINGS.contains(&ending.as_str())) {
                let inside = inside(path.strip_prefix(root).unwrap_or(&path));
                self.file(&path, inside)?;
            }
        }
        Ok(())
    }

    /// One rule file, and the files it names after `from`.
    fn single(&mut self, path: &Path) -> Result<(), BundleError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.file(path, name)?;
        let text = self.files.last().map(|file| file.text.clone()).unwrap_or_default();
        let folder = path.parent().unwrap_or(Path::new(""));
        let quoted = text.split("from \"").skip(1).filter_map(|rest| rest.split('"').next());
        for named in quoted {
            let below = Path::new(named).components().all(|part| matches!(part, Component::Normal(_)));
            let known = self.files.iter().any(|file| *file.path == *named);
            if below && !known && folder.join(named).is_file() {
                self.file(&folder.join(named), named.to_owned())?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, inside: String) -> Result<(), BundleError> {
        if self.files.len() >= self.limits.bundle_files_max {
            return Err(BundleError::TooMany(self.limits.bundle_files_max));
        }
        let bytes = fs::read(path).map_err(|source| unreadable(path, source))?;
        self.bytes += bytes.len();
        if self.bytes > self.limits.bundle_bytes_max {
            return Err(BundleError::TooLarge(self.limits.bundle_bytes_max));
        }
        let text = String::from_utf8(bytes).map_err(|_| BundleError::NotText(path.display().to_string()))?;
        self.places.insert(inside.clone().into(), path.to_owned());
        self.files.push(BundleFile { path: inside.into(), text: text.into() });
        Ok(())
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> BundleError {
    BundleError::Unreadable { path: path.display().to_string(), source }
}

/// A path inside a bundle, with `/`.
fn inside(path: &Path) -> String {
    let parts: Vec<_> =
        path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn names(bundle: &Bundle) -> Vec<&str> {
        bundle.files.iter().map(|file| &*file.path).collect()
    }

    #[test]
    fn a_folder_gives_its_rules_schemas_and_lists() {
        let files = [
            ("b.route", ""),
            ("deep/a.route", ""),
            ("schemas/x.json", "{}"),
            ("notes.md", ""),
            (".git/c.route", ""),
        ];
        let folder = folder(&files);
        assert_eq!(
            names(&read(&[folder.path().into()]).unwrap()),
            ["b.route", "deep/a.route", "schemas/x.json"]
        );
    }

    #[test]
    fn a_file_brings_what_it_names_and_nothing_from_above() {
        let text = "import schema X from \"s/x.json\"\nimport schema Y from \"../y.json\"\n";
        let folder =
            folder(&[("in/a.route", text), ("in/b.route", ""), ("in/s/x.json", "{}"), ("y.json", "{}")]);
        assert_eq!(names(&read(&[folder.path().join("in/a.route")]).unwrap()), ["a.route", "s/x.json"]);
    }

    #[test]
    fn nothing_to_read_is_said() {
        let folder = folder(&[("a.txt", "")]);
        assert!(matches!(read(&[folder.path().into()]), Err(BundleError::Empty(_))));
        assert!(matches!(read(&[folder.path().join("gone")]), Err(BundleError::Unreadable { .. })));
    }
}
