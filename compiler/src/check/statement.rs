//! Statements: `choose`, `for each`, `ignore`.

use std::sync::Arc;

use grammar::ast;

use super::Checker;
use super::predicate::element;
use super::scope::{Facts, Place, Root};
use crate::hir::{Cond, Settings, Statement};
use crate::ternary::Ternary;

impl Checker<'_> {
    /// What a true rule does.
    pub(super) fn statements(&mut self, body: &[ast::Statement], settings: &Settings) -> Vec<Statement> {
        body.iter().flat_map(|statement| self.statement(statement, settings)).collect()
    }

    /// One statement; nothing when it cannot happen, several when its only arm always does.
    fn statement(&mut self, statement: &ast::Statement, settings: &Settings) -> Vec<Statement> {
        match statement {
            ast::Statement::Deliver(deliver) => {
                let delivery = self.deliver(deliver, settings);
                delivery.map(|delivery| Statement::Deliver(Box::new(delivery))).into_iter().collect()
            }
            ast::Statement::Choose(choose) => self.choose_statement(choose, settings),
            ast::Statement::ForEach(each) => self.for_each(each, settings).into_iter().collect(),
            ast::Statement::Ignore(ignore) => {
                // Holes in a reason are refused when the text is read.
                let reason = ignore.reason.as_ref().and_then(ast::Text::plain).map(Arc::from);
                vec![Statement::Ignore { reason }]
            }
        }
    }

    /// Arms that are known not to be taken are checked and disappear.
    fn choose_statement(&mut self, choose: &ast::ChooseStatement, settings: &Settings) -> Vec<Statement> {
        let mut arms: Vec<(Cond, Vec<Statement>)> = Vec::new();
        let mut last: Option<Vec<Statement>> = None;
        for arm in &choose.arms {
            let (cond, proven) = self.guard(&arm.guard, arm.span);
            let answer = match cond.kind {
                crate::hir::CondKind::Constant(answer) => Some(answer),
                _ => None,
            };
            let dead = last.is_some() || answer.is_some_and(|answer| !answer.is_yes());
            let body = self.living(!dead, |checker| {
                checker.within(Vec::new(), &proven, |checker| checker.statements(&arm.body, settings))
            });
            match answer {
                _ if dead => {}
                Some(Ternary::Yes) => last = Some(body),
                _ => arms.push((cond, body)),
            }
        }
        let taken = last.is_some();
        let otherwise = choose
            .otherwise
            .as_ref()
            .map(|otherwise| self.living(!taken, |checker| checker.statements(&otherwise.body, settings)));
        let otherwise = last.or(otherwise).unwrap_or_default();
        if arms.is_empty() { otherwise } else { vec![Statement::Choose { arms, otherwise }] }
    }

    /// Checks something that may not happen in this environment.
    fn living<T>(&mut self, live: bool, inner: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.rule.live;
        self.rule.live &= live;
        let result = inner(self);
        self.rule.live = before;
        result
    }

    fn for_each(&mut self, each: &ast::ForEach, settings: &Settings) -> Option<Statement> {
        let walked = self.walked(&each.list);
        let local = self.fresh_local();
        let value = element(local, walked.of.clone(), each.binding.span);
        let binding = self.introduce(&each.binding, value, true);
        let (filter, body) = self.within(vec![binding], &Facts::default(), |checker| {
            let filter = each.filter.as_ref().map(|filter| {
                let before = std::mem::replace(&mut checker.rule.guarding, true);
                let answer = checker.condition(filter);
                checker.rule.guarding = before;
                answer
            });
            let mut proven = filter.as_ref().map(|filter| filter.proof.yes.clone()).unwrap_or_default();
            proven.0.push(Place::root(Root::Local(local)));
            let body =
                checker.within(Vec::new(), &proven, |checker| checker.statements(&each.body, settings));
            (filter, body)
        });
        if let Some(limit) = each.limit.as_ref().filter(|limit| limit.node == 0) {
            self.report(crate::messages::bounds::limit_of_nothing(limit.span));
        }
        if walked.list.ty.is_broken() {
            return None;
        }
        let limit = each.limit.as_ref().map(|limit| limit.node);
        let filter = filter.map(|filter| Box::new(filter.cond));
        Some(Statement::ForEach { local, list: Box::new(walked.list.expr), filter, limit, body })
    }
}
