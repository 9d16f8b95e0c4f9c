//! Inside loops, what does not change with the innermost element is computed once.
//!
//! This is what keeps the work on an event linear: an inner list that does not mention the outer
//! element is made once, and membership in it is a look-up.

use std::borrow::Cow;
use std::collections::HashSet;
use std::rc::Rc;

use super::Frame;
use crate::hir::{Cond, CondKind, Expr, LocalId, Needles, RecordEntry, Set, TemplatePart};
use crate::ternary::Ternary;
use crate::value::{Key, Value};

/// Shorter lists are looked through.
const ELEMENTS_SCANNED_MAX: usize = 8;

/// A result and the locals it depends on.
pub(super) struct Memo<'e> {
    locals: Rc<[LocalId]>,
    /// When the last of the locals moved to the element that the result is for.
    moved: u64,
    result: Option<Result<'e>>,
}

#[derive(Clone)]
enum Result<'e> {
    Value(Value<'e>),
    Answer(Ternary),
    /// `None` when the value is no list, or too short to be worth it.
    Hashed(Option<Rc<Hashed<'e>>>),
}

/// The elements of a list, for look-ups.
pub(super) struct Hashed<'e> {
    keys: HashSet<Key<'static>>,
    trees: Vec<Value<'e>>,
}

impl Hashed<'_> {
    pub(super) fn contains(&self, value: &Value<'_>, fold: bool) -> bool {
        match Key::new(value, fold) {
            Some(key) => has_key(&self.keys, &key),
            None => self.trees.iter().any(|tree| tree.equals(value, fold)),
        }
    }
}

/// A set of longer-lived keys is a set of shorter-lived ones.
fn has_key<'k>(keys: &HashSet<Key<'k>>, key: &Key<'k>) -> bool {
    keys.contains(key)
}

impl<'a, 'e> Frame<'a, 'e> {
    /// The value of an expression that is costly to compute.
    pub(super) fn value_once(
        &self,
        expr: &'a Expr,
        compute: impl FnOnce() -> Value<'e>,
    ) -> Cow<'_, Value<'e>> {
        let free = |bound: &mut Bound| bound.expr(expr);
        let result = self.once(address(expr), free, || Result::Value(compute()));
        Cow::Owned(if let Result::Value(value) = result { value } else { Value::Missing })
    }

    /// The answer of a condition that is costly to compute.
    pub(super) fn answer_once(&self, cond: &'a Cond, compute: impl FnOnce() -> Ternary) -> Ternary {
        let free = |bound: &mut Bound| bound.cond(cond);
        let result = self.once(address(cond), free, || Result::Answer(compute()));
        if let Result::Answer(answer) = result { answer } else { Ternary::Unknown }
    }

    /// The elements of a list for look-ups, when the same list is asked about again and again.
    pub(super) fn hashed_once(&self, list: &'a Expr, fold: bool) -> Option<Rc<Hashed<'e>>> {
        if self.loops.get() == 0 || matches!(list, Expr::Local(_)) {
            return None;
        }
        // The same expression's value may be remembered, too, so the set has an address of its own:
        // no expression starts at an odd one.
        let place = address(list) | 1;
        let free = |bound: &mut Bound| bound.expr(list);
        let made = self.once(place, free, || {
            let list = self.value(list);
            let Value::List(elements) = &*list else { return Result::Hashed(None) };
            if elements.len() <= ELEMENTS_SCANNED_MAX {
                return Result::Hashed(None);
            }
            let keys =
                elements.iter().filter_map(|value| Key::new(value, fold)).map(Key::into_owned).collect();
            let trees = elements.iter().filter(|value| matches!(value, Value::List(_) | Value::Record(_)));
            Result::Hashed(Some(Rc::new(Hashed { keys, trees: trees.cloned().collect() })))
        });
        if let Result::Hashed(set) = made { set } else { None }
    }

    /// A result under an address in the plan, which does not move while it is used.
    fn once(
        &self,
        place: usize,
        free: impl FnOnce(&mut Bound),
        compute: impl FnOnce() -> Result<'e>,
    ) -> Result<'e> {
        if self.loops.get() == 0 {
            return compute();
        }
        let locals = {
            let mut memo = self.memo.borrow_mut();
            let memo = memo.entry(place).or_insert_with(|| {
                let mut bound = Bound::default();
                free(&mut bound);
                Memo { locals: bound.free.into(), moved: 0, result: None }
            });
            Rc::clone(&memo.locals)
        };
        let moved = locals.iter().map(|&local| self.local(local).moved).max().unwrap_or(0);
        if let Some(memo) = self.memo.borrow().get(&place)
            && memo.moved == moved
            && let Some(result) = &memo.result
        {
            return result.clone();
        }
        let tick = self.tick.get();
        // A missing hole must show each time.
        let holes = self.hole.borrow().is_some();
        let result = compute();
        let worth = moved != tick && self.hole.borrow().is_some() == holes;
        if let Some(memo) = self.memo.borrow_mut().get_mut(&place).filter(|_| worth) {
            memo.moved = moved;
            memo.result = Some(result.clone());
        }
        result
    }
}

