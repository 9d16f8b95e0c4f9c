//! The payload paths that rules read, as trees of field names.

use crate::hir::{Path, PathId};
use crate::json::are_few;

/// The paths of a program, twice: those that conditions read, which every event is searched for, and all
/// of them, which only matter once a rule holds.
#[derive(Debug)]
pub struct Paths {
    pub(crate) conditions: Tree,
    pub(crate) all: Tree,
}

impl Paths {
    /// Of these the first `conditions` are read by conditions.
    pub(super) fn new(paths: &[Path], conditions: usize) -> Self {
        let first = paths.get(..conditions).unwrap_or(paths);
        Self { conditions: Tree::new(first), all: Tree::new(paths) }
    }
}

/// A tree of field names; each node stands for a path, and some of them are read.
///
/// Nodes are numbered so that everything below a node follows it directly: clearing what an earlier
/// duplicate of a key had set is clearing a range.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    /// Those of one node side by side.
    children: Vec<Child>,
    /// Hashed children of nodes that have many; a position among the children and one, or 0.
    tables: Vec<u32>,
    /// By [`PathId`].
    places: Vec<NodeId>,
    /// How many nodes are read.
    read: u32,
}

/// A position among the nodes; 0 is the payload itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) const ROOT: Self = Self(0);
    const NONE: Self = Self(u32::MAX);
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// Its first child.
    first: u32,
    count: u32,
    /// One past the last node below this one.
    end: u32,
    /// Where its table begins.
    table: u32,
    /// The table's size less one; 0 for few children, which are compared one by one.
    mask: u32,
    /// Whether a rule reads the value itself.
    read: bool,
    /// Bit `i`: a child's name has `i` bytes, 63 and more counted alike.
    lengths: u64,
    /// Whether the names can be found by their lengths.
    few: bool,
}

/// The fields of one object that are read, or below which something is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'t> {
    pub(crate) node: NodeId,
    children: &'t [Child],
    /// Bit `i`: a name has `i` bytes, 63 and more counted alike.
    pub(crate) lengths: u64,
    /// Whether the names can be found by their lengths.
    pub(crate) few: bool,
}

/// A field that is read, or below which something is.
#[derive(Debug)]
pub(crate) struct Child {
    /// The name's first eight bytes, filled up with zeroes.
    head: u64,
    /// Its last eight bytes, when it has more.
    tail: u64,
    bytes: u32,
    pub(crate) node: NodeId,
    /// Whether a rule reads the value itself.
    pub(crate) read: bool,
    /// Whether only something below is read.
    pub(crate) walked: bool,
    name: Box<str>,
}

impl Child {
    /// Whether bytes begin with the name.
    #[inline(always)]
    fn begins(&self, bytes: &[u8]) -> bool {
        let length = self.bytes as usize;
        match bytes.first_chunk() {
            None => bytes.get(..length) == Some(self.name.as_bytes()),
            Some(chunk) if length <= 8 => {
                // The name's bytes are those that a shift by the others leaves.
                let behind = 8_usize.wrapping_sub(length).wrapping_mul(8) as u32;
                length == 0 || (u64::from_le_bytes(*chunk) ^ self.head) << behind == 0
            }
            Some(chunk) if u64::from_le_bytes(*chunk) != self.head => false,
            _ if length <= 16 => {
                let tail = bytes.get(..length).and_then(|name| name.last_chunk());
                tail.is_some_and(|tail| u64::from_le_bytes(*tail) == self.tail)
            }
            _ => bytes.get(..length) == Some(self.name.as_bytes()),
        }
    }
}

/// Up to so many children are compared one by one; more are hashed.
const CHILDREN_SCANNED_MAX: usize = 8;

/// A field name as it is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'n> {
    bytes: &'n [u8],
    head: u64,
}

impl<'n> Name<'n> {
    pub(crate) fn new(name: &'n str) -> Self {
        Self::within(name.as_bytes(), 0, name.len()).unwrap_or(Self { bytes: b"", head: 0 })
    }

