//! One attempt of a delivery, from the connection's settings to an outcome.
//!
//! [`attempt`] is the order of its steps: look the connection up, make the request, sign it, send it,
//! judge the answer. What follows is decided elsewhere ([`crate::engine::decide`]).

pub mod address;
pub mod http;
pub mod outcome;
pub mod request;
pub mod resolve;
pub mod sign;
pub mod success;
pub mod target;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod transport;

use std::sync::Arc;

use hyper::StatusCode;

use self::address::AddressPolicy;
use self::outcome::verdict;
use self::request::{RequestError, request};
use self::success::Success;
use self::target::Connections;
use self::transport::{Answer, Course, Failure, Transport};
use crate::clock::Clock;
use crate::engine::Ending;
use crate::model::{AttemptRecord, DeliveryRecord, Outcome};
use crate::spans::Spans;
use crate::trace_context::TraceContext;

/// What an attempt needs from the node.
pub struct Sender {
    /// Where connections are looked up.
    pub connections: Arc<dyn Connections>,
    /// How requests are sent.
    pub transport: Arc<dyn Transport>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Which addresses may be called.
    pub addresses: AddressPolicy,
    /// Where spans of attempts go.
    pub spans: Spans,
}

/// An attempt that is over.
#[derive(Clone, Debug)]
pub struct Report {
    /// What to keep of it; `None` when there was none.
    pub record: Option<AttemptRecord>,
    /// What it means for the delivery.
    pub ending: Ending,
}

/// Makes one attempt. `context` is the event's place in a distributed trace.
pub async fn attempt(
    sender: &Sender,
    delivery: &DeliveryRecord,
    context: Option<&TraceContext>,
    number: u32,
) -> Report {
    // Looked up every time, so that a corrected URL or secret helps what is pending already.
    let target = sender.connections.target(&delivery.workspace, &delivery.connection);
    let Some(target) = target.filter(|target| target.enabled) else {
        return Report { record: None, ending: Ending::Unusable };
    };
    let started_at = sender.clock.now();
    let span = sender.spans.attempt(delivery, context, number, started_at);
    let mut url = None;
    let end = match request(delivery, &target, sender.addresses, started_at) {
        Ok(mut request) => {
            if let Some(context) = span.context() {
                context.write(&mut request.headers);
            }
            url = span.is_recording().then(|| request.url.clone());
            match sender.transport.send(request, delivery.policy.timeout).await {
                Ok(answer) => answered(answer, target.success.as_deref(), sender),
                Err(failure) => failed(failure),
            }
        }
        Err(error) => failed(Failure::new(outcome_of(&error), error.to_string())),
    };
    let took = sender.clock.now().duration_since(started_at);
    let record = AttemptRecord {
        delivery: delivery.id.clone(),
        number,
        started_at,
        took_micros: u64::try_from(took.as_micros()).unwrap_or(0),
        outcome: end.outcome,
        status: end.status.map(|status| status.as_u16()),
        address: end.course.address.map(|address| address.to_string().into()),
        response: end.response,
        error: end.error.map(Into::into),
        timings: end.course.timings,
        connection_version: target.version,
    };
    span.ended(&record, url.as_ref());
    let (outcome, retry_after, gone_for_good) = (end.outcome, end.retry_after, end.gone_for_good);
    Report { record: Some(record), ending: Ending::Attempt { outcome, retry_after, gone_for_good } }
}

/// How the exchange ended.
struct End {
    outcome: Outcome,
    status: Option<StatusCode>,
    course: Course,
    response: Option<Arc<str>>,
    error: Option<String>,
    retry_after: Option<crate::engine::Millis>,
    gone_for_good: bool,
}

fn answered(answer: Answer, success: Option<&Success>, sender: &Sender) -> End {
    let verdict = verdict(&answer, success, sender.clock.now());
    End {
        outcome: verdict.outcome,
        status: Some(answer.status),
        course: answer.course,
        response: (!answer.body.is_empty()).then(|| String::from_utf8_lossy(&answer.body).into()),
        error: verdict.error,
        retry_after: verdict.retry_after,
        gone_for_good: verdict.gone_for_good,
    }
}

fn failed(failure: Failure) -> End {
    End {
        outcome: failure.outcome,
        status: None,
        course: failure.course,
        response: None,
        error: Some(failure.error),
        retry_after: failure.retry_after,
        gone_for_good: false,
    }
}

/// Of what cannot even be asked, only a bad input stays bad: people correct the rest.
fn outcome_of(error: &RequestError) -> Outcome {
    match error {
        RequestError::Input(_) => Outcome::MappingFailed,
        RequestError::Address(_) => Outcome::AddressRefused,
        RequestError::Secret(_) => Outcome::CredentialsRefused,
        RequestError::Certificates(_) => Outcome::TlsFailed,
    }
}
