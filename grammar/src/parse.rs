//! Text to tree.
//!
//! 1. [`scan`] looks at the whole text once: bounds, brackets, quotation marks, comments, items.
//! 2. Each item is matched by pest on its own, with the rule that its first word tells, and lowered.
//! 3. An item that does not match is reported in our words, and read again without the broken part,
//!    so that its other mistakes are found in the same pass.

mod errors;
mod habits;
mod limits;
mod lower;
mod recover;
mod rules;
mod scan;

use std::collections::BTreeMap;

use errors::unexpected::Place;
use limits::{FAULTS_MAX, FILE_BYTES_MAX};
use lower::{Docs, Lowering};
use rules::{Node, Rule, Stop, match_rule};
use scan::{Fault, Kind, Scan, Token};

use crate::{
    Diagnostic, Diagnostics, Source,
    ast::{self, Comment, Doc, Item, ItemKind},
    diagnostic::Code,
    span::{Ident, Span, Spanned},
};

/// The years that have an edition.
const EDITIONS: &[u16] = &[2026];

/// A tree and what was wrong with the text.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The tree; broken parts are marked.
    pub file: ast::File,
    /// Every mistake, in the order of their places.
    pub diagnostics: Diagnostics,
}

/// Reads a file. Never fails: what cannot be read is reported.
#[must_use]
pub fn parse(source: &Source) -> Parsed {
    if source.text.len() > FILE_BYTES_MAX {
        let mut parsed = Parsed::default();
        parsed.diagnostics.push(errors::limit::file(Span::new(source.id, 0, 0), source.text.len()));
        return parsed;
    }
    let scan = scan::scan(&source.text);
    let mut lowering = Lowering::new(source, docs(source, &scan));
    let fields = lowering.habits.scan(source, &scan);
    lowering.found.extend(fields);
    lowering.found.extend(odd_names(source, &scan));
    let text = patched(source, &scan);
    let mut reader = Reader {
        source,
        scan: &scan,
        text: &text,
        lowering,
        file: ast::File::default(),
        braceless: Vec::new(),
        rereads: 0,
    };
    reader.items();
    reader.finish()
}

/// The text as pest sees it, every byte at its place: what stands for nothing is spaces, and what the scan
/// found broken is made harmless, so that texts without an end become texts.
fn patched(source: &Source, scan: &Scan) -> String {
    let mut text = String::with_capacity(source.text.len());
    let mut at = 0;
    for &(start, end) in &scan.blanks {
        text.push_str(source.text.get(at..start).unwrap_or_default());
        recover::push_blank(&mut text, source.text.get(start..end).unwrap_or_default());
        at = end;
    }
    text.push_str(source.text.get(at..).unwrap_or_default());
    for fault in &scan.faults {
        match *fault {
            Fault::UnclosedText { start, end, .. } | Fault::LoneBrace { start, end, .. } => {
                recover::quote(&mut text, start, end);
            }
            Fault::OddCharacter { start, end } => recover::blank(&mut text, start, end),
            _ => {}
        }
    }
    text
}

/// Descriptions by the token they stand above.
fn docs(source: &Source, scan: &Scan) -> Docs {
    let mut docs: Docs = BTreeMap::new();
    for remark in scan.remarks.iter().filter(|remark| remark.doc) {
        // At the end of the file it describes nothing, and stays behind to be reported.
        let described = scan.token_from(remark.end).map_or(source.text.len(), |token| token.start);
        let written = source.text.get(remark.start..remark.end).unwrap_or_default();
        let text = written.trim_start_matches('#');
        let text = text.strip_prefix(' ').unwrap_or(text).trim_end();
        let span = Span::new(source.id, remark.start, remark.end);
        docs.entry(described).or_default().push(Doc { text: text.into(), span });
    }
    docs
}

