//! A compiled bundle: from messages to matches to what is owed, and the reason for all of it.
//!
//! The one place where the runtime meets the compiler on the way of an event.

pub mod code;
pub mod compare;
pub mod condition;
pub mod crash;
mod serve;
mod slot;
mod sync;

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use compiler::Checked;
use compiler::eval::{Facts, Lists};
use compiler::event::Event;
use compiler::gate::{Gated, Tally};
use compiler::json::JsonError;
use compiler::matcher::{Indexed, Interpreter, Matcher, Matches};
use compiler::plan::{Plan, StandIns};
use compiler::route::{DeliverySettings, Overflow, OverflowKind, Routed, SampledOut, route};
use compiler::simulate::run_tests_of;
use compiler::slots::{Scratch, Slots};
use compiler::world::{Bundle, Limits, World};
use grammar::diagnostic::{Colour, Severity, render, to_json};
use grammar::{Diagnostic, Diagnostics, Source};
use serde_json::Value;
use serde_json::value::RawValue;

use code::{Compiled, Shared};
use slot::Slot;
use sync::Outlet;

use crate::id::WorkspaceId;
use crate::workspace::record::FailingTests;

thread_local! {
    /// What deciding an event needs, kept from one event to the next.
    static MEMORY: RefCell<(Scratch, Matches)> = RefCell::default();
}

/// The integration whose input must have a body.
const WEBHOOK: &str = "webhook";

/// How conditions are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// By walking them.
    Interpreter,
    /// As machine code, once that is ready.
    Compiled,
}

/// What answers for a revision at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answering {
    /// The index and the interpreter: code is not ready, not needed, or not wanted.
    Indexed,
    /// Compiled code.
    Compiled,
    /// The index and the interpreter, because compiled code answered wrongly or crashed.
    Quarantined,
    /// The plain interpreter, because the index answered wrongly.
    Plain,
}

impl Answering {
    /// Its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Indexed => "indexed",
            Self::Compiled => "compiled",
            Self::Quarantined => "quarantined",
            Self::Plain => "plain",
        }
    }
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
    /// Ready at once.
    indexed: Arc<Indexed>,
    /// Machine code; empty until it is ready, and for ever with the interpreter.
    code: Slot<Compiled>,
    /// No code is to be waited for: there is some, or there can be none.
    is_settled: AtomicBool,
    /// The index answered wrongly once.
    is_plain: AtomicBool,
    /// Events that were decided; counted once it is served.
    events: AtomicU64,
    served: OnceLock<Served>,
    limits: Limits,
    /// What is doubtful about it.
    pub warnings: Messages,
}

/// How a revision is served.
struct Served {
    code: Arc<Shared>,
    workspace: WorkspaceId,
    number: u64,
    rules: Weak<Rules>,
}

/// What came of an event.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// The rules that matched, in written order.
    pub rules: Vec<Arc<str>>,
    /// What is owed, in written order.
    pub deliveries: Vec<Owed>,
    /// What `sample` leaves out. It has no input, and no settings.
    pub sampled_out: Vec<Owed>,
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
    /// What the gates count it by.
    pub gated: Gated,
    /// The rate limit that it starts under.
    pub rate: Option<Tally>,
}

impl Rules {
    /// Checks a bundle and prepares it.
    ///
    /// # Errors
    /// Every message, when one of them is an error.
    pub fn compile(bundle: &Bundle, world: &World) -> Result<Self, Refused> {
        Self::of(compiler::check(bundle, world), world)
    }

    /// How many fields have no declared type, and are only looked at while running.
    #[must_use]
    pub fn unchecked(&self) -> usize {
        self.plan.program.unchecked
    }

    fn of(checked: Checked, world: &World) -> Result<Self, Refused> {
        let messages = Messages::new(checked.diagnostics, checked.sources);
        if messages.has_errors() {
            return Err(messages);
        }
        let plan = Arc::new(compiler::plan::plan(checked.program));
        let indexed = Arc::new(Indexed::new(&plan));
        let limits = world.limits;
        Ok(Self {
            plan,
            indexed,
            code: Slot::new(),
            is_settled: AtomicBool::new(false),
            is_plain: AtomicBool::new(false),
            events: AtomicU64::new(0),
            served: OnceLock::new(),
            limits,
            warnings: messages,
        })
    }

