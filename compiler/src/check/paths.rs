//! Keeps the payload paths that rules really read, and numbers them anew.
//!
//! While a path is built step by step every prefix is known for a moment; only whole reads stay.

use std::collections::HashMap;
use std::sync::Arc;

use crate::hir::{
    Cond, CondKind, Expr, Input, InputEntry, Needles, PathId, Program, RecordEntry, Set, Settings, Statement,
    TemplatePart,
};

/// Renumbers the paths of a program so that only those that are read are left, those of conditions first.
pub(super) fn compact(program: &mut Program) {
    let mut renumber = Renumber { order: Vec::new(), new: HashMap::new() };
    for rule in &mut program.rules {
        rule.lets.iter_mut().for_each(|one| renumber.expr(one));
        renumber.cond(&mut rule.condition);
    }
    program.condition_paths = renumber.order.len();
    for rule in &mut program.rules {
        renumber.body(&mut rule.body);
    }
    for otherwise in program.groups.iter_mut().filter_map(|group| group.otherwise.as_mut()) {
        renumber.body(&mut otherwise.body);
    }
    let kept = renumber.order.iter().filter_map(|old| program.paths.get(old.0 as usize).cloned());
    program.paths = kept.collect();
}

struct Renumber {
    /// The old numbers in their new order.
    order: Vec<PathId>,
    new: HashMap<PathId, PathId>,
}

impl Renumber {
    fn path(&mut self, path: &mut PathId) {
        let next = PathId(u32::try_from(self.order.len()).unwrap_or(u32::MAX));
        let order = &mut self.order;
        *path = *self.new.entry(*path).or_insert_with_key(|old| {
            order.push(*old);
            next
        });
    }

    fn body(&mut self, body: &mut [Statement]) {
        for statement in body {
            match statement {
                Statement::Deliver(deliver) => {
                    deliver.condition.iter_mut().for_each(|cond| self.cond(cond));
                    self.input(&mut deliver.input);
                    // Settings without expressions stay shared.
                    if deliver.settings.has_expressions() {
                        let mut settings = deliver.settings.as_ref().clone();
                        self.settings(&mut settings);
                        deliver.settings = Arc::new(settings);
                    }
                }
                Statement::Choose { arms, otherwise } => {
                    for (cond, body) in arms {
                        self.cond(cond);
                        self.body(body);
                    }
                    self.body(otherwise);
                }
                Statement::ForEach { list, filter, body, .. } => {
                    self.expr(list);
                    filter.iter_mut().for_each(|cond| self.cond(cond));
                    self.body(body);
                }
                Statement::Ignore { .. } => {}
            }
        }
    }

    fn input(&mut self, input: &mut Input) {
        let entries = &mut input.entries;
        for entry in entries {
            match entry {
                InputEntry::Field(field) => self.expr(&mut field.value),
                InputEntry::Spread(expr) => self.expr(expr),
            }
        }
    }

    fn settings(&mut self, settings: &mut Settings) {
        let allowances = settings.rate_limit.iter_mut().chain(&mut settings.throttle);
        let keys = allowances.filter_map(|one| one.by.as_mut());
        let keys = keys.chain(settings.dedupe.as_mut().map(|one| &mut one.by));
        let keys = keys.chain(settings.sample.as_mut().and_then(|one| one.by.as_mut()));
        let keys = keys.chain(&mut settings.order_by).chain(&mut settings.delay);
        keys.chain(&mut settings.idempotency_key).for_each(|expr| self.expr(expr));
    }

    fn cond(&mut self, cond: &mut Cond) {
        match &mut cond.kind {
            CondKind::Constant(_) => {}
            CondKind::All(conds) | CondKind::Any(conds) => conds.iter_mut().for_each(|cond| self.cond(cond)),
            CondKind::Not(cond) | CondKind::Unless(cond) => self.cond(cond),
            CondKind::Truth(expr)
            | CondKind::Present(expr)
            | CondKind::Null(expr)
            | CondKind::Empty { subject: expr, .. }
            | CondKind::Glob { subject: expr, .. }
            | CondKind::Regex { subject: expr, .. } => self.expr(expr),
            CondKind::Compare { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            CondKind::In { subject, set, .. } => {
                self.expr(subject);
                if let Set::Computed(list) = set {
                    self.expr(list);
                }
            }
            CondKind::Contains { subject, needles, .. } | CondKind::Affix { subject, needles, .. } => {
                self.expr(subject);
                if let Needles::One(needle) = needles {
                    self.expr(needle);
                }
            }
            CondKind::Quantifier { list, condition, .. } => {
                self.expr(list);
                self.cond(condition);
            }
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Constant(_) | Expr::Envelope(_) | Expr::Local(_) | Expr::Let(_) => {}
            Expr::Read(path) => self.path(path),
            Expr::Field(inner, _)
            | Expr::Walk(inner, _)
            | Expr::Convert(inner, _)
            | Expr::Negate(inner)
            | Expr::Capture { subject: inner, .. } => self.expr(inner),
            Expr::Index(one, two) | Expr::Arithmetic(_, one, two) | Expr::Else(one, two) => {
                self.expr(one);
                self.expr(two);
            }
            Expr::Transform { subject, args, .. } => {
                self.expr(subject);
                args.iter_mut().for_each(|arg| self.expr(arg));
            }
            Expr::Choose(arms, otherwise) => {
                for (cond, value) in arms {
                    self.cond(cond);
                    self.expr(value);
                }
                otherwise.iter_mut().for_each(|expr| self.expr(expr));
            }
            Expr::Each { list, filter, body, .. } => {
                self.expr(list);
                filter.iter_mut().for_each(|cond| self.cond(cond));
                self.expr(body);
            }
            Expr::List(items) => items.iter_mut().for_each(|item| self.expr(item)),
            Expr::Record(entries) => entries.iter_mut().for_each(|entry| match entry {
                RecordEntry::Field(_, expr) | RecordEntry::Spread(expr) => self.expr(expr),
            }),
            Expr::Template(parts) => parts.iter_mut().for_each(|part| match part {
                TemplatePart::Hole(expr) => self.expr(expr),
                TemplatePart::Chars(_) => {}
            }),
            Expr::Condition(cond) => self.cond(cond),
        }
    }
}
