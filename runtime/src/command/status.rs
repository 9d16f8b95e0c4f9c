//! `fanwise status`: how a server is doing, for its operator.

use reqwest::Method;
use serde_json::Value;

use super::Output;
use super::client::Client;
use crate::out::{Exit, Out, complain, harmless};
use crate::secret::Secret;

/// Arguments of `fanwise status`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The server
    #[arg(long, env = "FANWISE_SERVER", default_value = "http://127.0.0.1:4080", value_name = "URL")]
    server: String,

    /// The admin key
    #[arg(long, env = "FANWISE_KEY", hide_env_values = true, value_name = "KEY")]
    key: Secret,

    /// Text for people, or the server's JSON
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Runs it. A server that takes no events is a failure (1), so that scripts can ask.
pub(super) async fn run(arguments: Arguments) -> Exit {
    match ask(&arguments).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn ask(arguments: &Arguments) -> Result<Exit, Exit> {
    let client = Client::to(&arguments.server, arguments.key.expose_text().unwrap_or_default())?;
    let answer = client.send(Method::GET, "/v1/status", &[], None).await?.good()?;
    let status: Value = serde_json::from_str(&answer).unwrap_or_default();
    let text = match arguments.output {
        Output::Json => answer,
        Output::Text => shown(&status),
    };
    if let Err(error) = Out::default().text(&format!("{}\n", text.trim_end())) {
        complain(&format!("stdout cannot be written: {error}"));
        return Err(Exit::Failed);
    }
    let ready = status.get("reasons").and_then(Value::as_array).is_some_and(Vec::is_empty);
    Ok(if ready { Exit::Ok } else { Exit::Failed })
}

/// A line for each number, names as in the JSON.
fn shown(status: &Value) -> String {
    let reasons: Vec<&str> = status
        .get("reasons")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let state =
        if reasons.is_empty() { "ready".to_owned() } else { format!("not ready: {}", reasons.join(", ")) };
    let mut lines = vec![harmless(&state)];
    let parts = status.as_object().into_iter().flatten().filter(|(name, _)| *name != "reasons");
    for (name, value) in parts {
        match value {
            Value::Object(inner) => {
                lines.extend(inner.iter().map(|(inner, value)| line(&format!("{name}.{inner}"), value)));
            }
            value => lines.push(line(name, value)),
        }
    }
    lines.join("\n")
}

fn line(name: &str, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{name:<32} {}", harmless(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_comes_first() {
        let well = json!({ "version": "1", "reasons": [], "node": { "pending": 3 } });
        let lines: Vec<String> = shown(&well).lines().map(str::to_owned).collect();
        let words = |at: usize| lines[at].split_whitespace().collect::<Vec<_>>();
        assert_eq!(
            (words(0), words(1), words(2)),
            (vec!["ready"], vec!["version", "1"], vec!["node.pending", "3"])
        );
        let ill = shown(&json!({ "reasons": ["draining", "stopping"] }));
        assert_eq!(ill, "not ready: draining, stopping");
    }
}
