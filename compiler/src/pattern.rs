//! Patterns and sets that are built once, while compiling: globs, regular expressions, needles.

use std::sync::Arc;

/// A glob: `*` any run, `?` one character, `[a-z]` and `[!a]` classes, `[*]` and `\*` literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    /// As written.
    pub text: Arc<str>,
    /// Unicode simple case folding on both sides.
    pub fold: bool,
}

/// A compiled regular expression; searched, linear in the text.
#[derive(Clone, Debug)]
pub struct Regex {
    /// As written.
    pub text: Arc<str>,
}

/// Texts to look for.
#[derive(Clone, Debug)]
pub struct NeedleSet {
    /// As written.
    pub texts: Vec<Box<str>>,
}

/// A list known while compiling, for membership.
#[derive(Clone, Debug)]
pub struct ConstantSet {
    /// As written.
    pub values: Vec<crate::value::Value<'static>>,
}
