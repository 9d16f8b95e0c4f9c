//! Spans for OpenTelemetry: how an event's way took its time, told to the operator's collector.
//!
//! Off unless an endpoint is configured; then whoever ends a span pays for one try to put it in a bounded queue,
//! and waits for nothing. With or without it, what came as `traceparent` is passed on
//! ([`crate::trace_context`]).
//!
//! | span | kind | parent |
//! |---|---|---|
//! | `ingest` | server | the request's `traceparent`, or none |
//! | `match` | internal | `ingest` |
//! | `deliver` | client | `ingest`; each attempt is one, and its own id goes out as `traceparent` |
//!
//! No URL, header or body is an attribute: credentials may be in each of them.

mod export;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::Uri;
use jiff::Timestamp;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use url::Url;

pub use self::export::Counts;
use self::export::Exporting;
use crate::id::WorkspaceId;
use crate::metrics::outcome_name;
use crate::model::{AttemptRecord, DeliveryRecord, EventRecord, Outcome};
use crate::trace_context::TraceContext;

/// What the service is called unless the environment says otherwise.
const SERVICE: &str = "fanwise";

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
pub enum SpansError {
    /// The endpoint is not an HTTP URL.
    #[error("the OTLP endpoint must be an http or https URL")]
    Endpoint,
    /// The exporter cannot be made of what the environment says.
    #[error("spans cannot be exported: {0}")]
    Exporter(String),
}

/// Where spans go: nowhere, or to a collector. Cheap to clone.
#[derive(Clone, Default)]
pub struct Spans(Option<Arc<On>>);

struct On {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
    exporting: Exporting,
}

impl fmt::Debug for Spans {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(if self.0.is_some() { "Spans(on)" } else { "Spans(off)" })
    }
}

impl Spans {
    /// Sends spans to an OTLP endpoint, to `/v1/traces` below it. Call it inside a tokio runtime. Headers,
    /// timeout, sampler and resource are those of the standard `OTEL_…` variables.
    ///
    /// # Errors
    /// [`SpansError`]; nothing is sent yet, so a collector that is not there is none.
    pub fn to(endpoint: &str) -> Result<Self, SpansError> {
        let is_http = |uri: Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        if !endpoint.parse().is_ok_and(is_http) {
            return Err(SpansError::Endpoint);
        }
        let resource = resource();
        let (queue, exporting) = Exporting::start(endpoint, &resource)?;
        let provider =
            SdkTracerProvider::builder().with_span_processor(queue).with_resource(resource).build();
        let tracer = provider.tracer(SERVICE);
        Ok(Self(Some(Arc::new(On { tracer, provider, exporting }))))
    }

    /// What became of spans so far; zeroes when they are off.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.as_ref().map(|on| on.exporting.counts()).unwrap_or_default()
    }

    /// Sends what waits, for at most that long, and ends.
    pub async fn finish(&self, within: Duration) {
        if let Some(on) = &self.0 {
            on.exporting.finish(within).await;
            // Only marks it as over: the queue's own end was waited for.
            let _ = on.provider.shutdown();
        }
    }

    /// An event has come.
    #[must_use]
    pub fn ingest(&self, from: Option<TraceContext>, at: Timestamp) -> Ingest {
        let Some(on) = &self.0 else { return Ingest { span: None, context: from } };
        let span = on.begin("ingest", SpanKind::Server, from.as_ref(), system_time(at), Vec::new());
        let context = context_of(span.span_context());
        Ingest { span: Some((Box::new(span), Arc::clone(on))), context }
    }

    /// An attempt begins. Without a context of its event there is nothing to belong to.
    #[must_use]
    pub fn attempt(
        &self,
        delivery: &DeliveryRecord,
        event: Option<&TraceContext>,
        number: u32,
        at: Timestamp,
    ) -> Attempt {
        let Some(event) = event else { return Attempt { span: None, context: None } };
        let Some(on) = &self.0 else {
            return Attempt { span: None, context: Some(event.child(fresh_id())) };
        };
        let text = |name: &'static str, value: &str| KeyValue::new(name, value.to_owned());
        let attributes = vec![
            text("fanwise.workspace", delivery.workspace.as_str()),
            text("fanwise.event.id", delivery.event.as_str()),
            text("fanwise.delivery.id", delivery.id.as_str()),
            text("fanwise.rule", &delivery.rule),
            text("fanwise.connection", delivery.connection.as_str()),
            text("fanwise.action", &delivery.action),
            text("http.request.method", "POST"),
            KeyValue::new("http.request.resend_count", i64::from(number.saturating_sub(1))),
        ];
        let span = on.begin("deliver", SpanKind::Client, Some(event), system_time(at), attributes);
        Attempt { context: context_of(span.span_context()), span: Some(Box::new(span)) }
    }
}

impl On {
    fn begin(
        &self,
        name: &'static str,
        kind: SpanKind,
        parent: Option<&TraceContext>,
        at: SystemTime,
        attributes: Vec<KeyValue>,
    ) -> Span {
        let builder =
            SpanBuilder::from_name(name).with_kind(kind).with_start_time(at).with_attributes(attributes);
        let parent = match parent {
            Some(parent) => Context::new().with_remote_span_context(span_context(parent)),
            None => Context::new(),
        };
        self.tracer.build_with_context(builder, &parent)
    }
}

