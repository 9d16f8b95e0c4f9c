//! A compiled bundle: from messages to matches to what is owed, and the reason for all of it.
//!
//! The one place where the runtime meets the compiler on the way of an event.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use compiler::eval::{Facts, NoLists};
use compiler::event::Event;
use compiler::hir::{Deliver, Input, InputEntry, Program, Statement};
use compiler::json::JsonError;
use compiler::matcher::{Interpreter, Jit, Matcher, Matches};
use compiler::plan::Plan;
use compiler::route::{DeliverySettings, Overflow, OverflowKind, Routed, route};
use compiler::slots::Slots;
use compiler::world::{Bundle, Limits, World};
use grammar::diagnostic::{Colour, Severity, render, to_json};
use grammar::{Diagnostics, Source, Span};
use serde_json::Value;
use serde_json::value::RawValue;

/// The integration whose default input is the payload as it came.
const WEBHOOK: &str = "webhook";

/// How conditions are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// By walking them.
    Interpreter,
    /// As machine code, once that is ready.
    Compiled,
}

/// Messages about a bundle, with the files they speak of.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    diagnostics: Diagnostics,
    sources: Vec<Source>,
}

/// The messages of a bundle with errors: it must not go live.
pub type Refused = Messages;

/// A bundle without errors, ready for events.
pub struct Rules {
    plan: Arc<Plan>,
    /// Machine code; empty until it is ready, and for ever with the interpreter.
    compiled: OnceLock<Box<dyn Matcher>>,
    /// The deliveries to webhooks that write no body.
    without_body: HashMap<Span, Wrote>,
    limits: Limits,
    /// What is doubtful about it.
    pub warnings: Messages,
}

/// What came of an event.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// The rules that matched, in written order.
    pub rules: Vec<Arc<str>>,
    /// What is owed, in written order.
    pub deliveries: Vec<Owed>,
}

/// One obligation, before it has an id.
#[derive(Clone, Debug)]
pub struct Owed {
    /// The rule.
    pub rule: Arc<str>,
    /// The connection's name; empty for what a limit cut off.
    pub connection: Arc<str>,
    /// The action.
    pub action: Arc<str>,
    /// What tells it from the event's other deliveries.
    pub key: Arc<str>,
    /// The action's input as JSON text, or why there is none.
    pub input: Result<Arc<str>, Arc<str>>,
    /// Its settings; `None` for what a limit cut off.
    pub settings: Option<DeliverySettings>,
}

impl Rules {
    /// Checks a bundle and prepares it.
    ///
    /// # Errors
    /// Every message, when one of them is an error.
    pub fn compile(bundle: &Bundle, world: &World) -> Result<Self, Refused> {
        let checked = compiler::check(bundle, world);
        let messages = Messages { diagnostics: checked.diagnostics, sources: checked.sources };
        if messages.diagnostics.has_errors() {
            return Err(messages);
        }
        let mut without_body = HashMap::new();
        each_delivery(&checked.program, &mut |deliver, integration| {
            if integration == WEBHOOK && Wrote::of(deliver) != Wrote::Body {
                without_body.insert(deliver.span, Wrote::of(deliver));
            }
        });
        let plan = Arc::new(compiler::plan::plan(checked.program));
        let limits = world.limits;
        Ok(Self { plan, compiled: OnceLock::new(), without_body, limits, warnings: messages })
    }

    /// Makes machine code of the conditions. Until it is done, and when it cannot be, the interpreter
    /// answers; both give the same answers.
    pub fn speed_up(&self, engine: Engine) {
        match engine {
            Engine::Interpreter => {}
            Engine::Compiled => match Jit::compile(&self.plan) {
                // Set once: a second call finds the first one's code.
                Ok(code) => drop(self.compiled.set(Box::new(code))),
                Err(error) => tracing::warn!(%error, "conditions stay interpreted"),
            },
        }
    }

