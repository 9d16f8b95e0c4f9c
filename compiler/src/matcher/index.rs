//! From an event to the rules that may hold for it: by its type, and then by what it shows.

pub(super) mod access;
mod ranges;
mod search;
#[cfg(test)]
mod tests;
mod types;

use std::collections::HashMap;

use access::{Atom, Counts, Part, Probe, Way, ways};
use ranges::Ranges;
use search::Search;
use types::Types;

use super::source::{Of, Shown, Source, hash_of};
use super::table::{Table, of_both, of_bytes};
use crate::eval::Facts;
use crate::hir::{Rule, RuleId};
use crate::slots::Place;

/// Rules by what they select and by what must be so for them to hold.
#[derive(Debug, Default)]
pub(super) struct Index {
    types: Types,
    /// By the number that a type pattern has.
    spots: Vec<Spot>,
    /// What is hashed, each once.
    atoms: Vec<Atom>,
    table: Table,
}

/// The rules of one type pattern.
#[derive(Debug, Default)]
struct Spot {
    /// Those that are tried for every event.
    always: Vec<RuleId>,
    /// What is looked up: positions among the atoms.
    probes: Vec<(u32, Option<u32>)>,
    ranges: Vec<(Source, Ranges)>,
    searches: Vec<(Source, Search)>,
}

/// Memory for looking rules up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Tells what was hashed for this event from what was hashed for others.
    now: u32,
    /// By atom: when it was hashed last, and the hash.
    hashes: Vec<(u32, Option<u64>)>,
}

/// Finds ways for rules.
struct Building {
    index: Index,
    atoms: HashMap<Atom, u32>,
    pairs: Vec<(u64, RuleId)>,
    probes: HashMap<(u32, Probe), u64>,
    ranges: HashMap<Asked, Vec<(f64, f64, RuleId)>>,
    needles: HashMap<Asked, Vec<(Box<str>, RuleId)>>,
}

/// Of which type pattern's rules something is asked, and what about.
type Asked = (u32, Source);

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let counts = Counts::of(rules);
        let mut building = Building {
            index: Self::default(),
            atoms: HashMap::new(),
            pairs: Vec::with_capacity(rules.len()),
            probes: HashMap::new(),
            ranges: HashMap::new(),
            needles: HashMap::new(),
        };
        for (rule, at) in rules.iter().zip(0..) {
            building.add(rule, RuleId(at), &counts);
        }
        building.finish()
    }

    /// The rules that may hold for an event, in written order, each once. Every rule that does is among
    /// them.
    #[inline]
    pub(super) fn candidates(&self, facts: &Facts<'_, '_>, memory: &mut Memory, out: &mut Vec<RuleId>) {
        out.clear();
        memory.next(self.atoms.len());
        let mut asked = 0;
        self.types.find(facts.event.kind, &mut |spot| {
            if let Some(rules) = self.spots.get(spot as usize) {
                asked += 1;
                self.ask(spot, rules, facts, memory, out);
            }
        });
        if out.len() > 1 && (asked > 1 || !out.is_sorted_by(|one, two| one < two)) {
            out.sort_unstable();
            out.dedup();
        }
    }

    #[inline]
    fn ask(
        &self,
        number: u32,
        spot: &Spot,
        facts: &Facts<'_, '_>,
        memory: &mut Memory,
        out: &mut Vec<RuleId>,
    ) {
        if !spot.always.is_empty() {
            out.extend_from_slice(&spot.always);
        }
        // One probe alone has nothing to share.
        if let [(one, None)] = spot.probes.as_slice() {
            if let Some(hash) = self.atoms.get(*one as usize).and_then(|atom| atom.hash(facts)) {
                self.table.find(of_both(hash, place(number, 0)), out);
            }
            return self.ask_further(spot, facts, out);
        }
        for (at, &(one, two)) in spot.probes.iter().enumerate() {
            let Some(first) = self.hash(one, facts, memory) else { continue };
            let hash = match two {
                None => first,
                Some(two) => match self.hash(two, facts, memory) {
                    Some(second) => of_both(first, second),
                    None => continue,
                },
            };
            self.table.find(of_both(hash, place(number, at)), out);
        }
        self.ask_further(spot, facts, out);
    }

    #[inline]
    fn ask_further(&self, spot: &Spot, facts: &Facts<'_, '_>, out: &mut Vec<RuleId>) {
        for (source, ranges) in &spot.ranges {
            ranges.find(*source, facts, out);
        }
        for (source, search) in &spot.searches {
            search.find(*source, facts, out);
        }
    }

    /// The hash of what an event shows.
    #[inline]
    fn hash(&self, atom: u32, facts: &Facts<'_, '_>, memory: &mut Memory) -> Option<u64> {
        let kept = memory.hashes.get_mut(atom as usize)?;
        if kept.0 != memory.now {
            *kept = (memory.now, self.atoms.get(atom as usize)?.hash(facts));
        }
        kept.1
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let spots = self.spots.iter().map(|spot| {
            let ranges: usize = spot.ranges.iter().map(|(_, ranges)| ranges.bytes()).sum();
            let searches: usize = spot.searches.iter().map(|(_, search)| search.bytes()).sum();
            size_of::<Spot>() + size_of_val(&*spot.always) + size_of_val(&*spot.probes) + ranges + searches
        });
        self.table.bytes() + size_of_val(&*self.atoms) + spots.sum::<usize>() + self.types.bytes()
    }
}