    /// The name that stands there in a document; `None` when that is not in it.
    #[inline(always)]
    pub(crate) fn within(document: &'n [u8], start: usize, end: usize) -> Option<Self> {
        let bytes = document.get(start..end)?;
        let head = match document.get(start..).and_then(|rest| rest.first_chunk()) {
            Some(chunk) if bytes.len() >= 8 => u64::from_le_bytes(*chunk),
            Some(chunk) => u64::from_le_bytes(*chunk) & ((1 << (bytes.len() * 8)) - 1),
            None => bytes.iter().rev().fold(0, |head, &byte| head << 8 | u64::from(byte)),
        };
        Some(Self { bytes, head })
    }

    #[inline(always)]
    fn is(&self, child: &Child) -> bool {
        child.head == self.head
            && child.bytes as usize == self.bytes.len()
            && (self.bytes.len() <= 8 || child.name.as_bytes() == self.bytes)
    }

    #[inline(always)]
    fn hash(&self) -> u32 {
        let mixed = (self.head ^ (self.bytes.len() as u64) << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as u32
    }
}

impl<'t> Fields<'t> {
    /// The field whose name begins at `start` in a document and ends in a quotation mark, and where that is.
    #[inline(always)]
    pub(crate) fn at(&self, document: &[u8], start: usize) -> Option<(&'t Child, usize)> {
        let rest = document.get(start..)?;
        // Not `find`: its closure would be a function of its own.
        for child in self.children {
            let bytes = child.bytes as usize;
            let end = start.wrapping_add(bytes);
            if rest.get(bytes) == Some(&b'"') && child.begins(rest) {
                return Some((child, end));
            }
        }
        None
    }
}

impl Tree {
    fn new(paths: &[Path]) -> Self {
        let mut sorted: Vec<(&[Box<str>], usize)> =
            paths.iter().enumerate().map(|(at, path)| (&*path.0, at)).collect();
        sorted.sort_unstable();
        let mut places = vec![NodeId::NONE; paths.len()];
        let mut children: Vec<Vec<(Box<str>, NodeId)>> = vec![Vec::new()];
        let mut open: Vec<(&str, NodeId)> = Vec::new();
        for (names, at) in sorted {
            let shared = open.iter().zip(names).take_while(|((open, _), name)| ***name == **open).count();
            open.truncate(shared);
            for name in names.iter().skip(shared) {
                let parent = open.last().map_or(NodeId::ROOT, |&(_, node)| node);
                let node = NodeId(u32::try_from(children.len()).unwrap_or(u32::MAX));
                children.push(Vec::new());
                if let Some(siblings) = children.get_mut(parent.0 as usize) {
                    siblings.push((name.clone(), node));
                }
                open.push((name, node));
            }
            let place = open.last().map_or(NodeId::ROOT, |&(_, node)| node);
            places.iter_mut().skip(at).take(1).for_each(|slot| *slot = place);
        }
        let mut tree = Self { nodes: Vec::new(), children: Vec::new(), tables: Vec::new(), places, read: 0 };
        children.into_iter().for_each(|children| tree.add(children));
        tree.finish();
        tree
    }

    fn add(&mut self, children: Vec<(Box<str>, NodeId)>) {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let (first, count) = (offset(self.children.len()), offset(children.len()));
        let lengths = children.iter().fold(0, |lengths, (name, _)| lengths | 1 << name.len().min(63));
        let mut node = Node { first, count, lengths, few: are_few(lengths), ..Node::default() };
        let many = children.len() > CHILDREN_SCANNED_MAX;
        self.children.extend(children.into_iter().map(|(name, node)| {
            let head = Name::new(&name).head;
            let tail = name.as_bytes().last_chunk().map_or(0, |tail| u64::from_le_bytes(*tail));
            Child { head, tail, bytes: offset(name.len()), node, read: false, walked: false, name }
        }));
        if many {
            let size = (count as usize * 2).next_power_of_two();
            (node.table, node.mask) = (offset(self.tables.len()), offset(size - 1));
            self.tables.resize(self.tables.len() + size, 0);
            for at in first..first + count {
                let Some(child) = self.children.get(at as usize) else { continue };
                let mut slot = Name::new(&child.name).hash() & node.mask;
                while let Some(taken) = self.tables.get_mut((node.table + slot) as usize) {
                    if *taken == 0 {
                        *taken = at + 1;
                        break;
                    }
                    slot = (slot + 1) & node.mask;
                }
            }
        }
        self.nodes.push(node);
    }

