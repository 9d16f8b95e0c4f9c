//! The order in which declarations are looked into: what they mention comes first.
//!
//! Found without recursion, so that a long chain of declarations costs no stack.

use std::collections::{BTreeMap, BTreeSet};

use grammar::ast;

/// The names of `mentions`, each after those that it mentions. In a circle the order is arbitrary.
pub(super) fn by_mention<'n>(mentions: &BTreeMap<&'n str, BTreeSet<&'n str>>) -> Vec<&'n str> {
    let mut order = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for start in mentions.keys() {
        // The second element is whether what the name mentions was looked into.
        let mut open = vec![(*start, false)];
        while let Some((name, done)) = open.pop() {
            if done {
                order.push(name);
            } else if seen.insert(name) {
                open.push((name, true));
                let below = mentions.get(name).into_iter().flatten();
                open.extend(below.filter(|one| mentions.contains_key(*one)).map(|one| (*one, false)));
            }
        }
    }
    order
}

/// The schemas that a record type mentions.
pub(super) fn schemas<'a>(record: &'a ast::RecordType, found: &mut BTreeSet<&'a str>) {
    record.fields.iter().for_each(|field| types(&field.ty, found));
}

fn types<'a>(ty: &'a ast::TypeExpr, found: &mut BTreeSet<&'a str>) {
    match &ty.kind {
        ast::TypeKind::Named(name) => drop(found.insert(&name.text)),
        ast::TypeKind::OneOf(_) => {}
        ast::TypeKind::List { of, .. } | ast::TypeKind::Map(of) | ast::TypeKind::Paren(of) => {
            types(of, found)
        }
        ast::TypeKind::Record(record) => schemas(record, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mentioned_comes_first() {
        let mentions = [("a", vec!["b", "c"]), ("b", vec!["c", "x"]), ("c", vec![]), ("d", vec!["d"])];
        let mentions =
            mentions.into_iter().map(|(name, below)| (name, below.into_iter().collect())).collect();
        assert_eq!(by_mention(&mentions), ["c", "b", "a", "d"]);
    }
}
