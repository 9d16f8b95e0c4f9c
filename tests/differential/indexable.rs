//! Rules of the kinds that the index looks up: equalities, pairs, ranges, needles, globs, folded texts,
//! disjunctions, resources and groups.

use super::{Generator, NUMBERS};

/// Types of events. A schema is about the first.
const KINDS: &[&str] = &["t", "t", "t", "t.u", "u"];

/// What such types are selected by.
const SELECTIONS: &[&str] = &["t", "t", "t", "*", "**", "t.u", "t.*", "u"];

/// What resources and their ids are selected by.
const RESOURCES: &[&str] = &["a", "vip", "v*", "*2", "*"];

impl Generator {
    /// `count` rules, some of them in groups.
    pub fn indexable_rules(&mut self, count: usize) -> String {
        let mut text = String::new();
        let mut at = 0;
        while at < count {
            let size = if self.below(4) == 0 { 2 + self.below(3) } else { 0 };
            if size == 0 {
                text += &self.indexable_rule(at);
                at += 1;
                continue;
            }
            text += &format!("group g_{at} first_match {{\n");
            for _ in 0..size {
                // At the start of a line a rule would end the group.
                text += &format!("  {}", self.indexable_rule(at));
                at += 1;
            }
            if self.below(2) == 0 {
                text += "  otherwise { deliver out.send_webhook }\n";
            }
            text += "}\n";
        }
        text
    }

    fn indexable_rule(&mut self, at: usize) -> String {
        let kinds = if self.typed { "t" } else { self.pick(SELECTIONS) };
        let mut selects = String::new();
        if self.below(5) == 0 {
            selects += &format!(" resource \"{}\"", self.pick(RESOURCES));
        }
        if self.below(5) == 0 {
            selects += &format!(" resource_id \"{}\"", self.pick(RESOURCES));
        }
        let condition = self.indexable();
        format!("rule i_{at} {{ on {kinds} as p{selects} when {condition} deliver out.send_webhook }}\n")
    }

    fn indexable(&mut self) -> String {
        match self.below(9) {
            0 | 1 => self.looked_up(),
            2 | 3 => format!("{} and {}", self.looked_up(), self.looked_up()),
            4 => format!("({} or {})", self.looked_up(), self.looked_up()),
            5 => format!(
                "({} or ({} and {})) and not ({})",
                self.looked_up(),
                self.looked_up(),
                self.looked_up(),
                self.looked_up()
            ),
            6 => format!("any of [{}, {}, {}]", self.looked_up(), self.looked_up(), self.looked_up()),
            7 => format!(
                "({} or ({} and ({} or {})))",
                self.looked_up(),
                self.looked_up(),
                self.looked_up(),
                self.looked_up()
            ),
            _ => format!("{} and {}", self.looked_up(), self.condition()),
        }
    }

    /// One question that something is looked up for.
    fn looked_up(&mut self) -> String {
        let path = self.path();
        match self.below(16) {
            0 | 1 => format!("{path} is {}", self.text()),
            2 => format!("{path} is {}", self.pick(NUMBERS)),
            3 => format!("{path} is {} ignoring case", self.text()),
            4 => format!("{path} in [{}, {}, {}]", self.constant(), self.text(), self.pick(NUMBERS)),
            5 => format!("{path} in [{}, {}] ignoring case", self.text(), self.text()),
            6 | 7 => {
                let (low, high) = (self.pick(&[">", ">="]), self.pick(&["<", "<="]));
                format!("({path} {low} {} and {path} {high} {})", self.pick(NUMBERS), self.pick(NUMBERS))
            }
            8 => format!("{path} starts with {}", self.text()),
            9 => format!("{path} ends with {}", self.text()),
            10 => format!(
                "{path} {} any of [{}, {}]{}",
                self.pick(&["contains", "starts with", "ends with"]),
                self.text(),
                self.text(),
                self.pick(&["", " ignoring case"])
            ),
            11 => format!("{path} contains {}{}", self.text(), self.pick(&["", " ignoring case"])),
            12 => format!("{path} matches \"{}\"", self.glob()),
            13 => format!("event.resource is {}", self.text()),
            14 => format!("{path} in kept{}", self.pick(&["", " ignoring case"])),
            _ => self.quantifier(),
        }
    }

    /// A text with stars in places.
    fn glob(&mut self) -> String {
        let text: Vec<char> = self.pick(super::TEXTS).chars().collect();
        let (one, two) = (self.below(text.len() + 1), self.below(text.len() + 1));
        let (first, second) = (one.min(two), one.max(two));
        let part = |from: usize, to: usize| text[from..to].iter().collect::<String>();
        let rest = self.below(text.len() - second + 1) + second;
        match self.below(4) {
            0 => format!("{}*", part(0, first)),
            1 => format!("*{}", part(second, text.len())),
            2 => format!("*{}*", part(first, second)),
            _ => format!("{}*{}*{}", part(0, first), part(second, rest), part(rest, text.len())),
        }
    }

    pub fn kind(&mut self) -> &'static str {
        if self.typed { "t" } else { self.pick(KINDS) }
    }
}
