//! Transforms: what `|` applies, with which arguments.

use grammar::{Ident, Span, Spanned, ast};

use super::Checker;
use super::compare::Case;
use super::scope::Typed;
use crate::hir::Expr;
use crate::messages::{names, types as messages};
use crate::transform::{Accepts, Count, TRANSFORMS, Transform};
use crate::types::{Kind, Type};

/// Transforms after which nobody can read the value any more.
const CONCEALING: &[&str] = &["mask", "sha256", "count", "bucket"];

/// Transforms of a declared list that answer even when the list is missing.
const TOTAL_OVER_LISTS: &[&str] = &["count", "sum"];

impl Checker<'_> {
    /// `x | name(args)`
    pub(super) fn pipe(
        &mut self,
        subject: &ast::Expr,
        transform: &Ident,
        args: &[ast::Expr],
        span: Span,
    ) -> Typed {
        let value = self.value(subject);
        let args: Vec<Typed> = args.iter().map(|arg| self.value(arg)).collect();
        let Some(found) = Transform::named(transform) else {
            let known: Vec<&str> = TRANSFORMS.iter().map(|one| one.name).collect();
            self.report(names::unknown_transform(transform, &known));
            return Typed::broken(span);
        };
        if value.ty.is_broken() || args.iter().any(|arg| arg.ty.is_broken()) {
            return Typed::broken(span);
        }
        if !accepts(found.input, &value.ty) {
            let label = self.label(&value);
            let told = messages::transform_takes(value.span, &value.ty, transform, found.input, label);
            let each = self.rule.each_body == Some(transform.span);
            self.report(if each { messages::belongs_to_the_element(told, transform) } else { told });
            return Typed::broken(span);
        }
        if value.ty == Type::Any && self.rule.each_body == Some(transform.span) {
            self.report(messages::pipes_each_element(transform));
        }
        if !self.arguments(found, transform, &args, span) {
            return Typed::broken(span);
        }
        self.applied(found, value, args, span)
    }

    fn applied(&mut self, found: &'static Transform, value: Typed, args: Vec<Typed>, span: Span) -> Typed {
        let types: Vec<Type> = args.iter().map(argument_type).collect();
        let given = value.ty.required().clone();
        let ty = (found.output)(&given, &types);
        let over_list = given.element().is_some() && given != Type::Any;
        let total = over_list && TOTAL_OVER_LISTS.contains(&found.name);
        let missing = value.ty.is_optional() || args.iter().any(|arg| arg.ty.is_optional());
        let ty = if missing && !total { ty.optional() } else { ty };
        let sensitive = value.sensitive.clone().filter(|_| !CONCEALING.contains(&found.name));
        let needs = if total { Vec::new() } else { value.needs.clone() };
        let constants: Option<Vec<_>> = args.iter().map(|arg| arg.as_constant().cloned()).collect();
        if let (Some(input), Some(constants)) = (value.as_constant(), constants) {
            let result = match input.is_missing() {
                true => crate::value::Value::Missing,
                false => (found.apply)(input.clone(), &constants),
            };
            return Typed::constant(result, ty, span);
        }
        let subject = if total { super::member::or_empty(value.expr) } else { value.expr };
        let args = args.into_iter().map(|arg| arg.expr).collect();
        let expr = Expr::Transform { transform: found, subject: Box::new(subject), args };
        Typed { sensitive, needs, ..Typed::computed(expr, ty, span) }
    }

    /// Whether the arguments are as many and of the kinds that the transform takes.
    fn arguments(&mut self, found: &Transform, name: &Ident, args: &[Typed], span: Span) -> bool {
        let needed = found.params.iter().filter(|param| param.count != Count::Optional).count();
        let open = found.params.iter().any(|param| param.count == Count::Several);
        if args.len() < needed || (args.len() > found.params.len() && !open) {
            self.report(messages::argument_count(name.span, found, args.len(), self.written(span)));
            return false;
        }
        let last = found.params.last();
        let mut fit = true;
        for (at, arg) in args.iter().enumerate() {
            let Some(param) = found.params.get(at).or(last) else { continue };
            if !accepts(param.accepts, &arg.ty) {
                self.report(messages::argument_takes(arg.span, &arg.ty, name, param));
                fit = false;
            }
        }
        fit && self.argument_values(found, name, args)
    }

    /// Arguments that are wrong in themselves, whatever the input.
    fn argument_values(&mut self, found: &Transform, name: &Ident, args: &[Typed]) -> bool {
        for (at, arg) in args.iter().enumerate() {
            let Some(constant) = arg.as_constant() else { continue };
            let Some(why) = (found.refuses)(at, constant) else { continue };
            let zone = found.params.get(at).is_some_and(|param| param.name == "zone");
            let told = match arg.as_text() {
                Some(text) if zone => names::unknown_zone(arg.span, text),
                _ => messages::argument_refused(arg.span, name, &why),
            };
            self.report(told);
            return false;
        }
        true
    }

    /// `x | capture("pattern", "group")`
    pub(super) fn capture(
        &mut self,
        subject: &ast::Expr,
        pattern: &Spanned<Box<str>>,
        group: &Spanned<Box<str>>,
        span: Span,
    ) -> Typed {
        let value = self.value(subject);
        let Some(regex) = self.regex_of(&pattern.node, pattern.span, Case::Exact) else {
            return Typed::broken(span);
        };
        if value.ty.is_broken() || !self.wants(&value, &[Kind::Text], "`capture`") {
            return Typed::broken(span);
        }
        let groups = group_names(&pattern.node);
        if !groups.contains(&&*group.node) {
            self.report(messages::no_such_group(group.span, &group.node, &groups, pattern.span));
            return Typed::broken(span);
        }
        let sensitive = value.sensitive.clone();
        let needs = value.needs.clone();
        let group = std::sync::Arc::from(&*group.node);
        let expr = Expr::Capture { subject: Box::new(value.expr), regex, group };
        Typed { sensitive, needs, ..Typed::computed(expr, Type::Text.optional(), span) }
    }
}

