//! Deliveries: where to, which action, and whether its input is what the action takes.

use std::sync::Arc;

use grammar::{Ident, Span, ast};

use super::Checker;
use super::fit::Fit;
use super::names::Space;
use super::scope::Typed;
use crate::catalogue::{Action, Field};
use crate::field_type;
use crate::hir::{
    Connection, ConnectionId, Deliver, DeliveryKey, Expr, Input, InputEntry, InputField, Settings,
};
use crate::messages::{deliveries as messages, names};
use crate::types::{Kind, Type};
use crate::value::Value;

/// An action as a delivery names it.
struct Target<'a> {
    action: &'a Action,
    /// `chat.send_message`
    written: String,
    /// `slack send_message`
    known_as: String,
    /// Whether people read it.
    chat: bool,
    span: Span,
    /// Where a condition can be added, and with which word.
    guard: (Span, &'static str),
}

impl<'a> Checker<'a> {
    /// The settings that many deliveries have, once.
    fn shared(&mut self, settings: Settings) -> Arc<Settings> {
        if let Some(kept) = self.settings.as_ref().filter(|kept| kept.is_plainly(&settings)) {
            return Arc::clone(kept);
        }
        let settings = Arc::new(settings);
        if !settings.has_expressions() {
            self.settings = Some(Arc::clone(&settings));
        }
        settings
    }

    /// `deliver connection.action … { input } with { … }`
    pub(super) fn deliver(&mut self, deliver: &ast::Deliver, inherited: &Settings) -> Option<Deliver> {
        let connection = self.connection(&deliver.connection);
        let target = connection.and_then(|connection| self.target(connection, deliver));
        let (condition, proven) = self.guard(&deliver.guard, deliver.span);
        let guarded = deliver.guard.when.is_some() || deliver.guard.unless.is_some();
        let (input, settings) = self.within(Vec::new(), &proven, |checker| {
            let input = checker.input(deliver, target.as_ref());
            let mut settings = inherited.clone();
            if let Some(with) = &deliver.with {
                checker.with(&mut settings, with);
            }
            (input, settings)
        });
        let key = self.delivery_key(deliver);
        let target = target?;
        let connection = self.connection_id(connection?)?;
        Some(Deliver {
            connection,
            action: Arc::from(&*deliver.action.text),
            key,
            condition: guarded.then_some(condition),
            input,
            settings: self.shared(settings),
            span: target.span,
        })
    }

