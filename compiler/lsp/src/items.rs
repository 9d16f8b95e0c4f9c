//! Where each declaration of a file begins and ends, read from tokens so that broken text has them too.

use std::ops::Range;

use crate::tokens::{Kind, Token};

/// Words that begin a declaration.
const BEGIN: &[&str] = &[
    "environments",
    "connection",
    "import",
    "schema",
    "event",
    "const",
    "list",
    "predicate",
    "policy",
    "schedule",
    "rule",
    "group",
    "test",
];

/// A declaration as far as tokens tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemSpan {
    /// Its first word: `rule`, `const` …
    pub(crate) word: &'static str,
    /// From its first word to its last token.
    pub(crate) bytes: Range<usize>,
    /// Positions of its tokens.
    pub(crate) tokens: Range<usize>,
    /// Its name; the title of a test, the pattern of an event.
    pub(crate) name: Option<Range<usize>>,
}

impl ItemSpan {
    /// Whether other declarations cannot refer to what is inside of it.
    pub(crate) fn is_leaf(&self) -> bool {
        matches!(self.word, "rule" | "group" | "test")
    }
}

/// The declarations of a file in written order. Declarations do not nest, except that a group holds
/// its rules, so a word at the start of a line begins one even where braces are still open.
pub(crate) fn items(text: &str, tokens: &[Token]) -> Vec<ItemSpan> {
    let mut found: Vec<ItemSpan> = Vec::new();
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        let is_group = depth > 0 && found.last().is_some_and(|item| item.word == "group");
        if let Some(word) = begins(text, tokens, at, depth, is_group) {
            depth = 0;
            found.push(ItemSpan { word, bytes: token.start..token.end, tokens: at..at + 1, name: None });
        } else if token.kind == Kind::Sign {
            match token.text(text) {
                "{" | "[" | "(" => depth += 1,
                "}" | "]" | ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if let Some(item) = found.last_mut() {
            item.bytes.end = token.end;
            item.tokens.end = at + 1;
        }
    }
    for item in &mut found {
        item.name = name(text, tokens.get(item.tokens.clone()).unwrap_or_default(), item.word);
    }
    found
}

fn begins(text: &str, tokens: &[Token], at: usize, depth: usize, in_group: bool) -> Option<&'static str> {
    let token = tokens.get(at).filter(|token| token.kind == Kind::Word)?;
    let word = *BEGIN.iter().find(|word| **word == token.text(text))?;
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let gap = text.get(before.map_or(0, |token| token.end)..token.start).unwrap_or_default();
    let first_on_line = before.is_none() || gap.contains('\n');
    let at_margin = before.is_none() || gap.ends_with('\n');
    let next = tokens.get(at + 1);
    let is_key = next.is_some_and(|next| next.is(text, ":") || next.is(text, "."));
    let is_schema_of_import = word == "schema" && before.is_some_and(|token| token.is(text, "import"));
    let stands =
        if depth == 0 { first_on_line || before.is_some_and(|b| b.is(text, "}")) } else { at_margin };
    let is_inner = is_key || is_schema_of_import || word == "rule" && in_group;
    (stands && !is_inner).then_some(word)
}

/// The declared name among a declaration's tokens.
fn name(text: &str, tokens: &[Token], word: &str) -> Option<Range<usize>> {
    let skip = if word == "import" { 2 } else { 1 };
    let first = tokens.get(skip)?;
    match word {
        "environments" => None,
        "event" => {
            let rest = tokens.get(skip..)?;
            let parts = rest.iter().take_while(|token| !token.is(text, ":"));
            Some(first.start..parts.last()?.end)
        }
        "test" => {
            let end = tokens.iter().skip(skip).find(|token| token.kind == Kind::TextEnd)?;
            (first.kind == Kind::TextStart).then_some(first.start..end.end)
        }
        _ => (first.kind == Kind::Word).then_some(first.start..first.end),
    }
}

/// The text with everything else than some byte ranges made blank, so that offsets stay what they are.
/// What follows the last range is left away.
pub(crate) fn only(text: &str, keep: &[Range<usize>]) -> String {
    let end = keep.iter().map(|range| range.end).max().unwrap_or_default();
    let mut blank = String::with_capacity(end);
    let mut at = 0;
    for range in keep {
        let gap = text.get(at..range.start).unwrap_or_default();
        blank.extend(gap.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        blank.push_str(text.get(range.start.max(at)..range.end).unwrap_or_default());
        at = range.end.max(at);
    }
    blank
}

/// The byte range from an item's description to its end: everything since the item before.
pub(crate) fn with_docs(items: &[ItemSpan], at: usize) -> Range<usize> {
    let before = at.checked_sub(1).and_then(|at| items.get(at)).map_or(0, |item| item.bytes.end);
    let end = items.get(at).map_or(before, |item| item.bytes.end);
    before..end
}

#[cfg(test)]
mod tests {
    use super::{items, only};
    use crate::tokens::tokens;

    fn found(text: &str) -> Vec<(&'static str, &str)> {
        let tokens = tokens(text);
        let name =
            |item: &super::ItemSpan| item.name.clone().and_then(|name| text.get(name)).unwrap_or_default();
        items(text, &tokens).iter().map(|item| (item.word, name(item))).collect()
    }

    #[test]
    fn declarations_are_found_by_their_first_word() {
        let text = "edition 2026\nconnection crm: hubspot\nimport schema Order from \"o.json\"\nevent order.*: Order\n\
                    group g first_match {\n  rule a { on x ignore }\nrule b { on event.x ignore }\n}\n\
                    test \"b {x}\" {\n given a { event: 1 }\n}\nlist vips const x = 1\nenvironments { a b }";
        assert_eq!(
            found(text),
            [
                ("connection", "crm"),
                ("import", "Order"),
                ("event", "order.*"),
                ("group", "g"),
                ("test", "\"b {x}\""),
                ("list", "vips"),
                ("environments", ""),
            ]
        );
    }

    #[test]
    fn an_open_brace_does_not_swallow_the_rest() {
        let text = "rule a {\n  on x as y\n  deliver c.\n\nrule b {\n  on x\n}\nconst c = [\nrule d {";
        assert_eq!(found(text), [("rule", "a"), ("rule", "b"), ("const", "c"), ("rule", "d")]);
    }

    #[test]
    fn offsets_stay_when_the_rest_is_blank() {
        let text = "ä b\nconst x = 1\nrule";
        let kept = only(text, std::slice::from_ref(&(5..16)));
        assert_eq!(kept, "    \nconst x = 1");
    }
}
