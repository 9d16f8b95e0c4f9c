//! Lists outside the file: membership only, kept in the bundle or on the workspace.

use std::collections::HashSet;
use std::sync::Arc;

use grammar::ast;

use super::Checker;
use super::names::Named;
use crate::hir::{ListId, OutsideList};
use crate::messages::{bounds, names as messages};

/// More entries than this a list outside the file may not have.
const ENTRIES_MAX: usize = 1_000_000;

impl Checker<'_> {
    /// Reads the lists of the bundle.
    pub(super) fn declare_lists(&mut self) {
        let lists: Vec<&ast::OutsideList> = self
            .names
            .values
            .values()
            .filter_map(|named| match named {
                Named::List(list) => Some(*list),
                Named::Const(_) | Named::Predicate(_) | Named::Schedule(_) => None,
            })
            .collect();
        for list in lists {
            let entries = list.from.as_ref().map(|from| Arc::new(self.entries(from)));
            let stand_in = if entries.is_none() { self.stand_in(&list.name.text) } else { None };
            if let (None, Some(kept)) = (&list.from, &self.world.lists)
                && !kept.contains(&*list.name.text)
            {
                let known: Vec<&str> = kept.iter().map(|name| &**name).collect();
                self.report(messages::list_not_kept(&list.name, &known));
            }
            let name = Arc::from(&*list.name.text);
            self.program.lists.push(OutsideList { name, entries, stand_in, folded: false });
        }
    }

    /// What tests take for a list that the workspace keeps.
    fn stand_in(&self, name: &str) -> Option<Arc<HashSet<Box<str>>>> {
        let path = format!("lists/{name}.csv");
        let source = self.sources.iter().find(|source| *source.name == *path)?;
        Some(Arc::new(list_entries(&source.text)))
    }

    /// One entry per line: the first column, without quotation marks and blanks around it.
    fn entries(&mut self, from: &ast::Text) -> HashSet<Box<str>> {
        let Some(path) = from.plain() else { return HashSet::new() };
        let Some(source) = self.sources.iter().find(|source| &*source.name == path) else {
            self.report(messages::file_not_in_bundle(from.span, path));
            return HashSet::new();
        };
        let entries = list_entries(&source.text);
        if entries.len() > ENTRIES_MAX {
            self.report(bounds::list_too_long(from.span, entries.len(), ENTRIES_MAX));
        }
        entries
    }

    /// The position of a declared list; notes how it is asked.
    pub(super) fn outside_list(&mut self, name: &str, folds: bool) -> Option<ListId> {
        let at = self.program.lists.iter().position(|list| &*list.name == name)?;
        if let Some(list) = self.program.lists.get_mut(at) {
            list.folded |= folds;
        }
        u32::try_from(at).ok().map(ListId)
    }
}

/// The entries of a list's file: one per line, its first column, without quotation marks and blanks around it.
/// Empty lines and those that begin with `#` are left out.
#[must_use]
pub fn list_entries(text: &str) -> HashSet<Box<str>> {
    text.lines().filter_map(entry).collect()
}

