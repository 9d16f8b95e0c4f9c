//! Every bound of the HTTP side, with what happens when it is reached.

use std::time::Duration;

/// Bytes of an event's payload. A larger one is refused with `payload-too-large`; rules, history
/// and receivers are all built for bodies of this size.
pub const PAYLOAD_BYTES_MAX: usize = 256 << 10;

/// Bytes of a request with one event: the payload, written as wastefully as JSON allows, and its envelope.
pub const EVENT_BODY_BYTES_MAX: usize = 1 << 20;

/// Bytes of a request with a list of events.
pub const BATCH_BODY_BYTES_MAX: usize = 8 << 20;

/// Events of one list. More are sent as a stream.
pub const BATCH_EVENTS_MAX: usize = 1_000;

/// Bytes of one line of a stream. A longer line is refused on its own; the stream goes on.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Events of a stream that become durable together; also how often progress is told.
pub const STREAM_GROUP_EVENTS_MAX: usize = 256;

/// Bytes of a stream that become durable together.
pub const STREAM_GROUP_BYTES_MAX: usize = 1 << 20;

/// Answer lines that wait for a client which sends without reading. Beyond it, lines of accepted
/// events are left out and counted, so that a stream never stands still.
pub const STREAM_ANSWER_BYTES_MAX: usize = 4 << 20;

/// Bytes of a published bundle as JSON: 4 MiB of text with its escapes.
pub const BUNDLE_BODY_BYTES_MAX: usize = 12 << 20;

/// Bytes of any other request.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// Bytes of a request's headers, the request line included.
pub const HEADER_BYTES_MAX: usize = 32 << 10;

/// Header fields of a request.
pub const HEADERS_MAX: usize = 100;

/// The headers of a request must have come by then; slower clients are cut off.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a request must have come by then; slower ones get 408.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of a body that must come each second, on average over [`BODY_RATE_WINDOW`]; slower ones get 408
/// long before [`BODY_TIMEOUT`]. Streams are free to be slow: they carry events as they happen.
pub const BODY_BYTES_PER_SECOND_MIN: usize = 1 << 10;

/// How long a body may be slower for a while.
pub const BODY_RATE_WINDOW: Duration = Duration::from_secs(5);

/// A packed body may unpack to so many times its size; beyond it, it is refused with `payload-too-large`.
pub const UNPACK_RATIO_MAX: usize = 100;

/// Bytes that one piece of a packed stream may unpack to, whatever came before it. A piece is what the network
/// brings at once, some 64 KiB.
pub const UNPACKED_PIECE_BYTES_MAX: usize = 8 << 20;

/// Below so many bytes a packed body may have any ratio: a few events that are alike pack well.
pub const UNPACKED_FREE_BYTES: usize = 1 << 20;

/// The window that a zstd body may need, as a power of two: 8 MiB, as RFC 8878 advises.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Attributes of a CloudEvent beyond those that our envelope has.
pub const CLOUDEVENT_ATTRIBUTES_MAX: usize = 32;

/// Bytes of these attributes as JSON.
pub const CLOUDEVENT_ATTRIBUTES_BYTES_MAX: usize = 4 << 10;

/// Characters of a CloudEvent's `id`.
pub const CLOUDEVENT_ID_CHARS_MAX: usize = 256;

/// The longest `Prefer: wait`; whoever asks for more waits for so long.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// Requests that wait for their deliveries at once. Beyond it nobody waits: answers come at once, without
/// `Preference-Applied`.
pub const WAITING_REQUESTS_MAX: usize = 256;

/// Bytes of a refused body that are read and dropped, so that its client sees the answer.
pub const DRAINED_BYTES_MAX: usize = 64 << 20;

/// So long a refused body is read at most.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A stream in which nothing comes for so long is ended.
pub const STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Requests at once on one HTTP/2 connection.
pub const HTTP2_STREAMS_MAX: u32 = 250;

/// HTTP/2 streams that a client reset before they were answered, at once (the "rapid reset" attack).
/// Beyond it the connection is closed.
pub const HTTP2_PENDING_RESETS_MAX: usize = 20;

/// HTTP/2 streams of one connection that this server had to reset for a mistake of its client. Beyond it the
/// connection is closed.
pub const HTTP2_LOCAL_RESETS_MAX: usize = 256;

/// A client without a request for so long is told to go.
pub const CLIENT_IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// A client that takes in nothing of an answer, and sends nothing of the request that belongs to it, for so long
/// is told to go, whatever else it does: what it leaves unread is held in memory, and its stream is held
/// open. It is noticed within half as long again.
pub const ANSWER_STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of an answer that are handed on at once, and taken in within [`ANSWER_STALL_TIMEOUT`].
pub const ANSWER_PIECE_BYTES: usize = 64 << 10;

