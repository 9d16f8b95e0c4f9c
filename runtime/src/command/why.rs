//! `fanwise why`: the trace of an event, for people.

use reqwest::Method;

use super::Output;
use super::client::Client;
use crate::config::ClientSettings;
use crate::out::{Exit, Out, complain};

/// Arguments of `fanwise why`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The event's id
    event: String,

    #[command(flatten)]
    client: ClientSettings,

    /// How the trace is written
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Runs it.
pub(super) async fn run(arguments: Arguments) -> Exit {
    match fetch(&arguments).await {
        Ok(text) => match Out::default().text(&format!("{}\n", text.trim_end())) {
            Ok(_) => Exit::Ok,
            Err(error) => {
                complain(&format!("stdout cannot be written: {error}"));
                Exit::Failed
            }
        },
        Err(exit) => exit,
    }
}

async fn fetch(arguments: &Arguments) -> Result<String, Exit> {
    let client = Client::new(&arguments.client)?;
    let event = percent(&arguments.event);
    let path = format!("/v1/workspaces/{}/events/{event}/trace", percent(&arguments.client.workspace));
    let accept = match arguments.output {
        Output::Text => "text/plain",
        Output::Json => "application/json",
    };
    client.send(Method::GET, &path, &[("accept", accept)], None).await?.good()
}

/// An id as one segment of a path.
#[must_use]
pub(super) fn percent(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}
