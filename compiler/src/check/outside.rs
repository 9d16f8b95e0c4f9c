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
            self.program.lists.push(OutsideList { name: Arc::from(&*list.name.text), entries });
        }
    }

    /// One entry per line: the first column, without quotation marks and blanks around it.
    fn entries(&mut self, from: &ast::Text) -> HashSet<Box<str>> {
        let Some(path) = from.plain() else { return HashSet::new() };
        let Some(source) = self.sources.iter().find(|source| &*source.name == path) else {
            self.report(messages::file_not_in_bundle(from.span, path));
            return HashSet::new();
        };
        let entries: HashSet<Box<str>> = source.text.lines().filter_map(entry).collect();
        if entries.len() > ENTRIES_MAX {
            self.report(bounds::list_too_long(from.span, entries.len(), ENTRIES_MAX));
        }
        entries
    }

    /// The position of a declared list.
    pub(super) fn outside_list(&self, name: &str) -> Option<ListId> {
        let at = self.program.lists.iter().position(|list| &*list.name == name)?;
        u32::try_from(at).ok().map(ListId)
    }
}

fn entry(line: &str) -> Option<Box<str>> {
    let line = line.trim().trim_start_matches('\u{feff}');
    let first = match line.strip_prefix('"') {
        Some(rest) => rest.split_once('"').map_or(rest, |(first, _)| first),
        None => line.split(',').next().unwrap_or_default().trim(),
    };
    (!first.is_empty() && !first.starts_with('#')).then(|| first.into())
}
