//! What sends a request and reads its answer: the trait, and how an exchange went.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::{HeaderMap, StatusCode};

use super::request::Request;
use crate::engine::Millis;
use crate::model::{Outcome, Timings};

/// An answer: its head, and as much of its body as is kept.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// At most [`crate::model::RESPONSE_KEPT_BYTES_MAX`] bytes of its body.
    pub body: Bytes,
    /// `body` is all of it. False for a body that was too long, too slow or broken off; the status stands
    /// all the same.
    pub whole: bool,
    /// How the exchange went.
    pub course: Course,
}

/// No answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub outcome: Outcome,
    /// The cause in words.
    pub error: String,
    /// When it may be worth trying again, where that is known.
    pub retry_after: Option<Millis>,
    /// How far the exchange came.
    pub course: Course,
}

impl Failure {
    /// A failure; how far the exchange came is added by whoever knows.
    #[must_use]
    pub fn new(outcome: Outcome, error: impl Into<String>) -> Self {
        Self { outcome, error: error.into(), retry_after: None, course: Course::default() }
    }
}

/// How an exchange went, as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Where the request went. None with an egress proxy: what it calls is not known here, and where it
    /// stands itself is the operator's business and no workspace's.
    pub address: Option<SocketAddr>,
    /// Where the time went.
    pub timings: Timings,
}

/// Sends requests. A script stands in for it in tests.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request and waits for its answer, for at most `timeout` in all.
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Answer, Failure>>;
}