/// The names of a pattern's groups: `(?<name>` and `(?P<name>`.
fn group_names(pattern: &str) -> Vec<&str> {
    let starts = pattern.match_indices("(?").filter_map(|(at, _)| pattern.get(at + 2..));
    let opened = starts.filter_map(|rest| rest.strip_prefix("P<").or_else(|| rest.strip_prefix('<')));
    let named = opened.filter_map(|rest| rest.split_once('>')).map(|(name, _)| name);
    named.filter(|name| !name.starts_with(['=', '!'])).collect()
}

/// Whether a transform takes values of a type.
pub(super) fn accepts(accepts: Accepts, ty: &Type) -> bool {
    let kind = ty.kind();
    if kind == Kind::Any || kind == Kind::Null {
        return true;
    }
    match accepts {
        Accepts::Anything => true,
        Accepts::Text => kind == Kind::Text,
        Accepts::Number => kind == Kind::Number,
        Accepts::Int => *ty.required() == Type::Int,
        Accepts::Bool => kind == Kind::Bool,
        Accepts::List => kind == Kind::List,
        Accepts::Record => kind == Kind::Record,
        Accepts::Container => matches!(kind, Kind::List | Kind::Record),
        Accepts::TextOrList => matches!(kind, Kind::Text | Kind::List),
        Accepts::Instant => kind == Kind::Instant,
        Accepts::Date => kind == Kind::Date,
        Accepts::InstantOrDate => matches!(kind, Kind::Instant | Kind::Date),
        Accepts::Duration => kind == Kind::Duration,
        Accepts::NumberOrDuration => matches!(kind, Kind::Number | Kind::Duration),
    }
}

/// The type of an argument; a text that is known tells the transform more than `text` does.
fn argument_type(arg: &Typed) -> Type {
    match arg.as_text() {
        Some(text) => Type::OneOf(std::sync::Arc::from([text.into()])),
        None => arg.ty.clone(),
    }
}
