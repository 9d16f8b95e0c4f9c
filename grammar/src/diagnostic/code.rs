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
    E0201 "something is declared twice";
    E0202 "nothing is called like that";
    E0203 "a schema has no such field";
    E0204 "no type or schema is called like that";
    E0205 "something is explained by itself";
    E0206 "something is used before it is declared";
    E0207 "a field that not every event of a rule has";
    E0208 "a name that means something else already";
    E0209 "no environment is called like that";
    E0210 "no policy is called like that";
    E0211 "two event patterns speak of the same events";
    E0212 "an event declaration that disagrees with the workspace";
    E0213 "a schedule is wanted";
    E0214 "no integration is called like that";
    E0215 "a name that is no value by itself";
    E0216 "no transform is called like that";
    E0217 "a file that is not there";
    E0219 "no time zone is called like that";
    E0220 "hours that no day has";
    E0221 "no connection is called like that";
    E0222 "a JSON Schema that cannot be read";
    E0223 "a connection that is not set up";
    E0224 "a connection of another integration";
    W0225 "a part of a JSON Schema that is not understood";
    W0230 "a name that nothing uses";
    W0231 "a list that the workspace does not keep";
    // ------------------------------------------------------------------ E03 types and missing values
    E0301 "a value where a condition is wanted";
    E0302 "a type that cannot fit";
    E0303 "a text that is no value of its type";
    E0304 "a required field that may be missing";
    E0305 "a hole that may be missing";
    E0306 "a value that cannot occur";
    E0307 "`else` after something that is never missing";
    W0307 "a condition that is silent when a value is missing";
    E0308 "an order between things that have none";
    W0308 "a question that has always the same answer";
    E0309 "`contains` on something that holds nothing";
    E0310 "a value of the wrong kind";
    E0311 "arithmetic that cannot be done";
    E0312 "a transform of the wrong kind of value";
    E0313 "a transform with the wrong arguments";
    E0314 "a number with too many digits";
    E0315 "a day or time that does not exist";
    E0316 "a pattern that cannot be read";
    E0317 "a regular expression that cannot be read";
    E0318 "`in` on something that is no list";
    E0319 "a field of something that has no fields";
    E0320 "a look-up that cannot be";
    E0321 "a list is wanted";
    E0322 "a const that depends on the event";
    E0324 "a spread of something that is no record";
    E0325 "a pattern that depends on the event";
    E0326 "a question for emptiness of something that never is";
    E0327 "`ignoring case` of something that is no text";
    E0328 "a list of texts to look for that is none";
    E0329 "a list of conditions that is none";
    E0330 "a group that the pattern does not have";
    E0332 "a hole with something that is no text";
    E0333 "a value without a declared type where that is refused";
    E0334 "a predicate of the wrong kind of value";
    // ------------------------------------------------------------------ E04 deliveries and actions
    E0401 "no action is called like that";
    E0402 "a required field of an action is not given";
    E0403 "an action has no such field";
    E0404 "a field of an action with the wrong kind of value";
    E0405 "a text that is too long for its field";
    W0405 "a missing list counts as empty";
    E0406 "two deliveries with one label";
    E0407 "no setting is called like that";
    E0408 "a setting with the wrong kind of value";
    E0409 "a setting that is planned";
    E0410 "a policy with the wrong argument";
    W0410 "something sensitive goes to a chat";
    W0411 "a `throttle` that counts everything together";
    W0412 "a regular expression that a plain pattern replaces";
    W0413 "a comparison that a transform makes impossible";
    W0414 "a transform of each element that wants the list";
    W0415 "a deprecated field";
    // ------------------------------------------------------------------ E05 reach and bounds
    E0501 "a limit is exceeded";
    W0502 "a rule that can never be reached";
    E0503 "too many lists inside each other";
    E0504 "an inner list that does not belong to the outer element";
    W0505 "one event may cause very many deliveries";
    E0506 "a limit of nothing";
    W0507 "a rule that no declared event triggers";
    W0508 "a condition that is never yes";
    // ------------------------------------------------------------------ E06 tests
    E0601 "a test names a rule that does not exist";
    E0602 "a test expects a field that the action does not have";
    E0603 "a test sends a pattern instead of an event";
    W0604 "a payload that does not fit its schema";
    E0605 "a payload file that is not there";
    E0606 "a payload file that is not JSON";
    E0607 "a test expects before it sends";
    W0609 "a test that cannot fail";
    E0610 "a test failed: something was not sent";
    E0611 "a test failed: something was sent";
    E0612 "a test failed: something else was sent";
    E0613 "a test failed: a rule answered otherwise";
    E0614 "a test failed: its event cannot be sent";
}
