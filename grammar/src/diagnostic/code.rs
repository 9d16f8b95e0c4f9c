//! Every message number. A number that was ever released is never given to another message.

use serde::Serialize;

/// The number of a message: `E` or `W`, then two digits for the subject and two for the message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Code(&'static str);

impl Code {
    /// The number as text, such as `E0203`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// A code with what it is about.
#[derive(Clone, Copy, Debug)]
pub struct CodeEntry {
    /// The code.
    pub code: Code,
    /// What it says, in a few words.
    pub summary: &'static str,
}

macro_rules! codes {
    ($($name:ident $summary:literal;)*) => {
        impl Code {
            $(#[doc = $summary] pub const $name: Code = Code(stringify!($name));)*
        }
        /// Every code, in the order of the list.
        pub const CODES: &[CodeEntry] = &[$(CodeEntry { code: Code::$name, summary: $summary },)*];
    };
}

// E01 writing, E02 names, E03 types and missing values, E04 deliveries and actions,
// E05 reach and bounds, E06 tests; W for warnings in the same ranges.
codes! {
    // ------------------------------------------------------------------ E01 writing
    E0101 "something stands where nothing of the kind can";
    E0102 "an operator from another language";
    E0108 "`and` and `or` are mixed";
    // ------------------------------------------------------------------ E02 names
    E0203 "a schema has no such field";
    // ------------------------------------------------------------------ E03 types and missing values
    E0302 "a type that cannot fit";
    // ------------------------------------------------------------------ E04 deliveries and actions
    E0402 "a required field of an action is not given";
    // ------------------------------------------------------------------ E05 reach and bounds
    E0504 "an inner list that does not belong to the outer element";
    // ------------------------------------------------------------------ E06 tests
    E0601 "a test names a rule that does not exist";
}
