//! Policies: settings with a name, perhaps with a parameter.

use grammar::{Ident, ast};

use super::Checker;
use super::fit::{Fit, fit};
use super::names::Space;
use super::predicate::element;
use super::scope::{Binding, Facts, Typed};
use crate::hir::Settings;
use crate::messages::{deliveries as messages, names};
use crate::types::Type;

impl Checker<'_> {
    /// Checks every policy by itself, so that its mistakes are reported once.
    pub(super) fn declare_policies(&mut self) {
        let policies: Vec<&ast::Policy> = self.names.policies.values().copied().collect();
        for policy in policies {
            self.rule = super::RuleState::default();
            let mut bindings = Vec::new();
            if let Some(param) = &policy.param {
                let local = self.fresh_local();
                let ty = self.type_expr(&param.ty);
                bindings.push(self.introduce(&param.name, element(local, ty, param.name.span), false));
            }
            let mut scratch = Settings::default();
            self.within(bindings, &Facts::default(), |checker| {
                checker.settings(&mut scratch, &policy.settings);
            });
        }
    }

    /// `with policy(argument) { settings }` on top of what is inherited.
    pub(super) fn with(&mut self, settings: &mut Settings, with: &ast::With) {
        if let Some(name) = &with.policy {
            self.policy(settings, name, with.argument.as_ref());
        }
        if let Some(own) = &with.settings {
            self.settings(settings, own);
        }
    }

    fn policy(&mut self, settings: &mut Settings, name: &Ident, argument: Option<&Ident>) {
        self.uses(Space::Policy, name);
        let Some(policy) = self.names.policies.get(&*name.text).copied() else {
            if !self.names.unread.contains(&*name.text) {
                let known: Vec<&str> = self.names.policies.keys().copied().collect();
                self.report(names::unknown_policy(name, &known));
            }
            return;
        };
        let argument = argument.map(|argument| self.name(argument));
        let binding = match (&policy.param, argument) {
            (None, None) => None,
            (Some(param), Some(value)) => match self.parameter(param, value, &policy.name) {
                Some(binding) => Some(binding),
                None => return,
            },
            (Some(param), None) => {
                self.report(messages::policy_needs_argument(name, &param.name, &self.rule.alias.clone()));
                return;
            }
            (None, Some(value)) => {
                self.report(messages::policy_takes_nothing(value.span, name, policy.name.span));
                return;
            }
        };
        let scope = std::mem::take(&mut self.scope);
        self.quietly(|checker| {
            checker.within(binding.into_iter().collect(), &Facts::default(), |checker| {
                checker.settings(settings, &policy.settings);
            });
        });
        self.scope = scope;
    }

    fn parameter(&mut self, param: &ast::Param, value: Typed, policy: &Ident) -> Option<Binding> {
        let ty = self.quietly(|checker| checker.type_expr(&param.ty));
        if value.ty.is_broken() || ty == Type::Broken {
            return None;
        }
        if fit(&value.ty, &ty) == Fit::Wrong {
            let declared = param.ty.span;
            self.report(messages::policy_takes(value.span, &value.ty, policy, &ty, declared));
            return None;
        }
        let value = Typed { ty, ..value };
        Some(Binding { name: param.name.text.clone(), value, span: param.name.span, element: false })
    }
}
