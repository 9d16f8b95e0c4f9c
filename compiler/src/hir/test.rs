//! Checked tests: events that are sent, and what is expected to come of them.

use std::sync::Arc;

use grammar::Span;
use grammar::ast::ExpectCount;

use super::{Cond, Expr, LocalId};

/// A test of the bundle.
#[derive(Clone, Debug)]
pub struct Test {
    /// What it is about.
    pub title: Arc<str>,
    /// The environment it runs in; `None` is every one that the bundle is checked for.
    pub environment: Option<Arc<str>>,
    /// When it begins.
    pub at: Option<jiff::Timestamp>,
    /// In order.
    pub steps: Vec<TestStep>,
    /// How many locals its conditions need.
    pub locals: u16,
    /// Where its title is written.
    pub span: Span,
}

/// A step of a test.
#[derive(Clone, Debug)]
pub struct TestStep {
    /// What it does.
    pub kind: TestStepKind,
    /// Its place.
    pub span: Span,
}

/// What a step of a test does.
#[derive(Clone, Debug)]
pub enum TestStepKind {
    /// Sends an event.
    Given {
        /// Its type.
        event: Arc<str>,
        /// Its resource.
        resource: Option<Arc<str>>,
        /// Its resource id.
        resource_id: Option<Arc<str>>,
        /// Its payload.
        payload: TestPayload,
    },
    /// Moves the clock forward.
    After(jiff::SignedDuration),
    /// Nothing was sent since the last event.
    ExpectNothing,
    /// Nothing was sent but what was expected.
    ExpectNothingElse,
    /// A rule took the event, or did not.
    ExpectRule {
        /// The rule's name.
        rule: Arc<str>,
        /// Whether it took it.
        matched: bool,
        /// Where the name is written.
        place: Span,
    },
    /// Deliveries to an action.
    ExpectDelivery {
        /// How many.
        count: ExpectCount,
        /// The connection's name.
        connection: Arc<str>,
        /// The action.
        action: Arc<str>,
        /// Where `connection.action` is written.
        place: Span,
        /// What its input must hold.
        fields: Vec<ExpectedField>,
    },
}

/// Where a test's payload comes from.
#[derive(Clone, Debug)]
pub enum TestPayload {
    /// Written in place.
    Value(Expr),
    /// A file of the bundle, by its path.
    File(Arc<str>),
}

/// What one field of an expected delivery must be.
#[derive(Clone, Debug)]
pub struct ExpectedField {
    /// The field.
    pub key: Arc<str>,
    /// Where the condition reads it.
    pub local: LocalId,
    /// Must be yes.
    pub condition: Cond,
    /// Whether a value was written (`key: value`): then a record in it lists the fields that must fit,
    /// and others are free, at any depth.
    pub is_value: bool,
    /// Its place.
    pub span: Span,
}
