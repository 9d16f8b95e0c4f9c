//! Applies the fixes of messages to rule files, again and again, until nothing more applies.
//!
//! A fix is applied when it is *sure*: the only one that its message offers ([`Diagnostic::sure_fix`]).
//! Fixes that touch each other wait for the next round. A fix after which the same message stands at
//! the same place did not help; it is taken back. In the end no file has more mistakes than it had: one
//! that would have is left as it was, and its name is given.

mod round;

use std::collections::{BTreeMap, BTreeSet};

use grammar::diagnostic::{Code, Severity};
use grammar::source::Place;
use grammar::{Diagnostic, Source, SourceId};

use crate::check::{Checked, check, names};
use crate::world::{Bundle, BundleFile, World};

/// Rounds after which mending stops, whatever could still be applied.
pub const ROUNDS_MAX: usize = 32;

/// Fixes of one bundle that may turn out not to help; after that many, mending stops where it is.
const TAKEN_BACK_MAX: usize = 64;

/// What came of mending a bundle.
#[derive(Clone, Debug)]
pub struct Mended {
    /// The bundle as it is now.
    pub bundle: Bundle,
    /// What is still to say about it.
    pub checked: Checked,
    /// The files that are other than before, by path.
    pub files: BTreeMap<Box<str>, Vec<Applied>>,
    /// Files that fixes would have made worse; they are as they were.
    pub left: Vec<Left>,
}

/// A fix that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Where its message stood when it was applied; earlier rounds may have moved it.
    pub place: Place,
    /// Of which message.
    pub code: Code,
    /// What it does.
    pub title: String,
}

/// A file that fixes would have made worse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its path in the bundle.
    pub path: Box<str>,
    /// Its mistakes.
    pub before: Mistakes,
    /// Those it would have had.
    pub after: Mistakes,
}

/// How many mistakes a file has. Fewer errors are better, whatever they hid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistakes {
    /// What must not go live.
    pub errors: usize,
    /// What may.
    pub warnings: usize,
}

/// A fix by what it does where: its file, its message's number and its title.
type Name = (Box<str>, Code, String);

/// The names that a rule file declares: for files beside those that are mended.
#[must_use]
pub fn declared_names(text: &str) -> Vec<Box<str>> {
    let parsed = grammar::parse(&Source::new(SourceId(0), "", text));
    names::declared(&parsed.file).map(|name| name.text.clone()).collect()
}

/// Mends the rule files of a bundle that `may_change` allows. The files' own tests are not run.
#[must_use]
pub fn mend(bundle: &Bundle, world: &World, may_change: impl Fn(&str) -> bool) -> Mended {
    mend_beside(bundle, world, may_change, &BTreeSet::new())
}

/// The same where other files declare these names: that one of them is unknown here is no slip.
#[must_use]
pub fn mend_beside(
    bundle: &Bundle,
    world: &World,
    may_change: impl Fn(&str) -> bool,
    others: &BTreeSet<String>,
) -> Mended {
    let first = check(bundle, world);
    let before = mistakes(&first);
    let paths = bundle.files.iter().map(|file| file.path.clone());
    let mut open: BTreeSet<Box<str>> =
        paths.filter(|path| path.ends_with(".route") && may_change(path)).collect();
    let mut left = Vec::new();
    loop {
        let mut mended = until_done(bundle, &first, world, &open, others);
        let after = mistakes(&mended.checked);
        let of = |all: &BTreeMap<Box<str>, Mistakes>, path: &str| all.get(path).copied().unwrap_or_default();
        let worse: Vec<Left> = after
            .keys()
            .map(|path| Left { path: path.clone(), before: of(&before, path), after: of(&after, path) })
            .filter(|one| one.after > one.before)
            .collect();
        if worse.is_empty() {
            mended.left = left;
            return mended;
        }
        // A file that nobody touched got worse by what changed around it: then nothing may change.
        let touched: Vec<Left> =
            worse.iter().filter(|one| mended.files.contains_key(&one.path)).cloned().collect();
        let to_leave = if touched.is_empty() {
            let as_now = |path: &str| of(&after, path);
            let all = mended.files.keys();
            all.map(|path| Left { path: path.clone(), before: of(&before, path), after: as_now(path) })
                .collect()
        } else {
            touched
        };
        for one in to_leave {
            open.remove(&one.path);
            left.push(one);
        }
    }
}

