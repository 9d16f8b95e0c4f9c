//! Predicates: conditions with a name and one parameter, inlined where they are used.

use grammar::{Span, ast};

use super::Checker;
use super::condition::Answer;
use super::fit::{Fit, fit};
use super::names::{Named, Space};
use super::scope::{Binding, Facts, Place, Root, Typed};
use crate::hir::{Cond, Expr, LocalId};
use crate::messages::{bounds, names, types as messages};

/// Predicates asked by one rule, those inside predicates included. They are written out where they are
/// used, and each could use another one twice.
const UNFOLDED_MAX: usize = 1_000;

/// Predicates inside each other.
const DEPTH_MAX: usize = 16;

impl Checker<'_> {
    /// Checks every predicate by itself, so that its mistakes are reported once.
    pub(super) fn declare_predicates(&mut self) {
        let predicates: Vec<&ast::Predicate> = self
            .names
            .values
            .values()
            .filter_map(|named| match named {
                Named::Predicate(predicate) => Some(*predicate),
                Named::Const(_) | Named::Schedule(_) | Named::List(_) => None,
            })
            .collect();
        for predicate in predicates {
            self.rule = super::RuleState::default();
            let local = self.fresh_local();
            let ty = self.type_expr(&predicate.param.ty);
            let value = element(local, ty, predicate.param.name.span);
            let binding = self.introduce(&predicate.param.name, value, false);
            self.open.push(predicate.name.text.clone());
            self.within(vec![binding], &Facts::default(), |checker| checker.condition(&predicate.body));
            self.open.pop();
        }
    }

    /// `subject is predicate`
    pub(super) fn apply(
        &mut self,
        predicate: &ast::Predicate,
        subject: &ast::Expr,
        name: Span,
        span: Span,
    ) -> Answer {
        self.uses(Space::Value, &predicate.name);
        let value = self.value(subject);
        if self.open.contains(&predicate.name.text) {
            self.report(names::uses_itself(name, &predicate.name));
            return Answer::broken(span);
        }
        let same_file = name.source == predicate.name.span.source;
        if same_file && name.start < predicate.name.span.start {
            self.report(names::used_before(name, "predicate", &predicate.name));
        }
        self.rule.unfolded += 1;
        if self.rule.unfolded > UNFOLDED_MAX {
            if self.rule.unfolded == UNFOLDED_MAX + 1 {
                self.report(bounds::predicates_unfold(self.rule.asked_at.unwrap_or(span), UNFOLDED_MAX));
            }
            return Answer::broken(span);
        }
        if self.open.len() >= DEPTH_MAX {
            self.report(bounds::predicates_too_deep(self.rule.asked_at.unwrap_or(span), DEPTH_MAX));
            return Answer::broken(span);
        }
        let ty = self.quietly(|checker| checker.type_expr(&predicate.param.ty));
        if value.ty.is_broken() || ty.is_broken() {
            return Answer::broken(span);
        }
        if fit(&value.ty, &ty) == Fit::Wrong {
            let declared = predicate.param.ty.span;
            self.report(messages::predicate_takes(value.span, &value.ty, &predicate.name, &ty, declared));
            return Answer::broken(span);
        }
        self.inlined(predicate, value, ty, span)
    }

    fn inlined(
        &mut self,
        predicate: &ast::Predicate,
        value: Typed,
        ty: crate::types::Type,
        span: Span,
    ) -> Answer {
        let ty = if value.ty.is_optional() { ty.optional() } else { ty };
        let value = Typed { ty, ..value };
        let binding = Binding {
            name: predicate.param.name.text.clone(),
            value,
            span: predicate.param.name.span,
            element: false,
        };
        self.open.push(predicate.name.text.clone());
        // A predicate sees its parameter and the consts, nothing of the rule around it.
        let scope = std::mem::take(&mut self.scope);
        let asked_at = self.rule.asked_at;
        self.rule.asked_at = asked_at.or(Some(span));
        let answer = self.quietly(|checker| {
            checker.within(vec![binding], &Facts::default(), |checker| checker.condition(&predicate.body))
        });
        self.scope = scope;
        self.rule.asked_at = asked_at;
        self.open.pop();
        let cond = Cond { span, ..answer.cond };
        Answer { cond, ..answer }
    }
}

/// The element of a quantifier, loop or parameter as a value.
pub(super) fn element(local: LocalId, ty: crate::types::Type, span: Span) -> Typed {
    let expr = super::read::convert(Expr::Local(local), &ty);
    Typed::read(expr, ty, span, Place::root(Root::Local(local)))
}
