//! What may stand after some tokens.

use std::ops::Range;

use super::frames::{Frame, Local};
use super::{Before, Chain, Context, Site};
use crate::tokens::Kind;

/// Decides, from what comes before and, for a token that is there already, what follows it.
pub(super) fn decide(
    before: &Before<'_>,
    frames: Vec<Frame>,
    locals: Vec<Local>,
    prefix: Range<usize>,
    follows: &str,
) -> Context {
    let mut context = Context { site: Site::Nothing, prefix, frames, key: None, keys: Vec::new(), locals };
    let frame = context.frame().clone();
    if frame.is_record() {
        let (keys, key) = keys(before);
        context.keys = keys;
        context.key = key;
    }
    let place = Place { before, frame: &frame, follows, prefix: &context.prefix };
    let (site, start) = place.site();
    context.site = site;
    context.prefix.start = start.unwrap_or(context.prefix.start);
    context
}

struct Place<'p, 'f> {
    before: &'p Before<'f>,
    frame: &'p Frame,
    follows: &'p str,
    prefix: &'p Range<usize>,
}

impl Place<'_, '_> {
    /// The site, and where the prefix really begins when it is more than one word.
    fn site(&self) -> (Site, Option<usize>) {
        let before = self.before;
        if before.tokens.is_empty() {
            return (Site::Item, None);
        }
        if let Some(site) = self.inside_text() {
            return (site, None);
        }
        if let Some(start) = self.pattern_start() {
            return (Site::EventType, Some(start));
        }
        let site = self
            .head()
            .or_else(|| self.after_dot())
            .or_else(|| self.after_word())
            .or_else(|| self.in_types())
            .or_else(|| self.in_record())
            .unwrap_or_else(|| self.in_expression());
        (site, None)
    }

    fn last(&self) -> &str {
        self.before.back(1)
    }

    /// The index of the last token.
    fn end(&self) -> usize {
        self.before.tokens.len().saturating_sub(1)
    }

    /// Whether the place is on another line than the token before.
    fn on_new_line(&self) -> bool {
        let end = self.before.tokens.last().map_or(0, |token| token.end);
        self.before.text.get(end..self.prefix.start).is_some_and(|gap| gap.contains('\n'))
    }

    /// Inside quotation marks only files, values of a list of values and the like are known.
    fn inside_text(&self) -> Option<Site> {
        let start = match self.before.kind(self.end())? {
            Kind::TextStart => self.end(),
            Kind::Chars if self.prefix.start <= self.before.tokens.last()?.end => {
                self.end().checked_sub(1)?
            }
            Kind::Chars => return Some(Site::Nothing),
            _ => return None,
        };
        let outer = Before {
            text: self.before.text,
            tokens: self.before.tokens.get(..start)?,
            word: self.before.word,
        };
        Some(match outer.back(1) {
            "from" => Site::Path(match outer.word {
                "list" => ".csv",
                _ => ".json",
            }),
            "is" | "not" => compared(&outer, outer.tokens.len(), true),
            "[" | "," => match self.frame {
                Frame::List(opened) => of_list(&outer, *opened, true),
                _ => Site::Nothing,
            },
            ":" if self.frame.is_record() => Site::Keyed { quoted: true },
            _ => Site::Nothing,
        })
    }

    /// Where the pattern of events begins that stands or may stand here.
    fn pattern_start(&self) -> Option<usize> {
        let before = self.before;
        let mut at = before.tokens.len();
        let mut start = self.prefix.start;
        while let Some(token) = at.checked_sub(1).and_then(|at| before.tokens.get(at)) {
            let belongs = matches!(token.kind, Kind::Word | Kind::Number)
                || matches!(before.get(at - 1), "." | "*" | "-");
            if token.end != start || !belongs {
                break;
            }
            start = token.start;
            at -= 1;
        }
        // Back over the patterns before, to the word that they follow.
        let mut first = at;
        while first.checked_sub(1).is_some_and(|at| before.get(at) == ",") {
            first -= 1;
            while let Some(one) = first.checked_sub(1) {
                let belongs = before.is_word(one) || matches!(before.get(one), "." | "*" | "-");
                if !belongs || before.get(one) == "on" && before.get(one + 1) != "." {
                    break;
                }
                first = one;
            }
        }
        let word = first.checked_sub(1)?;
        let is_rule = before.get(word) == "on" && matches!(self.frame, Frame::Rule);
        let is_given = before.get(word) == "given" && matches!(self.frame, Frame::Test);
        let is_event = before.get(word) == "event" && word == 0 && matches!(self.frame, Frame::Top);
        let not_dotted = word == 0 || before.get(word - 1) != ".";
        ((is_rule || is_given || is_event) && before.is_word(word) && not_dotted).then_some(start)
    }

