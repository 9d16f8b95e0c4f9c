//! What is wrong with a bundle, as an editor shows it.

use std::collections::BTreeMap;
use std::ops::Range;

use grammar::diagnostic::{Diagnostic, Note, Severity};
use grammar::{Source, Span};
use lsp_types::{
    DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, NumberOrString, Uri,
};

use compiler::world::{BundleFile, World};

use crate::bundle::Bundle;
use crate::file::File;

/// A message with the edits that would mend it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// As the editor shows it.
    pub(crate) shown: lsp_types::Diagnostic,
    /// Its place.
    pub(crate) bytes: Range<usize>,
    /// Alternatives.
    pub(crate) fixes: Vec<FoundFix>,
}

/// One way to mend it.
#[derive(Clone, Debug)]
pub(crate) struct FoundFix {
    /// For people.
    pub(crate) title: String,
    /// File, bytes and what comes there.
    pub(crate) edits: Vec<(Box<str>, Range<usize>, String)>,
}

/// Messages by file.
pub(crate) type Messages = BTreeMap<Box<str>, Vec<Found>>;

/// Turns messages of the compiler into those of an editor. `uri` names a file of the bundle.
pub(crate) fn shown(
    bundle: &Bundle,
    sources: &[Source],
    diagnostics: impl IntoIterator<Item = Diagnostic>,
    uri: impl Fn(&str) -> Option<Uri>,
) -> Messages {
    let place = |span: Span| {
        let source = sources.get(usize::from(span.source.0))?;
        let file = bundle.files.get(&source.name)?;
        Some((file, span.range()))
    };
    let mut messages = Messages::new();
    for diagnostic in diagnostics {
        let Some((file, bytes)) = place(diagnostic.span()) else { continue };
        let related = diagnostic.labels.iter().filter(|label| label.span != diagnostic.span());
        let related = related.filter(|label| !label.text.is_empty()).filter_map(|label| {
            let (file, bytes) = place(label.span)?;
            let location = Location { uri: uri(&file.name)?, range: file.text.range(bytes) };
            Some(DiagnosticRelatedInformation { location, message: label.text.clone() })
        });
        let related: Vec<_> = related.collect();
        let shown = lsp_types::Diagnostic {
            range: file.text.range(bytes.clone()),
            severity: Some(severity(diagnostic.severity)),
            code: Some(NumberOrString::String(diagnostic.code.as_str().to_owned())),
            source: Some("fanwise".to_owned()),
            message: message(&diagnostic),
            related_information: (!related.is_empty()).then_some(related),
            tags: tags(&diagnostic),
            ..lsp_types::Diagnostic::default()
        };
        let fixes = diagnostic.fixes.iter().filter_map(|fix| {
            let edits = fix.edits.iter().map(|edit| {
                let (file, bytes) = place(edit.span)?;
                Some((file.name.clone(), bytes, edit.replacement.clone()))
            });
            Some(FoundFix { title: fix.title.clone(), edits: edits.collect::<Option<_>>()? })
        });
        let found = Found { shown, bytes, fixes: fixes.collect() };
        messages.entry(file.name.clone()).or_default().push(found);
    }
    messages
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
    let unused = diagnostic.severity == Severity::Warning && diagnostic.title.contains("never used");
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

/// Checks a bundle.
pub(crate) fn run(bundle: &Bundle, world: &World) -> (Vec<Source>, Vec<Diagnostic>) {
    let file = |file: &File| BundleFile { path: file.name.clone(), text: file.str().into() };
    let files = bundle.files.values().map(file).collect();
    let checked = compiler::check(&compiler::world::Bundle { files }, world);
    (checked.sources, checked.diagnostics.into_iter().collect())
}