/// A client that was told to go is cut off after this.
pub const CLIENT_FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// Watchers of one workspace at once (`workspace_tails_max`). One more gets 429.
pub const WORKSPACE_TAILS_MAX: usize = 8;

/// Watchers of all workspaces at once (`node_tails_max`). One more gets 503.
pub const NODE_TAILS_MAX: usize = 64;

/// Lines that wait for a watcher who reads slowly. Beyond it lines are left out, and their number is told.
pub const TAIL_QUEUE_MAX: usize = 512;

/// When there may be a place for one more watcher.
pub const TAIL_RETRY: Duration = Duration::from_secs(5);

/// Requests under way get so long to end when the server stops.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Characters of an id that an app chooses: of a workspace or of an event.
pub const ID_CHARS_MAX: usize = 64;

/// Characters of an event's own id.
pub const EVENT_ID_CHARS_MAX: usize = 128;

/// Characters of an event's type.
pub const EVENT_TYPE_CHARS_MAX: usize = 128;

/// Characters of `resource` and `resource_id`.
pub const RESOURCE_CHARS_MAX: usize = 256;

/// Characters of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 256;

/// Characters of a name for people.
pub const NAME_CHARS_MAX: usize = 100;

/// Characters of a connection's URL.
pub const URL_CHARS_MAX: usize = 2_048;

/// Workspaces of a server.
pub const WORKSPACES_MAX: usize = 100_000;

/// Connections of a workspace.
pub const CONNECTIONS_MAX: usize = 1_000;

/// Lists that a workspace keeps (`lists_max`). One more is refused with `limit-reached`, as is whatever the next three
/// bounds forbid; a refused change has changed nothing.
pub const LISTS_MAX: usize = 100;

/// Entries of a list (`list_entries_max`).
pub const LIST_ENTRIES_MAX: usize = 1_000_000;

/// Bytes of an entry. A longer one is a mistake in the request.
pub const LIST_ENTRY_BYTES_MAX: usize = 512;

/// Bytes of all lists of a workspace (`lists_bytes_max`), each entry with [`LIST_ENTRY_BYTES_MORE`]: about what
/// they take in memory.
pub const LISTS_BYTES_MAX: usize = 128 << 20;

/// What an entry costs in memory beside its text.
pub const LIST_ENTRY_BYTES_MORE: usize = 64;

/// Bytes of a request with entries of a list. More are added with further requests.
pub const LIST_BODY_BYTES_MAX: usize = 32 << 20;

/// Requests that change lists at once, all workspaces together; further ones wait. Each may need some ten times its
/// body.
pub const LIST_CHANGES_AT_ONCE_MAX: usize = 2;

/// Revisions of a workspace that are kept; the oldest one that is not live goes first.
pub const REVISIONS_MAX: usize = 100;

/// Keys of a server, all workspaces together.
pub const KEYS_MAX: usize = 100_000;

/// Entries of one page of a list.
pub const PAGE_MAX: usize = 250;

/// Entries of one page when nothing is asked for.
pub const PAGE_DEFAULT: usize = 50;

/// Mistakes of one request that are listed.
pub const FIELD_ERRORS_MAX: usize = 50;

/// Rows of the history that one question goes through; its page then ends early, with a cursor to go on.
pub const HISTORY_ROWS_READ_MAX: usize = 200_000;

/// Records that one question reads back from the journal, for a condition over payloads for example; its
/// page then ends early, with a cursor to go on.
pub const HISTORY_RECORDS_READ_MAX: usize = 5_000;

/// Replays of many deliveries that run at once in one workspace; a further one is refused.
pub const REPLAYS_RUNNING_MAX: usize = 4;

/// Replays of a workspace that are remembered after their end; the oldest go first.
pub const REPLAYS_KEPT_MAX: usize = 100;

/// Deliveries a second of one replay at most.
pub const REPLAY_RATE_MAX: u32 = 2_000;

/// Deliveries a second of a replay for which nothing is said.
pub const REPLAY_RATE_DEFAULT: u32 = 100;

/// Events that a draft is compared over at most.
pub const PLAN_EVENTS_MAX: usize = 10_000;

/// Events that a draft is compared over when nothing is said.
pub const PLAN_EVENTS_DEFAULT: usize = 1_000;

/// A comparison ends after so long, with what it has.
pub const PLAN_TIME_MAX: Duration = Duration::from_secs(10);

/// Characters of a condition in a query.
pub const CONDITION_CHARS_MAX: usize = 4_096;
