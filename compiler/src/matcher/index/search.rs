//! Rules by the texts that must be found somewhere in a text: one automaton, one pass.

use aho_corasick::AhoCorasick;

use super::Source;
use crate::eval::Facts;
use crate::hir::RuleId;
use crate::matcher::source::Shown;

/// So many hits for each byte of a text are looked at. In a text with more, every rule is tried: needles of
/// one letter, of two, of three and so on hit at every place.
const HITS_PER_BYTE_MAX: usize = 32;

/// The rules of all needles that are looked for in one source.
#[derive(Debug)]
pub(super) struct Search {
    automaton: AhoCorasick,
    /// By the needle's number in the automaton.
    rules: Vec<Vec<RuleId>>,
    /// All of them: what is a list may have the needle as an element.
    all: Vec<RuleId>,
}

impl Search {
    /// `None` when no automaton can be built for so many needles.
    pub(super) fn new(needles: &[(Box<str>, RuleId)]) -> Option<Self> {
        let mut sorted: Vec<&(Box<str>, RuleId)> = needles.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut texts: Vec<&str> = Vec::new();
        let mut rules: Vec<Vec<RuleId>> = Vec::new();
        for (needle, rule) in sorted {
            if texts.last() != Some(&&**needle) {
                texts.push(needle);
                rules.push(Vec::new());
            }
            rules.last_mut()?.push(*rule);
        }
        let automaton = AhoCorasick::new(&texts).ok()?;
        let mut all: Vec<RuleId> = rules.iter().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        Some(Self { automaton, rules, all })
    }

    /// Adds the rules one of whose needles is in the text that an event shows.
    pub(super) fn find(&self, source: Source, facts: &Facts<'_, '_>, out: &mut Vec<RuleId>) {
        match source.shown(facts) {
            Shown::Text(text) => {
                let begin = out.len();
                let (mut seen, mut left) = (Vec::new(), self.rules.len());
                let mut hits = text.len().saturating_mul(HITS_PER_BYTE_MAX);
                for found in self.automaton.find_overlapping_iter(&*text) {
                    // A needle counts once, however often it is there.
                    if seen.is_empty() {
                        seen.resize(self.rules.len(), false);
                    }
                    let number = found.pattern().as_usize();
                    if let (Some(seen @ false), Some(rules)) = (seen.get_mut(number), self.rules.get(number))
                    {
                        *seen = true;
                        left -= 1;
                        out.extend_from_slice(rules);
                    }
                    if left == 0 {
                        break;
                    }
                    hits -= 1;
                    if hits == 0 {
                        out.truncate(begin);
                        out.extend_from_slice(&self.all);
                        break;
                    }
                }
            }
            Shown::Container => out.extend_from_slice(&self.all),
            Shown::Missing | Shown::Scalar(_) => {}
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let rules = self.rules.iter().map(|rules| size_of::<Vec<RuleId>>() + size_of_val(&**rules));
        self.automaton.memory_usage() + rules.sum::<usize>() + size_of_val(&*self.all)
    }
}
