//! Several texts to look for at once: one automaton, one pass over the text.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use grammar::ast::ConnectiveKind;
use memchr::memmem::Finder;

use super::fold;

/// Texts to look for in a text, at one of its ends, or among the elements of a list.
pub struct NeedleSet {
    /// As written.
    pub texts: Vec<Box<str>>,
    /// Unicode simple case folding on both sides.
    pub fold: bool,
    /// Folded where asked for.
    needles: HashSet<Box<str>>,
    /// The distinct lengths of the needles in bytes, ascending.
    lengths: Vec<usize>,
    /// Built when first searched: most sets are only ever used one way.
    any: OnceLock<Search>,
    all: OnceLock<Search>,
}

enum Search {
    Automaton(AhoCorasick),
    Single(Box<Finder<'static>>),
    /// When no automaton could be built, or there is nothing to look for.
    Each(Vec<Finder<'static>>),
}

impl NeedleSet {
    /// Takes the texts; with `fold`, both sides are folded.
    #[must_use]
    pub fn new(texts: Vec<Box<str>>, fold: bool) -> Self {
        let folded = |text: &str| if fold { super::fold(text).into() } else { text.into() };
        let needles: HashSet<Box<str>> = texts.iter().map(|text| folded(text)).collect();
        let mut lengths: Vec<usize> = needles.iter().map(|needle| needle.len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        Self { texts, fold, needles, lengths, any: OnceLock::new(), all: OnceLock::new() }
    }

    /// Whether so many of them occur in the text.
    #[must_use]
    pub fn within(&self, how: ConnectiveKind, text: &str) -> bool {
        let text = self.folded(text);
        match how {
            ConnectiveKind::All => self.all.get_or_init(|| self.search_all()).finds_all(text.as_bytes()),
            ConnectiveKind::Any => self.any.get_or_init(|| self.search_any()).finds_any(text.as_bytes()),
            ConnectiveKind::None => !self.any.get_or_init(|| self.search_any()).finds_any(text.as_bytes()),
        }
    }

    /// Whether the text starts with so many of them.
    #[must_use]
    pub fn starts(&self, how: ConnectiveKind, text: &str) -> bool {
        let text = self.folded(text);
        self.at_end(how, |length| text.get(..length))
    }

    /// Whether the text ends with so many of them.
    #[must_use]
    pub fn ends(&self, how: ConnectiveKind, text: &str) -> bool {
        let text = self.folded(text);
        self.at_end(how, |length| text.get(text.len().checked_sub(length)?..))
    }

    /// Whether so many of them are among these texts.
    #[must_use]
    pub fn among<'t>(&self, how: ConnectiveKind, mut texts: impl Iterator<Item = &'t str>) -> bool {
        match how {
            ConnectiveKind::Any => texts.any(|text| self.needles.contains(&*self.folded(text))),
            ConnectiveKind::None => !texts.any(|text| self.needles.contains(&*self.folded(text))),
            ConnectiveKind::All => {
                let found = texts.filter_map(|text| self.needles.get(&*self.folded(text)));
                found.collect::<HashSet<_>>().len() == self.needles.len()
            }
        }
    }

    fn folded<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.fold { fold(text) } else { Cow::Borrowed(text) }
    }

    /// One look-up per distinct length, however many needles there are.
    fn at_end<'t>(&self, how: ConnectiveKind, cut: impl Fn(usize) -> Option<&'t str>) -> bool {
        let mut cuts = self.lengths.iter().map(|&length| cut(length));
        let found = |cut: Option<&str>| cut.is_some_and(|cut| self.needles.contains(cut));
        match how {
            ConnectiveKind::Any => cuts.any(found),
            ConnectiveKind::None => !cuts.any(found),
            // Two different needles of one length cannot both stand at the same end.
            ConnectiveKind::All => self.lengths.len() == self.needles.len() && cuts.all(found),
        }
    }

    fn search_any(&self) -> Search {
        Search::new(self.needles.iter().map(|needle| &**needle))
    }

    /// A needle inside another one is found with it, so only the outer ones are searched. Then at most
    /// one ends at each place of the text, and the search for all of them stays linear.
    fn search_all(&self) -> Search {
        let mut needles: Vec<&str> = self.needles.iter().map(|needle| &**needle).collect();
        needles.sort_unstable_by_key(|needle| std::cmp::Reverse(needle.len()));
        let Ok(automaton) = AhoCorasick::new(&needles) else { return Search::new(needles.into_iter()) };
        let mut inner = vec![false; needles.len()];
        for (at, needle) in needles.iter().enumerate() {
            // What stands inside an inner one stands inside the outer one, too.
            if inner.get(at) == Some(&true) {
                continue;
            }
            for hit in automaton.find_overlapping_iter(needle).map(|hit| hit.pattern().as_usize()) {
                inner.iter_mut().skip(hit).take(1).filter(|_| hit != at).for_each(|inner| *inner = true);
            }
        }
        Search::new(needles.into_iter().zip(inner).filter(|(_, inner)| !inner).map(|(needle, _)| needle))
    }
}

