//! The payload paths that any rule reads, as a tree of field names.

use crate::hir::{Path, PathId};

/// A tree of field names; each node stands for a path, and some of them are read.
///
/// Nodes are numbered so that everything below a node follows it directly: clearing what an earlier
/// duplicate of a key had set is clearing a range.
#[derive(Debug)]
pub struct Paths {
    nodes: Vec<Node>,
    /// By [`PathId`].
    places: Vec<NodeId>,
}

/// A position among the nodes; 0 is the payload itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

#[derive(Debug, Default)]
struct Node {
    /// Sorted by name.
    children: Vec<(Box<str>, NodeId)>,
    /// One past the last node below this one.
    end: u32,
}

/// Up to so many children are compared one by one; more are searched.
const CHILDREN_SCANNED_MAX: usize = 8;

impl Paths {
    pub(super) fn new(paths: &[Path]) -> Self {
        let mut sorted: Vec<(&[Box<str>], usize)> =
            paths.iter().enumerate().map(|(at, path)| (&*path.0, at)).collect();
        sorted.sort_unstable();
        let mut built = Self { nodes: vec![Node::default()], places: vec![NodeId(0); paths.len()] };
        let mut open: Vec<(&str, NodeId)> = Vec::new();
        for (names, at) in sorted {
            let shared = open.iter().zip(names).take_while(|((open, _), name)| ***name == **open).count();
            open.truncate(shared);
            for name in names.iter().skip(shared) {
                let parent = open.last().map_or(NodeId(0), |&(_, node)| node);
                let node = NodeId(u32::try_from(built.nodes.len()).unwrap_or(u32::MAX));
                built.nodes.push(Node::default());
                if let Some(parent) = built.nodes.get_mut(parent.0 as usize) {
                    parent.children.push((name.clone(), node));
                }
                open.push((name, node));
            }
            let place = open.last().map_or(NodeId(0), |&(_, node)| node);
            built.places.iter_mut().skip(at).take(1).for_each(|slot| *slot = place);
        }
        // Nodes were numbered on the way down, so the last child's end is the end of its parent.
        for at in (0..built.nodes.len()).rev() {
            let last =
                built.nodes.get(at).and_then(|node| node.children.last()).map(|&(_, child)| child.0 as usize);
            let end = last.and_then(|last| built.nodes.get(last)).map(|last| last.end);
            if let Some(node) = built.nodes.get_mut(at) {
                node.end = end.unwrap_or(u32::try_from(at + 1).unwrap_or(u32::MAX));
            }
        }
        built
    }

    /// How many nodes there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn node(&self, path: PathId) -> NodeId {
        self.places.get(path.0 as usize).copied().unwrap_or(NodeId(u32::MAX))
    }

    pub(crate) fn has_children(&self, node: NodeId) -> bool {
        self.nodes.get(node.0 as usize).is_some_and(|node| !node.children.is_empty())
    }

    pub(crate) fn child(&self, node: NodeId, name: &str) -> Option<NodeId> {
        let children = &self.nodes.get(node.0 as usize)?.children;
        if children.len() <= CHILDREN_SCANNED_MAX {
            return children.iter().find(|(known, _)| **known == *name).map(|&(_, child)| child);
        }
        let at = children.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        children.get(at).map(|&(_, child)| child)
    }

    /// The nodes below a node.
    pub(crate) fn below(&self, node: NodeId) -> std::ops::Range<usize> {
        let start = node.0 as usize + 1;
        start..self.nodes.get(node.0 as usize).map_or(start, |node| node.end as usize)
    }

    /// The field names that lead to a node, outermost first.
    pub(crate) fn names(&self, node: NodeId) -> Vec<&str> {
        let mut names = Vec::new();
        let mut at = NodeId(0);
        while at != node {
            // The children are in ascending order, so the one to go through is the last not behind.
            let children = self.nodes.get(at.0 as usize).map(|node| &node.children);
            let Some((name, child)) =
                children.and_then(|all| all.iter().rev().find(|(_, child)| *child <= node))
            else {
                break;
            };
            names.push(&**name);
            at = *child;
        }
        names
    }
}
