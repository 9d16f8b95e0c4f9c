//! Transforms after `|`, and function calls, which are transforms here.

use super::{Lowering, broken};
use crate::{
    ast::{Expr, ExprKind},
    parse::{
        errors,
        rules::{Node, Rule},
    },
};

impl Lowering<'_> {
    /// `subject | name(args)`.
    pub(super) fn transform(&mut self, subject: Expr, node: Node<'_>, depth: usize) -> Expr {
        let span = subject.span.to(self.span(&node));
        let near = self.span(&node);
        let subject = Box::new(subject);
        let mut name = None;
        let mut args = Vec::new();
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::capture => {
                    let (mut pattern, mut group) = (None, None);
                    for part in child.into_inner() {
                        match part.as_rule() {
                            Rule::regex_text => pattern = Some(self.pattern_text(&part)),
                            Rule::plain_text => group = Some(self.plain(&part)),
                            _ => {}
                        }
                    }
                    let (Some(pattern), Some(group)) = (pattern, group) else { return broken(span) };
                    return Expr { kind: ExprKind::Capture { subject, pattern, group }, span };
                }
                Rule::name => name = Some(self.ident(&child)),
                Rule::args => args = self.values(&child, depth),
                _ => {}
            }
        }
        let transform = name.unwrap_or_else(|| self.nameless(near));
        Expr { kind: ExprKind::Pipe { subject, transform, args }, span }
    }

    /// `lower(x)` and `x.lower()`, which are written `x | lower`.
    pub(super) fn call(&mut self, base: Expr, node: &Node<'_>, depth: usize) -> Expr {
        let span = base.span.to(self.span(node));
        let args = self.values(node, depth);
        let report = match &base.kind {
            ExprKind::Name(function) => errors::call::function(self.source, span, function, &args),
            ExprKind::Field { base: subject, name, quoted: false } => {
                errors::call::method(self.source, span, subject, name, &args)
            }
            _ => errors::call::value(self.span(node)),
        };
        self.report(report);
        broken(span)
    }
}
