//! Tests of a bundle: they name things that exist, and send events that can be.

use std::sync::Arc;

use grammar::{Ident, Span, ast};

use super::Checker;
use super::event;
use super::fit::{Fit, fit};
use super::names::Space;
use super::scope::{Binding, Facts, Place, Root, Typed};
use crate::field_type;
use crate::hir::{ExpectedField, Expr, Test, TestPayload, TestStep, TestStepKind};
use crate::messages::{names, tests as messages};
use crate::types::{FieldType, RecordType, Type};

impl Checker<'_> {
    /// `test "…" { … }`
    pub(super) fn test(&mut self, test: &ast::Test) {
        self.rule = super::RuleState::default();
        if let Some(environment) = &test.environment {
            self.environment_named(environment);
        }
        if let Some(at) = &test.at
            && super::literal::instant(&at.node).is_none()
        {
            self.report(crate::messages::types::no_such_instant(at.span, &at.node));
        }
        let mut given = false;
        let mut steps = Vec::new();
        for step in &test.steps {
            given |= matches!(step.kind, ast::StepKind::Given { .. });
            if is_expectation(&step.kind) {
                self.after_given(given, step.span);
            }
            steps.extend(self.test_step(&step.kind).map(|kind| TestStep { kind, span: step.span }));
        }
        if !test.steps.iter().any(|step| is_expectation(&step.kind)) {
            self.report(messages::expects_nothing_at_all(test.title.span));
        }
        self.program.tests.push(Test {
            title: test.title.plain().unwrap_or_default().into(),
            environment: test.environment.as_ref().map(|one| Arc::from(&*one.text)),
            at: test.at.as_ref().and_then(|at| super::literal::instant(&at.node)),
            steps,
            locals: self.rule.locals,
            span: test.title.span,
        });
    }

    /// `None` for a step with a mistake in it.
    fn test_step(&mut self, step: &ast::StepKind) -> Option<TestStepKind> {
        Some(match step {
            ast::StepKind::Given { event, resource, resource_id, payload } => {
                let plain = |text: &Option<ast::Text>| text.as_ref()?.plain().map(Arc::from);
                TestStepKind::Given {
                    event: Arc::from(&*event.text),
                    resource: plain(resource),
                    resource_id: plain(resource_id),
                    payload: self.given(event, payload)?,
                }
            }
            ast::StepKind::After(millis) => {
                TestStepKind::After(jiff::SignedDuration::from_millis(i64::try_from(millis.node).ok()?))
            }
            ast::StepKind::ExpectNothing => TestStepKind::ExpectNothing,
            ast::StepKind::ExpectNothingElse => TestStepKind::ExpectNothingElse,
            ast::StepKind::ExpectRule { rule, matched } => {
                self.expected_rule(rule);
                TestStepKind::ExpectRule { rule: Arc::from(&*rule.text), matched: *matched, place: rule.span }
            }
            ast::StepKind::ExpectDelivery { count, connection, action, fields } => {
                TestStepKind::ExpectDelivery {
                    count: *count,
                    connection: Arc::from(&*connection.text),
                    action: Arc::from(&*action.text),
                    place: connection.span.to(action.span),
                    fields: self.expected_delivery(connection, action, fields),
                }
            }
        })
    }

    fn after_given(&mut self, given: bool, span: Span) {
        if !given {
            self.report(messages::expect_before_given(span));
        }
    }

    fn expected_rule(&mut self, rule: &Ident) {
        let known = self.names.rules.contains_key(&*rule.text) || self.names.unread.contains(&*rule.text);
        if !known {
            let known: Vec<&str> = self.names.rules.keys().copied().collect();
            self.report(messages::unknown_rule(rule, &known));
        }
    }

    fn given(&mut self, written: &ast::Pattern, payload: &ast::GivenPayload) -> Option<TestPayload> {
        let pattern = event::pattern(written);
        if !event::is_exact(&pattern) {
            self.report(messages::event_with_stars(written.span, &written.text));
            return None;
        }
        let variants = self.variants(&pattern);
        let ty = Self::payload_type(&variants);
        match payload {
            ast::GivenPayload::Inline(record) => {
                let value = self.record(record);
                if value.ty.is_broken() {
                    return None;
                }
                self.payload_fits(&value, &ty, record.span);
                Some(TestPayload::Value(value.expr))
            }
            ast::GivenPayload::From(path) => {
                self.fixture(path, &written.text);
                path.plain().map(|path| TestPayload::File(path.into()))
            }
        }
    }

    /// A payload that the schema would not take may be what the test is about, so this only warns.
    fn payload_fits(&mut self, value: &Typed, ty: &Type, span: Span) {
        let (Type::Record(given), Type::Record(wanted)) = (value.ty.required(), ty.required()) else {
            return;
        };
        let schema = wanted.name.as_deref().unwrap_or("the schema").to_owned();
        for field in &wanted.fields {
            match given.field(&field.name) {
                None if !field.ty.is_optional() && field.ty.kind() != crate::types::Kind::List => {
                    self.report(messages::payload_lacks(span, &field.name, &schema, field.span));
                }
                Some(found) if matches!(fit(&found.ty, &in_json(&field.ty)), Fit::Wrong) => {
                    let place = found.span.unwrap_or(span);
                    self.report(messages::payload_differs(
                        place,
                        &field.name,
                        &found.ty,
                        &field.ty,
                        field.span,
                    ));
                }
                _ => {}
            }
        }
        for field in given.fields.iter().filter(|_| !wanted.open) {
            if wanted.field(&field.name).is_none() {
                let known: Vec<&str> = wanted.fields.iter().map(|field| &*field.name).collect();
                let place = field.span.unwrap_or(span);
                self.report(messages::payload_has_more(place, &field.name, &schema, &known));
            }
        }
    }

    fn fixture(&mut self, path: &ast::Text, event: &str) {
        let Some(name) = path.plain() else { return };
        match self.sources.iter().find(|source| &*source.name == name) {
            None => self.report(messages::fixture_not_in_bundle(path.span, name, event)),
            Some(source) => {
                if let Err(error) = serde_json::from_str::<serde_json::Value>(&source.text) {
                    self.report(messages::fixture_is_no_json(path.span, name, error.line(), error.column()));
                }
            }
        }
    }

    fn expected_delivery(
        &mut self,
        connection: &Ident,
        action: &Ident,
        fields: &[ast::ExpectField],
    ) -> Vec<ExpectedField> {
        self.uses(Space::Connection, connection);
        let Some(declared) = self.names.connections.get(&*connection.text).copied() else {
            if !self.names.unread.contains(&*connection.text) {
                let known: Vec<&str> = self.names.connections.keys().copied().collect();
                self.report(names::unknown_connection(connection, None, None, &known));
            }
            return Vec::new();
        };
        let world = self.world;
        let Some(integration) = world.catalogue.integrations.get(&declared.integration.text) else {
            return Vec::new();
        };
        let Some(known) = integration.actions.get(&action.text) else {
            let known: Vec<&str> = integration.actions.keys().map(|name| &**name).collect();
            self.report(crate::messages::deliveries::unknown_action(action, declared, &known));
            return Vec::new();
        };
        let mut expected = Vec::new();
        for field in fields {
            let ty = match known.fields.iter().find(|one| one.name == field.key.text) {
                Some(one) => field_type::parse(&one.ty).optional(),
                None if known.open => Type::Any,
                None => {
                    let names: Vec<&str> = known.fields.iter().map(|field| &*field.name).collect();
                    self.report(messages::unknown_expected_field(&field.key, &names));
                    continue;
                }
            };
            expected.push(self.expected_field(field, ty));
        }
        expected
    }

    /// The condition reads the field from a local; what was sent is JSON, so times in it are text.
    fn expected_field(&mut self, field: &ast::ExpectField, ty: Type) -> ExpectedField {
        let local = self.fresh_local();
        let expr = super::read::convert(Expr::Local(local), &ty);
        let value = Typed::read(expr, ty, field.key.span, Place::root(Root::Local(local)));
        let binding = Binding { name: field.key.text.clone(), value, span: field.key.span, element: false };
        let answer = self.within(vec![binding], &Facts::default(), |checker| checker.condition(&field.test));
        ExpectedField {
            key: Arc::from(&*field.key.text),
            local,
            condition: answer.cond,
            is_value: field.colon,
            span: field.key.span.to(field.test.span),
        }
    }
}

fn is_expectation(step: &ast::StepKind) -> bool {
    !matches!(step, ast::StepKind::Given { .. } | ast::StepKind::After(_))
}

/// The type as JSON has it: days, times and lengths of time are texts there.
fn in_json(ty: &Type) -> Type {
    match ty {
        Type::DateTime | Type::Date | Type::Duration => Type::Text,
        Type::Optional(inner) => in_json(inner).optional(),
        Type::List { of, limit } => Type::List { of: Arc::new(in_json(of)), limit: *limit },
        Type::Map(of) => Type::Map(Arc::new(in_json(of))),
        Type::Record(record) => {
            let field = |field: &FieldType| FieldType { ty: in_json(&field.ty), ..field.clone() };
            let fields = record.fields.iter().map(field).collect();
            Type::Record(Arc::new(RecordType { fields, ..record.as_ref().clone() }))
        }
        other => other.clone(),
    }
}