/// Names with letters that names cannot have.
fn odd_names(source: &Source, scan: &Scan) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (at, token) in scan.tokens.iter().enumerate() {
        let written = source.text.get(token.start..token.end).unwrap_or_default();
        if token.kind != Kind::Word || written.is_ascii() || written.contains(['\'', '’']) {
            continue;
        }
        let neighbour = |at: Option<usize>| {
            let token = at.and_then(|at| scan.tokens.get(at));
            token.and_then(|token| source.text.get(token.start..token.end)).unwrap_or_default()
        };
        let before = neighbour(at.checked_sub(1));
        let key = neighbour(Some(at + 1)) == ":" && !matches!(before, "connection" | "(");
        let field = key || before == ".";
        let role = if field { errors::name::Role::Field } else { errors::name::Role::Own };
        let ident = Ident { text: written.into(), span: Span::new(source.id, token.start, token.end) };
        found.push(errors::name::odd_letters(&ident, role));
    }
    found
}

/// The walk over the items of one file.
struct Reader<'s> {
    source: &'s Source,
    scan: &'s Scan,
    /// What pest reads, made of the source's text by [`patched`].
    text: &'s str,
    lowering: Lowering<'s>,
    file: ast::File,
    /// Where a `{` is missing: a `}` behind it closes what was never opened.
    braceless: Vec<usize>,
    /// Items that were read beyond where the next one seemed to begin.
    rereads: usize,
}

/// Each reading beyond an item's end looks at the whole rest of the file.
const REREADS_MAX: usize = 32;

