//! The last look: what the checker would refuse becomes a comment, and the import can be used.

use std::sync::Arc;

use grammar::diagnostic::Severity;
use grammar::{Source, SourceId, ast};

use super::json::Pointer;
use super::text::commented;
use super::{Notes, text};
use crate::catalogue::Catalogue;
use crate::check;
use crate::world::{Bundle, BundleFile, World};

/// Taking an item out can leave another without what it names, so it is looked again.
const ROUNDS_MAX: usize = 4;

/// Comments out every item that has a mistake, and says why above it.
pub(super) fn mend(mut text: String, catalogue: &Arc<Catalogue>, notes: &mut Notes) -> String {
    for _ in 0..ROUNDS_MAX {
        let refused = refused(&text, catalogue);
        if refused.is_empty() {
            return text;
        }
        // From the end, so that earlier places stay what they are.
        for Refused { lines: (first, last), name, why } in refused.iter().rev() {
            let all: Vec<&str> = text.lines().collect();
            let at = |range: &[&str]| range.iter().map(|line| format!("{line}\n")).collect::<String>();
            let before = at(all.get(..*first).unwrap_or_default());
            let item = at(all.get(*first..=*last).unwrap_or_default());
            let after = at(all.get(last + 1..).unwrap_or_default());
            let reason = text::comment(&format!("Not used, because {why}:"));
            text = format!("{before}{reason}{}{after}", commented(&item, 0));
            let note = format!("`{name}` stands as a comment, because {why}");
            notes.add(Pointer::default().place(), note);
        }
    }
    text
}

/// An item with a mistake.
struct Refused {
    /// Its first and last line, from 0, its description included.
    lines: (usize, usize),
    name: String,
    /// The mistake, as the checker says it.
    why: String,
}

/// The items with mistakes, in written order.
fn refused(text: &str, catalogue: &Arc<Catalogue>) -> Vec<Refused> {
    let file = BundleFile { path: "imported.route".into(), text: text.into() };
    let world = World { catalogue: Arc::clone(catalogue), ..World::offline(None) };
    let checked = check(&Bundle { files: vec![file] }, &world);
    let errors = checked.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    let errors: Vec<_> = errors.map(|one| (one.span(), one.title.as_str())).collect();
    if errors.is_empty() {
        return Vec::new();
    }
    let source = Source::new(SourceId(0), "imported.route", text);
    let parsed = grammar::parse(&source);
    let line =
        |offset: u32| usize::try_from(source.place(offset).line).unwrap_or(usize::MAX).saturating_sub(1);
    let items = parsed.file.items.iter().filter_map(|item| {
        let inside = |span: &grammar::Span| item.span.start <= span.start && span.start <= item.span.end;
        let (_, why) = errors.iter().find(|(span, _)| inside(span))?;
        let first = item.docs.first().map_or(item.span.start, |doc| doc.span.start);
        Some(Refused {
            lines: (line(first), line(item.span.end)),
            name: name_of(item),
            why: (*why).to_owned(),
        })
    });
    items.collect()
}

fn name_of(item: &ast::Item) -> String {
    match &item.kind {
        ast::ItemKind::Rule(rule) => rule.name.text.to_string(),
        ast::ItemKind::Connection(connection) => connection.name.text.to_string(),
        _ => "a part".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_checker_refuses_becomes_a_comment_and_the_rest_stays() {
        let text = "edition 2026\n\nconnection a: webhook\n\n## One.\nrule one {\n  on x\n  when \"a\" > 3\n  deliver a.send_webhook\n}\n\nrule two {\n  on x\n  deliver a.send_webhook\n}\n";
        let mut notes = Notes::default();
        let mended = mend(text.to_owned(), &Arc::new(Catalogue::shipped()), &mut notes);
        assert!(mended.contains("\n# Not used, because "), "{mended}");
        assert!(mended.contains("\n# ## One.\n# rule one {\n#   on x\n"), "{mended}");
        assert!(mended.contains("\nrule two {\n"), "{mended}");
        assert_eq!(notes.0.len(), 1);
        assert!(refused(&mended, &Arc::new(Catalogue::shipped())).is_empty());
    }
}
