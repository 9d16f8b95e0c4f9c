//! Types and the fields of schemas.

use super::Lowering;
use crate::{
    ast::{Deprecated, FieldType, RecordType, TypeExpr, TypeKind},
    parse::{
        errors,
        limits::{RECORD_FIELDS_MAX, RECURSION_MAX},
        rules::{Node, Rule},
    },
};

impl Lowering<'_> {
    pub(super) fn type_expr(&mut self, node: Node<'_>) -> TypeExpr {
        let span = self.span(&node);
        let optional = node.clone().into_inner().any(|child| child.as_rule() == Rule::question);
        let nothing = TypeKind::Named(self.nameless(span));
        if self.recursion >= RECURSION_MAX {
            self.report(errors::limit::nesting(span.head()));
            return TypeExpr { kind: nothing, optional, span };
        }
        self.recursion += 1;
        let kind = node.into_inner().next().map_or(nothing, |inner| self.type_kind(&inner));
        self.recursion -= 1;
        TypeExpr { kind, optional, span }
    }

    fn type_kind(&mut self, node: &Node<'_>) -> TypeKind {
        match node.as_rule() {
            Rule::list_type => {
                let limit = node.clone().into_inner().find(|child| child.as_rule() == Rule::count);
                let limit = limit.map(|limit| self.count(&limit));
                TypeKind::List { of: Box::new(self.inner_type(node)), limit }
            }
            Rule::map_type => TypeKind::Map(Box::new(self.inner_type(node))),
            Rule::paren_type => TypeKind::Paren(Box::new(self.inner_type(node))),
            Rule::record_type => TypeKind::Record(self.record_type(node)),
            Rule::literal_type => {
                let texts = node.clone().into_inner();
                let texts = texts.filter(|text| matches!(text.as_rule(), Rule::plain_text | Rule::odd_text));
                TypeKind::OneOf(texts.map(|text| self.plain(&text)).collect())
            }
            _ => TypeKind::Named(self.ident(node)),
        }
    }

    fn inner_type(&mut self, node: &Node<'_>) -> TypeExpr {
        let inner = node.clone().into_inner().find(|child| child.as_rule() == Rule::type_expr);
        match inner {
            Some(inner) => self.type_expr(inner),
            None => {
                let span = self.span(node);
                TypeExpr { kind: TypeKind::Named(self.nameless(span)), optional: false, span }
            }
        }
    }

    pub(super) fn record_type(&mut self, node: &Node<'_>) -> RecordType {
        let span = self.span(node);
        let mut fields = Vec::new();
        for child in node.clone().into_inner() {
            if child.as_rule() == Rule::field_type {
                fields.push(self.field_type(&child));
            }
        }
        if fields.len() > RECORD_FIELDS_MAX {
            self.report(errors::limit::record(span.head(), fields.len()));
        }
        RecordType { fields, span }
    }

    fn field_type(&mut self, node: &Node<'_>) -> FieldType {
        let span = self.span(node);
        let docs = self.docs.remove(&span.range().start).unwrap_or_default();
        let key = self.key_of(node);
        let ty = self.inner_type(node);
        let (mut sensitive, mut deprecated) = (None, None);
        for child in node.clone().into_inner() {
            let place = self.span(&child);
            match child.as_rule() {
                Rule::sensitive if sensitive.is_some() => {
                    self.report(errors::twice(place, sensitive, "`sensitive`"));
                }
                Rule::sensitive => sensitive = Some(place),
                Rule::deprecated if deprecated.is_some() => {
                    let first = deprecated.as_ref().map(|first: &Deprecated| first.span);
                    self.report(errors::twice(place, first, "`deprecated`"));
                }
                Rule::deprecated => {
                    let advice = self.fixed_text_in(&child, "advice");
                    deprecated = Some(Deprecated { advice, span: place });
                }
                _ => {}
            }
        }
        FieldType { docs, key, ty, sensitive, deprecated, span }
    }
}