    /// Names at the head of a declaration.
    fn head(&self) -> Option<Site> {
        let before = self.before;
        if *self.frame == Frame::Top && before.tokens.len() == 1 {
            let named = !matches!(before.word, "environments" | "import" | "test");
            return Some(if named { Site::Name } else { Site::Nothing });
        }
        match (before.word, self.frame) {
            ("environments", Frame::Environments) => Some(Site::Environment),
            ("import", _) if self.last() == "schema" => Some(Site::Name),
            ("connection", _) if self.last() == ":" => Some(Site::Integration),
            ("event", Frame::Top) if self.last() == ":" => Some(Site::Schema),
            ("connection" | "event" | "import" | "list" | "schedule", Frame::Top) => Some(Site::Nothing),
            ("group", Frame::Group) if self.last() == "rule" => Some(Site::Name),
            ("predicate" | "policy", Frame::Paren(_)) if before.tokens.len() == 3 => Some(Site::Name),
            ("predicate" | "policy", Frame::Paren(at)) if *at == 1 && self.last() == ":" => Some(Site::Type),
            _ => None,
        }
    }

    /// A step of a path, or an action.
    fn after_dot(&self) -> Option<Site> {
        if self.last() != "." || self.before.kind(self.end()) != Some(Kind::Sign) {
            return None;
        }
        let (chain, first) = chain_before(self.before, self.end())?;
        let word = first.checked_sub(1).map_or("", |at| self.before.get(at));
        let expected = *self.frame == Frame::Test
            && (word == "expect" || first >= 2 && self.before.get(first - 2) == "expect");
        match chain.as_slice() {
            [connection] if word == "deliver" || expected => Some(Site::Action(connection.clone())),
            _ => Some(Site::Step(chain)),
        }
    }

    /// What one word or sign asks for.
    fn after_word(&self) -> Option<Site> {
        let before = self.before;
        let end = self.end();
        let is_word = before.is_word(end) && before.back(2) != ".";
        match self.last() {
            "deliver" if is_word => Some(Site::Connection { after_expect: false }),
            "expect" if is_word && *self.frame == Frame::Test => {
                Some(Site::Connection { after_expect: true })
            }
            "rule" if is_word && before.back(2) == "expect" => Some(Site::Rule),
            "no" if before.back(2) == "expect" => Some(Site::Connection { after_expect: false }),
            _ if before.back(2) == "expect" && before.kind(end) == Some(Kind::Number) => {
                Some(Site::Connection { after_expect: false })
            }
            "with" if is_word && !matches!(before.back(2), "starts" | "ends") => Some(Site::Policy),
            "(" if before.back(3) == "with" => Some(Site::Argument),
            "as" | "let" if is_word => Some(Site::Name),
            "each" | "any" | "every" if is_word && self.names_element() => Some(Site::Name),
            "no" if is_word && self.names_element() => Some(Site::Name),
            "|" if *self.frame != Frame::Fields => Some(Site::Transform),
            "in" if is_word && *self.frame == Frame::Test => Some(Site::Environment),
            "in" | "," if self.frame.is_body() && self.in_only() => Some(Site::Environment),
            "from" if is_word && matches!(before.word, "import" | "list" | "test") => Some(Site::Nothing),
            "is" if is_word => Some(compared(before, end + 1, false)),
            "not" if is_word && before.back(2) == "is" => Some(compared(before, end + 1, false)),
            "in" if is_word => {
                let at = if before.back(2) == "not" { end - 1 } else { end };
                chain_before(before, at)
                    .filter(|(chain, _)| matches!(chain.as_slice(), [one] if **one == *"environment"))?;
                Some(Site::Environment)
            }
            _ => None,
        }
    }

    /// Whether the name of a list's element is wanted rather than `of`.
    fn names_element(&self) -> bool {
        self.follows == "in" || self.last() == "each"
    }

    fn in_only(&self) -> bool {
        let words = (0..self.before.tokens.len()).rev().map(|at| self.before.get(at));
        let mut list = words.skip_while(|word| *word == "," || !matches!(*word, "in" | "{" | "}"));
        list.next() == Some("in") && list.next() == Some("only")
    }

    /// Types of fields.
    fn in_types(&self) -> Option<Site> {
        if *self.frame != Frame::Fields {
            let paren_in_fields = matches!(self.frame, Frame::Paren(_)) && self.before.word == "schema";
            return paren_in_fields.then_some(Site::Type);
        }
        match self.last() {
            ":" | "of" => Some(Site::Type),
            "{" | "," => Some(Site::Name),
            _ if self.follows == ":" => Some(Site::Name),
            _ => Some(Site::Marker),
        }
    }