    /// Decides an event.
    ///
    /// # Errors
    /// The payload is not JSON.
    pub fn decide(&self, event: &Event<'_>) -> Result<Decided, JsonError> {
        match self.compiled.get() {
            Some(compiled) => self.decide_with(compiled.as_ref(), event),
            None => self.decide_interpreted(event),
        }
    }

    /// Decides an event with the interpreter, whatever else is ready.
    ///
    /// # Errors
    /// The payload is not JSON.
    pub fn decide_interpreted(&self, event: &Event<'_>) -> Result<Decided, JsonError> {
        self.decide_with(&Interpreter, event)
    }

    fn decide_with(&self, matcher: &dyn Matcher, event: &Event<'_>) -> Result<Decided, JsonError> {
        let slots = Slots::new(&self.plan, event.payload)?;
        let facts = Facts { plan: &self.plan, event, slots: &slots, lists: &NoLists };
        let mut matches = Matches::default();
        matcher.matches(&facts, &mut matches);
        let routed = route(&facts, &matches, &self.limits);
        Ok(self.owed(routed, slots.text()))
    }

    fn owed(&self, routed: Routed, payload: &str) -> Decided {
        let deliveries = routed.deliveries.into_iter().map(|delivery| {
            let webhook = &*delivery.integration == WEBHOOK;
            let wrote = self.without_body.get(&delivery.span).copied().unwrap_or(Wrote::Body);
            let input = match delivery.input {
                Err(error) => Err(error.to_string().into()),
                Ok(input) if webhook => webhook_input(&input, payload, wrote),
                Ok(input) => Ok(Arc::from(input)),
            };
            Owed {
                rule: delivery.rule,
                connection: delivery.connection,
                action: delivery.action,
                key: delivery.key.into(),
                input,
                settings: Some(delivery.settings),
            }
        });
        let cut_off = routed.overflow.iter().enumerate().map(|(at, overflow)| cut_off(at, overflow));
        Decided { rules: routed.matched, deliveries: deliveries.chain(cut_off).collect() }
    }

    /// Says why each rule did or did not match.
    ///
    /// # Errors
    /// The payload is not JSON.
    pub fn trace(&self, event: &Event<'_>) -> Result<compiler::trace::Trace, JsonError> {
        let slots = Slots::new(&self.plan, event.payload)?;
        let facts = Facts { plan: &self.plan, event, slots: &slots, lists: &NoLists };
        Ok(compiler::trace::trace(&facts))
    }

    /// The names of its rules, in written order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.plan.program.rules.iter().map(|rule| rule.name.to_string()).collect()
    }

    /// Whether a rule delivers to the connection with that name.
    #[must_use]
    pub fn delivers_to(&self, connection: &str) -> bool {
        self.plan.program.connections.iter().any(|one| &*one.name == connection)
    }
}

/// Calls `seen` with every delivery of a program and its integration.
fn each_delivery(program: &Program, seen: &mut impl FnMut(&Deliver, &str)) {
    fn walk(program: &Program, body: &[Statement], seen: &mut impl FnMut(&Deliver, &str)) {
        for statement in body {
            match statement {
                Statement::Deliver(deliver) => {
                    let connection = program.connections.get(deliver.connection.0 as usize);
                    seen(deliver, connection.map_or("", |connection| &connection.integration));
                }
                Statement::Choose { arms, otherwise } => {
                    arms.iter().for_each(|(_, body)| walk(program, body, seen));
                    walk(program, otherwise, seen);
                }
                Statement::ForEach { body, .. } => walk(program, body, seen),
                Statement::Ignore { .. } => {}
            }
        }
    }
    program.rules.iter().for_each(|rule| walk(program, &rule.body, seen));
    let others = program.groups.iter().filter_map(|group| group.otherwise.as_ref());
    others.for_each(|otherwise| walk(program, &otherwise.body, seen));
}

/// What a rule writes of a webhook's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrote {
    /// No record at all.
    Nothing,
    /// A record without `body`.
    HeadersOnly,
    /// A body.
    Body,
}

