//! Event types: patterns, which schema a payload has, and facts of the envelope.

use std::sync::Arc;

use grammar::{Ident, Span, ast};

use super::Checker;
use super::scope::{Place, Root, Typed};
use crate::hir::{EnvelopeField, EventPattern, Expr, Segment};
use crate::messages::names as messages;
use crate::types::Type;

/// What the payload is for one pattern of a rule.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    /// The pattern, or the declaration it was found in.
    pub(super) events: Box<str>,
    /// The payload's type.
    pub(super) ty: Type,
}

/// A pattern as segments.
pub(super) fn pattern(written: &ast::Pattern) -> EventPattern {
    let segment = |part: &str| match part {
        "*" => Segment::One,
        "**" => Segment::Rest,
        word => Segment::Word(word.into()),
    };
    let segments = written.text.split('.').map(segment).collect();
    EventPattern { text: Arc::from(&*written.text), segments }
}

/// Whether a pattern names exactly one type of event.
pub(super) fn is_exact(pattern: &EventPattern) -> bool {
    pattern.segments.iter().all(|segment| matches!(segment, Segment::Word(_)))
}

/// Whether there is an event type that both select.
pub(super) fn overlap(one: &[Segment], two: &[Segment]) -> bool {
    match (one, two) {
        ([], []) => true,
        ([Segment::Rest, ..], [_, ..]) | ([_, ..], [Segment::Rest, ..]) => true,
        ([Segment::Word(a), one @ ..], [Segment::Word(b), two @ ..]) => a == b && overlap(one, two),
        ([_, one @ ..], [_, two @ ..]) => overlap(one, two),
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}

/// Whether every event type that `inner` selects is selected by `outer`.
pub(super) fn covers(outer: &[Segment], inner: &[Segment]) -> bool {
    match (outer, inner) {
        ([], []) => true,
        ([Segment::Rest, ..], [_, ..]) => true,
        ([Segment::One, outer @ ..], [Segment::One | Segment::Word(_), inner @ ..]) => covers(outer, inner),
        ([Segment::Word(a), outer @ ..], [Segment::Word(b), inner @ ..]) => a == b && covers(outer, inner),
        _ => false,
    }
}

impl Checker<'_> {
    /// Checks that no two declarations speak of one event in different ways.
    pub(super) fn declare_events(&mut self) {
        let declared: Vec<(&ast::EventDecl, EventPattern)> =
            self.names.events.iter().map(|one| (*one, pattern(&one.pattern))).collect();
        for (at, (one, pattern)) in declared.iter().enumerate() {
            self.schema_at(&one.schema);
            for (other, earlier) in declared.iter().take(at) {
                // An exact name wins over a pattern, so only equals can contradict each other.
                let equals = is_exact(pattern) == is_exact(earlier);
                if equals && overlap(&pattern.segments, &earlier.segments) {
                    self.report(messages::events_overlap(&one.pattern, &other.pattern));
                }
            }
        }
    }

    /// The payload's type per kind of event that a pattern selects.
    pub(super) fn variants(&mut self, selected: &EventPattern) -> Vec<Variant> {
        let declared: Vec<(&ast::EventDecl, EventPattern)> =
            self.names.events.iter().map(|one| (*one, pattern(&one.pattern))).collect();
        let exact = |(_, pattern): &&(&ast::EventDecl, EventPattern)| pattern.segments == selected.segments;
        if let Some((one, _)) = declared.iter().find(exact) {
            let ty = self.schema_at(&one.schema);
            if is_exact(selected) {
                return vec![Variant { events: (*selected.text).into(), ty }];
            }
        }
        let mut variants = Vec::new();
        let mut covered = false;
        for (one, pattern) in &declared {
            if overlap(&pattern.segments, &selected.segments) {
                covered |= covers(&pattern.segments, &selected.segments);
                let ty = self.schema_at(&one.schema);
                let events = if is_exact(selected) { &selected.text } else { &pattern.text };
                variants.push(Variant { events: (**events).into(), ty });
            }
        }
        if !covered {
            variants.push(Variant { events: (*selected.text).into(), ty: Type::Any });
        }
        variants
    }

    /// The type of the payload of a rule: what all its events have in common.
    pub(super) fn payload_type(variants: &[Variant]) -> Type {
        let types = variants.iter().map(|variant| variant.ty.clone());
        types.reduce(|one, two| one.join(&two)).unwrap_or(Type::Any)
    }

    /// `event.id` and its kin.
    pub(super) fn envelope(&mut self, name: &Ident, span: Span) -> Typed {
        let (field, ty) = match &*name.text {
            "id" => (EnvelopeField::Id, Type::Text),
            "type" => (EnvelopeField::Kind, self.event_type()),
            "time" => (EnvelopeField::Time, Type::DateTime),
            "received_at" => (EnvelopeField::ReceivedAt, Type::DateTime),
            "resource" => (EnvelopeField::Resource, Type::Text.optional()),
            "resource_id" => (EnvelopeField::ResourceId, Type::Text.optional()),
            _ => {
                self.report(messages::unknown_envelope_field(name, ENVELOPE));
                return Typed::broken(span);
            }
        };
        let place = Place::root(Root::Envelope(field));
        let ty = if self.facts.prove(&place) { ty.required().clone() } else { ty };
        Typed::read(Expr::Envelope(field), ty, span, place)
    }

    /// The types of event a rule selects, when it names them all.
    fn event_type(&self) -> Type {
        let exact = |variant: &Variant| !variant.events.contains('*');
        let variants = &self.rule.variants;
        if variants.is_empty() || !variants.iter().all(exact) {
            return Type::Text;
        }
        let mut types: Vec<Box<str>> = Vec::new();
        for variant in variants {
            if !types.contains(&variant.events) {
                types.push(variant.events.clone());
            }
        }
        Type::OneOf(types.into())
    }
}

/// The facts of the envelope.
const ENVELOPE: &[&str] = &["id", "type", "time", "received_at", "resource", "resource_id"];

#[cfg(test)]
mod tests {
    use grammar::{SourceId, Span, ast};

    use super::{covers, overlap, pattern};

    fn segments(text: &str) -> Vec<crate::hir::Segment> {
        let span = Span::new(SourceId(0), 0, 0);
        pattern(&ast::Pattern { text: text.into(), span }).segments
    }

    #[test]
    fn patterns_overlap_when_one_event_fits_both() {
        for (one, two, expected) in [
            ("a.b", "a.b", true),
            ("a.b", "a.c", false),
            ("a.*", "*.b", true),
            ("a.*", "b.*", false),
            ("a.**", "a.b.c", true),
            ("a.**", "a", false),
            ("**", "a", true),
            ("a.*", "a.b.c", false),
        ] {
            assert_eq!(overlap(&segments(one), &segments(two)), expected, "{one} {two}");
            assert_eq!(overlap(&segments(two), &segments(one)), expected, "{two} {one}");
        }
    }

    #[test]
    fn a_pattern_covers_what_it_always_selects() {
        for (outer, inner, expected) in [
            ("a.*", "a.b", true),
            ("a.b", "a.*", false),
            ("a.**", "a.*", true),
            ("a.*", "a.**", false),
            ("*.*", "a.b", true),
            ("**", "a.b.c", true),
        ] {
            assert_eq!(covers(&segments(outer), &segments(inner)), expected, "{outer} {inner}");
        }
    }
}