    /// Keys and values of records.
    fn in_record(&self) -> Option<Site> {
        if !self.frame.is_record() {
            return None;
        }
        let ended = self.before.ends_value(self.end());
        match self.last() {
            "{" | "," => Some(Site::Key),
            ":" => Some(Site::Keyed { quoted: false }),
            _ if ended && self.follows == ":" => Some(Site::Key),
            _ if ended && self.on_new_line() && self.follows != "." => Some(Site::Key),
            _ => None,
        }
    }

    fn in_expression(&self) -> Site {
        let before = self.before;
        if self.frame.is_body() && matches!(self.last(), "{" | "}") {
            return Site::Statement { after_value: false };
        }
        if let Frame::List(opened) = self.frame
            && matches!(self.last(), "[" | ",")
        {
            return of_list(before, *opened, false);
        }
        if before.ends_value(self.end()) || before.kind(self.end()) == Some(Kind::HoleEnd) {
            return match self.frame {
                frame if frame.is_body() => Site::Statement { after_value: true },
                Frame::Top if self.on_new_line() => Site::Item,
                _ => Site::Operator,
            };
        }
        match self.last() {
            "ignore" | "nothing" | "matched" | "skipped" => Site::Statement { after_value: false },
            "at" | "after" | "limit" | "resource" | "resource_id" | "regex" => Site::Nothing,
            _ => Site::Value,
        }
    }
}

/// The right side of `is` or `is not`, given the end of the tokens that end with it.
fn compared(before: &Before<'_>, end: usize, quoted: bool) -> Site {
    let is = match end.checked_sub(1) {
        Some(at) if before.get(at) == "not" => at.saturating_sub(1),
        Some(at) => at,
        None => return Site::Value,
    };
    if before.get(is) != "is" {
        return Site::Nothing;
    }
    Site::Compared { left: chain_before(before, is).map(|(chain, _)| chain), after_is: true, quoted }
}

/// An element of a list; after `in` and the like it is compared with the left side.
fn of_list(before: &Before<'_>, opened: usize, quoted: bool) -> Site {
    let mut at = match before.get(opened) {
        "in" => opened,
        _ => return if quoted { Site::Nothing } else { Site::Value },
    };
    if at > 0 && before.get(at - 1) == "not" {
        at -= 1;
    }
    Site::Compared { left: chain_before(before, at).map(|(chain, _)| chain), after_is: false, quoted }
}

/// The path that ends before a token, and the position of its first token.
pub(super) fn chain_before(before: &Before<'_>, end: usize) -> Option<(Chain, usize)> {
    let mut chain = Chain::new();
    let mut at = end;
    loop {
        let last = at.checked_sub(1)?;
        match before.kind(last)? {
            Kind::Word => {
                chain.push(before.get(last).into());
                at = last;
            }
            Kind::TextEnd if last >= 2 && before.kind(last - 1) == Some(Kind::Chars) => {
                chain.push(before.get(last - 1).into());
                at = last - 2;
            }
            Kind::Sign if before.get(last) == "]" => {
                let open = last.checked_sub(2).filter(|open| before.get(*open) == "[")?;
                chain.push("[]".into());
                at = open;
                continue;
            }
            _ => return None,
        }
        match at.checked_sub(1).map(|at| before.get(at)) {
            Some(".") => at -= 1,
            _ => break,
        }
    }
    chain.reverse();
    Some((chain, at))
}

/// The keys of the innermost record so far, and the key whose value stands at the end.
fn keys(before: &Before<'_>) -> (Vec<Box<str>>, Option<Box<str>>) {
    let mut depth = 0usize;
    let mut keys = Vec::new();
    let mut current = None;
    for at in (0..before.tokens.len()).rev() {
        match (before.kind(at), before.get(at)) {
            (Some(Kind::HoleEnd), _) | (Some(Kind::Sign), "}" | "]" | ")") => depth += 1,
            (Some(Kind::HoleStart), _) | (Some(Kind::Sign), "{" | "[" | "(") => {
                let Some(outer) = depth.checked_sub(1) else { break };
                depth = outer;
            }
            (Some(Kind::Sign), ":") if depth == 0 => {
                let key = at.checked_sub(1).map(|at| before.get(at)).unwrap_or_default();
                let key: Box<str> = if key == "\"" { before.get(at.saturating_sub(2)) } else { key }.into();
                if current.is_none() && at + 1 == before.tokens.len() {
                    current = Some(key.clone());
                }
                keys.push(key);
            }
            _ => {}
        }
    }
    keys.reverse();
    let current = current.or_else(|| keys.last().cloned());
    (keys, current)
}
