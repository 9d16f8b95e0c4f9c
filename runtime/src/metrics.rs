//! What a node counts and times, as atomics; written as text for Prometheus when somebody asks.
//!
//! Whoever counts pays for one atomic addition, on whatever thread it is. Labels are names of our own
//! enums: no text of a user becomes a label, so the number of series is fixed. Counts per workspace are
//! apart, in [`usage`].

pub mod histogram;
pub mod process;
pub mod text;
pub mod usage;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use self::histogram::Histogram;
use self::usage::Usage;
use crate::api::problem::Kind;
use crate::model::{DeadReason, Outcome, State};
use crate::record::Record;

/// Bounds of latencies in microseconds: from a quarter of a millisecond to a minute.
const LATENCY: &[u64] = &[
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// Bounds of the number of records of a batch.
const RECORDS: &[u64] = &[1, 4, 16, 64, 256, 1_024, 4_096, 16_384];

/// Bounds of the bytes of a batch.
const BYTES: &[u64] = &[1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20];

/// Everything that is counted since the start.
#[derive(Debug)]
pub struct Metrics {
    /// When the counting began.
    pub since: Timestamp,
    /// Events that became durable.
    pub events_accepted: Counter,
    /// Events that were there already, and got their first answer again.
    pub events_repeated: Counter,
    /// Events that were not taken, by the name of the problem.
    pub events_refused: Labelled,
    /// Bytes of the payloads of accepted events.
    pub event_bytes: Counter,
    /// Deliveries that came to be owed, replays included.
    pub deliveries_owed: Counter,
    /// Deliveries that were settled, by how.
    pub deliveries_settled: Labelled,
    /// Attempts that ended, by their outcome.
    pub attempts: Labelled,
    /// From an event's last check to its being durable.
    pub commit: Histogram,
    /// From the moment at which a delivery is due to its first attempt.
    pub first_attempt: Histogram,
    /// From an attempt's begin to its end.
    pub attempt: Histogram,
    /// Writing and syncing one batch.
    pub sync: Histogram,
    /// Records of a batch.
    pub batch_records: Histogram,
    /// Bytes of a batch.
    pub batch_bytes: Histogram,
    /// What those who watch a workspace missed, because they read too slowly.
    pub tail_missed: Counter,
    /// The same per workspace.
    pub usage: Usage,
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(since: Timestamp) -> Self {
        Self {
            since,
            events_accepted: Counter::default(),
            events_repeated: Counter::default(),
            events_refused: Labelled::new(Kind::ALL.iter().map(|kind| kind.name())),
            event_bytes: Counter::default(),
            deliveries_owed: Counter::default(),
            deliveries_settled: Labelled::new(SETTLED.iter().copied()),
            attempts: Labelled::new(OUTCOMES.iter().copied()),
            commit: Histogram::new(LATENCY),
            first_attempt: Histogram::new(LATENCY),
            attempt: Histogram::new(LATENCY),
            sync: Histogram::new(LATENCY),
            batch_records: Histogram::new(RECORDS),
            batch_bytes: Histogram::new(BYTES),
            tail_missed: Counter::default(),
            usage: Usage::default(),
        }
    }

    /// Counts records that have become durable.
    pub fn committed<'r>(&self, records: impl IntoIterator<Item = &'r Record>) {
        let mut usage = self.usage.open();
        for record in records {
            match record {
                Record::Accepted(owed) => {
                    let bytes = owed.event.payload.len() as u64;
                    let owing = u64::from(owed.owing());
                    self.events_accepted.add(1);
                    self.event_bytes.add(bytes);
                    self.deliveries_owed.add(owing);
                    usage.of(&owed.event.workspace).accepted(bytes, owing);
                }
                Record::Replayed(owed) => {
                    let owing = u64::from(owed.owing());
                    self.deliveries_owed.add(owing);
                    usage.of(&owed.event.workspace).replayed(owing);
                }
                Record::Finished { workspace, attempt, state } => {
                    self.attempts.add(outcome_name(attempt.outcome));
                    self.attempt.observe(Duration::from_micros(attempt.took_micros));
                    let counts = usage.of(workspace);
                    counts.attempts += 1;
                    counts.settled(state);
                    self.settled(state);
                }
                Record::Settled { workspace, state, .. } => {
                    usage.of(workspace).settled(state);
                    self.settled(state);
                }
                _ => {}
            }
        }
    }

    fn settled(&self, state: &State) {
        if let Some(name) = settled_name(state) {
            self.deliveries_settled.add(name);
        }
    }

    /// Counts events that were not taken.
    pub fn refused(&self, kind: Kind, events: usize) {
        self.events_refused.add_many(kind.name(), events as u64);
    }
}