    fn connection(&mut self, name: &Ident) -> Option<&'a ast::Connection> {
        self.uses(Space::Connection, name);
        let found = self.names.connections.get(&*name.text).copied();
        if found.is_none() && !self.names.unread.contains(&*name.text) {
            let by_integration =
                self.names.connections.values().find(|one| one.integration.text == name.text).copied();
            let known: Vec<&str> = self.names.connections.keys().copied().collect();
            let line = by_integration.map(|one| self.place_name(one.name.span));
            self.report(names::unknown_connection(name, by_integration, line.as_deref(), &known));
        }
        found
    }

    fn target(&mut self, connection: &ast::Connection, deliver: &ast::Deliver) -> Option<Target<'a>> {
        let world = self.world;
        let Some(integration) = world.catalogue.integrations.get(&connection.integration.text) else {
            let known: Vec<&str> = world.catalogue.integrations.keys().map(|name| &**name).collect();
            self.report(names::unknown_integration(&connection.integration, &known));
            return None;
        };
        let Some(action) = integration.actions.get(&deliver.action.text) else {
            let known: Vec<&str> = integration.actions.keys().map(|name| &**name).collect();
            self.report(messages::unknown_action(&deliver.action, connection, &known));
            return None;
        };
        Some(Target {
            action,
            written: format!("{}.{}", deliver.connection, deliver.action),
            known_as: format!("{} {}", connection.integration, deliver.action),
            chat: integration.chat,
            span: deliver.connection.span.to(deliver.action.span),
            guard: match (&deliver.guard.when, &deliver.label) {
                (Some(when), _) => (when.span.tail(), "and"),
                (None, Some(label)) => (label.span.tail(), "when"),
                (None, None) => (deliver.action.span.tail(), "when"),
            },
        })
    }

    /// The position of a connection that a living rule delivers to.
    fn connection_id(&mut self, declared: &ast::Connection) -> Option<ConnectionId> {
        if let (true, Some(known)) = (self.rule.live, &self.world.connections) {
            match known.get(&*declared.name.text) {
                Some(integration) if **integration == *declared.integration.text => {}
                Some(integration) => {
                    self.report(names::connection_is_another(declared, integration));
                }
                None => self.report(names::connection_not_set_up(declared)),
            }
        }
        let same = |one: &Connection| *one.name == *declared.name.text;
        let at = match self.program.connections.iter().position(same) {
            Some(at) => at,
            None => {
                self.program.connections.push(Connection {
                    name: Arc::from(&*declared.name.text),
                    integration: Arc::from(&*declared.integration.text),
                    span: declared.name.span,
                });
                self.program.connections.len() - 1
            }
        };
        u32::try_from(at).ok().map(ConnectionId)
    }

    /// What tells a delivery from others of its rule: its label, or its position among equals.
    fn delivery_key(&mut self, deliver: &ast::Deliver) -> DeliveryKey {
        let (connection, action) = (deliver.connection.text.clone(), deliver.action.text.clone());
        if let Some(label) = &deliver.label {
            let key = [connection, action, label.text.clone()];
            match self.rule.labels.get(&key).copied() {
                Some(first) => self.report(messages::label_twice(label, first)),
                None => {
                    self.rule.labels.insert(key, label.span);
                }
            }
            return DeliveryKey::Label(Arc::from(&*label.text));
        }
        let next = self.rule.positions.entry((connection, action)).or_insert(0);
        let position = *next;
        *next += 1;
        DeliveryKey::Position(position)
    }

    fn input(&mut self, deliver: &ast::Deliver, target: Option<&Target>) -> Input {
        let Some(record) = &deliver.input else {
            if let Some(target) = target {
                self.missing_fields(target, &[], &[]);
            }
            return Input { entries: Vec::new(), payload: payload_field(target) };
        };
        self.keys_once(record);
        let mut entries = Vec::new();
        let mut given: Vec<Box<str>> = Vec::new();
        let mut unknown: Vec<&Ident> = Vec::new();
        let mut open = false;
        for entry in &record.entries {
            match entry {
                ast::Entry::Field { key, value } => {
                    given.push(key.text.clone());
                    let value = self.value(value);
                    let Some(target) = target else { continue };
                    match target.action.fields.iter().find(|field| field.name == key.text) {
                        Some(field) => entries.extend(self.input_field(target, field, key, value)),
                        None if target.action.open => entries.push(custom(key, value)),
                        None => unknown.push(key),
                    }
                }
                ast::Entry::Spread(base) => {
                    let value = self.value(base);
                    if let Some(target) = target {
                        open |= self.spread_input(target, value, &mut entries, &mut given);
                    }
                }
            }
        }
        if let Some(target) = target {
            let given: Vec<&str> = given.iter().map(|key| &**key).collect();
            // What a record without a schema holds shows while running.
            let unknown = if open {
                self.unknown_fields(target, &unknown)
            } else {
                self.missing_fields(target, &given, &unknown)
            };
            self.unknown_fields(target, &unknown);
        }
        // A field that is written and has no value is not one that is not written: the whole payload
        // must not be sent in its place.
        let written = |name: &str| open || given.iter().any(|key| **key == *name);
        let payload = payload_field(target).filter(|name| !written(name));
        Input { entries, payload }
    }

    /// Reports required fields that are not given; returns the unknown ones that were not the reason.
    fn missing_fields<'i>(
        &mut self,
        target: &Target,
        given: &[&str],
        unknown: &[&'i Ident],
    ) -> Vec<&'i Ident> {
        let mut left = unknown.to_vec();
        let required = target.action.fields.iter().filter(|field| field.required);
        for field in required.filter(|field| !given.contains(&&*field.name)) {
            let alike = left.iter().position(|key| messages::is_close(key, &field.name));
            let alike = alike.map(|at| left.remove(at));
            self.report(messages::missing_field(
                target.span,
                &target.written,
                &target.known_as,
                target.action,
                &field.name,
                alike,
            ));
        }
        left
    }

    fn unknown_fields<'i>(&mut self, target: &Target, unknown: &[&'i Ident]) -> Vec<&'i Ident> {
        // Fields of a posted body that stand outside of it are one mistake.
        let body = target.action.fields.iter().any(|field| field.payload);
        let told = if body { 1 } else { unknown.len() };
        for key in unknown.iter().take(told) {
            self.report(messages::unknown_field(key, &target.written, &target.known_as, target.action));
        }
        Vec::new()
    }

    /// One field of an action's input.
    fn input_field(
        &mut self,
        target: &Target,
        field: &Field,
        key: &Ident,
        value: Typed,
    ) -> Option<InputEntry> {
        let ty = field_type::parse(&field.ty);
        let value = self.adapt(value, &ty);
        if let (true, Some(name)) = (target.chat, &value.sensitive) {
            self.report(messages::sensitive_in_chat(value.span, name, &target.written, self.label(&value)));
        }
        if value.ty.is_broken() {
            return None;
        }
        if value.ty.kind() == Kind::Null && !field.clears && ty != Type::Any {
            self.report(messages::cannot_clear(value.span, &target.written, &field.name));
            return None;
        }
        if field.required && value.may_be_missing() {
            self.required_may_be_missing(target, key, &value);
            return None;
        }
        let fit = self.fit(&value, &ty);
        match &fit {
            Fit::Wrong | Fit::WrongText => {
                let label = self.label(&value);
                self.report(messages::field_takes(value.span, &value.ty, key, &target.written, &ty, label));
                return None;
            }
            Fit::Checked if value.ty == Type::Any => self.note_unchecked(value.span),
            Fit::Checked | Fit::Fits => {}
        }
        self.text_fits(target, field, &value);
        Some(InputEntry::Field(InputField {
            key: Arc::from(&*key.text),
            required: field.required || field.payload,
            passes_null: field.clears || ty == Type::Any,
            checked_as: (fit == Fit::Checked).then(|| ty.clone()),
            chars_max: field.chars_max,
            span: key.span,
            value: if ty == Type::Any { value.raw() } else { value.expr },
        }))
    }

    fn required_may_be_missing(&mut self, target: &Target, key: &Ident, value: &Typed) {
        let declared = value.origin.as_ref().and_then(|origin| origin.type_span);
        let declared = declared.map(|span| self.place_name(span));
        let written = self.written(value.span);
        self.report(messages::may_be_missing(
            (&target.written, &target.known_as),
            key,
            (value.span, written, &value.ty),
            declared.as_deref(),
            target.guard,
            self.instead_of(value),
        ));
    }

    /// What can stand in for a value that may be missing: a field of the payload that has the same special
    /// type and is always there, an empty text for text, nothing for the rest.
    fn instead_of(&self, value: &Typed) -> Option<String> {
        let wanted = value.ty.required();
        if *wanted == Type::Text {
            return Some("\"\"".to_owned());
        }
        let special = matches!(wanted, Type::Email | Type::Url | Type::Uuid | Type::Ip);
        let payload = Self::payload_type(&self.rule.variants);
        let alias = if self.rule.alias.is_empty() { "payload" } else { &self.rule.alias };
        let path = if special { always_there(&payload, wanted, INSTEAD_DEPTH) } else { None };
        path.map(|path| format!("{alias}.{path}"))
    }

    fn text_fits(&mut self, target: &Target, field: &Field, value: &Typed) {
        let (Some(max), Some(text)) = (field.chars_max, value.as_text()) else { return };
        let chars = text.chars().count();
        if chars > max {
            self.report(messages::text_too_long(value.span, &target.written, &field.name, chars, max));
        }
    }

    /// `..record` in an input: known fields are checked one by one, unknown ones while running.
    fn spread_input(
        &mut self,
        target: &Target,
        value: Typed,
        entries: &mut Vec<InputEntry>,
        given: &mut Vec<Box<str>>,
    ) -> bool {
        match value.ty.required().clone() {
            Type::Record(record) if !record.open => {
                for field in &record.fields {
                    let key = Ident { text: field.name.clone(), span: value.span };
                    let known = target.action.fields.iter().find(|one| one.name == field.name);
                    let read = self.field_of(value.clone(), &key, value.span);
                    given.push(field.name.clone());
                    match known {
                        Some(known) => entries.extend(self.input_field(target, known, &key, read)),
                        None if target.action.open => entries.push(custom(&key, read)),
                        None => self.report(messages::unknown_field(
                            &key,
                            &target.written,
                            &target.known_as,
                            target.action,
                        )),
                    }
                }
                false
            }
            Type::Record(_) | Type::Map(_) | Type::Any => {
                self.note_unchecked(value.span);
                entries.push(InputEntry::Spread(value.expr));
                true
            }
            Type::Broken => true,
            _ => {
                let label = self.label(&value);
                self.report(crate::messages::types::spread_needs_record(value.span, value.ty.kind(), label));
                true
            }
        }
    }
}

