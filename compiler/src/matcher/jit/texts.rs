//! Questions about one text of the event, answered on its bytes: no frame, no value is made for them.

use grammar::ast::ConnectiveKind;

use super::super::source::{Shown, Source};
use crate::eval::{Facts, at_end, has};
use crate::hir::{CondKind, Container, End, Expr, Needles, Rule};
use crate::ternary::Ternary;
use crate::value::Value;

/// Whether [`answer`] answers it for some events.
pub(super) fn is_about_text(kind: &CondKind, rule: &Rule) -> bool {
    asked(kind, rule).is_some()
}

/// The answer, where it can be given like this; the interpreter is asked otherwise.
#[inline]
pub(super) fn answer(facts: &Facts<'_, '_>, rule: &Rule, kind: &CondKind) -> Option<Ternary> {
    let (source, how) = asked(kind, rule)?;
    match source.shown(facts) {
        Shown::Text(text) => within(kind, &text).map(Ternary::from),
        // A missing list counts as empty; that is the interpreter's to know.
        Shown::Missing if is_of_list(kind) => None,
        Shown::Missing => Some(Ternary::Unknown),
        Shown::Scalar(_) | Shown::Container if is_contains(kind) => None,
        Shown::Scalar(_) | Shown::Container => Some(Ternary::from(how == ConnectiveKind::None)),
    }
}

/// What of the event is asked about, and how many of what is looked for must be there.
fn asked(kind: &CondKind, rule: &Rule) -> Option<(Source, ConnectiveKind)> {
    let (subject, how) = match kind {
        CondKind::Glob { subject, how, .. } => (subject, *how),
        CondKind::Regex { subject, .. } => (subject, ConnectiveKind::Any),
        CondKind::Affix { subject, needles, .. } | CondKind::Contains { subject, needles, .. } => {
            let how = match needles {
                Needles::One(Expr::Constant(Value::Text(_))) => ConnectiveKind::Any,
                Needles::One(_) => return None,
                Needles::Several { how, .. } => *how,
            };
            (subject, how)
        }
        _ => return None,
    };
    Some((Source::of(subject, rule, false)?, how))
}

fn within(kind: &CondKind, text: &str) -> Option<bool> {
    Some(match kind {
        CondKind::Glob { how, globs, .. } => {
            let mut fits = globs.iter().map(|glob| glob.matches(text));
            match how {
                ConnectiveKind::All => fits.all(|fits| fits),
                ConnectiveKind::Any => fits.any(|fits| fits),
                ConnectiveKind::None => !fits.any(|fits| fits),
            }
        }
        CondKind::Regex { regex, .. } => regex.is_match(text),
        CondKind::Affix { end, needles: Needles::Several { how, set }, .. } => match end {
            End::Start => set.starts(*how, text),
            End::Finish => set.ends(*how, text),
        },
        CondKind::Affix { end, needles: Needles::One(Expr::Constant(needle)), fold, .. } => {
            at_end(*end, text, needle.as_text()?, *fold)
        }
        CondKind::Contains { needles: Needles::Several { how, set }, .. } => set.within(*how, text),
        CondKind::Contains { needles: Needles::One(Expr::Constant(needle)), fold, .. } => {
            has(text, needle.as_text()?, *fold)
        }
        _ => return None,
    })
}

fn is_contains(kind: &CondKind) -> bool {
    matches!(kind, CondKind::Contains { .. })
}

fn is_of_list(kind: &CondKind) -> bool {
    matches!(kind, CondKind::Contains { container: Container::List, .. })
}
