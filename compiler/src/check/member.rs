//! `in`: lists, networks, lists outside the file, schedules.

use std::sync::Arc;

use grammar::{Span, ast};

use super::Checker;
use super::compare::Case;
use super::condition::Answer;
use super::names::{Named, Space};
use super::scope::{Facts, Proof, Typed};
use crate::hir::{CondKind, ConstantSet, Expr, Set};
use crate::messages::types as messages;
use crate::types::{Kind, Type};
use crate::value::{Value, form};

impl Checker<'_> {
    /// `left in right`
    pub(super) fn membership(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        case: Case,
        span: Span,
    ) -> Answer {
        let subject = self.value(left);
        if let Some(answer) = self.named_set(&subject, right, case, span) {
            return answer;
        }
        let set = match self.is_environment(left).then(|| self.environment_name(right)).flatten() {
            Some(named) => named,
            None => self.value(right),
        };
        if subject.ty.is_broken() || set.ty.is_broken() {
            return Answer::broken(span);
        }
        if set.ty.kind() == Kind::Schedule {
            return self.in_schedule(&subject, right, span);
        }
        if case == Case::Exact && set.as_constant().is_some() {
            self.folded_elements(left, &set, right);
        }
        match (set.ty.required(), set.as_constant()) {
            (Type::List { .. }, Some(Value::List(values))) => {
                let values = values.to_vec();
                self.in_constant(subject, values, right, case, span)
            }
            (Type::List { .. } | Type::Any, _) => self.in_computed(subject, set, case, span),
            (_, Some(Value::Text(text))) if matches!(subject.ty.kind(), Kind::Text | Kind::Any) => {
                let text = text.to_string();
                self.in_network(subject, &text, &set, span)
            }
            (_, _) if set.ty.kind() == Kind::Text => {
                self.report(messages::in_text(span, self.written(left.span), self.written(right.span)));
                Answer::broken(span)
            }
            _ => {
                self.report(messages::in_no_list(right.span, set.ty.kind(), self.label(&set)));
                Answer::broken(span)
            }
        }
    }

    /// A list outside the file or a schedule, by name.
    fn named_set(&mut self, subject: &Typed, right: &ast::Expr, case: Case, span: Span) -> Option<Answer> {
        let ast::ExprKind::Name(name) = &right.kind else { return None };
        if self.scope.iter().any(|one| one.name == name.text) {
            return None;
        }
        match self.names.values.get(&*name.text)? {
            Named::Schedule(_) => Some(self.in_schedule(subject, right, span)),
            Named::List(_) => {
                self.uses(Space::Value, name);
                let kinds = [Kind::Text, Kind::Number];
                if !self.wants(subject, &kinds, "a list outside the file") || subject.ty.is_broken() {
                    return Some(Answer::broken(span));
                }
                let set = Set::Outside(self.outside_list(&name.text, case.folds())?);
                Some(self.member(subject.clone(), set, case, span))
            }
            Named::Const(_) | Named::Predicate(_) => None,
        }
    }

    fn in_schedule(&mut self, subject: &Typed, right: &ast::Expr, span: Span) -> Answer {
        if subject.ty.is_broken() {
            return Answer::broken(span);
        }
        if !self.wants(subject, &[Kind::Instant], "a schedule") {
            return Answer::broken(span);
        }
        match self.schedule_value(right) {
            Some(schedule) => self.member(subject.clone(), Set::Schedule(schedule), Case::Exact, span),
            None => Answer::broken(span),
        }
    }

    fn member(&mut self, subject: Typed, set: Set, case: Case, span: Span) -> Answer {
        let loose = self.loose(&subject).into_iter().collect();
        let proof = Proof::compared(subject.needs.iter().cloned());
        let kind = CondKind::In { subject: subject.expr, set, fold: case.folds() };
        Answer { proof, loose, ..Answer::new(kind, span) }
    }

    /// Membership in a list known while compiling.
    fn in_constant(
        &mut self,
        subject: Typed,
        values: Vec<Value<'static>>,
        right: &ast::Expr,
        case: Case,
        span: Span,
    ) -> Answer {
        let networks = matches!(subject.ty.required(), Type::Ip | Type::Any);
        let mut kept = Vec::new();
        for (at, value) in values.into_iter().enumerate() {
            let place = element_span(right, at);
            let element = Typed::constant(value.clone(), value_type(&value), place);
            match self.element(&subject, element, networks) {
                Some(element) => kept.extend(element.as_constant().cloned()),
                None => return Answer::broken(span),
            }
        }
        if let Some(constant) = subject.as_constant().filter(|_| case == Case::Exact && !networks) {
            let found = kept.iter().any(|value| value.equals(constant, false));
            return Answer::constant(crate::ternary::Ternary::from(found), span);
        }
        let set = Set::Constant(Arc::new(ConstantSet::new(kept, networks, case.folds())));
        self.member(subject, set, case, span)
    }

    /// One element of a literal list against the left side.
    fn element(&mut self, subject: &Typed, element: Typed, networks: bool) -> Option<Typed> {
        let network = networks && element.as_text().is_some_and(form::is_network);
        let element = if network { element } else { self.adapt(element, &subject.ty) };
        if element.ty.is_broken() {
            return None;
        }
        let kinds = [subject.ty.kind(), element.ty.kind()];
        if kinds[0] != kinds[1] && !kinds.contains(&Kind::Any) && !kinds.contains(&Kind::Null) {
            let declared = self.label(subject);
            self.report(messages::wrong_element(element.span, kinds[1], subject.span, kinds[0], declared));
            return None;
        }
        self.can_occur(subject, &element).then_some(element)
    }

    fn in_computed(&mut self, subject: Typed, set: Typed, case: Case, span: Span) -> Answer {
        if let Some(of) = set.ty.element() {
            let kinds = [subject.ty.kind(), of.kind()];
            if kinds[0] != kinds[1] && !kinds.contains(&Kind::Any) {
                let declared = self.label(&set);
                self.report(messages::wrong_element(subject.span, kinds[0], set.span, kinds[1], declared));
                return Answer::broken(span);
            }
        }
        let mut loose: Vec<_> = self.loose(&subject).into_iter().collect();
        let declared = set.ty.kind() == Kind::List;
        let mut yes = Facts(subject.needs.clone());
        yes.0.extend(set.needs.iter().cloned());
        let mut no = Facts(subject.needs.clone());
        if !declared {
            loose.extend(self.loose(&set));
            no = yes.clone();
        }
        let list = self.comparable_list(set);
        let kind = CondKind::In { subject: subject.expr, set: Set::Computed(list), fold: case.folds() };
        Answer { proof: Proof { yes, no }, loose, ..Answer::new(kind, span) }
    }

    /// A list to look into: a declared one that is missing is empty, and texts that stand for days or
    /// instants are read as such.
    pub(super) fn comparable_list(&mut self, list: Typed) -> Expr {
        let Type::List { of, .. } = list.ty.required().clone() else { return list.expr };
        let expr = match list.expr {
            constant @ Expr::Constant(_) => return constant,
            other if list.ty.is_optional() || list.place.is_some() => or_empty(other),
            other => other,
        };
        if !matches!(of.kind(), Kind::Instant | Kind::Date | Kind::Duration) {
            return expr;
        }
        let local = self.fresh_local();
        let body = Box::new(super::read::convert(Expr::Local(local), &of));
        Expr::Each { local, list: Box::new(expr), filter: None, body }
    }

    /// `ip in "10.0.0.0/8"`
    fn in_network(&mut self, subject: Typed, text: &str, set: &Typed, span: Span) -> Answer {
        if !matches!(subject.ty.required(), Type::Ip | Type::Any) {
            let subject_text = self.written(subject.span);
            self.report(messages::in_text(span, subject_text, self.written(set.span)));
            return Answer::broken(span);
        }
        if !form::is_network(text) {
            self.report(messages::not_a_network(set.span, text));
            return Answer::broken(span);
        }
        let values = vec![Value::text(text.to_owned())];
        let set = Set::Constant(Arc::new(ConstantSet::new(values, true, false)));
        self.member(subject, set, Case::Exact, span)
    }

    fn folded_elements(&mut self, left: &ast::Expr, set: &Typed, right: &ast::Expr) {
        if let Some(Value::List(values)) = set.as_constant() {
            let values = values.clone();
            for (at, value) in values.iter().enumerate() {
                let element = Typed::constant(value.clone(), Type::Any, element_span(right, at));
                self.folded_side(left, &element);
            }
        }
    }
}

/// Missing is the empty list.
pub(super) fn or_empty(list: Expr) -> Expr {
    Expr::Else(Box::new(list), Box::new(Expr::Constant(Value::List(Arc::from(Vec::new())))))
}

/// Where an element of a literal list stands; the whole expression when it comes from a const.
pub(super) fn element_span(list: &ast::Expr, at: usize) -> Span {
    match &list.kind {
        ast::ExprKind::Paren(inner) => element_span(inner, at),
        ast::ExprKind::List(items) => items.get(at).map_or(list.span, |item| item.span),
        _ => list.span,
    }
}

/// The type of a constant.
pub(super) fn value_type(value: &Value) -> Type {
    match value {
        Value::Missing | Value::Unreadable(_) => Type::Any,
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Decimal(_) => Type::Decimal,
        Value::Text(_) => Type::Text,
        Value::Instant(_) => Type::DateTime,
        Value::Date(_) => Type::Date,
        Value::Duration(_) => Type::Duration,
        Value::List(_) => Type::List { of: Arc::new(Type::Any), limit: None },
        Value::Record(_) => Type::Map(Arc::new(Type::Any)),
    }
}
