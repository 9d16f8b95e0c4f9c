//! Event types: patterns, which schema a payload has, and facts of the envelope.

use std::sync::Arc;

use grammar::{Ident, Source, SourceId, Span, ast};

use super::Checker;
use super::fit::{Fit, fit};
use super::scope::{Place, Root, Typed};
use crate::hir::{EnvelopeField, EventPattern, Expr, Segment};
use crate::json_schema;
use crate::messages::bounds;
use crate::messages::names as messages;
use crate::types::Type;
use crate::world::World;

/// What the payload is for one pattern of a rule.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    /// The pattern, or the declaration it was found in.
    pub(super) events: Box<str>,
    /// The payload's type.
    pub(super) ty: Type,
}

/// A declaration of what an event's payload is.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    /// The events it speaks of.
    pattern: EventPattern,
    /// Their payload.
    ty: Type,
}

/// How the sources of the workspace's own schemas are called in messages.
const REGISTERED: &str = "the workspace's schema of ";

/// The schemas that the workspace keeps, as sources behind those of the bundle.
pub(super) fn registered_sources(world: &World, after: usize) -> Vec<Source> {
    let source = |(at, (event, text)): (usize, (&Arc<str>, &Arc<str>))| {
        let id = SourceId(u16::try_from(after + at).unwrap_or(u16::MAX));
        Source::new(id, format!("{REGISTERED}{event}"), &**text)
    };
    world.event_schemas.iter().enumerate().map(source).collect()
}

fn registered(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|source| source.name.starts_with(REGISTERED))
}

/// The first field in which a declaration contradicts the workspace's schema, and how.
fn disagreement(declared: &Type, registered: &Type) -> Option<(Box<str>, &'static str)> {
    let (Type::Record(declared), Type::Record(registered)) = (declared.required(), registered.required())
    else {
        return None;
    };
    declared.fields.iter().find_map(|field| {
        let why = match registered.field(&field.name) {
            None if registered.open => return None,
            None => "the workspace's schema does not have it",
            Some(known) if fit(&known.ty, &field.ty) == Fit::Wrong => {
                "the workspace's schema gives it another type"
            }
            Some(known) if known.ty.is_optional() && !field.ty.is_optional() => {
                "it may be missing in the workspace's schema"
            }
            Some(_) => return None,
        };
        Some((field.name.clone(), why))
    })
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
    /// Reads the declarations, and checks that no two of them speak of one event in different ways.
    pub(super) fn declare_events(&mut self) {
        let written: Vec<&ast::EventDecl> = self.names.events.clone();
        for (at, one) in written.iter().enumerate() {
            let declared = Declared { pattern: pattern(&one.pattern), ty: self.schema_at(&one.schema) };
            let equals = |earlier: &&Declared| {
                // An exact name wins over a pattern, so only equals can contradict each other.
                is_exact(&declared.pattern) == is_exact(&earlier.pattern)
                    && overlap(&declared.pattern.segments, &earlier.pattern.segments)
            };
            let first = self.events.iter().position(|earlier| equals(&earlier));
            if let Some(other) = first.and_then(|first| written.get(first)).filter(|_| at > 0) {
                self.report(messages::events_overlap(&one.pattern, &other.pattern));
            }
            self.events.push(declared);
        }
        self.declare_registered(&written);
    }

    /// Schemas that the workspace keeps for events. A declaration in a file must agree with them.
    fn declare_registered(&mut self, written: &[&ast::EventDecl]) {
        for (event, source) in self.world.event_schemas.keys().zip(registered(self.sources)) {
            let place = Span::new(source.id, 0, 0);
            let name = Ident { text: event.to_string().into(), span: place };
            let read = json_schema::read(&name, place, source, self.sources);
            read.diagnostics.into_iter().for_each(|diagnostic| self.report(diagnostic));
            let pattern = pattern(&ast::Pattern { text: event.to_string().into(), span: place });
            let twin = self.events.iter().position(|one| one.pattern.segments == pattern.segments);
            match twin {
                None => self.events.push(Declared { pattern, ty: read.ty }),
                Some(at) => {
                    let Some((mine, decl)) = self.events.get(at).zip(written.get(at)) else { continue };
                    if let Some((field, why)) = disagreement(&mine.ty, &read.ty) {
                        let told = messages::disagrees_with_workspace(&decl.schema, event, &field, why);
                        self.report(told);
                    }
                }
            }
        }
    }

    /// The payload's type per kind of event that a pattern selects.
    pub(super) fn variants(&mut self, selected: &EventPattern) -> Vec<Variant> {
        let exact = |one: &&Declared| one.pattern.segments == selected.segments;
        if let Some(one) = self.events.iter().find(exact).filter(|_| is_exact(selected)) {
            return vec![Variant { events: (*selected.text).into(), ty: one.ty.clone() }];
        }
        let mut variants = Vec::new();
        let mut covered = false;
        for one in &self.events {
            if overlap(&one.pattern.segments, &selected.segments) {
                covered |= covers(&one.pattern.segments, &selected.segments);
                let events = if is_exact(selected) { &selected.text } else { &one.pattern.text };
                variants.push(Variant { events: (**events).into(), ty: one.ty.clone() });
            }
        }
        if !covered {
            variants.push(Variant { events: (*selected.text).into(), ty: Type::Any });
        }
        variants
    }

    /// Warns of a pattern that selects none of the declared events, where the files declare events of the
    /// same family or one that is spelled nearly so. Events of other families may come from anywhere.
    pub(super) fn nothing_triggers(&mut self, written: &ast::Pattern) {
        let selected = pattern(written);
        if self.events.iter().any(|one| overlap(&one.pattern.segments, &selected.segments)) {
            return;
        }
        let known: Vec<&str> = self.events.iter().map(|one| &*one.pattern.text).collect();
        let family: Vec<&str> =
            known.iter().copied().filter(|one| family(one) == family(&written.text)).collect();
        let near = grammar::suggest::closest(&written.text, known.iter().copied());
        let told = match near {
            Some(near) => Some((Some(near), if family.is_empty() { vec![near] } else { family })),
            None if !family.is_empty() => Some((None, family)),
            None => None,
        };
        if let Some((near, known)) = told {
            let shown = known.get(..known.len().min(EVENTS_SHOWN)).unwrap_or_default();
            let told = bounds::never_triggered(written.span, &written.text, near, shown);
            self.report(told);
        }
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

/// So many declared events are shown in a message.
const EVENTS_SHOWN: usize = 8;

/// What a type of event belongs to: `order` of `order.paid`, `github.issues` of `github.issues.opened`.
fn family(event: &str) -> &str {
    event.rsplit_once('.').map_or(event, |(family, _)| family)
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
