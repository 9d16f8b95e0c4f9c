//! What can never happen, and what would be too much.

use grammar::{Span, ast};

use super::Checker;
use super::event::covers;
use crate::hir::{Cond, CondKind, Rule, RuleId, Selection, Statement};
use crate::messages::bounds as messages;
use crate::ternary::Ternary;

impl Checker<'_> {
    /// Rules of a `first_match` group behind one that takes everything they select.
    pub(super) fn unreachable_in_group(&mut self, rules: &[RuleId], group: &ast::Group) {
        let mut found = Vec::new();
        for (at, id) in rules.iter().enumerate() {
            let Some(rule) = self.rule_of(*id) else { continue };
            let earlier = rules.iter().take(at).filter_map(|id| self.rule_of(*id));
            let taker = earlier.into_iter().find(|earlier| takes_all(earlier, &rule.selects));
            if let Some(taker) = taker {
                let what = taker.selects.patterns.iter().map(|pattern| format!("`{}`", pattern.text));
                let what: Vec<String> = what.collect();
                let names = [(&*rule.name, rule.span), (&*taker.name, taker.span)];
                let moved = self.moved_to_the_end(group, taker.span);
                found.push(messages::never_reached(names, &what.join(", "), moved));
            }
        }
        found.into_iter().for_each(|diagnostic| self.report(diagnostic));
    }

    /// The edits that put the rule with this name behind all others of its group.
    fn moved_to_the_end(&self, group: &ast::Group, name: Span) -> Option<[(Span, String); 2]> {
        let rule = group.rules.iter().find(|rule| rule.name.span == name)?;
        let last = group.rules.last().filter(|last| last.name.span != name)?;
        let whole = rule.docs.first().map_or(rule.span, |doc| doc.span.to(rule.span));
        Some([(whole, String::new()), (last.span.tail(), format!("\n\n  {}", self.written(whole)))])
    }

    fn rule_of(&self, id: RuleId) -> Option<&Rule> {
        self.program.rules.get(id.0 as usize)
    }

    /// The most deliveries that one event can cause here.
    pub(super) fn too_many_deliveries(&mut self, body: &[Statement], span: Span) {
        let max = self.world.limits.deliveries_per_event_max as u64;
        let most = most(body, max);
        if most > max {
            self.report(messages::many_deliveries(span, most, max));
        }
    }
}

fn takes_all(earlier: &Rule, later: &Selection) -> bool {
    let always = matches!(earlier.condition, Cond { kind: CondKind::Constant(Ternary::Yes), .. });
    let covered = later
        .patterns
        .iter()
        .all(|pattern| earlier.selects.patterns.iter().any(|wide| covers(&wide.segments, &pattern.segments)));
    let same = |wide: &Option<crate::hir::Glob>, narrow: &Option<crate::hir::Glob>| match (wide, narrow) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => wide.text == narrow.text,
        (Some(_), None) => false,
    };
    always
        && covered
        && same(&earlier.selects.resource, &later.resource)
        && same(&earlier.selects.resource_id, &later.resource_id)
}

fn most(body: &[Statement], cap: u64) -> u64 {
    let one = |statement: &Statement| match statement {
        Statement::Deliver(_) => 1,
        Statement::Choose { arms, otherwise } => {
            let arms = arms.iter().map(|(_, body)| most(body, cap));
            arms.chain([most(otherwise, cap)]).max().unwrap_or(0)
        }
        Statement::ForEach { limit, body, .. } => limit.unwrap_or(cap).saturating_mul(most(body, cap)),
        Statement::Ignore { .. } => 0,
    };
    body.iter().map(one).fold(0, u64::saturating_add)
}
