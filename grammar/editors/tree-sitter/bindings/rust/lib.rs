//! The tree-sitter grammar of rule files as a Rust value; editors use `src/parser.c` instead.

use tree_sitter_language::LanguageFn;

unsafe extern "C" {
    fn tree_sitter_fanwise() -> *const ();
}

/// The language, for `tree_sitter::Parser::set_language`.
// SAFETY: the function is the one that `tree-sitter generate` wrote into `src/parser.c`; it takes
// nothing and answers with a pointer to a static table.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_fanwise) };

/// Colours.
pub const HIGHLIGHTS_QUERY: &str = include_str!("../../queries/highlights.scm");

/// What can be folded.
pub const FOLDS_QUERY: &str = include_str!("../../queries/folds.scm");

/// Which names a scope declares.
pub const LOCALS_QUERY: &str = include_str!("../../queries/locals.scm");
