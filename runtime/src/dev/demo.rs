//! The demo: a workspace, GitHub rules, real GitHub webhooks, and what must come of them.

use std::collections::HashMap;
use std::sync::Arc;

use compiler::world::{Bundle, BundleFile, World};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::receiver::{Arrival, Receiver};
use crate::command::Client;
use crate::id::EventId;
use crate::ingest::envelope::{EPOCH, Envelope};
use crate::out::{Exit, complain};
use crate::rules::Rules;
use crate::server::Running;
use crate::workspace::connection::fresh_secret;

/// The demo's workspace.
pub(super) const WORKSPACE: &str = "ws_demo";

/// Its environment.
const ENVIRONMENT: &str = "sandbox";

/// Its connections, as the rules name them.
const CONNECTIONS: &[&str] = &["chat", "release", "audit"];

/// Its rules.
const RULES: &str = include_str!("../../demo/github.route");

/// Its events, one per line; see `demo/NOTICE.md`.
const EVENTS: &str = include_str!("../../demo/github-webhooks.ndjson");

/// A workspace that is ready for its events.
pub(super) struct Demo {
    client: Client,
}

/// What must arrive, by `webhook-id`, worked out apart from the server.
#[derive(Default)]
pub(super) struct Expected {
    /// Events sent.
    pub events: usize,
    /// Rules that matched, over all events.
    pub matches: usize,
    /// Each delivery: where it goes and which body it has.
    pub deliveries: HashMap<String, ExpectedDelivery>,
    /// An event with deliveries, to ask why about.
    pub an_event: Option<EventId>,
    /// Where the server's answers differ from what the rules say.
    pub differences: Vec<String>,
}

/// One delivery that must arrive.
pub(super) struct ExpectedDelivery {
    connection: Arc<str>,
    body: Value,
}

impl Demo {
    /// Makes the workspace, its connections and its rules over the API.
    ///
    /// # Errors
    /// An exit code, after the reason was printed.
    pub(super) async fn prepare(running: &Running, receiver: &Receiver) -> Result<Self, Exit> {
        let client = Client::to(&running.url(), running.admin_key.text())?;
        let workspace = json!({ "id": WORKSPACE, "name": "Demo", "environment": ENVIRONMENT });
        let made = client.send(Method::POST, "/v1/workspaces", &[], Some(workspace.to_string())).await?;
        // With --data-dir the workspace is still there from last time.
        if made.status != StatusCode::CONFLICT {
            made.good()?;
        }
        for name in CONNECTIONS {
            let secret = fresh_secret().map_err(|error| failed(&error.to_string()))?;
            let secret = secret.expose_text().unwrap_or_default().to_owned();
            let url = receiver.expect(name, &secret);
            let new = json!({ "name": name, "integration": "webhook", "url": url, "secret": secret });
            let path = format!("/v1/workspaces/{WORKSPACE}/connections");
            let made = client.send(Method::POST, &path, &[], Some(new.to_string())).await?;
            if made.status == StatusCode::CONFLICT {
                let change = json!({ "url": url, "secret": secret, "enabled": true });
                let path = format!("{path}/{name}");
                client.send(Method::PATCH, &path, &[], Some(change.to_string())).await?.good()?;
            } else {
                made.good()?;
            }
        }
        let bundle = json!({ "files": [{ "path": "github.route", "text": RULES }] });
        let path = format!("/v1/workspaces/{WORKSPACE}/rules");
        client.send(Method::PUT, &path, &[], Some(bundle.to_string())).await?.good()?;
        Ok(Self { client })
    }

    /// Sends every event as one stream, and works out what must come of it.
    ///
    /// # Errors
    /// An exit code, after the reason was printed.
    pub(super) async fn send(&self) -> Result<Expected, Exit> {
        let path = format!("/v1/workspaces/{WORKSPACE}/events");
        let headers = [("content-type", "application/x-ndjson")];
        let answer =
            self.client.send(Method::POST, &path, &headers, Some(EVENTS.to_owned())).await?.good()?;
        let answers: Vec<Value> = answer.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let of_line: HashMap<u64, &Value> =
            answers.iter().filter_map(|answer| Some((answer.get("line")?.as_u64()?, answer))).collect();
        let rules = offline_rules()?;
        let mut expected = Expected::default();
        for (line, text) in (1..).zip(EVENTS.lines()) {
            expected.events += 1;
            expected.add(&rules, line, text, of_line.get(&line).copied());
        }
        Ok(expected)
    }
}

