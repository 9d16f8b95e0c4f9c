//! What a node tells to those who watch its health.

use super::Node;
use crate::metrics::text::Text;

impl Node {
    /// Whether the journal has reached its size, and nothing of it may go: events are refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.writer.is_full()
    }

    /// Writes everything that is counted and timed here. The names are on the page of operations.
    pub async fn write_metrics(&self, text: &mut Text) {
        self.write_counts(text);
        self.write_times(text);
        self.write_spans(text);
        let status = self.status();
        let (records, bytes) = self.writer.waiting();
        let rows = [
            ("pending_deliveries", "Deliveries that are not settled.", status.pending),
            ("in_flight_attempts", "Attempts under way.", status.in_flight),
            ("journal_bytes", "Bytes of the journal's segments.", status.journal_bytes),
            ("journal_queue_records", "Records that wait for the journal's writer.", records as u64),
            ("journal_queue_bytes", "Bytes that wait for the journal's writer.", bytes as u64),
            ("engine_queue_inputs", "Inputs that wait for the engine.", self.inbox.len() as u64),
            ("journal_failed", "Whether the journal has failed: 1 or 0.", u64::from(status.failing)),
            (
                "journal_full",
                "Whether the journal takes no events for want of room: 1 or 0.",
                u64::from(self.is_full()),
            ),
        ];
        for (name, help, value) in rows {
            text.gauge(name, help, value);
        }
    }

    fn write_counts(&self, text: &mut Text) {
        let all = &*self.metrics;
        let rows = [
            ("events_accepted_total", "Events that became durable.", &all.events_accepted),
            ("events_repeated_total", "Events that were there already.", &all.events_repeated),
            ("event_payload_bytes_total", "Bytes of payloads of accepted events.", &all.event_bytes),
            ("deliveries_owed_total", "Deliveries that came to be owed.", &all.deliveries_owed),
            ("tail_missed_total", "Lines that slow watchers missed.", &all.tail_missed),
        ];
        for (name, help, counter) in rows {
            text.counter(name, help, counter.get());
        }
        let rows = [
            ("events_refused_total", "Events that were not taken.", "reason", &all.events_refused),
            ("deliveries_settled_total", "Deliveries that were settled.", "end", &all.deliveries_settled),
            ("attempts_total", "Attempts that ended.", "outcome", &all.attempts),
        ];
        for (name, help, label, counts) in rows {
            text.counters(name, help, label, counts);
        }
    }

    fn write_spans(&self, text: &mut Text) {
        let counts = self.spans.counts();
        text.counter("spans_exported_total", "Spans that the collector has.", counts.exported);
        let dropped = [("queue_full", counts.queue_full), ("export_failed", counts.export_failed)];
        text.counts("spans_dropped_total", "Spans that nobody got.", "reason", dropped);
    }

    fn write_times(&self, text: &mut Text) {
        let all = &*self.metrics;
        let rows = [
            ("ingest_commit_seconds", "From an event's last check to its being durable.", &all.commit),
            (
                "first_attempt_delay_seconds",
                "From a delivery's time to its first attempt.",
                &all.first_attempt,
            ),
            ("attempt_seconds", "From an attempt's begin to its end.", &all.attempt),
            ("journal_sync_seconds", "Writing and syncing one batch.", &all.sync),
        ];
        for (name, help, times) in rows {
            text.seconds(name, help, times);
        }
        text.sizes("journal_batch_records", "Records of one batch.", &all.batch_records);
        text.sizes("journal_batch_bytes", "Bytes of one batch.", &all.batch_bytes);
    }
}
