//! Conditions: `and`, `or`, `not`, tests for presence, and values as conditions.

use grammar::{Span, ast};

use super::Checker;
use super::scope::{Facts, Place, Proof, Typed};
use crate::hir::{Cond, CondKind};
use crate::messages::types as messages;
use crate::ternary::Ternary;
use crate::types::{Kind, Type};
use crate::value::Value;

/// A checked condition: what it asks, what its answers prove, and what may keep it from answering.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// What it asks.
    pub(super) cond: Cond,
    /// What its answers prove.
    pub(super) proof: Proof,
    /// Values that may be missing, so that the answer may be unknown.
    pub(super) loose: Vec<Loose>,
}

/// A value in a condition that may be missing.
#[derive(Clone, Debug)]
pub(super) struct Loose {
    /// Where it is read.
    pub(super) span: Span,
    /// The path it reads, when it is one.
    pub(super) place: Option<Place>,
    /// The declared field behind it: where its type is written, and its name.
    pub(super) declared: Option<(Span, Box<str>)>,
}

impl Answer {
    /// An answer that proves nothing.
    pub(super) fn new(kind: CondKind, span: Span) -> Self {
        Self { cond: Cond { kind, span }, proof: Proof::default(), loose: Vec::new() }
    }

    /// An answer that is known while compiling.
    pub(super) fn constant(answer: Ternary, span: Span) -> Self {
        Self::new(CondKind::Constant(answer), span)
    }

    /// What a mistake leaves behind.
    pub(super) fn broken(span: Span) -> Self {
        Self::constant(Ternary::Unknown, span)
    }

    /// The answer when it is known while compiling.
    pub(super) fn as_constant(&self) -> Option<Ternary> {
        match self.cond.kind {
            CondKind::Constant(answer) => Some(answer),
            _ => None,
        }
    }

    /// The opposite condition.
    pub(super) fn negated(self, span: Span) -> Self {
        let kind = match self.cond.kind {
            CondKind::Constant(answer) => CondKind::Constant(!answer),
            CondKind::Not(inner) => inner.kind,
            _ => CondKind::Not(Box::new(self.cond)),
        };
        Self { cond: Cond { kind, span }, proof: self.proof.swap(), loose: self.loose }
    }
}

