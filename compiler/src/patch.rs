//! A bundle of which a few files have changed, without checking all of it again.
//!
//! Rules do not see each other, so a file that holds nothing but rules and groups can be checked beside the
//! declarations of the others. What it becomes is a program of its own, which answers for its rules beside
//! the earlier program without them. Anything else that changes is checked as a whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use grammar::Source;
use grammar::SourceId;
use grammar::ast::{File, ItemKind};

use crate::check::{Checked, check};
use crate::hir::Program;
use crate::world::{Bundle, BundleFile, World};

/// What of a checked bundle is needed to check a changed file beside it.
#[derive(Debug)]
pub struct Base {
    /// The rule files without their rules, groups and tests, and everything that is no rule file.
    declarations: Bundle,
    /// The files with nothing but rules and groups.
    plain: HashSet<Box<str>>,
    /// In which file each rule and group is.
    names: HashMap<Arc<str>, Box<str>>,
    /// Tests may be about any rule: all of them run again when one changes.
    has_tests: bool,
}

impl Base {
    /// Of a bundle without mistakes and what it was checked to.
    #[must_use]
    pub fn new(bundle: &Bundle, program: &Program) -> Self {
        let mut base = Self {
            declarations: Bundle::default(),
            plain: HashSet::new(),
            names: HashMap::new(),
            has_tests: !program.tests.is_empty(),
        };
        for file in &bundle.files {
            if !is_rule_file(&file.path) {
                base.declarations.files.push(file.clone());
                continue;
            }
            let parsed = parsed(file);
            if is_plain(&parsed) {
                base.plain.insert(file.path.clone());
            } else {
                base.declarations.files.push(declarations(file, &parsed));
            }
        }
        let names = program.rules.iter().map(|rule| (&rule.name, rule.span));
        let groups = program.groups.iter().map(|group| (&group.name, group.span));
        for (name, span) in names.chain(groups) {
            if let Some(source) = program.sources.get(usize::from(span.source.0)) {
                base.names.insert(Arc::clone(name), source.name.clone());
            }
        }
        base
    }

    /// Checks files that are new or have changed, given all that have changed since the base was made, and
    /// those that are no more. `None` when the bundle has to be checked as a whole.
    #[must_use]
    pub fn check(&self, changed: &[BundleFile], removed: &[Box<str>], world: &World) -> Option<Checked> {
        let known = self
            .declarations
            .files
            .iter()
            .any(|file| changed.iter().any(|one| one.path == file.path) || removed.contains(&file.path));
        let plain = |file: &BundleFile| is_rule_file(&file.path) && is_plain(&parsed(file));
        if self.has_tests || known || !changed.iter().all(plain) {
            return None;
        }
        if !removed.iter().all(|path| self.plain.contains(path) || !is_rule_file(path)) {
            return None;
        }
        let mut bundle = self.declarations.clone();
        bundle.files.extend_from_slice(changed);
        let mut checked = check(&bundle, world);
        let gone = |path: &str| {
            changed.iter().any(|file| *file.path == *path) || removed.iter().any(|gone| **gone == *path)
        };
        let program = &checked.program;
        let mut names = program.rules.iter().map(|rule| &rule.name);
        let mut groups = program.groups.iter().map(|group| &group.name);
        let taken = |name: &Arc<str>| self.names.get(name).is_some_and(|path| !gone(path));
        if names.any(taken) || groups.any(taken) {
            // The whole check says it better: it knows the other place.
            return None;
        }
        let here = |span: grammar::Span| {
            let source = checked.sources.get(usize::from(span.source.0));
            source.is_some_and(|source| changed.iter().any(|file| *file.path == *source.name))
        };
        // What the declarations are warned of depends on the rules that are not here.
        let found = std::mem::take(&mut checked.diagnostics);
        let found: Vec<_> = found.into_iter().filter(|one| here(one.span())).collect();
        checked.diagnostics.extend(found);
        Some(checked)
    }
}

fn is_rule_file(path: &str) -> bool {
    path.ends_with(".route")
}

fn parsed(file: &BundleFile) -> File {
    grammar::parse(&Source::new(SourceId(0), file.path.clone(), file.text.clone())).file
}

