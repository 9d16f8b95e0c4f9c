//! What is wrong with a bundle: found by the checker, kept while the text changes, shown by the editor.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use compiler::world::{self, BundleFile, World};
use grammar::diagnostic::{Diagnostic, Note, Severity};
use grammar::{Source, SourceId, Span};
use lsp_types::{
    DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, NumberOrString, Uri,
};

use crate::bundle::Bundle;
use crate::file::File;

/// Messages by file. Their spans name files by [`File::id`].
pub(crate) type Messages = BTreeMap<Box<str>, Vec<Diagnostic>>;

/// A bundle's texts at one moment, to be checked here or on another thread.
pub(crate) struct Snapshot {
    files: Vec<BundleFile>,
    ids: BTreeMap<Box<str>, SourceId>,
}

impl Snapshot {
    /// Everything.
    pub(crate) fn of(bundle: &Bundle) -> Self {
        Self::with(bundle, |file| file.str().to_owned())
    }

    /// The same files with other texts.
    pub(crate) fn with(bundle: &Bundle, text: impl Fn(&File) -> String) -> Self {
        let file = |file: &File| BundleFile { path: file.name.clone(), text: text(file).into() };
        Self {
            files: bundle.files.values().map(file).collect(),
            ids: bundle.files.values().map(|file| (file.name.clone(), file.id)).collect(),
        }
    }

    /// Checks it. `None` means that the checker itself is broken: an editor must not go down with it.
    pub(crate) fn check(self, world: &World) -> Option<Messages> {
        let bundle = world::Bundle { files: self.files };
        let checked = catch_unwind(AssertUnwindSafe(|| compiler::check(&bundle, world))).ok()?;
        let mut messages = Messages::new();
        for mut diagnostic in checked.diagnostics {
            let name = name_of(&checked.sources, diagnostic.span()).map(Box::from);
            let known = spans(&mut diagnostic).into_iter().all(|span| {
                let id = name_of(&checked.sources, *span).and_then(|name| self.ids.get(name));
                id.map(|id| span.source = *id).is_some()
            });
            if let Some(name) = name.filter(|_| known) {
                messages.entry(name).or_default().push(diagnostic);
            }
        }
        Some(messages)
    }

    /// The text of one of its rule files after every sure fix; `None` where there is none.
    pub(crate) fn mended(self, name: &str, world: &World) -> Option<Box<str>> {
        let bundle = world::Bundle { files: self.files };
        let mend = || compiler::mend::mend(&bundle, world, |path| path == name);
        let mended = catch_unwind(AssertUnwindSafe(mend)).ok()?;
        mended.files.get(name)?;
        mended.bundle.files.into_iter().find(|file| *file.path == *name).map(|file| file.text)
    }
}

fn name_of(sources: &[Source], span: Span) -> Option<&str> {
    sources.get(usize::from(span.source.0)).map(|source| source.name.as_ref())
}

/// Every place that a message speaks of.
fn spans(diagnostic: &mut Diagnostic) -> Vec<&mut Span> {
    let labels = diagnostic.labels.iter_mut().map(|label| &mut label.span);
    let edits = diagnostic.fixes.iter_mut().flat_map(|fix| fix.edits.iter_mut().map(|edit| &mut edit.span));
    labels.chain(edits).collect()
}

/// A replacement in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The bytes that went.
    pub(crate) old: Range<usize>,
    /// The bytes that came.
    pub(crate) new: Range<usize>,
}

