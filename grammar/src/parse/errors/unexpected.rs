//! From what pest tried and the text it found to a message in words.

use super::{branch, elsewhere, missing_colon, name, text};
use crate::{
    Diagnostic, Source,
    diagnostic::Code,
    keywords,
    parse::{
        rules::Rule,
        scan::{ITEM_WORDS, Kind, Scan, Token},
    },
    span::Span,
    suggest::closest,
};

/// More things than these are not listed.
const LISTED_MAX: usize = 5;

/// Tokens that are looked at to find the hole around a place.
const LOOK_BACK_MAX: usize = 400;

/// Shorter words are near to too many others.
const SLIP_BYTES_MIN: usize = 3;

/// Words that begin a branch in other languages.
const BRANCH_WORDS: &[&str] =
    &["if", "elif", "elseif", "elsif", "else", "switch", "case", "then", "match", "endif"];

/// Where pest stopped, with what it needs to speak of it.
pub(in crate::parse) struct Place<'a> {
    pub(in crate::parse) source: &'a Source,
    pub(in crate::parse) scan: &'a Scan,
    /// The offset in the source.
    pub(in crate::parse) at: usize,
    /// Where the item ends, as far as the scan knows.
    pub(in crate::parse) end: usize,
    /// What was tried at `at`.
    pub(in crate::parse) tried: &'a [Rule],
}

impl Place<'_> {
    pub(super) fn span(&self, token: &Token) -> Span {
        Span::new(self.source.id, token.start, token.end)
    }

    pub(super) fn words(&self, token: &Token) -> &str {
        self.source.text.get(token.start..token.end).unwrap_or_default()
    }

    pub(super) fn found(&self) -> Option<&Token> {
        self.scan.token_from(self.at).filter(|token| token.start < self.end)
    }

    pub(super) fn before(&self, back: usize) -> Option<&Token> {
        let index = self.scan.index_from(self.at).checked_sub(back)?;
        self.scan.tokens.get(index)
    }

    /// The token so many steps behind the found one.
    pub(super) fn after(&self, steps: usize) -> Option<&Token> {
        let index = self.scan.index_from(self.at).checked_add(steps)?;
        self.scan.tokens.get(index).filter(|token| token.start < self.end)
    }

    /// The `{` of the hole that this place is in.
    fn hole(&self) -> Option<&Token> {
        let upto = self.scan.tokens.get(..self.scan.index_from(self.at))?;
        let mut closed = 0_usize;
        let mut opened = None;
        for token in upto.iter().rev().take(LOOK_BACK_MAX) {
            match token.kind {
                Kind::Open if closed > 0 => closed -= 1,
                Kind::Open if opened.is_none() => opened = Some(token),
                Kind::Close => closed += 1,
                Kind::TextEnd if self.words(token) == "}" => closed += 1,
                Kind::Text if token.end > self.at => return opened,
                _ => {}
            }
        }
        None
    }
}

/// E0101 and the codes of what is known better.
pub(in crate::parse) fn unexpected(place: &Place<'_>) -> Diagnostic {
    let Some(found) = place.found() else { return too_short(place) };
    let span = place.span(found);
    let shown = place.words(found);
    if let Some(special) = special(place, found, shown) {
        return special;
    }
    if let Some(brace) = place.hole() {
        if let Some(told) = elsewhere::doubled_brace(place, brace) {
            return told;
        }
        let shown = if shown == "}" { "" } else { shown };
        return text::not_a_hole(place.span(brace), span, shown);
    }
    let title = match found.kind {
        Kind::Text | Kind::Raw | Kind::OddText => "I did not expect a text here".to_owned(),
        _ => format!("I did not expect `{shown}` here"),
    };
    let report = Diagnostic::error(Code::E0101, title);
    match list(place.tried) {
        Some(list) => report.at(span, format!("here can stand: {list}")),
        None => report.at(span, ""),
    }
}

/// What is known better than a list of what can stand here.
fn special(place: &Place<'_>, found: &Token, shown: &str) -> Option<Diagnostic> {
    let span = place.span(found);
    let tried = |rule: Rule| place.tried.contains(&rule);
    let before = place.before(1);
    let before_text = before.map(|token| place.words(token)).unwrap_or_default();
    if let Some(quoted) = hyphenated(place, found) {
        return Some(quoted);
    }
    if let Some(told) = elsewhere::habit(place, found, shown) {
        return Some(told);
    }
    if found.kind == Kind::Word && BRANCH_WORDS.contains(&shown) && !tried(Rule::kw_else) {
        return Some(branch::if_word(span, shown));
    }
    if place.tried == [Rule::ident] && keywords::is_reserved(shown) {
        return Some(name::reserved(span, shown));
    }
    if place.tried == [Rule::lbrace] && found.kind == Kind::Word && found.first {
        let end = before.map(|token| place.span(token).tail())?;
        let told = Diagnostic::error(Code::E0101, "a `{` is missing");
        let told = told.at(end, "before the next line").help("look whether it has its `}`, too");
        return Some(told.fix("write `{` here", [(end, " {".to_owned())]));
    }
    if before_text == "for" && tried(Rule::kw_each) {
        let word = before.map(|token| place.span(token))?;
        return Some(branch::for_without_each(word, span));
    }
    let value = matches!(found.kind, Kind::Word | Kind::Number | Kind::Text | Kind::OddText)
        || matches!(shown, "{" | "[" | "(");
    if tried(Rule::colon) && value && !tried(Rule::logic) {
        let key = before.filter(|token| matches!(token.kind, Kind::Word | Kind::Text | Kind::TextEnd))?;
        if let Some(told) = elsewhere::deep_comparison(place, found, shown) {
            return Some(told);
        }
        let shown = place.words(key).trim_matches('"').to_owned();
        return Some(missing_colon(place.span(key), &shown, span));
    }
    elsewhere::other_word(place, found, shown).or_else(|| slip(place, found, shown))
}

