//! A first look at the text: tokens, comments, brackets and where items begin.
//!
//! It knows nothing of the grammar. It exists because pest stops at its first error and forgets
//! comments: bounds are checked here before pest sees the text, brackets and quotation marks without
//! a partner are found here with the place where they open, and every span ends where a token ends.

mod text;

use text::Frame;

use crate::keywords::is_reserved;

use super::limits::{FAULTS_MAX, NESTING_MAX};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    /// Starts with a digit.
    Number,
    /// `"…"`, holes included; the tokens of the holes follow.
    Text,
    /// The closing quotation mark of a text with holes.
    TextEnd,
    /// A text whose backslashes and braces belong to a pattern.
    Raw,
    /// `'…'`, `` `…` `` or `“…”`.
    OddText,
    Open,
    Close,
    Symbol,
}

/// A token, as a byte range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether nothing but spaces stands before it on its line.
    pub(super) first: bool,
}

/// A comment or a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) start: usize,
    pub(super) end: usize,
    /// `##` on a line of its own.
    pub(super) doc: bool,
}

/// Something that is wrong whatever the grammar says. All numbers are byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// `open` has no partner, which was noticed at `noticed`.
    Unclosed { open: usize, noticed: usize },
    /// A closing bracket closes nothing.
    Stray { close: usize },
    /// `close` does not belong to `open`.
    Mismatched { open: usize, close: usize },
    /// The line (or for block text, the file) ends inside a text.
    UnclosedText { start: usize, end: usize, block: bool },
    /// A `{` in a text has no `}`.
    LoneBrace { start: usize, end: usize, brace: usize },
    /// More brackets inside each other than there may be.
    TooDeep { at: usize },
    /// A character that looks like a space or like nothing.
    OddSpace { start: usize, end: usize },
    /// `;`
    Semicolon { at: usize },
    /// `// …` or `/* … */`.
    ForeignComment { start: usize, end: usize },
    /// A character that can start nothing.
    OddCharacter { start: usize, end: usize },
}

impl Fault {
    /// Where it is.
    fn at(&self) -> usize {
        match *self {
            Self::Unclosed { open: at, .. }
            | Self::Stray { close: at }
            | Self::Mismatched { open: at, .. }
            | Self::UnclosedText { start: at, .. }
            | Self::LoneBrace { start: at, .. }
            | Self::TooDeep { at }
            | Self::OddSpace { start: at, .. }
            | Self::Semicolon { at }
            | Self::ForeignComment { start: at, .. }
            | Self::OddCharacter { start: at, .. } => at,
        }
    }
}

/// What the scan found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) tokens: Vec<Token>,
    pub(super) remarks: Vec<Remark>,
    /// What stands for nothing but is no plain space and no line's end, as byte ranges in their order:
    /// comments, tabs, `;`, odd spaces. Pest is shown spaces there.
    pub(super) blanks: Vec<(usize, usize)>,
    /// In the order of their places.
    pub(super) faults: Vec<Fault>,
    /// Where items begin, as far as words and brackets tell.
    pub(super) items: Vec<usize>,
    /// Words in the first column outside of brackets: after a mistake an item may have begun there, too.
    pub(super) margins: Vec<usize>,
}

impl Scan {
    /// The last token that starts before `end`.
    pub(super) fn last_before(&self, end: usize) -> Option<&Token> {
        self.index_from(end).checked_sub(1).and_then(|at| self.tokens.get(at))
    }

    /// The index of the first token that starts at or after `at`.
    pub(super) fn index_from(&self, at: usize) -> usize {
        self.tokens.partition_point(|token| token.start < at)
    }

    /// The first token that starts at or after `at`.
    pub(super) fn token_from(&self, at: usize) -> Option<&Token> {
        self.tokens.get(self.index_from(at))
    }