/// Where a probe is asked, as a number: the same value means something else elsewhere.
fn place(spot: u32, probe: usize) -> u64 {
    u64::from(spot) << 32 | probe as u64
}

impl Atom {
    #[inline]
    fn hash(self, facts: &Facts<'_, '_>) -> Option<u64> {
        // Nearly all that is asked is a text without escapes, compared as it is.
        if let Self { source: Source { of: Of::Path(path), folded: false }, part } = self
            && let Place::Text(raw) = facts.slots.place(&facts.plan.paths, path)
            && let Some(text) = facts.slots.plain_text_at(raw)
        {
            return part.of(text).map(of_bytes);
        }
        self.other_hash(facts)
    }

    fn other_hash(self, facts: &Facts<'_, '_>) -> Option<u64> {
        match (self.source.shown(facts), self.part) {
            (Shown::Text(text), part) => part.of(text.as_bytes()).map(of_bytes),
            (Shown::Scalar(value), Part::Whole) => hash_of(&value, self.source.folded),
            (Shown::Missing | Shown::Container | Shown::Scalar(_), _) => None,
        }
    }
}

impl Part {
    /// This part of a text; `None` when the text is too short.
    #[inline]
    fn of(self, text: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Whole => Some(text),
            Self::First(length) => text.get(..usize::from(length)),
            Self::Last(length) => text.get(text.len().checked_sub(usize::from(length))?..),
        }
    }
}

impl Memory {
    #[inline]
    fn next(&mut self, atoms: usize) {
        self.now = self.now.wrapping_add(1);
        // Memory of another index, or after four billion events, says nothing.
        if self.hashes.len() != atoms || self.now == 0 {
            self.hashes.clear();
            self.hashes.resize(atoms, (0, None));
            self.now = 1;
        }
    }
}

impl Building {
    fn add(&mut self, rule: &Rule, id: RuleId, counts: &Counts) {
        let ways = ways(rule, counts);
        for pattern in rule.selects.patterns.iter() {
            let spot = self.index.types.number(pattern);
            if self.index.spots.len() <= spot as usize {
                self.index.spots.resize_with(spot as usize + 1, Spot::default);
            }
            match &ways {
                None => self
                    .index
                    .spots
                    .iter_mut()
                    .skip(spot as usize)
                    .take(1)
                    .for_each(|spot| spot.always.push(id)),
                Some(ways) => ways.iter().for_each(|way| self.way(spot, way, id)),
            }
        }
    }

    fn way(&mut self, spot: u32, way: &Way, id: RuleId) {
        match way {
            Way::Key { probe, hash } => {
                let place = match self.probes.get(&(spot, *probe)) {
                    Some(&place) => place,
                    None => self.probe(spot, *probe),
                };
                self.pairs.push((of_both(*hash, place), id));
            }
            Way::Range { source, low, high } => {
                self.ranges.entry((spot, *source)).or_default().push((*low, *high, id));
            }
            Way::Needles { source, needles } => {
                let all = self.needles.entry((spot, *source)).or_default();
                all.extend(needles.iter().map(|needle| (needle.clone(), id)));
            }
        }
    }

    /// The place of a probe that the spot did not have.
    fn probe(&mut self, spot: u32, probe: Probe) -> u64 {
        let numbers = (self.atom(probe.0), probe.1.map(|second| self.atom(second)));
        let Some(rules) = self.index.spots.get_mut(spot as usize) else { return 0 };
        rules.probes.push(numbers);
        let place = place(spot, rules.probes.len() - 1);
        self.probes.insert((spot, probe), place);
        place
    }

    fn atom(&mut self, atom: Atom) -> u32 {
        let next = self.index.atoms.len() as u32;
        *self.atoms.entry(atom).or_insert_with(|| {
            self.index.atoms.push(atom);
            next
        })
    }

    fn finish(self) -> Index {
        let Self { mut index, pairs, ranges, needles, .. } = self;
        index.table = Table::new(pairs);
        // In a fixed order: the same rules give the same index.
        let mut ranges: Vec<_> = ranges.into_iter().collect();
        ranges.sort_unstable_by_key(|(key, _)| *key);
        for ((spot, source), rules) in ranges {
            if let Some(spot) = index.spots.get_mut(spot as usize) {
                spot.ranges.push((source, Ranges::new(rules)));
            }
        }
        let mut needles: Vec<_> = needles.into_iter().collect();
        needles.sort_unstable_by_key(|(key, _)| *key);
        for ((spot, source), rules) in needles {
            if let Some(spot) = index.spots.get_mut(spot as usize) {
                match Search::new(&rules) {
                    Some(search) => spot.searches.push((source, search)),
                    // Too many to look for at once.
                    None => spot.always.extend(rules.into_iter().map(|(_, id)| id)),
                }
            }
        }
        index
    }
}
