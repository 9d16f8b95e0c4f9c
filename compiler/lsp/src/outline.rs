//! What a bundle declares: names with their places, descriptions and types.

use std::collections::BTreeMap;
use std::sync::Arc;

use compiler::types::{FieldType, RecordType, Type};
use grammar::{Ident, Span, ast};

use crate::bundle::Bundle;
use crate::file::File;
use crate::schema;

/// What a name is the name of; names of different spaces do not collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Space {
    /// Connections.
    Connection,
    /// Schemas.
    Schema,
    /// Consts, predicates, schedules and lists: what can stand in an expression.
    Value,
    /// Policies.
    Policy,
    /// Rules and groups.
    Rule,
    /// Environments.
    Environment,
}

/// What is declared.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// With its integration.
    Connection(Box<str>),
    /// With its type.
    Schema(Type),
    /// With the type of its value.
    Const(Type),
    /// A list outside the file.
    List,
    /// A condition.
    Predicate,
    /// Weekly hours.
    Schedule,
    /// With whether it takes an argument.
    Policy(bool),
    /// Or a group.
    Rule,
    /// An environment.
    Environment,
}

/// A declaration.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    /// Its name.
    pub(crate) name: Box<str>,
    /// What it is.
    pub(crate) what: What,
    /// Where its name stands; environments that are there by default stand nowhere.
    pub(crate) span: Option<Span>,
    /// Its `##` lines.
    pub(crate) docs: Box<str>,
    /// Its first line as written.
    pub(crate) head: Box<str>,
}

/// A bundle's declarations.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    all: BTreeMap<(Space, Box<str>), Declared>,
    /// Patterns with the schemas of their events.
    events: Vec<(ast::Pattern, Type)>,
}

impl Outline {
    /// Reads the declarations of every file.
    pub(crate) fn of(bundle: &Bundle) -> Self {
        let mut outline = Self::default();
        for file in bundle.rule_files() {
            for item in &file.declarations().items {
                outline.item(file, item);
            }
            outline.rules(file);
        }
        if outline.in_space(Space::Environment).next().is_none() {
            for name in ["sandbox", "production"] {
                outline.put(Space::Environment, name.into(), What::Environment, None);
            }
        }
        schema::resolve(&mut outline, bundle);
        outline
    }

    /// One declaration.
    pub(crate) fn get(&self, space: Space, name: &str) -> Option<&Declared> {
        self.all.get(&(space, Box::from(name)))
    }

    /// All of one space, by name.
    pub(crate) fn in_space(&self, space: Space) -> impl Iterator<Item = &Declared> {
        self.all.iter().filter(move |((one, _), _)| *one == space).map(|(_, declared)| declared)
    }

