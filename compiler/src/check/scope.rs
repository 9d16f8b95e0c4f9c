//! What names mean at a place, what is proven present there, and a checked value.

use grammar::Span;

use crate::hir::{EnvelopeField, Expr, LetId, LocalId};
use crate::types::Type;
use crate::value::Value;

/// A checked value: how it is computed and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    /// How it is computed.
    pub(super) expr: Expr,
    /// Its type.
    pub(super) ty: Type,
    /// Where it was written.
    pub(super) span: Span,
    /// What it reads, when it is a plain path.
    pub(super) place: Option<Place>,
    /// Places without which it is missing.
    pub(super) needs: Vec<Place>,
    /// The declared field it reads.
    pub(super) origin: Option<Origin>,
    /// The name of a sensitive field that flows into it.
    pub(super) sensitive: Option<Box<str>>,
}

/// The declared field that a value reads.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// Its name.
    pub(super) name: Box<str>,
    /// Where its type was declared.
    pub(super) type_span: Option<Span>,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Root {
    /// The event's payload.
    Payload,
    /// The element of a quantifier or loop.
    Local(LocalId),
    /// A `let`.
    Let(LetId),
    /// A fact of the envelope.
    Envelope(EnvelopeField),
}

/// A path from a root; an element by number is a step such as `[0]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Where it begins.
    pub(super) root: Root,
    /// The steps.
    pub(super) steps: Vec<Box<str>>,
}

impl Place {
    /// The root itself.
    pub(super) fn root(root: Root) -> Self {
        Self { root, steps: Vec::new() }
    }

    /// One step further.
    pub(super) fn step(&self, step: &str) -> Self {
        let mut steps = self.steps.clone();
        steps.push(step.into());
        Self { root: self.root, steps }
    }

    /// Whether `other` lies at or below this place.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.root == other.root && other.steps.starts_with(&self.steps)
    }
}

/// Places that are proven present.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts(pub(super) Vec<Place>);

impl Facts {
    /// Whether a place is proven present: it, or something below it.
    pub(super) fn prove(&self, place: &Place) -> bool {
        self.0.iter().any(|fact| place.covers(fact))
    }

    /// Takes over further places.
    pub(super) fn extend(&mut self, more: &Self) {
        for place in &more.0 {
            if !self.0.contains(place) {
                self.0.push(place.clone());
            }
        }
    }

    /// What both prove.
    pub(super) fn common(&self, other: &Self) -> Self {
        let mine = self.0.iter().filter(|place| other.prove(place));
        let theirs = other.0.iter().filter(|place| self.prove(place));
        let mut both = Self(mine.cloned().collect());
        both.extend(&Self(theirs.cloned().collect()));
        both
    }
}

/// What an answer proves.
#[derive(Clone, Debug, Default)]
pub(super) struct Proof {
    /// When it is yes.
    pub(super) yes: Facts,
    /// When it is no.
    pub(super) no: Facts,
}

impl Proof {
    /// A comparison with a definite answer proves what it compared, whichever the answer is.
    pub(super) fn compared(needs: impl IntoIterator<Item = Place>) -> Self {
        let facts = Facts(needs.into_iter().collect());
        Self { yes: facts.clone(), no: facts }
    }

    /// For the opposite condition.
    pub(super) fn swap(self) -> Self {
        Self { yes: self.no, no: self.yes }
    }
}

/// A name that means a value here.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    /// The name.
    pub(super) name: Box<str>,
    /// What it means.
    pub(super) value: Typed,
    /// Where it was introduced.
    pub(super) span: Span,
    /// Whether it is the element of a quantifier or loop.
    pub(super) element: bool,
}

impl Typed {
    /// A value known while compiling.
    pub(super) fn constant(value: Value<'static>, ty: Type, span: Span) -> Self {
        Self::computed(Expr::Constant(value), ty, span)
    }

    /// A computed value that reads nothing by itself.
    pub(super) fn computed(expr: Expr, ty: Type, span: Span) -> Self {
        Self { expr, ty, span, place: None, needs: Vec::new(), origin: None, sensitive: None }
    }

    /// What a mistake leaves behind.
    pub(super) fn broken(span: Span) -> Self {
        Self::constant(Value::Missing, Type::Broken, span)
    }

    /// A plain read.
    pub(super) fn read(expr: Expr, ty: Type, span: Span, place: Place) -> Self {
        let needs = vec![place.clone()];
        Self { expr, ty, span, place: Some(place), needs, origin: None, sensitive: None }
    }

    /// The value, when it is known while compiling.
    pub(super) fn as_constant(&self) -> Option<&Value<'static>> {
        match &self.expr {
            Expr::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The text, when it is known while compiling.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self.as_constant() {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether it may be missing while running, as far as its type says.
    pub(super) fn may_be_missing(&self) -> bool {
        self.ty.is_optional()
    }

    /// The expression as it stands in the JSON, without the conversion its declared type asks for.
    pub(super) fn raw(self) -> Expr {
        match self.expr {
            Expr::Convert(inner, _) if self.place.is_some() => *inner,
            other => other,
        }
    }
}
