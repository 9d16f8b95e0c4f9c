//! One round of fixes: those that can be applied together.

use std::collections::{BTreeMap, BTreeSet};

use grammar::diagnostic::{Edit, Fix};
use grammar::{Diagnostic, SourceId};

use super::{Applied, Name, source_of};
use crate::check::Checked;
use crate::world::{Bundle, BundleFile};

/// Fixes that do not touch each other.
pub(super) struct Round<'c> {
    checked: &'c Checked,
    fixes: Vec<(&'c Diagnostic, &'c Fix)>,
    /// Their edits by file, in the order of their places.
    edits: BTreeMap<SourceId, BTreeMap<(u32, u32), &'c Edit>>,
}

/// The sure fixes in files that may change, the first of those that touch each other.
pub(super) fn of<'c>(
    checked: &'c Checked,
    may_change: impl Fn(&str) -> bool,
    others: &BTreeSet<String>,
    useless: &BTreeSet<Name>,
) -> Round<'c> {
    let mut round = Round { checked, fixes: Vec::new(), edits: BTreeMap::new() };
    for diagnostic in &checked.diagnostics {
        let Some(fix) = diagnostic.sure_fix() else { continue };
        let allowed = |edit: &Edit| {
            let source = checked.sources.get(usize::from(edit.span.source.0));
            source.is_some_and(|source| may_change(&source.name))
        };
        let written = source_of(checked, diagnostic).map(|source| source.slice(diagnostic.span()));
        if written.is_some_and(|written| others.contains(written)) {
            continue;
        }
        let is_useless = name_of(checked, diagnostic, fix).is_none_or(|name| useless.contains(&name));
        if is_useless || !fix.edits.iter().all(allowed) || fix.edits.iter().any(|edit| round.touches(edit)) {
            continue;
        }
        for edit in &fix.edits {
            let of_file = round.edits.entry(edit.span.source).or_default();
            of_file.insert((edit.span.start, edit.span.end), edit);
        }
        round.fixes.push((diagnostic, fix));
    }
    round
}

fn name_of(checked: &Checked, diagnostic: &Diagnostic, fix: &Fix) -> Option<Name> {
    Some((source_of(checked, diagnostic)?.name.clone(), diagnostic.code, fix.title.clone()))
}

impl Round<'_> {
    /// Whether there is nothing to apply.
    pub(super) fn is_empty(&self) -> bool {
        self.fixes.is_empty()
    }

    fn touches(&self, edit: &Edit) -> bool {
        let Some(taken) = self.edits.get(&edit.span.source) else { return false };
        let before = taken.range(..=(edit.span.end, u32::MAX)).next_back();
        before.is_some_and(|(&(_, end), _)| end >= edit.span.start)
    }

    /// The bundle with all of them.
    pub(super) fn applied_to(&self, bundle: &Bundle) -> Bundle {
        let mut files: Vec<BundleFile> = bundle.files.clone();
        for (source, edits) in &self.edits {
            let Some(source) = self.checked.sources.get(usize::from(source.0)) else { continue };
            let Some(file) = files.iter_mut().find(|file| file.path == source.name) else { continue };
            let mut text = String::with_capacity(source.text.len());
            let mut from = 0;
            for edit in edits.values() {
                let bytes = edit.span.range();
                text.push_str(source.text.get(from..bytes.start).unwrap_or_default());
                text.push_str(&edit.replacement);
                from = bytes.end;
            }
            text.push_str(source.text.get(from..).unwrap_or_default());
            file.text = text.into();
        }
        Bundle { files }
    }

    /// Where a byte of a file is after the edits: before and behind what is inserted just there.
    fn moved(&self, source: SourceId, byte: u32) -> [usize; 2] {
        let (mut before, mut behind) = (byte as usize, byte as usize);
        for edit in self.edits.get(&source).into_iter().flat_map(BTreeMap::values) {
            if edit.span.end <= byte {
                behind = behind + edit.replacement.len() - edit.span.range().len();
            }
            if edit.span.end <= byte && edit.span.start < byte {
                before = before + edit.replacement.len() - edit.span.range().len();
            }
        }
        [before, behind]
    }

    /// The fixes whose message is still there.
    pub(super) fn in_vain(&self, now: &Checked) -> Vec<Name> {
        let still: BTreeSet<(&str, &str, usize)> = now
            .diagnostics
            .iter()
            .filter_map(|one| Some((&*source_of(now, one)?.name, &*one.title, one.span().start as usize)))
            .collect();
        let vain = |(diagnostic, fix): &(&Diagnostic, &Fix)| {
            let name = name_of(self.checked, diagnostic, fix)?;
            let places = self.moved(diagnostic.span().source, diagnostic.span().start);
            places.iter().any(|at| still.contains(&(&*name.0, &*diagnostic.title, *at))).then_some(name)
        };
        self.fixes.iter().filter_map(vain).collect()
    }

    /// What was applied, by file.
    pub(super) fn into_names(self) -> impl Iterator<Item = (Box<str>, Applied)> {
        self.fixes.into_iter().filter_map(move |(diagnostic, fix)| {
            let source = source_of(self.checked, diagnostic)?;
            let place = source.place(diagnostic.span().start);
            let applied = Applied { place, code: diagnostic.code, title: fix.title.clone() };
            Some((source.name.clone(), applied))
        })
    }
}