    /// The same, and runs the tests of the bundle: one that fails is an error, or a warning.
    ///
    /// # Errors
    /// Every message, when one of them is an error or a test fails.
    pub fn compile_and_test(bundle: &Bundle, world: &World, failing: FailingTests) -> Result<Self, Refused> {
        let mut checked = compiler::check(bundle, world);
        if checked.diagnostics.has_errors() || checked.program.tests.is_empty() {
            return Self::of(checked, world);
        }
        let run = run_tests_of(bundle, world, checked.clone());
        if run.failures().next().is_none() {
            return Self::of(checked, world);
        }
        let severity = match failing {
            FailingTests::Refuse => Severity::Error,
            FailingTests::Warn => Severity::Warning,
        };
        let failures = run.failures().map(|failure| Diagnostic { severity, ..failure.clone() });
        checked.diagnostics.extend(failures);
        checked.diagnostics.sort();
        Self::of(checked, world)
    }

    /// Makes machine code of the conditions now. Until it is done, and when it cannot be, the
    /// interpreter answers; both give the same answers.
    pub fn speed_up(&self, engine: Engine) {
        match engine {
            Engine::Interpreter => {}
            Engine::Compiled => match Compiled::now(&self.indexed) {
                Ok(Some(code)) => self.put(code, &Outlet::default()),
                Ok(None) => self.settle(),
                Err(error) => tracing::warn!(%error, "conditions stay interpreted"),
            },
        }
    }

    /// Decides an event by the lists of one moment.
    ///
    /// # Errors
    /// The payload is not JSON.
    pub fn decide(&self, event: &Event<'_>, lists: &dyn Lists) -> Result<Decided, JsonError> {
        let is_checked = self.count();
        let by_code = |code: &Compiled| self.decide_with(code, event, lists, is_checked, Self::distrust_code);
        if let Some(decided) = self.code.with(by_code) {
            return decided;
        }
        if self.is_plain.load(Ordering::Relaxed) {
            return self.decide_with(&Interpreter, event, lists, false, |_| {});
        }
        self.decide_with(&*self.indexed, event, lists, is_checked, Self::distrust_index)
    }

    /// Decides an event without machine code, whatever else is ready.
    ///
    /// # Errors
    /// The payload is not JSON.
    pub fn decide_interpreted(&self, event: &Event<'_>, lists: &dyn Lists) -> Result<Decided, JsonError> {
        self.decide_with(&*self.indexed, event, lists, false, |_| {})
    }

    /// What answers at the moment.
    #[must_use]
    pub fn answering(&self) -> Answering {
        if self.is_plain.load(Ordering::Relaxed) {
            Answering::Plain
        } else if self.code.is_closed() {
            Answering::Quarantined
        } else if self.code.is_filled() {
            Answering::Compiled
        } else {
            Answering::Indexed
        }
    }

    /// With `is_checked` the plain interpreter is asked, too; what it says counts, and `distrust` is
    /// called when the matcher had said something else.
    fn decide_with(
        &self,
        matcher: &dyn Matcher,
        event: &Event<'_>,
        lists: &dyn Lists,
        is_checked: bool,
        distrust: impl FnOnce(&Self),
    ) -> Result<Decided, JsonError> {
        MEMORY.with_borrow_mut(|memory| {
            let (scratch, matches) = memory;
            let level = self.served.get().map(|served| served.code.level()).unwrap_or_default();
            let slots = Slots::of_conditions(std::mem::take(scratch), &self.plan, event.payload, level)?;
            let facts = Facts { plan: &self.plan, event, slots: &slots, lists };
            matcher.matches(&facts, matches);
            if is_checked {
                let mut plain = Matches::default();
                Interpreter.matches(&facts, &mut plain);
                if plain.rules != matches.rules {
                    distrust(self);
                    *matches = plain;
                }
            }
            let decided = if self.plan.may_send(event, matches) {
                slots.complete(&self.plan)?;
                owed(route(&facts, matches, &self.limits), self.limits.deliveries_per_event_max)
            } else {
                Decided::default()
            };
            *scratch = slots.recycle();
            Ok(decided)
        })
    }

    /// Says why each rule did or did not match, by the lists of one moment.
    ///
    /// # Errors
    /// The payload is not JSON.
    pub fn trace(&self, event: &Event<'_>, lists: &dyn Lists) -> Result<compiler::trace::Trace, JsonError> {
        let slots = Slots::new(&self.plan, event.payload)?;
        let facts = Facts { plan: &self.plan, event, slots: &slots, lists };
        Ok(compiler::trace::trace(&facts))
    }

