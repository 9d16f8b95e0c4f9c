//! Taking events in: bytes to envelope, match before commit, durable before the answer.
//!
//! - [`envelope`]: one JSON object to a checked event
//! - [`decide`]: an event and the live revision to what is owed
//! - [`answer`]: what is told about each event
//! - [`cloudevents`]: CloudEvents 1.0 to an envelope of ours
//! - [`stream`]: lines without end, in groups
//! - [`wait`]: for those who want to know what came of it

pub mod answer;
pub mod cloudevents;
pub mod decide;
pub mod envelope;
pub mod stream;
pub mod wait;

use std::sync::Arc;
use std::time::SystemTime;

use axum::http::HeaderMap;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::api::auth::Caller;
use crate::api::fields::refused;
use crate::api::problem::{FieldError, Kind, Problem};
use crate::api::{jittered, refusal};
use crate::id::WorkspaceId;
use crate::key::Holder;
use crate::node::accept::{Conflict, ConflictBy, Identity};
use crate::node::{NewEvent, Node};
use crate::server::Server;
use crate::spans::{Ingest, Spans};
use crate::trace_context::TraceContext;
use crate::workspace::Workspace;
use crate::workspace::rate::{EVENTS_PER_SECOND_MAX, TooMany};
use answer::Answered;
use cloudevents::{PayloadOf, Translated};
use envelope::Envelope;

/// One event of a request: decided and ready to be kept, or refused on its own.
pub type Item = Result<Ready, Problem>;

/// An event that is decided and ready to be kept.
pub struct Ready {
    /// The event.
    pub new: NewEvent,
    /// Its span.
    pub span: Ingest,
}

/// An event that is decided and of which no span tells yet: it may have to wait and be decided again.
pub struct Judged {
    new: NewEvent,
    /// The distributed trace that it belongs to.
    context: Option<TraceContext>,
    at: Timestamp,
    /// When the rules were asked, and when they had answered.
    matching: (SystemTime, SystemTime),
}

impl Judged {
    /// It goes on now: its spans begin.
    #[must_use]
    pub fn ready(self, spans: &Spans) -> Ready {
        let Self { mut new, context, at, matching: (began, ended) } = self;
        let mut span = spans.ingest(context, at);
        span.matched(&new.event, new.deliveries.len(), began, ended);
        new.event.trace_context = span.context();
        Ready { new, span }
    }
}

/// What the events of a request have in common.
pub struct Arrival<'r> {
    /// When they came.
    pub at: Timestamp,
    /// The distributed trace that the request belongs to.
    pub context: Option<TraceContext>,
    /// Where spans go.
    pub spans: &'r Spans,
}

impl<'r> Arrival<'r> {
    /// Events that come now.
    #[must_use]
    pub fn now(context: Option<TraceContext>, spans: &'r Spans) -> Self {
        Self { at: Timestamp::now(), context, spans }
    }

    /// Something of the request is refused before it was decided: its span says so.
    pub fn refused(&self, workspace: Option<&WorkspaceId>, problem: &Problem) {
        let span = self.spans.ingest(self.context.clone(), self.at).of(workspace);
        span.refused(problem.kind().name(), problem.kind().status());
    }
}

/// Which workspace the events of a request belong to.
pub enum Place {
    /// The one that the path names.
    Path(Arc<Workspace>),
    /// The one that each event names, as far as the caller may see it.
    Body {
        /// Finds it.
        server: Arc<Server>,
        /// Who asks.
        caller: Caller,
    },
}

/// How an event is written.
#[derive(Clone, Copy)]
pub enum Form<'r> {
    /// As an envelope of ours.
    Ours,
    /// As a CloudEvent in the structured mode.
    Structured(PayloadOf),
    /// As a CloudEvent in the binary mode, whose attributes are headers.
    Binary(&'r HeaderMap, PayloadOf),
}

