//! The words of the language, once: for messages, highlighting and completion.
//!
//! A test holds this table against `rules.pest`.

/// What a word is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Begins an item of a file.
    Item,
    /// Begins a line or a part inside an item.
    Part,
    /// Joins or compares values.
    Operator,
    /// A value, such as `true`.
    Value,
    /// A day or a span of days in a schedule.
    Day,
    /// A mark on a field of a schema.
    Marker,
}

/// One word of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// The word.
    pub word: &'static str,
    /// What it is for.
    pub class: Class,
    /// Whether it can never be a name. Field names after a dot and before `:` are always free.
    pub reserved: bool,
    /// One line of help.
    pub help: &'static str,
}

macro_rules! keywords {
    ($($word:literal $class:ident $reserved:ident $help:literal;)*) => {
        /// Every word of the language, in alphabetical order.
        pub const KEYWORDS: &[Keyword] = &[$(Keyword {
            word: $word,
            class: Class::$class,
            reserved: keywords!(@$reserved),
            help: $help,
        },)*];
    };
    (@reserved) => { true };
    (@free) => { false };
}

keywords! {
    "after" Part free "moves the clock of a test: `after 20m`";
    "all" Operator reserved "`all of [ … ]` holds when each condition holds";
    "and" Operator reserved "holds when both sides hold";
    "any" Operator reserved "`any of [ … ]`, `any x in xs satisfies ( … )`, and the type that takes anything";
    "as" Part reserved "names the payload of an event, or labels a delivery";
    "at" Part reserved "sets the clock of a test";
    "by" Part reserved "kept for later editions";
    "capture" Operator free "`x | capture(\"pattern\", \"group\")` gives a named group of a pattern";
    "case" Operator free "`ignoring case` compares text without regard to case";
    "choose" Part reserved "takes the first arm whose condition holds";
    "connection" Item reserved "names a connection and its integration: `connection chat: slack`";
    "const" Item reserved "names a value that is known before any event comes";
    "contains" Operator reserved "text in text, or a value in a list";
    "day" Day free "`every day` of the week";
    "deliver" Part reserved "sends one delivery: `deliver chat.send_message { … }`";
    "deprecated" Marker free "marks a field that should not be used any more";
    "each" Part reserved "one value or one delivery for each element of a list";
    "edition" Item reserved "the edition of the language that this file is written in";
    "else" Operator reserved "stands in for a missing value: `lead.name else \"Unknown\"`";
    "empty" Operator free "`is empty` holds for text, lists and records with nothing in them";
    "ends" Operator reserved "`ends with` compares the end of a text";
    "environments" Item reserved "names the environments that workspaces can be in";
    "event" Item free "gives events a schema; inside rules, the event itself";
    "every" Operator reserved "`every x in xs satisfies ( … )` holds when each element does";
    "except" Part free "days on which a schedule is closed";
    "expect" Part reserved "what a test expects to be delivered";
    "false" Value reserved "the opposite of `true`";
    "first_match" Part free "in such a group the first rule that holds sends, and the rest are skipped";
    "for" Part reserved "`for each x in xs { … }` delivers for each element";
    "friday" Day free "a day of the week";
    "from" Part free "names the file that something is read from";
    "given" Part reserved "the event that a test sends";
    "group" Item reserved "rules of which the first that holds sends";
    "ignore" Part reserved "matches and sends nothing, with a reason";
    "ignoring" Operator free "`ignoring case` compares text without regard to case";
    "import" Item reserved "takes a schema from a JSON Schema file";
    "in" Operator reserved "membership in a list, a network or a schedule";
    "is" Operator reserved "equality, presence, and predicates";
    "let" Part reserved "names a value that several lines of a rule use";
    "limit" Part reserved "the most elements that are taken";
    "list" Item reserved "a long list from a file or kept on the workspace; `list of` is a type";
    "map" Operator reserved "`map of T` is the type of objects with free keys";
    "matched" Part free "`expect rule name matched`";
    "matches" Operator reserved "compares text with a pattern: `*`, `?`, `[a-z]`, or `regex \"…\"`";
    "missing" Operator free "`is missing` holds for what is absent or null";
    "monday" Day free "a day of the week";
    "no" Operator reserved "`no x in xs satisfies ( … )`; `expect no chat.send_message`";
    "none" Operator reserved "`none of [ … ]` holds when no condition holds";
    "not" Operator reserved "turns yes into no and no into yes";
    "nothing" Part free "`expect nothing`, `expect nothing else`";
    "null" Value reserved "an explicit JSON null";
    "of" Part reserved "`all of`, `any of`, `none of`, `list of`, `map of`";
    "on" Part reserved "the types of event that a rule is for";
    "only" Part reserved "`only in production` keeps a rule out of other environments";
    "open" Marker free "a schema that allows fields it does not name";
    "or" Operator reserved "holds when one side holds";
    "otherwise" Part reserved "taken when nothing before it was";
    "policy" Item reserved "settings with a name, for `with`";
    "predicate" Item reserved "a condition with a name: `lead is enterprise`";
    "present" Operator free "`is present` holds for what is not missing";
    "regex" Operator free "`matches regex \"…\"` searches with a regular expression";
    "resource" Part free "only events of this resource";
    "resource_id" Part free "only events with this resource id";
    "rule" Item reserved "which events are delivered where";
    "satisfies" Operator reserved "the condition of `any`, `every` and `no`";
    "saturday" Day free "a day of the week";
    "schedule" Item reserved "weekly hours in a time zone";
    "schema" Item reserved "the fields of an event and their types";
    "sensitive" Marker free "marks a field whose value is not shown";
    "skipped" Part free "`expect rule name skipped`";
    "starts" Operator reserved "`starts with` compares the start of a text";
    "sunday" Day free "a day of the week";
    "test" Item reserved "sends events to the rules of the file and looks what would be delivered";
    "thursday" Day free "a day of the week";
    "to" Part free "from one day or time to another";
    "true" Value reserved "the opposite of `false`";
    "tuesday" Day free "a day of the week";
    "unless" Part reserved "holds when its condition is no or unknown";
    "wednesday" Day free "a day of the week";
    "weekdays" Day free "Monday to Friday";
    "weekends" Day free "Saturday and Sunday";
    "when" Part reserved "the condition under which something happens";
    "where" Part reserved "which elements of a list are taken";
    "with" Part reserved "settings of a rule or a delivery";
}

