//! Events sent: one, a list or a stream of ours, or CloudEvents in three modes.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::auth::{Caller, InWorkspace};
use super::body::unpack::Unpacker;
use super::body::{Content, content, turn_away, whole};
use super::fields::{invalid_json_of, refused};
use super::problem::{FieldError, Kind, Problem};
use super::query::Query;
use super::{Json, refusal};
use crate::id::WorkspaceId;
use crate::ingest::answer::{Answered, DURABILITY};
use crate::ingest::cloudevents::{PayloadOf, is_binary};
use crate::ingest::stream::{Intake, Tell};
use crate::ingest::wait::Wait;
use crate::ingest::{Arrival, Form, Place, keep};
use crate::limits::{
    BATCH_BODY_BYTES_MAX, BATCH_EVENTS_MAX, EVENT_BODY_BYTES_MAX, IDEMPOTENCY_KEY_CHARS_MAX,
};
use crate::server::Server;
use crate::trace_context::TraceContext;
use crate::workspace::rate::Left;

/// Says that an answer is that of an earlier request with the same key.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Which preference of the request was met (RFC 7240).
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What a body of events may say that it is.
const TAKEN: &[Content] = &[Content::Json, Content::Lines, Content::CloudEvent, Content::CloudEvents];

/// Why a request is refused, and whether spans say so already.
enum Refused {
    /// As a whole, before any of its events was read.
    Request(Problem),
    /// Its events, each with a span of its own.
    Events(Problem),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Request(problem)
    }
}

impl Refused {
    /// What is answered. A request that was refused as a whole leaves one span.
    fn told(self, arrival: &Arrival<'_>, workspace: Option<&WorkspaceId>) -> Problem {
        match self {
            Self::Events(problem) => problem,
            Self::Request(problem) => {
                arrival.refused(workspace, &problem);
                problem
            }
        }
    }
}

/// `POST /v1/workspaces/{ws}/events`.
pub(super) async fn post_here(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let workspace = Arc::clone(&at.workspace);
    let arrival = Arrival::now(TraceContext::of(&headers), &server.node.spans);
    // Before a byte of the body: a client that waits for `100 Continue` never sends it.
    let refused = server.node.refuses(Some(&workspace.id)).map(refusal);
    // A stream is slowed down instead.
    let is_stream = matches!(content(&headers, TAKEN), Ok(Content::Lines));
    let refused = refused.or_else(|| {
        let look = if is_stream { Ok(()) } else { workspace.rate.look() };
        look.err().map(crate::ingest::too_many)
    });
    if let Some(problem) = refused {
        server.node.metrics.refused(problem.kind(), 1);
        arrival.refused(Some(&workspace.id), &problem);
        turn_away(&headers, body).await;
        return Err(limited(problem, workspace.rate.left()));
    }
    workspace.ready().await;
    let answered = post(&server, Place::Path(at.workspace), query, &headers, body).await;
    let left = workspace.rate.left();
    match answered {
        Ok(response) => Ok(with_limits(response, left)),
        Err(refused) => Err(limited(refused.told(&arrival, Some(&workspace.id)), left)),
    }
}

/// `POST /v1/events`: each event names its workspace.
pub(super) async fn post_anywhere(
    State(server): State<Arc<Server>>,
    caller: Caller,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let arrival = Arrival::now(TraceContext::of(&headers), &server.node.spans);
    if let Some(rejected) = server.node.refuses(None) {
        let problem = refusal(rejected);
        server.node.metrics.refused(problem.kind(), 1);
        arrival.refused(None, &problem);
        turn_away(&headers, body).await;
        return Err(problem);
    }
    let place = Place::Body { server: Arc::clone(&server), caller };
    let answered = post(&server, place, query, &headers, body).await;
    answered.map_err(|refused| refused.told(&arrival, None))
}

