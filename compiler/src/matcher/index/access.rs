//! The questions by which a rule is found: what must be so for the rule to hold.
//!
//! With them an event is tried only against rules whose constants it carries, so the work grows with the
//! rules that nearly hold and not with all of them. The idea is that of access predicates (Fabret,
//! Jacobsen and others, *Filtering Algorithms and Implementation for Very Fast Publish/Subscribe Systems*,
//! SIGMOD 2001).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use grammar::ast::ConnectiveKind;

use super::super::source::{Of, Source, hash_of};
use super::super::table::{of_both, of_bytes};
use crate::hir::{Comparison, Cond, CondKind, Container, End, Expr, Needles, Rule, Set};
use crate::pattern::{Glob, fold};
use crate::value::Value;

/// A rule is found in at most so many ways; a list of more is no longer selective.
const WAYS_MAX: usize = 64;

/// A disjunction of more parts is not looked into.
const PARTS_MAX: usize = 8;

/// Of so many equalities and ends of texts of one rule, pairs are considered.
const PAIRED_MAX: usize = 4;

/// So many rules at most are looked at to learn how many constants tell rules apart.
const SAMPLE: usize = 16_384;

/// How much of what a source shows is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in super::super) enum Part {
    /// All of it.
    Whole,
    /// So many bytes at the beginning of a text.
    First(u8),
    /// So many bytes at its end.
    Last(u8),
}

/// Something of an event that is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in super::super) struct Atom {
    pub(in super::super) source: Source,
    pub(in super::super) part: Part,
}

/// What is hashed together.
pub(in super::super) type Probe = (Atom, Option<Atom>);

/// A way to find a rule.
#[derive(Clone, Debug)]
pub(in super::super) enum Way {
    /// Under the hash of what an event shows.
    Key { probe: Probe, hash: u64 },
    /// A number between two others, both included.
    Range { source: Source, low: f64, high: f64 },
    /// A text that holds one of these.
    Needles { source: Source, needles: Arc<[Box<str>]> },
}

/// Of each probe, how many rules may be found by it, and how many constants it has.
#[derive(Default)]
pub(in super::super) struct Counts(HashMap<Probe, (f64, f64)>);

impl Counts {
    /// Looks at rules, or at some of them when there are many.
    pub(in super::super) fn of(rules: &[Rule]) -> Self {
        let mut seen: HashMap<Probe, (f64, HashSet<u64>)> = HashMap::new();
        let step = rules.len().div_ceil(SAMPLE).max(1);
        for rule in rules.iter().step_by(step) {
            let mut note = |way: &Way| {
                if let Way::Key { probe, hash } = way {
                    let (rules, hashes) = seen.entry(*probe).or_default();
                    *rules += 1.0;
                    hashes.insert(*hash);
                }
            };
            each_way(rule, &mut note);
        }
        let count = |(probe, (rules, hashes)): (_, (_, HashSet<u64>))| (probe, (rules, hashes.len() as f64));
        Self(seen.into_iter().map(count).collect())
    }

    /// What a way costs: about how often it leads to its rule, and its share in asking, which counts as a
    /// tenth of trying a rule. A guess that only orders ways; what comes of it, `cargo bench -p fanwise-benches
    /// --bench matching` shows.
    fn cost(&self, way: &Way) -> f64 {
        match way {
            Way::Key { probe, .. } => {
                let (rules, constants) = self.0.get(probe).copied().unwrap_or((1.0, 1.0));
                let asked = if probe.1.is_some() { 0.2 } else { 0.1 };
                1.0 / constants + asked / rules
            }
            Way::Range { low, high, .. } if low.is_finite() && high.is_finite() => 0.25,
            Way::Range { .. } => 0.5,
            Way::Needles { needles, .. } => 0.1 * needles.len() as f64,
        }
    }
}

/// The ways by which a rule is found: whenever it holds, one of them leads to it. `None` when it has to be
/// tried for every event.
pub(in super::super) fn ways(rule: &Rule, counts: &Counts) -> Option<Vec<Way>> {
    let mut best: Option<(f64, Vec<Way>)> = None;
    for ways in alternatives(rule, &counts_of(counts)) {
        let cost = ways.iter().map(|way| counts.cost(way)).sum();
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, ways));
        }
    }
    best.map(|(_, ways)| ways)
}

/// Decides between the alternatives inside disjunctions.
type Choose<'c> = dyn Fn(&[Vec<Way>]) -> Option<usize> + 'c;

fn counts_of(counts: &Counts) -> impl Fn(&[Vec<Way>]) -> Option<usize> {
    |alternatives| {
        let cost = |ways: &Vec<Way>| ways.iter().map(|way| counts.cost(way)).sum::<f64>();
        let costs = alternatives.iter().map(cost).enumerate();
        costs.min_by(|(_, one), (_, two)| one.total_cmp(two)).map(|(at, _)| at)
    }
}

