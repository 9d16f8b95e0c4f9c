//! `choose` as an expression, and `else`.

use grammar::{Span, ast};

use super::Checker;
use super::scope::{Facts, Typed};
use crate::hir::Expr;
use crate::messages::types as messages;
use crate::ternary::Ternary;
use crate::types::{Kind, Type};

impl Checker<'_> {
    /// `choose { when c: v … otherwise: v }`. Arms that are known not to be taken disappear.
    pub(super) fn choose(
        &mut self,
        arms: &[ast::ChooseArm],
        otherwise: Option<&ast::Expr>,
        span: Span,
    ) -> Typed {
        let mut kept = Vec::new();
        let mut ty: Option<Type> = None;
        let mut sensitive = None;
        let mut last: Option<Typed> = None;
        let mut refuted = Facts::default();
        for arm in arms {
            let (answer, value) = self.within(Vec::new(), &refuted, |checker| checker.arm(arm));
            // An arm that can be unknown proves nothing for those after it.
            if answer.loose.is_empty() {
                refuted.extend(&answer.proof.no);
            }
            let live = answer.as_constant().is_none_or(Ternary::is_yes);
            if !live || last.is_some() {
                continue;
            }
            ty = Some(ty.map_or_else(|| value.ty.clone(), |ty| ty.join(&value.ty)));
            sensitive = sensitive.or_else(|| value.sensitive.clone());
            match answer.as_constant() {
                Some(_) => last = Some(value),
                None => kept.push((answer.cond, value.raw())),
            }
        }
        // Unknown takes `otherwise` too, so nothing is proven there.
        let written = otherwise.map(|otherwise| self.value(otherwise));
        let last = last.or(written);
        if let Some(value) = &last {
            ty = Some(ty.map_or_else(|| value.ty.clone(), |ty| ty.join(&value.ty)));
            sensitive = sensitive.or_else(|| value.sensitive.clone());
        }
        let ty = ty.unwrap_or(Type::Any);
        let ty = if last.is_some() { ty } else { ty.optional() };
        match last {
            Some(value) if kept.is_empty() => Typed { span, place: None, ..value },
            last => {
                let otherwise = last.map(|value| Box::new(value.raw()));
                let expr = super::read::convert(Expr::Choose(kept, otherwise), &ty);
                Typed { sensitive, ..Typed::computed(expr, ty, span) }
            }
        }
    }

    fn arm(&mut self, arm: &ast::ChooseArm) -> (super::condition::Answer, Typed) {
        let answer = self.unguarded(|checker| checker.condition(&arm.condition));
        let proven = answer.proof.yes.clone();
        let value = self.within(Vec::new(), &proven, |checker| checker.value(&arm.value));
        (answer, value)
    }

    /// `x else y`
    pub(super) fn otherwise(&mut self, subject: &ast::Expr, fallback: &ast::Expr, span: Span) -> Typed {
        let value = self.value(subject);
        let instead = self.value(fallback);
        let instead = self.adapt(instead, &value.ty);
        if value.ty.is_broken() || instead.ty.is_broken() {
            return Typed::broken(span);
        }
        let proven = value.place.as_ref().is_some_and(|place| self.facts.prove(place));
        if !value.ty.is_optional() && value.ty != Type::Any && !proven {
            self.report(messages::never_missing(span, value.span, self.written(value.span)));
        }
        if let Some(constant) = value.as_constant() {
            return Typed { span, ..if constant.is_missing() { instead } else { value } };
        }
        let (one, two) = (value.ty.kind(), instead.ty.kind());
        if one != two && ![one, two].contains(&Kind::Any) && ![one, two].contains(&Kind::Null) {
            let label = self.label(&value);
            self.report(messages::fallback_differs(instead.span, two, value.span, one, label));
        }
        let ty = match &instead.ty {
            Type::Null => value.ty.clone(),
            other => value.ty.required().join(other),
        };
        let sensitive = value.sensitive.clone().or_else(|| instead.sensitive.clone());
        if ty == Type::Any && value.ty == Type::Any && instead.ty != Type::Any {
            self.note_unchecked(value.span);
        }
        let expr = Expr::Else(Box::new(value.expr), Box::new(instead.expr));
        Typed { sensitive, ..Typed::computed(expr, ty, span) }
    }
}