async fn post(
    server: &Arc<Server>,
    place: Place,
    mut query: Query,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let only_refused = query.one_of("results", &["all", "refused"]) == Some("refused");
    let payload = match query.one_of("payload", &["data", "event"]) {
        Some("event") => PayloadOf::Event,
        _ => PayloadOf::Data,
    };
    query.finish()?;
    let key = idempotency_key(headers)?;
    let sent = Sent { server, place: &place, headers, key };
    let content = content(headers, TAKEN);
    // The content type decides: a structured event may repeat its attributes as headers (HTTP binding 3.2).
    if is_binary(headers) && !matches!(content, Ok(Content::CloudEvent | Content::CloudEvents)) {
        return sent.one(body, Form::Binary(headers, payload)).await;
    }
    match content? {
        Content::Json => sent.one_or_list(body, only_refused).await,
        Content::CloudEvent => sent.one(body, Form::Structured(payload)).await,
        Content::CloudEvents => {
            let bytes = whole(headers, body, BATCH_BODY_BYTES_MAX).await?;
            sent.list(&bytes, Form::Structured(payload), only_refused).await
        }
        Content::Lines => {
            if sent.key.is_some() {
                let detail = "a stream has no `Idempotency-Key`; give each event an `id`";
                return Err(Problem::new(Kind::InvalidRequest, detail).into());
            }
            let tell = if only_refused { Tell::Refused } else { Tell::All };
            let unpacker = Unpacker::of(headers, None)?;
            let lines = Intake::new(Arc::clone(&server.node), place, tell, TraceContext::of(headers))
                .take(body, unpacker);
            let mut response = (StatusCode::ACCEPTED, lines).into_response();
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
            Ok(durable(response))
        }
    }
}

/// A request with events.
struct Sent<'r> {
    server: &'r Arc<Server>,
    place: &'r Place,
    headers: &'r HeaderMap,
    key: Option<Arc<str>>,
}

impl Sent<'_> {
    fn arrival(&self) -> Arrival<'_> {
        Arrival::now(TraceContext::of(self.headers), &self.server.node.spans)
    }

    async fn one_or_list(self, body: Body, only_refused: bool) -> Result<Response, Refused> {
        let bytes = whole(self.headers, body, BATCH_BODY_BYTES_MAX).await?;
        if bytes.trim_ascii_start().starts_with(b"[") {
            return self.list(&bytes, Form::Ours, only_refused).await;
        }
        if bytes.len() > EVENT_BODY_BYTES_MAX {
            return Err(super::body::too_large(EVENT_BODY_BYTES_MAX).into());
        }
        self.keep_one(&bytes, Form::Ours).await
    }

    async fn one(self, body: Body, form: Form<'_>) -> Result<Response, Refused> {
        let bytes = whole(self.headers, body, EVENT_BODY_BYTES_MAX).await?;
        self.keep_one(&bytes, form).await
    }

    async fn keep_one(self, bytes: &[u8], form: Form<'_>) -> Result<Response, Refused> {
        let node = &self.server.node;
        let item = self.place.prepare(bytes, "", form, self.key.clone(), &self.arrival());
        let workspace = item.as_ref().ok().map(|ready| ready.new.event.workspace.clone());
        let answered = keep(node, vec![item]).await.map_err(Refused::Events)?.pop();
        let missing = || Err(Problem::internal("accepting the event", &"no answer"));
        let answered = answered.unwrap_or_else(missing).map_err(Refused::Events)?;
        let wait = Wait::of(self.headers);
        let shown = match wait.as_ref().zip(workspace) {
            Some((wait, workspace)) => {
                Json::accepted(wait.answers(node, &[(&workspace, &answered)]).await.pop().unwrap_or_default())
            }
            None => Json::accepted_text(answered.to_text()),
        };
        let mut response = durable(shown.into_response());
        if answered.repeated {
            response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(applied(response, wait.as_ref()))
    }

    /// A JSON array: one answer for each, and nothing of the good ones is lost for the bad ones.
    async fn list(self, body: &[u8], form: Form<'_>, only_refused: bool) -> Result<Response, Refused> {
        // Cut into elements here; each element is then read strictly.
        let elements: Vec<&RawValue> =
            serde_json::from_slice(body).map_err(|error| invalid_json_of(body, &error))?;
        if elements.is_empty() {
            return Err(Problem::new(Kind::InvalidRequest, "the list holds no event").into());
        }
        if elements.len() > BATCH_EVENTS_MAX {
            let detail =
                format!("a list may hold {BATCH_EVENTS_MAX} events; send more as application/x-ndjson");
            let problem = Problem::new(Kind::PayloadTooLarge, detail);
            return Err(problem.with("events_max", BATCH_EVENTS_MAX.into()).into());
        }
        let arrival = self.arrival();
        let items = elements.iter().enumerate().map(|(at, element)| {
            let key = self.key.as_deref().map(|key| Arc::from(format!("{key}/{at}")));
            self.place.prepare(element.get().as_bytes(), &format!("/{at}"), form, key, &arrival)
        });
        let items: Vec<_> = items.collect();
        let workspaces: Vec<_> = items
            .iter()
            .map(|item| item.as_ref().ok().map(|ready| ready.new.event.workspace.clone()))
            .collect();
        let node = &self.server.node;
        let answers = keep(node, items).await.map_err(Refused::Events)?;
        let wait = Wait::of(self.headers);
        let shown = shown(node, &workspaces, &answers, wait.as_ref()).await;
        let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
        let results: Vec<Value> = answers
            .iter()
            .zip(shown)
            .enumerate()
            .filter(|(_, (answer, _))| !only_refused || answer.is_err())
            .map(|(at, (answer, shown))| result(at, answer, shown))
            .collect();
        if accepted == 0 {
            let problem =
                Problem::new(Kind::EventsRefused, format!("{} events, each with a mistake", answers.len()));
            return Err(Refused::Events(problem.with("results", results.into())));
        }
        let status = if accepted == answers.len() { StatusCode::ACCEPTED } else { StatusCode::MULTI_STATUS };
        let document = json!({
            "durability": DURABILITY,
            "accepted": accepted,
            "refused": answers.len() - accepted,
            "results": results,
        });
        Ok(applied(durable(Json::new(status, &document).into_response()), wait.as_ref()))
    }
}

