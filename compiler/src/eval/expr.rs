//! Expressions. Missing goes through everything but `else`, `choose`, lists and records.

use std::borrow::Cow;

use super::{Frame, LOOP_WORK_MAX};
use crate::hir::{Conversion, EnvelopeField, Expr, RecordEntry, TemplatePart};
use crate::json::Fields;
use crate::pattern::Regex;
use crate::ternary::Ternary;
use crate::value::weight::{TEXT_BYTES_MAX, WORK_MAX, fits_within, spend};
use crate::value::{Value, arithmetic, negate, parse_date, parse_duration, parse_instant, to_text};

/// What looking at one field of a record costs when it is looked up by a computed key.
const FIELD_WORK: usize = 8;

impl<'a, 'e> Frame<'a, 'e> {
    /// The value of an expression.
    pub(crate) fn value(&self, expr: &'a Expr) -> Cow<'_, Value<'e>> {
        match expr {
            Expr::Constant(value) => Cow::Borrowed(value),
            Expr::Read(path) => Cow::Borrowed(self.facts.slots.value(&self.facts.plan.paths, *path)),
            Expr::Envelope(field) => Cow::Owned(self.envelope(*field)),
            Expr::Local(local) => Cow::Owned(self.local(*local).value),
            Expr::Let(id) => self.let_value(*id),
            Expr::Field(record, name) => part_of(self.value(record), |record| record.field(name)),
            Expr::Index(container, key) => {
                let key = self.value(key).into_owned();
                let container = self.value(container);
                if let Value::Record(fields) = &*container
                    && !self.may_work(fields.len() * FIELD_WORK)
                {
                    return Cow::Owned(Value::Missing);
                }
                part_of(container, |container| at(container, &key))
            }
            Expr::Walk(from, names) => self.value_once(expr, || self.walk(from, names)),
            Expr::Convert(inner, conversion) => converted(self.value(inner), *conversion),
            Expr::Arithmetic(op, left, right) => {
                Cow::Owned(arithmetic(*op, &self.value(left), &self.value(right)))
            }
            Expr::Negate(inner) => Cow::Owned(negate(&self.value(inner))),
            Expr::Transform { transform, subject, args } => self.value_once(expr, || {
                let subject = self.value(subject).into_owned();
                if subject.is_missing() {
                    return Value::Missing;
                }
                let mut left = LOOP_WORK_MAX;
                let fits = self.loops.get() == 0 || spend(&mut left, &subject).is_some();
                if !fits || !self.may_work(LOOP_WORK_MAX - left) {
                    return Value::Missing;
                }
                let args: Vec<Value<'e>> = args.iter().map(|arg| self.value(arg).into_owned()).collect();
                if args.iter().any(Value::is_missing) {
                    return Value::Missing;
                }
                (transform.apply)(subject, &args)
            }),
            Expr::Capture { subject, regex, group } => self.value_once(expr, || {
                let subject = self.value(subject).into_owned();
                let may = self.may_work(subject.as_text().map_or(0, str::len));
                if may { captured(subject, regex, group) } else { Value::Missing }
            }),
            Expr::Else(first, second) => {
                let value = self.without_holes_if_missing(first);
                if value.is_missing() { self.value(second) } else { value }
            }
            Expr::Choose(arms, otherwise) => {
                for (guard, value) in arms {
                    if self.without_holes(|| self.answer(guard)).is_yes() {
                        return self.value(value);
                    }
                }
                otherwise.as_ref().map_or(Cow::Owned(Value::Missing), |value| self.value(value))
            }
            Expr::Each { .. } => self.value_once(expr, || self.made_of_each(expr)),
            Expr::List(elements) => {
                let values = elements.iter().map(|element| self.value(element).into_owned());
                bounded(Value::List(values.filter(|value| !matches!(value, Value::Missing)).collect()))
            }
            Expr::Record(entries) => bounded(self.record(entries)),
            Expr::Template(parts) => self.value_once(expr, || self.template(parts)),
            Expr::Condition(cond) => Cow::Owned(match self.without_holes(|| self.answer(cond)) {
                Ternary::Yes => Value::Bool(true),
                Ternary::No => Value::Bool(false),
                Ternary::Unknown => Value::Missing,
            }),
        }
    }