impl Form<'_> {
    fn translated(self, body: &[u8], pointer: &str) -> Result<Option<Translated>, Problem> {
        match self {
            Self::Ours => Ok(None),
            Self::Structured(of) => cloudevents::structured(body, pointer, of).map(Some),
            Self::Binary(headers, of) => cloudevents::binary(headers, body, of).map(Some),
        }
    }

    /// What is wrong with an envelope that was translated, in the words of the event as it was sent.
    fn told(self, problem: Problem, pointer: &str) -> Problem {
        let name = |at: &str| {
            let field = at.strip_prefix(pointer).and_then(|rest| rest.strip_prefix('/')).unwrap_or(at);
            let attribute = cloudevents::attribute_of(field);
            match self {
                Self::Ours => at.to_owned(),
                Self::Structured(_) => format!("{pointer}/{attribute}"),
                Self::Binary(..) => format!("ce-{attribute}"),
            }
        };
        problem.renamed(name)
    }
}

impl Place {
    /// Reads and decides one event, and takes it off its workspace's rate. `pointer` is its place in the
    /// body, for messages.
    ///
    /// # Errors
    /// What is wrong with it; nothing was kept.
    pub fn prepare(
        &self,
        body: &[u8],
        pointer: &str,
        form: Form<'_>,
        idempotency_key: Option<Arc<str>>,
        arrival: &Arrival<'_>,
    ) -> Item {
        let (workspace, judged) = self.decided(body, pointer, form, idempotency_key, arrival)?;
        let ready = judged.ready(arrival.spans);
        // The last step: what is refused for another reason costs nothing.
        match workspace.rate.take().map_err(too_many) {
            Ok(()) => Ok(ready),
            Err(problem) => {
                ready.span.refused(problem.kind().name(), problem.kind().status());
                Err(problem)
            }
        }
    }

    /// The same, with the workspace, whose rate is not asked; no span tells of it before it is
    /// [`Judged::ready`].
    ///
    /// # Errors
    /// What is wrong with it; its span is told.
    pub fn decided(
        &self,
        body: &[u8],
        pointer: &str,
        form: Form<'_>,
        idempotency_key: Option<Arc<str>>,
        arrival: &Arrival<'_>,
    ) -> Result<(Arc<Workspace>, Judged), Problem> {
        let read = self.read(body, pointer, form, idempotency_key, arrival);
        read.inspect_err(|problem| arrival.refused(self.named(), problem))
    }

    /// The workspace that the path names.
    #[must_use]
    pub fn named(&self) -> Option<&WorkspaceId> {
        match self {
            Self::Path(workspace) => Some(&workspace.id),
            Self::Body { .. } => None,
        }
    }

    fn read(
        &self,
        body: &[u8],
        pointer: &str,
        form: Form<'_>,
        idempotency_key: Option<Arc<str>>,
        arrival: &Arrival<'_>,
    ) -> Result<(Arc<Workspace>, Judged), Problem> {
        let translated = form.translated(body, pointer)?;
        let body = translated.as_ref().map_or(body, |translated| &translated.envelope);
        let envelope = Envelope::read(body, pointer).map_err(|problem| form.told(problem, pointer))?;
        let workspace = self.workspace(&envelope, pointer)?;
        let key = idempotency_key.or_else(|| translated.as_ref().map(|event| Arc::clone(&event.key)));
        let app_chose_id = envelope.id.is_some();
        let mut body_hash = [0; 32];
        // Nobody compares the body of an event without a name to be found by.
        if key.is_some() || app_chose_id {
            body_hash.copy_from_slice(digest(&SHA256, body).as_ref());
        }
        let identity = Identity { key, app_chose_id, body_hash };
        let began = SystemTime::now();
        let (mut event, deliveries) = decide::decide(&workspace, &envelope, arrival.at)?;
        let decided = SystemTime::now();
        // The request's own context is the last hop; a CloudEvent's says where it began.
        let first = || translated.as_ref().and_then(|event| event.context.clone());
        let context = arrival.context.clone().or_else(first);
        event.attributes = translated.map(|event| event.attributes);
        let new = NewEvent { event, deliveries, identity };
        Ok((workspace, Judged { new, context, at: arrival.at, matching: (began, decided) }))
    }

