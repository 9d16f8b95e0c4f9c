//! A record without copies: what recovery needs of it, borrowed from its bytes.
//!
//! The whole [`super::Record`] is made from the same glances, so that there is one order of the fields.

use std::sync::Arc;

use compiler::gate::{Gated, Tally};
use jiff::Timestamp;

use super::Owed;
use super::Waits;
use super::take::Take;
use crate::id::{ConnectionId, DeliveryId, EventId, RevisionId, WorkspaceId};
use crate::model::{DeliveryRecord, EventRecord, Policy, SkipReason, State};
use crate::node::accept::Identity;
use crate::trace_context::TraceContext;

/// What a record is about.
#[derive(Debug)]
pub enum Glance<'a> {
    /// Deliveries are owed: kinds 1, 2 and 6.
    Owed(OwedGlance<'a>),
    /// An attempt began.
    Started {
        /// Where it belongs.
        workspace: &'a str,
        /// The delivery.
        delivery: &'a str,
        /// Which try, from 1.
        attempt: u32,
        /// When.
        at: Timestamp,
        /// The rate limit that it counts for.
        rate: Option<Tally>,
    },
    /// A delivery is in another state.
    Moved {
        /// The delivery.
        delivery: &'a str,
        /// The attempt that ended, if one did.
        attempt: Option<u32>,
        /// Where it stands.
        state: State,
    },
}

/// An event with what is owed for it.
#[derive(Debug)]
pub struct OwedGlance<'a> {
    /// The event.
    pub event: EventGlance<'a>,
    /// What is owed.
    pub deliveries: Vec<DeliveryGlance<'a>>,
    /// The request's `Idempotency-Key`.
    pub key: Option<&'a str>,
    /// Whether the app chose the event's id.
    pub app_chose_id: bool,
    /// SHA-256 of what was sent.
    pub body_hash: [u8; 32],
    /// Whether the record is the event's first one, and no repetition of it.
    pub is_accepted: bool,
    /// Of a carried record: what each of the deliveries waits for; of others nothing.
    pub carried: Vec<Waits>,
}

/// An event.
#[derive(Debug)]
pub struct EventGlance<'a> {
    /// Its id.
    pub id: &'a str,
    /// Where it belongs.
    pub workspace: &'a str,
    /// Its type.
    pub kind: &'a str,
    /// When it was accepted.
    pub received_at: Timestamp,
    pub(super) resource: Option<&'a str>,
    pub(super) resource_id: Option<&'a str>,
    pub(super) time: Timestamp,
    pub(super) revision: Option<&'a str>,
    pub(super) rules: Vec<&'a str>,
    /// The payload's bytes.
    pub payload: &'a [u8],
    pub(super) attributes: Option<&'a str>,
    pub(super) trace_context: Option<TraceContext>,
}

/// One delivery.
#[derive(Debug)]
pub struct DeliveryGlance<'a> {
    /// Its id.
    pub id: &'a str,
    /// The rule that owes it.
    pub rule: &'a str,
    /// Where it goes.
    pub connection: &'a str,
    /// The action.
    pub action: &'a str,
    /// Its input, or why there is none.
    pub input: Result<&'a str, &'a str>,
    /// How it is tried, without its idempotency key.
    pub policy: Policy,
    /// Its idempotency key.
    pub idempotency_key: Option<&'a str>,
    /// When it was owed.
    pub created_at: Timestamp,
    /// Not before this.
    pub due_at: Timestamp,
    /// What the gates count it by.
    pub gated: Gated,
    /// Why it is not sent at all.
    pub skipped: Option<SkipReason>,
    pub(super) key: &'a str,
    pub(super) connection_name: &'a str,
    pub(super) replay_of: Option<&'a str>,
}

impl<'a> Glance<'a> {
    /// Reads a record; `None` when it is of another version or not a record at all.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut take = Take::new(bytes);
        take.version()?;
        let glance = match take.byte()? {
            kind @ (1 | 2) => Self::Owed(OwedGlance { is_accepted: kind == 1, ..take.owed()? }),
            3 => Self::Started {
                workspace: take.text()?,
                delivery: take.text()?,
                attempt: take.number_32()?,
                at: take.time()?,
                rate: take.option(Take::tally)?,
            },
            4 => {
                take.text()?;
                let (delivery, attempt) = take.attempt_passed()?;
                Self::Moved { delivery, attempt: Some(attempt), state: take.state()? }
            }
            5 => {
                take.text()?;
                let (delivery, state) = (take.text()?, take.state()?);
                take.time()?;
                Self::Moved { delivery, attempt: None, state }
            }
            6 => {
                let mut owed = take.owed()?;
                owed.carried = take.waits(owed.deliveries.len())?;
                Self::Owed(owed)
            }
            _ => return None,
        };
        take.is_empty().then_some(glance)
    }
}

impl OwedGlance<'_> {
    pub(super) fn to_owed(&self) -> Owed {
        let event = self.event.to_record();
        let deliveries = self.deliveries.iter().map(|delivery| delivery.to_record(&event)).collect();
        let key = self.key.map(Into::into);
        let identity = Identity { key, app_chose_id: self.app_chose_id, body_hash: self.body_hash };
        Owed { event, deliveries, identity }
    }
}

impl EventGlance<'_> {
    pub(super) fn to_record(&self) -> EventRecord {
        EventRecord {
            id: EventId::from_text(self.id),
            workspace: WorkspaceId::from_text(self.workspace),
            kind: self.kind.into(),
            resource: self.resource.map(Into::into),
            resource_id: self.resource_id.map(Into::into),
            time: self.time,
            received_at: self.received_at,
            revision: self.revision.map(RevisionId::from_text),
            rules: self.rules.iter().map(|rule| Arc::from(*rule)).collect(),
            payload: self.payload.into(),
            attributes: self.attributes.map(Into::into),
            trace_context: self.trace_context.clone(),
        }
    }
}

impl DeliveryGlance<'_> {
    pub(super) fn to_record(&self, event: &EventRecord) -> DeliveryRecord {
        DeliveryRecord {
            id: DeliveryId::from_text(self.id),
            workspace: event.workspace.clone(),
            event: event.id.clone(),
            rule: self.rule.into(),
            key: self.key.into(),
            connection: ConnectionId::from_text(self.connection),
            connection_name: self.connection_name.into(),
            action: self.action.into(),
            input: self.input.map(Into::into).map_err(Into::into),
            policy: Policy { idempotency_key: self.idempotency_key.map(Into::into), ..self.policy.clone() },
            created_at: self.created_at,
            due_at: self.due_at,
            replay_of: self.replay_of.map(DeliveryId::from_text),
            gated: self.gated,
            skipped: self.skipped,
        }
    }
}
