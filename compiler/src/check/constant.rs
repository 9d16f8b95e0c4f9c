//! Consts: computed once, while compiling.

use grammar::{Span, ast};

use super::Checker;
use super::names::{Named, Space};
use super::scope::{Facts, Typed};
use crate::messages::{names, types as messages};
use crate::types::{Kind, Type};

impl Checker<'_> {
    /// Checks every const, used or not.
    pub(super) fn declare_consts(&mut self) {
        let consts: Vec<&ast::Const> = self
            .names
            .values
            .values()
            .filter_map(|named| match named {
                Named::Const(declared) => Some(*declared),
                Named::Predicate(_) | Named::Schedule(_) | Named::List(_) => None,
            })
            .collect();
        for declared in consts {
            self.const_of(declared, declared.name.span);
        }
    }

    /// A const where it is used.
    pub(super) fn const_value(&mut self, declared: &ast::Const, span: Span) -> Typed {
        self.uses(Space::Value, &declared.name);
        let value = self.const_of(declared, span);
        Typed { span, ..value }
    }

    fn const_of(&mut self, declared: &ast::Const, used_at: Span) -> Typed {
        match self.consts.get(&declared.name.text) {
            Some(Some(known)) => return known.clone(),
            Some(None) => {
                self.report(names::uses_itself(used_at, &declared.name));
                return Typed::broken(used_at);
            }
            None => {}
        }
        self.consts.insert(declared.name.text.clone(), None);
        // A const sees no event, wherever it is first used.
        let scope = std::mem::take(&mut self.scope);
        let facts = std::mem::take(&mut self.facts);
        let quiet = std::mem::replace(&mut self.quiet, 0);
        let value = self.unguarded(|checker| {
            checker.within(Vec::new(), &Facts::default(), |checker| checker.value(&declared.value))
        });
        self.quiet = quiet;
        self.scope = scope;
        self.facts = facts;
        let known = value.as_constant().is_some() || value.ty.kind() == Kind::Schedule;
        let value = if known || value.ty == Type::Broken {
            value
        } else {
            self.report(messages::not_constant(declared.value.span, &declared.name));
            Typed::broken(declared.value.span)
        };
        self.consts.insert(declared.name.text.clone(), Some(value.clone()));
        value
    }
}
