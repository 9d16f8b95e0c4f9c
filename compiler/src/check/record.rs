//! Records and lists as written.

use std::sync::Arc;

use grammar::{Ident, Span, ast};

use super::Checker;
use super::fold;
use super::scope::Typed;
use crate::hir::{Expr, RecordEntry};
use crate::messages::{bounds, names, types as messages};
use crate::types::{FieldType, Kind, RecordType, Type};
use crate::value::Value;

impl Checker<'_> {
    /// `[a, b]`
    pub(super) fn list(&mut self, items: &[ast::Expr], span: Span) -> Typed {
        let max = self.world.limits.list_elements_max;
        if items.len() > max {
            self.report(bounds::too_many_elements(span, items.len(), max));
            return Typed::broken(span);
        }
        let items: Vec<Typed> = items.iter().map(|item| self.value(item)).collect();
        if items.iter().any(|item| item.ty.is_broken()) {
            return Typed::broken(span);
        }
        let types = items.iter().map(|item| item.ty.required().clone());
        let of = types.reduce(|one, two| one.join(&two)).unwrap_or(Type::Any);
        let ty = Type::List { of: Arc::new(of), limit: None };
        if let Some(constant) = fold::list(&items) {
            return Typed::constant(constant, ty, span);
        }
        let sensitive = items.iter().find_map(|item| item.sensitive.clone());
        let expr = Expr::List(items.into_iter().map(Typed::raw).collect());
        Typed { sensitive, ..Typed::computed(expr, ty, span) }
    }

    /// `{ a: 1, ..b }`
    pub(super) fn record(&mut self, record: &ast::Record) -> Typed {
        let max = self.world.limits.record_fields_max;
        if record.entries.len() > max {
            self.report(bounds::too_many_fields(record.span, record.entries.len(), max));
            return Typed::broken(record.span);
        }
        let mut shape = RecordType { name: None, fields: Vec::new(), open: false, span: Some(record.span) };
        let mut entries = Vec::new();
        let mut sensitive = None;
        let mut broken = false;
        self.keys_once(record);
        for entry in &record.entries {
            let value = match entry {
                ast::Entry::Field { key, value } => {
                    let value = self.value(value);
                    put(&mut shape, field(key, &value));
                    entries.push((Some(key.text.clone()), value));
                    entries.last().map(|(_, value)| value)
                }
                ast::Entry::Spread(base) => {
                    let value = self.spread(base, &mut shape);
                    entries.push((None, value));
                    entries.last().map(|(_, value)| value)
                }
            };
            let Some(value) = value else { continue };
            broken |= value.ty.is_broken();
            sensitive = sensitive.or_else(|| value.sensitive.clone());
        }
        if broken {
            return Typed::broken(record.span);
        }
        let ty = Type::Record(Arc::new(shape));
        if let Some(constant) = constant(&entries) {
            return Typed::constant(constant, ty, record.span);
        }
        let entries = entries.into_iter().map(|(key, value)| match key {
            Some(key) => RecordEntry::Field(Arc::from(&*key), value.raw()),
            None => RecordEntry::Spread(value.expr),
        });
        Typed { sensitive, ..Typed::computed(Expr::Record(entries.collect()), ty, record.span) }
    }

    /// `..base`: its fields become fields of the record.
    fn spread(&mut self, base: &ast::Expr, shape: &mut RecordType) -> Typed {
        let value = self.value(base);
        match value.ty.required() {
            Type::Record(record) => {
                shape.open |= record.open;
                for field in &record.fields {
                    let ty = field.ty.clone();
                    let ty = if value.ty.is_optional() { ty.optional() } else { ty };
                    put(shape, FieldType { ty, ..field.clone() });
                }
                value
            }
            Type::Map(_) | Type::Any => {
                shape.open = true;
                value
            }
            Type::Broken => value,
            _ => {
                self.report(messages::spread_needs_record(base.span, value.ty.kind(), self.label(&value)));
                Typed::broken(base.span)
            }
        }
    }

    /// A key that is written twice in one record.
    pub(super) fn keys_once(&mut self, record: &ast::Record) {
        let mut seen: Vec<&Ident> = Vec::new();
        for entry in &record.entries {
            let ast::Entry::Field { key, .. } = entry else { continue };
            match seen.iter().find(|one| one.text == key.text) {
                Some(first) => self.report(names::declared_twice("field", key, first.span)),
                None => seen.push(key),
            }
        }
    }
}

fn field(key: &Ident, value: &Typed) -> FieldType {
    FieldType {
        name: key.text.clone(),
        ty: if value.ty.kind() == Kind::Null { Type::Any } else { value.ty.clone() },
        sensitive: value.sensitive.is_some(),
        deprecated: None,
        docs: Box::from(""),
        span: Some(key.span),
        type_span: None,
    }
}

/// Later keys win and keep the first one's place.
fn put(shape: &mut RecordType, field: FieldType) {
    match shape.fields.iter_mut().find(|one| one.name == field.name) {
        Some(old) => *old = field,
        None => shape.fields.push(field),
    }
}

fn constant(entries: &[(Option<Box<str>>, Typed)]) -> Option<Value<'static>> {
    let mut fields: Vec<(std::borrow::Cow<'static, str>, Value<'static>)> = Vec::new();
    let mut put =
        |key: String, value: Value<'static>| match fields.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, old)) => *old = value,
            None => fields.push((key.into(), value)),
        };
    for (key, value) in entries {
        match (key, value.as_constant()?) {
            (Some(_), Value::Missing) => {}
            (Some(key), value) => put(key.to_string(), value.clone()),
            (None, Value::Record(more)) => {
                more.iter().for_each(|(key, value)| put(key.to_string(), value.clone()));
            }
            (None, _) => {}
        }
    }
    Some(Value::Record(Arc::from(fields)))
}