/// A field that the action passes on without knowing it.
fn custom(key: &Ident, value: Typed) -> InputEntry {
    let null = matches!(value.expr, Expr::Constant(Value::Null));
    InputEntry::Field(InputField {
        key: Arc::from(&*key.text),
        required: false,
        passes_null: null || value.ty == Type::Any,
        checked_as: None,
        chars_max: None,
        span: key.span,
        value: value.raw(),
    })
}

/// The field that takes the payload as it came when the rule does not give it.
fn payload_field(target: Option<&Target>) -> Option<Arc<str>> {
    let field = target?.action.fields.iter().find(|field| field.payload)?;
    Some(Arc::from(&*field.name))
}

/// How deep in the payload another value is looked for.
const INSTEAD_DEPTH: usize = 2;

/// The path of a field of that type that is always there, nearest first.
fn always_there(ty: &Type, wanted: &Type, depth: usize) -> Option<String> {
    let Type::Record(record) = ty else { return None };
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let fields = || record.fields.iter().filter(|field| plain(&field.name));
    let here = fields().find(|field| field.ty == *wanted).map(|field| field.name.to_string());
    let below = || {
        fields().find_map(|field| {
            let below = always_there(&field.ty, wanted, depth.checked_sub(1)?)?;
            Some(format!("{}.{below}", field.name))
        })
    };
    here.or_else(below)
}
