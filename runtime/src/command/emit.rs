//! `fanwise emit`: sends one event, or a file of them, from the shell.

use std::io::Read;

use reqwest::Method;
use serde_json::{Map, Value};

use super::client::Client;
use super::why::percent;
use crate::config::ClientSettings;
use crate::limits::EVENT_BODY_BYTES_MAX;
use crate::out::{Exit, Out, complain, failed};

/// Arguments of `fanwise emit`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The event's type, such as invoice.paid
    event: String,

    /// The payload as JSON; `-` reads it from stdin
    #[arg(default_value = "{}", value_name = "JSON")]
    payload: String,

    /// What the event is about
    #[arg(long, value_name = "TEXT")]
    resource: Option<String>,

    /// Which one
    #[arg(long, value_name = "TEXT")]
    resource_id: Option<String>,

    /// The event's own id: sending it again changes nothing
    #[arg(long, value_name = "ID")]
    id: Option<String>,

    #[command(flatten)]
    client: ClientSettings,
}

/// Runs it.
pub(super) async fn run(arguments: Arguments) -> Exit {
    match send(&arguments).await {
        Ok(answer) => match Out::default().text(&format!("{}\n", answer.trim_end())) {
            Ok(_) => Exit::Ok,
            Err(error) => failed(&format!("stdout cannot be written: {error}")),
        },
        Err(exit) => exit,
    }
}

async fn send(arguments: &Arguments) -> Result<String, Exit> {
    let text = match arguments.payload.as_str() {
        "-" => {
            let mut text = String::new();
            let limit = EVENT_BODY_BYTES_MAX as u64;
            let read = std::io::stdin().lock().take(limit).read_to_string(&mut text);
            read.map_err(|error| failed(&format!("stdin cannot be read: {error}")))?;
            text
        }
        given => given.to_owned(),
    };
    // The server says what is wrong with the payload and where; here it only has to be one value.
    let payload: Value = serde_json::from_str(&text).map_err(|error| {
        complain(&format!("the payload is not JSON: {error}"));
        Exit::Usage
    })?;
    let mut event = Map::new();
    event.insert("event".to_owned(), arguments.event.clone().into());
    let optional =
        [("resource", &arguments.resource), ("resource_id", &arguments.resource_id), ("id", &arguments.id)];
    for (name, value) in optional {
        if let Some(value) = value {
            event.insert(name.to_owned(), value.clone().into());
        }
    }
    event.insert("payload".to_owned(), payload);
    let client = Client::new(&arguments.client)?;
    let path = format!("/v1/workspaces/{}/events", percent(&arguments.client.workspace));
    let headers = [("content-type", "application/json")];
    client.send(Method::POST, &path, &headers, Some(Value::Object(event).to_string())).await?.good()
}
