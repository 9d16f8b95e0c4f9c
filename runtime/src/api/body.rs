//! Bodies of requests: unpacked and read to the end within a size and a time, or refused.

pub mod unpack;

use std::time::Instant;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;

use self::unpack::Unpacker;
use super::problem::{Kind, Problem};
use crate::limits::{
    BODY_BYTES_PER_SECOND_MIN, BODY_RATE_WINDOW, BODY_TIMEOUT, DRAIN_TIMEOUT, DRAINED_BYTES_MAX,
    EVENT_BODY_BYTES_MAX,
};

/// What a body says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `application/json`, or nothing said.
    Json,
    /// `application/x-ndjson`: one JSON value per line.
    Lines,
    /// `application/cloudevents+json`: a CloudEvent in the structured mode.
    CloudEvent,
    /// `application/cloudevents-batch+json`: a list of them.
    CloudEvents,
}

impl Content {
    fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Lines => "application/x-ndjson",
            Self::CloudEvent => "application/cloudevents+json",
            Self::CloudEvents => "application/cloudevents-batch+json",
        }
    }
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
        Some("application/cloudevents+json") => Some(Content::CloudEvent),
        Some("application/cloudevents-batch+json") => Some(Content::CloudEvents),
        Some(_) => None,
    };
    content.filter(|content| taken.contains(content)).ok_or_else(|| {
        let names: Vec<_> = taken.iter().map(|content| content.name()).collect();
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

/// Reads a body to its end, whatever it is. The size is that of the unpacked body.
///
/// # Errors
/// `payload-too-large`, `timeout`, `unsupported-media-type` for a packing that is not known, or
/// `invalid-request` when the client broke off.
pub async fn whole(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let unpacker = Unpacker::of(headers, Some(bytes_max))?;
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut body = body;
    if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
        // Who waits for our word before sending gets it at once.
        if !headers.contains_key(EXPECT) {
            drain(body).await;
        }
        return Err(too_large(bytes_max));
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, collect(&mut body, bytes_max, unpacker)).await;
    match read {
        Err(_) => {
            let detail = format!("the body took longer than {} s", BODY_TIMEOUT.as_secs());
            Err(Problem::new(Kind::Timeout, detail))
        }
        Ok(Err(problem)) if problem.kind() == Kind::PayloadTooLarge => {
            drain(body).await;
            Err(problem)
        }
        Ok(read) => read,
    }
}

/// Reads to the end.
async fn collect(body: &mut Body, bytes_max: usize, unpacker: Option<Unpacker>) -> Result<Bytes, Problem> {
    let mut unpacker = unpacker;
    let mut whole = BytesMut::new();
    let mut pace = Pace::new();
    loop {
        let frame = tokio::time::timeout(pace.left(), body.frame()).await;
        let Some(frame) = frame.map_err(|_| slow())? else { break };
        let frame = frame.map_err(|_| Problem::new(Kind::InvalidRequest, "the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        pace.took(data.len());
        let data = match &mut unpacker {
            Some(unpacker) => unpacker.push(&data)?,
            None => data,
        };
        if whole.len() + data.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        // One frame is the usual case, and needs no copy.
        if whole.is_empty() && unpacker.is_none() && body.is_end_stream() {
            return Ok(data);
        }
        whole.extend_from_slice(&data);
    }
    if let Some(unpacker) = unpacker {
        unpacker.finish()?;
    }
    Ok(whole.freeze())
}

fn slow() -> Problem {
    let detail = format!("the body came slower than {BODY_BYTES_PER_SECOND_MIN} bytes a second");
    Problem::new(Kind::Timeout, detail)
}

/// Whether a body comes fast enough: each window must bring its share.
struct Pace {
    window: Instant,
    bytes: usize,
}

impl Pace {
    fn new() -> Self {
        Self { window: Instant::now(), bytes: 0 }
    }

    /// What is left of the window.
    fn left(&self) -> std::time::Duration {
        BODY_RATE_WINDOW.saturating_sub(self.window.elapsed())
    }

    fn took(&mut self, bytes: usize) {
        self.bytes += bytes;
        let share = BODY_BYTES_PER_SECOND_MIN.saturating_mul(BODY_RATE_WINDOW.as_secs() as usize);
        if self.bytes >= share {
            *self = Self::new();
        }
    }
}

/// Turns a request away before its body was read. A short body is read all the same, unless its client
/// waits for our word, so that the client sees the answer and may use its connection again.
pub async fn turn_away(headers: &HeaderMap, body: Body) {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes <= EVENT_BODY_BYTES_MAX) && !headers.contains_key(EXPECT) {
        drain(body).await;
    }
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
