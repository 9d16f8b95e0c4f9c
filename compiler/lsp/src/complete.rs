//! What may be written at a place.

mod items;
mod words;

use compiler::field_type;
use compiler::transform::TRANSFORMS;
use compiler::types::{RecordType, Type};
use lsp_types::{CompletionItem, CompletionItemKind};

use crate::analysis::{Analysis, BUILTINS, is_environment};
use crate::context::{Context, Frame, Site};
use crate::file::File;
use crate::hover::{self, name_of};
use crate::outline::{Declared, Space, What};
use crate::settings;
use items::{Items, Proposal};

/// What the editor can take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taste {
    /// Text with places to fill in.
    pub(crate) snippets: bool,
}

/// The proposals for a cursor.
pub(crate) fn complete(
    analysis: &Analysis<'_>,
    file: &File,
    offset: usize,
    taste: Taste,
) -> Vec<CompletionItem> {
    if in_comment(file, offset) {
        return Vec::new();
    }
    let context = Context::at(file, offset);
    let end =
        file.tokens.iter().find(|t| t.start == context.prefix.start).map_or(offset, |t| t.end.max(offset));
    let follows = file.str().get(end..).unwrap_or_default().trim_start();
    let items = Items::new(context.prefix.start..context.prefix.end.max(offset), taste, follows);
    let mut completer = Completer { analysis, context: &context, items };
    completer.site();
    completer.items.finish(&file.text)
}

/// Whether a remark begins before the place on its line.
fn in_comment(file: &File, offset: usize) -> bool {
    let before = file.tokens.partition_point(|token| token.end <= offset);
    let last = before.checked_sub(1).and_then(|at| file.tokens.get(at)).map_or(0, |token| token.end);
    let inside = file.tokens.get(before).is_some_and(|token| token.start < offset);
    let gap = file.str().get(last..offset).unwrap_or_default();
    let line = gap.rsplit('\n').next().unwrap_or_default();
    !inside && line.contains('#')
}

struct Completer<'c, 'a> {
    analysis: &'c Analysis<'a>,
    context: &'c Context,
    items: Items<'c>,
}

impl Completer<'_, '_> {
    fn site(&mut self) {
        match &self.context.site {
            Site::Nothing | Site::Name => {}
            Site::Item => self.items.words(words::ITEMS),
            Site::Statement { after_value } => {
                self.items.words(words::statements(self.context.frame()));
                if *after_value {
                    self.items.words(words::OPERATORS);
                }
            }
            Site::Operator => self.items.words(words::OPERATORS),
            Site::Value => self.values(),
            Site::Compared { left, after_is, quoted } => self.compared(left.as_deref(), *after_is, *quoted),
            Site::Keyed { quoted } => self.keyed(*quoted),
            Site::Key => self.keys(),
            Site::Step(base) => self.steps(base),
            Site::Transform => self.transforms(),
            Site::Connection { after_expect } => {
                if *after_expect {
                    self.items.words(words::EXPECTED);
                }
                self.declared(Space::Connection, CompletionItemKind::MODULE, ".");
            }
            Site::Action(connection) => self.actions(connection),
            Site::EventType => self.events(),
            Site::Environment => self.declared(Space::Environment, CompletionItemKind::ENUM_MEMBER, ""),
            Site::Policy => {
                for policy in self.analysis.outline.in_space(Space::Policy) {
                    let takes = matches!(policy.what, What::Policy(true));
                    let argument = self.argument();
                    let text =
                        if takes { format!("{}({argument})", policy.name) } else { policy.name.to_string() };
                    self.items.push(declared(policy, CompletionItemKind::FUNCTION).inserts(text));
                }
                self.items.words(&[("{", "settings of this delivery alone")]);
            }
            Site::Argument => self.locals(),
            Site::Integration => {
                for (name, integration) in &self.analysis.catalogue.integrations {
                    let one = Proposal::new(&**name, CompletionItemKind::CLASS).detail(&*integration.title);
                    self.items.push(one);
                }
            }
            Site::Schema => self.declared(Space::Schema, CompletionItemKind::STRUCT, ""),
            Site::Type => self.types(),
            Site::Marker => self.items.words(words::MARKERS),
            Site::Rule => self.declared(Space::Rule, CompletionItemKind::FUNCTION, ""),
            Site::Path(ending) => self.paths(ending),
        }
    }

    /// The name a policy is most likely asked about.
    fn argument(&self) -> &str {
        self.context.locals.first().map_or("payload", |local| &local.name)
    }