/// Hands over every way that might be chosen.
fn each_way(rule: &Rule, note: &mut dyn FnMut(&Way)) {
    let seen = std::cell::RefCell::new(note);
    let choose = |alternatives: &[Vec<Way>]| {
        alternatives.iter().flatten().for_each(|way| seen.borrow_mut()(way));
        (!alternatives.is_empty()).then_some(0)
    };
    let all = alternatives(rule, &choose);
    all.iter().flatten().for_each(|way| seen.borrow_mut()(way));
}

fn alternatives(rule: &Rule, choose: &Choose<'_>) -> Vec<Vec<Way>> {
    let literal = |of: Of, glob: &Option<Glob>| {
        let text = glob.as_ref()?.literal()?;
        let folded = glob.as_ref().is_some_and(|glob| glob.fold);
        let source = Source { of, folded };
        Some(vec![key(source, Part::Whole, of_bytes(text.as_bytes()))])
    };
    let selects =
        [literal(Of::Resource, &rule.selects.resource), literal(Of::ResourceId, &rule.selects.resource_id)];
    let mut found = of_all(std::slice::from_ref(&rule.condition), rule, choose);
    found.extend(selects.into_iter().flatten());
    paired(&mut found);
    found
}

/// The alternatives of conditions that must all hold.
fn of_all(parts: &[Cond], rule: &Rule, choose: &Choose<'_>) -> Vec<Vec<Way>> {
    let mut found = Vec::new();
    let mut ranges: Vec<(Source, f64, f64)> = Vec::new();
    let mut open: Vec<&Cond> = parts.iter().rev().collect();
    while let Some(cond) = open.pop() {
        match &cond.kind {
            CondKind::All(parts) => open.extend(parts.iter().rev()),
            CondKind::Any(parts) => found.extend(of_any(parts, rule, choose)),
            _ => match range(cond, rule) {
                Some((source, low, high)) => match ranges.iter_mut().find(|one| one.0 == source) {
                    Some(one) => (one.1, one.2) = (one.1.max(low), one.2.min(high)),
                    None => ranges.push((source, low, high)),
                },
                None => found.extend(leaf(cond, rule).filter(|ways| ways.len() <= WAYS_MAX)),
            },
        }
    }
    found.extend(ranges.into_iter().map(|(source, low, high)| vec![Way::Range { source, low, high }]));
    found
}

/// The alternative of conditions one of which must hold: one way or more for each.
fn of_any(parts: &[Cond], rule: &Rule, choose: &Choose<'_>) -> Option<Vec<Way>> {
    if parts.is_empty() || parts.len() > PARTS_MAX {
        return None;
    }
    let mut ways = Vec::new();
    for part in parts {
        let mut found = of_all(std::slice::from_ref(part), rule, choose);
        paired(&mut found);
        let at = choose(&found)?;
        ways.append(found.get_mut(at)?);
    }
    (ways.len() <= WAYS_MAX).then_some(ways)
}

/// Adds pairs of single keys.
fn paired(found: &mut Vec<Vec<Way>>) {
    let single = |ways: &Vec<Way>| match ways.as_slice() {
        [Way::Key { probe: (atom, None), hash }] => Some((*atom, *hash)),
        _ => None,
    };
    let mut keys: Vec<(Atom, u64)> = found.iter().filter_map(single).collect();
    keys.sort_unstable();
    keys.dedup_by_key(|(atom, _)| *atom);
    keys.truncate(PAIRED_MAX);
    for (at, &(one, first)) in keys.iter().enumerate() {
        for &(two, second) in keys.iter().skip(at + 1).filter(|(two, _)| two.source != one.source) {
            let probe = (one, Some(two));
            found.push(vec![Way::Key { probe, hash: of_both(first, second) }]);
        }
    }
}

fn key(source: Source, part: Part, hash: u64) -> Way {
    Way::Key { probe: (Atom { source, part }, None), hash }
}