/// A word that is nearly one that could stand here.
fn slip(place: &Place<'_>, found: &Token, shown: &str) -> Option<Diagnostic> {
    if found.kind != Kind::Word || shown.len() < SLIP_BYTES_MIN || keywords::is_reserved(shown) {
        return None;
    }
    let words = place.tried.iter().flat_map(|&rule| keywords_of(rule));
    let meant = closest(shown, words)?;
    let span = place.span(found);
    let report = Diagnostic::error(Code::E0101, format!("I did not expect `{shown}` here"));
    let report = report.at(span, format!("did you mean `{meant}`?"));
    Some(report.fix(format!("replace `{shown}` with `{meant}`"), [(span, meant.to_owned())]))
}

/// The words that something may begin with.
pub(super) fn keywords_of(rule: Rule) -> Vec<&'static str> {
    match rule {
        Rule::logic => vec!["and"],
        Rule::compare_tail => vec!["contains", "starts with", "ends with", "matches"],
        Rule::kw_for => vec!["for each"],
        Rule::kw_only => vec!["only in"],
        Rule::ignoring => vec!["ignoring case"],
        other => {
            let name = format!("{other:?}");
            let keyword = name.strip_prefix("kw_").and_then(keywords::find);
            keyword.map(|keyword| keyword.word).into_iter().collect()
        }
    }
}

/// `hook.read-only`: a field name with a hyphen, whose tail happens to be a word of the language.
fn hyphenated(place: &Place<'_>, found: &Token) -> Option<Diagnostic> {
    let (minus, head, dot) = (place.before(1)?, place.before(2)?, place.before(3)?);
    let touching = minus.end == found.start && head.end == minus.start && dot.end == head.start;
    let fits = found.kind == Kind::Word
        && place.words(minus) == "-"
        && head.kind == Kind::Word
        && place.words(dot) == "."
        && touching;
    let whole = Span::new(place.source.id, head.start, found.end);
    fits.then(|| name::needs_quotes(whole, place.source.slice(whole)))
}

/// The item ends before it is complete.
fn too_short(place: &Place<'_>) -> Diagnostic {
    let last = place.scan.last_before(place.end);
    let end = last.map_or(place.at, |token| token.end);
    let span = Span::new(place.source.id, end, end);
    let report = Diagnostic::error(Code::E0101, "something is missing here");
    match list(place.tried) {
        Some(list) => report.at(span, format!("here can stand: {list}")),
        None => report.at(span, "this ends too early"),
    }
}

/// E0109. A line that begins no item.
pub(in crate::parse) fn unknown_item(span: Span, shown: &str) -> Diagnostic {
    let inside = [
        "on",
        "when",
        "unless",
        "deliver",
        "choose",
        "for",
        "ignore",
        "with",
        "resource",
        "resource_id",
        "only",
        "let",
        "otherwise",
    ];
    if inside.contains(&shown) {
        return Diagnostic::error(Code::E0109, format!("`{shown}` stands inside a rule"))
            .at(span, "no rule is open here")
            .help("look whether a `}` above closes the rule too early");
    }
    if matches!(shown, "given" | "expect" | "after") {
        return Diagnostic::error(Code::E0109, format!("`{shown}` stands inside a test"))
            .at(span, "no test is open here");
    }
    let report = Diagnostic::error(Code::E0109, format!("nothing begins with `{shown}`"));
    match closest(shown, ITEM_WORDS.iter().copied()) {
        Some(word) => report
            .at(span, format!("did you mean `{word}`?"))
            .fix(format!("replace `{shown}` with `{word}`"), [(span, word.to_owned())]),
        None => report.at(span, "here can stand: `rule`, `group`, `connection`, `schema` or `test`").note(
            "a file also holds `event`, `const`, `list`, `predicate`, `policy`, `schedule`, `import` and `environments`",
        ),
    }
}

