//! Types and schemas.

use super::literal::{key, quoted};
use super::record::Row;
use super::{Printer, place};
use crate::ast::{FieldType, RecordType, TypeExpr, TypeKind};

impl Printer<'_> {
    /// A type, on one line when it can be.
    pub(super) fn type_expr(&mut self, ty: &TypeExpr, behind: usize) {
        let flat = self.flat_type(ty);
        if self.type_can_be_flat(ty) && (self.fits(&flat, behind) || !type_can_be_tall(ty)) {
            self.push(&flat);
            return;
        }
        let mark = if ty.optional { "?" } else { "" };
        match &ty.kind {
            TypeKind::List { of, limit } => {
                self.push("list of ");
                self.type_expr(of, behind);
                if let Some(limit) = limit {
                    let limit = self.number(limit.span, &limit.node.to_string(), "");
                    self.push(&format!(" limit {limit}"));
                }
            }
            TypeKind::Map(of) => {
                self.push("map of ");
                self.type_expr(of, behind);
            }
            TypeKind::Paren(inner) => {
                self.push("(");
                self.type_expr(inner, behind + 1);
                self.push(")");
            }
            TypeKind::Record(record) => self.record_type(record),
            TypeKind::OneOf(values) => {
                self.deeper(|me| {
                    for (at, value) in values.iter().enumerate() {
                        if at > 0 {
                            me.line();
                            me.push("| ");
                        }
                        me.push(&quoted(&value.node));
                    }
                });
            }
            TypeKind::Named(name) => self.push(name),
        }
        self.push(mark);
    }

    /// `{ … }` of a schema: over lines, one field each.
    pub(super) fn record_type(&mut self, record: &RecordType) {
        let row = |field: &FieldType| Row { head: format!("{}:", key(&field.key)), span: field.span };
        let rows: Vec<Row> = record.fields.iter().map(row).collect();
        let widths = self.aligned(&rows);
        self.push("{");
        self.deeper(|me| {
            for (at, (field, (row, head))) in record.fields.iter().zip(rows.iter().zip(&widths)).enumerate() {
                me.lead_field(field, at == 0, &|at| place::in_type(&field.ty, at));
                me.push(&format!("{:head$} ", row.head));
                let marks = me.marks(field);
                me.type_expr(&field.ty, marks.chars().count());
                me.push(&marks);
                me.trail(field.span.end);
            }
            me.rest(record.span.end, record.fields.is_empty());
        });
        self.last = self.last.max(record.span.end);
        self.line();
        self.push("}");
    }

    /// ` sensitive deprecated "advice"`
    fn marks(&self, field: &FieldType) -> String {
        let mut marks = String::new();
        if field.sensitive.is_some() {
            marks.push_str(" sensitive");
        }
        if let Some(deprecated) = &field.deprecated {
            marks.push_str(" deprecated");
            if let Some(advice) = &deprecated.advice {
                marks.push_str(&format!(" {}", self.text_line(advice)));
            }
        }
        marks
    }

    pub(super) fn flat_type(&self, ty: &TypeExpr) -> String {
        let mut out = match &ty.kind {
            TypeKind::Named(name) => name.to_string(),
            TypeKind::OneOf(values) => {
                let values: Vec<String> = values.iter().map(|value| quoted(&value.node)).collect();
                values.join(" | ")
            }
            TypeKind::List { of, limit } => {
                let limit = limit
                    .as_ref()
                    .map(|limit| format!(" limit {}", self.number(limit.span, &limit.node.to_string(), "")));
                format!("list of {}{}", self.flat_type(of), limit.unwrap_or_default())
            }
            TypeKind::Map(of) => format!("map of {}", self.flat_type(of)),
            TypeKind::Paren(inner) => format!("({})", self.flat_type(inner)),
            TypeKind::Record(record) => {
                let field = |field: &FieldType| {
                    format!("{}: {}{}", key(&field.key), self.flat_type(&field.ty), self.marks(field))
                };
                let fields: Vec<String> = record.fields.iter().map(field).collect();
                if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
            }
        };
        if ty.optional {
            out.push('?');
        }
        out
    }

    fn type_can_be_flat(&self, ty: &TypeExpr) -> bool {
        match &ty.kind {
            TypeKind::Named(_) | TypeKind::OneOf(_) => true,
            TypeKind::List { of: inner, .. } | TypeKind::Map(inner) | TypeKind::Paren(inner) => {
                self.type_can_be_flat(inner)
            }
            TypeKind::Record(record) => {
                let tall = record.fields.first().is_some_and(|field| self.begins_line(field.span.start));
                !tall
                    && !self.has_comment(record.span, |at| place::in_type(ty, at))
                    && record
                        .fields
                        .iter()
                        .all(|field| field.docs.is_empty() && self.type_can_be_flat(&field.ty))
            }
        }
    }
}

fn type_can_be_tall(ty: &TypeExpr) -> bool {
    match &ty.kind {
        TypeKind::Named(_) => false,
        TypeKind::OneOf(values) => values.len() > 1,
        TypeKind::List { of: inner, .. } | TypeKind::Map(inner) | TypeKind::Paren(inner) => {
            type_can_be_tall(inner)
        }
        TypeKind::Record(record) => !record.fields.is_empty(),
    }
}
