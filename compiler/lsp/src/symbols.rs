//! The outline of a file.

use std::ops::Range;

use lsp_types::{DocumentSymbol, SymbolKind};

use crate::file::File;
use crate::items::ItemSpan;
use crate::tokens::Kind;

/// Every declaration of a file; groups hold their rules.
pub(crate) fn symbols(file: &File) -> Vec<DocumentSymbol> {
    file.items.iter().map(|item| symbol(file, item)).collect()
}

fn symbol(file: &File, item: &ItemSpan) -> DocumentSymbol {
    let children = if item.word == "group" { rules(file, item) } else { Vec::new() };
    let name = item.name.clone().unwrap_or(item.bytes.start..item.bytes.start + item.word.len());
    let detail = match item.word {
        "connection" | "event" => after_colon(file, item),
        _ => None,
    };
    made(
        file,
        kind(item.word),
        item.bytes.clone(),
        name,
        Some(detail.unwrap_or(item.word.to_owned())),
        children,
    )
}

fn kind(word: &str) -> SymbolKind {
    match word {
        "environments" => SymbolKind::ENUM,
        "connection" => SymbolKind::MODULE,
        "schema" | "import" => SymbolKind::STRUCT,
        "event" => SymbolKind::EVENT,
        "const" | "list" | "schedule" => SymbolKind::CONSTANT,
        "group" => SymbolKind::NAMESPACE,
        "test" => SymbolKind::METHOD,
        "policy" => SymbolKind::OBJECT,
        _ => SymbolKind::FUNCTION,
    }
}

fn after_colon(file: &File, item: &ItemSpan) -> Option<String> {
    let colon = item.tokens.clone().find(|at| file.token(*at) == ":")?;
    Some(format!("{}: {}", item.word, file.token(colon + 1)))
}

/// The rules of a group.
fn rules(file: &File, group: &ItemSpan) -> Vec<DocumentSymbol> {
    let mut depth = 0usize;
    let mut found: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for at in group.tokens.clone() {
        let Some(token) = file.tokens.get(at) else { continue };
        match (token.kind, file.token(at)) {
            (Kind::Sign, "{" | "[" | "(") => depth += 1,
            (Kind::Sign, "}" | "]" | ")") => depth = depth.saturating_sub(1),
            (Kind::Word, "rule") if depth == 1 => {
                if let Some(name) = file.tokens.get(at + 1).filter(|name| name.kind == Kind::Word) {
                    found.push((token.start..name.end, name.start..name.end));
                }
            }
            _ => {}
        }
        let inside = depth > 1 || file.token(at) == "}" && depth == 1;
        if let Some((bytes, _)) = found.last_mut().filter(|_| inside) {
            bytes.end = bytes.end.max(token.end);
        }
    }
    let rule =
        |(bytes, name)| made(file, SymbolKind::FUNCTION, bytes, name, Some("rule".to_owned()), Vec::new());
    found.into_iter().map(rule).collect()
}

#[expect(deprecated, reason = "the protocol's type has a field that is no longer used and must be filled in")]
fn made(
    file: &File,
    kind: SymbolKind,
    bytes: Range<usize>,
    name: Range<usize>,
    detail: Option<String>,
    children: Vec<DocumentSymbol>,
) -> DocumentSymbol {
    DocumentSymbol {
        name: file.str().get(name.clone()).unwrap_or_default().to_owned(),
        detail,
        kind,
        tags: None,
        deprecated: None,
        range: file.text.range(bytes),
        selection_range: file.text.range(name),
        children: (!children.is_empty()).then_some(children),
    }
}
