//! Conditions as a small tree, and how they are laid out on lines.

use super::text::WIDTH;

/// A condition to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cond {
    /// A comparison or test, written already.
    Atom(String),
    /// Every one of at least two.
    All(Vec<Cond>),
    /// At least one of at least two.
    Any(Vec<Cond>),
    /// Not so.
    Not(Box<Cond>),
    /// `any NAME in LIST satisfies (…)`.
    Some {
        /// The element's name.
        name: String,
        /// The list.
        list: String,
        /// What the element must be.
        body: Box<Cond>,
    },
}

impl Cond {
    pub(super) fn atom(text: impl Into<String>) -> Self {
        Self::Atom(text.into())
    }

    /// All of them; nested ones become one. There must be at least one.
    pub(super) fn all(terms: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for term in terms {
            match term {
                Self::All(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        one_or(flat, Self::All)
    }

    /// Any of them; nested ones become one. There must be at least one.
    pub(super) fn any(terms: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for term in terms {
            match term {
                Self::Any(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        one_or(flat, Self::Any)
    }

    pub(super) fn not(inner: Self) -> Self {
        match inner {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// What must hold, and what must not: negations on top are better read after `unless`.
    pub(super) fn split(self) -> (Option<Self>, Option<Self>) {
        let terms = match self {
            Self::All(terms) => terms,
            other => vec![other],
        };
        let (mut when, mut unless) = (Vec::new(), Vec::new());
        for term in terms {
            match term {
                Self::Not(inner) => unless.push(*inner),
                other => when.push(other),
            }
        }
        let some = |terms: Vec<Self>, join: fn(Vec<Self>) -> Self| (!terms.is_empty()).then(|| join(terms));
        (some(when, Self::all), some(unless, Self::any))
    }

    /// `when …` and `unless …` as lines of a rule.
    pub(super) fn guards(when: Option<&Self>, unless: Option<&Self>) -> String {
        let line = |word: &str, condition: Option<&Self>| match condition {
            Some(condition) => format!("  {word} {}\n", condition.lines(2, 3 + word.len())),
            None => String::new(),
        };
        format!("{}{}", line("when", when), line("unless", unless))
    }

    /// How deep brackets nest in it at most, those of its atoms taken as one.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Atom(_) => 1,
            Self::All(terms) | Self::Any(terms) => {
                1 + terms.iter().map(Self::depth).max().unwrap_or_default()
            }
            Self::Not(inner) | Self::Some { body: inner, .. } => 1 + inner.depth(),
        }
    }

    /// On one line.
    pub(super) fn inline(&self) -> String {
        match self {
            Self::Atom(text) => text.clone(),
            Self::All(terms) => connected(terms, "and", "all of"),
            Self::Any(terms) => connected(terms, "or", "any of"),
            Self::Not(inner) => format!("not ({})", inner.inline()),
            Self::Some { name, list, body } => {
                format!("any {name} in {list} satisfies ({})", body.inline())
            }
        }
    }

    /// On as many lines as it needs. The first line begins at `column`; later ones are indented by
    /// at least `indent`.
    pub(super) fn lines(&self, indent: usize, column: usize) -> String {
        let inline = self.inline();
        if column + inline.chars().count() <= WIDTH {
            return inline;
        }
        let margin = " ".repeat(indent);
        match self {
            Self::Atom(_) => inline,
            Self::All(terms) => listed("all of", terms, indent),
            Self::Any(terms) => listed("any of", terms, indent),
            Self::Not(inner) => {
                format!("not (\n{margin}  {}\n{margin})", inner.lines(indent + 2, indent + 2))
            }
            Self::Some { name, list, body } => {
                let head = format!("any {name} in {list} satisfies (");
                let body = body.lines(indent + 2, indent + 2);
                format!("{head}\n{margin}  {body}\n{margin})")
            }
        }
    }
}

fn one_or(mut terms: Vec<Cond>, many: fn(Vec<Cond>) -> Cond) -> Cond {
    match terms.len() {
        1 => terms.pop().unwrap_or(Cond::All(Vec::new())),
        _ => many(terms),
    }
}

fn connected(terms: &[Cond], word: &str, list: &str) -> String {
    let inline = terms.iter().map(|term| {
        // Two joined by a word stand in parentheses inside another pair.
        let pair = matches!(term, Cond::All(inner) | Cond::Any(inner) if inner.len() == 2);
        let paren = terms.len() == 2 && pair;
        if paren { format!("({})", term.inline()) } else { term.inline() }
    });
    let inline: Vec<String> = inline.collect();
    if terms.len() == 2 {
        inline.join(&format!(" {word} "))
    } else {
        format!("{list} [{}]", inline.join(", "))
    }
}

fn listed(list: &str, terms: &[Cond], indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut out = format!("{list} [\n");
    for term in terms {
        out.push_str(&format!("{margin}  {},\n", term.lines(indent + 2, indent + 2)));
    }
    out.push_str(&format!("{margin}]"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atoms(names: &[&str]) -> Vec<Cond> {
        names.iter().map(|name| Cond::atom(*name)).collect()
    }

    #[test]
    fn pairs_read_as_words_and_more_as_lists() {
        let pair = Cond::any(atoms(&["a", "b"]));
        assert_eq!(pair.inline(), "a or b");
        assert_eq!(Cond::all([pair.clone(), Cond::atom("c")]).inline(), "(a or b) and c");
        assert_eq!(Cond::all([pair, Cond::atom("c"), Cond::atom("d")]).inline(), "all of [a or b, c, d]");
        assert_eq!(Cond::all([Cond::all(atoms(&["a", "b"])), Cond::atom("c")]).inline(), "all of [a, b, c]");
        assert_eq!(Cond::all(atoms(&["a"])).inline(), "a");
    }

    #[test]
    fn long_conditions_break_at_their_brackets() {
        let long = "payload.detail.some_rather_long_field_name is \"and a rather long value\"";
        let condition = Cond::all(atoms(&[long, long, "c"]));
        assert_eq!(condition.lines(2, 7), format!("all of [\n    {long},\n    {long},\n    c,\n  ]"));
    }
}
