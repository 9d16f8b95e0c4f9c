//! The keywords that may stand at a place, each with a few words on what it does.

use crate::context::Frame;

/// A keyword and what it does.
pub(super) type Word = (&'static str, &'static str);

/// Declarations.
pub(super) const ITEMS: &[Word] = &[
    ("rule", "which events are sent where"),
    ("group", "rules of which the first that holds sends"),
    ("connection", "a name for an integration"),
    ("schema", "what a payload looks like"),
    ("event", "which schema an event's payload has"),
    ("const", "a value with a name"),
    ("predicate", "a condition with a name"),
    ("policy", "settings with a name"),
    ("schedule", "weekly hours with a name"),
    ("list", "a list outside of the rules"),
    ("import schema", "a schema from a JSON Schema file"),
    ("environments", "the environments of the workspaces"),
    ("test", "events and what must come of them"),
    ("edition 2026", "the edition of the language; the first line"),
];

const STATEMENTS: &[Word] = &[
    ("deliver", "one delivery"),
    ("choose", "the first arm whose condition holds"),
    ("for each", "deliveries for each element of a list"),
    ("ignore", "matched, and nothing is sent"),
];

const RULE: &[Word] = &[
    ("on", "which events"),
    ("when", "only if this holds"),
    ("unless", "not if this holds"),
    ("let", "a value with a name"),
    ("resource", "only for this resource"),
    ("resource_id", "only for this resource id"),
    ("only in", "only in these environments"),
    ("with", "settings of the deliveries"),
    ("as", "a name for the payload, or a label"),
    ("deliver", "one delivery"),
    ("choose", "the first arm whose condition holds"),
    ("for each", "deliveries for each element of a list"),
    ("ignore", "matched, and nothing is sent"),
];

const BLOCK: &[Word] = &[
    ("deliver", "one delivery"),
    ("choose", "the first arm whose condition holds"),
    ("for each", "deliveries for each element of a list"),
    ("ignore", "matched, and nothing is sent"),
    ("when", "only if this holds"),
    ("unless", "not if this holds"),
    ("with", "settings of the delivery"),
    ("as", "a label for the delivery"),
    ("where", "which elements"),
    ("limit", "at most so many elements"),
];

const GROUP: &[Word] =
    &[("rule", "which events are sent where"), ("otherwise", "when no rule of the group held")];

const CHOOSE: &[Word] = &[
    ("when", "an arm for this condition"),
    ("unless", "an arm for all but this"),
    ("otherwise", "when no arm held"),
];

const TEST: &[Word] = &[
    ("given", "an event comes"),
    ("expect", "what must have come of it"),
    ("after", "time goes by"),
    ("at", "when the test begins"),
    ("in", "the environment of the test"),
    ("from", "the payload is in a file"),
    ("resource", "what the event is about"),
    ("resource_id", "which one it is about"),
];

/// What may go on after a value.
pub(super) const OPERATORS: &[Word] = &[
    ("is", "equal; also a test or a predicate"),
    ("is not", "not equal"),
    ("in", "one of a list, inside of a network or schedule"),
    ("not in", "none of a list"),
    ("contains", "a text or list has it inside"),
    ("starts with", "a text begins with it"),
    ("ends with", "a text ends with it"),
    ("matches", "a text fits a pattern with `*` and `?`"),
    ("matches regex", "a regular expression is found in a text"),
    ("ignoring case", "capitals do not matter"),
    ("and", "both"),
    ("or", "at least one"),
    ("else", "what stands in for a missing value"),
];

/// What may begin a value.
pub(super) const VALUES: &[Word] = &[
    ("not", "the opposite"),
    ("all of", "every condition of a list"),
    ("any of", "at least one condition of a list"),
    ("none of", "no condition of a list"),
    ("any", "some element satisfies a condition"),
    ("every", "each element satisfies a condition"),
    ("no", "no element satisfies a condition"),
    ("each", "a list with something made of each element"),
    ("choose", "the value of the first arm whose condition holds"),
    ("true", ""),
    ("false", ""),
    ("null", "an explicit JSON null"),
];

/// What may follow `is` alone.
pub(super) const TESTS: &[Word] = &[
    ("missing", "absent, null, or not to be had"),
    ("present", "not missing"),
    ("empty", "a text, list or record with nothing in it"),
    ("null", "an explicit JSON null"),
];

/// What may follow a type.
pub(super) const MARKERS: &[Word] = &[
    ("sensitive", "masked wherever people see it"),
    ("deprecated", "should not be used any more"),
    ("limit", "the most elements of a list"),
];

/// What a test may expect besides deliveries.
pub(super) const EXPECTED: &[Word] = &[
    ("no", "no such delivery"),
    ("nothing", "no delivery at all"),
    ("nothing else", "no delivery but those"),
    ("rule", "whether a rule matched"),
];

/// The words that begin a clause or statement in a frame.
pub(super) fn statements(frame: &Frame) -> &'static [Word] {
    match frame {
        Frame::Rule => RULE,
        Frame::Group => GROUP,
        Frame::ChooseStatement => CHOOSE,
        Frame::Test => TEST,
        Frame::Block => BLOCK,
        _ => STATEMENTS,
    }
}
