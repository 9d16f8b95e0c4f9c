//! Rules by the range in which a number must be: a tree that finds the ranges around a number.

use super::Source;
use super::access::number;
use crate::eval::Facts;
use crate::hir::RuleId;
use crate::matcher::source::Of;
use crate::matcher::source::Shown;
use crate::slots::Place;

/// Ranges in the order of their lower ends, read as a balanced tree: the middle is the root, and each
/// node knows the highest upper end below it (an interval tree, Cormen and others, *Introduction to
/// Algorithms*, 14.3).
#[derive(Debug)]
pub(super) struct Ranges {
    nodes: Box<[Node]>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    low: f64,
    high: f64,
    /// The highest upper end of this node and those below it.
    highest: f64,
    rule: RuleId,
}

impl Ranges {
    pub(super) fn new(mut rules: Vec<(f64, f64, RuleId)>) -> Self {
        rules.sort_unstable_by(|one, two| one.0.total_cmp(&two.0).then(one.2.cmp(&two.2)));
        let node = |(low, high, rule)| Node { low, high, highest: high, rule };
        let mut nodes: Box<[Node]> = rules.into_iter().map(node).collect();
        raise(&mut nodes);
        Self { nodes }
    }

    /// Adds the rules in whose range the number is that an event shows.
    pub(super) fn find(&self, source: Source, facts: &Facts<'_, '_>, out: &mut Vec<RuleId>) {
        let shown = match source.of {
            Of::Path(path) => match facts.slots.place(&facts.plan.paths, path) {
                Place::Number { start, end } => facts.slots.slice(start, end).parse().ok(),
                _ => None,
            },
            _ => match source.shown(facts) {
                Shown::Scalar(value) => number(&value),
                Shown::Missing | Shown::Text(_) | Shown::Container => None,
            },
        };
        if let Some(at) = shown {
            around(&self.nodes, at, out);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.nodes)
    }
}

/// Depth is the logarithm of the number of rules.
fn raise(nodes: &mut [Node]) -> f64 {
    let middle = nodes.len() / 2;
    let (before, rest) = nodes.split_at_mut(middle);
    let Some((node, after)) = rest.split_first_mut() else { return f64::NEG_INFINITY };
    node.highest = node.high.max(raise(before)).max(raise(after));
    node.highest
}

fn around(nodes: &[Node], at: f64, out: &mut Vec<RuleId>) {
    let middle = nodes.len() / 2;
    let (before, rest) = nodes.split_at(middle);
    let Some((node, after)) = rest.split_first() else { return };
    if node.highest < at {
        return;
    }
    around(before, at, out);
    if node.low <= at {
        if at <= node.high {
            out.push(node.rule);
        }
        around(after, at, out);
    }
}