    fn envelope(&self, field: EnvelopeField) -> Value<'e> {
        let event = self.facts.event;
        let optional = |text: Option<&'e str>| text.map_or(Value::Missing, Value::text);
        match field {
            EnvelopeField::Id => Value::text(event.id),
            EnvelopeField::Kind => Value::text(event.kind),
            EnvelopeField::Time => Value::Instant(event.time),
            EnvelopeField::ReceivedAt => Value::Instant(event.received_at),
            EnvelopeField::Resource => optional(event.resource),
            EnvelopeField::ResourceId => optional(event.resource_id),
        }
    }

    /// One flat list; missing when there was nothing to walk from.
    fn walk(&self, from: &'a Expr, names: &[Box<str>]) -> Value<'e> {
        let from = self.value(from);
        if from.is_missing() {
            return Value::Missing;
        }
        let mut values = Vec::new();
        expand(&from, &mut values);
        for name in names {
            let mut next = Vec::new();
            for value in &values {
                if let Some(field) = value.field(name) {
                    expand(field, &mut next);
                }
            }
            values = next;
        }
        Value::List(values.into())
    }

    fn made_of_each(&self, expr: &'a Expr) -> Value<'e> {
        let Expr::Each { local, list, filter, body } = expr else { return Value::Missing };
        let list = self.value(list);
        if list.is_missing() {
            return Value::Missing;
        }
        let mut made = Vec::new();
        let mut left = WORK_MAX;
        let too_much = self.each(*local, &list, |_| {
            let wanted =
                filter.as_ref().is_none_or(|filter| self.without_holes(|| self.answer(filter)).is_yes());
            if wanted {
                let value = self.value(body).into_owned();
                if spend(&mut left, &value).is_none() {
                    return Some(());
                }
                if !matches!(value, Value::Missing) {
                    made.push(value);
                }
            }
            None
        });
        if too_much.is_some() { Value::Missing } else { Value::List(made.into()) }
    }

    fn record(&self, entries: &'a [RecordEntry]) -> Value<'e> {
        let mut fields = Fields::default();
        for entry in entries {
            match entry {
                RecordEntry::Field(key, value) => {
                    let value = self.value(value).into_owned();
                    if !matches!(value, Value::Missing) {
                        fields.insert(Cow::Owned(key.as_ref().to_owned()), value);
                    }
                }
                RecordEntry::Spread(record) => {
                    if let Value::Record(spread) = &*self.value(record) {
                        for (key, value) in spread.iter() {
                            fields.insert(key.clone(), value.clone());
                        }
                    }
                }
            }
        }
        Value::Record(fields.entries.into())
    }

    fn template(&self, parts: &'a [TemplatePart]) -> Value<'e> {
        let mut text = String::new();
        for part in parts {
            match part {
                TemplatePart::Chars(chars) => text.push_str(chars),
                TemplatePart::Hole(expr) => match self.hole_text(expr) {
                    Some(hole) if text.len() + hole.len() <= TEXT_BYTES_MAX && self.may_work(hole.len()) => {
                        text.push_str(&hole);
                    }
                    _ => {
                        let described = self.describe(expr);
                        self.hole.borrow_mut().get_or_insert(described);
                        return Value::Missing;
                    }
                },
            }
        }
        Value::text(text)
    }

    /// A hole's value as text; of lists and records JSON, unless it would be too long.
    fn hole_text(&self, expr: &'a Expr) -> Option<Box<str>> {
        let value = self.value(expr);
        fits_within(&value, TEXT_BYTES_MAX).then(|| to_text(&value).map(Box::from))?
    }

    /// The left side of an `else`, whose missing holes are no failure.
    fn without_holes_if_missing(&self, expr: &'a Expr) -> Cow<'_, Value<'e>> {
        let before = self.hole.borrow().is_some();
        let value = self.value(expr);
        if !before && value.is_missing() {
            self.hole.replace(None);
        }
        value
    }

    /// How a reader would name what an expression reads.
    pub(crate) fn describe(&self, expr: &Expr) -> Box<str> {
        match expr {
            Expr::Read(path) => {
                let names = self.facts.plan.program.paths.get(path.0 as usize);
                let names = names.map(|path| path.0.join(".")).unwrap_or_default();
                if names.is_empty() { "the payload".into() } else { names.into() }
            }
            Expr::Envelope(field) => match field {
                EnvelopeField::Id => "event.id",
                EnvelopeField::Kind => "event.type",
                EnvelopeField::Time => "event.time",
                EnvelopeField::ReceivedAt => "event.received_at",
                EnvelopeField::Resource => "event.resource",
                EnvelopeField::ResourceId => "event.resource_id",
            }
            .into(),
            Expr::Field(record, name) => format!("{}.{name}", self.describe(record)).into(),
            Expr::Convert(inner, _) => self.describe(inner),
            Expr::Transform { transform, subject, .. } => {
                format!("{} | {}", self.describe(subject), transform.name).into()
            }
            Expr::Capture { subject, .. } => format!("{} | capture", self.describe(subject)).into(),
            Expr::Local(_) => "the element".into(),
            Expr::Let(id) => format!("let {}", id.0 + 1).into(),
            _ => "the value".into(),
        }
    }
}

/// A list or record that was made; missing when it weighs too much.
fn bounded<'v, 'e>(value: Value<'e>) -> Cow<'v, Value<'e>> {
    Cow::Owned(if fits_within(&value, WORK_MAX) { value } else { Value::Missing })
}

/// The elements of a list, or the value itself; nothing of what is missing.
fn expand<'e>(value: &Value<'e>, out: &mut Vec<Value<'e>>) {
    match value {
        Value::List(list) => out.extend(list.iter().cloned()),
        Value::Missing | Value::Null => {}
        single => out.push(single.clone()),
    }
}

/// A part of a container, borrowed when the container is.
fn part_of<'v, 'e>(
    container: Cow<'v, Value<'e>>,
    part: impl for<'p> Fn(&'p Value<'e>) -> Option<&'p Value<'e>>,
) -> Cow<'v, Value<'e>> {
    match container {
        Cow::Borrowed(container) => part(container).map_or(Cow::Owned(Value::Missing), Cow::Borrowed),
        Cow::Owned(container) => Cow::Owned(part(&container).cloned().unwrap_or(Value::Missing)),
    }
}

fn at<'v, 'e>(container: &'v Value<'e>, key: &Value<'_>) -> Option<&'v Value<'e>> {
    match (container, key) {
        (Value::List(list), Value::Int(at)) => list.get(usize::try_from(*at).ok()?),
        (Value::Record(_), Value::Text(name)) => container.field(name),
        _ => None,
    }
}

/// A failed conversion is missing; null stays null.
fn converted<'v, 'e>(value: Cow<'v, Value<'e>>, conversion: Conversion) -> Cow<'v, Value<'e>> {
    let read = match (&*value, conversion) {
        (Value::Text(text), Conversion::DateTime) => parse_instant(text).map(Value::Instant),
        (Value::Text(text), Conversion::Date) => parse_date(text).map(Value::Date),
        (Value::Text(text), Conversion::Duration) => parse_duration(text).map(Value::Duration),
        (Value::Instant(_), Conversion::DateTime)
        | (Value::Date(_), Conversion::Date)
        | (Value::Duration(_), Conversion::Duration)
        | (Value::Null, _) => return value,
        _ => None,
    };
    Cow::Owned(read.unwrap_or(Value::Missing))
}

fn captured<'e>(value: Value<'e>, regex: &Regex, group: &str) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    match text {
        Cow::Borrowed(whole) => regex.capture(whole, group).map_or(Value::Missing, Value::text),
        Cow::Owned(whole) => {
            regex.capture(&whole, group).map_or(Value::Missing, |part| Value::text(part.to_owned()))
        }
    }
}
