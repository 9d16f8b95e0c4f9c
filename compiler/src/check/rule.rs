//! Rules and groups.

use std::sync::Arc;

use grammar::{Span, ast};

use super::Checker;
use super::condition::all_of;
use super::event::{self, Variant};
use super::schema::docs;
use super::scope::{Binding, Facts, Place, Root, Typed};
use crate::hir::{
    Cond, CondKind, EnvelopeField, EventPattern, Expr, Glob, Group, GroupId, LetId, Otherwise, Path, Rule,
    RuleId, Selection, Settings,
};
use crate::messages::types;
use crate::ternary::Ternary;
use crate::types::Type;

impl Checker<'_> {
    /// A rule at the top of a file; its description stands on the item.
    pub(super) fn rule_item(&mut self, rule: &ast::Rule, above: &[ast::Doc]) {
        let written = if rule.docs.is_empty() { above } else { &rule.docs };
        if let Some(checked) = self.checked_rule(rule, written) {
            self.push_rule(checked, None);
        }
    }

    fn push_rule(&mut self, rule: Rule, group: Option<GroupId>) -> RuleId {
        let id = RuleId(u32::try_from(self.program.rules.len()).unwrap_or(u32::MAX));
        self.program.rules.push(Rule { group, ..rule });
        id
    }

    /// `group name first_match { … }`
    pub(super) fn group(&mut self, group: &ast::Group) {
        let id = GroupId(u32::try_from(self.program.groups.len()).unwrap_or(u32::MAX));
        let mut rules = Vec::new();
        let mut variants = Vec::new();
        for rule in &group.rules {
            let checked = self.checked_rule(rule, &rule.docs);
            variants.extend(self.rule.variants.iter().cloned());
            rules.extend(checked.map(|checked| self.push_rule(checked, Some(id))));
        }
        self.unreachable_in_group(&rules, group);
        let otherwise = group.otherwise.as_ref().map(|otherwise| self.group_otherwise(otherwise, variants));
        self.program.groups.push(Group {
            name: Arc::from(&*group.name.text),
            span: group.name.span,
            rules,
            otherwise,
        });
    }

    fn group_otherwise(&mut self, otherwise: &ast::Otherwise, variants: Vec<Variant>) -> Otherwise {
        self.rule = super::RuleState { variants, live: true, ..Default::default() };
        let binding = self.payload(otherwise.alias.as_ref(), otherwise.span);
        let settings = Settings::default();
        let body = self.within(vec![binding], &Facts::default(), |checker| {
            checker.statements(&otherwise.body, &settings)
        });
        self.too_many_deliveries(&body, otherwise.span);
        Otherwise { locals: self.rule.locals, body }
    }

    /// The patterns that many rules write, once.
    fn shared_patterns(&mut self, patterns: Vec<EventPattern>) -> Arc<[EventPattern]> {
        if let Some(kept) = self.patterns.get(patterns.as_slice()) {
            return Arc::clone(kept);
        }
        let patterns: Arc<[EventPattern]> = patterns.into();
        self.patterns.insert(Arc::clone(&patterns));
        patterns
    }

    /// A rule; `None` when it does not run in this environment.
    fn checked_rule(&mut self, rule: &ast::Rule, above: &[ast::Doc]) -> Option<Rule> {
        self.rule = super::RuleState::default();
        self.rule.live = self.runs_here(&rule.only);
        let patterns: Vec<EventPattern> = rule.on.patterns.iter().map(event::pattern).collect();
        for pattern in &patterns {
            let variants = self.variants(pattern);
            self.rule.variants.extend(variants);
        }
        rule.on.patterns.iter().for_each(|pattern| self.nothing_triggers(pattern));
        let payload = self.payload(rule.on.alias.as_ref(), rule.on.span);
        let mut facts = Facts::default();
        let selects = Selection {
            patterns: self.shared_patterns(patterns),
            resource: self.resource(rule.resource.as_ref(), EnvelopeField::Resource, &mut facts),
            resource_id: self.resource(rule.resource_id.as_ref(), EnvelopeField::ResourceId, &mut facts),
        };
        let (lets, condition, body) = self.within(vec![payload], &facts, |checker| checker.rule_body(rule));
        let checked = Rule {
            name: Arc::from(&*rule.name.text),
            description: Arc::from(docs(above)),
            span: rule.name.span,
            selects,
            group: None,
            lets,
            locals: self.rule.locals,
            condition,
            body,
        };
        self.too_many_deliveries(&checked.body, rule.name.span);
        self.rule.live.then_some(checked)
    }

    fn rule_body(&mut self, rule: &ast::Rule) -> (Vec<Expr>, Cond, Vec<crate::hir::Statement>) {
        let before = self.scope.len();
        let mut lets = Vec::new();
        for one in &rule.lets {
            let value = self.value(&one.value);
            let value = let_value(value, &mut lets);
            let binding = self.introduce(&one.name, value, false);
            self.scope.push(binding);
        }
        let (condition, proven) = self.guard(&rule.guard, rule.name.span);
        let mut settings = Settings::default();
        if let Some(with) = &rule.with {
            self.within(Vec::new(), &proven, |checker| checker.with(&mut settings, with));
        }
        let body = self.within(Vec::new(), &proven, |checker| checker.statements(&rule.body, &settings));
        self.scope.truncate(before);
        (lets, condition, body)
    }

    /// The payload under its name.
    fn payload(&mut self, alias: Option<&grammar::Ident>, on: Span) -> Binding {
        let ty = Self::payload_type(&self.rule.variants);
        let read = Expr::Read(self.path(Path(Arc::from(Vec::new()))));
        self.rule.on = Some(on);
        let span = alias.map_or(on, |alias| alias.span);
        let value = Typed::read(read, ty, span, Place::root(Root::Payload));
        match alias {
            Some(alias) => {
                self.rule.alias = alias.text.clone();
                self.introduce(alias, value, false)
            }
            None => Binding { name: "payload".into(), value, span, element: false },
        }
    }

    /// `resource "…"`: an event without one never matches, so in the rule it is there.
    fn resource(
        &mut self,
        text: Option<&ast::Text>,
        field: EnvelopeField,
        facts: &mut Facts,
    ) -> Option<Glob> {
        let text = text?;
        facts.0.push(Place::root(Root::Envelope(field)));
        match text.plain() {
            Some(plain) => self.glob_of(plain, text.span, super::compare::Case::Exact),
            None => {
                self.report(types::pattern_not_constant(text.span));
                None
            }
        }
    }

    /// `when` and `unless`, and what holds when both let the event through.
    pub(super) fn guard(&mut self, guard: &ast::Guard, place: Span) -> (Cond, Facts) {
        let mut conds = Vec::new();
        let mut proven = Facts::default();
        if let Some(when) = &guard.when {
            let before = std::mem::replace(&mut self.rule.guarding, true);
            let answer = self.condition(when);
            self.rule.guarding = before;
            proven = answer.proof.yes;
            conds.push(answer.cond);
        }
        if let Some(unless) = &guard.unless {
            let answer = self.within(Vec::new(), &proven, |checker| {
                checker.unguarded(|checker| checker.condition(unless))
            });
            let span = answer.cond.span;
            let kind = match answer.as_constant() {
                Some(answer) => CondKind::Constant(Ternary::from(!answer.is_yes())),
                None => CondKind::Unless(Box::new(answer.cond)),
            };
            if answer.loose.is_empty() {
                proven.extend(&answer.proof.no);
            }
            conds.push(Cond { kind, span });
        }
        let whole = guard.when.as_ref().or(guard.unless.as_ref()).map_or(place, |expr| expr.span);
        let condition = all_of(conds, whole);
        self.never_yes(&condition);
        (condition, proven)
    }
}

/// A `let` as the rest of the rule sees it. Constants are written in place.
fn let_value(value: Typed, lets: &mut Vec<Expr>) -> Typed {
    if value.as_constant().is_some() || value.ty == Type::Broken {
        return value;
    }
    let id = LetId(u16::try_from(lets.len()).unwrap_or(u16::MAX));
    let place = value.place.clone().unwrap_or_else(|| Place::root(Root::Let(id)));
    let mut needs = value.needs.clone();
    needs.push(place.clone());
    lets.push(value.expr.clone());
    Typed { expr: Expr::Let(id), place: Some(place), needs, ..value }
}
