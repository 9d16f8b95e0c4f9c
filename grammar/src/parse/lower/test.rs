//! Tests inside a file.

use super::{Lowering, broken};
use crate::{
    ast::{CompareOp, ExpectCount, ExpectField, Expr, ExprKind, GivenPayload, Record, Step, StepKind, Test},
    parse::{
        errors,
        rules::{Node, Rule},
    },
    span::Spanned,
};

impl Lowering<'_> {
    pub(super) fn test(&mut self, node: &Node<'_>) -> Test {
        let title = self.required_text(node, "the title of a test");
        let mut test = Test { title, environment: None, at: None, steps: Vec::new() };
        for child in node.clone().into_inner() {
            let span = self.span(&child);
            match child.as_rule() {
                Rule::test_in => {
                    let first = test.environment.as_ref().map(|first| first.span);
                    let late = !test.steps.is_empty();
                    self.test_head(span, first, late, "in");
                    let name = self.named(&child, Rule::ident);
                    test.environment.get_or_insert(name);
                }
                Rule::test_at => {
                    let first = test.at.as_ref().map(|first| first.span);
                    self.test_head(span, first, !test.steps.is_empty(), "at");
                    let date = child.into_inner();
                    let date = date
                        .into_iter()
                        .find(|date| matches!(date.as_rule(), Rule::datetime | Rule::odd_date));
                    if let Some(date) = date {
                        let at = self.instant(&date);
                        test.at.get_or_insert(at);
                    }
                }
                _ => {
                    if let Some(kind) = self.step(&child) {
                        test.steps.push(Step { kind, span });
                    }
                }
            }
        }
        if test.steps.is_empty() {
            self.report(errors::empty::test(test.title.span));
        }
        test
    }

    fn test_head(
        &mut self,
        span: crate::span::Span,
        first: Option<crate::span::Span>,
        late: bool,
        word: &str,
    ) {
        if first.is_some() {
            self.report(errors::twice(span, first, &format!("`{word}`")));
        } else if late {
            self.report(errors::part_of_test_too_late(span, word));
        }
    }

    /// An instant where a date alone is not enough.
    fn instant(&mut self, node: &Node<'_>) -> Spanned<Box<str>> {
        let written = node.as_str();
        let span = self.span(node);
        if node.as_rule() == Rule::odd_date && !written.contains('T') {
            self.report(errors::number::instant_without_time(span, written));
            return Spanned { node: written.into(), span };
        }
        self.date_of(node)
    }

    fn step(&mut self, node: &Node<'_>) -> Option<StepKind> {
        match node.as_rule() {
            Rule::given => self.given(node),
            Rule::after => {
                let wanted = |child: &Node<'_>| matches!(child.as_rule(), Rule::duration | Rule::odd_number);
                let duration = node.clone().into_inner().find(wanted)?;
                Some(StepKind::After(self.duration_of(&duration)))
            }
            Rule::expect => {
                let inner = node.clone().into_inner().find(|child| child.as_rule() != Rule::kw_expect)?;
                Some(match inner.as_rule() {
                    Rule::nothing => StepKind::ExpectNothing,
                    Rule::nothing_else => StepKind::ExpectNothingElse,
                    Rule::expect_rule => {
                        let matched =
                            inner.clone().into_inner().any(|part| part.as_rule() == Rule::kw_matched);
                        StepKind::ExpectRule { rule: self.named(&inner, Rule::ident), matched }
                    }
                    _ => self.expect_delivery(&inner),
                })
            }
            _ => None,
        }
    }

    fn given(&mut self, node: &Node<'_>) -> Option<StepKind> {
        let event = self.pattern_in(node);
        let (mut resource, mut resource_id, mut payload) = (None, None, None);
        for child in node.clone().into_inner() {
            let span = self.span(&child);
            match child.as_rule() {
                Rule::resource => {
                    let first = resource.as_ref().map(|text: &crate::ast::Text| text.span);
                    if first.is_some() {
                        self.report(errors::twice(span, first, "`resource`"));
                    }
                    resource = Some(self.required_text(&child, "`resource`"));
                }
                Rule::resource_id => {
                    let first = resource_id.as_ref().map(|text: &crate::ast::Text| text.span);
                    if first.is_some() {
                        self.report(errors::twice(span, first, "`resource_id`"));
                    }
                    resource_id = Some(self.required_text(&child, "`resource_id`"));
                }
                Rule::record => payload = Some(GivenPayload::Inline(self.record(&child, 0))),
                Rule::kw_from => {
                    payload = Some(GivenPayload::From(self.required_text(node, "the name of a file")))
                }
                _ => {}
            }
        }
        let payload = payload.unwrap_or_else(|| {
            GivenPayload::Inline(Record { entries: Vec::new(), span: self.span(node).tail() })
        });
        Some(StepKind::Given { event, resource, resource_id, payload })
    }

    fn expect_delivery(&mut self, node: &Node<'_>) -> StepKind {
        let (connection, action) = self.target(node);
        let mut count = ExpectCount::AtLeastOne;
        let mut fields = Vec::new();
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::no => count = ExpectCount::None,
                Rule::count => count = ExpectCount::Exactly(self.count(&child).node),
                Rule::expect_record => {
                    for field in child.into_inner().filter(|part| part.as_rule() == Rule::expect_field) {
                        fields.push(self.expect_field(&field));
                    }
                }
                _ => {}
            }
        }
        StepKind::ExpectDelivery { count, connection, action, fields }
    }

    /// `key: value` or `key` with a comparison; the key is the left side.
    fn expect_field(&mut self, node: &Node<'_>) -> ExpectField {
        let span = self.span(node);
        let key = self.key_of(node);
        let left = Expr { kind: ExprKind::Name(key.clone()), span: key.span };
        let mut ignoring = None;
        let (mut tail, mut colon) = (None, None);
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::compare_tail => tail = Some(child),
                Rule::ignoring => ignoring = Some(self.span(&child)),
                Rule::colon => colon = Some(self.span(&child)),
                _ => {}
            }
        }
        let test = match (tail, colon) {
            (Some(tail), _) => self.compare(left, tail, ignoring, 0),
            (None, Some(colon)) => {
                let right = Box::new(self.inner_expr(node, 1));
                let op = Spanned { node: CompareOp::Is, span: colon };
                let kind = ExprKind::Compare { left: Box::new(left), op, right, ignoring_case: None };
                Expr { kind, span }
            }
            (None, None) => broken(span),
        };
        ExpectField { key, test, colon: colon.is_some() }
    }
}
