//! Environments: which ones a bundle is checked for, and what folds away in each.

use std::sync::Arc;

use grammar::{Diagnostic, Ident, Span, ast};

use super::Checker;
use super::names::Names;
use super::scope::Typed;
use crate::messages::names as messages;
use crate::types::Type;
use crate::value::Value;
use crate::world::World;

/// The environments to check for; a program is made for the first.
pub(super) fn to_check(names: &Names, world: &World) -> Vec<Arc<str>> {
    match &world.environment {
        Some(one) => vec![one.clone()],
        None => names.environments.iter().map(|one| Arc::from(&**one)).collect(),
    }
}

/// The workspace is in an environment that the bundle does not declare.
pub(super) fn unknown_in_world(names: &Names, world: &World) -> Option<Diagnostic> {
    let one = world.environment.as_ref()?;
    let known = names.unread.contains("environments")
        || names.environments.iter().any(|declared| **declared == **one);
    (!known).then(|| messages::workspace_environment_unknown(Span::default(), one, &names.environments))
}

impl Checker<'_> {
    /// `environment` as a value.
    pub(super) fn environment_value(&self, span: Span) -> Typed {
        let ty = Type::OneOf(self.names.environments.iter().cloned().collect());
        Typed::constant(Value::text(self.environment.to_string()), ty, span)
    }

    /// A declared environment by name; reports when it is none.
    pub(super) fn environment_named(&mut self, name: &Ident) -> bool {
        let known = self.names.environments.iter().any(|one| **one == *name.text);
        if !known && !self.names.unread.contains("environments") {
            self.report(messages::unknown_environment(name, &self.names.environments));
        }
        known
    }

    /// `only in a, b`: whether the rule runs here.
    pub(super) fn runs_here(&mut self, only: &[Ident]) -> bool {
        let mut here = only.is_empty();
        for name in only {
            if self.environment_named(name) && *name.text == *self.environment {
                here = true;
            }
        }
        here
    }

    /// A bare name after `environment is`: the name of an environment stands for its text.
    pub(super) fn environment_name(&mut self, expr: &ast::Expr) -> Option<Typed> {
        match &expr.kind {
            ast::ExprKind::Paren(inner) => self.environment_name(inner),
            ast::ExprKind::Name(name) if !self.names.values.contains_key(&*name.text) => {
                if !self.environment_named(name) {
                    return Some(Typed::broken(expr.span));
                }
                let ty = Type::OneOf(self.names.environments.iter().cloned().collect());
                Some(Typed::constant(Value::text(name.text.to_string()), ty, expr.span))
            }
            ast::ExprKind::List(items) => {
                let names: Option<Vec<Typed>> =
                    items.iter().map(|item| self.environment_name(item)).collect();
                let values = names?.into_iter().filter_map(|one| one.as_constant().cloned()).collect();
                let ty = Type::List { of: Arc::new(Type::Text), limit: None };
                Some(Typed::constant(Value::List(values), ty, expr.span))
            }
            _ => None,
        }
    }

    /// Whether an expression is the word `environment` itself.
    pub(super) fn is_environment(&self, expr: &ast::Expr) -> bool {
        match &expr.kind {
            ast::ExprKind::Paren(inner) => self.is_environment(inner),
            ast::ExprKind::Name(name) => &*name.text == "environment",
            _ => false,
        }
    }
}
