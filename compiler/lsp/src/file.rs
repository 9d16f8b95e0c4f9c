//! One file of a bundle as it stands in the editor or on disk, split into its declarations.

use std::cell::OnceCell;
use std::ops::Range;
use std::path::PathBuf;

use grammar::{Source, SourceId, ast};

use crate::items::{self, ItemSpan};
use crate::position::Text;
use crate::tokens::{Token, tokens};

/// A file. A change makes a new one.
#[derive(Debug)]
pub(crate) struct File {
    /// Its number in spans.
    pub(crate) id: SourceId,
    /// Where it is on disk.
    pub(crate) path: PathBuf,
    /// Its path inside the bundle, with `/`.
    pub(crate) name: Box<str>,
    /// Its text.
    pub(crate) text: Text,
    /// The editor's version, when it is open there.
    pub(crate) version: Option<i32>,
    /// Its tokens; none when it is no rule file.
    pub(crate) tokens: Vec<Token>,
    /// Its declarations.
    pub(crate) items: Vec<ItemSpan>,
    declarations: OnceCell<ast::File>,
}

impl File {
    /// Reads a text.
    pub(crate) fn new(id: SourceId, path: PathBuf, name: Box<str>, text: Text, version: Option<i32>) -> Self {
        let tokens = if is_rule_file(&name) { tokens(text.as_str()) } else { Vec::new() };
        let items = items::items(text.as_str(), &tokens);
        Self { id, path, name, text, version, tokens, items, declarations: OnceCell::new() }
    }

    /// Its text.
    pub(crate) fn str(&self) -> &str {
        self.text.as_str()
    }

    /// Whether it holds rules.
    pub(crate) fn is_rules(&self) -> bool {
        is_rule_file(&self.name)
    }

    /// A token's text.
    pub(crate) fn token(&self, at: usize) -> &str {
        self.tokens.get(at).map(|token| token.text(self.str())).unwrap_or_default()
    }

    /// The tree of everything but rules, groups and tests. Offsets are those of the file.
    pub(crate) fn declarations(&self) -> &ast::File {
        self.declarations.get_or_init(|| self.parse(&self.declarations_text()))
    }

    /// The text of everything but rules, groups and tests, at the same offsets.
    pub(crate) fn declarations_text(&self) -> String {
        self.text_with(|item| !item.is_leaf())
    }

    /// The text of some declarations, at the same offsets.
    pub(crate) fn text_with(&self, keep: impl Fn(&ItemSpan) -> bool) -> String {
        let kept = self.items.iter().enumerate().filter(|(_, item)| keep(item));
        let ranges: Vec<Range<usize>> = kept.map(|(at, _)| items::with_docs(&self.items, at)).collect();
        items::only(self.str(), &ranges)
    }

    /// The word around or before a byte, such as the name under the pointer.
    pub(crate) fn word_at(&self, offset: usize) -> Option<&Token> {
        let word = |token: &&Token| token.kind == crate::tokens::Kind::Word;
        let mut near = self.tokens.iter().filter(|token| token.start <= offset && offset <= token.end);
        near.rfind(word)
    }

    /// The first type of event that each `on` and `given` names.
    pub(crate) fn event_types(&self) -> impl Iterator<Item = &str> {
        let begins =
            |at: usize| matches!(self.token(at), "on" | "given") && self.items.iter().any(|i| i.is_leaf());
        (0..self.tokens.len()).filter(move |at| begins(*at)).filter_map(|at| {
            let rest = self.str().get(self.tokens.get(at)?.end..)?.trim_start_matches([' ', '\t']);
            let end = rest.find(|one: char| one.is_whitespace() || one == ',').unwrap_or(rest.len());
            let pattern = rest.get(..end)?;
            let fits = pattern.chars().all(|one| one.is_ascii_alphanumeric() || "._-*".contains(one));
            (fits && !pattern.is_empty()).then_some(pattern)
        })
    }

    fn parse(&self, text: &str) -> ast::File {
        grammar::parse(&Source::new(self.id, self.name.clone(), text)).file
    }
}

/// Whether a file of that name holds rules.
pub(crate) fn is_rule_file(name: &str) -> bool {
    name.ends_with(".route")
}
