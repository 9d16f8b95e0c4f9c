//! Bodies of requests: read to the end within a size and a time, or refused.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;

use super::problem::{Kind, Problem};
use crate::limits::{BODY_TIMEOUT, DRAIN_TIMEOUT, DRAINED_BYTES_MAX};

/// What a body says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `application/json`, or nothing said.
    Json,
    /// `application/x-ndjson`: one JSON value per line.
    Lines,
}

/// Reads the content type.
///
/// # Errors
/// `unsupported-media-type` for anything that is not among `taken`.
pub fn content(headers: &HeaderMap, taken: &[Content]) -> Result<Content, Problem> {
    let said = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let essence = said.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let content = match essence.as_deref() {
        // curl says so when told nothing; JSON that is not JSON is found out soon enough.
        None | Some("application/json" | "application/x-www-form-urlencoded" | "") => Some(Content::Json),
        Some("application/x-ndjson" | "application/ndjson" | "application/jsonl") => Some(Content::Lines),
        Some(_) => None,
    };
    content.filter(|content| taken.contains(content)).ok_or_else(|| {
        let names = taken.iter().map(|content| match content {
            Content::Json => "application/json",
            Content::Lines => "application/x-ndjson",
        });
        let names: Vec<_> = names.collect();
        Problem::new(Kind::UnsupportedMediaType, format!("send {}", names.join(" or ")))
    })
}

/// Reads a JSON body to its end.
///
/// # Errors
/// `unsupported-media-type`, `payload-too-large`, `timeout`, or `invalid-request` when the client
/// broke off.
pub async fn json_bytes(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    content(headers, &[Content::Json])?;
    whole(headers, body, bytes_max).await
}

/// Reads a body to its end, whatever it is.
///
/// # Errors
/// `payload-too-large`, `timeout`, or `invalid-request` when the client broke off.
pub async fn whole(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut body = body;
    if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
        // Who waits for our word before sending gets it at once.
        if !headers.contains_key(EXPECT) {
            drain(body).await;
        }
        return Err(too_large(bytes_max));
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, collect(&mut body, bytes_max)).await;
    match read {
        Err(_) => {
            let detail = format!("the body took longer than {} s", BODY_TIMEOUT.as_secs());
            Err(Problem::new(Kind::Timeout, detail))
        }
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => {
            drain(body).await;
            Err(too_large(bytes_max))
        }
        Ok(Err(_)) => Err(Problem::new(Kind::InvalidRequest, "the body broke off")),
    }
}

/// Reads to the end; `None` when it is longer than allowed.
async fn collect(body: &mut Body, bytes_max: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if whole.len() + data.len() > bytes_max {
            return Ok(None);
        }
        // One frame is the usual case, and needs no copy.
        if whole.is_empty() && body.is_end_stream() {
            return Ok(Some(data));
        }
        whole.extend_from_slice(&data);
    }
    Ok(Some(whole.freeze()))
}

/// Reads on for a while and keeps nothing: a connection that is closed while its client still sends is
/// reset, and the client would never see why it was refused.
async fn drain(mut body: Body) {
    let reading = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > DRAINED_BYTES_MAX {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, reading).await;
}

/// The problem of a body over its limit.
#[must_use]
pub fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("the body may have at most {bytes_max} bytes");
    Problem::new(Kind::PayloadTooLarge, detail).with("bytes_max", bytes_max.into())
}
