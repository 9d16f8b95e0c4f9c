//! What the names of a bundle mean: types of paths, and what a word in the text stands for.

use std::ops::Range;
use std::sync::Arc;

use compiler::catalogue::{Action, Catalogue};
use compiler::transform::Transform;
use compiler::types::{FieldType, Type};

use crate::bundle::Bundle;
use crate::context::{Context, Frame, Local, Origin, Site};
use crate::file::File;
use crate::outline::{Outline, Space, What};
use crate::settings::{self, Setting};
use crate::tokens::Kind;

/// Everything a question about a bundle needs.
#[derive(Clone, Copy)]
pub(crate) struct Analysis<'a> {
    pub(crate) bundle: &'a Bundle,
    pub(crate) outline: &'a Outline,
    pub(crate) catalogue: &'a Catalogue,
}

/// What a word stands for.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A declaration.
    Declared(Space, Box<str>),
    /// A name that holds in a part of one declaration, given at this place of the same file.
    Local(Local),
    /// A field of a schema, with the path that leads to it.
    Field(Box<str>, Box<FieldType>),
    /// A field of an action's input: integration, action, field.
    Input(Box<str>, Box<str>, Box<str>),
    /// An action of an integration.
    Action(Box<str>, Box<str>),
    /// A kind of connection.
    Integration(Box<str>),
    /// A transform.
    Transform(&'static Transform),
    /// A setting.
    Setting(Setting),
    /// Events: the pattern.
    Events(Box<str>),
    /// A name that is always there.
    Builtin(&'static Builtin),
    /// A type of the language.
    Plain(Box<str>),
}

impl Target {
    /// Whether both are the same thing.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Declared(one, name), Self::Declared(two, other)) => one == two && name == other,
            (Self::Local(one), Self::Local(two)) => one.bytes == two.bytes,
            _ => false,
        }
    }
}

/// A name that is always there.
#[derive(Debug)]
pub(crate) struct Builtin {
    /// As it is written, with the name before the dot.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) ty: Type,
    /// Whether it may be missing.
    pub(crate) optional: bool,
    /// What it is.
    pub(crate) docs: &'static str,
}

const fn builtin(name: &'static str, ty: Type, optional: bool, docs: &'static str) -> Builtin {
    Builtin { name, ty, optional, docs }
}

/// The names that are always there.
pub(crate) const BUILTINS: &[Builtin] = &[
    builtin("event", Type::Any, false, "The event around the payload."),
    builtin("event.id", Type::Text, false, "The event's id."),
    builtin("event.type", Type::Text, false, "The event's type, such as `lead.created`."),
    builtin("event.time", Type::DateTime, false, "When it happened. It is the only clock of a rule."),
    builtin("event.received_at", Type::DateTime, false, "When it was taken in."),
    builtin("event.resource", Type::Text, true, "What the event is about."),
    builtin("event.resource_id", Type::Text, true, "Which one it is about."),
    builtin(
        "environment",
        Type::Text,
        false,
        "The environment of the workspace, fixed when rules are published.",
    ),
    builtin("workspace", Type::Any, false, "The workspace, fixed when rules are published."),
    builtin("workspace.id", Type::Text, false, "The workspace's id."),
    builtin("workspace.name", Type::Text, false, "The workspace's name."),
];

impl<'a> Analysis<'a> {
    /// The action that a connection leads to.
    pub(crate) fn action(&self, connection: &str, action: &str) -> Option<(&'a str, &'a Action)> {
        let integration = self.outline.integration(connection)?;
        let found = self.catalogue.action(integration, action)?;
        Some((integration, found))
    }

    /// The type of a path.
    pub(crate) fn type_of(&self, locals: &[Local], chain: &[Box<str>]) -> Type {
        let Some((root, steps)) = chain.split_first() else { return Type::Any };
        let local = locals.iter().rposition(|local| local.name == *root);
        let start = match local {
            Some(at) => self.type_of_local(locals, at),
            None => match self.outline.get(Space::Value, root).map(|one| &one.what) {
                Some(What::Const(ty)) => ty.clone(),
                _ => return builtin_named(&chain.join(".")).map_or(Type::Any, Builtin::ty),
            },
        };
        steps.iter().fold(start, |ty, step| step_type(&ty, step))
    }

