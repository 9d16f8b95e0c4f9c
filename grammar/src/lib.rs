//! Rule text to a tree, and what is wrong with it.
//!
//! Nothing here fails: text that cannot be read is reported and becomes a broken node, so that one
//! pass shows every mistake of a file.
//!
//! - [`source`] and [`span`]: text and places in it
//! - [`ast`]: the tree as written
//! - [`parse`](fn@parse): text to tree
//! - [`format`](mod@format): tree to text, in the one style; [`json`]: tree to JSON and back
//! - [`diagnostic`]: messages as values, as text and as JSON
//! - [`keywords`]: the words of the language
//! - [`suggest`]: the nearest of some words
#![forbid(unsafe_code)]

pub mod ast;
#[cfg(test)]
mod chance;
pub mod diagnostic;
pub mod format;
pub mod json;
pub mod keywords;
mod parse;
pub mod source;
pub mod span;
pub mod suggest;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use parse::{Parsed, parse};
pub use source::Source;
pub use span::{Ident, SourceId, Span, Spanned};
