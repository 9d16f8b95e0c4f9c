//! Rules in, lines out: what `fanwise match` prints, from every matcher there is.

use std::sync::Arc;

use compiler::eval::{Facts, NoLists};
use compiler::event::Event;
use compiler::matcher::{Interpreter, Jit, Matcher, Matches};
use compiler::plan::Plan;
use compiler::route::{Routed, route};
use compiler::slots::Slots;
use compiler::world::{Bundle, BundleFile, World};
use grammar::diagnostic::{Colour, render};
use serde_json::{Value, json};

/// A bundle that was checked without errors, and everything that can match it.
pub struct Engine {
    plan: Arc<Plan>,
    matchers: Vec<(&'static str, Box<dyn Matcher>)>,
    world: World,
}

/// A bundle of these files.
#[must_use]
pub fn bundle<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Bundle {
    let files = files.into_iter().map(|(path, text)| BundleFile { path: path.into(), text: text.into() });
    Bundle { files: files.collect() }
}

impl Engine {
    /// Checks and plans a bundle.
    ///
    /// # Errors
    /// The diagnostics as text, when there are errors.
    pub fn new(bundle: &Bundle) -> Result<Self, String> {
        let world = World::offline(None);
        let checked = compiler::check(bundle, &world);
        if checked.diagnostics.has_errors() {
            let texts = checked.diagnostics.iter().map(|one| render(one, &checked.sources, Colour::Off));
            return Err(texts.collect::<Vec<_>>().join("\n"));
        }
        let plan = Arc::new(compiler::plan::plan(checked.program));
        let jit = Jit::new(&plan).map_err(|error| format!("not compiled: {error}"))?;
        let matchers: Vec<(&'static str, Box<dyn Matcher>)> =
            vec![("interpreter", Box::new(Interpreter)), ("compiled", Box::new(jit))];
        Ok(Self { plan, matchers, world })
    }

    /// The line of one event, given as `{"event", "resource"?, "resource_id"?, "id"?, "time"?, "payload"}`.
    ///
    /// # Errors
    /// The event cannot be read, or the matchers disagree.
    pub fn line(&self, number: usize, event: &str) -> Result<Value, String> {
        let mut answers = Vec::new();
        for (name, matcher) in &self.matchers {
            answers.push((name, self.answer(matcher.as_ref(), number, event)?));
        }
        let (first, rest) = answers.split_first().ok_or("no matcher")?;
        for (name, answer) in rest {
            if answer != &first.1 {
                return Err(format!("{} says {}\n{name} says {answer}", first.0, first.1));
            }
        }
        Ok(first.1.clone())
    }

    fn answer(&self, matcher: &dyn Matcher, number: usize, line: &str) -> Result<Value, String> {
        let fields = compiler::json::object_fields(line.as_bytes()).map_err(|error| error.to_string())?;
        let raw = |name: &str| fields.iter().rev().find(|(key, _)| key == name).map(|(_, raw)| *raw);
        let text = |name: &str| raw(name).and_then(|raw| serde_json::from_slice::<String>(raw).ok());
        let (kind, id) = (text("event").ok_or("no event type")?, text("id"));
        let (resource, resource_id) = (text("resource"), text("resource_id"));
        let time = text("time").map_or(Ok(jiff::Timestamp::UNIX_EPOCH), |time| time.parse());
        let time = time.map_err(|error| format!("time: {error}"))?;
        let event = Event {
            id: id.as_deref().unwrap_or("evt_test"),
            kind: &kind,
            resource: resource.as_deref(),
            resource_id: resource_id.as_deref(),
            time,
            received_at: time,
            payload: raw("payload").ok_or("no payload")?,
        };
        let slots = Slots::new(&self.plan, event.payload).map_err(|error| error.to_string())?;
        let facts = Facts { plan: &self.plan, event: &event, slots: &slots, lists: &NoLists };
        let mut matches = Matches::default();
        matcher.matches(&facts, &mut matches);
        Ok(to_line(number, &kind, &route(&facts, &matches, &self.world.limits)))
    }
}

fn to_line(number: usize, kind: &str, routed: &Routed) -> Value {
    let deliveries = routed.deliveries.iter().map(|one| {
        let mut delivery =
            json!({ "rule": &*one.rule, "connection": &*one.connection, "action": &*one.action });
        match &one.input {
            Ok(input) => delivery["input"] = serde_json::from_str(input).expect("an input is JSON"),
            Err(error) => delivery["error"] = json!(error.to_string()),
        }
        delivery
    });
    let rules: Vec<&str> = routed.matched.iter().map(|name| &**name).collect();
    json!({ "line": number, "type": kind, "rules": rules, "deliveries": deliveries.collect::<Vec<_>>() })
}