impl Checker<'_> {
    /// Checks an expression as a condition.
    pub(super) fn condition(&mut self, expr: &ast::Expr) -> Answer {
        let span = expr.span;
        match &expr.kind {
            ast::ExprKind::Paren(inner) => self.condition(inner),
            ast::ExprKind::Not(inner) => {
                let answer = self.condition(inner);
                self.negation_of(&answer, span);
                answer.negated(span)
            }
            ast::ExprKind::Logic { op: ast::LogicOp::And, terms } => self.all(terms.iter(), span),
            ast::ExprKind::Logic { op: ast::LogicOp::Or, terms } => self.any(terms.iter(), span),
            ast::ExprKind::Connective { kind, items } => self.connective(*kind, items, span),
            ast::ExprKind::Compare { left, op, right, ignoring_case } => {
                self.compare(left, op, right, *ignoring_case, span)
            }
            ast::ExprKind::Test { subject, test, negated } => self.test_of(subject, test, *negated, span),
            ast::ExprKind::Regex { subject, negated, pattern, ignoring_case } => {
                self.regex(subject, *negated, pattern, ignoring_case.is_some(), span)
            }
            ast::ExprKind::Quantifier { kind, binding, list, condition } => {
                self.quantifier(*kind, binding, list, condition, span)
            }
            _ => {
                let value = self.value(expr);
                self.truth(value, expr)
            }
        }
    }

    /// A value as a condition.
    fn truth(&mut self, value: Typed, expr: &ast::Expr) -> Answer {
        let span = expr.span;
        match value.ty.kind() {
            Kind::Bool | Kind::Any => {}
            kind => {
                let label = self.label(&value);
                self.report(messages::not_a_condition(span, kind, self.written(span), label));
                return Answer::broken(span);
            }
        }
        if value.ty.is_broken() {
            return Answer::broken(span);
        }
        match value.as_constant() {
            Some(Value::Bool(truth)) => return Answer::constant(Ternary::from(*truth), span),
            Some(_) => return Answer::constant(Ternary::Unknown, span),
            None => {}
        }
        let loose = self.loose(&value).into_iter().collect();
        let proof = Proof::compared(value.needs.iter().cloned());
        Answer { proof, loose, ..Answer::new(CondKind::Truth(value.expr), span) }
    }

    /// Every term, each with what the ones before it prove.
    pub(super) fn all<'e>(
        &mut self,
        terms: impl Iterator<Item = &'e ast::Expr> + Clone,
        span: Span,
    ) -> Answer {
        let before = self.facts.clone();
        let mut conds = Vec::new();
        let mut yes = Facts::default();
        let mut no: Option<Facts> = None;
        let mut loose = Vec::new();
        let asked_before = self.rule.asked_for.clone();
        for term in terms.clone().filter(|term| asks_for_presence(term)) {
            let proof = self.quietly(|checker| checker.condition(term)).proof;
            self.rule.asked_for.extend(&proof.yes);
        }
        for term in terms {
            let answer = self.condition(term);
            self.facts.extend(&answer.proof.yes);
            yes.extend(&answer.proof.yes);
            no = Some(no.map_or_else(|| answer.proof.no.clone(), |no| no.common(&answer.proof.no)));
            loose.extend(answer.loose);
            conds.push(answer.cond);
        }
        self.facts = before;
        self.rule.asked_for = asked_before;
        let proof = Proof { yes, no: no.unwrap_or_default() };
        Answer { cond: all_of(conds, span), proof, loose }
    }

    /// At least one term, each knowing that the ones before it were not.
    pub(super) fn any<'e>(&mut self, terms: impl Iterator<Item = &'e ast::Expr>, span: Span) -> Answer {
        let before = self.facts.clone();
        let mut conds = Vec::new();
        let mut yes: Option<Facts> = None;
        let mut no = Facts::default();
        let mut loose = Vec::new();
        for term in terms {
            let answer = self.condition(term);
            // Only a term that always answers was surely no when a later one decides.
            if answer.loose.is_empty() {
                self.facts.extend(&answer.proof.no);
            }
            no.extend(&answer.proof.no);
            yes = Some(yes.map_or_else(|| answer.proof.yes.clone(), |yes| yes.common(&answer.proof.yes)));
            loose.extend(answer.loose);
            conds.push(answer.cond);
        }
        self.facts = before;
        let proof = Proof { yes: yes.unwrap_or_default(), no };
        Answer { cond: any_of(conds, span), proof, loose }
    }

    /// `all of […]` and its kin as a condition.
    fn connective(&mut self, kind: ast::ConnectiveKind, items: &ast::Expr, span: Span) -> Answer {
        let ast::ExprKind::List(terms) = &items.kind else {
            self.report(messages::conditions_in_brackets(items.span, self.written(items.span)));
            return Answer::broken(span);
        };
        match kind {
            ast::ConnectiveKind::All => self.all(terms.iter(), span),
            ast::ConnectiveKind::Any => self.any(terms.iter(), span),
            ast::ConnectiveKind::None => {
                let answer = self.any(terms.iter(), span);
                self.negation_of(&answer, span);
                answer.negated(span)
            }
        }
    }

    /// `x is missing` and its kin.
    fn test_of(
        &mut self,
        subject: &ast::Expr,
        test: &grammar::Spanned<ast::TestKind>,
        negated: bool,
        span: Span,
    ) -> Answer {
        let value = self.unguarded(|checker| checker.value(subject));
        if value.ty.is_broken() {
            return Answer::broken(span);
        }
        let answer = match test.node {
            ast::TestKind::Missing => self.presence(value, span).negated(span),
            ast::TestKind::Present => self.presence(value, span),
            ast::TestKind::Null => Answer::new(CondKind::Null(value.expr), span),
            ast::TestKind::Empty => self.emptiness(value, test.span, span),
        };
        if negated { answer.negated(span) } else { answer }
    }

    fn presence(&mut self, value: Typed, span: Span) -> Answer {
        match value.as_constant() {
            Some(constant) => return Answer::constant(Ternary::from(!constant.is_missing()), span),
            None if !value.ty.is_optional() && !value.ty.is_unchecked() => {
                let proven = value.place.as_ref().is_some_and(|place| self.facts.prove(place));
                if !proven {
                    self.report(messages::always_there(span, self.written(value.span), self.label(&value)));
                }
            }
            None => {}
        }
        let yes = Facts(value.needs.clone());
        Answer {
            proof: Proof { yes, no: Facts::default() },
            ..Answer::new(CondKind::Present(value.expr), span)
        }
    }

    fn emptiness(&mut self, value: Typed, word: Span, span: Span) -> Answer {
        let kind = value.ty.kind();
        let missing = match kind {
            Kind::List | Kind::Any => Ternary::Yes,
            Kind::Text | Kind::Record => Ternary::Unknown,
            _ => {
                self.report(messages::never_empty(word, value.span, kind, self.label(&value)));
                return Answer::broken(span);
            }
        };
        // A list that is not empty has a first element.
        let first = value.place.as_ref().map(|place| place.step("[0]"));
        let mut no = Facts(value.needs.clone());
        no.0.extend(first);
        let yes = if missing == Ternary::Unknown { Facts(value.needs.clone()) } else { Facts::default() };
        let loose = self.loose(&value).filter(|_| missing == Ternary::Unknown).into_iter().collect();
        let cond = CondKind::Empty { subject: value.expr, missing };
        Answer { proof: Proof { yes, no }, loose, ..Answer::new(cond, span) }
    }

    /// What may keep a comparison with this value from answering.
    pub(super) fn loose(&self, value: &Typed) -> Option<Loose> {
        let unchecked = value.ty == Type::Any && value.as_constant().is_none();
        if !value.ty.is_optional() && !unchecked {
            return None;
        }
        if value.place.as_ref().is_some_and(|place| self.facts.prove(place)) {
            return None;
        }
        Some(Loose { span: value.span, place: value.place.clone(), declared: self.label(value) })
    }

    /// A negated condition is silent, not true, when what it looks at is missing: say so where it
    /// decides about a delivery.
    pub(super) fn negation_of(&mut self, answer: &Answer, span: Span) {
        let asked =
            |loose: &&Loose| loose.place.as_ref().is_some_and(|place| self.rule.asked_for.prove(place));
        let silent = answer.loose.iter().find(|loose| !asked(loose));
        let Some(loose) = silent.filter(|_| self.rule.guarding) else { return };
        let what = self.missing_words(loose);
        let written = self.written(span);
        let subject = self.written(loose.span);
        self.report(messages::silent_when_missing(span, &what, subject, written, loose.declared.clone()));
    }

    /// What is missing in people's words: ``leads without a company domain``.
    fn missing_words(&self, loose: &Loose) -> String {
        let written = self.written(loose.span);
        let Some(place) = loose.place.as_ref().filter(|place| !place.steps.is_empty()) else {
            return format!("events without `{written}`");
        };
        let bound = |one: &&super::scope::Binding| {
            one.value.place.as_ref().is_some_and(|root| root.root == place.root && root.steps.is_empty())
        };
        let whose = match self.scope.iter().rev().find(bound).map(|one| &*one.name) {
            Some("payload") | None => "events".to_owned(),
            Some(alias) => messages::plural(alias),
        };
        let plain =
            place.steps.iter().all(|step| step.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        if !plain {
            return format!("events without `{written}`");
        }
        let words: Vec<String> = place.steps.iter().map(|step| step.replace('_', " ")).collect();
        let words = words.join(" ");
        let article = if words.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        format!("{whose} without {article} {words}")
    }
}

