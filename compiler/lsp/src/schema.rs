//! The types of a bundle's schemas, as far as an editor needs them.

use std::collections::BTreeMap;
use std::sync::Arc;

use compiler::json_schema;
use compiler::types::{FieldType, RecordType, Type};
use grammar::{Source, ast};

use crate::bundle::Bundle;
use crate::outline::{Outline, Space, What, docs};

/// Schemas in schemas deeper than this are `any`: they contain themselves, which the checker reports.
const DEPTH_MAX: usize = 16;

/// Fills in the types of schemas and events.
pub(crate) fn resolve(outline: &mut Outline, bundle: &Bundle) {
    let mut written: BTreeMap<&str, &ast::Item> = BTreeMap::new();
    let mut events = Vec::new();
    for item in bundle.rule_files().flat_map(|file| &file.declarations().items) {
        match &item.kind {
            ast::ItemKind::Schema(schema) => drop(written.insert(&schema.name, item)),
            ast::ItemKind::Import(import) => drop(written.insert(&import.name, item)),
            ast::ItemKind::Event(event) => events.push(event),
            _ => {}
        }
    }
    let imports = written.values().any(|item| matches!(item.kind, ast::ItemKind::Import(_)));
    let others = bundle.files.values().filter(|file| imports && !file.is_rules());
    let sources = others.map(|file| Source::new(file.id, file.name.clone(), file.str())).collect();
    let types = Types { written, sources };
    let resolved: Vec<(&str, Type)> =
        types.written.keys().map(|name| (*name, types.named(name, 0))).collect();
    for (name, ty) in resolved {
        if let Some(declared) = outline.get_mut(Space::Schema, name) {
            declared.what = What::Schema(ty);
        }
    }
    for event in events {
        let ty = outline.type_named(&event.schema);
        outline.add_event(event.pattern.clone(), ty);
    }
}

struct Types<'a> {
    written: BTreeMap<&'a str, &'a ast::Item>,
    /// The bundle's other files, under their numbers in spans.
    sources: Vec<Source>,
}

impl Types<'_> {
    fn named(&self, name: &str, depth: usize) -> Type {
        if let Some(plain) = Type::plain(name) {
            return plain;
        }
        let Some(item) = self.written.get(name).filter(|_| depth < DEPTH_MAX) else {
            return Type::Broken;
        };
        match &item.kind {
            ast::ItemKind::Schema(schema) => {
                let mut record = self.record(&schema.record, depth);
                record.name = Some(schema.name.text.clone());
                record.open = schema.open.is_some();
                record.span = Some(schema.name.span);
                Type::Record(Arc::new(record))
            }
            ast::ItemKind::Import(import) => self.imported(import),
            _ => Type::Broken,
        }
    }

    fn imported(&self, import: &ast::Import) -> Type {
        let named = import.from.plain().unwrap_or_default();
        match self.sources.iter().find(|source| *source.name == *named) {
            Some(source) => json_schema::type_of(&import.name, import.from.span, source, &self.sources),
            None => Type::Any,
        }
    }

    fn expr(&self, written: &ast::TypeExpr, depth: usize) -> Type {
        let ty = match &written.kind {
            ast::TypeKind::Named(name) => self.named(name, depth + 1),
            ast::TypeKind::Paren(inner) => self.expr(inner, depth),
            ast::TypeKind::OneOf(values) => one_of(values),
            ast::TypeKind::List { of, limit } => Type::List {
                of: Arc::new(self.expr(of, depth)),
                limit: limit.as_ref().map(|limit| limit.node),
            },
            ast::TypeKind::Map(of) => Type::Map(Arc::new(self.expr(of, depth))),
            ast::TypeKind::Record(record) => Type::Record(Arc::new(self.record(record, depth))),
        };
        optional(ty, written.optional)
    }

    fn record(&self, record: &ast::RecordType, depth: usize) -> RecordType {
        let field = |field: &ast::FieldType| {
            let advice = |deprecated: &ast::Deprecated| {
                deprecated.advice.as_ref().and_then(ast::Text::plain).unwrap_or_default().into()
            };
            FieldType {
                name: field.key.text.clone(),
                ty: self.expr(&field.ty, depth),
                sensitive: field.sensitive.is_some(),
                deprecated: field.deprecated.as_ref().map(advice),
                docs: docs(&field.docs),
                span: Some(field.key.span),
                type_span: Some(field.ty.span),
            }
        };
        RecordType {
            name: None,
            fields: record.fields.iter().map(field).collect(),
            open: false,
            span: Some(record.span),
        }
    }
}

fn one_of(values: &[grammar::Spanned<Box<str>>]) -> Type {
    Type::OneOf(values.iter().map(|value| value.node.clone()).collect())
}

fn optional(ty: Type, is_optional: bool) -> Type {
    match ty {
        Type::Any | Type::Broken | Type::Optional(_) => ty,
        ty if is_optional => Type::Optional(Arc::new(ty)),
        ty => ty,
    }
}

/// The type of a const, as far as its value shows it.
pub(crate) fn of_value(value: &ast::Expr) -> Type {
    match &value.kind {
        ast::ExprKind::Bool(_) => Type::Bool,
        ast::ExprKind::Int(_) => Type::Int,
        ast::ExprKind::Decimal(_) | ast::ExprKind::Percent(_) => Type::Decimal,
        ast::ExprKind::Duration(_) => Type::Duration,
        ast::ExprKind::Date(_) => Type::Date,
        ast::ExprKind::DateTime(_) => Type::DateTime,
        ast::ExprKind::Text(_) => Type::Text,
        ast::ExprKind::Paren(inner) => of_value(inner),
        ast::ExprKind::List(values) => {
            Type::List { of: Arc::new(values.first().map_or(Type::Any, of_value)), limit: None }
        }
        ast::ExprKind::Record(record) => {
            let field = |entry: &ast::Entry| match entry {
                ast::Entry::Field { key, value } => Some(FieldType {
                    name: key.text.clone(),
                    ty: of_value(value),
                    sensitive: false,
                    deprecated: None,
                    docs: Box::default(),
                    span: Some(key.span),
                    type_span: None,
                }),
                ast::Entry::Spread(_) => None,
            };
            let fields = record.entries.iter().filter_map(field).collect();
            Type::Record(Arc::new(RecordType { name: None, fields, open: true, span: Some(record.span) }))
        }
        _ => Type::Any,
    }
}
