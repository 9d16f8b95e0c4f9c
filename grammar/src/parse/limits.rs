//! Bounds of the text itself. Each has its own message with the number in it.

/// Bytes of one file. A bundle may hold many files, so no rule set needs a larger one.
pub(super) const FILE_BYTES_MAX: usize = 256 * 1024;

/// Brackets inside brackets, holes of text included. People lose track long before; the recursive walks
/// over the tree stay shallow.
pub(super) const NESTING_MAX: usize = 32;

/// Expressions inside expressions, with or without brackets (`not not x`, `each a in each b in …`). Four
/// times the brackets, because one bracket can bring a quantifier, its condition and a `not`.
pub(super) const RECURSION_MAX: u32 = 4 * 32;

/// Steps from the root of an expression to its deepest leaf: `a + b + c` and `a.b.c` grow it by one each.
/// Later stages walk the tree recursively.
pub(super) const EXPRESSION_DEPTH_MAX: usize = 256;

/// Bytes of one text literal.
pub(super) const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Values in one list literal. Longer lists belong in `list … from`.
pub(super) const LIST_ITEMS_MAX: usize = 1_000;

/// Fields of one record or record type.
pub(super) const RECORD_FIELDS_MAX: usize = 250;

/// Characters of one regular expression.
pub(super) const PATTERN_CHARS_MAX: usize = 500;

/// Messages of one file. Nobody reads more, and making them takes longer than reading the file.
pub(super) const FAULTS_MAX: usize = 500;
