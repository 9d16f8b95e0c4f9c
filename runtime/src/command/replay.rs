//! `fanwise replay`: one delivery again, or many by a filter.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::Output;
use super::asked::{OfDelivery, OfEvent, object};
use super::client::Client;
use super::why::percent;
use crate::config::ClientSettings;
use crate::out::{Exit, Out, complain, harmless, say};

/// Progress is asked for that often.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// Arguments of `fanwise replay`. Without a delivery's id, the flags say which ones.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// One delivery
    #[arg(value_name = "DELIVERY")]
    delivery: Option<String>,

    #[command(flatten)]
    asked: OfEvent,

    #[command(flatten)]
    of: OfDelivery,

    /// Only say how many there are
    #[arg(long)]
    preview: bool,

    /// Match the events again by the rules that are live now, instead of sending what was recorded
    #[arg(long)]
    rematch: bool,

    /// Deliveries a second
    #[arg(long, value_name = "COUNT")]
    rate: Option<u32>,

    /// The replay's own id: asking for it again changes nothing
    #[arg(long, value_name = "ID")]
    id: Option<String>,

    /// Do not wait for its end
    #[arg(long)]
    detach: bool,

    /// End the replay with that id
    #[arg(long, value_name = "ID", conflicts_with_all = ["delivery", "preview", "rematch", "id"])]
    cancel: Option<String>,

    /// How the result is written
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    client: ClientSettings,
}

/// Runs it.
pub(super) async fn run(arguments: Arguments) -> Exit {
    match replay(&arguments).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn replay(arguments: &Arguments) -> Result<Exit, Exit> {
    let client = Client::new(&arguments.client)?;
    let base = format!("/v1/workspaces/{}", percent(&arguments.client.workspace));
    if let Some(id) = &arguments.cancel {
        let path = format!("{base}/replays/{}", percent(id));
        client.send(Method::DELETE, &path, &[], None).await?.good()?;
        return Ok(Exit::Ok);
    }
    let mut given = arguments.asked.given();
    given.extend(arguments.of.given());
    if let Some(delivery) = &arguments.delivery {
        if !given.is_empty() || arguments.preview || arguments.rematch {
            complain("one delivery is replayed as it was; leave the other flags out");
            return Err(Exit::Usage);
        }
        let path = format!("{base}/deliveries/{}/replay", percent(delivery));
        return print(
            &json_of(&client.send(Method::POST, &path, &[], None).await?.good()?)?,
            arguments.output,
        );
    }
    if given.is_empty() {
        complain("name a delivery, or say which ones, such as `--state dead_letter`");
        return Err(Exit::Usage);
    }
    let mut body = json!({
        "filter": object(&given),
        "mode": if arguments.rematch { "rematch" } else { "recorded" },
        "preview": arguments.preview,
    });
    if let Some(body) = body.as_object_mut() {
        body.extend(arguments.rate.map(|rate| ("rate".to_owned(), rate.into())));
        body.extend(arguments.id.as_ref().map(|id| ("id".to_owned(), id.clone().into())));
    }
    let path = format!("{base}/replays");
    let answer = client.send(Method::POST, &path, &[], Some(body.to_string())).await?.good()?;
    let begun = json_of(&answer)?;
    if arguments.preview || arguments.detach {
        return print(&begun, arguments.output);
    }
    let path = format!("{path}/{}", percent(begun.get("id").and_then(Value::as_str).unwrap_or_default()));
    loop {
        let now = json_of(&client.send(Method::GET, &path, &[], None).await?.good()?)?;
        match now.get("state").and_then(Value::as_str) {
            Some("running") => say(&words(&now)),
            Some("failed") => {
                print(&now, arguments.output)?;
                return Err(Exit::Failed);
            }
            _ => return print(&now, arguments.output),
        }
        tokio::time::sleep(ASKED_EVERY).await;
    }
}

fn json_of(text: &str) -> Result<Value, Exit> {
    serde_json::from_str(text).map_err(|error| {
        complain(&format!("the answer cannot be read: {error}"));
        Exit::Failed
    })
}

fn print(answer: &Value, output: Output) -> Result<Exit, Exit> {
    let text = match output {
        Output::Json => answer.to_string(),
        Output::Text => words(answer),
    };
    match Out::default().text(&format!("{text}\n")) {
        Ok(_) => Ok(Exit::Ok),
        Err(error) => {
            complain(&format!("stdout cannot be written: {error}"));
            Err(Exit::Failed)
        }
    }
}

/// What an answer says, for people.
fn words(answer: &Value) -> String {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
    let words = if answer.get("preview").is_some() {
        let all = answer.get("complete") == Some(&Value::Bool(true));
        format!("{}{} found", count("matched"), if all { "" } else { " or more" })
    } else if answer.get("replay_of").is_some() {
        format!("{} replays {}", text("id"), text("replay_of"))
    } else {
        let because = text("because");
        let because = if because.is_empty() { because } else { format!(" ({because})") };
        let [matched, replayed, repeated, rest] =
            ["matched", "replayed", "repeated", "not_settled"].map(count);
        format!(
            "{} {}{because}: {matched} found, {replayed} replayed, {repeated} owed before, {rest} not settled",
            text("id"),
            text("state"),
        )
    };
    harmless(&words)
}
