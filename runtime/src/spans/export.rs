//! The queue of ended spans, and the task that sends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter as _, SpanProcessor};
use tokio::sync::{mpsc, oneshot};

use super::SpansError;

/// Spans that may wait to be sent, some 1 KiB each. Further ones are dropped and counted.
const QUEUE_SPANS_MAX: usize = 4_096;

/// Spans of one request.
const BATCH_SPANS_MAX: usize = 512;

/// A span waits so long for others to be sent with.
const BATCH_WAIT: Duration = Duration::from_secs(1);

/// So long one request to the collector may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What became of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The collector has them.
    pub exported: u64,
    /// Dropped, because the queue was full.
    pub queue_full: u64,
    /// Dropped, because the collector did not take them.
    pub export_failed: u64,
}

#[derive(Debug, Default)]
struct Counters {
    exported: AtomicU64,
    queue_full: AtomicU64,
    export_failed: AtomicU64,
}

enum Letter {
    Ended(Box<SpanData>),
    /// Send everything, say so, and end.
    Finish(oneshot::Sender<()>),
}

/// Where spans go when they end.
#[derive(Debug)]
pub(super) struct Queue {
    to: mpsc::Sender<Letter>,
    counters: Arc<Counters>,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("Letter")
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.to.try_send(Letter::Ended(Box::new(span))).is_err() {
            self.counters.queue_full.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The task that sends.
pub(super) struct Exporting {
    to: mpsc::Sender<Letter>,
    counters: Arc<Counters>,
}

impl Exporting {
    pub(super) fn start(endpoint: &str, resource: &Resource) -> Result<(Queue, Self), SpansError> {
        let wrong = |error: &dyn std::fmt::Display| SpansError::Exporter(error.to_string());
        // As for deliveries, a proxy of the environment is not used.
        let client = reqwest::Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build();
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client.map_err(|error| wrong(&error))?)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .map_err(|error| wrong(&error))?;
        exporter.set_resource(resource);
        let (to, from) = mpsc::channel(QUEUE_SPANS_MAX);
        let counters = Arc::<Counters>::default();
        tokio::spawn(send(exporter, from, Arc::clone(&counters)));
        Ok((Queue { to: to.clone(), counters: Arc::clone(&counters) }, Self { to, counters }))
    }

    pub(super) fn counts(&self) -> Counts {
        let Counters { exported, queue_full, export_failed } = &*self.counters;
        let [exported, queue_full, export_failed] =
            [exported, queue_full, export_failed].map(|counter| counter.load(Ordering::Relaxed));
        Counts { exported, queue_full, export_failed }
    }

    pub(super) async fn finish(&self, within: Duration) {
        let (done, finished) = oneshot::channel();
        let all = async {
            if self.to.send(Letter::Finish(done)).await.is_ok() {
                let _ = finished.await;
            }
        };
        if tokio::time::timeout(within, all).await.is_err() {
            tracing::warn!("the OTLP collector did not take the last spans in time");
        }
    }
}

async fn send(exporter: SpanExporter, mut from: mpsc::Receiver<Letter>, counters: Arc<Counters>) {
    let mut failing = false;
    let mut letters = Vec::new();
    while from.recv_many(&mut letters, BATCH_SPANS_MAX).await > 0 {
        let is_over = |letters: &[Letter]| letters.iter().any(|letter| matches!(letter, Letter::Finish(_)));
        if letters.len() < BATCH_SPANS_MAX && !is_over(&letters) {
            let more = async {
                while letters.len() < BATCH_SPANS_MAX && !is_over(&letters) {
                    let room = BATCH_SPANS_MAX - letters.len();
                    if from.recv_many(&mut letters, room).await == 0 {
                        break;
                    }
                }
            };
            // What has come by then is sent.
            let _ = tokio::time::timeout(BATCH_WAIT, more).await;
        }
        let mut finish = None;
        let mut batch = Vec::with_capacity(letters.len());
        for letter in letters.drain(..) {
            match letter {
                Letter::Ended(span) => batch.push(*span),
                Letter::Finish(done) => finish = Some(done),
            }
        }
        let count = batch.len() as u64;
        let result = if batch.is_empty() { Ok(()) } else { exporter.export(batch).await };
        match result {
            Ok(()) => {
                counters.exported.fetch_add(count, Ordering::Relaxed);
                failing = false;
            }
            Err(error) => {
                counters.export_failed.fetch_add(count, Ordering::Relaxed);
                // Once until it works again: the counter says how often.
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "the OTLP collector does not take spans");
                }
            }
        }
        if let Some(done) = finish {
            // Who asked may have stopped waiting.
            let _ = done.send(());
            return;
        }
    }
}