/// Whether a condition is nothing but `x is present`, `x is not missing` or `x is not empty`.
fn asks_for_presence(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Paren(inner) => asks_for_presence(inner),
        ast::ExprKind::Test { test, negated, .. } => match test.node {
            ast::TestKind::Present => !negated,
            ast::TestKind::Missing | ast::TestKind::Empty => *negated,
            ast::TestKind::Null => false,
        },
        _ => false,
    }
}

/// The least of several answers; constants fold.
pub(super) fn all_of(conds: Vec<Cond>, span: Span) -> Cond {
    let mut left = Vec::new();
    let mut least = Ternary::Yes;
    for cond in conds {
        match cond.kind {
            CondKind::Constant(answer) => least = least.and(answer),
            CondKind::All(inner) => left.extend(inner),
            _ => left.push(cond),
        }
    }
    if least == Ternary::No || left.is_empty() {
        return Cond { kind: CondKind::Constant(least), span };
    }
    if least == Ternary::Unknown {
        left.push(Cond { kind: CondKind::Constant(least), span });
    }
    single(left, span, CondKind::All)
}

/// The greatest of several answers; constants fold.
pub(super) fn any_of(conds: Vec<Cond>, span: Span) -> Cond {
    let mut left = Vec::new();
    let mut greatest = Ternary::No;
    for cond in conds {
        match cond.kind {
            CondKind::Constant(answer) => greatest = greatest.or(answer),
            CondKind::Any(inner) => left.extend(inner),
            _ => left.push(cond),
        }
    }
    if greatest == Ternary::Yes || left.is_empty() {
        return Cond { kind: CondKind::Constant(greatest), span };
    }
    if greatest == Ternary::Unknown {
        left.push(Cond { kind: CondKind::Constant(greatest), span });
    }
    single(left, span, CondKind::Any)
}

fn single(mut conds: Vec<Cond>, span: Span, many: fn(Vec<Cond>) -> CondKind) -> Cond {
    match (conds.len(), conds.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            conds.extend(last);
            Cond { kind: many(conds), span }
        }
    }
}
