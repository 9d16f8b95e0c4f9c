//! `fanwise events` and `fanwise deliveries`: what happened, newest first.

use reqwest::Method;
use serde_json::Value;

use super::Output;
use super::asked::{OfDelivery, OfEvent, query};
use super::client::Client;
use super::why::percent;
use crate::config::ClientSettings;
use crate::limits::PAGE_MAX;
use crate::out::{Exit, Out, Written, complain, harmless};

/// Arguments of `fanwise events`.
#[derive(Debug, clap::Args)]
pub(super) struct Events {
    #[command(flatten)]
    asked: OfEvent,

    #[command(flatten)]
    list: List,
}

/// Arguments of `fanwise deliveries`.
#[derive(Debug, clap::Args)]
pub(super) struct Deliveries {
    #[command(flatten)]
    asked: OfEvent,

    #[command(flatten)]
    delivery: OfDelivery,

    #[command(flatten)]
    list: List,
}

/// What every list takes.
#[derive(Debug, clap::Args)]
struct List {
    /// So many at most
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    limit: usize,

    /// Text for people, or one JSON object per line
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    client: ClientSettings,
}

/// Runs `fanwise events`.
pub(super) async fn events(arguments: Events) -> Exit {
    let given = arguments.asked.given();
    arguments.list.run("events", &given, &["received_at", "type", "id", "resource_id", "rules"]).await
}

/// Runs `fanwise deliveries`.
pub(super) async fn deliveries(arguments: Deliveries) -> Exit {
    let mut given = arguments.asked.given();
    given.extend(arguments.delivery.given());
    let columns = ["created_at", "state", "id", "event", "rule", "connection_name", "attempts", "reason"];
    arguments.list.run("deliveries", &given, &columns).await
}

impl List {
    async fn run(&self, what: &str, given: &[(&'static str, &str)], columns: &[&str]) -> Exit {
        match self.pages(what, given, columns).await {
            Ok(()) => Exit::Ok,
            Err(exit) => exit,
        }
    }

    async fn pages(&self, what: &str, given: &[(&'static str, &str)], columns: &[&str]) -> Result<(), Exit> {
        let client = Client::new(&self.client)?;
        let base = format!("/v1/workspaces/{}/{what}", percent(&self.client.workspace));
        let (mut out, mut left) = (Out::default(), self.limit);
        let mut cursor: Option<String> = None;
        while left > 0 {
            let limit = left.min(PAGE_MAX).to_string();
            let mut asked = given.to_vec();
            asked.push(("limit", &limit));
            asked.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let path = format!("{base}?{}", query(&asked));
            let answer = client.send(Method::GET, &path, &[], None).await?.good()?;
            let page: Value = serde_json::from_str(&answer).map_err(|error| failed(&error))?;
            let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            left = left.saturating_sub(items.len());
            for item in items {
                let line = match self.output {
                    Output::Json => item.to_string(),
                    Output::Text => row(item, columns),
                };
                if out.line(&line).map_err(|error| failed(&error))? == Written::ReaderGone {
                    return Ok(());
                }
            }
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        out.flush().map(drop).map_err(|error| failed(&error))
    }
}

/// One line for people; what is not there is a dash.
fn row(item: &Value, columns: &[&str]) -> String {
    let cell = |name: &&str| match item.get(*name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => harmless(text),
        Some(Value::Array(list)) if list.is_empty() => "-".to_owned(),
        Some(Value::Array(list)) => {
            let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            harmless(&texts.join(","))
        }
        Some(other) => other.to_string(),
    };
    columns.iter().map(cell).collect::<Vec<_>>().join("  ")
}

fn failed(error: &dyn std::fmt::Display) -> Exit {
    complain(&format!("the answer cannot be read or written: {error}"));
    Exit::Failed
}
