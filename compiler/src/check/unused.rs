//! Names that nothing uses.

use std::collections::HashSet;

use grammar::Diagnostic;

use super::names::{Named, Names, Space};
use crate::messages::names as messages;

/// A warning for each declaration that no rule, test or other declaration uses.
pub(super) fn names(names: &Names, used: &HashSet<(Space, Box<str>)>) -> Vec<Diagnostic> {
    let unused = names.declared.iter().filter(|((space, name), _)| !used.contains(&(*space, (*name).into())));
    unused
        .map(|((space, name), span)| {
            let word = match space {
                Space::Value => match names.values.get(name) {
                    Some(Named::Predicate(_)) => "predicate",
                    Some(Named::Schedule(_)) => "schedule",
                    Some(Named::List(_)) => "list",
                    Some(Named::Const(_)) | None => "const",
                },
                other => other.word(),
            };
            messages::never_used(word, name, *span)
        })
        .collect()
}
