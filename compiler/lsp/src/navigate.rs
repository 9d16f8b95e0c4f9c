//! Where names are declared and used, and giving them another name.

use std::ops::Range;

use grammar::keywords;

use crate::analysis::{Analysis, Target};
use crate::context::{Context, Origin, Site};
use crate::file::File;
use crate::outline::Space;
use crate::tokens::Kind;

/// A place in a file.
pub(crate) type Place<'a> = (&'a File, Range<usize>);

/// Why a name cannot be changed, for the person who asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenameError {
    /// There is no name, or one that is not ours.
    #[error("only names that the rule files declare can be renamed")]
    NotDeclared,
    /// The payload has no name.
    #[error("the payload has no name of its own here: write `as {0}` after `on` first")]
    Unnamed(String),
    /// It is not a name.
    #[error("`{0}` is not a name: names are letters, digits and `_`, and do not begin with a digit")]
    NotAName(String),
    /// It is a word of the language.
    #[error("`{0}` is a word of the language")]
    Reserved(String),
    /// It is taken.
    #[error("`{0}` is already the name of something else")]
    Taken(String),
}

impl<'a> Analysis<'a> {
    /// The name at a place: its token and what it stands for.
    pub(crate) fn name_at(&self, file: &'a File, offset: usize) -> Option<(usize, Target)> {
        let near = |at: &usize| {
            file.tokens.get(*at).is_some_and(|token| token.start <= offset && offset <= token.end)
        };
        let first = file.tokens.partition_point(|token| token.end < offset);
        let mut found: Vec<usize> = (first..file.tokens.len()).take_while(near).collect();
        found.sort_by_key(|at| file.tokens.get(*at).map(|token| token.kind != Kind::Word));
        found.into_iter().find_map(|at| Some((at, self.target(file, at)?)))
    }

    /// Where the thing at a place is declared.
    pub(crate) fn definition(&self, file: &'a File, offset: usize) -> Option<Place<'a>> {
        if let Some(named) = self.named_file(file, offset) {
            return Some((named, 0..0));
        }
        let (_, target) = self.name_at(file, offset)?;
        self.declared_at(&target, file)
    }

    /// Where a thing is declared.
    pub(crate) fn declared_at(&self, target: &Target, file: &'a File) -> Option<Place<'a>> {
        let span = match target {
            Target::Local(local) => return Some((file, local.bytes.clone())),
            Target::Declared(space, name) => self.outline.get(*space, name)?.span?,
            Target::Field(_, field) => field.span?,
            Target::Events(pattern) => self.outline.event(pattern)?.0.span,
            _ => return None,
        };
        Some((self.bundle.file_of(span)?, span.range()))
    }

    /// The file of the bundle that a text names.
    fn named_file(&self, file: &File, offset: usize) -> Option<&'a File> {
        let at = file.tokens.iter().position(|token| token.start <= offset && offset <= token.end)?;
        let at = (at..file.tokens.len())
            .take(2)
            .find(|at| file.tokens.get(*at).map(|t| t.kind) == Some(Kind::Chars))?;
        let token = file.tokens.get(at).filter(|token| token.start <= offset + 1)?;
        let context = Context::at(file, token.start + 1);
        matches!(context.site, Site::Path(_)).then(|| self.bundle.files.get(token.text(file.str())))?
    }

    /// Every place where the thing at a place is named; with its declaration.
    pub(crate) fn references(&self, file: &'a File, offset: usize) -> Vec<Place<'a>> {
        match self.name_at(file, offset) {
            Some((_, target)) => self.occurrences(&target, file),
            None => Vec::new(),
        }
    }

    /// The name that can be changed at a place.
    pub(crate) fn renamable(
        &self,
        file: &'a File,
        offset: usize,
    ) -> Result<(Range<usize>, Target), RenameError> {
        let (at, target) = self.name_at(file, offset).ok_or(RenameError::NotDeclared)?;
        let token = file.tokens.get(at).ok_or(RenameError::NotDeclared)?;
        match &target {
            Target::Declared(space, name) => {
                let declared = self.outline.get(*space, name).ok_or(RenameError::NotDeclared)?;
                declared.span.ok_or(RenameError::NotDeclared)?;
            }
            Target::Local(local) if file.str().get(local.bytes.clone()) != Some(&local.name) => {
                return Err(RenameError::Unnamed(local.name.to_string()));
            }
            Target::Local(_) => {}
            _ => return Err(RenameError::NotDeclared),
        }
        Ok((token.start..token.end, target))
    }

    /// Every place that must change for another name.
    pub(crate) fn rename(
        &self,
        file: &'a File,
        offset: usize,
        to: &str,
    ) -> Result<Vec<Place<'a>>, RenameError> {
        let (_, target) = self.renamable(file, offset)?;
        let is_name = to.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
            && to.starts_with(|one: char| one.is_ascii_alphabetic() || one == '_');
        if !is_name {
            return Err(RenameError::NotAName(to.to_owned()));
        }
        if keywords::is_reserved(to) {
            return Err(RenameError::Reserved(to.to_owned()));
        }
        let places = self.occurrences(&target, file);
        let taken = match &target {
            Target::Declared(space, name) => {
                let hidden = *space == Space::Value && places.iter().any(|place| has_local(place, to));
                &**name != to && (self.outline.get(*space, to).is_some() || hidden)
            }
            Target::Local(local) => {
                let is_payload = matches!(local.origin, Origin::Payload(_));
                let fixed = is_payload && to == "event";
                let hidden = self.outline.get(Space::Value, to).is_some() || fixed;
                &*local.name != to && (hidden || places.iter().any(|place| has_local(place, to)))
            }
            _ => false,
        };
        if taken { Err(RenameError::Taken(to.to_owned())) } else { Ok(places) }
    }
}

/// Whether a name means something at a place already.
fn has_local((file, bytes): &Place<'_>, name: &str) -> bool {
    let at = file.tokens.partition_point(|token| token.start < bytes.start);
    Context::of_token(file, at).locals.iter().any(|local| *local.name == *name)
}