impl Expected {
    /// Decides one event with the interpreter and puts its deliveries beside the server's answer.
    fn add(&mut self, rules: &Rules, line: u64, text: &str, answer: Option<&Value>) {
        let decided = Envelope::read(text.as_bytes(), "").map_err(|problem| problem.detail().to_owned());
        let decided = decided.and_then(|envelope| {
            let event = envelope.event("evt_demo", EPOCH);
            rules.decide_interpreted(&event, &rules.stand_ins()).map_err(|error| error.to_string())
        });
        let (decided, answer) = match (decided, answer) {
            (Ok(decided), Some(answer)) => (decided, answer),
            (Err(error), _) => return self.differences.push(format!("line {line}: {error}")),
            (_, None) => return self.differences.push(format!("line {line}: the server did not answer")),
        };
        self.matches += decided.rules.len();
        let empty = Vec::new();
        let promised = answer.get("deliveries").and_then(Value::as_array).unwrap_or(&empty);
        if promised.len() != decided.deliveries.len() {
            let (said, right) = (promised.len(), decided.deliveries.len());
            return self
                .differences
                .push(format!("line {line}: {said} deliveries promised, {right} expected"));
        }
        if !promised.is_empty() {
            let id = answer.get("id").and_then(Value::as_str);
            self.an_event = id.map(EventId::from_text);
        }
        for (promised, owed) in promised.iter().zip(decided.deliveries) {
            let word = |name: &str| promised.get(name).and_then(Value::as_str).unwrap_or_default();
            if word("rule") != &*owed.rule || word("connection") != &*owed.connection {
                self.differences
                    .push(format!("line {line}: {promised} promised, rule `{}` expected", owed.rule));
                continue;
            }
            let input = owed.input.ok().and_then(|input| serde_json::from_str::<Value>(&input).ok());
            match input.and_then(|mut input| input.as_object_mut()?.shift_remove("body")) {
                Some(body) => {
                    let delivery = ExpectedDelivery { connection: owed.connection, body };
                    self.deliveries.insert(word("id").to_owned(), delivery);
                }
                None => self.differences.push(format!("line {line}: rule `{}` gives no body", owed.rule)),
            }
        }
    }

    /// Everything that is not as it must be.
    #[must_use]
    pub(super) fn compare(&self, arrivals: &HashMap<String, Arrival>) -> Vec<String> {
        let mut problems = self.differences.clone();
        if self.deliveries.is_empty() {
            problems.push("no delivery was expected at all".to_owned());
        }
        for (id, expected) in &self.deliveries {
            let Some(arrival) = arrivals.get(id) else {
                problems.push(format!("{id} to `{}` did not arrive", expected.connection));
                continue;
            };
            if let Err(why) = arrival.verified {
                problems.push(format!("{id} did not verify: {why}"));
            }
            if arrival.connection != *expected.connection {
                problems.push(format!(
                    "{id} arrived at `{}` instead of `{}`",
                    arrival.connection, expected.connection
                ));
            }
            if serde_json::from_slice::<Value>(&arrival.body).ok().as_ref() != Some(&expected.body) {
                problems.push(format!("{id} to `{}` arrived with another body", expected.connection));
            }
        }
        let unexpected = arrivals.keys().filter(|id| !self.deliveries.contains_key(*id));
        problems.extend(unexpected.map(|id| format!("{id} arrived and nobody promised it")));
        problems.sort();
        problems
    }
}

/// The demo's rules, compiled apart from the server.
fn offline_rules() -> Result<Rules, Exit> {
    let file = BundleFile { path: "github.route".into(), text: RULES.into() };
    let bundle = Bundle { files: vec![file] };
    Rules::compile(&bundle, &World::offline(Some(ENVIRONMENT))).map_err(|refused| failed(&refused.text()))
}

fn failed(text: &str) -> Exit {
    complain(text);
    Exit::Failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_shows_what_the_language_can_do() {
        let rules = offline_rules().unwrap();
        assert!(rules.warnings.is_empty(), "{}", rules.warnings.text());
        let mut matched: HashMap<Arc<str>, usize> = HashMap::new();
        for line in EVENTS.lines() {
            let envelope = Envelope::read(line.as_bytes(), "").unwrap();
            let decided =
                rules.decide_interpreted(&envelope.event("evt", EPOCH), &rules.stand_ins()).unwrap();
            for rule in decided.rules {
                *matched.entry(rule).or_default() += 1;
            }
            for owed in decided.deliveries {
                assert!(owed.input.is_ok(), "{}: {:?} for {line:.200}", owed.rule, owed.input);
            }
        }
        assert!(rules.names().len() >= 12, "{:?}", rules.names());
        for rule in rules.names() {
            assert!(matched.contains_key(rule.as_str()), "`{rule}` matches no event of the demo");
        }
    }
}