    /// The first item that begins after `at`, or the end of the text.
    pub(super) fn next_item(&self, at: usize, len: usize) -> usize {
        let after = self.items.partition_point(|&start| start <= at);
        self.items.get(after).copied().unwrap_or(len)
    }

    /// The first place after `at` where an item may have been meant, at most `end`.
    pub(super) fn next_margin(&self, at: usize, end: usize) -> usize {
        let after = self.margins.partition_point(|&start| start <= at);
        self.margins.get(after).copied().unwrap_or(end).min(end)
    }

    /// The faults that stand in `start..end`.
    pub(super) fn faults_in(&self, start: usize, end: usize) -> &[Fault] {
        let first = self.faults.partition_point(|fault| fault.at() < start);
        let last = self.faults.partition_point(|fault| fault.at() < end);
        self.faults.get(first..last).unwrap_or_default()
    }
}

/// Scans a whole file.
pub(super) fn scan(text: &str) -> Scan {
    let mut scanner = Scanner { text, ..Scanner::default() };
    scanner.first = true;
    scanner.ahead_left = text.len().saturating_mul(AHEAD_TIMES_MAX);
    scanner.run();
    scanner.found.faults.sort_by_key(Fault::at);
    scanner.found
}

#[derive(Default)]
struct Scanner<'t> {
    text: &'t str,
    at: usize,
    found: Scan,
    /// Open brackets and texts, innermost last. Bounded by [`NESTING_MAX`], so that walks over it are short.
    frames: Vec<Frame>,
    /// After too deep nesting, brackets are not paired until an item begins in the first column.
    lost: bool,
    /// The end of the last line on which a text was given up: the second one takes the rest of the line,
    /// or reading the line again and again would cost its length squared.
    given_up: usize,
    /// How many bytes may still be looked at ahead of time.
    ahead_left: usize,
    /// A bracket whose partner stands less indented than its line: probably the one without a partner.
    suspect: Option<usize>,
    /// Where this line starts.
    line_start: usize,
    /// Whether no token came yet on this line.
    first: bool,
}

/// How often a whole file may be looked at to find where block texts in holes end.
const AHEAD_TIMES_MAX: usize = 16;

/// Words that begin an item.
pub(super) const ITEM_WORDS: &[&str] = &[
    "edition",
    "environments",
    "connection",
    "import",
    "schema",
    "event",
    "const",
    "list",
    "predicate",
    "schedule",
    "policy",
    "rule",
    "group",
    "test",
];

/// Operators of two and three characters, longest first.
const SYMBOLS: &[&str] =
    &["===", "!==", "==", "!=", "<>", "<=", ">=", "&&", "||", "??", "?.", "**", "..", "=>", "->"];

