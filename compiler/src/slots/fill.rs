//! The slow way to fill slots: everything is checked, byte by byte.

use super::{Place, Places, offset};
use crate::json::{JsonError, Scanner, Shape};
use crate::plan::{Name, NodeId, Tree};

/// Reads a payload; all of it is checked. Gives it as text.
pub(super) fn full<'e>(tree: &Tree, payload: &'e [u8], places: &mut Places) -> Result<&'e str, JsonError> {
    places.clear(tree);
    let mut scanner = Scanner::new(payload)?;
    let text = scanner.text();
    scanner.document(|scanner| places.fill(tree, scanner, NodeId::ROOT, 0))?;
    Ok(text)
}

impl Places {
    /// Reads the value that the scanner stands on, inside `depth` containers, into a node.
    pub(super) fn fill(
        &mut self,
        tree: &Tree,
        scanner: &mut Scanner<'_>,
        node: NodeId,
        depth: u32,
    ) -> Result<(), JsonError> {
        let start = offset(scanner.at());
        let place = if scanner.peek() == Some(b'{') && tree.has_children(node) {
            scanner.members(depth + 1, |scanner, key| {
                let child = tree.child(node, Name::new(&key.decode(scanner.text())));
                match child.map(|child| child.node) {
                    Some(child) => {
                        self.forget(tree, child);
                        self.fill(tree, scanner, child, depth + 1)
                    }
                    None => scanner.skip(depth + 1).map(drop),
                }
            })?;
            Place::Container { start }
        } else {
            place_of(scanner.skip(depth)?, start, scanner.at())
        };
        self.put(node, place);
        Ok(())
    }
}

/// Where a value stands that the scanner has passed.
pub(super) fn place_of(shape: Shape, start: u32, end: usize) -> Place {
    match shape {
        Shape::Null => Place::Null,
        Shape::True => Place::True,
        Shape::False => Place::False,
        Shape::Number => Place::Number { start, end: offset(end) },
        Shape::Text(raw) => Place::Text(raw),
        Shape::List | Shape::Record => Place::Container { start },
    }
}
