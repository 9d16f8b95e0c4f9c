//! Quantifiers and `each`: what they walk, and that the work stays linear in the event.

use std::collections::BTreeSet;
use std::sync::Arc;

use grammar::ast::{self, QuantifierKind};
use grammar::{Ident, Span};

use super::condition::Answer;
use super::member::or_empty;
use super::names::Named;
use super::predicate::element;
use super::scope::{Binding, Facts, Proof, Root, Typed};
use super::{Checker, free};
use crate::hir::{CondKind, Expr};
use crate::messages::{bounds, types as messages};
use crate::transform::{Accepts, Transform};
use crate::types::{Kind, Type};

/// A list that is walked element by element.
pub(super) struct Walked {
    /// The list.
    pub(super) list: Typed,
    /// Its elements' type.
    pub(super) of: Type,
}

impl Checker<'_> {
    /// `any x in xs satisfies (…)` and its kin.
    pub(super) fn quantifier(
        &mut self,
        kind: QuantifierKind,
        name: &Ident,
        list: &ast::Expr,
        condition: &ast::Expr,
        span: Span,
    ) -> Answer {
        self.belongs(name, list, &[condition], Some((kind, condition, span)));
        let walked = self.walked(list);
        let local = self.fresh_local();
        let value = element(local, walked.of.clone(), name.span);
        let binding = self.introduce(name, value, true);
        let inner = self.deeper(span, |checker| {
            checker.unguarded(|checker| {
                checker.within(vec![binding], &Facts::default(), |checker| checker.condition(condition))
            })
        });
        if walked.list.ty.is_broken() {
            return Answer::broken(span);
        }
        self.empty_surprise(kind, &walked.list, span);
        let proof = walked_proof(kind, &walked.list);
        let list = walked.list.expr;
        let condition = Box::new(inner.cond);
        let cond = CondKind::Quantifier { kind, local, list, condition };
        let outer = |place: &super::scope::Place| place.root != Root::Local(local);
        let loose = inner.loose.into_iter().filter(|one| one.place.as_ref().is_some_and(outer)).collect();
        Answer { proof, loose, ..Answer::new(cond, span) }
    }

    /// `each x in xs where c: v`
    pub(super) fn each(
        &mut self,
        name: &Ident,
        list: &ast::Expr,
        filter: Option<&ast::Expr>,
        body: &ast::Expr,
        span: Span,
    ) -> Typed {
        let inner: Vec<&ast::Expr> = filter.into_iter().chain([body]).collect();
        self.belongs(name, list, &inner, None);
        let walked = self.walked(list);
        let local = self.fresh_local();
        let value = element(local, walked.of.clone(), name.span);
        let binding = self.introduce(name, value, true);
        let (filter, body) = self.deeper(span, |checker| {
            checker.within(vec![binding], &Facts::default(), |checker| {
                let filter = filter.map(|filter| checker.unguarded(|checker| checker.condition(filter)));
                let proven = filter.as_ref().map(|filter| filter.proof.yes.clone()).unwrap_or_default();
                let body = checker.within(Vec::new(), &proven, |checker| {
                    checker.piped_elements(body);
                    checker.value(body)
                });
                (filter, body)
            })
        });
        if walked.list.ty.is_broken() || body.ty.is_broken() {
            return Typed::broken(span);
        }
        let declared = walked.list.ty.kind() == Kind::List;
        let list = if declared { or_empty(walked.list.expr.clone()) } else { walked.list.expr.clone() };
        let ty = Type::List { of: Arc::new(body.ty.required().clone()), limit: None };
        let sensitive = body.sensitive.clone();
        let filter = filter.map(|filter| Box::new(filter.cond));
        let expr = Expr::Each { local, list: Box::new(list), filter, body: Box::new(body.raw()) };
        let (ty, needs) = if declared { (ty, Vec::new()) } else { (Type::Any, walked.list.needs) };
        Typed { sensitive, needs, ..Typed::computed(expr, ty, span) }
    }

    /// `each l in xs: l.a | join(", ")` joins every element by itself, which is hardly meant; the place
    /// is remembered for when the transform is checked.
    fn piped_elements(&mut self, body: &ast::Expr) {
        let ast::ExprKind::Pipe { transform, .. } = &body.kind else { return };
        if Transform::named(transform).is_some_and(|one| one.input == Accepts::List) {
            self.rule.each_body = Some(transform.span);
        }
    }

    /// Checks `inner` one quantifier deeper.
    fn deeper<T>(&mut self, span: Span, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.rule.depth += 1;
        let max = self.world.limits.quantifier_depth_max;
        if self.rule.depth == max + 1 {
            self.report(bounds::too_deep(self.rule.asked_at.unwrap_or(span), self.rule.depth, max));
        }
        self.rule.around.push(span);
        let result = inner(self);
        self.rule.around.pop();
        self.rule.depth -= 1;
        result
    }

    /// A list to walk. Field names after a list visit every element of it.
    pub(super) fn walked(&mut self, list: &ast::Expr) -> Walked {
        let value = match self.walk(list) {
            Some(value) => value,
            None => self.value(list),
        };
        match value.ty.element() {
            Some(of) => Walked { of, list: value },
            None => {
                self.report(messages::not_a_list(value.span, value.ty.kind(), self.label(&value)));
                Walked { of: Type::Broken, list: Typed::broken(list.span) }
            }
        }
    }

    /// A path across lists, such as `order.lines.taxes`.
    fn walk(&mut self, list: &ast::Expr) -> Option<Typed> {
        let ast::ExprKind::Field { base, name, .. } = &list.kind else { return None };
        if !is_path(base) {
            return None;
        }
        let across = self.walk(base).or_else(|| {
            let base = self.quietly(|checker| checker.value(base));
            // An unchecked path may cross a list anywhere below its first field.
            let deep = base.place.as_ref().is_some_and(|place| !place.steps.is_empty());
            let crosses = base.ty.kind() == Kind::List || (*base.ty.required() == Type::Any && deep);
            crosses.then_some(base)
        })?;
        let of = across.ty.element()?;
        let inner = Typed { ty: of, place: None, needs: Vec::new(), ..Typed::broken(base.span) };
        let found = self.field_of(inner, name, list.span);
        let ty = match found.ty.required() {
            Type::Broken => return Some(Typed::broken(list.span)),
            Type::Any => Type::Any,
            Type::List { of, .. } => Type::List { of: of.clone(), limit: None },
            other => Type::List { of: Arc::new(other.clone()), limit: None },
        };
        let (root, mut steps) = match across.expr {
            Expr::Walk(root, steps) => (root, steps.to_vec()),
            other => (Box::new(other), Vec::new()),
        };
        steps.push(name.text.clone());
        let expr = Expr::Walk(root, steps.into());
        let sensitive = across.sensitive.or(found.sensitive);
        Some(Typed { sensitive, needs: across.needs, ..Typed::computed(expr, ty, list.span) })
    }

    /// A list inside another quantifier walks into the outer element, or has nothing to do with it.
    fn belongs(
        &mut self,
        name: &Ident,
        list: &ast::Expr,
        inner: &[&ast::Expr],
        asked: Option<(QuantifierKind, &ast::Expr, Span)>,
    ) {
        let outer: Vec<Binding> = self.scope.iter().filter(|one| one.element).cloned().collect();
        if outer.is_empty() || self.is_constant(list) {
            return;
        }
        let root = root_name(list);
        let start = outer.iter().rposition(|one| root.is_some_and(|root| *root.text == *one.name));
        let further = outer.iter().skip(start.map_or(0, |start| start + 1));
        for element in further {
            let seen = |expr: &ast::Expr| free::mentions(expr, &element.name);
            if inner.iter().any(|expr| seen(expr)) || seen(list) {
                let starts_at = root.map_or("", |root| &*root.text);
                let told = bounds::cross_product(list.span, starts_at, &element.name, element.span);
                let mended = asked.and_then(|(kind, condition, span)| {
                    let mended = self.looked_up(kind, name, list, condition, &element.name)?;
                    let whole =
                        self.rule.around.last().and_then(|around| self.with_inside(*around, span, &mended));
                    Some((span, mended, whole))
                });
                self.report(bounds::with_look_up(told, mended, &element.name));
                return;
            }
        }
    }

    /// `any hit in hits satisfies (hit.sku is line.sku)` looked up instead of compared one by one.
    fn looked_up(
        &self,
        kind: QuantifierKind,
        name: &Ident,
        list: &ast::Expr,
        condition: &ast::Expr,
        outer: &str,
    ) -> Option<String> {
        use free::mentions;
        let word = match kind {
            QuantifierKind::Any => "in",
            QuantifierKind::No => "not in",
            QuantifierKind::Every => return None,
        };
        let mut condition = condition;
        while let ast::ExprKind::Paren(inner) = &condition.kind {
            condition = inner;
        }
        let ast::ExprKind::Compare { left, op, right, ignoring_case: None } = &condition.kind else {
            return None;
        };
        if op.node != ast::CompareOp::Is || mentions(list, outer) {
            return None;
        }
        let mine = |side: &ast::Expr| mentions(side, name) && !mentions(side, outer);
        let (mine, other) = if mine(left) { (left, right) } else { (right, left) };
        if !mentions(mine, name) || mentions(mine, outer) || mentions(other, name) {
            return None;
        }
        let [mine, other, list] = [mine.span, other.span, list.span].map(|span| self.written(span));
        Some(format!("{other} {word} (each {name} in {list}: {mine})"))
    }

    /// The text around a piece of it with that piece replaced, when all of it stands on one line.
    fn with_inside(&self, around: Span, inside: Span, replacement: &str) -> Option<String> {
        let source = self.source(around).filter(|source| source.id == inside.source)?;
        let before = source.text.get(around.range().start..inside.range().start)?;
        let behind = source.text.get(inside.range().end..around.range().end)?;
        let whole = format!("{before}{replacement}{behind}");
        (!whole.contains('\n')).then_some(whole)
    }

    /// A literal list or a const belongs to the rule, not to the event.
    fn is_constant(&self, list: &ast::Expr) -> bool {
        match &list.kind {
            ast::ExprKind::Paren(inner) => self.is_constant(inner),
            ast::ExprKind::Name(name) => matches!(self.names.values.get(&*name.text), Some(Named::Const(_))),
            ast::ExprKind::List(items) => items.iter().all(|item| {
                let mut names = BTreeSet::new();
                free::names(item, &mut names);
                names.iter().all(|name| matches!(self.names.values.get(name), Some(Named::Const(_))))
            }),
            _ => false,
        }
    }

    /// An empty list makes `every` true, and a missing one makes `no` true.
    fn empty_surprise(&mut self, kind: QuantifierKind, list: &Typed, span: Span) {
        if !self.rule.guarding || list.as_constant().is_some() {
            return;
        }
        let first = list.place.as_ref().map(|place| place.step("[0]"));
        let proven =
            |place: &super::scope::Place| self.facts.prove(place) || self.rule.asked_for.prove(place);
        let surprising = match kind {
            QuantifierKind::Any => false,
            QuantifierKind::Every => !first.as_ref().is_some_and(proven),
            QuantifierKind::No => self.loose(list).is_some() && !list.place.as_ref().is_some_and(proven),
        };
        if surprising {
            let label = self.label(list);
            self.report(messages::missing_list_is_empty(span, self.written(list.span), "yes", label));
        }
    }
}