/// What was tried, in words: `a`, `b` or `c`.
fn list(tried: &[Rule]) -> Option<String> {
    let mut ranked: Vec<(u8, String)> = tried.iter().filter_map(|&rule| words(rule)).collect();
    ranked.sort();
    ranked.dedup();
    let more = ranked.len() > LISTED_MAX;
    ranked.truncate(if more { LISTED_MAX - 1 } else { LISTED_MAX });
    let mut parts: Vec<String> = ranked.into_iter().map(|(_, words)| words).collect();
    if more {
        parts.push("others".to_owned());
    }
    let last = parts.pop()?;
    Some(if parts.is_empty() { last } else { format!("{} or {last}", parts.join(", ")) })
}

/// What a rule is called, with a rank: what closes and what is certain first, operators last.
fn words(rule: Rule) -> Option<(u8, String)> {
    let (rank, words) = match rule {
        Rule::rbrace => (0, "`}`"),
        Rule::rbracket => (0, "`]`"),
        Rule::rparen => (0, "`)`"),
        Rule::lbrace | Rule::block | Rule::record_type | Rule::expect_record => (1, "`{`"),
        Rule::lbracket => (1, "`[`"),
        Rule::lparen | Rule::condition | Rule::param | Rule::args => (1, "`(`"),
        Rule::colon => (1, "`:`"),
        Rule::comma => (4, "`,`"),
        Rule::equals => (1, "`=`"),
        Rule::dot_sign => (1, "`.`"),
        Rule::record => (2, "a record in braces"),
        Rule::list => (2, "a list in brackets"),
        Rule::ident | Rule::name | Rule::hyphen_name => (1, "a name"),
        Rule::key | Rule::entry | Rule::field_type | Rule::expect_field => (1, "a field"),
        Rule::pattern => (1, "an event type such as `lead.created`"),
        Rule::text | Rule::plain_text | Rule::block_text | Rule::regex_text | Rule::odd_text => {
            (1, "text in quotation marks")
        }
        Rule::expr
        | Rule::unary
        | Rule::comparison
        | Rule::chain
        | Rule::sum
        | Rule::product
        | Rule::signed
        | Rule::postfix
        | Rule::primary => (1, "a value"),
        Rule::type_expr | Rule::named_type => (1, "a type"),
        Rule::transform | Rule::capture => (1, "the name of a transform"),
        Rule::deliver | Rule::choose_stmt | Rule::for_each | Rule::ignore => {
            (1, "a statement such as `deliver`")
        }
        Rule::on => (0, "`on`"),
        Rule::when | Rule::unless => (2, "`when` or `unless`"),
        Rule::resource | Rule::resource_id | Rule::only | Rule::let_name => {
            (3, "`resource`, `only` or `let`")
        }
        Rule::with => (3, "`with`"),
        Rule::label => (3, "`as` with a label"),
        Rule::arm_stmt | Rule::choose_arm => (1, "`when`"),
        Rule::otherwise | Rule::choose_rest => (2, "`otherwise`"),
        Rule::where_ => (3, "`where`"),
        Rule::limit => (3, "`limit`"),
        Rule::rule_item => (1, "`rule`"),
        Rule::given | Rule::after | Rule::expect => (1, "a step such as `given` or `expect`"),
        Rule::test_in | Rule::test_at => (2, "`in` or `at`"),
        Rule::expect_delivery => (1, "a delivery such as `chat.send_message`"),
        Rule::nothing | Rule::nothing_else => (2, "`nothing`"),
        Rule::expect_rule => (2, "`rule`"),
        Rule::no => (2, "`no`"),
        other => return words_of_literal(other),
    };
    Some((rank, words.to_owned()))
}

/// The same for literals, operators and keywords.
fn words_of_literal(rule: Rule) -> Option<(u8, String)> {
    let (rank, words) = match rule {
        Rule::year => (1, "a year such as `2026`"),
        Rule::count | Rule::int => (1, "a whole number"),
        Rule::duration => (1, "a duration such as `20m`"),
        Rule::date => (1, "a date such as `2026-03-01`"),
        Rule::datetime => (1, "an instant such as `2026-03-01T09:00:00Z`"),
        Rule::time => (1, "a time of day such as `09:00`"),
        Rule::hours | Rule::days | Rule::day => (1, "days such as `weekdays`"),
        Rule::sensitive | Rule::deprecated => (3, "`sensitive` or `deprecated`"),
        Rule::question => (3, "`?`"),
        Rule::next_item | Rule::EOI => (1, "the next item"),
        Rule::logic => (3, "`and` or `or`"),
        Rule::compare_tail => (3, "a comparison such as `is`"),
        Rule::pipe | Rule::kw_else => (3, "`|` or `else`"),
        Rule::plus | Rule::minus | Rule::times | Rule::divide => (4, "an operator such as `+`"),
        Rule::dot | Rule::index => (4, "a field such as `.name`"),
        Rule::ignoring => (4, "`ignoring case`"),
        other => {
            let word = format!("{other:?}");
            let word = word.strip_prefix("kw_").filter(|word| keywords::find(word).is_some())?;
            return Some((2, format!("`{word}`")));
        }
    };
    Some((rank, words.to_owned()))
}
