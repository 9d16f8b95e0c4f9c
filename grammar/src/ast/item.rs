//! The items of a rule file and the statements inside rules.

use serde::{Deserialize, Serialize};

use super::{Expr, Record, RecordType, Schedule, Test, Text, TypeExpr};
use crate::span::{Ident, Span, Spanned};

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The year of the `edition` line.
    pub edition: Option<Spanned<u16>>,
    /// Every item in written order.
    pub items: Vec<Item>,
    /// Every `#` comment in written order; descriptions (`##`) are with their item. They are places in
    /// the text, so the JSON form has none.
    #[serde(skip)]
    pub comments: Vec<Comment>,
    /// Names that items declare which could not be read: that they exist is all that is known.
    #[serde(skip)]
    pub broken: Vec<Ident>,
}

/// A `#` comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// From `#` to the last character before the line break.
    #[serde(skip)]
    pub span: Span,
}

/// One `##` line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Doc {
    /// Its text without `##` and one space.
    pub text: Box<str>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// A declaration with its description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The `##` lines above it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub docs: Vec<Doc>,
    /// What is declared.
    pub kind: ItemKind,
    /// Its place, docs excluded.
    #[serde(skip)]
    pub span: Span,
}

/// What an item declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "most items of a file are rules, and a box for each helps nobody"
)]
pub enum ItemKind {
    /// `environments { sandbox production }`.
    Environments(Vec<Ident>),
    /// `connection crm: hubspot`.
    Connection(Connection),
    /// `import schema Order from "schemas/order.json"`.
    Import(Import),
    /// `schema Lead open { … }`.
    Schema(Schema),
    /// `event lead.*: Lead`.
    Event(EventDecl),
    /// `const emea = […]`.
    Const(Const),
    /// `list vips from "lists/vips.csv"`, or without `from` a list kept on the workspace.
    List(OutsideList),
    /// `predicate enterprise(lead: Lead) = …`.
    Predicate(Predicate),
    /// `policy money(invoice: Invoice) { … }`.
    Policy(Policy),
    /// `schedule awake = every day 08:00 to 22:00 in "UTC"`.
    Schedule(Schedule),
    /// `rule name { … }`.
    Rule(Rule),
    /// `group name first_match { … }`.
    Group(Group),
    /// `test "…" { … }`.
    Test(Test),
    /// Text that could not be read; reported already. It has no JSON form.
    #[serde(skip)]
    Broken,
}

/// `connection crm: hubspot`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The name rules use.
    pub name: Ident,
    /// The integration.
    pub integration: Ident,
}

/// `import schema Order from "schemas/order.json"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The schema's name in this bundle.
    pub name: Ident,
    /// The file in the bundle.
    pub from: Text,
}

/// `schema Lead { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Its name.
    pub name: Ident,
    /// Where `open` is written.
    #[serde(with = "crate::span::flag", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    pub open: Option<Span>,
    /// Its fields.
    pub record: RecordType,
}

/// `event lead.*: Lead`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EventDecl {
    /// The types of event it speaks of.
    pub pattern: Pattern,
    /// The schema's name.
    pub schema: Ident,
}

/// A pattern of event types: segments joined by dots, `*` one segment, `**` one or more and only last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// As written.
    pub text: Box<str>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// `const emea = […]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Const {
    /// Its name.
    pub name: Ident,
    /// Its value. A regular expression is an ordinary text literal here.
    pub value: Expr,
}

/// A membership list that lives outside the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OutsideList {
    /// Its name.
    pub name: Ident,
    /// The file in the bundle; without one the workspace keeps the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Text>,
}

/// `predicate name(x: Type) = expr`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    /// Its name.
    pub name: Ident,
    /// Its one parameter.
    pub param: Param,
    /// Its condition.
    pub body: Expr,
}

/// `(lead: Lead)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// The parameter's name.
    pub name: Ident,
    /// Its type.
    pub ty: TypeExpr,
}

/// `policy money(invoice: Invoice) { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its name.
    pub name: Ident,
    /// Its parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<Param>,
    /// Its settings.
    pub settings: Record,
}

/// `rule name { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The `##` lines above it (for a rule at the top of a file they stand on the item, too).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub docs: Vec<Doc>,
    /// Its name.
    pub name: Ident,
    /// Which events it selects.
    pub on: On,
    /// `resource "…"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Text>,
    /// `resource_id "…"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<Text>,
    /// `only in production, staging`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Ident>,
    /// `let name = …`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lets: Vec<Let>,
    /// `when` and `unless`.
    #[serde(default, skip_serializing_if = "Guard::is_empty")]
    pub guard: Guard,
    /// `with …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<With>,
    /// What it does, at least one statement.
    pub body: Vec<Statement>,
    /// Its place, docs excluded.
    #[serde(skip)]
    pub span: Span,
}

/// `on lead.created, lead.changed as lead`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct On {
    /// At least one.
    pub patterns: Vec<Pattern>,
    /// The payload's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Ident>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// `let name = expr`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Let {
    /// Its name.
    pub name: Ident,
    /// Its value, computed once when first read.
    pub value: Expr,
}

/// `when … unless …`, each at most once, in either order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Must be yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Expr>,
    /// Must not be yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Expr>,
    /// Whether `unless` was written first; only the formatter asks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unless_first: bool,
}

impl Guard {
    /// Whether neither was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.when.is_none() && self.unless.is_none()
    }
}

/// `with policy(arg) { settings }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct With {
    /// The policy's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Ident>,
    /// What the policy's parameter is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument: Option<Ident>,
    /// Settings of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Record>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// `group name first_match { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: Ident,
    /// At least one rule.
    pub rules: Vec<Rule>,
    /// What happens when no rule of the group was true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Otherwise>,
}

/// `otherwise as name { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Otherwise {
    /// The payload's name; only in groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Ident>,
    /// At least one statement.
    pub body: Vec<Statement>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Statement {
    /// `deliver crm.create { … }`.
    Deliver(Deliver),
    /// `choose { when … { … } otherwise { … } }`.
    Choose(ChooseStatement),
    /// `for each x in xs … { … }`.
    ForEach(ForEach),
    /// `ignore "reason"`.
    Ignore(Ignore),
}

/// `deliver connection.action as label when … { input } with { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    /// The connection's name.
    pub connection: Ident,
    /// The action.
    pub action: Ident,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Ident>,
    /// Its own guard.
    #[serde(default, skip_serializing_if = "Guard::is_empty")]
    pub guard: Guard,
    /// The action's input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Record>,
    /// Its own settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<With>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// `choose { when … { … } … }` as a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChooseStatement {
    /// At least one.
    pub arms: Vec<Arm>,
    /// Taken when no arm was true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Otherwise>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// `when … { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Its condition.
    pub guard: Guard,
    /// At least one statement.
    pub body: Vec<Statement>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// `for each x in list where cond limit n { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForEach {
    /// The element's name.
    pub binding: Ident,
    /// The list.
    pub list: Expr,
    /// Which elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Expr>,
    /// At most so many.
    pub limit: Option<Spanned<u64>>,
    /// At least one statement.
    pub body: Vec<Statement>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// `ignore "reason"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}