impl Reader<'_> {
    fn items(&mut self) {
        let mut at = 0;
        while let Some(&token) = self.scan.token_from(at) {
            at = self.item(token);
            debug_assert!(at > token.start, "each round takes at least one token");
        }
    }

    /// Reads the item that starts with `token` and says where it ends.
    fn item(&mut self, token: Token) -> usize {
        let start = token.start;
        let end = self.scan.next_item(start, self.text.len());
        let deep = |fault: &Fault| matches!(fault, Fault::TooDeep { .. });
        if self.scan.faults_in(start, end).iter().any(deep) {
            self.broken(start, end);
            return end;
        }
        let word = self.source.text.get(start..token.end).unwrap_or_default();
        let Some(rule) = Self::rule_of(word) else {
            return self.unknown(token, word, end);
        };
        let mut read = match_rule(rule, self.text.get(start..end).unwrap_or_default());
        let cut = matches!(&read, Err(Stop::Unexpected { at, .. }) if start + at >= end);
        if cut && end < self.text.len() && self.rereads < REREADS_MAX {
            // The word that seems to begin the next item may belong to this one.
            self.rereads += 1;
            read = match_rule(rule, self.text.get(start..).unwrap_or_default());
        }
        match read {
            Ok(node) if self.ends_well(start + node.as_span().end(), end) => {
                let length = node.as_span().end();
                if rule == Rule::edition {
                    let year = node.into_inner().find(|part| part.as_rule() == Rule::year);
                    let year = year.map(|year| (year.as_str().to_owned(), start + year.as_span().start()));
                    self.edition(token, year);
                    return start + length;
                }
                let (kind, span) = self.lowering.lower(node, start);
                let docs = match &kind {
                    ItemKind::Rule(rule) => rule.docs.clone(),
                    _ => self.lowering.docs.remove(&start).unwrap_or_default(),
                };
                self.file.items.push(Item { docs, kind, span });
                start + length
            }
            read => {
                // An item that was read and has more behind it is read again with that in view.
                let rule = if read.is_ok() { Rule::whole_item } else { rule };
                let margin = self.scan.next_margin(start, end);
                let end = if self.recover(rule, start, margin) { margin } else { end };
                if end > margin {
                    self.recover(rule, start, end);
                }
                self.broken(start, end);
                end
            }
        }
    }

    /// The rule that the first word of an item tells.
    fn rule_of(word: &str) -> Option<Rule> {
        Some(match word {
            "edition" => Rule::edition,
            "environments" => Rule::environments,
            "connection" => Rule::connection,
            "import" => Rule::import_schema,
            "schema" => Rule::schema,
            "event" => Rule::event_decl,
            "const" => Rule::const_decl,
            "list" => Rule::outside_list,
            "predicate" => Rule::predicate,
            "schedule" => Rule::schedule,
            "policy" => Rule::policy,
            "rule" => Rule::rule_item,
            "group" => Rule::group,
            "test" => Rule::test,
            _ => return None,
        })
    }

    /// Whether an item that pest matched up to `at` is followed by the next item, be it on the same line,
    /// by the end of the file or at least by a new line in the first column.
    fn ends_well(&self, at: usize, end: usize) -> bool {
        let Some(next) = self.scan.token_from(at) else { return true };
        let line =
            self.source.text.get(..next.start).and_then(|upto| upto.rfind('\n')).map_or(0, |at| at + 1);
        let word = self.source.text.get(next.start..next.end).unwrap_or_default();
        next.start >= end || (next.first && next.start == line) || Self::rule_of(word).is_some()
    }

    /// Something that begins no item.
    fn unknown(&mut self, token: Token, word: &str, end: usize) -> usize {
        let span = Span::new(self.source.id, token.start, token.end);
        let known = self.scan.faults_in(token.start, token.start + 1).iter().any(|fault| {
            matches!(
                fault,
                Fault::Stray { .. }
                    | Fault::UnclosedText { .. }
                    | Fault::LoneBrace { .. }
                    | Fault::OddCharacter { .. }
            )
        });
        if !known && self.lowering.found.len() < FAULTS_MAX {
            self.lowering.found.push(errors::unexpected::unknown_item(span, word));
        }
        if word == "}" {
            return token.end;
        }
        self.broken(token.start, end);
        end
    }

    fn broken(&mut self, start: usize, end: usize) {
        let solid = self.scan.last_before(end).map_or(end, |token| token.end);
        let span = Span::new(self.source.id, start, solid.max(start));
        self.names_of_broken(start, end);
        // What describes a broken item describes something.
        let gone: Vec<usize> = self.lowering.docs.range(start..end).map(|(&at, _)| at).collect();
        for at in gone {
            self.lowering.docs.remove(&at);
        }
        self.file.items.push(Item { docs: Vec::new(), kind: ItemKind::Broken, span });
    }

    /// Keeps the names that a broken item declares, so that nobody complains that they do not exist: its
    /// own, those of the rules in a group, and the word `environments` for a list of them.
    fn names_of_broken(&mut self, start: usize, end: usize) {
        let first = self.scan.index_from(start);
        let tokens = self.scan.tokens.get(first..).unwrap_or_default();
        let word = |token: &Token| {
            let text = self.source.text.get(token.start..token.end).unwrap_or_default();
            Ident { text: text.into(), span: Span::new(self.source.id, token.start, token.end) }
        };
        let is_word = |token: &&Token| token.kind == Kind::Word;
        let mut names = Vec::new();
        for (at, token) in tokens.iter().enumerate().take_while(|(_, token)| token.start < end) {
            let head = is_word(&token).then(|| word(token));
            if at == 0 && head.as_ref().is_some_and(|head| &*head.text == "environments") {
                names.extend(head);
            } else if at == 0 || head.is_some_and(|head| &*head.text == "rule") {
                let own = tokens.iter().skip(at + 1).take(2).filter(is_word).map(word);
                names.extend(own.filter(|name| !crate::keywords::is_reserved(name)).take(1));
                names.extend(tokens.get(at + 1).and_then(|token| self.odd_name(token)));
            }
        }
        self.file.broken.extend(names);
    }

    /// The name that `"big sale"` or `big-sale` was meant to be.
    fn odd_name(&self, token: &Token) -> Option<Ident> {
        let rest = self.source.text.get(token.start..)?;
        let end = match token.kind {
            Kind::Text | Kind::OddText => token.end - token.start,
            _ => rest.find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '-'))?,
        };
        let written = rest.get(..end).filter(|written| written.contains(['-', '"', '\'']))?;
        let text = errors::elsewhere::as_name(written)?;
        let span = Span::new(self.source.id, token.start, token.start + end);
        Some(Ident { text: text.into(), span })
    }

    fn edition(&mut self, token: Token, year: Option<(String, usize)>) {
        let place = Span::new(self.source.id, token.start, token.end);
        let Some((digits, at)) = year else { return };
        let span = Span::new(self.source.id, at, at + digits.len());
        let known = digits.parse::<u16>().ok().filter(|year| EDITIONS.contains(year));
        if let Some(first) = &self.file.edition {
            self.lowering.found.push(errors::twice(place.to(span), Some(first.span), "the edition"));
            return;
        }
        if known.is_none() {
            let newest = EDITIONS.last().copied().unwrap_or_default();
            let report = Diagnostic::error(Code::E0128, format!("there is no edition {digits}"))
                .at(span, format!("did you mean {newest}?"))
                .fix(format!("replace {digits} with {newest}"), [(span, newest.to_string())]);
            self.lowering.found.push(report);
        }
        if !self.file.items.is_empty() {
            let line = place.to(span);
            let report = Diagnostic::error(Code::E0129, "the edition stands at the top of a file")
                .at(line, "move this line up")
                .fix(
                    "move it to the first line",
                    [
                        (Span::new(self.source.id, 0, 0), format!("{}\n", self.source.slice(line))),
                        (line, String::new()),
                    ],
                );
            self.lowering.found.push(report);
        }
        self.file.edition = known.map(|node| Spanned { node, span });
    }

    /// Reports what is wrong with the item in `start..end`, reading it several times. Says whether
    /// anything was.
    fn recover(&mut self, rule: Rule, start: usize, end: usize) -> bool {
        if self.lowering.found.len() >= FAULTS_MAX {
            return true;
        }
        let mut text = self.text.get(start..end).unwrap_or_default().to_owned();
        let mut reported = start;
        for round in 0..recover::ROUNDS_MAX {
            let stop = match match_rule(rule, &text) {
                Ok(_) if round == 0 => return false,
                Ok(node) => {
                    // The rest can be read: take its mistakes, not its tree, in which parts are missing.
                    let inner = if rule == Rule::whole_item { node.into_inner().next() } else { Some(node) };
                    if let Some(inner) = inner {
                        self.rest(inner, start);
                    }
                    break;
                }
                Err(stop) => stop,
            };
            let head = Span::new(self.source.id, start, start);
            let (at, tried) = match stop {
                Stop::Unexpected { at, tried } => (start + at, tried),
                Stop::Steps => {
                    self.lowering.found.push(errors::limit::steps(head));
                    break;
                }
                Stop::Stack => {
                    self.lowering.found.push(errors::limit::nesting(head));
                    break;
                }
            };
            if round > 0 && !Self::is_news(&text, reported - start, at - start) {
                break;
            }
            self.unexpected(at, start, end, &tried);
            let Some(part) = self.part(at, start, end, &tried) else { break };
            reported = part.remove(&mut text, start);
        }
        true
    }

    /// What must go for the error at `at` to go.
    fn part(&self, at: usize, start: usize, end: usize, tried: &[Rule]) -> Option<recover::Part> {
        let found = self.scan.token_from(at).filter(|token| token.start == at && token.kind == Kind::Word);
        if let Some(word) = found.filter(|_| tried == [Rule::ident]) {
            return Some(recover::Part::Name(word.start, word.end));
        }
        recover::part_around(self.scan, &self.source.text, at, start, end)
    }

    /// The other mistakes of an item of which a part was taken away.
    fn rest(&mut self, node: Node<'_>, start: usize) {
        let before = self.lowering.found.len();
        self.lowering.lower(node, start);
        // What is missing now may be what was taken away.
        let found = self.lowering.found.split_off(before);
        let missing = [Code::E0126, Code::E0127];
        self.lowering.found.extend(found.into_iter().filter(|one| !missing.contains(&one.code)));
    }

    /// Whether an error after a blanked part is one of its own: something must stand between.
    fn is_news(text: &str, reported: usize, at: usize) -> bool {
        at > reported && text.get(reported..at).is_some_and(|between| !between.trim().is_empty())
    }

    /// Reports what pest did not expect, unless the scan has said what is wrong there.
    fn unexpected(&mut self, at: usize, start: usize, end: usize, tried: &[Rule]) {
        let explained = self.scan.faults_in(start, end).iter().any(|fault| match *fault {
            // From a bracket without partner on, nothing that pest says is to be trusted.
            Fault::Unclosed { open, .. } => (start..=at).contains(&open),
            Fault::Mismatched { open, .. } => (start..=at).contains(&open),
            Fault::Stray { close } => (start..=at).contains(&close),
            Fault::UnclosedText { start: from, end: until, .. } => {
                from <= at && at <= until.max(line_end(self.text, until))
            }
            Fault::LoneBrace { start: from, end: until, .. } => {
                from <= at && at <= line_end(self.text, until)
            }
            Fault::OddCharacter { start: from, end: until } => from <= at && at <= until + 1,
            _ => false,
        });
        if tried == [Rule::lbrace] {
            self.braceless.push(at);
        }
        if explained {
            return;
        }
        let place = Place { source: self.source, scan: self.scan, at, end, tried };
        self.lowering.found.push(errors::unexpected::unexpected(&place));
    }

    fn finish(self) -> Parsed {
        let Self { source, scan, mut lowering, mut file, braceless, .. } = self;
        let mut diagnostics = Diagnostics::default();
        diagnostics.extend(scan_reports(source, scan, &braceless));
        diagnostics.extend(std::mem::take(&mut lowering.found));
        diagnostics.extend(std::mem::take(&mut lowering.habits).report(source));
        let unread: Vec<Doc> = std::mem::take(&mut lowering.docs).into_values().flatten().collect();
        for doc in &unread {
            diagnostics.push(
                Diagnostic::warning(Code::W0101, "this description belongs to nothing")
                    .at(Span { end: doc.span.start + 2, ..doc.span }, "")
                    .help("`##` describes the item or the field below it; a comment starts with one `#`"),
            );
        }
        let described = |start: usize| unread.iter().all(|doc| doc.span.range().start != start);
        for remark in &scan.remarks {
            let taken = remark.doc && described(remark.start);
            if !taken {
                file.comments.push(Comment { span: Span::new(source.id, remark.start, remark.end) });
            }
        }
        diagnostics.sort();
        Parsed { file, diagnostics }
    }
}

