//! What is looked for in a text: one value, or several texts known while compiling.

use std::sync::Arc;

use grammar::ast::{self, ConnectiveKind};

use super::Checker;
use super::member::element_span;
use super::scope::Typed;
use crate::hir::{NeedleSet, Needles};
use crate::messages::types as messages;
use crate::types::{Kind, Type};
use crate::value::Value;

/// The right side of `contains` and its kin.
pub(super) enum Sought {
    /// One value.
    One(Typed),
    /// Several texts.
    Several {
        /// How many must be found.
        how: ConnectiveKind,
        /// Each with its place.
        texts: Vec<(Box<str>, grammar::Span)>,
    },
    /// Reported already.
    Broken,
}

impl Sought {
    /// As the checked tree holds it.
    pub(super) fn needles(self, fold: bool) -> Option<Needles> {
        match self {
            Self::One(value) => Some(Needles::One(value.expr)),
            Self::Several { how, texts } => {
                let texts: Vec<Box<str>> = texts.into_iter().map(|(text, _)| text).collect();
                Some(Needles::Several { how, set: Arc::new(NeedleSet::new(texts, fold)) })
            }
            Self::Broken => None,
        }
    }
}

impl Checker<'_> {
    /// The right side of `contains`, `starts with`, `ends with`, `matches`.
    pub(super) fn sought(&mut self, right: &ast::Expr) -> Sought {
        match &right.kind {
            ast::ExprKind::Connective { kind, items } => self.several(*kind, items),
            // `any of lead.phones` reads as a field of `any of lead`.
            ast::ExprKind::Field { .. } if after_a_connective(right) => {
                self.report(messages::needles_not_constant(right.span, true));
                Sought::Broken
            }
            _ => {
                let value = self.value(right);
                match value.ty.kind() {
                    Kind::List => {
                        self.report(messages::needles_need_a_word(right.span, self.written(right.span)));
                        Sought::Broken
                    }
                    _ if value.ty.is_broken() => Sought::Broken,
                    _ => Sought::One(value),
                }
            }
        }
    }

    fn several(&mut self, how: ConnectiveKind, items: &ast::Expr) -> Sought {
        let list = self.value(items);
        if list.ty.is_broken() {
            return Sought::Broken;
        }
        let Some(Value::List(values)) = list.as_constant() else {
            let fits = matches!(list.ty.required(), Type::List { .. } | Type::Any);
            self.report(messages::needles_not_constant(items.span, fits));
            return Sought::Broken;
        };
        let mut texts = Vec::new();
        for (at, value) in values.clone().iter().enumerate() {
            let span = element_span(items, at);
            match value {
                Value::Text(text) => texts.push((Box::from(&**text), span)),
                other => {
                    let kind = super::member::value_type(other).kind();
                    self.report(messages::needle_is_no_text(span, kind));
                    return Sought::Broken;
                }
            }
        }
        if texts.is_empty() {
            self.report(messages::no_needles(items.span));
            return Sought::Broken;
        }
        Sought::Several { how, texts }
    }
}

fn after_a_connective(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Field { base, .. } | ast::ExprKind::Index { base, .. } => after_a_connective(base),
        ast::ExprKind::Connective { .. } => true,
        _ => false,
    }
}