/// How a delivery may be settled.
const SETTLED: &[&str] = &[
    "delivered",
    "attempts_exhausted",
    "rejected",
    "expired",
    "mapping_failed",
    "connection_unusable",
    "discarded",
    "skipped",
];

fn settled_name(state: &State) -> Option<&'static str> {
    match state {
        State::Delivered => Some("delivered"),
        State::DeadLetter { reason } => Some(match reason {
            DeadReason::AttemptsExhausted => "attempts_exhausted",
            DeadReason::Rejected => "rejected",
            DeadReason::Expired => "expired",
            DeadReason::MappingFailed => "mapping_failed",
            DeadReason::ConnectionUnusable => "connection_unusable",
            DeadReason::Discarded => "discarded",
        }),
        State::Skipped { .. } => Some("skipped"),
        State::Waiting | State::InFlight { .. } | State::Again { .. } => None,
    }
}

/// How an attempt may end.
const OUTCOMES: &[&str] = &[
    "delivered",
    "duplicate_accepted",
    "rejected",
    "destination_error",
    "rate_limited",
    "timed_out",
    "unreachable",
    "address_refused",
    "tls_failed",
    "credentials_refused",
    "mapping_failed",
    "unknown",
];

/// An outcome's name, as the API writes it.
#[must_use]
pub fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::DuplicateAccepted => "duplicate_accepted",
        Outcome::Rejected => "rejected",
        Outcome::DestinationError => "destination_error",
        Outcome::RateLimited => "rate_limited",
        Outcome::TimedOut => "timed_out",
        Outcome::Unreachable => "unreachable",
        Outcome::AddressRefused => "address_refused",
        Outcome::TlsFailed => "tls_failed",
        Outcome::CredentialsRefused => "credentials_refused",
        Outcome::MappingFailed => "mapping_failed",
        Outcome::Unknown => "unknown",
    }
}

/// A count that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts so many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// So many it are.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A count for each of some names that are known beforehand.
#[derive(Debug)]
pub struct Labelled(Box<[(&'static str, Counter)]>);

impl Labelled {
    fn new(names: impl IntoIterator<Item = &'static str>) -> Self {
        Self(names.into_iter().map(|name| (name, Counter::default())).collect())
    }

    /// Counts one more of that name.
    pub fn add(&self, name: &str) {
        self.add_many(name, 1);
    }

    /// Counts so many more of that name.
    pub fn add_many(&self, name: &str, count: u64) {
        let found = self.0.iter().find(|(known, _)| *known == name);
        debug_assert!(found.is_some(), "`{name}` has no count");
        if let Some((_, counter)) = found {
            counter.add(count);
        }
    }

    /// All names and counts.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(name, counter)| (*name, counter.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_the_names_that_the_api_writes() {
        for name in OUTCOMES {
            let outcome: Outcome = serde_json::from_value((*name).into()).unwrap();
            assert_eq!(outcome_name(outcome), *name);
        }
    }

    #[test]
    fn ends_of_deliveries_have_the_names_that_the_api_writes() {
        for name in SETTLED.iter().filter(|name| !["delivered", "skipped"].contains(name)) {
            let reason: DeadReason = serde_json::from_value((*name).into()).unwrap();
            assert_eq!(settled_name(&State::DeadLetter { reason }), Some(*name));
        }
        assert_eq!(settled_name(&State::Waiting), None);
    }
}