impl<'t> Scanner<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn run(&mut self) {
        while self.at < self.text.len() {
            match self.frames.last() {
                Some(Frame::Text { .. }) => self.text_characters(),
                _ => self.code(),
            }
            if self.at >= self.text.len() {
                self.unclosed_block();
            }
        }
        self.close_everything(self.text.len());
    }

    /// Notes a fault. After many, only those are noted that keep pest from the text.
    pub(super) fn fault(&mut self, fault: Fault) {
        let vital =
            matches!(fault, Fault::TooDeep { .. } | Fault::UnclosedText { .. } | Fault::LoneBrace { .. });
        if vital || self.found.faults.len() < FAULTS_MAX {
            self.found.faults.push(fault);
        }
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let token = Token { kind, start: self.at, end: self.at + length, first: self.first };
        self.first = false;
        self.found.tokens.push(token);
        self.at += length;
    }

    /// Passes something that stands for nothing.
    fn skip(&mut self, length: usize) {
        self.found.blanks.push((self.at, self.at + length));
        self.at += length;
    }

    /// One token or one piece of trivia, outside of text.
    fn code(&mut self) {
        let rest = self.rest();
        let Some(next) = rest.chars().next() else { return };
        match next {
            '\n' => self.line_end(),
            ' ' => self.at += 1,
            '\t' | '\r' => self.skip(1),
            ';' => {
                self.fault(Fault::Semicolon { at: self.at });
                self.skip(1);
            }
            '#' => self.remark(),
            '/' if rest.starts_with("//") || rest.starts_with("/*") => self.foreign_comment(),
            '"' => self.quotation(),
            '\'' | '`' | '“' | '”' | '„' => self.odd_text(next),
            '{' | '[' | '(' => self.open(next, false),
            '}' | ']' | ')' => self.close(next),
            '0'..='9' => self.push(Kind::Number, length_while(rest, is_word)),
            _ if is_word(next) => self.word(),
            _ if next.is_ascii() => {
                let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                self.push(Kind::Symbol, symbol.map_or(1, |symbol| symbol.len()));
            }
            '≤' | '≥' | '≠' => self.push(Kind::Symbol, next.len_utf8()),
            _ => self.odd_character(next),
        }
    }

    fn line_end(&mut self) {
        self.at += 1;
        self.first = true;
        self.line_start = self.at;
        self.line_ends_in_hole();
    }

    fn word(&mut self) {
        let rest = self.rest();
        let mut length = length_while(rest, is_word);
        // `doesn't` is one word, or its apostrophe would open a text.
        for apostrophe in ["'t", "’t"] {
            if rest.get(length..).is_some_and(|tail| tail.starts_with(apostrophe)) {
                length += apostrophe.len();
            }
        }
        let word = rest.get(..length).unwrap_or_default();
        if self.first && ITEM_WORDS.contains(&word) && self.begins_item(word, length) {
            self.close_everything(self.at);
            self.lost = false;
            self.found.items.push(self.at);
        }
        let margin = self.at == self.line_start && self.frames.is_empty() && !self.lost;
        if margin && !is_reserved(word) {
            self.found.margins.push(self.at);
        }
        self.push(Kind::Word, length);
    }

    /// Whether the item word at this place begins an item: outside of brackets, or in the first column.
    fn begins_item(&self, word: &str, length: usize) -> bool {
        let after = self.rest().get(length..).unwrap_or_default().trim_start();
        let field = after.starts_with([':', '.', '=', ',', '|']);
        if field || !self.goes_on_like_an_item(word, after) {
            return false;
        }
        (self.frames.is_empty() && !self.lost) || self.at == self.line_start
    }

    /// `event` and `list` have other uses: `event.type`, `list of text`.
    fn goes_on_like_an_item(&self, word: &str, after: &str) -> bool {
        let next = after.split(|letter| !is_word(letter)).next().unwrap_or_default();
        match word {
            "event" => after.lines().next().is_some_and(|line| line.contains(':') && next != "is"),
            "list" => next != "of",
            _ => true,
        }
    }

    fn remark(&mut self) {
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        let line = self.rest().get(..length).unwrap_or_default().trim_end_matches('\r');
        let doc = self.first && line.starts_with("##") && !line.starts_with("###");
        self.found.remarks.push(Remark { start: self.at, end: self.at + line.len(), doc });
        self.skip(length);
    }

    fn foreign_comment(&mut self) {
        let rest = self.rest();
        let length = match rest.strip_prefix("/*") {
            Some(inside) => inside.find("*/").map_or(rest.len(), |at| at + 4),
            None => rest.find('\n').unwrap_or(rest.len()),
        };
        self.fault(Fault::ForeignComment { start: self.at, end: self.at + length });
        self.skip(length);
    }

    fn odd_character(&mut self, next: char) {
        let (start, end) = (self.at, self.at + next.len_utf8());
        let space = next.is_whitespace() || "\u{FEFF}\u{200B}\u{200C}\u{200D}\u{2060}\u{AD}".contains(next);
        if space {
            // A byte-order mark at the very start is no mistake.
            if (start, next) != (0, '\u{FEFF}') {
                self.fault(Fault::OddSpace { start, end });
            }
            self.skip(next.len_utf8());
        } else {
            self.fault(Fault::OddCharacter { start, end });
            self.push(Kind::Symbol, next.len_utf8());
        }
    }

    fn open(&mut self, bracket: char, hole: bool) {
        let depth = self.frames.iter().filter(|frame| matches!(frame, Frame::Bracket { .. })).count();
        if depth >= NESTING_MAX {
            self.fault(Fault::TooDeep { at: self.at });
            self.frames.clear();
            self.suspect = None;
            self.lost = true;
            self.at += length_while(self.rest(), |letter| letter != '\n');
            return;
        }
        if !self.lost {
            let indent = self.indent();
            self.frames.push(Frame::Bracket { bracket, at: self.at, hole, indent });
        }
        self.push(Kind::Open, 1);
    }

    fn close(&mut self, bracket: char) {
        let opener = match bracket {
            '}' => '{',
            ']' => '[',
            _ => '(',
        };
        match self.frames.last().copied() {
            Some(Frame::Bracket { bracket: open, hole, indent, at }) if open == opener => {
                if self.first && self.indent() < indent && self.suspect.is_none() {
                    self.suspect = Some(at);
                }
                self.frames.pop();
                self.push(if hole { Kind::TextEnd } else { Kind::Close }, 1);
            }
            _ if self.lost => self.push(Kind::Close, 1),
            _ => self.close_wrong(opener),
        }
    }

    /// A closing bracket that does not fit the innermost open one.
    fn close_wrong(&mut self, opener: char) {
        let close = self.at;
        let fits = |frame: &Frame| matches!(frame, Frame::Bracket { bracket, hole: false, .. } if *bracket == opener);
        // Brackets outside of a text are not closed from inside its hole.
        let reach =
            self.frames.iter().rposition(|frame| matches!(frame, Frame::Text { .. })).map_or(0, |at| at + 1);
        let inner = self.frames.get(reach..).unwrap_or_default();
        match inner.iter().rposition(fits) {
            Some(at) => {
                for frame in self.frames.split_off(reach + at + 1).into_iter().rev() {
                    if let Frame::Bracket { at: open, .. } = frame {
                        self.fault(Fault::Unclosed { open, noticed: close });
                    }
                }
                self.frames.pop();
            }
            None => match inner.last().copied() {
                Some(Frame::Bracket { at: open, hole: false, .. }) => {
                    self.fault(Fault::Mismatched { open, close });
                    self.frames.pop();
                }
                _ => self.fault(Fault::Stray { close }),
            },
        }
        self.push(Kind::Close, 1);
    }

    /// Reports what is still open at the end of an item.
    fn close_everything(&mut self, noticed: usize) {
        let open: Vec<Frame> = self.frames.drain(..).collect();
        let suspect = self.suspect.take();
        let text = open.iter().find(|frame| matches!(frame, Frame::Text { .. }));
        match text.or(open.first()) {
            Some(&Frame::Bracket { at, .. }) => {
                self.fault(Fault::Unclosed { open: suspect.unwrap_or(at), noticed });
            }
            Some(&Frame::Text { start, brace: Some(brace), .. }) if open.len() > 1 => {
                self.fault(Fault::LoneBrace { start, end: noticed, brace });
            }
            Some(&Frame::Text { start, block, .. }) => {
                self.fault(Fault::UnclosedText { start, end: noticed, block });
            }
            None => {}
        }
    }

    /// Columns before the first character of this line.
    fn indent(&self) -> usize {
        length_while(self.text.get(self.line_start..).unwrap_or_default(), |letter| {
            matches!(letter, ' ' | '\t')
        })
    }
}

/// Whether a name may hold this character; letters other than `A` to `Z` are reported later.
pub(super) fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || (!letter.is_ascii() && letter.is_alphabetic())
}

fn length_while(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !wanted(letter)).unwrap_or(text.len())
}