    /// The type of the local at a position.
    pub(crate) fn type_of_local(&self, locals: &[Local], at: usize) -> Type {
        let (outer, Some(local)) = (locals.get(..at).unwrap_or_default(), locals.get(at)) else {
            return Type::Any;
        };
        match &local.origin {
            Origin::Payload(patterns) => self.outline.payload(patterns.iter().map(AsRef::as_ref)),
            Origin::Parameter(name) => self.outline.type_named(name),
            Origin::Let(Some(chain)) => self.type_of(outer, chain),
            Origin::Element(Some(chain)) => match self.type_of(outer, chain).required() {
                Type::List { of, .. } => of.as_ref().clone(),
                _ => Type::Any,
            },
            Origin::Let(None) | Origin::Element(None) => Type::Any,
        }
    }

    /// The declared field at the end of a path.
    fn field(&self, locals: &[Local], base: &[Box<str>], name: &str) -> Option<FieldType> {
        let mut ty = self.type_of(locals, base);
        while let Type::List { of, .. } | Type::Optional(of) = &ty {
            ty = of.as_ref().clone();
        }
        match ty {
            Type::Record(record) => record.fields.iter().find(|field| *field.name == *name).cloned(),
            _ => None,
        }
    }

    /// What the token at a position stands for.
    pub(crate) fn target(&self, file: &'a File, at: usize) -> Option<Target> {
        let token = file.tokens.get(at)?;
        let name = token.text(file.str());
        if !matches!(token.kind, Kind::Word | Kind::Number) && !matches!(name, "*" | "." | "-") {
            return None;
        }
        let context = Context::of_token(file, at);
        let declared =
            |space| self.outline.get(space, name).map(|one| Target::Declared(space, one.name.clone()));
        match &context.site {
            Site::Name => self.named_here(file, at),
            Site::EventType => Some(Target::Events(pattern_around(file, at))),
            Site::Step(base) => match self.field(&context.locals, base, name) {
                Some(field) => {
                    Some(Target::Field(format!("{}.{name}", base.join(".")).into(), Box::new(field)))
                }
                None => builtin_named(&format!("{}.{name}", base.join("."))).map(Target::Builtin),
            },
            Site::Key => self.key(context.frame(), name),
            Site::Transform => Transform::named(name).map(Target::Transform),
            Site::Connection { .. } => declared(Space::Connection),
            Site::Action(connection) => {
                let (integration, _) = self.action(connection, name)?;
                Some(Target::Action(integration.into(), name.into()))
            }
            Site::Environment => declared(Space::Environment),
            Site::Policy => declared(Space::Policy),
            Site::Rule => declared(Space::Rule),
            Site::Integration => Some(Target::Integration(name.into())),
            Site::Schema | Site::Type => {
                declared(Space::Schema).or_else(|| Type::plain(name).map(|_| Target::Plain(name.into())))
            }
            Site::Compared { left, .. } if is_environment(left.as_deref()) => {
                self.value(&context, name).or_else(|| declared(Space::Environment))
            }
            Site::Value | Site::Compared { .. } | Site::Keyed { .. } | Site::Argument | Site::Operator => {
                self.value(&context, name)
            }
            Site::Nothing | Site::Item | Site::Statement { .. } | Site::Marker | Site::Path(_) => None,
        }
    }

    /// A name in an expression.
    fn value(&self, context: &Context, name: &str) -> Option<Target> {
        if let Some(local) = context.locals.iter().rev().find(|local| *local.name == *name) {
            return Some(Target::Local(local.clone()));
        }
        if let Some(one) = self.outline.get(Space::Value, name) {
            return Some(Target::Declared(Space::Value, one.name.clone()));
        }
        builtin_named(name).map(Target::Builtin)
    }

    /// A key of a record.
    fn key(&self, frame: &Frame, name: &str) -> Option<Target> {
        match frame {
            Frame::Input(connection, action) | Frame::Expect(connection, action) => {
                let (integration, found) = self.action(connection, action)?;
                let field = found.fields.iter().find(|field| *field.name == *name)?;
                Some(Target::Input(integration.into(), action.clone(), field.name.clone()))
            }
            Frame::Settings(path) => settings::named(path, name).map(Target::Setting),
            Frame::Payload(event) => {
                let Type::Record(record) = self.outline.payload([event.as_ref()]) else { return None };
                let field = record.fields.iter().find(|field| *field.name == *name)?;
                Some(Target::Field(format!("{event}: {name}").into(), Box::new(field.clone())))
            }
            _ => None,
        }
    }