/// The end of the line that `at` is on.
fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |length| at + length)
}

/// The faults of the scan as messages. Where a text is not closed, brackets on its line mean nothing.
fn scan_reports(source: &Source, scan: &Scan, braceless: &[usize]) -> Vec<Diagnostic> {
    let broken: Vec<(usize, usize)> = scan
        .faults
        .iter()
        .filter_map(|fault| match *fault {
            Fault::UnclosedText { start, .. } | Fault::LoneBrace { start, .. } => {
                let item = scan.items.partition_point(|&item| item <= start);
                let from = item.checked_sub(1).and_then(|item| scan.items.get(item)).copied().unwrap_or(0);
                Some((from, scan.next_item(start, source.text.len())))
            }
            _ => None,
        })
        .collect();
    let doubtful = |at: usize| broken.iter().any(|&(from, until)| from <= at && at <= until);
    let strays = |fault: &&Fault| matches!(fault, Fault::Stray { .. });
    let left_over: Vec<Fault> = braceless
        .iter()
        .filter_map(|&at| scan.faults_in(at, scan.next_item(at, source.text.len())).iter().find(strays))
        .copied()
        .collect();
    let told = scan.faults.iter().filter(|fault| match **fault {
        Fault::Unclosed { open, .. } | Fault::Mismatched { open, .. } => !doubtful(open),
        Fault::Stray { close } => !doubtful(close) && !left_over.contains(fault),
        _ => true,
    });
    told.map(|fault| errors::faults::fault(source, fault)).collect()
}

#[cfg(test)]
mod tests;