impl Search {
    fn new<'n>(needles: impl Iterator<Item = &'n str>) -> Self {
        let needles: Vec<&str> = needles.collect();
        let finder = |needle: &str| Finder::new(needle).into_owned();
        match needles.as_slice() {
            [] => Self::Each(Vec::new()),
            [one] => Self::Single(Box::new(finder(one))),
            // A build fails only when its state ids overflow; then each is searched on its own.
            several => AhoCorasick::new(several).map_or_else(
                |_| Self::Each(several.iter().map(|one| finder(one)).collect()),
                Self::Automaton,
            ),
        }
    }

    fn finds_any(&self, text: &[u8]) -> bool {
        match self {
            Self::Automaton(automaton) => automaton.is_match(text),
            Self::Single(finder) => finder.find(text).is_some(),
            Self::Each(finders) => finders.iter().any(|finder| finder.find(text).is_some()),
        }
    }

    fn finds_all(&self, text: &[u8]) -> bool {
        match self {
            Self::Automaton(automaton) => {
                let mut missing = automaton.patterns_len();
                let mut found = vec![false; missing];
                for hit in automaton.find_overlapping_iter(text) {
                    if let Some(found) = found.get_mut(hit.pattern().as_usize()).filter(|found| !**found) {
                        *found = true;
                        missing -= 1;
                    }
                    if missing == 0 {
                        return true;
                    }
                }
                false
            }
            Self::Single(finder) => finder.find(text).is_some(),
            Self::Each(finders) => finders.iter().all(|finder| finder.find(text).is_some()),
        }
    }
}

impl std::fmt::Debug for NeedleSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NeedleSet({:?}{})", self.texts, if self.fold { " ignoring case" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConnectiveKind::{All, Any, None};

    fn set(texts: &[&str], fold: bool) -> NeedleSet {
        NeedleSet::new(texts.iter().map(|&text| text.into()).collect(), fold)
    }

    #[test]
    fn needles_are_found_within() {
        for (needles, fold, text, any, all) in [
            (&["vp", "chief"][..], false, "the vp of chiefs", true, true),
            (&["vp", "chief"], false, "the vp", true, false),
            (&["vp", "chief"], false, "VP", false, false),
            (&["vp", "CHIEF"], true, "Vp, Chief", true, true),
            (&["a", "aa", "aaa"], false, "aa", true, false),
            (&["a", "aa", "aaa"], false, "xaaax", true, true),
            (&["abc", "bcd"], false, "abcd", true, true),
            (&["one"], false, "none", true, true),
            (&["", "x"], false, "y", true, false),
            (&[], false, "y", false, true),
            (&["é"], true, "É", true, true),
        ] {
            let built = set(needles, fold);
            assert_eq!(built.within(Any, text), any, "any of {needles:?} in {text}");
            assert_eq!(built.within(All, text), all, "all of {needles:?} in {text}");
            assert_eq!(built.within(None, text), !any, "none of {needles:?} in {text}");
        }
    }

    #[test]
    fn needles_are_found_at_the_ends() {
        let built = set(&[".jpg", ".JPEG", ".tar.gz"], true);
        for (text, starts, ends) in
            [("a.jpeg", false, true), (".JPG", true, true), ("gz", false, false), ("ä.jpgé", false, false)]
        {
            assert_eq!((built.starts(Any, text), built.ends(Any, text)), (starts, ends), "{text}");
            assert_eq!(built.ends(None, text), !ends, "{text}");
        }
        assert!(set(&["a", "ab"], false).starts(All, "abc"));
        assert!(!set(&["a", "ab"], false).starts(All, "ac"));
        assert!(!set(&["ab", "ac"], false).starts(All, "ab"));
        assert!(set(&["", "é"], false).ends(All, "caé"));
    }

    #[test]
    fn needles_are_found_among_elements() {
        let built = set(&["a", "b"], false);
        assert!(built.among(All, ["b", "x", "a", "a"].into_iter()));
        assert!(!built.among(All, ["b", "b"].into_iter()));
        assert!(built.among(Any, ["x", "b"].into_iter()));
        assert!(built.among(None, ["ab"].into_iter()));
    }

    #[test]
    fn searching_for_all_stays_linear() {
        let texts: Vec<String> = (1..400).map(|length| "a".repeat(length)).collect();
        let mut texts: Vec<Box<str>> = texts.into_iter().map(String::into_boxed_str).collect();
        texts.push("b".into());
        let text = "a".repeat(100_000);
        assert!(!NeedleSet::new(texts, false).within(All, &text));
    }
}