/// A list that had an element is there.
fn walked_proof(kind: QuantifierKind, list: &Typed) -> Proof {
    let mut there = Facts(list.needs.clone());
    there.0.extend(list.place.as_ref().map(|place| place.step("[0]")));
    match kind {
        QuantifierKind::Any => Proof { yes: there, no: Facts::default() },
        QuantifierKind::Every | QuantifierKind::No => Proof { yes: Facts::default(), no: there },
    }
}

/// Whether an expression is nothing but a name with steps, so that looking at it twice is cheap.
fn is_path(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Name(_) => true,
        ast::ExprKind::Field { base, .. } | ast::ExprKind::Paren(base) => is_path(base),
        ast::ExprKind::Index { base, index } => {
            let literal = match &index.kind {
                ast::ExprKind::Int(_) => true,
                ast::ExprKind::Text(text) => text.plain().is_some(),
                _ => false,
            };
            literal && is_path(base)
        }
        _ => false,
    }
}

/// The name a path begins with, through brackets, filters and transforms.
fn root_name(expr: &ast::Expr) -> Option<&Ident> {
    match &expr.kind {
        ast::ExprKind::Name(name) => Some(name),
        ast::ExprKind::Paren(base)
        | ast::ExprKind::Field { base, .. }
        | ast::ExprKind::Index { base, .. } => root_name(base),
        ast::ExprKind::Pipe { subject, .. } | ast::ExprKind::Else { subject, .. } => root_name(subject),
        _ => None,
    }
}