/// The entry of a word.
#[must_use]
pub fn find(word: &str) -> Option<&'static Keyword> {
    KEYWORDS.binary_search_by_key(&word, |keyword| keyword.word).ok().and_then(|at| KEYWORDS.get(at))
}

/// Whether a word can never be a name.
#[must_use]
pub fn is_reserved(word: &str) -> bool {
    find(word).is_some_and(|keyword| keyword.reserved)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{KEYWORDS, find, is_reserved};

    const GRAMMAR: &str = include_str!("../rules.pest");

    fn quoted(text: &str) -> impl Iterator<Item = &str> {
        text.split('"').skip(1).step_by(2)
    }

    #[test]
    fn the_table_is_sorted_and_says_something() {
        assert!(KEYWORDS.is_sorted_by(|a, b| a.word < b.word));
        assert!(KEYWORDS.iter().all(|keyword| keyword.help.len() > 5));
        assert!(find("when").is_some() && find("whenever").is_none());
        assert!(is_reserved("when") && !is_reserved("event"));
    }

    #[test]
    fn the_reserved_words_are_those_of_the_grammar() {
        let from = GRAMMAR.find("reserved    = @{").unwrap();
        let (words, _) = GRAMMAR.split_at(from).1.split_once("!word_char").unwrap();
        // Alternatives are single words, or a head with its tails: `"a" ~ ("ll" | "nd")`.
        let mut grammar: BTreeSet<String> = BTreeSet::new();
        let (_, mut rest) = words.split_once('(').unwrap();
        while let Some((_, found)) = rest.split_once('"') {
            let (head, after) = found.split_once('"').unwrap();
            rest = after;
            if let Some(tails) = after.trim_start().strip_prefix("~ (") {
                let (tails, after) = tails.split_once(')').unwrap();
                grammar.extend(quoted(tails).map(|tail| format!("{head}{tail}")));
                rest = after;
            } else {
                grammar.insert(head.to_owned());
            }
        }
        let table = KEYWORDS.iter().filter(|keyword| keyword.reserved);
        let table: BTreeSet<String> = table.map(|keyword| keyword.word.to_owned()).collect();
        assert_eq!(table, grammar);
    }

    #[test]
    fn the_words_are_those_of_the_grammar() {
        let rules = GRAMMAR.lines().filter(|line| line.starts_with("kw_"));
        let mut grammar: BTreeSet<&str> = rules.filter_map(|line| quoted(line).next()).collect();
        // `true` and `false` are literals, `by` is kept for later.
        grammar.extend(["true", "false", "by"]);
        let table: BTreeSet<&str> = KEYWORDS.iter().map(|keyword| keyword.word).collect();
        assert_eq!(table, grammar);
    }
}