    /// The names of its rules, in written order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.plan.program.rules.iter().map(|rule| rule.name.to_string()).collect()
    }

    /// Bytes that its index takes, about.
    #[must_use]
    pub fn index_bytes(&self) -> usize {
        self.indexed.bytes()
    }

    /// Whether its rules name lists that the workspace keeps.
    #[must_use]
    pub fn asks_lists(&self) -> bool {
        self.plan.kept_lists().next().is_some()
    }

    /// The lists that the workspace keeps and its rules name.
    pub fn lists(&self) -> impl Iterator<Item = &Arc<str>> {
        self.plan.kept_lists()
    }

    /// Whether its rules name that list of the workspace.
    #[must_use]
    pub fn asks_list(&self, list: &str) -> bool {
        self.plan.kept_lists().any(|name| **name == *list)
    }

    /// What stands in for lists of a workspace where there is none: files of the bundle, as in its tests.
    #[must_use]
    pub fn stand_ins(&self) -> StandIns<'_> {
        StandIns(&self.plan)
    }

    /// Whether a rule delivers to the connection with that name.
    #[must_use]
    pub fn delivers_to(&self, connection: &str) -> bool {
        self.plan.program.connections.iter().any(|one| &*one.name == connection)
    }
}

/// What came of an event; of what a sample leaves out, `sampled_out_max` are told one by one.
fn owed(routed: Routed, sampled_out_max: usize) -> Decided {
    let deliveries = routed.deliveries.into_iter().map(|delivery| {
        let webhook = &*delivery.integration == WEBHOOK;
        let (gated, rate) = (Gated::of(&delivery), Tally::rate(&delivery));
        let input = match delivery.input {
            Err(error) => Err(error.to_string().into()),
            Ok(input) if webhook => webhook_input(input),
            Ok(input) => Ok(Arc::from(input)),
        };
        Owed {
            rule: delivery.rule,
            connection: delivery.connection,
            action: delivery.action,
            key: delivery.key.into(),
            input,
            settings: Some(delivery.settings),
            gated,
            rate,
        }
    });
    let cut_off = routed.overflow.iter().enumerate().map(|(at, overflow)| cut_off(at, overflow));
    let deliveries = deliveries.chain(cut_off).collect();
    let more = routed.sampled_out.len().saturating_sub(sampled_out_max);
    let mut sampled_out: Vec<Owed> =
        routed.sampled_out.into_iter().take(sampled_out_max).map(left_out).collect();
    if let Some(last) = sampled_out.last_mut().filter(|_| more > 0) {
        last.input = Err(format!("left out of its sample, like {more} more").into());
    }
    Decided { rules: routed.matched, deliveries, sampled_out }
}

fn left_out(out: SampledOut) -> Owed {
    Owed {
        rule: out.rule,
        connection: out.connection,
        action: out.action,
        key: out.key.into(),
        input: Err("left out of its sample".into()),
        settings: None,
        gated: Gated::default(),
        rate: None,
    }
}

/// The field of a webhook's input that decides whether there is anything to post.
#[derive(serde::Deserialize)]
struct WebhookInput<'i> {
    #[serde(borrow, default, deserialize_with = "present")]
    body: Option<&'i RawValue>,
}

/// Tells an explicit null from nothing.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    serde::Deserialize::deserialize(from).map(Some)
}

/// A webhook's input, unless it has no body: a rule that writes one whose value is missing must not
/// come to post something else.
fn webhook_input(input: Box<str>) -> Result<Arc<str>, Arc<str>> {
    match serde_json::from_str::<WebhookInput<'_>>(&input) {
        Ok(fields) if fields.body.is_some() => Ok(input.into()),
        Ok(_) => Err("`body` has no value".into()),
        Err(error) => Err(format!("the input cannot be read: {error}").into()),
    }
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
        gated: Gated::default(),
        rate: None,
    }
}

impl Messages {
    /// What the first of them says, in one sentence.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.diagnostics.iter().next().map(|diagnostic| &*diagnostic.title)
    }

    /// Messages with the files they speak of.
    #[must_use]
    pub fn new(diagnostics: Diagnostics, sources: Vec<Source>) -> Self {
        Self { diagnostics, sources }
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.has_errors()
    }

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