    /// The declared patterns of events, in written order.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|(pattern, _)| pattern.text.as_ref())
    }

    /// The integration of a connection.
    pub(crate) fn integration(&self, connection: &str) -> Option<&str> {
        match &self.get(Space::Connection, connection)?.what {
            What::Connection(integration) => Some(integration),
            _ => None,
        }
    }

    /// A type by its name: a plain one or a schema.
    pub(crate) fn type_named(&self, name: &str) -> Type {
        if let Some(plain) = Type::plain(name) {
            return plain;
        }
        match self.get(Space::Schema, name).map(|declared| &declared.what) {
            Some(What::Schema(ty)) => ty.clone(),
            _ => Type::Broken,
        }
    }

    /// One declaration, to be completed.
    pub(crate) fn get_mut(&mut self, space: Space, name: &str) -> Option<&mut Declared> {
        self.all.get_mut(&(space, Box::from(name)))
    }

    /// The schemas by pattern, to be filled in by whoever resolves them.
    pub(crate) fn add_event(&mut self, pattern: ast::Pattern, ty: Type) {
        self.events.push((pattern, ty));
    }

    /// The payload of the events that some patterns select: the fields that all of them have.
    pub(crate) fn payload<'p>(&self, patterns: impl IntoIterator<Item = &'p str>) -> Type {
        let types = patterns.into_iter().map(|pattern| self.payload_of(pattern));
        types.reduce(|one, other| common(&one, &other)).unwrap_or(Type::Any)
    }

    /// An exact pattern wins over one that covers it.
    fn payload_of(&self, pattern: &str) -> Type {
        self.event(pattern).map_or(Type::Any, |(_, ty)| ty.clone())
    }

    /// The declaration of the events that a pattern selects.
    pub(crate) fn event(&self, pattern: &str) -> Option<&(ast::Pattern, Type)> {
        let exact = self.events.iter().find(|(declared, _)| *declared.text == *pattern);
        exact.or_else(|| self.events.iter().find(|(declared, _)| covers(&declared.text, pattern)))
    }

    fn put(&mut self, space: Space, name: Box<str>, what: What, span: Option<Span>) -> &mut Declared {
        let fresh = Declared { name: name.clone(), what, span, docs: Box::default(), head: Box::default() };
        self.all.entry((space, name)).or_insert(fresh)
    }

    fn item(&mut self, file: &File, item: &ast::Item) {
        let (space, name, what) = match &item.kind {
            ast::ItemKind::Environments(names) => {
                for name in names {
                    self.declare(file, item, Space::Environment, name, What::Environment);
                }
                return;
            }
            ast::ItemKind::Connection(one) => {
                (Space::Connection, &one.name, What::Connection(one.integration.text.clone()))
            }
            ast::ItemKind::Schema(one) => (Space::Schema, &one.name, What::Schema(Type::Broken)),
            ast::ItemKind::Import(one) => (Space::Schema, &one.name, What::Schema(Type::Broken)),
            ast::ItemKind::Const(one) => (Space::Value, &one.name, What::Const(schema::of_value(&one.value))),
            ast::ItemKind::List(one) => (Space::Value, &one.name, What::List),
            ast::ItemKind::Predicate(one) => (Space::Value, &one.name, What::Predicate),
            ast::ItemKind::Schedule(one) => (Space::Value, &one.name, What::Schedule),
            ast::ItemKind::Policy(one) => (Space::Policy, &one.name, What::Policy(one.param.is_some())),
            ast::ItemKind::Event(_)
            | ast::ItemKind::Rule(_)
            | ast::ItemKind::Group(_)
            | ast::ItemKind::Test(_)
            | ast::ItemKind::Broken => return,
        };
        self.declare(file, item, space, name, what);
    }

    fn declare(&mut self, file: &File, item: &ast::Item, space: Space, name: &Ident, what: What) {
        let docs = docs(&item.docs);
        let head = head(file.str().get(item.span.range()).unwrap_or_default());
        let declared = self.put(space, name.text.clone(), what, Some(name.span));
        declared.docs = docs;
        declared.head = head;
    }

    /// Rules and groups, from tokens: there may be thousands.
    fn rules(&mut self, file: &File) {
        let text = file.str();
        for item in file.items.iter().filter(|item| matches!(item.word, "rule" | "group")) {
            let tokens = file.tokens.get(item.tokens.clone()).unwrap_or_default();
            for pair in tokens.windows(2) {
                let [word, name] = pair else { continue };
                let declares = word.is(text, "rule") || word.is(text, "group");
                let is_name = name.kind == crate::tokens::Kind::Word;
                if declares && is_name {
                    let span = Span::new(file.id, name.start, name.end);
                    let line = head(text.get(word.start..item.bytes.end).unwrap_or_default());
                    let put = self.put(Space::Rule, name.text(text).into(), What::Rule, Some(span));
                    put.head = line;
                }
            }
        }
    }
}

/// The lines of a description.
pub(crate) fn docs(lines: &[ast::Doc]) -> Box<str> {
    lines.iter().map(|line| line.text.trim_end()).collect::<Vec<_>>().join("\n").into()
}

/// The first line of a declaration, without the brace that opens its body.
fn head(text: &str) -> Box<str> {
    let line = text.lines().next().unwrap_or_default().trim_end();
    line.strip_suffix('{').unwrap_or(line).trim_end().into()
}

/// The fields that both have.
fn common(one: &Type, other: &Type) -> Type {
    match (one, other) {
        (Type::Record(one), Type::Record(other)) if one == other => Type::Record(one.clone()),
        (Type::Record(one), Type::Record(other)) => {
            let both = |field: &&FieldType| other.fields.iter().any(|twin| twin.name == field.name);
            let fields = one.fields.iter().filter(both).cloned().collect();
            let record = RecordType { name: None, fields, open: one.open && other.open, span: one.span };
            Type::Record(Arc::new(record))
        }
        _ => Type::Any,
    }
}

/// Whether every event that the inner pattern selects is selected by the outer one, too.
fn covers(outer: &str, inner: &str) -> bool {
    let mut inner_parts = inner.split('.');
    let mut outer_parts = outer.split('.').peekable();
    while let Some(part) = outer_parts.next() {
        let Some(other) = inner_parts.next() else { return false };
        match part {
            "**" if outer_parts.peek().is_none() => return true,
            "*" if other != "**" => {}
            _ if part == other => {}
            _ => return false,
        }
    }
    inner_parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_pattern_covers_what_it_always_selects() {
        for (outer, inner, expected) in [
            ("a.b", "a.b", true),
            ("a.*", "a.b", true),
            ("a.*", "a.b.c", false),
            ("a.**", "a.b.c", true),
            ("a.**", "a", false),
            ("**", "a", true),
            ("a.*", "a.**", false),
            ("a.b", "a.*", false),
        ] {
            assert_eq!(covers(outer, inner), expected, "{outer} {inner}");
        }
    }
}