/// An event on its way in. Dropped without an end, it ends then.
#[derive(Default)]
pub struct Ingest {
    span: Option<(Box<Span>, Arc<On>)>,
    context: Option<TraceContext>,
}

impl Ingest {
    /// What is kept with the event: attempts are children of it.
    #[must_use]
    pub fn context(&self) -> Option<TraceContext> {
        self.context.clone()
    }

    /// The event was decided between these times.
    pub fn matched(&mut self, event: &EventRecord, deliveries: usize, began: SystemTime, ended: SystemTime) {
        let Some((span, on)) = &mut self.span else { return };
        if !span.is_recording() {
            return;
        }
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let parent = context_of(span.span_context());
        let attributes = vec![
            KeyValue::new("fanwise.rules.matched", count(event.rules.len())),
            KeyValue::new("fanwise.deliveries", count(deliveries)),
        ];
        let mut matching = on.begin("match", SpanKind::Internal, parent.as_ref(), began, attributes);
        matching.end_with_timestamp(ended);
        let text = |name: &'static str, value: &str| KeyValue::new(name, value.to_owned());
        span.set_attribute(text("fanwise.workspace", event.workspace.as_str()));
        span.set_attribute(text("fanwise.event.id", event.id.as_str()));
        span.set_attribute(text("fanwise.event.type", &event.kind));
        if let Some(revision) = &event.revision {
            span.set_attribute(text("fanwise.revision", revision.as_str()));
        }
    }

    /// Whose event it is, as far as that is known before it is decided.
    #[must_use]
    pub fn of(mut self, workspace: Option<&WorkspaceId>) -> Self {
        if let Some(((span, _), workspace)) = self.span.as_mut().zip(workspace) {
            span.set_attribute(KeyValue::new("fanwise.workspace", workspace.as_str().to_owned()));
        }
        self
    }

    /// It is durable, or was already.
    pub fn accepted(mut self, repeated: bool) {
        if let Some((span, _)) = &mut self.span {
            span.set_attribute(KeyValue::new("fanwise.repeated", repeated));
            span.end();
        }
    }

    /// It was not taken; `reason` is the name of a problem, and `status` what is answered.
    pub fn refused(mut self, reason: &'static str, status: u16) {
        if let Some((span, _)) = &mut self.span {
            span.set_attribute(KeyValue::new("error.type", reason));
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
            span.set_status(Status::error(reason));
            span.end();
        }
    }
}

/// An attempt under way.
pub struct Attempt {
    span: Option<Box<Span>>,
    context: Option<TraceContext>,
}

impl Attempt {
    /// What its request says.
    #[must_use]
    pub fn context(&self) -> Option<&TraceContext> {
        self.context.as_ref()
    }

    /// Whether anybody is told about it.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.span.as_ref().is_some_and(|span| span.is_recording())
    }

    /// It is over. Of its URL only host and port are told: the rest may be a credential.
    pub fn ended(self, record: &AttemptRecord, url: Option<&Url>) {
        let Some(mut span) = self.span else { return };
        let text = |name: &'static str, value: &str| KeyValue::new(name, value.to_owned());
        if let Some(host) = url.and_then(Url::host_str) {
            span.set_attribute(text("server.address", host));
        }
        if let Some(port) = url.and_then(Url::port_or_known_default) {
            span.set_attribute(KeyValue::new("server.port", i64::from(port)));
        }
        if let Some(status) = record.status {
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        }
        let outcome = outcome_name(record.outcome);
        span.set_attribute(text("fanwise.outcome", outcome));
        if !matches!(record.outcome, Outcome::Delivered | Outcome::DuplicateAccepted) {
            span.set_attribute(text("error.type", outcome));
            span.set_status(Status::error(outcome));
        }
        span.end();
    }
}

/// What the environment says of this process, with a name of ours where it says none.
fn resource() -> Resource {
    let found = Resource::builder().build();
    let named = found
        .iter()
        .any(|(key, value)| key.as_str() == "service.name" && !value.as_str().starts_with("unknown_service"));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let builder = Resource::builder().with_attribute(version);
    if named { builder.build() } else { builder.with_service_name(SERVICE).build() }
}

/// A time before 1970 is one of a clock that is not set: it is shown as 1970.
fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::try_from(at.as_duration()).unwrap_or_default()
}

fn span_context(context: &TraceContext) -> SpanContext {
    let state = context.state.as_deref().and_then(|state| state.parse::<TraceState>().ok());
    SpanContext::new(
        TraceId::from_bytes(context.trace_id),
        SpanId::from_bytes(context.parent_id),
        TraceFlags::new(context.flags),
        true,
        state.unwrap_or_default(),
    )
}

fn context_of(span: &SpanContext) -> Option<TraceContext> {
    let state = span.trace_state().header();
    let context = TraceContext {
        trace_id: span.trace_id().to_bytes(),
        parent_id: span.span_id().to_bytes(),
        flags: span.trace_flags().to_u8(),
        state: (!state.is_empty()).then(|| state.into()),
    };
    span.is_valid().then_some(context)
}

/// An id of a span that nobody records.
fn fresh_id() -> [u8; 8] {
    loop {
        let id: [u8; 8] = rand::random();
        if id != [0; 8] {
            return id;
        }
    }
}
