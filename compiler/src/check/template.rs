//! Text with holes.

use std::sync::Arc;

use grammar::ast;

use super::Checker;
use super::fold;
use super::scope::Typed;
use crate::hir::{Expr, TemplatePart};
use crate::messages::{bounds, types as messages};
use crate::types::{Kind, Type};
use crate::value::Value;

impl Checker<'_> {
    /// A text, with or without holes.
    pub(super) fn template(&mut self, text: &ast::Text) -> Typed {
        let max = self.world.limits.text_bytes_max;
        let length = text.parts.iter().map(|part| match part {
            ast::TextPart::Chars(chars) => chars.len(),
            ast::TextPart::Hole(_) => 0,
        });
        let length: usize = length.sum();
        if length > max {
            self.report(bounds::text_too_long(text.span, length, max));
            return Typed::broken(text.span);
        }
        if let Some(plain) = text.plain() {
            return Typed::constant(Value::text(plain.to_owned()), Type::Text, text.span);
        }
        let mut known = length;
        let mut parts: Vec<TemplatePart> = Vec::new();
        let mut whole = Typed::computed(Expr::Template(Vec::new()), Type::Text, text.span);
        for part in &text.parts {
            match part {
                ast::TextPart::Chars(chars) => push_chars(&mut parts, chars),
                ast::TextPart::Hole(hole) => {
                    let value = self.hole(hole);
                    whole.sensitive = whole.sensitive.or_else(|| value.sensitive.clone());
                    whole.needs.extend(value.needs.iter().cloned());
                    if value.ty.is_broken() {
                        whole.ty = Type::Broken;
                    }
                    match value.as_constant().and_then(fold::text) {
                        Some(chars) if known + chars.len() > max => {
                            self.report(bounds::text_too_long(text.span, known + chars.len(), max));
                            return Typed::broken(text.span);
                        }
                        Some(chars) => {
                            known += chars.len();
                            push_chars(&mut parts, &chars);
                        }
                        None => parts.push(TemplatePart::Hole(value.expr)),
                    }
                }
            }
        }
        if whole.ty == Type::Broken {
            return Typed::broken(text.span);
        }
        match parts.as_slice() {
            [] => Typed::constant(Value::text(""), Type::Text, text.span),
            [TemplatePart::Chars(chars)] => {
                Typed::constant(Value::text(chars.to_string()), Type::Text, text.span)
            }
            _ => Typed { expr: Expr::Template(parts), ..whole },
        }
    }

    fn hole(&mut self, hole: &ast::Expr) -> Typed {
        let value = self.value(hole);
        match value.ty.kind() {
            Kind::List | Kind::Record => {
                self.report(messages::hole_is_no_text(value.span, value.ty.kind(), self.written(value.span)));
                return Typed::broken(hole.span);
            }
            Kind::Schedule => {
                self.report(messages::wrong_kind(value.span, "a hole", &[Kind::Text], Kind::Schedule, None));
                return Typed::broken(hole.span);
            }
            _ => {}
        }
        if value.may_be_missing() {
            self.report(messages::hole_may_be_missing(
                value.span,
                self.written(value.span),
                &value.ty,
                self.label(&value),
            ));
            return Typed::broken(hole.span);
        }
        value
    }
}

fn push_chars(parts: &mut Vec<TemplatePart>, chars: &str) {
    match parts.last_mut() {
        Some(TemplatePart::Chars(before)) => *before = Arc::from(format!("{before}{chars}")),
        _ => parts.push(TemplatePart::Chars(Arc::from(chars))),
    }
}
