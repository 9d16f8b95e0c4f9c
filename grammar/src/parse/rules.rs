//! The parser that pest makes of `rules.pest`.

use std::{num::NonZeroUsize, sync::Once};

use pest::Parser as _;

/// Steps that pest may take for one item. The largest sample takes about 30,000; a file of the greatest
/// size that is one single list takes about 20 million.
const STEPS_MAX: usize = 60_000_000;

#[expect(unreachable_pub, reason = "pest makes the enum of rules, and it stays in this crate")]
mod generated {
    #[derive(pest_derive::Parser)]
    #[grammar = "rules.pest"]
    pub struct Rules;
}

pub(super) use generated::Rule;

/// A node that pest found.
pub(super) type Node<'i> = pest::iterators::Pair<'i, Rule>;

/// Why pest stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// At this byte of the text it was given it had tried these rules.
    Unexpected { at: usize, tried: Vec<Rule> },
    /// It took more than [`STEPS_MAX`] steps.
    Steps,
    /// The nesting would not fit the stack.
    Stack,
}

/// Matches `rule` at the start of `text`; there may be more text behind it.
pub(super) fn match_rule(rule: Rule, text: &str) -> Result<Node<'_>, Stop> {
    static LIMIT: Once = Once::new();
    LIMIT.call_once(|| pest::set_call_limit(NonZeroUsize::new(STEPS_MAX)));
    match generated::Rules::parse(rule, text) {
        Ok(mut pairs) => pairs.next().ok_or(Stop::Unexpected { at: 0, tried: vec![rule] }),
        Err(error) => Err(stop(&error)),
    }
}

fn stop(error: &pest::error::Error<Rule>) -> Stop {
    use pest::error::{ErrorVariant, InputLocation};
    let (InputLocation::Pos(at) | InputLocation::Span((at, _))) = error.location;
    match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => Stop::Unexpected { at, tried: positives.clone() },
        ErrorVariant::CustomError { message } if message.starts_with("stack") => Stop::Stack,
        ErrorVariant::CustomError { .. } => Stop::Steps,
    }
}
