//! Answers to an editor's questions.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

use grammar::keywords;
use lsp_server::{ErrorCode, Request};
use lsp_types::request::{
    CodeActionRequest, Completion, DocumentHighlightRequest, DocumentSymbolRequest, Formatting,
    GotoDefinition, HoverRequest, PrepareRenameRequest, References, Rename, Request as _,
};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionParams, CompletionParams, CompletionResponse,
    DocumentFormattingParams, DocumentHighlight, DocumentHighlightParams, DocumentSymbolParams,
    DocumentSymbolResponse, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverContents, HoverParams,
    Location, MarkupContent, MarkupKind, PrepareRenameResponse, ReferenceParams, RenameParams,
    TextDocumentPositionParams, TextEdit, Uri, WorkspaceEdit,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Refused, Server, path_or_name};
use crate::analysis::{Analysis, Target};
use crate::check::{self, Change, Snapshot};
use crate::complete;
use crate::context::Context;
use crate::file::File;
use crate::project::Project;
use crate::symbols;

/// An answer; `None` is `null`.
type Answer<T> = Result<Option<T>, Refused>;

impl Server<'_> {
    /// Answers a request.
    pub(super) fn answer(&mut self, request: Request) -> Result<Value, Refused> {
        let params = request.params;
        match request.method.as_str() {
            Completion::METHOD => self.with(params, Self::completion),
            HoverRequest::METHOD => self.with(params, Self::hover),
            GotoDefinition::METHOD => self.with(params, Self::definition),
            References::METHOD => self.with(params, Self::references),
            DocumentHighlightRequest::METHOD => self.with(params, Self::highlight),
            DocumentSymbolRequest::METHOD => self.with(params, Self::symbols),
            CodeActionRequest::METHOD => self.with(params, Self::fixes),
            PrepareRenameRequest::METHOD => self.with(params, Self::prepare_rename),
            Rename::METHOD => self.with(params, Self::rename),
            Formatting::METHOD => self.with(params, Self::formatting),
            method => Err(Refused::new(ErrorCode::MethodNotFound, format!("`{method}` is not known here"))),
        }
    }

    fn with<P: DeserializeOwned, T: Serialize>(
        &mut self,
        params: Value,
        answer: fn(&mut Self, P) -> Answer<T>,
    ) -> Result<Value, Refused> {
        let wrong = |error: serde_json::Error| Refused::new(ErrorCode::InvalidParams, error.to_string());
        let params = serde_json::from_value(params).map_err(wrong)?;
        let failed = |error: serde_json::Error| Refused::new(ErrorCode::InternalError, error.to_string());
        serde_json::to_value(answer(self, params)?).map_err(failed)
    }

    /// The bundle and the place on disk of a document.
    fn place_of(&self, uri: &Uri) -> (PathBuf, PathBuf) {
        let path = path_or_name(uri);
        (self.root(uri, &path), path)
    }

    /// The open document, the bundle around it, and a byte in it.
    fn at(&self, place: &TextDocumentPositionParams) -> Option<(&Project, Analysis<'_>, &File, usize)> {
        let (project, analysis, file) = self.document(&place.text_document.uri)?;
        Some((project, analysis, file, file.text.offset(place.position)))
    }

    fn document(&self, uri: &Uri) -> Option<(&Project, Analysis<'_>, &File)> {
        let (root, path) = self.place_of(uri);
        let project = self.projects.get(&root)?;
        Some((project, project.analysis(&self.world.catalogue), project.file(&path)?))
    }

    fn completion(&mut self, params: CompletionParams) -> Answer<CompletionResponse> {
        let Some((_, analysis, file, offset)) = self.at(&params.text_document_position) else {
            return Ok(None);
        };
        if !file.is_rules() {
            return Ok(None);
        }
        Ok(Some(CompletionResponse::Array(complete::complete(&analysis, file, offset, self.taste))))
    }

    fn hover(&mut self, params: HoverParams) -> Answer<Hover> {
        let Some((_, analysis, file, offset)) = self.at(&params.text_document_position_params) else {
            return Ok(None);
        };
        let (token, text) = match analysis.name_at(file, offset) {
            Some((at, target)) => {
                let context = Context::of_token(file, at);
                let ty = match &target {
                    Target::Local(local) => {
                        let at = context.locals.iter().position(|one| one.bytes == local.bytes);
                        let known = at.map(|at| analysis.type_of_local(&context.locals, at));
                        known.unwrap_or_else(|| analysis.type_of_local(std::slice::from_ref(local), 0))
                    }
                    _ => compiler::types::Type::Any,
                };
                (file.tokens.get(at), analysis.hover(&target, &ty))
            }
            None => {
                let word = file.word_at(offset);
                let keyword = word.and_then(|word| keywords::find(word.text(file.str())));
                (word, keyword.map(|keyword| format!("`{}`: {}", keyword.word, keyword.help)))
            }
        };
        let (Some(token), Some(value)) = (token, text) else { return Ok(None) };
        let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
        Ok(Some(Hover { contents, range: Some(file.text.range(token.start..token.end)) }))
    }

    fn definition(&mut self, params: GotoDefinitionParams) -> Answer<GotoDefinitionResponse> {
        let Some((project, analysis, file, offset)) = self.at(&params.text_document_position_params) else {
            return Ok(None);
        };
        let place = analysis.definition(file, offset);
        let location = place.and_then(|(file, bytes)| location(project, file, bytes));
        Ok(location.map(GotoDefinitionResponse::Scalar))
    }

    fn references(&mut self, params: ReferenceParams) -> Answer<Vec<Location>> {
        let Some((project, analysis, file, offset)) = self.at(&params.text_document_position) else {
            return Ok(None);
        };
        let declared = analysis.definition(file, offset);
        let is_declaration = |place: &(&File, Range<usize>)| {
            declared.as_ref().is_some_and(|(file, bytes)| file.name == place.0.name && *bytes == place.1)
        };
        let mut places = analysis.references(file, offset);
        places.retain(|place| params.context.include_declaration || !is_declaration(place));
        Ok(Some(places.into_iter().filter_map(|(file, bytes)| location(project, file, bytes)).collect()))
    }

    fn highlight(&mut self, params: DocumentHighlightParams) -> Answer<Vec<DocumentHighlight>> {
        let Some((_, analysis, file, offset)) = self.at(&params.text_document_position_params) else {
            return Ok(None);
        };
        let places = analysis.references(file, offset).into_iter().filter(|(one, _)| one.name == file.name);
        let highlight = |(file, bytes): (&File, Range<usize>)| DocumentHighlight {
            range: file.text.range(bytes),
            kind: None,
        };
        Ok(Some(places.map(highlight).collect()))
    }

    fn symbols(&mut self, params: DocumentSymbolParams) -> Answer<DocumentSymbolResponse> {
        let Some((_, _, file)) = self.document(&params.text_document.uri) else { return Ok(None) };
        Ok(Some(DocumentSymbolResponse::Nested(symbols::symbols(file))))
    }

    /// The edits that would mend what is wrong in a range.
    fn fixes(&mut self, params: CodeActionParams) -> Answer<Vec<CodeAction>> {
        let (root, path) = self.place_of(&params.text_document.uri);
        if self.projects.get(&root).is_some_and(|project| project.is_stale()) {
            self.check(&root);
        }
        let Some(project) = self.projects.get(&root) else { return Ok(None) };
        let Some(file) = project.file(&path) else { return Ok(None) };
        let only = params.context.only;
        let wanted = |kind: &CodeActionKind| {
            let within = |one: &CodeActionKind| {
                kind.as_str()
                    .strip_prefix(one.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            only.as_ref().map(|only| only.iter().any(within))
        };
        // Nobody wants all at once in the menu of one message.
        let mut actions = Vec::new();
        if wanted(&CodeActionKind::SOURCE_FIX_ALL) == Some(true) {
            actions.extend(self.every_fix(project, file));
        }
        if wanted(&CodeActionKind::QUICKFIX) == Some(false) {
            return Ok(Some(actions));
        }
        let asked = file.text.offset(params.range.start)..file.text.offset(params.range.end);
        for found in project.messages.get(&file.name).into_iter().flatten() {
            let place = found.span().range();
            if place.start > asked.end || place.end < asked.start {
                continue;
            }
            let shown = check::shown(&project.bundle, found, |name| project.uri(name));
            for fix in &found.fixes {
                let edits = fix.edits.iter().filter_map(|edit| {
                    let file = project.bundle.file_of(edit.span)?;
                    Some((file, edit.span.range(), edit.replacement.clone()))
                });
                actions.push(CodeAction {
                    title: capital(&fix.title),
                    kind: Some(CodeActionKind::QUICKFIX),
                    diagnostics: shown.clone().map(|shown| vec![shown]),
                    edit: Some(edit(project, edits)),
                    is_preferred: Some(found.sure_fix().is_some()),
                    ..CodeAction::default()
                });
            }
        }
        Ok(Some(actions))
    }

    /// One edit for everything in a file that needs no choice, as `fanwise fix` would make it.
    fn every_fix(&self, project: &Project, file: &File) -> Option<CodeAction> {
        let text = Snapshot::of(&project.bundle).mended(&file.name, &self.world)?;
        let change = Change::between(file.str(), &text);
        let new = text.as_bytes().get(change.new)?;
        let new = String::from_utf8(new.to_vec()).ok();
        let (bytes, new) = match new.filter(|_| file.str().is_char_boundary(change.old.end)) {
            Some(new) if file.str().is_char_boundary(change.old.start) => (change.old, new),
            // The change begins or ends inside of a character.
            _ => (0..file.str().len(), text.into()),
        };
        Some(CodeAction {
            title: "Apply every fix that needs no choice".to_owned(),
            kind: Some(CodeActionKind::SOURCE_FIX_ALL),
            edit: Some(edit(project, [(file, bytes, new)])),
            ..CodeAction::default()
        })
    }

    fn prepare_rename(&mut self, params: TextDocumentPositionParams) -> Answer<PrepareRenameResponse> {
        let Some((_, analysis, file, offset)) = self.at(&params) else { return Ok(None) };
        let (bytes, _) = analysis.renamable(file, offset).map_err(refused)?;
        let placeholder = file.str().get(bytes.clone()).unwrap_or_default().to_owned();
        Ok(Some(PrepareRenameResponse::RangeWithPlaceholder { range: file.text.range(bytes), placeholder }))
    }

    fn rename(&mut self, params: RenameParams) -> Answer<WorkspaceEdit> {
        let Some((project, analysis, file, offset)) = self.at(&params.text_document_position) else {
            return Ok(None);
        };
        let places = analysis.rename(file, offset, &params.new_name).map_err(refused)?;
        let edits = places.into_iter().map(|(file, bytes)| (file, bytes, params.new_name.clone()));
        Ok(Some(edit(project, edits)))
    }

    fn formatting(&mut self, params: DocumentFormattingParams) -> Answer<Vec<TextEdit>> {
        let Some((_, _, file)) = self.document(&params.text_document.uri) else { return Ok(None) };
        let Some(formatted) = formatted(file) else { return Ok(None) };
        Ok(Some(vec![TextEdit { range: file.text.range(0..file.str().len()), new_text: formatted }]))
    }
}

/// The file in the one style; `None` when it is already, or cannot be read.
fn formatted(file: &File) -> Option<String> {
    if !file.is_rules() {
        return None;
    }
    let source = grammar::Source::new(file.id, file.name.clone(), file.str());
    grammar::format::format(&source).ok().filter(|text| text != file.str())
}

fn refused(error: impl std::fmt::Display) -> Refused {
    Refused::new(ErrorCode::InvalidRequest, error.to_string())
}

fn location(project: &Project, file: &File, bytes: Range<usize>) -> Option<Location> {
    Some(Location { uri: project.uri(&file.name)?, range: file.text.range(bytes) })
}

/// Replacements by file.
#[expect(clippy::mutable_key_type, reason = "the protocol's type has URIs as keys; nobody changes them")]
fn edit<'f>(
    project: &Project,
    edits: impl IntoIterator<Item = (&'f File, Range<usize>, String)>,
) -> WorkspaceEdit {
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for (file, bytes, new_text) in edits {
        if let Some(uri) = project.uri(&file.name) {
            changes.entry(uri).or_default().push(TextEdit { range: file.text.range(bytes), new_text });
        }
    }
    WorkspaceEdit::new(changes)
}

/// Menus begin with a capital.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