fn entry(line: &str) -> Option<Box<str>> {
    let line = line.trim().trim_start_matches('\u{feff}');
    let first = match line.strip_prefix('"') {
        Some(rest) => rest.split_once('"').map_or(rest, |(first, _)| first),
        None => line.split(',').next().unwrap_or_default().trim(),
    };
    (!first.is_empty() && !first.starts_with('#')).then(|| first.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check;
    use crate::eval::{Facts, Lists};
    use crate::event::Event;
    use crate::matcher::{Indexed, Interpreter, Jit, Matcher, Matches};
    use crate::pattern::OutsideSet;
    use crate::simulate::run_tests;
    use crate::slots::Slots;
    use crate::world::{Bundle, BundleFile, World};

    const RULES: &str = r#"edition 2026
connection hook: webhook
list vips
list blocked from "blocked.csv"

rule known {
  on a.b as p
  when p.email in vips ignoring case or p.id in vips unless p.email in blocked
  deliver hook.send_webhook { body: p }
}
"#;

    fn bundle(text: &str, lists: &[(&str, &str)]) -> Bundle {
        let blocked = ("blocked.csv", "eve@x.example,since Monday\n");
        let files = [("rules.route", text), blocked].into_iter().chain(lists.iter().copied());
        let file = |(path, text): (&str, &str)| BundleFile { path: path.into(), text: text.into() };
        Bundle { files: files.map(file).collect() }
    }

    fn warned(kept: Option<&[&str]>) -> Vec<String> {
        let lists = kept.map(|names| names.iter().map(|name| Arc::from(*name)).collect());
        let checked = check(&bundle(RULES, &[]), &World { lists, ..World::offline(None) });
        let told = checked.diagnostics.iter().map(|one| format!("{} {}", one.code, one.title));
        told.filter(|one| !one.starts_with("W0307")).collect()
    }

    #[test]
    fn a_list_that_the_workspace_does_not_keep_is_a_warning() {
        assert_eq!(warned(None), [""; 0], "nothing is known offline");
        assert_eq!(warned(Some(&["vips", "other"])), [""; 0]);
        assert_eq!(warned(Some(&["vip"])), ["W0231 the workspace keeps no list `vips`"]);
        assert_eq!(warned(Some(&[])), ["W0231 the workspace keeps no list `vips`"]);
    }

    #[test]
    fn tests_take_the_entries_of_a_kept_list_from_the_bundle() {
        let tests = r#"
test "those of the list" {
  given a.b { email: "ANN@x.example" }
  expect hook.send_webhook
  given a.b { email: "eve@x.example", id: 7 }
  expect nothing
  given a.b { email: "bob@x.example", id: 7 }
  expect hook.send_webhook
  given a.b { email: "bob@x.example", id: 8 }
  expect nothing
}
"#;
        let text = format!("{RULES}{tests}");
        let entries = "# whoever pays\n\"ann@x.example\"\neve@x.example\n7\n";
        let run = run_tests(&bundle(&text, &[("lists/vips.csv", entries)]), &World::offline(None));
        assert!(run.passed(), "{:?}", run.failures().collect::<Vec<_>>());
        // Without the file there is no such list: unknown, and nothing is sent.
        let run = run_tests(&bundle(&text, &[]), &World::offline(None));
        let told: Vec<String> = run.failures().map(|one| format!("{one:?}")).collect();
        assert_eq!(told.len(), 1);
        for part in ["`list vips` is missing", "`lists/vips.csv`, which is not there"] {
            assert!(told[0].contains(part), "{part} is not in {}", told[0]);
        }
    }

    /// One list, as a server keeps it.
    struct Kept(OutsideSet);

    impl Lists for Kept {
        fn contains(&self, list: &str, text: &str, ignoring_case: bool) -> Option<bool> {
            (list == "vips").then(|| self.0.contains(text, ignoring_case))
        }
    }

    #[test]
    fn interpreter_index_and_code_agree_about_kept_lists() {
        let mut text = RULES.to_owned();
        for (at, condition) in [
            "p.email in vips",
            "p.email not in vips",
            "p.n > 3 and p.email in vips ignoring case",
            "p.kind is \"x\" and not (p.email in vips) and p.n < 9",
            "any one in p.all satisfies (one in vips and p.n is 4)",
        ]
        .iter()
        .enumerate()
        {
            let body = "deliver hook.send_webhook { body: 1 }";
            text.push_str(&format!("rule r{at} {{ on a.b as p when {condition} {body} }}\n"));
        }
        let checked = check(&bundle(&text, &[]), &World::offline(None));
        assert!(!checked.diagnostics.has_errors(), "{:?}", checked.diagnostics.iter().next());
        let plan = Arc::new(crate::plan::plan(checked.program));
        assert_eq!(plan.kept_lists().map(|name| &**name).collect::<Vec<_>>(), ["vips"]);
        let indexed = Arc::new(Indexed::new(&plan));
        let code = Jit::new(&plan).unwrap();
        let kept = Kept(OutsideSet::new(Arc::new(list_entries("ann@x.example\n4\n"))));
        let mut answers = HashSet::new();
        for email in ["\"ann@x.example\"", "\"ANN@x.example\"", "\"eve@x.example\"", "null", "4", "[]"] {
            for n in ["4", "12", "null"] {
                let payload = format!(
                    "{{\"email\":{email},\"n\":{n},\"kind\":\"x\",\"all\":[{email},\"ann@x.example\"]}}"
                );
                let time = jiff::Timestamp::UNIX_EPOCH;
                let event = Event {
                    id: "e",
                    kind: "a.b",
                    resource: None,
                    resource_id: None,
                    time,
                    received_at: time,
                    payload: payload.as_bytes(),
                };
                let slots = Slots::new(&plan, event.payload).unwrap();
                for lists in [&kept as &dyn Lists, &crate::eval::NoLists] {
                    let facts = Facts { plan: &plan, event: &event, slots: &slots, lists };
                    let ask = |matcher: &dyn Matcher| {
                        let mut found = Matches::default();
                        matcher.matches(&facts, &mut found);
                        found.rules
                    };
                    let expected = ask(&Interpreter);
                    assert_eq!(ask(&*indexed), expected, "{payload}");
                    assert_eq!(ask(&code), expected, "{payload}");
                    answers.insert(format!("{expected:?}"));
                }
            }
        }
        assert!(answers.len() > 5, "{answers:?}");
    }
}
