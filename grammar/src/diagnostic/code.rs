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
    E0103 "a bracket without a partner";
    E0104 "text that is not closed";
    E0105 "brackets or expressions nested too deeply";
    E0106 "a file that is too large";
    E0107 "an item that is too long to read";
    E0108 "`and` and `or` are mixed";
    E0109 "a line that begins no item";
    E0110 "a word of the language used as a name";
    E0111 "a name with characters that names cannot have";
    E0112 "text in quotation marks from elsewhere";
    E0113 "an escape that does not exist";
    E0114 "a `{` in text that opens no hole";
    E0115 "a number that is written otherwise here";
    E0116 "a duration that is written otherwise here";
    E0117 "two comparisons in a row";
    E0118 "a quantifier that is written otherwise here";
    E0119 "a place in a list that is written otherwise here";
    E0120 "a condition after `satisfies` without parentheses";
    E0121 "a semicolon";
    E0122 "a field name that needs quotation marks";
    E0123 "a comment from another language";
    E0124 "`if`, `? :` and other branches from elsewhere";
    E0125 "something written twice";
    E0126 "a rule without `on`";
    E0127 "braces with nothing in them to do";
    E0128 "an edition that does not exist";
    E0129 "an edition that is not at the top";
    E0130 "a name that is taken by the language";
    E0131 "`else` after something that cannot be missing";
    E0132 "a part of a rule in the wrong place";
    E0133 "a date or a time that is written otherwise here";
    E0134 "a character that cannot be seen";
    E0135 "a literal that is too large";
    E0136 "a function call";
    E0137 "a comma is missing";
    E0138 "a field without `:`";
    E0139 "a hole where the text must be fixed";
    W0101 "a description of nothing";
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
