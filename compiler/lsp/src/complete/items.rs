//! Proposals as the protocol wants them.

use std::fmt::Write as _;
use std::ops::Range;

use lsp_types::{
    Command, CompletionItem, CompletionItemKind, CompletionItemTag, CompletionTextEdit, Documentation,
    InsertTextFormat, MarkupContent, MarkupKind, TextEdit,
};

use super::Taste;
use super::words::Word;
use crate::position::Text;

/// One proposal before it is written down.
pub(super) struct Proposal {
    label: String,
    kind: CompletionItemKind,
    detail: String,
    docs: String,
    insert: String,
    /// With places to fill in, when the editor can do that.
    snippet: Option<String>,
    is_key: bool,
    deprecated: bool,
    /// Whether to ask for the next proposals at once.
    triggers: bool,
}

impl Proposal {
    pub(super) fn new(label: impl Into<String>, kind: CompletionItemKind) -> Self {
        let label = label.into();
        Self {
            insert: label.clone(),
            label,
            kind,
            detail: String::new(),
            docs: String::new(),
            snippet: None,
            is_key: false,
            deprecated: false,
            triggers: false,
        }
    }

    /// A text literal; inside of quotation marks without them.
    pub(super) fn text(value: &str, quoted: bool) -> Self {
        let escaped: String = value.chars().flat_map(escape).collect();
        let written = if quoted { escaped } else { format!("\"{escaped}\"") };
        Self::new(written, CompletionItemKind::ENUM_MEMBER)
    }

    pub(super) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    pub(super) fn docs(self, docs: impl Into<String>) -> Self {
        Self { docs: docs.into(), ..self }
    }

    pub(super) fn inserts(self, insert: String) -> Self {
        Self { insert, ..self }
    }

    pub(super) fn triggers(self, triggers: bool) -> Self {
        Self { triggers, ..self }
    }

    pub(super) fn deprecated(self, deprecated: bool) -> Self {
        Self { deprecated, ..self }
    }

    /// A key of a record: a colon follows.
    pub(super) fn key(self) -> Self {
        Self { is_key: true, ..self }
    }

    /// A key whose value is a record.
    pub(super) fn opens(self, opens: bool) -> Self {
        let snippet = opens.then(|| format!("{}: {{ $0 }}", self.label));
        Self { snippet, ..self }
    }

    /// A transform; with brackets when it takes something.
    pub(super) fn call(self, takes: bool) -> Self {
        let snippet = takes.then(|| format!("{}($1)", self.label));
        Self { snippet, ..self }
    }

    /// An action with the fields that it cannot do without.
    pub(super) fn with_record(self, required: Vec<&str>) -> Self {
        let mut snippet = format!("{} {{", self.label);
        for (at, field) in required.iter().enumerate() {
            let _ = write!(snippet, "\n  {field}: ${}", at + 1);
        }
        snippet.push_str(if required.is_empty() { " $0 }" } else { "\n}" });
        Self { snippet: Some(snippet), ..self }
    }

    /// A step that is no name is written in quotation marks.
    pub(super) fn quoted_unless_name(self) -> Self {
        let is_name = self.label.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
            && !self.label.starts_with(|one: char| one.is_ascii_digit());
        match is_name {
            true => self,
            false => Self { insert: format!("\"{}\"", self.label), ..self },
        }
    }
}

fn escape(one: char) -> impl Iterator<Item = char> {
    let marked = matches!(one, '"' | '\\' | '{' | '}');
    marked.then_some('\\').into_iter().chain([one])
}

/// Proposals for one place, best first.
pub(super) struct Items<'c> {
    bytes: Range<usize>,
    taste: Taste,
    /// The text after the place.
    follows: &'c str,
    all: Vec<Proposal>,
}

impl<'c> Items<'c> {
    pub(super) fn new(bytes: Range<usize>, taste: Taste, follows: &'c str) -> Self {
        Self { bytes, taste, follows, all: Vec::new() }
    }

    /// Takes a proposal; the first one of a label stays.
    pub(super) fn push(&mut self, proposal: Proposal) {
        if !self.all.iter().any(|one| one.label == proposal.label) {
            self.all.push(proposal);
        }
    }

    pub(super) fn words(&mut self, words: &[Word]) {
        for (word, what) in words {
            self.push(Proposal::new(*word, CompletionItemKind::KEYWORD).detail(*what));
        }
    }

    /// The proposals as edits of the text.
    pub(super) fn finish(self, text: &Text) -> Vec<CompletionItem> {
        let range = text.range(self.bytes.clone());
        let (follows, taste) = (self.follows, self.taste);
        let item = |(at, one): (usize, Proposal)| {
            let mut new_text = one.insert;
            let mut format = InsertTextFormat::PLAIN_TEXT;
            if one.is_key && !follows.starts_with(':') {
                new_text.push_str(": ");
            }
            let goes_on = follows.starts_with(['(', '{', ':']);
            if let Some(snippet) = one.snippet.filter(|_| taste.snippets && !goes_on) {
                new_text = snippet;
                format = InsertTextFormat::SNIPPET;
            }
            let docs = MarkupContent { kind: MarkupKind::Markdown, value: one.docs };
            let again = Command::new("Propose".to_owned(), "editor.action.triggerSuggest".to_owned(), None);
            CompletionItem {
                label: one.label,
                kind: Some(one.kind),
                detail: (!one.detail.is_empty()).then_some(one.detail),
                documentation: (!docs.value.is_empty()).then_some(Documentation::MarkupContent(docs)),
                sort_text: Some(format!("{at:04}")),
                insert_text_format: Some(format),
                text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text })),
                tags: one.deprecated.then(|| vec![CompletionItemTag::DEPRECATED]),
                command: one.triggers.then_some(again),
                ..CompletionItem::default()
            }
        };
        self.all.into_iter().enumerate().map(item).collect()
    }
}
