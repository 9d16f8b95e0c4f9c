//! Patterns and sets that are built once, while compiling: globs, regular expressions, needles.
//!
//! All of them answer in time linear in the text they are asked about, whatever the pattern is.

mod fold;
mod glob;
mod needles;
mod regex;
mod set;

pub use fold::{fold, fold_char};
pub use glob::Glob;
pub use needles::NeedleSet;
pub use regex::Regex;
pub use set::{ConstantSet, OutsideSet};

/// Why a pattern cannot be used. Offsets are bytes from the start of the pattern's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A `[` without its `]`.
    #[error("the `[` is never closed")]
    UnclosedClass {
        /// Where the `[` stands.
        at: usize,
    },
    /// `[]` or `[!]`.
    #[error("nothing stands between `[` and `]`")]
    EmptyClass {
        /// Where the `[` stands.
        at: usize,
    },
    /// `[z-a]`
    #[error("the range runs backwards")]
    BackwardRange {
        /// Where its first character stands.
        at: usize,
    },
    /// A backslash before a letter or digit, or at the end. Reading it as the letter would surprise
    /// whoever meant a tab or a Windows path.
    #[error("a backslash must be followed by a character that is not a letter or digit")]
    LoneBackslash {
        /// Where the backslash stands.
        at: usize,
    },
    /// More characters than allowed.
    #[error("the pattern has {chars} characters, and {chars_max} are allowed")]
    TooLong {
        /// How many there are.
        chars: usize,
        /// How many are allowed.
        chars_max: usize,
    },
    /// The compiled program would be too big.
    #[error("the pattern needs more than {bytes_max} bytes once compiled")]
    TooLarge {
        /// How many bytes are allowed.
        bytes_max: usize,
    },
    /// The regular expression is not one.
    #[error("{message}")]
    Syntax {
        /// What is wrong, in a few words.
        message: Box<str>,
        /// Where, when it is known.
        at: Option<usize>,
    },
}
