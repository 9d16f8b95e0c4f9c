//! A node's settings: where it keeps things, and every bound with its default.

use std::path::PathBuf;
use std::time::Duration;

use crate::deliver::address::AddressPolicy;
use crate::deliver::http::HttpSettings;
use crate::spans::Spans;

/// How a node is set up. Start from [`NodeConfig::at`] and change what differs.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The folder with everything durable; made when it is missing.
    pub data_dir: PathBuf,
    /// Bytes of one journal segment.
    pub segment_bytes: u64,
    /// Bytes that all segments may take. Beyond it the oldest settled ones go; when none may go, events
    /// are refused and outcomes still have a reserve.
    pub journal_bytes_max: u64,
    /// A checkpoint is written after so many bytes of records, or half of the last one's bytes if that is
    /// more; never later than after an eighth of `journal_bytes_max`. A start reads so much of the journal.
    pub checkpoint_log_bytes: u64,
    /// A checkpoint is written after so long, if anything has been written.
    pub checkpoint_after: Duration,
    /// Bytes that may wait for the journal's writer.
    pub queue_bytes_max: usize,
    /// Records that may wait for the journal's writer.
    pub queue_records_max: usize,
    /// The journal keeps everything while `journal_bytes_max` allows. When it does not, what is settled goes,
    /// but nothing that is younger than this: events are refused instead. Long times want a large journal.
    pub history_kept: Duration,
    /// Segments that are older than this go, even if there is room, once nothing in them is owed.
    pub journal_kept: Duration,
    /// Finished segments are read again and checked at so many bytes a second; 0 for never.
    pub scrub_bytes_per_second: u64,
    /// Events of one workspace that are listed, with what they owed; the oldest leave the list first.
    pub workspace_events_max: u64,
    /// How old what is listed of one workspace may be.
    pub workspace_history_kept: Duration,
    /// Deliveries of one workspace that are not settled yet.
    pub workspace_pending_max: u32,
    /// Deliveries of the node that are not settled yet.
    pub node_pending_max: u32,
    /// Attempts under way at once.
    pub in_flight_max: u32,
    /// Attempts under way at once to one connection: each begins with 4 and finds out how many its receiver
    /// can take, up to this.
    pub connection_in_flight_max: u32,
    /// How long an idempotency key or an event's own id is remembered.
    pub idempotency_kept: Duration,
    /// Keys and ids of one workspace that are remembered; the oldest go first.
    pub workspace_idempotency_keys_max: usize,
    /// Keys and ids of the node that are remembered, some 300 bytes each; the oldest go first.
    pub node_idempotency_keys_max: usize,
    /// Which addresses may be called.
    pub addresses: AddressPolicy,
    /// How requests go out.
    pub http: HttpSettings,
    /// Where spans go.
    pub spans: Spans,
}

impl NodeConfig {
    /// The defaults, in that folder.
    #[must_use]
    pub fn at(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            segment_bytes: 64 << 20,
            journal_bytes_max: 4 << 30,
            checkpoint_log_bytes: 128 << 20,
            checkpoint_after: Duration::from_secs(15 * 60),
            queue_bytes_max: 64 << 20,
            queue_records_max: 65_536,
            history_kept: Duration::from_secs(60),
            journal_kept: Duration::from_secs(90 * 24 * 3600),
            scrub_bytes_per_second: 20 << 20,
            workspace_events_max: 10_000_000,
            workspace_history_kept: Duration::from_secs(90 * 24 * 3600),
            workspace_pending_max: 1_000_000,
            node_pending_max: 10_000_000,
            in_flight_max: 512,
            connection_in_flight_max: 64,
            idempotency_kept: Duration::from_secs(24 * 3600),
            workspace_idempotency_keys_max: 200_000,
            node_idempotency_keys_max: 1_000_000,
            addresses: AddressPolicy::default(),
            http: HttpSettings::default(),
            spans: Spans::default(),
        }
    }
}
