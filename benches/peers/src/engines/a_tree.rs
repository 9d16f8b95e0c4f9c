//! The crate `a-tree`: fields given, expressions shared.
//!
//! It has no operators on text but equality: it is given the first two characters as a field of its own,
//! and has no row for suffixes and globs.

use ::a_tree::AttributeDefinition;
use inputs::shapes::{Rule, Shape, Source};

use super::{Built, Candidate, Engine, Task, Watch};
use crate::fields::Fields;

pub struct ATree;

struct Running {
    tree: ::a_tree::ATree<u32>,
    source: Source,
    shape: Shape,
}

impl Candidate for ATree {
    fn name(&self) -> &'static str {
        "a-tree (fields given)"
    }

    fn why_not(&self, shape: Shape) -> Option<&'static str> {
        (shape == Shape::Ends).then_some("has no suffix and no glob")
    }

    fn build(&mut self, task: &Task<'_>) -> Result<Built, String> {
        let watch = Watch::start(task.limits);
        let texts = ["key", "start", "street", "lot", "side", "kind"];
        let mut definitions: Vec<_> = texts.iter().map(|name| AttributeDefinition::string(name)).collect();
        definitions.push(AttributeDefinition::integer("x"));
        let mut tree = ::a_tree::ATree::new(&definitions).map_err(|error| error.to_string())?;
        for (rule, at) in task.rules.iter().zip(0u32..) {
            watch.check(at as usize)?;
            tree.insert(&at, &expression(rule)).map_err(|error| error.to_string())?;
        }
        Ok(Built::new(Running { tree, source: task.source, shape: task.shape }, &watch))
    }
}

impl Engine for Running {
    fn matches(&mut self, event: &[u8], found: &mut Vec<u32>) -> Result<(), String> {
        let fields = Fields::read(self.source, event)?;
        let mut builder = self.tree.make_event();
        let texts: &[(&str, &str)] = match self.shape {
            Shape::Equality | Shape::Ends => &[("key", fields.key)],
            Shape::Conjunction => {
                &[("street", fields.street), ("start", fields.tail.get(..2).unwrap_or_default())]
            }
            Shape::Disjunction => &[
                ("key", fields.key),
                ("street", fields.street),
                ("lot", fields.lot),
                ("side", fields.side),
                ("kind", fields.kind),
            ],
        };
        // An attribute that is not given is undefined.
        for (name, value) in texts.iter().filter(|(_, value)| !value.is_empty()) {
            builder.with_string(name, value).map_err(|error| error.to_string())?;
        }
        if let (Shape::Conjunction, Some(x)) = (self.shape, fields.x_units(self.source)) {
            builder.with_integer("x", x.into()).map_err(|error| error.to_string())?;
        }
        let event = builder.build().map_err(|error| error.to_string())?;
        let report = self.tree.search(&event).map_err(|error| error.to_string())?;
        found.extend(report.matches().iter().copied().copied());
        Ok(())
    }
}

fn expression(rule: &Rule) -> String {
    match rule {
        Rule::Equality { key } => format!("key = \"{key}\""),
        Rule::Conjunction { street, low, high, prefix } => {
            format!("street = \"{street}\" and x >= {low} and x < {high} and start = \"{prefix}\"")
        }
        Rule::Disjunction { key, street, lot, side, kind } => format!(
            "(key = \"{key}\" or (street = \"{street}\" and lot = \"{lot}\")) and side <> \"{side}\" and kind <> \"{kind}\""
        ),
        Rule::Suffix { .. } | Rule::Glob { .. } => String::new(),
    }
}