impl Change {
    /// What makes one text another.
    pub(crate) fn between(old: &str, new: &str) -> Self {
        let (one, two) = (old.as_bytes(), new.as_bytes());
        let start = one.iter().zip(two).take_while(|(a, b)| a == b).count();
        let most = one.len().min(two.len()) - start;
        let end = one.iter().rev().zip(two.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
        Self { old: start..one.len() - end, new: start..two.len() - end }
    }

    /// Where a byte of the old text is in the new one.
    fn moved(&self, byte: usize) -> usize {
        match byte {
            before if before <= self.old.start => before,
            after if after >= self.old.end => after - self.old.end + self.new.end,
            _ => self.new.end,
        }
    }

    /// Where bytes of the old text are in the new one.
    pub(crate) fn moved_range(&self, bytes: &Range<usize>) -> Range<usize> {
        let start = self.moved(bytes.start);
        start..self.moved(bytes.end).max(start)
    }
}

/// Moves every place of a file along with a change of its text.
pub(crate) fn shift(messages: &mut Messages, file: SourceId, change: &Change) {
    for diagnostic in messages.values_mut().flatten() {
        for span in spans(diagnostic).into_iter().filter(|span| span.source == file) {
            let bytes = change.moved_range(&span.range());
            *span = Span::new(file, bytes.start, bytes.end);
        }
    }
}

/// A message as the editor shows it. `uri` names a file of the bundle.
pub(crate) fn shown(
    bundle: &Bundle,
    diagnostic: &Diagnostic,
    uri: impl Fn(&str) -> Option<Uri>,
) -> Option<lsp_types::Diagnostic> {
    let file = bundle.file_of(diagnostic.span())?;
    let others =
        diagnostic.labels.iter().filter(|label| label.span != diagnostic.span() && !label.text.is_empty());
    let related = others.filter_map(|label| {
        let file = bundle.file_of(label.span)?;
        let location = Location { uri: uri(&file.name)?, range: file.text.range_of(label.span) };
        Some(DiagnosticRelatedInformation { location, message: label.text.clone() })
    });
    let related: Vec<_> = related.collect();
    Some(lsp_types::Diagnostic {
        range: file.text.range_of(diagnostic.span()),
        severity: Some(severity(diagnostic.severity)),
        code: Some(NumberOrString::String(diagnostic.code.as_str().to_owned())),
        source: Some("fanwise".to_owned()),
        message: message(diagnostic),
        related_information: (!related.is_empty()).then_some(related),
        tags: tags(diagnostic),
        ..lsp_types::Diagnostic::default()
    })
}

fn severity(severity: Severity) -> DiagnosticSeverity {
    match severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Note => DiagnosticSeverity::INFORMATION,
    }
}

/// Names that nothing uses are shown faded.
fn tags(diagnostic: &Diagnostic) -> Option<Vec<DiagnosticTag>> {
    let unused = diagnostic.code == grammar::diagnostic::Code::W0230;
    unused.then(|| vec![DiagnosticTag::UNNECESSARY])
}

/// Title, the words at the place, facts and help, a line each.
fn message(diagnostic: &Diagnostic) -> String {
    let mut lines = vec![diagnostic.title.clone()];
    let here = diagnostic.labels.iter().find(|label| label.span == diagnostic.span());
    lines.extend(here.map(|label| label.text.clone()).filter(|text| !text.is_empty()));
    for note in &diagnostic.notes {
        lines.push(match note {
            Note::Fact(text) => text.clone(),
            Note::Help(text) => format!("help: {text}"),
        });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::Change;

    #[test]
    fn a_change_is_the_smallest_one_and_moves_what_follows() {
        for (old, new, gone, come) in [
            ("abc", "abc", 3..3, 3..3),
            ("abc", "axc", 1..2, 1..2),
            ("aaa", "aa", 2..3, 2..2),
            ("", "x", 0..0, 0..1),
            ("a b c", "a long b c", 2..2, 2..7),
        ] {
            let change = Change::between(old, new);
            assert_eq!((&change.old, &change.new), (&gone, &come), "{old:?} {new:?}");
        }
        let change = Change { old: 10..12, new: 10..15 };
        for (before, after) in
            [(3..5, 3..5), (12..14, 15..17), (11..13, 15..16), (8..20, 8..23), (10..12, 10..15)]
        {
            assert_eq!(change.moved_range(&before), after, "{before:?}");
        }
    }
}