    fn declared(&mut self, space: Space, kind: CompletionItemKind, then: &str) {
        for one in self.analysis.outline.in_space(space) {
            self.items
                .push(declared(one, kind).inserts(format!("{}{then}", one.name)).triggers(!then.is_empty()));
        }
    }

    fn locals(&mut self) {
        for at in (0..self.context.locals.len()).rev() {
            let Some(local) = self.context.locals.get(at) else { continue };
            let ty = self.analysis.type_of_local(&self.context.locals, at);
            self.items.push(Proposal::new(&*local.name, CompletionItemKind::VARIABLE).detail(name_of(&ty)));
        }
    }

    fn values(&mut self) {
        self.locals();
        self.named_values(|what| !matches!(what, What::Predicate));
        for builtin in BUILTINS.iter().filter(|builtin| !builtin.name.contains('.')) {
            self.items.push(Proposal::new(builtin.name, CompletionItemKind::VARIABLE).detail(builtin.docs));
        }
        self.items.words(words::VALUES);
    }

    fn named_values(&mut self, wanted: impl Fn(&What) -> bool) {
        for one in self.analysis.outline.in_space(Space::Value).filter(|one| wanted(&one.what)) {
            let kind = match one.what {
                What::Predicate => CompletionItemKind::FUNCTION,
                _ => CompletionItemKind::CONSTANT,
            };
            self.items.push(declared(one, kind));
        }
    }

    fn compared(&mut self, left: Option<&[Box<str>]>, after_is: bool, quoted: bool) {
        let ty = left.map_or(Type::Any, |chain| self.analysis.type_of(&self.context.locals, chain));
        let of_list = matches!(ty.required(), Type::List { .. });
        let ty = ty.element().filter(|_| of_list).unwrap_or(ty);
        self.literals(&ty, quoted);
        if quoted {
            return;
        }
        if is_environment(left) {
            self.declared(Space::Environment, CompletionItemKind::ENUM_MEMBER, "");
        }
        if after_is {
            self.named_values(|what| matches!(what, What::Predicate));
            self.items.words(words::TESTS);
        }
        self.values();
    }

    /// The texts of an enum, `true` and `false` of a `bool`.
    fn literals(&mut self, ty: &Type, quoted: bool) {
        match ty.required() {
            Type::OneOf(values) => {
                for value in values.iter() {
                    self.items.push(Proposal::text(value, quoted));
                }
            }
            Type::Bool if !quoted => self.items.words(&[("true", ""), ("false", "")]),
            _ => {}
        }
    }

    fn keyed(&mut self, quoted: bool) {
        let key = self.context.key.clone().unwrap_or_default();
        match self.context.frame() {
            Frame::Settings(path) => {
                if let Some(setting) = settings::named(path, &key) {
                    for value in setting.values() {
                        self.items.push(Proposal::text(value, quoted));
                    }
                    if setting.takes == "schedule" {
                        self.named_values(|what| matches!(what, What::Schedule));
                        return;
                    }
                }
            }
            Frame::Input(connection, action) | Frame::Expect(connection, action) => {
                let found = self.analysis.action(connection, action);
                let field =
                    found.and_then(|(_, action)| action.fields.iter().find(|field| field.name == key));
                if let Some(field) = field {
                    self.literals(&field_type::parse(&field.ty), quoted);
                }
            }
            Frame::Payload(event) => {
                let ty = self.analysis.outline.payload([event.as_ref()]);
                if let Some(field) =
                    record(&ty).and_then(|record| record.fields.iter().find(|one| one.name == key))
                {
                    let ty = field.ty.clone();
                    self.literals(&ty, quoted);
                }
            }
            _ => {}
        }
        if !quoted {
            self.values();
        }
    }

