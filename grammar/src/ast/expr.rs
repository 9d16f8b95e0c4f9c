//! Expressions as written.

use serde::{Deserialize, Serialize};

use crate::span::{Ident, Span, Spanned};

/// An expression and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

impl Expr {
    /// Whether something holds for an expression that stands directly in this one. Those in the holes of
    /// a text are not asked: they stand on its lines.
    pub fn any_part(&self, mut holds: impl FnMut(&Self) -> bool) -> bool {
        match &self.kind {
            ExprKind::Field { base: inner, .. }
            | ExprKind::Paren(inner)
            | ExprKind::Not(inner)
            | ExprKind::Negate(inner)
            | ExprKind::Test { subject: inner, .. }
            | ExprKind::Regex { subject: inner, .. }
            | ExprKind::Capture { subject: inner, .. }
            | ExprKind::Connective { items: inner, .. } => holds(inner),
            ExprKind::Index { base: one, index: two }
            | ExprKind::Compare { left: one, right: two, .. }
            | ExprKind::Arithmetic { left: one, right: two, .. }
            | ExprKind::Else { subject: one, fallback: two }
            | ExprKind::Quantifier { list: one, condition: two, .. } => holds(one) || holds(two),
            ExprKind::Pipe { subject, args, .. } => holds(subject) || args.iter().any(holds),
            ExprKind::Each { list, filter, body, .. } => {
                holds(list) || holds(body) || filter.as_deref().is_some_and(holds)
            }
            ExprKind::Logic { terms: items, .. } | ExprKind::List(items) => items.iter().any(holds),
            ExprKind::Choose { arms, otherwise } => {
                let mut parts = arms.iter().flat_map(|arm| [&arm.condition, &arm.value]);
                parts.any(&mut holds) || otherwise.as_deref().is_some_and(holds)
            }
            ExprKind::Record(record) => record.entries.iter().any(|entry| match entry {
                Entry::Field { value, .. } | Entry::Spread(value) => holds(value),
            }),
            _ => false,
        }
    }
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExprKind {
    /// `true`, `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// Digits without `_`; it may not fit any type yet.
    Int(Box<str>),
    /// Digits, a dot, digits; without `_`.
    Decimal(Box<str>),
    /// `5%`, without the sign and `_`.
    Percent(Box<str>),
    /// Milliseconds.
    Duration(u64),
    /// `YYYY-MM-DD` as written; the checker looks whether the day exists.
    Date(Box<str>),
    /// RFC 3339 as written, perhaps without seconds.
    DateTime(Box<str>),
    /// `"…"` or `"""…"""`.
    Text(Text),
    /// A name.
    Name(Ident),
    /// `base.name` or `base."name"`.
    Field {
        /// What is read from.
        base: Box<Expr>,
        /// The field; a quoted one is unescaped.
        name: Ident,
        /// Whether it was written in quotation marks.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        quoted: bool,
    },
    /// `base[index]`.
    Index {
        /// A list, a map or a record const.
        base: Box<Expr>,
        /// A number or a text.
        index: Box<Expr>,
    },
    /// `( … )`.
    Paren(Box<Expr>),
    /// `not …`.
    Not(Box<Expr>),
    /// `- …`.
    Negate(Box<Expr>),
    /// `a and b and c`; one kind of operator only.
    Logic {
        /// Which.
        op: LogicOp,
        /// At least two.
        terms: Vec<Expr>,
    },
    /// `left op right`.
    Compare {
        /// Left side.
        left: Box<Expr>,
        /// The comparison.
        op: Spanned<CompareOp>,
        /// Right side.
        right: Box<Expr>,
        /// Where `ignoring case` is written.
        #[serde(with = "crate::span::flag", default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
        ignoring_case: Option<Span>,
    },
    /// `x is missing` and its kin.
    Test {
        /// What is tested.
        subject: Box<Expr>,
        /// For what.
        test: Spanned<TestKind>,
        /// `is not …`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        negated: bool,
    },
    /// `x matches regex "…"`.
    Regex {
        /// What is searched.
        subject: Box<Expr>,
        /// `not matches …`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        negated: bool,
        /// The pattern.
        pattern: RegexPattern,
        /// Where `ignoring case` is written.
        #[serde(with = "crate::span::flag", default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
        ignoring_case: Option<Span>,
    },
    /// `a + b`.
    Arithmetic {
        /// Left side.
        left: Box<Expr>,
        /// The operator.
        op: Spanned<ArithmeticOp>,
        /// Right side.
        right: Box<Expr>,
    },
    /// `x | name(args)`.
    Pipe {
        /// What is transformed.
        subject: Box<Expr>,
        /// The transform.
        transform: Ident,
        /// Its arguments.
        args: Vec<Expr>,
    },
    /// `x | capture("pattern", "group")`; the pattern is raw text.
    Capture {
        /// What is searched.
        subject: Box<Expr>,
        /// The pattern, raw, with `\"` made `"`.
        pattern: Spanned<Box<str>>,
        /// The named group.
        group: Spanned<Box<str>>,
    },
    /// `x else y`.
    Else {
        /// What may be missing.
        subject: Box<Expr>,
        /// What stands in.
        fallback: Box<Expr>,
    },
    /// `all of […]`, `any of […]`, `none of […]`, also with the name of a const; on the right
    /// of `contains` and its kin a list of needles.
    Connective {
        /// Which.
        kind: ConnectiveKind,
        /// An [`ExprKind::List`] or an [`ExprKind::Name`].
        items: Box<Expr>,
    },
    /// `any x in xs satisfies ( … )`.
    Quantifier {
        /// Which.
        kind: QuantifierKind,
        /// The element's name.
        binding: Ident,
        /// The list.
        list: Box<Expr>,
        /// The condition.
        condition: Box<Expr>,
    },
    /// `choose { when c: v … otherwise: v }`.
    Choose {
        /// At least one.
        arms: Vec<ChooseArm>,
        /// Taken when no arm was true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        otherwise: Option<Box<Expr>>,
    },
    /// `each x in xs where c: v`.
    Each {
        /// The element's name.
        binding: Ident,
        /// The list.
        list: Box<Expr>,
        /// Which elements.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filter: Option<Box<Expr>>,
        /// What each becomes.
        body: Box<Expr>,
    },
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{ a: 1, ..b }`.
    Record(Record),
    /// Could not be read; reported already. It has no JSON form.
    #[serde(skip)]
    Broken,
}

/// `when c: v`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChooseArm {
    /// The condition.
    pub condition: Expr,
    /// The value.
    pub value: Expr,
}

/// Text with holes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Characters and holes in turn; no two neighbouring runs of characters, none empty.
    pub parts: Vec<TextPart>,
    /// Whether it was written as block text. Its first line break and the common indentation are gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub block: bool,
    /// Its place, quotation marks included.
    #[serde(skip)]
    pub span: Span,
}

impl Text {
    /// The text when it has no holes.
    #[must_use]
    pub fn plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [TextPart::Chars(chars)] => Some(chars),
            _ => None,
        }
    }
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TextPart {
    /// Characters, unescaped.
    Chars(Box<str>),
    /// `{ expr }`.
    Hole(Expr),
}

/// `{ ..base, key: value }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// In written order.
    pub entries: Vec<Entry>,
    /// Its place, braces included.
    #[serde(skip)]
    pub span: Span,
}

/// An entry of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// `key: value`.
    Field {
        /// The key; a quoted one is unescaped.
        key: Ident,
        /// The value.
        value: Expr,
    },
    /// `..record`.
    Spread(Expr),
}

