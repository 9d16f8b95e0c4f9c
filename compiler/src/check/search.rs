//! Looking into texts and lists: `contains`, `starts with`, `ends with`, `matches`.

use grammar::ast::{self, ConnectiveKind};
use grammar::{Span, Spanned};

use super::Checker;
use super::compare::Case;
use super::condition::Answer;
use super::needles::Sought;
use super::scope::{Facts, Proof, Typed};
use crate::hir::{CondKind, Container, End, Glob, Regex};
use crate::messages::{bounds, types as messages};
use crate::pattern::PatternError;
use crate::types::{Kind, Type};
use crate::value::Value;

impl Checker<'_> {
    /// `left contains right`
    pub(super) fn contains(&mut self, left: &ast::Expr, right: &ast::Expr, case: Case, span: Span) -> Answer {
        let subject = self.value(left);
        let sought = self.sought(right);
        if subject.ty.is_broken() {
            return Answer::broken(span);
        }
        let container = match subject.ty.kind() {
            Kind::Text => Container::Text,
            Kind::List => Container::List,
            Kind::Any => Container::Unchecked,
            kind => {
                self.report(messages::contains_needs(subject.span, kind, self.label(&subject)));
                return Answer::broken(span);
            }
        };
        let Some(sought) = self.sought_in(&subject, sought, container) else { return Answer::broken(span) };
        if case == Case::Exact {
            self.folded_needles(left, &sought);
        }
        if let (Sought::One(needle), Container::List) = (&sought, container) {
            self.case_matters(&subject, needle, case);
        }
        self.searched(
            subject,
            sought,
            case,
            span,
            |subject, needles, fold| CondKind::Contains { subject, needles, container, fold },
            container,
        )
    }

    /// What is looked for must be of the kind that is searched.
    fn sought_in(&mut self, subject: &Typed, sought: Sought, container: Container) -> Option<Sought> {
        let element = match container {
            Container::Text => Type::Text,
            Container::List => subject.ty.element().unwrap_or(Type::Any),
            Container::Unchecked => Type::Any,
        };
        match sought {
            Sought::One(needle) => {
                let needle = self.adapt(needle, &element);
                if needle.ty.is_broken() {
                    return None;
                }
                let kinds = [needle.ty.kind(), element.kind()];
                if kinds[0] != kinds[1] && !kinds.contains(&Kind::Any) {
                    let declared = self.label(subject);
                    if container == Container::Text {
                        self.report(messages::not_in_a_text(needle.span, kinds[0], declared));
                        return None;
                    }
                    self.report(messages::never_contains(
                        needle.span,
                        kinds[0],
                        subject.span,
                        kinds[1],
                        declared,
                    ));
                    return None;
                }
                let one = Typed { ty: element, ..Typed::broken(subject.span) };
                self.can_be(&one, subject.span, &needle).then_some(Sought::One(needle))
            }
            Sought::Several { how, texts } => {
                if !matches!(element.kind(), Kind::Text | Kind::Any) {
                    let span = texts.first().map_or(subject.span, |(_, span)| *span);
                    let declared = self.label(subject);
                    let kind = element.kind();
                    self.report(messages::never_contains(span, Kind::Text, subject.span, kind, declared));
                    return None;
                }
                Some(Sought::Several { how, texts })
            }
            Sought::Broken => None,
        }
    }

    /// An element that a list of enumerated texts can never have.
    fn can_be(&mut self, element: &Typed, list: Span, needle: &Typed) -> bool {
        let (Type::OneOf(values), Some(text)) = (element.ty.required(), needle.as_text()) else {
            return true;
        };
        if values.iter().any(|value| &**value == text) {
            return true;
        }
        let subject = self.written(list);
        self.report(messages::never_that(needle.span, subject, text, values, None));
        false
    }

    /// `left starts with right`, `left ends with right`
    pub(super) fn affix(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        end: End,
        case: Case,
        span: Span,
    ) -> Answer {
        let subject = self.value(left);
        let sought = self.sought(right);
        if subject.ty.is_broken() || !self.wants(&subject, &[Kind::Text], affix_words(end)) {
            return Answer::broken(span);
        }
        match &sought {
            Sought::Broken => return Answer::broken(span),
            Sought::One(needle) if !self.wants(needle, &[Kind::Text], affix_words(end)) => {
                return Answer::broken(span);
            }
            _ => {}
        }
        if case == Case::Exact {
            self.folded_needles(left, &sought);
        }
        self.searched(
            subject,
            sought,
            case,
            span,
            |subject, needles, fold| CondKind::Affix { end, subject, needles, fold },
            Container::Text,
        )
    }

    fn searched(
        &mut self,
        subject: Typed,
        sought: Sought,
        case: Case,
        span: Span,
        kind: impl FnOnce(crate::hir::Expr, crate::hir::Needles, bool) -> CondKind,
        container: Container,
    ) -> Answer {
        let mut loose = Vec::new();
        let mut yes = Facts(subject.needs.clone());
        let mut no = Facts::default();
        if let Sought::One(needle) = &sought {
            loose.extend(self.loose(needle));
            yes.0.extend(needle.needs.iter().cloned());
        }
        if container == Container::List {
            self.rule_of_missing_list(&subject, span);
        } else {
            loose.extend(self.loose(&subject));
            no = yes.clone();
        }
        let subject = match container {
            Container::List => self.comparable_list(subject),
            Container::Text | Container::Unchecked => subject.expr,
        };
        let fold = case.folds();
        let Some(needles) = sought.needles(fold) else { return Answer::broken(span) };
        Answer { proof: Proof { yes, no }, loose, ..Answer::new(kind(subject, needles, fold), span) }
    }

    /// `not contains` over a list that may be missing is yes without one; said where it is negated.
    fn rule_of_missing_list(&mut self, subject: &Typed, span: Span) {
        let written = self.written(span);
        let negated = written.contains("not contains");
        let asked = subject.place.as_ref().is_some_and(|place| self.rule.asked_for.prove(place));
        if negated && !asked && self.rule.guarding && self.loose(subject).is_some() {
            let label = self.label(subject);
            self.report(messages::missing_list_is_empty(span, self.written(subject.span), "yes", label));
        }
    }

    fn folded_needles(&mut self, left: &ast::Expr, sought: &Sought) {
        match sought {
            Sought::One(needle) => self.folded_side(left, needle),
            Sought::Several { texts, .. } => {
                for (text, span) in texts {
                    let needle = Typed::constant(Value::text(text.to_string()), Type::Text, *span);
                    self.folded_side(left, &needle);
                }
            }
            Sought::Broken => {}
        }
    }

    /// `left matches "hotfix/*"`
    pub(super) fn glob(&mut self, left: &ast::Expr, right: &ast::Expr, case: Case, span: Span) -> Answer {
        let subject = self.value(left);
        let sought = self.sought(right);
        if subject.ty.is_broken() || !self.wants(&subject, &[Kind::Text], "`matches`") {
            return Answer::broken(span);
        }
        if case == Case::Exact {
            self.folded_needles(left, &sought);
        }
        let (how, texts) = match sought {
            Sought::Broken => return Answer::broken(span),
            Sought::Several { how, texts } => (how, texts),
            Sought::One(needle) => match needle.as_text() {
                Some(text) => (ConnectiveKind::All, vec![(text.into(), needle.span)]),
                None => {
                    self.report(messages::pattern_not_constant(right.span));
                    return Answer::broken(span);
                }
            },
        };
        let mut globs = Vec::new();
        for (text, place) in &texts {
            match self.glob_of(text, *place, case) {
                Some(glob) => globs.push(glob),
                None => return Answer::broken(span),
            }
        }
        let loose = self.loose(&subject).into_iter().collect();
        let proof = Proof::compared(subject.needs.iter().cloned());
        let kind = CondKind::Glob { subject: subject.expr, how, globs };
        Answer { proof, loose, ..Answer::new(kind, span) }
    }

    /// A glob, within its bounds.
    pub(super) fn glob_of(&mut self, text: &str, span: Span, case: Case) -> Option<Glob> {
        let stars = text.matches('*').count();
        let max = self.world.limits.glob_stars_max;
        if stars > max {
            self.report(bounds::too_many_stars(span, stars, max));
            return None;
        }
        match Glob::new(text, case.folds()) {
            Ok(glob) => Some(glob),
            Err(error) => {
                self.report(messages::bad_glob(span, &error.to_string()));
                None
            }
        }
    }

    /// `subject matches regex "…"`
    pub(super) fn regex(
        &mut self,
        subject: &ast::Expr,
        negated: bool,
        pattern: &ast::RegexPattern,
        ignoring_case: bool,
        span: Span,
    ) -> Answer {
        let value = self.value(subject);
        let Some((text, place)) = self.regex_text(pattern) else { return Answer::broken(span) };
        let case = if ignoring_case { Case::Ignored } else { Case::Exact };
        let Some(regex) = self.regex_of(&text, place, case) else { return Answer::broken(span) };
        if value.ty.is_broken() || !self.wants(&value, &[Kind::Text], "`matches regex`") {
            return Answer::broken(span);
        }
        if let Some(glob) = as_glob(&text) {
            self.report(messages::glob_says_the_same(place, &glob));
        }
        let loose = self.loose(&value).into_iter().collect();
        let proof = Proof::compared(value.needs.iter().cloned());
        let kind = CondKind::Regex { subject: value.expr, regex };
        let answer = Answer { proof, loose, ..Answer::new(kind, span) };
        if !negated {
            return answer;
        }
        self.negation_of(&answer, span);
        answer.negated(span)
    }

    fn regex_text(&mut self, pattern: &ast::RegexPattern) -> Option<(String, Span)> {
        match pattern {
            ast::RegexPattern::Literal(Spanned { node, span }) => Some((node.to_string(), *span)),
            ast::RegexPattern::Name(name) => {
                let value = self.name(name);
                match value.as_text() {
                    Some(text) => Some((text.to_owned(), name.span)),
                    None if value.ty.is_broken() => None,
                    None => {
                        self.report(messages::pattern_not_constant(name.span));
                        None
                    }
                }
            }
        }
    }

    /// A regular expression, within its bounds.
    pub(super) fn regex_of(&mut self, text: &str, span: Span, case: Case) -> Option<Regex> {
        let chars = text.chars().count();
        let max = self.world.limits.regex_chars_max;
        if chars > max {
            self.report(bounds::regex_too_long(span, chars, max));
            return None;
        }
        match Regex::new(text, case.folds(), max, self.world.limits.regex_bytes_max) {
            Ok(regex) => Some(regex),
            Err(PatternError::TooLarge { bytes_max }) => {
                self.report(bounds::regex_too_large(span, bytes_max));
                None
            }
            Err(error) => {
                self.report(messages::bad_regex(span, &error.to_string()));
                None
            }
        }
    }
}

