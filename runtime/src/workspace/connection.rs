//! A connection in memory: where deliveries go and what signs them.

use std::sync::Arc;

use jiff::Timestamp;

use super::record::ConnectionRecord;
use crate::deliver::sign::scheme::Signing;
use crate::deliver::success::Success;
use crate::deliver::target::Target;
use crate::deliver::tls::{TlsMaterial, TlsMistake, TlsProfile};
use crate::id::ConnectionId;
use crate::key::NoRandomness;
use crate::secret::Secret;

/// The integrations that this build delivers to.
pub const DELIVERED_INTEGRATIONS: &[&str] = &["webhook"];

/// A configured destination of one workspace. A change makes another value.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Its name in rules.
    pub name: Arc<str>,
    /// What it is.
    pub integration: Arc<str>,
    /// Where deliveries go.
    pub url: Arc<str>,
    /// What is secret about it.
    pub credentials: Credentials,
    /// As it is stored.
    pub record: Arc<ConnectionRecord>,
    /// Certificates of its own, or what is wrong with them.
    tls: Result<Option<Arc<TlsProfile>>, TlsMistake>,
    /// Which answers count as delivered.
    success: Option<Arc<Success>>,
}

/// What is secret about a connection, opened.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Signing secrets, newest first.
    pub secrets: Vec<Arc<Secret>>,
    /// The key of its client certificate, as PEM.
    pub client_key: Option<Arc<Secret>>,
}

impl Connection {
    /// Joins what is stored with the secrets that were opened. Both were checked before they were stored;
    /// what this build no longer takes is told at every attempt.
    #[must_use]
    pub fn new(record: ConnectionRecord, credentials: Credentials) -> Self {
        let certificate = record.client_certificate.clone();
        let material =
            TlsMaterial { ca: record.ca.clone(), client: certificate.zip(credentials.client_key.clone()) };
        let success = record.success.as_ref().map(|success| success.ready());
        let success = success.transpose().unwrap_or_else(|(field, words)| {
            tracing::error!(connection = %record.id, field, words, "only 2xx counts as success");
            None
        });
        Self {
            id: record.id.clone(),
            name: Arc::clone(&record.name),
            integration: Arc::clone(&record.integration),
            url: Arc::clone(&record.url),
            credentials,
            tls: material.profile(),
            success,
            record: Arc::new(record),
        }
    }

    /// When it was made.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.record.created_at
    }

    /// What an attempt needs.
    #[must_use]
    pub fn target(&self) -> Target {
        Target {
            url: Arc::clone(&self.url),
            secrets: self.credentials.secrets.clone(),
            signing: self.record.signing.clone(),
            tls: self.tls.clone(),
            success: self.success.clone(),
            version: self.record.version,
            enabled: self.record.enabled,
        }
    }
}

/// Makes a signing secret after Standard Webhooks: `whsec_` and base64.
///
/// # Errors
/// [`NoRandomness`].
pub fn fresh_secret() -> Result<Secret, NoRandomness> {
    Signing::Standard.fresh_secret().map_err(|_| NoRandomness)
}

/// What is wrong with a URL for deliveries; `None` when it is fine. Which addresses may be called is
/// decided at each attempt, when the name is resolved.
#[must_use]
pub fn url_mistake(text: &str) -> Option<&'static str> {
    let Ok(url) = url::Url::parse(text) else {
        return Some("must be an absolute URL such as `https://example.com/hook`");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Some("must begin with `https://` or `http://`");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("must not hold a user name or password");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Some("must name a host");
    }
    url.fragment().map(|_| "must not have a part after `#`")
}

/// Whether a name can stand in a rule file before a dot.
#[must_use]
pub fn is_rule_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked() {
        for good in ["https://example.com", "http://127.0.0.1:80/x?y=z", "https://[::1]/"] {
            assert_eq!(url_mistake(good), None, "{good}");
        }
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "https://u:p@example.com",
            "https://example.com/#x",
            "https://",
        ] {
            assert!(url_mistake(bad).is_some(), "{bad}");
        }
    }
}
