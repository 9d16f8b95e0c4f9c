//! Tests as written.

use serde::{Deserialize, Serialize};

use super::{Expr, Pattern, Record, Text};
use crate::span::{Ident, Span, Spanned};

/// `test "…" { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What it is about.
    pub title: Text,
    /// `in sandbox`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Ident>,
    /// `at 2026-03-03T10:00:00+01:00`, RFC 3339 as written.
    pub at: Option<Spanned<Box<str>>>,
    /// In order.
    pub steps: Vec<Step>,
}

/// A step of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// Its place.
    #[serde(skip)]
    pub span: Span,
}

/// What a step of a test does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Sends an event.
    Given {
        /// The event's type: a pattern without stars, which the checker asks for.
        event: Pattern,
        /// `resource "…"`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource: Option<Text>,
        /// `resource_id "…"`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource_id: Option<Text>,
        /// The payload.
        payload: GivenPayload,
    },
    /// Moves the clock, in milliseconds.
    After(Spanned<u64>),
    /// `expect nothing`.
    ExpectNothing,
    /// `expect nothing else`.
    ExpectNothingElse,
    /// `expect rule name matched`.
    ExpectRule {
        /// The rule.
        rule: Ident,
        /// `matched`, or else `skipped`.
        matched: bool,
    },
    /// `expect 2 chat.send_message { … }`.
    ExpectDelivery {
        /// How many; absent is at least one.
        count: ExpectCount,
        /// The connection.
        connection: Ident,
        /// The action.
        action: Ident,
        /// What the input must be.
        fields: Vec<ExpectField>,
    },
}

/// How many deliveries a test expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExpectCount {
    /// No number was written.
    AtLeastOne,
    /// `no`.
    None,
    /// A number.
    Exactly(u64),
}

/// Where a test's event comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GivenPayload {
    /// Written in place.
    Inline(Record),
    /// A file of the bundle.
    From(Text),
}

/// One field of an expected delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExpectField {
    /// The field.
    pub key: Ident,
    /// What it must be. For `key: value` the comparison is `key is value`;
    /// the left side of either is an [`ExprKind::Name`](super::ExprKind::Name) with the key.
    pub test: Expr,
    /// Whether it was written with `:`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub colon: bool,
}