/// The ways of one question.
fn leaf(cond: &Cond, rule: &Rule) -> Option<Vec<Way>> {
    match &cond.kind {
        CondKind::Compare { op: Comparison::Equal, left, right, fold } => {
            let (expr, value) = sides(left, right)?;
            let source = Source::of(expr, rule, *fold)?;
            Some(vec![key(source, Part::Whole, hash_of(value, *fold)?)])
        }
        CondKind::Truth(expr) => {
            let source = Source::of(expr, rule, false)?;
            Some(vec![key(source, Part::Whole, hash_of(&Value::Bool(true), false)?)])
        }
        CondKind::In { subject, set: Set::Constant(set), .. } => {
            if set.has_networks() || set.values.len() > WAYS_MAX {
                return None;
            }
            let source = Source::of(subject, rule, set.fold)?;
            let key = |value| Some(key(source, Part::Whole, hash_of(value, set.fold)?));
            set.values.iter().map(key).collect()
        }
        CondKind::Affix { end, subject, needles, fold } => {
            let source = Source::of(subject, rule, *fold)?;
            texts(needles)?.iter().map(|text| affix(source, *end, text)).collect()
        }
        CondKind::Glob { subject, how, globs } => {
            // Of several that must all fit, the first is as good as any.
            let globs = match how {
                ConnectiveKind::All => globs.get(..1)?,
                ConnectiveKind::Any => globs,
                ConnectiveKind::None => return None,
            };
            globs.iter().map(|glob| of_glob(Source::of(subject, rule, glob.fold)?, glob)).collect()
        }
        CondKind::Contains { subject, needles, container: Container::Text | Container::Unchecked, fold } => {
            let source = Source::of(subject, rule, *fold)?;
            let texts = texts(needles)?;
            let folded = |text: Box<str>| if *fold { self::fold(&text).into() } else { text };
            let needles: Arc<[Box<str>]> = texts.into_iter().map(folded).collect();
            let empty = needles.iter().any(|needle| needle.is_empty());
            (!empty && !needles.is_empty()).then(|| vec![Way::Needles { source, needles }])
        }
        _ => None,
    }
}

/// The expression and the constant of a comparison that has both.
fn sides<'c>(left: &'c Expr, right: &'c Expr) -> Option<(&'c Expr, &'c Value<'static>)> {
    match (left, right) {
        (expr, Expr::Constant(value)) | (Expr::Constant(value), expr) => Some((expr, value)),
        _ => None,
    }
}

/// The texts one of which must be found; `None` when that is not known or not so.
fn texts(needles: &Needles) -> Option<Vec<Box<str>>> {
    match needles {
        Needles::One(Expr::Constant(value)) => Some(vec![value.as_text()?.into()]),
        Needles::One(_) => None,
        Needles::Several { how, set } => match how {
            ConnectiveKind::Any => Some(set.texts.clone()),
            ConnectiveKind::All => Some(set.texts.get(..1)?.to_vec()),
            ConnectiveKind::None => None,
        },
    }
}

/// So many bytes of an end of a text are hashed, the most that there are.
const LENGTHS: [u8; 9] = [16, 12, 8, 6, 5, 4, 3, 2, 1];

fn affix(source: Source, end: End, text: &str) -> Option<Way> {
    let folded = if source.folded { fold(text) } else { text.into() };
    let bytes = folded.as_bytes();
    let length = LENGTHS.into_iter().find(|&length| usize::from(length) <= bytes.len())?;
    let (part, hashed) = match end {
        End::Start => (Part::First(length), bytes.get(..usize::from(length))?),
        End::Finish => (Part::Last(length), bytes.get(bytes.len() - usize::from(length)..)?),
    };
    Some(key(source, part, of_bytes(hashed)))
}

fn of_glob(source: Source, glob: &Glob) -> Option<Way> {
    if let Some(text) = glob.literal() {
        return Some(key(source, Part::Whole, of_bytes(text.as_bytes())));
    }
    // Texts of globs are folded already, and folding them again changes nothing.
    let (first, last) = glob.ends()?;
    let (start, finish) = (affix(source, End::Start, first), affix(source, End::Finish, last));
    match (start, finish) {
        (
            Some(Way::Key { probe: (one, _), hash: first }),
            Some(Way::Key { probe: (two, _), hash: second }),
        ) => Some(Way::Key { probe: (one, Some(two)), hash: of_both(first, second) }),
        (start, finish) => start.or(finish),
    }
}

/// The numbers between which a source must be.
fn range(cond: &Cond, rule: &Rule) -> Option<(Source, f64, f64)> {
    let CondKind::Compare { op, left, right, .. } = &cond.kind else { return None };
    let (expr, value, mirrored) = match (left, right) {
        (expr, Expr::Constant(value)) => (expr, value, false),
        (Expr::Constant(value), expr) => (expr, value, true),
        _ => return None,
    };
    let number = number(value)?;
    let below = match op {
        Comparison::Less | Comparison::LessEqual => true,
        Comparison::Greater | Comparison::GreaterEqual => false,
        Comparison::Equal | Comparison::NotEqual => return None,
    };
    let source = Source::of(expr, rule, false)?;
    // The nearest float keeps the order of numbers, though not their difference: both ends are included.
    Some(if below != mirrored {
        (source, f64::NEG_INFINITY, number)
    } else {
        (source, number, f64::INFINITY)
    })
}

/// A number as the nearest float.
pub(in super::super) fn number(value: &Value<'_>) -> Option<f64> {
    use rust_decimal::prelude::ToPrimitive;
    match value {
        Value::Int(int) => Some(*int as f64),
        Value::Decimal(decimal) => decimal.to_string().parse().ok().or_else(|| decimal.to_f64()),
        _ => None,
    }
}
