//! A trace as text for people.

use std::fmt::{Display, Formatter, Result};

use super::{Cause, Note, Outcome, Place, RuleTrace, Trace};

impl Display for Trace {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.rules.iter().try_for_each(|rule| write!(f, "{rule}"))?;
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}

impl Display for RuleTrace {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "`{}` ", self.rule)?;
        match &self.outcome {
            Outcome::OtherType { patterns } => {
                let patterns: Vec<String> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
                writeln!(f, "is for {}", patterns.join(", "))
            }
            Outcome::OtherResource { field, pattern, seen } => {
                write!(f, "is for {field} `{pattern}`, and the event ")?;
                match seen {
                    Some(seen) => writeln!(f, "has `{seen}`"),
                    None => writeln!(f, "has none"),
                }
            }
            Outcome::NotMatched { because } => write!(f, "did not match{because}"),
            Outcome::SkippedBy { by } => writeln!(f, "was skipped: `{by}` came first"),
            Outcome::Ignored { reason: Some(reason) } => writeln!(f, "matched and sends nothing: {reason}"),
            Outcome::Ignored { reason: None } => writeln!(f, "matched and sends nothing"),
            Outcome::Matched { because: Some(because) } => write!(f, "matched{because}"),
            Outcome::Matched { because: None } => writeln!(f, "matched"),
        }
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, ": the answer is {}", self.answer)?;
        match (&self.place, &*self.text) {
            (Some(place), text) => writeln!(f, "    {place}: {}", text.replace('\n', " "))?,
            (None, "") => {}
            (None, text) => writeln!(f, "    {text}")?,
        }
        self.seen.iter().try_for_each(|seen| match &seen.value {
            Some(value) => writeln!(f, "    `{}` is {value}", seen.path),
            None => writeln!(f, "    `{}` is missing", seen.path),
        })
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::DuplicateKey { path } => write!(f, "`{path}` occurs more than once; the last value counts"),
            Self::UnreadableNumber { path, digits } => {
                write!(f, "`{path}` is {digits}, a number that does not fit; it counts as missing")
            }
        }
    }
}