    fn workspace(&self, envelope: &Envelope<'_>, pointer: &str) -> Result<Arc<Workspace>, Problem> {
        let at = || format!("{pointer}/workspace");
        match (self, envelope.workspace.as_deref()) {
            (Self::Path(workspace), None) => Ok(Arc::clone(workspace)),
            (Self::Path(workspace), Some(named)) if named == workspace.id.as_str() => {
                Ok(Arc::clone(workspace))
            }
            (Self::Path(workspace), Some(named)) => {
                let detail = format!("names `{named}`, and the path names `{}`", workspace.id);
                Err(refused(vec![FieldError { at: at(), detail, help: None }]))
            }
            (Self::Body { server, caller }, Some(named)) => caller.workspace(server, named),
            (Self::Body { server, caller }, None) => match &caller.0 {
                Holder::Workspace(own) => caller.workspace(server, own.as_str()),
                Holder::Admin => {
                    let detail = "is needed here, because the path names none".to_owned();
                    Err(refused(vec![FieldError { at: at(), detail, help: None }]))
                }
            },
        }
    }
}

/// Makes the good ones of a request durable together and answers each of all, in order.
///
/// # Errors
/// The node takes nothing now: nothing of the request was kept.
pub async fn keep(node: &Node, items: Vec<Item>) -> Result<Vec<Result<Answered, Problem>>, Problem> {
    let mut batch = Vec::new();
    let mut waiting = Vec::with_capacity(items.len());
    for item in items {
        waiting.push(match item {
            Ok(Ready { new, span }) => {
                let answered = (new.event.workspace.clone(), Answered::of_new(&new), span);
                batch.push(new);
                Ok(answered)
            }
            Err(problem) => {
                node.metrics.refused(problem.kind(), 1);
                Err(problem)
            }
        });
    }
    let sent = batch.len();
    let accepted = if batch.is_empty() { Ok(Vec::new()) } else { node.accept(batch).await };
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(rejected) => {
            let problem = refusal(rejected);
            node.metrics.refused(problem.kind(), sent);
            let spans = waiting.into_iter().flatten().map(|(.., span)| span);
            spans.for_each(|span: Ingest| span.refused(problem.kind().name(), problem.kind().status()));
            return Err(problem);
        }
    };
    let mut accepted = accepted.into_iter();
    let mut answers = Vec::with_capacity(waiting.len());
    for prepared in waiting {
        answers.push(match prepared {
            Err(problem) => Err(problem),
            Ok((workspace, prepared, span)) => match accepted.next() {
                Some(Ok(kept)) if kept.repeated => {
                    span.accepted(true);
                    Ok(Answered::of_repeated(node, &workspace, &kept).await)
                }
                Some(Ok(kept)) => {
                    span.accepted(false);
                    Ok(prepared.skipping(&kept.skipped))
                }
                Some(Err(conflict)) => {
                    span.refused(Kind::IdempotencyMismatch.name(), Kind::IdempotencyMismatch.status());
                    node.metrics.refused(Kind::IdempotencyMismatch, 1);
                    Err(mismatch(&conflict))
                }
                None => Err(Problem::internal("making the event durable", &"the node answered too few")),
            },
        });
    }
    Ok(answers)
}

/// A workspace sends faster than it may.
#[must_use]
pub fn too_many(too_many: TooMany) -> Problem {
    let TooMany { per_second, wait } = too_many;
    let detail = format!("the limit `{EVENTS_PER_SECOND_MAX}` is reached: {per_second}");
    let problem = Problem::new(Kind::LimitReached, detail).with("limit", EVENTS_PER_SECOND_MAX.into());
    problem.with("max", per_second.into()).retry_after(jittered(wait))
}

fn mismatch(conflict: &Conflict) -> Problem {
    let what = match conflict.by {
        ConflictBy::Key => "this `Idempotency-Key`",
        ConflictBy::EventId => "this event id",
    };
    let detail = format!("{what} belongs to an event with another body");
    Problem::new(Kind::IdempotencyMismatch, detail).with("event", Value::from(conflict.event.as_str()))
}