fn affix_words(end: End) -> &'static str {
    match end {
        End::Start => "`starts with`",
        End::Finish => "`ends with`",
    }
}

/// The glob that says the same as a regular expression, when there is one: an anchored run of plain
/// characters and `.*`.
fn as_glob(regex: &str) -> Option<String> {
    let (open_start, rest) = match regex.strip_prefix('^') {
        Some(rest) => (false, rest),
        None => (true, regex),
    };
    let (open_end, rest) = match rest.strip_suffix('$') {
        Some(rest) => (false, rest),
        None => (true, rest),
    };
    let glob = rest.replace(".*", "*").replace("\\.", ".").replace("\\/", "/");
    let escaped = rest.replace(".*", "").replace("\\.", "").replace("\\/", "");
    let special = |c: char| "\\.+?()[]{}|^$*".contains(c);
    if rest.is_empty() || escaped.contains(special) {
        return None;
    }
    let star = |open: bool| if open { "*" } else { "" };
    Some(format!("{}{glob}{}", star(open_start), star(open_end)).replace("**", "*"))
}

#[cfg(test)]
mod tests {
    use super::as_glob;

    #[test]
    fn a_plain_pattern_has_a_glob() {
        for (regex, glob) in [
            ("^hotfix/.*$", Some("hotfix/*")),
            ("error", Some("*error*")),
            ("^v1\\.2", Some("v1.2*")),
            ("a+", None),
            ("^(a|b)$", None),
            ("a.c", None),
        ] {
            assert_eq!(as_glob(regex).as_deref(), glob, "{regex}");
        }
    }
}
