//! Every declared name of a bundle. A bundle is a flat set: names are unique across its files.

use std::collections::{BTreeMap, BTreeSet};

use grammar::{Diagnostic, Ident, Span, ast};

use crate::messages::{bounds, names as messages};
use crate::world::World;

/// What kind of thing a name belongs to; names of different kinds do not collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Space {
    /// Connections.
    Connection,
    /// Schemas, imported ones included.
    Schema,
    /// Consts, predicates, schedules and lists: what can stand in an expression.
    Value,
    /// Policies.
    Policy,
    /// Rules and groups.
    Rule,
}

impl Space {
    /// For messages.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Schema => "schema",
            Self::Value => "name",
            Self::Policy => "policy",
            Self::Rule => "rule",
        }
    }
}

/// A schema as declared.
#[derive(Clone, Copy)]
pub(super) enum SchemaDecl<'a> {
    /// Written in a rule file.
    Inline(&'a ast::Schema),
    /// Taken from a JSON Schema.
    Import(&'a ast::Import),
}

impl<'a> SchemaDecl<'a> {
    /// Its name.
    pub(super) fn name(self) -> &'a Ident {
        match self {
            Self::Inline(schema) => &schema.name,
            Self::Import(import) => &import.name,
        }
    }
}

/// What can stand in an expression.
#[derive(Clone, Copy)]
pub(super) enum Named<'a> {
    /// `const`
    Const(&'a ast::Const),
    /// `predicate`
    Predicate(&'a ast::Predicate),
    /// `schedule`
    Schedule(&'a ast::Schedule),
    /// `list`
    List(&'a ast::OutsideList),
}

impl Named<'_> {
    /// What it is, with its article, for messages.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Const(_) => "a const",
            Self::Predicate(_) => "a predicate",
            Self::Schedule(_) => "a schedule",
            Self::List(_) => "a list",
        }
    }

    /// Where its name is written.
    pub(super) fn span(&self) -> Span {
        match self {
            Self::Const(one) => one.name.span,
            Self::Predicate(one) => one.name.span,
            Self::Schedule(one) => one.name.span,
            Self::List(one) => one.name.span,
        }
    }
}

/// A bundle's declarations by name.
#[derive(Default)]
pub(super) struct Names<'a> {
    /// The declared environments; the default ones when none are.
    pub(super) environments: Vec<Box<str>>,
    /// What items declare that could not be read; `environments` stands for the list of them.
    pub(super) unread: BTreeSet<&'a str>,
    pub(super) connections: BTreeMap<&'a str, &'a ast::Connection>,
    pub(super) schemas: BTreeMap<&'a str, SchemaDecl<'a>>,
    pub(super) values: BTreeMap<&'a str, Named<'a>>,
    pub(super) policies: BTreeMap<&'a str, &'a ast::Policy>,
    /// Rules by name, those of groups included, and groups.
    pub(super) rules: BTreeMap<&'a str, Span>,
    pub(super) events: Vec<&'a ast::EventDecl>,
    /// Every declaration that something should use.
    pub(super) declared: BTreeMap<(Space, &'a str), Span>,
}

/// The names that a file declares, those of items that could not be read included.
pub(crate) fn declared(file: &ast::File) -> impl Iterator<Item = &Ident> {
    file.items.iter().flat_map(|item| declared_by(&item.kind)).chain(&file.broken)
}

fn declared_by(item: &ast::ItemKind) -> Vec<&Ident> {
    match item {
        ast::ItemKind::Environments(list) => list.iter().collect(),
        ast::ItemKind::Connection(one) => vec![&one.name],
        ast::ItemKind::Import(one) => vec![&one.name],
        ast::ItemKind::Schema(one) => vec![&one.name],
        ast::ItemKind::Const(one) => vec![&one.name],
        ast::ItemKind::List(one) => vec![&one.name],
        ast::ItemKind::Predicate(one) => vec![&one.name],
        ast::ItemKind::Schedule(one) => vec![&one.name],
        ast::ItemKind::Policy(one) => vec![&one.name],
        ast::ItemKind::Rule(one) => vec![&one.name],
        ast::ItemKind::Group(one) => {
            std::iter::once(&one.name).chain(one.rules.iter().map(|rule| &rule.name)).collect()
        }
        ast::ItemKind::Event(_) | ast::ItemKind::Test(_) | ast::ItemKind::Broken => Vec::new(),
    }
}