/// Rounds of fixes to these files until none applies.
fn until_done(
    bundle: &Bundle,
    first: &Checked,
    world: &World,
    open: &BTreeSet<Box<str>>,
    others: &BTreeSet<String>,
) -> Mended {
    let mut mended =
        Mended { bundle: bundle.clone(), checked: first.clone(), files: BTreeMap::new(), left: Vec::new() };
    let mut useless: BTreeSet<Name> = BTreeSet::new();
    for _ in 0..ROUNDS_MAX {
        let round = round::of(&mended.checked, |path| open.contains(path), others, &useless);
        if round.is_empty() {
            break;
        }
        let bundle = round.applied_to(&mended.bundle);
        let checked = check(&bundle, world);
        let in_vain = round.in_vain(&checked);
        if !in_vain.is_empty() {
            useless.extend(in_vain);
            if useless.len() > TAKEN_BACK_MAX {
                break;
            }
            continue;
        }
        for (path, applied) in round.into_names() {
            mended.files.entry(path).or_default().push(applied);
        }
        mended.bundle = bundle;
        mended.checked = checked;
    }
    // Fixes that undid each other changed nothing.
    let texts: BTreeMap<&str, &str> = bundle.files.iter().map(|file| (&*file.path, &*file.text)).collect();
    let is_same = |file: &BundleFile| texts.get(&*file.path).is_some_and(|text| **text == *file.text);
    for same in mended.bundle.files.iter().filter(|file| is_same(file)) {
        mended.files.remove(&same.path);
    }
    mended
}

/// Errors and warnings by file.
fn mistakes(checked: &Checked) -> BTreeMap<Box<str>, Mistakes> {
    let mut by_file: BTreeMap<Box<str>, Mistakes> = BTreeMap::new();
    for diagnostic in &checked.diagnostics {
        if let Some(source) = source_of(checked, diagnostic) {
            let found = by_file.entry(source.name.clone()).or_default();
            match diagnostic.severity {
                Severity::Error => found.errors += 1,
                Severity::Warning => found.warnings += 1,
                Severity::Note => {}
            }
        }
    }
    by_file
}

fn source_of<'c>(checked: &'c Checked, diagnostic: &Diagnostic) -> Option<&'c Source> {
    diagnostic.labels.first()?;
    checked.sources.get(usize::from(diagnostic.span().source.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(files: &[(&str, &str)]) -> Bundle {
        let file = |(path, text): &(&str, &str)| BundleFile { path: (*path).into(), text: (*text).into() };
        Bundle { files: files.iter().map(file).collect() }
    }

    fn text<'m>(mended: &'m Mended, path: &str) -> &'m str {
        &mended.bundle.files.iter().find(|file| &*file.path == path).unwrap().text
    }

    const HEAD: &str =
        "edition 2026\nconnection hook: webhook\nschema S { id: text, total: int }\nevent s.*: S\n";

    #[test]
    fn a_fix_that_uncovers_another_mistake_is_followed_by_its_fix() {
        let rules =
            format!("{HEAD}rule a {{\n  on s.x as s\n  deliver hook.send_webook {{ bodyy: s }}\n}}\n");
        let mended = mend(&bundle(&[("a.route", &rules)]), &World::offline(None), |_| true);
        assert_eq!(text(&mended, "a.route"), rules.replace("webook", "webhook").replace("bodyy", "body"));
        let fixes = mended.files.get("a.route").unwrap();
        assert_eq!(fixes.iter().map(|one| one.place.line).collect::<Vec<_>>(), [7, 7], "{fixes:?}");
        assert!(mended.checked.diagnostics.is_empty() && mended.left.is_empty());
    }

    #[test]
    fn where_there_is_a_choice_nothing_is_done() {
        let rules = format!(
            "{HEAD}rule a {{ on s.x as s when s.total > 1 or s.total < 5 and s.id is \"a\" deliver hook.send_webhook {{ body: s }} }}\n"
        );
        let mended = mend(&bundle(&[("a.route", &rules)]), &World::offline(None), |_| true);
        assert_eq!(text(&mended, "a.route"), rules);
        assert!(mended.files.is_empty() && mended.checked.diagnostics.has_errors());
    }

    #[test]
    fn only_files_that_may_change_do() {
        let one = format!(
            "{HEAD}rule a {{ on s.x as s when s.total == 5 deliver hook.send_webhook {{ body: s }} }}\n"
        );
        let two = "rule b { on s.x as s when s.total == 5 deliver hook.send_webhook { body: s } }\n";
        let mended = mend(&bundle(&[("a.route", &one), ("b.route", two)]), &World::offline(None), |path| {
            path == "b.route"
        });
        assert_eq!(text(&mended, "a.route"), one);
        assert_eq!(text(&mended, "b.route"), two.replace("==", "is"));
    }

    /// While the action is unknown, its fields are not looked at.
    #[test]
    fn a_file_with_more_mistakes_afterwards_is_left_as_it_was() {
        let rules = format!(
            "{HEAD}connection chat: slack\nrule a {{ on s.x as s deliver chat.send_mesage {{ p: 1, q: 2 }} }}\n"
        );
        let other = "rule b { on s.x as s when s.total == 5 deliver hook.send_webhook { body: s } }\n";
        let files = [("a.route", &*rules), ("b.route", other)];
        let mended = mend(&bundle(&files), &World::offline(None), |_| true);
        assert_eq!(text(&mended, "a.route"), rules);
        assert_eq!(text(&mended, "b.route"), other.replace("==", "is"));
        let [left] = mended.left.as_slice() else { panic!("{:?}", mended.left) };
        assert_eq!((&*left.path, left.before.errors), ("a.route", 1));
        assert!(left.after.errors > 1, "{left:?}");
    }
}