fn is_plain(file: &File) -> bool {
    file.items.iter().all(|item| matches!(item.kind, ItemKind::Rule(_) | ItemKind::Group(_)))
}

/// A file without its rules, groups and tests; everything else stays where it is.
fn declarations(file: &BundleFile, parsed: &File) -> BundleFile {
    let mut bytes = file.text.as_bytes().to_vec();
    for item in &parsed.items {
        if matches!(item.kind, ItemKind::Rule(_) | ItemKind::Group(_) | ItemKind::Test(_)) {
            // Descriptions go with what they describe.
            let start = item.docs.first().map_or(item.span.start, |doc| doc.span.start) as usize;
            let range = start..item.span.range().end;
            for byte in bytes.get_mut(range).into_iter().flatten().filter(|byte| **byte != b'\n') {
                *byte = b' ';
            }
        }
    }
    // Whole items were blanked, so what is left are whole characters.
    let text = String::from_utf8(bytes).map_or_else(|_| file.text.clone(), String::into_boxed_str);
    BundleFile { path: file.path.clone(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> BundleFile {
        BundleFile { path: path.into(), text: text.into() }
    }

    const HEAD: &str = "edition 2026\nconnection out: webhook\nschema Order { id: text, total: int }\n\
                        event order.*: Order\npredicate large(order: Order) = order.total > 10\n\
                        ## Über.\nrule first { on order.paid as order deliver out.send_webhook }\n";

    fn rule(name: &str, condition: &str) -> String {
        format!("rule {name} {{ on order.paid as order when {condition} deliver out.send_webhook }}\n")
    }

    fn base(files: &[BundleFile]) -> Base {
        let bundle = Bundle { files: files.to_vec() };
        let checked = check(&bundle, &World::offline(None));
        assert!(!checked.diagnostics.has_errors(), "{:?}", checked.diagnostics.iter().next());
        Base::new(&bundle, &checked.program)
    }

    /// What checking a changed file beside the others gives: its rules, or its messages, or that all has
    /// to be checked.
    fn check_changed(path: &str, text: &str) -> String {
        let files = [file("a.route", HEAD), file("b.route", &rule("second", "order is large"))];
        let checked = base(&files).check(&[file(path, text)], &[], &World::offline(None));
        let Some(checked) = checked else { return "all".into() };
        let codes = checked.diagnostics.iter().map(|one| one.code.as_str().to_owned());
        let names = checked.program.rules.iter().map(|rule| rule.name.to_string());
        codes.chain(names).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn files_of_rules_are_checked_beside_the_declarations() {
        for (path, text, expected) in [
            ("b.route", rule("second", "order.total is 1"), "second"),
            ("b.route", rule("other", "order is large") + &rule("third", "order.id is \"x\""), "other third"),
            ("c.route", rule("third", "order is large"), "third"),
            ("c.route", rule("third", "order.totl is 1"), "E0203 third"),
            ("c.route", "rule".into(), "all"),
            // Names of rules that are still there.
            ("c.route", rule("first", "order is large"), "all"),
            ("c.route", rule("second", "order is large"), "all"),
            // Declarations, and tests, concern every file.
            ("c.route", "const c = 1\n".to_owned() + &rule("third", "order.total is c"), "all"),
            (
                "c.route",
                "test \"t\" { given order.paid { id: \"1\", total: 2 } expect nothing }".into(),
                "all",
            ),
            ("a.route", HEAD.replace("int", "text"), "all"),
            ("schemas/order.json", "{}".into(), "all"),
        ] {
            let found = check_changed(path, &text);
            assert!(found.starts_with(expected), "{path}: {text}\n{found}, not {expected}");
        }
    }

    #[test]
    fn a_bundle_with_tests_is_checked_as_a_whole() {
        let test = "test \"t\" { given order.paid { id: \"1\", total: 2 } expect out.send_webhook }\n";
        let base = base(&[file("a.route", &(HEAD.to_owned() + test))]);
        let changed = [file("b.route", &rule("second", "order is large"))];
        assert!(base.check(&changed, &[], &World::offline(None)).is_none());
    }
}