/// Collects the names of a bundle.
pub(super) fn collect<'a>(files: &'a [ast::File], world: &World) -> (Names<'a>, Vec<Diagnostic>) {
    let mut collector = Collector { names: Names::default(), found: Vec::new(), environments: None };
    for item in files.iter().flat_map(|file| &file.items) {
        collector.item(item);
    }
    let mut names = collector.names;
    names.unread = files.iter().flat_map(|file| &file.broken).map(|name| &*name.text).collect();
    if names.environments.is_empty() {
        names.environments = ["sandbox", "production"].map(Box::from).to_vec();
    }
    let mut found = collector.found;
    found.extend(too_many(&names, world));
    (names, found)
}

fn too_many(names: &Names, world: &World) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let counts = |named: &&Named| matches!(named, Named::Const(_) | Named::Predicate(_));
    let values: Vec<_> = names.values.values().filter(counts).collect();
    if let Some(last) = values.last().filter(|_| values.len() > world.limits.names_max) {
        found.push(bounds::too_many_names(last.span(), values.len(), world.limits.names_max));
    }
    if let Some(&last) = names.rules.values().max().filter(|_| names.rules.len() > world.limits.rules_max) {
        found.push(bounds::too_many_rules(last, names.rules.len(), world.limits.rules_max));
    }
    found
}

struct Collector<'a> {
    names: Names<'a>,
    found: Vec<Diagnostic>,
    /// Where `environments` stands.
    environments: Option<Span>,
}

impl<'a> Collector<'a> {
    fn item(&mut self, item: &'a ast::Item) {
        match &item.kind {
            ast::ItemKind::Environments(list) => self.environments(list, item.span),
            ast::ItemKind::Connection(one) => {
                if self.declare(Space::Connection, &one.name) {
                    self.names.connections.insert(&one.name.text, one);
                }
            }
            ast::ItemKind::Import(one) => self.schema(&one.name, SchemaDecl::Import(one)),
            ast::ItemKind::Schema(one) => self.schema(&one.name, SchemaDecl::Inline(one)),
            ast::ItemKind::Event(one) => self.names.events.push(one),
            ast::ItemKind::Const(one) => self.value(&one.name, Named::Const(one)),
            ast::ItemKind::List(one) => self.value(&one.name, Named::List(one)),
            ast::ItemKind::Predicate(one) => self.value(&one.name, Named::Predicate(one)),
            ast::ItemKind::Schedule(one) => self.value(&one.name, Named::Schedule(one)),
            ast::ItemKind::Policy(one) => {
                if self.declare(Space::Policy, &one.name) {
                    self.names.policies.insert(&one.name.text, one);
                }
            }
            ast::ItemKind::Rule(one) => self.rule(&one.name),
            ast::ItemKind::Group(one) => {
                self.rule(&one.name);
                one.rules.iter().for_each(|rule| self.rule(&rule.name));
            }
            ast::ItemKind::Test(_) | ast::ItemKind::Broken => {}
        }
    }

    fn environments(&mut self, list: &'a [Ident], span: Span) {
        if let Some(first) = self.environments {
            self.found.push(messages::environments_twice(span, first));
            return;
        }
        self.environments = Some(span);
        for (at, name) in list.iter().enumerate() {
            match list.iter().take(at).find(|one| one.text == name.text) {
                Some(first) => self.found.push(messages::declared_twice("environment", name, first.span)),
                None => self.names.environments.push(name.text.clone()),
            }
        }
    }

    /// Notes a declaration; no, when the name is taken.
    fn declare(&mut self, space: Space, name: &'a Ident) -> bool {
        let key = (space, &*name.text);
        if let Some(&first) = self.names.declared.get(&key) {
            self.found.push(messages::declared_twice(space.word(), name, first));
            return false;
        }
        self.names.declared.insert(key, name.span);
        true
    }

    fn schema(&mut self, name: &'a Ident, schema: SchemaDecl<'a>) {
        if crate::types::Type::plain(name).is_some() {
            self.found.push(messages::reserved_name(name, "the name of a built-in type"));
        } else if self.declare(Space::Schema, name) {
            self.names.schemas.insert(&name.text, schema);
        }
    }

    fn value(&mut self, name: &'a Ident, named: Named<'a>) {
        if RESERVED.contains(&&*name.text) {
            self.found.push(messages::reserved_name(name, "always there"));
        } else if self.declare(Space::Value, name) {
            self.names.values.insert(&name.text, named);
        }
    }

    fn rule(&mut self, name: &'a Ident) {
        let key = (Space::Rule, &*name.text);
        if let Some(&first) = self.names.rules.get(&*name.text) {
            self.found.push(messages::declared_twice(key.0.word(), name, first));
        } else {
            self.names.rules.insert(&name.text, name.span);
        }
    }
}

/// Names that are always there and cannot mean anything else.
pub(super) const RESERVED: &[&str] = &["event", "environment", "workspace"];
