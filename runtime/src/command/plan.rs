//! `fanwise plan`: what rule files would change about the events that came last.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};

use super::asked::{OfEvent, query};
use super::client::Client;
use super::why::percent;
use super::{Output, bundle};
use crate::config::ClientSettings;
use crate::out::{Exit, Out, complain, harmless, say};

/// Arguments of `fanwise plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Rule files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Events to look at, newest first
    #[arg(long, value_name = "COUNT")]
    last: Option<usize>,

    #[command(flatten)]
    asked: OfEvent,

    /// How the differences are written
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    client: ClientSettings,
}

/// Runs it.
pub(super) async fn run(arguments: Arguments) -> Exit {
    match plan(&arguments).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn plan(arguments: &Arguments) -> Result<Exit, Exit> {
    let failed = |text: &dyn std::fmt::Display| {
        complain(&text.to_string());
        Exit::Failed
    };
    let bundle = bundle::read(&arguments.paths).map_err(|error| failed(&error))?;
    let files = bundle.files.iter().map(|file| json!({ "path": file.path, "text": file.text }));
    let body = json!({ "files": files.collect::<Vec<_>>() }).to_string();
    let last = arguments.last.map(|last| last.to_string());
    let mut given = arguments.asked.given();
    given.extend(last.as_deref().map(|last| ("last", last)));
    let path =
        format!("/v1/workspaces/{}/rules/plan?{}", percent(&arguments.client.workspace), query(&given));
    let client = Client::new(&arguments.client)?;
    let answer = client.send(Method::POST, &path, &[], Some(body)).await?.good()?;
    let answer: Value = serde_json::from_str(&answer).map_err(|error| failed(&error))?;
    let differences = answer.get("differences").cloned().unwrap_or_default();
    let text = match arguments.output {
        Output::Json => format!("{answer}\n"),
        Output::Text => {
            if let Some(warnings) = answer.get("text").and_then(Value::as_str).filter(|text| !text.is_empty())
            {
                say(warnings);
            }
            words(&differences)
        }
    };
    let _ = Out::default().text(&text).map_err(|error| failed(&error))?;
    let changed = differences.get("events_changed").and_then(Value::as_u64).unwrap_or_default();
    Ok(if changed == 0 { Exit::Ok } else { Exit::Differences })
}

/// The differences, for people: a line per rule, and one per example.
fn words(differences: &Value) -> String {
    let count = |of: &Value, name: &str| of.get(name).and_then(Value::as_u64).unwrap_or_default();
    let mut text = format!(
        "{} events, {} with other deliveries\n",
        count(differences, "events"),
        count(differences, "events_changed")
    );
    let rules = differences.get("rules").and_then(Value::as_object);
    for (rule, one) in rules.into_iter().flatten() {
        let [added, removed, changed, same] =
            ["added", "removed", "changed", "same"].map(|name| count(one, name));
        text.push_str(&format!("{}: +{added} -{removed} ~{changed} ={same}\n", harmless(rule)));
        for example in one.get("examples").and_then(Value::as_array).into_iter().flatten() {
            let word = |name: &str| example.get(name).and_then(Value::as_str).unwrap_or_default();
            let mark = match word("kind") {
                "added" => '+',
                "removed" => '-',
                _ => '~',
            };
            text.push_str(&harmless(&format!("  {mark} {} {}", word("type"), word("event"))));
            for (name, sign) in [("before", "-"), ("after", "+")] {
                if let Some(side) = example.get(name) {
                    text.push_str(&harmless(&format!("  {sign} {side}")));
                }
            }
            text.push('\n');
        }
    }
    text
}
