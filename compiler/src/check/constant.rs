//! Consts: computed once, while compiling.

use std::collections::{BTreeMap, BTreeSet};

use grammar::{Span, ast};

use super::names::{Named, Space};
use super::scope::{Facts, Typed};
use super::{Checker, free, order};
use crate::messages::{bounds, names, types as messages};
use crate::types::{Kind, Type};
use crate::value::Value;

/// Values in a const, those of consts that it mentions included. Consts can double each other, so a
/// short file could mean a value that fits no machine.
const VALUES_MAX: usize = 100_000;

/// Lists and records inside each other in a const.
const DEPTH_MAX: usize = 32;

impl Checker<'_> {
    /// Checks every const, used or not.
    pub(super) fn declare_consts(&mut self) {
        let mut consts: BTreeMap<&str, &ast::Const> = BTreeMap::new();
        let mut mentions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, named) in &self.names.values {
            if let Named::Const(declared) = named {
                consts.insert(name, declared);
                free::names(&declared.value, mentions.entry(name).or_default());
            }
        }
        for name in order::by_mention(&mentions) {
            if let Some(declared) = consts.get(name) {
                self.const_of(declared, declared.name.span);
            }
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
        let value = if known && !self.fits_a_const(&value) {
            Typed::broken(declared.value.span)
        } else if known || value.ty == Type::Broken {
            value
        } else {
            self.report(messages::not_constant(declared.value.span, &declared.name));
            Typed::broken(declared.value.span)
        };
        self.consts.insert(declared.name.text.clone(), Some(value.clone()));
        value
    }

    /// Whether a const is of a size that can be copied, compared and sent.
    fn fits_a_const(&mut self, value: &Typed) -> bool {
        let Some(constant) = value.as_constant() else { return true };
        let mut left = VALUES_MAX;
        match measure(constant, &mut left, DEPTH_MAX) {
            Ok(()) => true,
            Err(Excess::Values) => {
                self.report(bounds::const_too_large(value.span, VALUES_MAX));
                false
            }
            Err(Excess::Depth) => {
                self.report(bounds::const_too_deep(value.span, DEPTH_MAX));
                false
            }
        }
    }
}

/// What a const has too much of.
enum Excess {
    Values,
    Depth,
}

/// Counts values down; a text counts as one value for every 16 bytes.
fn measure(value: &Value, left: &mut usize, depth: usize) -> Result<(), Excess> {
    let own = match value {
        Value::Text(text) => 1 + text.len() / 16,
        _ => 1,
    };
    *left = left.checked_sub(own).ok_or(Excess::Values)?;
    let below = depth.checked_sub(1);
    match value {
        Value::List(items) => {
            let below = below.ok_or(Excess::Depth)?;
            items.iter().try_for_each(|item| measure(item, left, below))
        }
        Value::Record(fields) => {
            let below = below.ok_or(Excess::Depth)?;
            fields.iter().try_for_each(|(_, item)| measure(item, left, below))
        }
        _ => Ok(()),
    }
}
