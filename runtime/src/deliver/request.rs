//! Makes the HTTP request of one attempt from a delivery's input and its connection's settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use url::Url;

use super::address::{AddressError, AddressPolicy, check_url};
use super::sign::SecretError;
use super::sign::scheme::Signed;
use super::target::{SECRETS_MAX, Target};
use super::tls::{TlsMistake, TlsProfile};
use crate::id::WorkspaceId;
use crate::model::DeliveryRecord;

/// An input's own headers, at most.
pub const INPUT_HEADERS_MAX: usize = 32;

/// Bytes of an input's own headers, names and values, at most.
pub const INPUT_HEADER_BYTES_MAX: usize = 8 << 10;

/// How this server names itself.
const AGENT: &str = concat!("Fanwise/", env!("CARGO_PKG_VERSION"));

/// Names that no input sets, and no scheme of signatures: they frame the message, or the server itself says them.
const REFUSED_HEADERS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Beginnings of further such names.
const REFUSED_PREFIXES: &[&str] = &["webhook-", "fanwise-", "proxy-"];

/// A request that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Which addresses may be called.
    pub addresses: AddressPolicy,
    /// Who asks: what it may make this server look up is counted.
    pub workspace: WorkspaceId,
    /// Certificates of the connection's own.
    pub tls: Option<Arc<TlsProfile>>,
}

/// Why there is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The input is not what the action takes. It will not be any better next time.
    #[error("{0}")]
    Input(String),
    /// The connection's URL is not called.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The connection's secret cannot sign.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The connection's certificates cannot be used.
    #[error("the connection's certificates cannot be used: {0}")]
    Certificates(TlsMistake),
}

/// Why a header cannot be sent. Names only: a rule may put a credential into a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It is no header name.
    #[error("`{0}` is not a header name")]
    Name(String),
    /// The server sets it itself.
    #[error("`{0}` cannot be set")]
    Refused(String),
    /// Its value has a character that does not belong there.
    #[error("`{0}` has a value with a line break or another control character")]
    Value(String),
}

/// The input of `send_webhook`.
#[derive(Deserialize)]
struct Input<'a> {
    #[serde(default, borrow, deserialize_with = "present")]
    body: Option<&'a RawValue>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Tells `null` from nothing: who maps a body of `null` gets one.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Makes the request. The signature is new at every attempt, because it covers the time.
///
/// # Errors
/// See [`RequestError`].
pub fn request(
    delivery: &DeliveryRecord,
    target: &Target,
    addresses: AddressPolicy,
    now: Timestamp,
) -> Result<Request, RequestError> {
    let input = delivery.input.as_ref().map_err(|why| RequestError::Input(why.to_string()))?;
    let wrong = |why: &dyn std::fmt::Display| {
        RequestError::Input(format!("the input is not what `send_webhook` takes: {why}"))
    };
    // A list would pass for a record without fields.
    if !input.trim_start().starts_with('{') {
        return Err(wrong(&"it is not a record"));
    }
    let input: Input<'_> = serde_json::from_str(input).map_err(|error| wrong(&error))?;
    let url = check_url(&target.url, addresses)?;
    // A rule that writes no body has the payload here already. One that was written and has no value
    // must not come to post something else.
    let body = input.body.ok_or_else(|| wrong(&"`body` has no value"))?;
    let body = Bytes::copy_from_slice(body.get().as_bytes());
    let mut headers = HeaderMap::new();
    let bytes = input.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if input.headers.len() > INPUT_HEADERS_MAX || bytes > INPUT_HEADER_BYTES_MAX {
        let text = format!(
            "at most {INPUT_HEADERS_MAX} headers of {INPUT_HEADER_BYTES_MAX} bytes in all can be sent"
        );
        return Err(RequestError::Input(text));
    }
    for (name, value) in &input.headers {
        let (name, value) =
            header(name, value).map_err(|error| RequestError::Input(format!("the header {error}")))?;
        headers.insert(name, value);
    }
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // A replay is the same delivery to its receiver, who may want to know that it is one.
    let id = delivery.replay_of.as_ref().unwrap_or(&delivery.id);
    if delivery.replay_of.is_some() {
        headers.insert("fanwise-replay", HeaderValue::from_static("true"));
    }
    let own = |text: &str| {
        HeaderValue::from_str(text).map_err(|_| RequestError::Input("the delivery's id is not text".into()))
    };
    headers.insert("webhook-id", own(id.as_str())?);
    headers.insert("webhook-timestamp", HeaderValue::from(now.as_second()));
    let secrets = target.secrets.iter().take(SECRETS_MAX).map(|secret| &**secret);
    let what = Signed { id: id.as_str(), seconds: now.as_second(), body: &body };
    if let Some((name, value)) = target.signing.header(secrets, what)? {
        headers.insert(name, value);
    }
    let tls = target.tls.clone().map_err(RequestError::Certificates)?;
    Ok(Request { url, headers, body, addresses, workspace: delivery.workspace.clone(), tls })
}

/// A header that an input or a scheme of signatures may set.
///
/// # Errors
/// See [`HeaderError`].
pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), HeaderError> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::Name(name.to_owned()))?;
    let lower = parsed.as_str();
    if REFUSED_HEADERS.contains(&lower) || REFUSED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(HeaderError::Refused(name.to_owned()));
    }
    let value = HeaderValue::from_str(value)
        .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
        .map_err(|_| HeaderError::Value(name.to_owned()))?;
    Ok((parsed, value))
}
