//! Talks to a server for the commands that need one.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::config::ClientSettings;
use crate::out::{Exit, complain, harmless, say};

/// How long a command waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A server's answer.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: String,
}

/// A way to reach a server with a key.
pub struct Client {
    http: reqwest::Client,
    server: String,
    key: String,
}

impl Client {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    /// An exit code, after the reason was printed.
    pub fn new(settings: &ClientSettings) -> Result<Self, Exit> {
        Self::to(&settings.server, settings.key.expose_text().unwrap_or_default())
    }

    /// Prepares a client for that server and key.
    ///
    /// # Errors
    /// An exit code, after the reason was printed.
    pub fn to(server: &str, key: &str) -> Result<Self, Exit> {
        crate::server::install_crypto();
        let http =
            reqwest::Client::builder().no_proxy().timeout(ANSWER_TIMEOUT).build().map_err(|error| {
                complain(&format!("HTTP cannot be set up: {error}"));
                Exit::Failed
            })?;
        Ok(Self { http, server: server.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    /// Asks for an answer that has no end. Only its beginning must come in time.
    ///
    /// # Errors
    /// As for [`Self::send`]; a refusal is printed.
    pub async fn follow(&self, path: &str) -> Result<reqwest::Response, Exit> {
        let endless = Duration::from_secs(365 * 24 * 3_600);
        let request = self.http.get(format!("{}{path}", self.server)).bearer_auth(&self.key).timeout(endless);
        let sent = tokio::time::timeout(ANSWER_TIMEOUT, request.send()).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let words = super::serve::with_causes(&error.without_url());
                complain(&format!("{} cannot be reached: {words}", self.server));
                return Err(Exit::Unreachable);
            }
            Err(_) => {
                complain(&format!("{} does not answer", self.server));
                return Err(Exit::Unreachable);
            }
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, body) = (response.status(), response.text().await.unwrap_or_default());
        Answer { status, body }.good().and(Err(Exit::Failed))
    }

    /// Sends a request and reads the answer to its end.
    ///
    /// # Errors
    /// [`Exit::Unreachable`] when there is no answer, after the reason was printed.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Answer, Exit> {
        let mut request = self.http.request(method, format!("{}{path}", self.server)).bearer_auth(&self.key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let unreachable = |error: reqwest::Error| {
            let words = super::serve::with_causes(&error.without_url());
            complain(&format!("{} cannot be reached: {words}", self.server));
            Exit::Unreachable
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.text().await.map_err(unreachable)?;
        Ok(Answer { status, body })
    }
}

impl Answer {
    /// The body of a good answer.
    ///
    /// # Errors
    /// [`Exit::Failed`] or [`Exit::RuleErrors`] after the problem was printed.
    pub fn good(self) -> Result<String, Exit> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let word = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (title, detail) = (word("title"), word("detail"));
        let text = if title.is_empty() { self.status.to_string() } else { format!("{title}: {detail}") };
        complain(&harmless(&text));
        // Messages about rules or a condition come with their places, as text for people.
        match problem.get("text").and_then(Value::as_str) {
            Some(messages) => {
                say(messages);
                Err(Exit::RuleErrors)
            }
            None => Err(Exit::Failed),
        }
    }
}