    fn keys(&mut self) {
        let there = &self.context.keys;
        match self.context.frame() {
            Frame::Input(connection, action) | Frame::Expect(connection, action) => {
                let Some((_, found)) = self.analysis.action(connection, action) else { return };
                let (required, optional): (Vec<_>, Vec<_>) =
                    found.fields.iter().partition(|field| field.required);
                for field in required.into_iter().chain(optional).filter(|field| !there.contains(&field.name))
                {
                    let need = if field.required { "required" } else { "optional" };
                    let one = Proposal::new(&*field.name, CompletionItemKind::FIELD);
                    self.items
                        .push(one.detail(format!("{}, {need}", field.ty)).docs(hover::input(field)).key());
                }
            }
            Frame::Settings(path) => {
                for setting in
                    settings::below(path).into_iter().filter(|one| !there.iter().any(|t| **t == *one.name))
                {
                    let one = Proposal::new(setting.name, CompletionItemKind::PROPERTY)
                        .docs(hover::setting(&setting));
                    let opens = setting.is_record();
                    self.items.push(one.detail(setting.takes).key().opens(opens));
                }
            }
            Frame::Payload(event) => {
                let ty = self.analysis.outline.payload([event.as_ref()]);
                let Some(record) = record(&ty) else { return };
                for field in record.fields.iter().filter(|field| !there.contains(&field.name)) {
                    let one =
                        Proposal::new(&*field.name, CompletionItemKind::FIELD).detail(name_of(&field.ty));
                    self.items.push(one.docs(&*field.docs).key());
                }
            }
            _ => {}
        }
    }

    fn steps(&mut self, base: &[Box<str>]) {
        let path = base.join(".");
        let is_local =
            base.first().is_some_and(|root| self.context.locals.iter().any(|one| one.name == *root));
        if !is_local {
            for builtin in BUILTINS {
                let inside = builtin.name.strip_prefix(&path).and_then(|rest| rest.strip_prefix('.'));
                if let Some(name) = inside {
                    let one = Proposal::new(name, CompletionItemKind::FIELD).detail(builtin.ty().to_string());
                    self.items.push(one.docs(builtin.docs));
                }
            }
        }
        let ty = self.analysis.type_of(&self.context.locals, base);
        let Some(record) = record(&ty) else { return };
        for field in &record.fields {
            let one = Proposal::new(&*field.name, CompletionItemKind::FIELD).detail(name_of(&field.ty));
            let one = one.docs(&*field.docs).deprecated(field.deprecated.is_some());
            self.items.push(one.quoted_unless_name());
        }
    }

    fn transforms(&mut self) {
        for transform in TRANSFORMS {
            let one = Proposal::new(transform.name, CompletionItemKind::FUNCTION)
                .detail(hover::signature(transform));
            let takes =
                transform.params.iter().any(|param| param.count != compiler::transform::Count::Optional);
            self.items.push(one.docs(hover::transform(transform)).call(takes));
        }
    }

    fn actions(&mut self, connection: &str) {
        let Some(integration) = self.analysis.outline.integration(connection) else { return };
        let Some(found) = self.analysis.catalogue.integrations.get(integration) else { return };
        let writes_record = !matches!(self.context.frame(), Frame::Test);
        for (name, action) in &found.actions {
            let required =
                action.fields.iter().filter(|field| field.required).map(|field| field.name.as_ref());
            let one = Proposal::new(&**name, CompletionItemKind::METHOD).detail(&*found.title);
            let one = one.docs(&*action.description);
            self.items.push(if writes_record { one.with_record(required.collect()) } else { one });
        }
    }

    fn events(&mut self) {
        let patterns: Vec<&str> = self.analysis.outline.patterns().collect();
        for pattern in patterns.into_iter().chain(self.analysis.bundle.event_types()) {
            let ty = self.analysis.outline.payload([pattern]);
            let detail = if ty == Type::Any { String::new() } else { name_of(&ty) };
            self.items.push(Proposal::new(pattern, CompletionItemKind::EVENT).detail(detail));
        }
    }

    fn types(&mut self) {
        for (name, _) in compiler::types::PLAIN {
            self.items.push(Proposal::new(*name, CompletionItemKind::KEYWORD).docs(hover::plain_type(name)));
        }
        self.items.words(&[("list of ", "a JSON array"), ("map of ", "a JSON object with free keys")]);
        self.declared(Space::Schema, CompletionItemKind::STRUCT, "");
    }

    fn paths(&mut self, ending: &str) {
        for name in self.analysis.bundle.files.keys().filter(|name| name.ends_with(ending)) {
            self.items.push(Proposal::new(&**name, CompletionItemKind::FILE));
        }
    }
}

fn declared(one: &Declared, kind: CompletionItemKind) -> Proposal {
    Proposal::new(&*one.name, kind).detail(&*one.head).docs(&*one.docs)
}

/// The record that a step goes into; into the elements of a list as well.
fn record(ty: &Type) -> Option<&RecordType> {
    match ty.required() {
        Type::Record(record) => Some(record),
        Type::List { of, .. } => record(of),
        _ => None,
    }
}
