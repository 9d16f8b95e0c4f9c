//! Names and paths: what is read, and whether it is there.

use std::sync::Arc;

use grammar::{Ident, Span, ast};

use super::Checker;
use super::event::Variant;
use super::names::{Named, RESERVED, Space};
use super::scope::{Binding, Origin, Root, Typed};
use crate::hir::{Conversion, Expr, Path};
use crate::messages::{names as messages, types};
use crate::types::{FieldType, RecordType, Type};
use crate::value::Value;

impl Checker<'_> {
    /// A bare name.
    pub(super) fn name(&mut self, name: &Ident) -> Typed {
        if let Some(binding) = self.scope.iter().rev().find(|one| one.name == name.text) {
            let value = Typed { span: name.span, ..binding.value.clone() };
            return self.narrowed(value);
        }
        match &*name.text {
            "environment" => return self.environment_value(name.span),
            "event" | "workspace" => {
                self.report(messages::not_a_value_by_itself(name));
                return Typed::broken(name.span);
            }
            _ => {}
        }
        match self.names.values.get(&*name.text) {
            Some(Named::Const(declared)) => self.const_value(declared, name.span),
            Some(Named::Schedule(_)) => {
                self.uses(Space::Value, name);
                Typed::constant(Value::Missing, Type::Schedule, name.span)
            }
            Some(named @ (Named::Predicate(_) | Named::List(_))) => {
                self.report(messages::not_a_value(name, named.words(), named.span()));
                Typed::broken(name.span)
            }
            None => {
                self.unknown_name(name);
                Typed::broken(name.span)
            }
        }
    }

    fn unknown_name(&mut self, name: &Ident) {
        if &*name.text == "payload" && !self.rule.alias.is_empty() {
            let alias = self.rule.alias.clone();
            self.report(messages::payload_has_a_name(name, &alias));
            return;
        }
        // Said once for a rule; what a broken declaration was to mean is not known.
        let news = self.rule.unknown.insert(name.text.clone());
        if !news || self.names.unread.contains(&*name.text) {
            return;
        }
        let scope = self.scope.iter().map(|one| &*one.name);
        let known: Vec<&str> =
            scope.chain(self.names.values.keys().copied()).chain(RESERVED.iter().copied()).collect();
        let read_from = self.rule.alias.is_empty().then_some(self.rule.on).flatten();
        self.report(messages::unknown_name(name, &known, read_from));
    }

    /// Introduces a name, unless it means something already.
    pub(super) fn introduce(&mut self, name: &Ident, value: Typed, element: bool) -> Binding {
        let taken = self.scope.iter().rev().find(|one| one.name == name.text).map(|one| one.span);
        let declared = self.names.values.get(&*name.text).map(Named::span);
        if RESERVED.contains(&&*name.text) {
            self.report(messages::reserved_name(name, "always there"));
        } else if let Some(first) = taken.or(declared) {
            self.report(messages::hides(name, first));
        }
        Binding { name: name.text.clone(), value, span: name.span, element }
    }

    /// A value whose `?` goes when it is proven present.
    pub(super) fn narrowed(&self, mut value: Typed) -> Typed {
        if value.place.as_ref().is_some_and(|place| self.facts.prove(place)) {
            value.ty = value.ty.required().clone();
        }
        value
    }

    /// `base.name`
    pub(super) fn field(&mut self, base: &ast::Expr, name: &Ident, span: Span) -> Typed {
        if let ast::ExprKind::Name(root) = &base.kind
            && !self.scope.iter().any(|one| one.name == root.text)
        {
            match &*root.text {
                "event" => return self.envelope(name, span),
                "workspace" => return self.workspace(name, span),
                _ => {}
            }
        }
        let base = self.value(base);
        self.field_of(base, name, span)
    }

    fn workspace(&mut self, name: &Ident, span: Span) -> Typed {
        let facts = &self.world.workspace;
        let text = match &*name.text {
            "id" => facts.id.to_string(),
            "name" => facts.name.to_string(),
            _ => {
                self.report(messages::unknown_envelope_field(name, &["id", "name"]));
                return Typed::broken(span);
            }
        };
        Typed::constant(Value::text(text), Type::Text, span)
    }

    /// A field of a value.
    pub(super) fn field_of(&mut self, base: Typed, name: &Ident, span: Span) -> Typed {
        let lifted = base.ty.is_optional();
        match base.ty.required().clone() {
            Type::Record(record) => match record.field(name) {
                Some(field) => self.known_field(base, field, lifted, name, span),
                None if record.open => self.free_field(base, &Type::Any, name, span),
                None => {
                    self.unknown_field(&base, &record, name);
                    Typed::broken(span)
                }
            },
            Type::Map(of) => {
                let of = of.as_ref().clone().optional();
                self.free_field(base, &of, name, span)
            }
            Type::Any => {
                self.note_unchecked(span);
                self.free_field(base, &Type::Any, name, span)
            }
            Type::Broken => Typed::broken(span),
            Type::List { .. } => {
                self.report(types::field_of_list(base.span, name, self.written(base.span)));
                Typed::broken(span)
            }
            other => {
                self.report(types::no_fields(base.span, name, &other, self.label(&base)));
                Typed::broken(span)
            }
        }
    }

    fn known_field(
        &mut self,
        base: Typed,
        field: &FieldType,
        lifted: bool,
        name: &Ident,
        span: Span,
    ) -> Typed {
        if let Some(advice) = &field.deprecated {
            self.report(types::deprecated(name, advice));
        }
        let sensitive = base.sensitive.clone().or_else(|| field.sensitive.then(|| field.name.clone()));
        let ty = if lifted { field.ty.clone().optional() } else { field.ty.clone() };
        let mut value = self.step(base, &field.name, ty, span);
        value.sensitive = sensitive;
        value.origin = Some(Origin { name: field.name.clone(), type_span: field.type_span.or(field.span) });
        value
    }

    fn free_field(&mut self, base: Typed, ty: &Type, name: &Ident, span: Span) -> Typed {
        let sensitive = base.sensitive.clone();
        let origin = base.origin.clone().map(|origin| Origin { name: name.text.clone(), ..origin });
        let mut value = self.step(base, name, ty.clone(), span);
        value.sensitive = sensitive;
        value.origin = origin.filter(|_| !ty.is_unchecked());
        value
    }

    /// One step from a value to a field of it.
    pub(super) fn step(&mut self, base: Typed, name: &str, ty: Type, span: Span) -> Typed {
        let expr = match base.expr {
            Expr::Read(path) => self.read_below(path, name),
            Expr::Constant(Value::Record(fields)) => {
                let found = fields.iter().find(|(key, _)| key == name);
                Expr::Constant(found.map_or(Value::Missing, |(_, value)| value.clone()))
            }
            other => Expr::Field(Box::new(other), Arc::from(name)),
        };
        let expr = convert(expr, &ty);
        match base.place {
            Some(place) => {
                let mut needs = base.needs;
                let place = place.step(name);
                needs.push(place.clone());
                self.narrowed(Typed { needs, ..Typed::read(expr, ty, span, place) })
            }
            None => Typed { needs: base.needs, ..Typed::computed(expr, ty, span) },
        }
    }

    fn read_below(&mut self, base: crate::hir::PathId, name: &str) -> Expr {
        let base = self.program.paths.get(base.0 as usize).map(|path| path.0.to_vec()).unwrap_or_default();
        let steps: Vec<Box<str>> = base.into_iter().chain([name.into()]).collect();
        Expr::Read(self.path(Path(steps.into())))
    }

    /// A closed record has no such field; where several events meet, say which of them lack it.
    fn unknown_field(&mut self, base: &Typed, record: &RecordType, name: &Ident) {
        if let Some(place) = base.place.as_ref().filter(|place| place.root == Root::Payload) {
            let has = |variant: &&Variant| field_below(&variant.ty, &place.steps, name);
            let (having, lacking): (Vec<_>, Vec<_>) = self.rule.variants.iter().partition(has);
            if !having.is_empty() && !lacking.is_empty() {
                let lacking: Vec<&str> = lacking.iter().map(|variant| &*variant.events).collect();
                self.report(messages::not_in_every_event(name, &lacking));
                return;
            }
        }
        let declared = record.span.map(|span| self.place_name(span));
        let owner = match &record.name {
            Some(name) => name.to_string(),
            None => self.written(base.span).to_owned(),
        };
        let fields: Vec<&str> = record.fields.iter().map(|field| &*field.name).collect();
        self.report(messages::unknown_field(&owner, declared.as_deref(), &fields, name));
    }

    /// `base[index]`
    pub(super) fn index(&mut self, base: &ast::Expr, index: &ast::Expr, span: Span) -> Typed {
        let base = self.value(base);
        let index = self.value(index);
        let ty = match (base.ty.required(), index.ty.kind()) {
            (Type::Broken, _) => return Typed::broken(span),
            (Type::List { of, .. }, crate::types::Kind::Number | crate::types::Kind::Any) => {
                of.as_ref().clone().optional()
            }
            (Type::Map(of), crate::types::Kind::Text | crate::types::Kind::Any) => {
                of.as_ref().clone().optional()
            }
            (Type::Record(record), crate::types::Kind::Text | crate::types::Kind::Any) => {
                let types = record.fields.iter().map(|field| field.ty.clone());
                types.reduce(|one, two| one.join(&two)).unwrap_or(Type::Any).optional()
            }
            (Type::Any, _) => {
                self.note_unchecked(span);
                Type::Any
            }
            _ => {
                self.report(types::cannot_index(base.span, &base.ty, index.span, index.ty.kind()));
                return Typed::broken(span);
            }
        };
        self.index_value(base, index, ty, span)
    }

    fn index_value(&mut self, base: Typed, index: Typed, ty: Type, span: Span) -> Typed {
        let step = match index.as_constant() {
            Some(Value::Int(at)) if *at < 0 => {
                self.report(types::negative_index(index.span));
                return Typed::broken(span);
            }
            Some(Value::Int(at)) => Some(format!("[{at}]")),
            Some(Value::Text(key)) => Some(key.to_string()),
            _ => None,
        };
        let sensitive = base.sensitive.clone();
        let mut needs = base.needs.clone();
        needs.extend(index.needs.iter().cloned());
        let place = base.place.as_ref().zip(step).map(|(place, step)| place.step(&step));
        let expr = match super::fold::index(&base, &index) {
            Some(value) => Expr::Constant(value),
            None => convert(Expr::Index(Box::new(base.expr), Box::new(index.expr)), &ty),
        };
        needs.extend(place.clone());
        let value = Typed { place, needs, sensitive, ..Typed::computed(expr, ty, span) };
        self.narrowed(value)
    }
}

/// Whether the type found by walking `steps` has a field of that name.
fn field_below(ty: &Type, steps: &[Box<str>], name: &str) -> bool {
    match (ty.required(), steps) {
        (Type::Record(record), []) => record.open || record.field(name).is_some(),
        (Type::Record(record), [first, rest @ ..]) => match record.field(first) {
            Some(field) => field_below(&field.ty, rest, name),
            None => record.open,
        },
        (Type::Map(of), [_, rest @ ..]) => field_below(of, rest, name),
        (Type::Any, _) => true,
        _ => false,
    }
}

/// The conversion that a declared type asks for: JSON has no instants, days or lengths of time.
pub(super) fn convert(expr: Expr, ty: &Type) -> Expr {
    let conversion = match ty.required() {
        Type::DateTime => Conversion::DateTime,
        Type::Date => Conversion::Date,
        Type::Duration => Conversion::Duration,
        _ => return expr,
    };
    match expr {
        Expr::Constant(_) => expr,
        other => Expr::Convert(Box::new(other), conversion),
    }
}