/// The pattern of `matches regex`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RegexPattern {
    /// Raw text with `\"` made `"`.
    Literal(Spanned<Box<str>>),
    /// A const.
    Name(Ident),
}

/// `and`, `or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogicOp {
    /// The least of its terms.
    And,
    /// The greatest of its terms.
    Or,
}

/// A comparison that takes two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CompareOp {
    /// `is`: equality, or a predicate's name on the right.
    Is,
    /// `is not`.
    IsNot,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `contains`
    Contains,
    /// `not contains`
    NotContains,
    /// `starts with`
    StartsWith,
    /// `not starts with`
    NotStartsWith,
    /// `ends with`
    EndsWith,
    /// `not ends with`
    NotEndsWith,
    /// `matches`, a glob.
    Matches,
    /// `not matches`
    NotMatches,
}

/// What `is` tests without a right side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TestKind {
    /// Absent, null, or not to be had.
    Missing,
    /// Not missing.
    Present,
    /// An explicit JSON null.
    Null,
    /// A text, list or record with nothing in it.
    Empty,
}

/// `+ - * /`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ArithmeticOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

/// `all of`, `any of`, `none of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConnectiveKind {
    /// Every one.
    All,
    /// At least one.
    Any,
    /// Not one.
    None,
}

/// `any`, `every`, `no`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum QuantifierKind {
    /// At least one element.
    Any,
    /// Each element.
    Every,
    /// No element.
    No,
}