impl Wrote {
    fn of(deliver: &Deliver) -> Self {
        let Input::Fields(entries) = &deliver.input else { return Self::Nothing };
        let body = entries.iter().any(|entry| match entry {
            InputEntry::Field(field) => &*field.key == "body",
            // What a spread holds is known only while running: it never falls back to the payload.
            InputEntry::Spread(_) => true,
        });
        if body { Self::Body } else { Self::HeadersOnly }
    }
}

/// The fields of a webhook's input.
#[derive(serde::Deserialize, serde::Serialize)]
struct WebhookInput<'i> {
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    body: Option<&'i RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    headers: Option<&'i RawValue>,
}

/// Tells an explicit null from nothing.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    serde::Deserialize::deserialize(from).map(Some)
}

/// A webhook's input always has a body: the one that the rule writes, or the payload as it came
/// where it writes none. A body whose value is missing is no delivery of something else.
fn webhook_input(input: &str, payload: &str, wrote: Wrote) -> Result<Arc<str>, Arc<str>> {
    let mut fields = match wrote {
        Wrote::Nothing => WebhookInput { body: None, headers: None },
        Wrote::HeadersOnly | Wrote::Body => serde_json::from_str(input)
            .map_err(|error| Arc::from(format!("the input cannot be read: {error}")))?,
    };
    if wrote != Wrote::Body {
        let whole = serde_json::from_str(payload)
            .map_err(|error| Arc::from(format!("the payload cannot be read: {error}")))?;
        fields.body = Some(whole);
    }
    if fields.body.is_none() {
        return Err("`body` has no value".into());
    }
    let text = serde_json::to_string(&fields)
        .map_err(|error| Arc::from(format!("the input cannot be written: {error}")))?;
    Ok(text.into())
}

/// What a limit cut off, as one dead letter that says so.
fn cut_off(at: usize, overflow: &Overflow) -> Owed {
    let why = match overflow.kind {
        OverflowKind::Elements { taken, left } => {
            format!("the loop's limit took {taken} elements and left {left}")
        }
        OverflowKind::Deliveries { left } => format!("{left} deliveries are more than one event may cause"),
        OverflowKind::Bytes { left } => format!("{left} deliveries are more bytes than one event may cause"),
    };
    Owed {
        rule: Arc::clone(&overflow.rule),
        connection: "".into(),
        action: "".into(),
        key: format!("{}/left-out/{at}", overflow.rule).into(),
        input: Err(why.into()),
        settings: None,
    }
}

impl Messages {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// As people read them.
    #[must_use]
    pub fn text(&self) -> String {
        rendered(&self.diagnostics, &self.sources, Colour::Off)
    }

    /// As people read them on the terminal, with colours where it takes them.
    #[must_use]
    pub fn text_for_terminal(&self) -> String {
        let colour = if crate::out::colour_wanted() { Colour::On } else { Colour::Off };
        rendered(&self.diagnostics, &self.sources, colour)
    }

    /// As a list for machines.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.diagnostics.iter().map(|one| to_json(one, &self.sources)).collect()
    }

    /// How many there are, in words.
    #[must_use]
    pub fn verdict(&self) -> String {
        let count = |severity| self.diagnostics.iter().filter(|one| one.severity == severity).count();
        let many = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        match (count(Severity::Error), count(Severity::Warning)) {
            (errors, 0) => many(errors, "error"),
            (errors, warnings) => format!("{}, {}", many(errors, "error"), many(warnings, "warning")),
        }
    }
}

/// Messages as people read them, with an empty line between two.
#[must_use]
pub fn rendered(diagnostics: &Diagnostics, sources: &[Source], colour: Colour) -> String {
    let texts = diagnostics.iter().map(|one| render(one, sources, colour).trim_end().to_owned());
    texts.collect::<Vec<_>>().join("\n\n")
}
