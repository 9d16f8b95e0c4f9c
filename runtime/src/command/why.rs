//! `fanwise why`: what each rule made of an event, and what came of what it sent.

mod show;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Output;
use super::client::Client;
use crate::config::ClientSettings;
use crate::limits::PAGE_MAX;
use crate::out::{Exit, Out, complain, failed, say};

/// Of so many deliveries every attempt is asked for; of further ones only what lists show.
const SHOWN_WHOLE_MAX: usize = 50;

/// Arguments of `fanwise why`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The event's id
    event: String,

    #[command(flatten)]
    client: ClientSettings,

    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    /// The same as --output json
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

/// Runs it.
pub(super) async fn run(arguments: Arguments) -> Exit {
    match ask(&arguments).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn ask(arguments: &Arguments) -> Result<Exit, Exit> {
    let found = Asking::about(arguments)?.found().await?;
    let text = if arguments.json || arguments.output == Output::Json {
        found.to_json().to_string()
    } else {
        show::text(&found, jiff::Timestamp::now())
    };
    if let Err(error) = Out::default().text(&format!("{}\n", text.trim_end())) {
        return Err(failed(&format!("stdout cannot be written: {error}")));
    }
    // What is missing was told already.
    Ok(if found.untraceable { Exit::Failed } else { Exit::Ok })
}

/// Everything there is to say about an event.
#[derive(Debug, Default)]
struct Found {
    /// The event, without its payload.
    event: Value,
    /// The revision that decided; null when there was none.
    revision: Value,
    /// What each rule answered; null when nobody can say.
    trace: Value,
    /// Its deliveries and their replays, oldest first, with their attempts.
    deliveries: Vec<Value>,
    /// There were rules, and the server cannot ask them again.
    untraceable: bool,
}

impl Found {
    fn to_json(&self) -> Value {
        let mut shown = json!({ "event": field(&self.event, "id") });
        if let (Some(shown), Some(event)) = (shown.as_object_mut(), self.event.as_object()) {
            let told = ["id", "payload", "revision", "deliveries"];
            let rest = event.iter().filter(|(name, _)| !told.contains(&name.as_str()));
            shown.extend(rest.map(|(name, value)| (name.clone(), value.clone())));
            shown.insert("revision".to_owned(), self.revision.clone());
            shown.insert("trace".to_owned(), self.trace.clone());
            shown.insert("deliveries".to_owned(), self.deliveries.clone().into());
        }
        shown
    }
}

/// Asks a server about one event.
struct Asking {
    client: Client,
    /// The path of the event's workspace.
    workspace: String,
    event: String,
}

impl Asking {
    fn about(arguments: &Arguments) -> Result<Self, Exit> {
        Ok(Self {
            client: Client::new(&arguments.client)?,
            workspace: format!("/v1/workspaces/{}", percent(&arguments.client.workspace)),
            event: percent(&arguments.event),
        })
    }

    async fn found(&self) -> Result<Found, Exit> {
        let mut found =
            Found { event: self.get(&format!("/events/{}", self.event)).await?, ..Found::default() };
        if !field(&found.event, "revision").is_null() {
            self.trace(&mut found).await?;
        }
        found.deliveries = self.deliveries().await?;
        Ok(found)
    }

    /// Asked even where it fails: what became of the deliveries is worth as much.
    async fn trace(&self, found: &mut Found) -> Result<(), Exit> {
        let path = format!("{}/events/{}/trace", self.workspace, self.event);
        let answer = self.client.send(Method::GET, &path, &[("accept", "application/json")], None).await?;
        if answer.status == StatusCode::OK {
            let mut trace = read(&answer.body)?;
            let mut taken = |name| trace.get_mut(name).map(Value::take).unwrap_or_default();
            (found.revision, found.trace) = (taken("revision"), taken("trace"));
            return Ok(());
        }
        found.untraceable = true;
        found.revision = json!({ "id": field(&found.event, "revision"), "number": null });
        // Prints why.
        let _ = answer.good();
        say("its rules cannot be asked again; what follows is what the history has");
        Ok(())
    }

    async fn deliveries(&self) -> Result<Vec<Value>, Exit> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/deliveries?event={}&limit={PAGE_MAX}{cursor}", self.event);
            let mut page = self.get(&path).await?;
            if let Some(items) = page.get_mut("items").and_then(Value::as_array_mut) {
                all.append(items);
            }
            match field(&page, "next").as_str() {
                Some(next) => cursor = format!("&cursor={}", percent(next)),
                None => break,
            }
        }
        all.reverse();
        for delivery in all.iter_mut().take(SHOWN_WHOLE_MAX) {
            let id = delivery["id"].as_str().map(percent).unwrap_or_default();
            *delivery = self.get(&format!("/deliveries/{id}")).await?;
        }
        Ok(all)
    }

    async fn get(&self, path: &str) -> Result<Value, Exit> {
        let path = format!("{}{path}", self.workspace);
        read(&self.client.send(Method::GET, &path, &[], None).await?.good()?)
    }
}

/// A field of an object; null where there is none.
fn field<'v>(object: &'v Value, name: &str) -> &'v Value {
    object.get(name).unwrap_or(&Value::Null)
}

fn read(text: &str) -> Result<Value, Exit> {
    serde_json::from_str(text).map_err(|error| {
        complain(&format!("the answer cannot be read: {error}"));
        Exit::Failed
    })
}

/// An id as one segment of a path.
#[must_use]
pub(super) fn percent(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}
