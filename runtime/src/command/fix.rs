//! `fanwise fix`: applies the fixes of messages to rule files.

mod diff;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use compiler::mend::{Left, Mended, declared_names, mend_beside};
use compiler::world::{Bundle, Limits, World};
use grammar::diagnostic::Severity;

use super::bundle;
use super::replace::replace;
use crate::out::{Exit, Out, failed, harmless, many, say};

/// Arguments of `fanwise fix`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A fix is applied when its message offers no other and it only does what was meant; the rest is a
choice, and yours: `fanwise check` shows it. A file that would have more mistakes than before is
left as it is.")]
pub(super) struct Arguments {
    /// Rule files, or folders of them
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Check for this environment only, such as `production`
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,

    /// Change nothing, and fail when a file would change
    #[arg(long)]
    check: bool,

    /// Change nothing, and write what would change to stdout, as a patch
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
}

/// Runs it.
#[must_use]
pub(super) fn run(arguments: &Arguments) -> Exit {
    let read = match bundle::read_with_places(&arguments.paths) {
        Ok(read) => read,
        Err(error) => return failed(&error.to_string()),
    };
    let world = World::offline(arguments.environment.as_deref());
    let others = declared_beside(&arguments.paths);
    let mended = mend_beside(&read.bundle, &world, |path| read.places.contains_key(path), &others);
    tell_fixes(&mended, &read.places);
    let changes = changes(&read.bundle, &mended, &read.places);
    if arguments.dry_run {
        let patch: String = changes
            .iter()
            .map(|one| diff::unified(&one.path.to_string_lossy(), one.before, one.after))
            .collect();
        if let Err(error) = Out::default().text(&patch) {
            return failed(&format!("stdout cannot be written: {error}"));
        }
    }
    for change in &changes {
        let path = change.path.display();
        if arguments.check || arguments.dry_run {
            say(&format!("would change: {path}"));
        } else if let Err(error) = change.write() {
            return failed(&format!("`{path}` cannot be written: {error}"));
        } else {
            say(&format!("fixed: {path}"));
        }
    }
    for left in &mended.left {
        say(&left_words(left, &read.places));
    }
    let (errors, summary) = summary(&mended);
    say(&summary);
    match (errors, changes.len()) {
        (1.., _) => Exit::RuleErrors,
        (0, 1..) if arguments.check => Exit::Failed,
        _ => Exit::Ok,
    }
}

/// What the files beside single files declare. They are not checked, but what they name is no slip.
fn declared_beside(paths: &[PathBuf]) -> BTreeSet<String> {
    let folder = |file: &PathBuf| match file.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("."),
    };
    let folders: BTreeSet<PathBuf> = paths.iter().filter(|path| path.is_file()).map(folder).collect();
    let bytes_max = Limits::default().file_bytes_max as u64;
    let mut names = BTreeSet::new();
    for path in folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten() {
        let path = path.path();
        let is_rules = path.extension().is_some_and(|ending| ending == "route");
        let is_small = fs::metadata(&path).is_ok_and(|about| about.len() <= bytes_max);
        if is_rules && is_small && !paths.contains(&path) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            names.extend(declared_names(&text).into_iter().map(String::from));
        }
    }
    names
}

/// A file's text before and after.
struct Change<'m> {
    path: &'m Path,
    before: &'m str,
    after: &'m str,
}

impl Change<'_> {
    /// Puts the text after in the file's place, unless somebody else has changed the file meanwhile.
    fn write(&self) -> std::io::Result<()> {
        if fs::read(self.path)? != self.before.as_bytes() {
            return Err(std::io::Error::other("it changed while its fixes were looked for"));
        }
        replace(self.path, self.after)
    }
}

fn changes<'m>(
    before: &'m Bundle,
    mended: &'m Mended,
    places: &'m BTreeMap<Box<str>, PathBuf>,
) -> Vec<Change<'m>> {
    let text = |bundle: &'m Bundle, path: &str| {
        bundle.files.iter().find(|file| &*file.path == path).map(|file| &*file.text)
    };
    let change = |path: &'m str| {
        let (before, after) = (text(before, path)?, text(&mended.bundle, path)?);
        Some(Change { path: places.get(path)?, before, after })
    };
    mended.files.keys().filter_map(|path| change(path)).collect()
}

fn shown<'p>(path: &'p str, places: &'p BTreeMap<Box<str>, PathBuf>) -> std::path::Display<'p> {
    places.get(path).map_or(Path::new(path), |place| place).display()
}

/// One line per fix.
fn tell_fixes(mended: &Mended, places: &BTreeMap<Box<str>, PathBuf>) {
    for (path, fixes) in &mended.files {
        for fix in fixes {
            let (line, column) = (fix.place.line, fix.place.column);
            let title = harmless(&fix.title);
            say(&format!("{}:{line}:{column}: {}: {title}", shown(path, places), fix.code));
        }
    }
}

fn left_words(left: &Left, places: &BTreeMap<Box<str>, PathBuf>) -> String {
    let path = shown(&left.path, places);
    let (before, after) = (&left.before, &left.after);
    format!(
        "left as it is: {path} has {}, and with its fixes it would have {}",
        counted(before.errors, before.warnings),
        counted(after.errors, after.warnings)
    )
}

fn counted(errors: usize, warnings: usize) -> String {
    match (errors, warnings) {
        (0, 0) => "no mistakes".to_owned(),
        (0, _) => many(warnings, "warning"),
        (_, 0) => many(errors, "error"),
        _ => format!("{}, {}", many(errors, "error"), many(warnings, "warning")),
    }
}

/// How many errors are still there, and the last line.
fn summary(mended: &Mended) -> (usize, String) {
    let count = |severity| mended.checked.diagnostics.iter().filter(|one| one.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let fixes: usize = mended.files.values().map(Vec::len).sum();
    let done = match fixes {
        0 => "nothing to fix".to_owned(),
        1 => "1 fix".to_owned(),
        several => format!("{several} fixes"),
    };
    let still = counted(errors, warnings);
    let line = match (errors, warnings) {
        (0, 0) => format!("{done}, no mistakes left"),
        _ => format!("{done}, still {still}: `fanwise check` shows what"),
    };
    (errors, line)
}
