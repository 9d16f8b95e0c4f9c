//! `fanwise tail`: what happens in a workspace, until Ctrl-C.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;

use super::Output;
use super::client::Client;
use super::why::percent;
use crate::config::ClientSettings;
use crate::out::{Exit, Out, Written, complain, harmless, say};

/// Bytes of one line; a server of ours never sends a longer one.
const LINE_BYTES_MAX: usize = 4 << 20;

/// A server that says nothing for so long is gone: it would have said that all is well.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Arguments of `fanwise tail`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only what becomes of deliveries, or only events
    #[arg(long, value_parser = ["all", "events", "deliveries"], default_value = "all", value_name = "WHAT")]
    what: String,

    /// Text for people, or JSON lines as the server writes them
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    client: ClientSettings,
}

/// Runs it.
pub(super) async fn run(arguments: Arguments) -> Exit {
    tokio::select! {
        ended = follow(&arguments) => ended.unwrap_or_else(|exit| exit),
        _ = tokio::signal::ctrl_c() => Exit::Ok,
    }
}

async fn follow(arguments: &Arguments) -> Result<Exit, Exit> {
    let client = Client::new(&arguments.client)?;
    let path =
        format!("/v1/workspaces/{}/tail?what={}", percent(&arguments.client.workspace), arguments.what);
    let mut chunks = client.follow(&path).await?.bytes_stream();
    say("watching; Ctrl-C ends it");
    let (mut out, mut kept) = (Out::default(), Vec::new());
    loop {
        let Ok(chunk) = tokio::time::timeout(SILENCE_MAX, chunks.next()).await else {
            complain("the server says nothing any more");
            return Err(Exit::Unreachable);
        };
        let Some(chunk) = chunk else { break };
        kept.extend_from_slice(&chunk.map_err(|_| cut_off())?);
        while let Some(end) = kept.iter().position(|byte| *byte == b'\n') {
            let rest = kept.split_off(end + 1);
            let line = String::from_utf8_lossy(&kept).trim_end().to_owned();
            kept = rest;
            match print(&mut out, &line, arguments.output) {
                Ok(Written::Yes) => {}
                Ok(Written::ReaderGone) => return Ok(Exit::Ok),
                Err(error) => {
                    complain(&format!("stdout cannot be written: {error}"));
                    return Err(Exit::Failed);
                }
            }
        }
        if kept.len() > LINE_BYTES_MAX {
            return Err(cut_off());
        }
    }
    say("the server ended it");
    Ok(Exit::Unreachable)
}

fn cut_off() -> Exit {
    complain("the answer broke off");
    Exit::Unreachable
}

fn print(out: &mut Out, line: &str, output: Output) -> std::io::Result<Written> {
    let text = match output {
        Output::Json => Some(line.to_owned()),
        Output::Text => serde_json::from_str(line).ok().and_then(|value| row(&value)),
    };
    // At once: who watches wants to see it now.
    text.map_or(Ok(Written::Yes), |text| out.text(&format!("{text}\n")))
}

/// One line for people; `None` for what only machines want to know.
fn row(line: &Value) -> Option<String> {
    let text = |path: &str| {
        let found = line.pointer(path).unwrap_or(&Value::Null);
        harmless(&found.as_str().map_or_else(|| found.to_string(), str::to_owned))
    };
    let path = || {
        format!(
            "{} → {}.{}",
            text("/delivery/rule"),
            text("/delivery/connection_name"),
            text("/delivery/action")
        )
    };
    match line.get("kind").and_then(Value::as_str)? {
        "event" => {
            let rules = line.pointer("/event/rules").and_then(Value::as_array).map_or(0, Vec::len);
            let (at, kind, id) = (text("/event/received_at"), text("/event/type"), text("/event/id"));
            Some(format!("{at}  event    {kind}  {id}  rules: {rules}"))
        }
        "attempt" => {
            let (at, outcome, state) =
                (text("/attempt/started_at"), text("/attempt/outcome"), text("/delivery/state"));
            Some(format!("{at}  attempt  {}  {}  {outcome}, then {state}", path(), text("/delivery/id")))
        }
        "settled" => {
            let (at, state) = (text("/delivery/changed_at"), text("/delivery/state"));
            Some(format!("{at}  settled  {}  {}  {state}", path(), text("/delivery/id")))
        }
        "missed" => {
            let or_more = if line.get("or_more") == Some(&Value::Bool(true)) { " or more" } else { "" };
            Some(format!("… {}{or_more} lines missed: this reader is too slow", text("/count")))
        }
        "end" => Some(format!("the server ends it: {}", text("/reason"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_line_has_its_text() {
        let delivery = json!({ "id": "dlv_1", "rule": "paid", "connection_name": "ledger", "action": "send_webhook", "state": "delivered", "changed_at": "T" });
        for (line, expected) in [
            (
                json!({ "kind": "event", "event": { "received_at": "T", "type": "a.b", "id": "evt_1\u{1b}", "rules": ["paid"] } }),
                Some("T  event    a.b  evt_1\\u{1b}  rules: 1"),
            ),
            (
                json!({ "kind": "attempt", "delivery": delivery, "attempt": { "started_at": "T", "outcome": "delivered" } }),
                Some("T  attempt  paid → ledger.send_webhook  dlv_1  delivered, then delivered"),
            ),
            (
                json!({ "kind": "settled", "delivery": delivery }),
                Some("T  settled  paid → ledger.send_webhook  dlv_1  delivered"),
            ),
            (
                json!({ "kind": "missed", "count": 3, "or_more": true }),
                Some("… 3 or more lines missed: this reader is too slow"),
            ),
            (json!({ "kind": "end", "reason": "stopping" }), Some("the server ends it: stopping")),
            (json!({ "kind": "alive" }), None),
        ] {
            assert_eq!(row(&line).as_deref(), expected, "{line}");
        }
    }
}
