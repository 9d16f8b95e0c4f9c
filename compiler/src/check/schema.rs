//! Schemas and the types they are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use grammar::{Ident, ast};

use super::names::{SchemaDecl, Space};
use super::{Checker, order};
use crate::json_schema;
use crate::messages::{bounds, names as messages};
use crate::types::{FieldType, PLAIN, RecordType, Type};

/// Fields of a schema, those of schemas inside it included. Schemas can double each other, so a short
/// file could mean a type that fits no machine.
const FIELDS_MAX: usize = 10_000;

/// Records, lists and maps inside each other in a schema.
const DEPTH_MAX: usize = 64;

impl Checker<'_> {
    /// Checks every schema, used or not.
    pub(super) fn declare_schemas(&mut self) {
        let mut mentions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, declared) in &self.names.schemas {
            let below = mentions.entry(name).or_default();
            if let SchemaDecl::Inline(schema) = declared {
                order::schemas(&schema.record, below);
            }
        }
        for name in order::by_mention(&mentions) {
            self.schema_named(name);
        }
    }

    /// A schema's type by its declared name.
    fn schema_named(&mut self, name: &str) -> Option<Type> {
        if let Some(known) = self.schemas.get(name) {
            return Some(known.clone());
        }
        let declared = *self.names.schemas.get(name)?;
        self.open.push(name.into());
        let ty = match declared {
            SchemaDecl::Inline(schema) => {
                let mut record = self.record_type(&schema.record);
                record.name = Some(schema.name.text.clone());
                record.open = schema.open.is_some();
                record.span = Some(schema.name.span);
                Type::Record(Arc::new(record))
            }
            SchemaDecl::Import(import) => self.imported(import),
        };
        self.open.pop();
        let ty = self.of_a_size(ty, declared.name());
        self.schemas.insert(name.into(), ty.clone());
        Some(ty)
    }

    /// A schema, unless it has too many fields or levels, those of schemas inside it included.
    fn of_a_size(&mut self, ty: Type, name: &Ident) -> Type {
        match measure(&ty, &mut FIELDS_MAX.clone(), DEPTH_MAX) {
            Ok(()) => ty,
            Err(excess) => {
                self.report(bounds::schema_too_large(name, excess, FIELDS_MAX, DEPTH_MAX));
                Type::Broken
            }
        }
    }

    /// `import schema Order from "schemas/order.json"`
    fn imported(&mut self, import: &ast::Import) -> Type {
        let Some(path) = import.from.plain() else { return Type::Broken };
        let Some(source) = self.sources.iter().find(|source| &*source.name == path) else {
            self.report(messages::file_not_in_bundle(import.from.span, path));
            return Type::Broken;
        };
        let read = json_schema::read(&import.name, import.from.span, source, self.sources);
        for diagnostic in read.diagnostics {
            self.report(diagnostic);
        }
        read.ty
    }

    /// A type as written.
    pub(super) fn type_expr(&mut self, written: &ast::TypeExpr) -> Type {
        let ty = match &written.kind {
            ast::TypeKind::Named(name) => self.named_type(name),
            ast::TypeKind::OneOf(values) => {
                let mut distinct: Vec<Box<str>> = Vec::new();
                for value in values {
                    if distinct.contains(&value.node) {
                        self.report(messages::value_twice(value.span, &value.node));
                    } else {
                        distinct.push(value.node.clone());
                    }
                }
                Type::OneOf(distinct.into())
            }
            ast::TypeKind::List { of, limit } => {
                let of = Arc::new(self.type_expr(of));
                Type::List { of, limit: limit.as_ref().map(|limit| limit.node) }
            }
            ast::TypeKind::Map(of) => Type::Map(Arc::new(self.type_expr(of))),
            ast::TypeKind::Record(record) => Type::Record(Arc::new(self.record_type(record))),
            ast::TypeKind::Paren(inner) => self.type_expr(inner),
        };
        if written.optional { ty.optional() } else { ty }
    }

    fn named_type(&mut self, name: &Ident) -> Type {
        if let Some(plain) = Type::plain(name) {
            return plain;
        }
        if self.open.iter().any(|open| **open == *name.text) {
            self.report(messages::schema_contains_itself(name));
            return Type::Broken;
        }
        self.uses(Space::Schema, name);
        match self.schema_named(name) {
            Some(ty) => ty,
            None if self.names.unread.contains(&*name.text) => Type::Broken,
            None => {
                let plain = PLAIN.iter().map(|(name, _)| *name);
                let known: Vec<&str> = plain.chain(self.names.schemas.keys().copied()).collect();
                self.report(messages::unknown_type(name, &known));
                Type::Broken
            }
        }
    }

    fn record_type(&mut self, record: &ast::RecordType) -> RecordType {
        let max = self.world.limits.record_fields_max;
        if record.fields.len() > max {
            self.report(bounds::too_many_fields(record.span, record.fields.len(), max));
        }
        let mut fields: Vec<FieldType> = Vec::new();
        for field in &record.fields {
            let first = fields.iter().find(|one| one.name == field.key.text).and_then(|one| one.span);
            if let Some(first) = first {
                self.report(messages::declared_twice("field", &field.key, first));
                continue;
            }
            fields.push(self.field_type(field));
        }
        RecordType { name: None, fields, open: false, span: Some(record.span) }
    }

    fn field_type(&mut self, field: &ast::FieldType) -> FieldType {
        let advice = |deprecated: &ast::Deprecated| {
            let advice = deprecated.advice.as_ref().and_then(ast::Text::plain);
            Box::from(advice.unwrap_or_default())
        };
        FieldType {
            name: field.key.text.clone(),
            ty: self.type_expr(&field.ty),
            sensitive: field.sensitive.is_some(),
            deprecated: field.deprecated.as_ref().map(advice),
            docs: docs(&field.docs).into(),
            span: Some(field.key.span),
            type_span: Some(field.ty.span),
        }
    }

    /// A schema by the name written at an `event` declaration.
    pub(super) fn schema_at(&mut self, name: &Ident) -> Type {
        match Type::plain(name) {
            Some(Type::Any) => Type::Any,
            Some(_) => {
                self.report(messages::event_needs_schema(name));
                Type::Broken
            }
            None => self.named_type(name),
        }
    }
}

/// `##` lines joined by line breaks.
pub(super) fn docs(lines: &[ast::Doc]) -> String {
    let lines: Vec<&str> = lines.iter().map(|doc| &*doc.text).collect();
    lines.join("\n")
}

/// Counts fields and levels down; the error is the name of the bound.
fn measure(ty: &Type, left: &mut usize, depth: usize) -> Result<(), &'static str> {
    let below = depth.checked_sub(1).ok_or("levels of a schema")?;
    match ty {
        Type::Optional(of) | Type::Map(of) | Type::List { of, .. } => measure(of, left, below),
        Type::Record(record) => {
            *left = left.checked_sub(record.fields.len()).ok_or("fields of a schema")?;
            record.fields.iter().try_for_each(|field| measure(&field.ty, left, below))
        }
        _ => Ok(()),
    }
}
