//! A connection in memory: where deliveries go and what signs them.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};

use super::record::ConnectionRecord;
use crate::deliver::target::Target;
use crate::id::ConnectionId;
use crate::key::NoRandomness;
use crate::secret::Secret;

/// The integrations that this build delivers to.
pub const DELIVERED_INTEGRATIONS: &[&str] = &["webhook"];

/// Bytes of a signing secret; Standard Webhooks allows these.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Bytes of a signing secret that is made here.
const SECRET_BYTES_MADE: usize = 32;

/// What a signing secret begins with (Standard Webhooks).
const SECRET_PREFIX: &str = "whsec_";

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
    /// Signing secrets, newest first.
    pub secrets: Vec<Arc<Secret>>,
    /// As it is stored.
    pub record: Arc<ConnectionRecord>,
}

impl Connection {
    /// Joins what is stored with the secrets that were opened.
    #[must_use]
    pub fn new(record: ConnectionRecord, secrets: Vec<Arc<Secret>>) -> Self {
        Self {
            id: record.id.clone(),
            name: Arc::clone(&record.name),
            integration: Arc::clone(&record.integration),
            url: Arc::clone(&record.url),
            secrets,
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
            secrets: self.secrets.clone(),
            headers: Vec::new(),
            version: self.record.version,
            enabled: self.record.enabled,
            addresses: None,
        }
    }
}

/// Makes a signing secret: `whsec_` and base64.
///
/// # Errors
/// [`NoRandomness`].
pub fn fresh_secret() -> Result<Secret, NoRandomness> {
    let mut bytes = [0; SECRET_BYTES_MADE];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(Secret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)).into_bytes()))
}

/// What is wrong with a signing secret that somebody brings; `None` when it is fine.
#[must_use]
pub fn secret_mistake(text: &str) -> Option<&'static str> {
    let Some(encoded) = text.strip_prefix(SECRET_PREFIX) else { return Some("must begin with `whsec_`") };
    match STANDARD.decode(encoded) {
        Err(_) => Some("must be base64 after `whsec_`"),
        Ok(bytes) if !SECRET_BYTES.contains(&bytes.len()) => Some("must stand for 24 to 64 bytes"),
        Ok(_) => None,
    }
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

    #[test]
    fn a_fresh_secret_is_a_good_one() {
        let secret = fresh_secret().unwrap();
        assert_eq!(secret_mistake(secret.expose_text().unwrap()), None);
        for bad in ["", "whsec_", "whsec_AAAA", "whsec_!!!", "sec_AAAA"] {
            assert!(secret_mistake(bad).is_some(), "{bad}");
        }
    }
}