    /// A name that is given at its own place.
    fn named_here(&self, file: &'a File, at: usize) -> Option<Target> {
        let token = file.tokens.get(at)?;
        let name = token.text(file.str());
        let word = |back: usize| at.checked_sub(back).map_or("", |at| file.token(at));
        let item = file.items.iter().find(|item| item.tokens.contains(&at))?;
        let is_head = item.name.as_ref().is_some_and(|name| *name == (token.start..token.end));
        let space = match item.word {
            "group" if word(1) == "rule" => Some(Space::Rule),
            _ if !is_head => None,
            "connection" => Some(Space::Connection),
            "schema" | "import" => Some(Space::Schema),
            "const" | "predicate" | "schedule" | "list" => Some(Space::Value),
            "policy" => Some(Space::Policy),
            "rule" | "group" => Some(Space::Rule),
            _ => None,
        };
        if let Some(space) = space {
            return self.outline.get(space, name).map(|one| Target::Declared(space, one.name.clone()));
        }
        // A few tokens later the name is known.
        let later = Context::of_token(file, (at + 3).min(item.tokens.end.saturating_sub(1)));
        let local = later.locals.into_iter().find(|local| local.bytes == (token.start..token.end));
        local.map(Target::Local)
    }

    /// Every place where a thing is named, by file.
    pub(crate) fn occurrences(&self, target: &Target, file: &'a File) -> Vec<(&'a File, Range<usize>)> {
        let name = match target {
            Target::Declared(_, name) => name.clone(),
            Target::Local(local) => local.name.clone(),
            _ => return Vec::new(),
        };
        let is_local = matches!(target, Target::Local(_));
        let mut found = Vec::new();
        for one in self.bundle.rule_files().filter(|one| !is_local || one.name == file.name) {
            for (at, token) in one.tokens.iter().enumerate() {
                let same = token.kind == Kind::Word && token.text(one.str()) == &*name;
                if same && self.target(one, at).is_some_and(|it| it.is(target)) {
                    found.push((one, token.start..token.end));
                }
            }
        }
        found
    }
}

/// Whether a path is the word `environment` alone.
pub(crate) fn is_environment(chain: Option<&[Box<str>]>) -> bool {
    matches!(chain, Some([one]) if **one == *"environment")
}

fn builtin_named(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

impl Builtin {
    /// Its type with the `?`.
    pub(crate) fn ty(&self) -> Type {
        if self.optional { Type::Optional(Arc::new(self.ty.clone())) } else { self.ty.clone() }
    }
}

/// A step into a type. A step into a list is a step into each element, as quantifiers do it.
fn step_type(ty: &Type, step: &str) -> Type {
    match ty.required() {
        Type::Record(record) => match record.fields.iter().find(|field| *field.name == *step) {
            Some(field) => field.ty.clone(),
            None => Type::Any,
        },
        Type::Map(of) => of.as_ref().clone(),
        Type::List { of, .. } if step == "[]" => of.as_ref().clone(),
        Type::List { of, .. } => match step_type(of, step) {
            Type::List { of, limit } => Type::List { of, limit },
            other => Type::List { of: Arc::new(other), limit: None },
        },
        _ => Type::Any,
    }
}

/// The whole pattern of events around a token.
fn pattern_around(file: &File, at: usize) -> Box<str> {
    let touches = |one: usize, other: usize| match (file.tokens.get(one), file.tokens.get(other)) {
        (Some(one), Some(other)) => one.end == other.start,
        _ => false,
    };
    let belongs = |at: usize| {
        file.tokens.get(at).is_some_and(|token| matches!(token.kind, Kind::Word | Kind::Number))
            || matches!(file.token(at), "." | "*" | "-")
    };
    let mut first = at;
    while first > 0 && belongs(first - 1) && touches(first - 1, first) {
        first -= 1;
    }
    let mut last = at;
    while belongs(last + 1) && touches(last, last + 1) {
        last += 1;
    }
    let start = file.tokens.get(first).map_or(0, |token| token.start);
    let end = file.tokens.get(last).map_or(0, |token| token.end);
    file.str().get(start..end).unwrap_or_default().into()
}
