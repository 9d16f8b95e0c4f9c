//! The question by which a rule is found: an equality that must hold for the rule to hold.
//!
//! With it, an event is only tried against rules whose constant it carries, so the work grows with the
//! rules that nearly match and not with all of them.

use std::collections::{HashMap, HashSet};

use crate::eval::Facts;
use crate::hir::{Comparison, Cond, CondKind, EnvelopeField, Expr, PathId, Program, Rule, Set};
use crate::value::{Key, Value};

/// A rule is found under at most so many values; a list of more is no longer selective.
const VALUES_MAX: usize = 64;

/// What an equality looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Source {
    /// A path of the payload, texts folded or not.
    Path(PathId, bool),
    /// A fact of the event, texts folded or not.
    Id(bool),
    Kind(bool),
    Resource(bool),
    ResourceId(bool),
}

/// A rule that can only hold when the source has one of these values.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) source: Source,
    pub(super) keys: Vec<Key<'static>>,
}

impl Source {
    fn of(expr: &Expr, fold: bool) -> Option<Self> {
        match expr {
            Expr::Read(path) => Some(Self::Path(*path, fold)),
            Expr::Envelope(EnvelopeField::Id) => Some(Self::Id(fold)),
            Expr::Envelope(EnvelopeField::Kind) => Some(Self::Kind(fold)),
            Expr::Envelope(EnvelopeField::Resource) => Some(Self::Resource(fold)),
            Expr::Envelope(EnvelopeField::ResourceId) => Some(Self::ResourceId(fold)),
            _ => None,
        }
    }

    /// Gives what is kept under the value that an event has here; nothing when it has none that can be
    /// equal to a constant.
    pub(super) fn look_up<T: Copy>(
        self,
        facts: &Facts<'_, '_>,
        table: &HashMap<Key<'static>, Vec<T>>,
        out: &mut Vec<T>,
    ) {
        let event = facts.event;
        let mut text = |text: Option<&str>, fold: bool| {
            text.into_iter().for_each(|text| look_up(table, &Value::text(text), fold, out));
        };
        match self {
            Self::Id(fold) => text(Some(event.id), fold),
            Self::Kind(fold) => text(Some(event.kind), fold),
            Self::Resource(fold) => text(event.resource, fold),
            Self::ResourceId(fold) => text(event.resource_id, fold),
            Self::Path(path, fold) => look_up(table, facts.slots.value(&facts.plan.paths, path), fold, out),
        }
    }
}

/// A table of longer-lived keys is one of shorter-lived keys: both lives end here.
fn look_up<'k, T: Copy>(
    table: &HashMap<Key<'k>, Vec<T>>,
    value: &'k Value<'_>,
    fold: bool,
    out: &mut Vec<T>,
) {
    let found = Key::new(value, fold).and_then(|key| table.get(&key));
    out.extend(found.into_iter().flatten());
}

/// Per rule the equality that tells rules apart best: the one at the source with the most distinct
/// constants in all rules. `None` when nothing must be equal.
pub(super) fn choose(program: &Program) -> Vec<Option<Access>> {
    let all: Vec<Vec<Access>> = program.rules.iter().map(equalities).collect();
    let mut distinct: HashMap<Source, HashSet<&Key<'static>>> = HashMap::new();
    for access in all.iter().flatten() {
        distinct.entry(access.source).or_default().extend(&access.keys);
    }
    let counts: HashMap<Source, usize> =
        distinct.into_iter().map(|(source, keys)| (source, keys.len())).collect();
    let worth = |access: &Access| {
        let count = counts.get(&access.source).copied().unwrap_or(0);
        // Of two equally telling ones the one with fewer values, then the first in order.
        (count / access.keys.len().max(1), std::cmp::Reverse(access.source))
    };
    all.into_iter().map(|accesses| accesses.into_iter().max_by_key(worth)).collect()
}

/// Every equality that must hold for the rule to hold.
fn equalities(rule: &Rule) -> Vec<Access> {
    let mut found = Vec::new();
    let mut open = vec![&rule.condition];
    while let Some(cond) = open.pop() {
        match &cond.kind {
            CondKind::All(parts) => open.extend(parts),
            _ => found.extend(equality(cond)),
        }
    }
    found
}

fn equality(cond: &Cond) -> Option<Access> {
    match &cond.kind {
        CondKind::Compare { op: Comparison::Equal, left, right, fold } => {
            let (expr, value) = match (left, right) {
                (expr, Expr::Constant(value)) | (Expr::Constant(value), expr) => (expr, value),
                _ => return None,
            };
            Some(Access {
                source: Source::of(expr, *fold)?,
                keys: vec![Key::new(value, *fold)?.into_owned()],
            })
        }
        CondKind::In { subject, set: Set::Constant(set), .. } => {
            if set.has_networks() || set.values.len() > VALUES_MAX {
                return None;
            }
            let keys = set.values.iter().map(|value| Some(Key::new(value, set.fold)?.into_owned()));
            Some(Access { source: Source::of(subject, set.fold)?, keys: keys.collect::<Option<_>>()? })
        }
        _ => None,
    }
}