    /// Fills in what is known only when all nodes are there.
    fn finish(&mut self) {
        // Nodes were numbered on the way down, so the last child's end is the end of its parent.
        for at in (0..self.nodes.len()).rev() {
            let last = self.children_of(NodeId(at as u32)).last().map(|child| child.node.0 as usize);
            let end = last.and_then(|last| self.nodes.get(last)).map(|last| last.end);
            if let Some(node) = self.nodes.get_mut(at) {
                node.end = end.unwrap_or(u32::try_from(at + 1).unwrap_or(u32::MAX));
            }
        }
        for place in &self.places {
            if let Some(node) = self.nodes.get_mut(place.0 as usize).filter(|node| !node.read) {
                node.read = true;
                self.read += 1;
            }
        }
        for child in &mut self.children {
            if let Some(node) = self.nodes.get(child.node.0 as usize) {
                (child.read, child.walked) = (node.read, node.count > 0 && !node.read);
            }
        }
    }

    /// The fields below a node.
    #[inline(always)]
    pub(crate) fn fields(&self, node: NodeId) -> Fields<'_> {
        let children = self.children_of(node);
        let (lengths, few) = self.nodes.get(node.0 as usize).map_or((0, false), |it| (it.lengths, it.few));
        Fields { node, children, lengths, few }
    }

    #[inline(always)]
    fn children_of(&self, node: NodeId) -> &[Child] {
        let Some(node) = self.nodes.get(node.0 as usize) else { return &[] };
        let first = node.first as usize;
        self.children.get(first..first + node.count as usize).unwrap_or_default()
    }

    /// How many nodes there are.
    pub(crate) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// How many nodes are read.
    pub(crate) fn read(&self) -> u32 {
        self.read
    }

    /// The node of a path; `None` when this tree does not have it.
    #[inline]
    pub(crate) fn node(&self, path: PathId) -> Option<NodeId> {
        self.places.get(path.0 as usize).copied()
    }

    #[inline(always)]
    pub(crate) fn has_children(&self, node: NodeId) -> bool {
        self.nodes.get(node.0 as usize).is_some_and(|node| node.count > 0)
    }

    #[inline(always)]
    pub(crate) fn is_read(&self, node: NodeId) -> bool {
        self.nodes.get(node.0 as usize).is_some_and(|node| node.read)
    }

    /// The field of that name below a node.
    pub(crate) fn child(&self, node: NodeId, name: Name<'_>) -> Option<&Child> {
        let parent = self.nodes.get(node.0 as usize)?;
        if parent.mask != 0 {
            return self.hashed(*parent, name);
        }
        self.children_of(node).iter().find(|child| name.is(child))
    }

    fn hashed(&self, parent: Node, name: Name<'_>) -> Option<&Child> {
        let mut slot = name.hash() & parent.mask;
        loop {
            let at = self.tables.get((parent.table + slot) as usize)?.checked_sub(1)?;
            let child = self.children.get(at as usize)?;
            if name.is(child) {
                return Some(child);
            }
            slot = (slot + 1) & parent.mask;
        }
    }

    /// The nodes below a node.
    pub(crate) fn below(&self, node: NodeId) -> std::ops::Range<usize> {
        let start = node.0 as usize + 1;
        start..self.nodes.get(node.0 as usize).map_or(start, |node| node.end as usize)
    }

    /// The field names that lead to a node, outermost first.
    pub(crate) fn names(&self, node: NodeId) -> Vec<&str> {
        let mut names = Vec::new();
        let mut at = NodeId::ROOT;
        while at != node {
            // The children are in ascending order, so the one to go through is the last not behind.
            let Some(child) = self.children_of(at).iter().rev().find(|child| child.node <= node) else {
                break;
            };
            names.push(&*child.name);
            at = child.node;
        }
        names
    }
}