/// What is shown of each element of a list; null for what was refused.
async fn shown(
    node: &crate::node::Node,
    workspaces: &[Option<WorkspaceId>],
    answers: &[Result<Answered, Problem>],
    wait: Option<&Wait>,
) -> Vec<Value> {
    let Some(wait) = wait else {
        let shown = answers.iter().map(|answer| answer.as_ref().map_or(Value::Null, Answered::to_json));
        return shown.collect();
    };
    let pairs = workspaces.iter().zip(answers);
    let good: Vec<_> = pairs.filter_map(|(ws, answer)| Some((ws.as_ref()?, answer.as_ref().ok()?))).collect();
    let mut waited = wait.answers(node, &good).await.into_iter();
    let shown = answers.iter().map(|answer| match answer {
        Ok(_) => waited.next().unwrap_or_default(),
        Err(_) => Value::Null,
    });
    shown.collect()
}

/// The answer to one element of a list.
fn result(at: usize, answer: &Result<Answered, Problem>, shown: Value) -> Value {
    let (status, rest) = match answer {
        Ok(_) => (202, shown),
        Err(problem) => (problem.kind().status(), json!({ "problem": problem.to_json() })),
    };
    let mut result = json!({ "index": at, "status": status });
    if let (Some(result), Value::Object(rest)) = (result.as_object_mut(), rest) {
        result.extend(rest);
    }
    result
}

fn durable(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(HeaderName::from_static("durability"), HeaderValue::from_static(DURABILITY));
    response
}

fn applied(mut response: Response, wait: Option<&Wait>) -> Response {
    if let Some(value) = wait.and_then(|wait| HeaderValue::from_str(&wait.applied()).ok()) {
        response.headers_mut().insert(PREFERENCE_APPLIED, value);
    }
    response
}

/// The headers that say how much a workspace may still send (draft-ietf-httpapi-ratelimit-headers-10).
fn limit_headers(left: Option<Left>) -> Option<[(HeaderName, String); 2]> {
    let Left { per_second, remaining, reset } = left?;
    let seconds = reset.as_millis().div_ceil(1_000);
    Some([
        (HeaderName::from_static("ratelimit-policy"), format!(r#""events";q={per_second};w=1"#)),
        (HeaderName::from_static("ratelimit"), format!(r#""events";r={remaining};t={seconds}"#)),
    ])
}

fn with_limits(mut response: Response, left: Option<Left>) -> Response {
    for (name, value) in limit_headers(left).into_iter().flatten() {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn limited(problem: Problem, left: Option<Left>) -> Problem {
    limit_headers(left)
        .into_iter()
        .flatten()
        .fold(problem, |problem, (name, value)| problem.header(name, &value))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<Arc<str>>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let good = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_CHARS_MAX);
    good.map(|key| Some(Arc::from(key))).ok_or_else(|| {
        let detail = format!("must be 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters");
        refused(vec![FieldError { at: "Idempotency-Key".to_owned(), detail, help: None }])
    })
}