fn address<T>(part: &T) -> usize {
    std::ptr::from_ref(part).addr()
}

/// Collects the locals that something reads and does not bind itself.
#[derive(Default)]
struct Bound {
    bound: Vec<LocalId>,
    free: Vec<LocalId>,
}

impl Bound {
    fn within(&mut self, local: LocalId, walk: impl FnOnce(&mut Self)) {
        self.bound.push(local);
        walk(self);
        self.bound.pop();
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Local(local) => {
                if !self.bound.contains(local) && !self.free.contains(local) {
                    self.free.push(*local);
                }
            }
            // A let mentions no local from outside itself.
            Expr::Constant(_) | Expr::Read(_) | Expr::Envelope(_) | Expr::Let(_) => {}
            Expr::Field(inner, _) | Expr::Walk(inner, _) | Expr::Convert(inner, _) | Expr::Negate(inner) => {
                self.expr(inner);
            }
            Expr::Capture { subject, .. } => self.expr(subject),
            Expr::Index(a, b) | Expr::Arithmetic(_, a, b) | Expr::Else(a, b) => {
                self.expr(a);
                self.expr(b);
            }
            Expr::Transform { subject, args, .. } => {
                self.expr(subject);
                args.iter().for_each(|arg| self.expr(arg));
            }
            Expr::Choose(arms, otherwise) => {
                for (guard, value) in arms {
                    self.cond(guard);
                    self.expr(value);
                }
                otherwise.iter().for_each(|value| self.expr(value));
            }
            Expr::Each { local, list, filter, body } => {
                self.expr(list);
                self.within(*local, |bound| {
                    filter.iter().for_each(|filter| bound.cond(filter));
                    bound.expr(body);
                });
            }
            Expr::List(elements) => elements.iter().for_each(|element| self.expr(element)),
            Expr::Record(entries) => entries.iter().for_each(|entry| match entry {
                RecordEntry::Field(_, value) | RecordEntry::Spread(value) => self.expr(value),
            }),
            Expr::Template(parts) => parts.iter().for_each(|part| match part {
                TemplatePart::Chars(_) => {}
                TemplatePart::Hole(hole) => self.expr(hole),
            }),
            Expr::Condition(cond) => self.cond(cond),
        }
    }

    fn cond(&mut self, cond: &Cond) {
        match &cond.kind {
            CondKind::Constant(_) => {}
            CondKind::All(parts) | CondKind::Any(parts) => parts.iter().for_each(|part| self.cond(part)),
            CondKind::Not(inner) | CondKind::Unless(inner) => self.cond(inner),
            CondKind::Truth(expr) | CondKind::Present(expr) | CondKind::Null(expr) => self.expr(expr),
            CondKind::Compare { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            CondKind::Empty { subject, .. }
            | CondKind::Glob { subject, .. }
            | CondKind::Regex { subject, .. } => self.expr(subject),
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
            CondKind::Quantifier { local, list, condition, .. } => {
                self.expr(list);
                self.within(*local, |bound| bound.cond(condition));
            }
        }
    }
}
