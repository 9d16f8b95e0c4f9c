//! The tree of a rule file, as written: nothing is resolved, nothing is left out.
//!
//! Every node carries its span. Parentheses stay, so that text, tree and text again are the same.

mod expr;
mod item;
mod schedule;
mod test;
mod types;

pub use expr::*;
pub use item::*;
pub use schedule::*;
pub use test::*;
pub use types::*;
