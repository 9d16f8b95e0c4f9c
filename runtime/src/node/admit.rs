//! How events and replays get in: names, limits, journal, answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use compiler::gate::Gated;
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::accept::{Accepted, Conflict, LimitOf, NewEvent, Rejected};
use super::books::{Books, PendingCounts};
use super::driver::fact;
use super::gates::{is_gated, skipped_in};
use super::{ChangeError, Found, Node};
use crate::engine::Input;
use crate::id::{DeliveryId, WorkspaceId};
use crate::idempotency::Reservation;
use crate::journal::writer::{Class, Refusal};
use crate::model::{DeliveryRecord, EventRecord, SkipReason};
use crate::record::{Owed, Record};

/// A busy writer has room again after a few syncs.
const BUSY_RETRY: Duration = Duration::from_millis(250);

/// A full journal has room again when old deliveries are settled; nobody knows when.
const SPACE_RETRY: Duration = Duration::from_secs(30);

type Answer = Result<Accepted, Conflict>;

/// Tells when records are durable, and what of each is skipped.
type Queued = (oneshot::Receiver<()>, Vec<Vec<(DeliveryId, SkipReason)>>);

impl Node {
    /// Makes events and their deliveries durable. When it returns `Ok`, they are on stable storage and
    /// every query sees them. One answer per event, in order.
    ///
    /// # Errors
    /// The batch is refused. Nothing of it is kept, unless a part of it repeats what another request was
    /// writing at the same time; sending it again is always right for events that have an identity.
    pub async fn accept(&self, batch: Vec<NewEvent>) -> Result<Vec<Answer>, Rejected> {
        let mut answers: Vec<Option<Answer>> = batch.iter().map(|_| None).collect();
        let mut open: Vec<(usize, NewEvent)> = batch.into_iter().enumerate().collect();
        let began = std::time::Instant::now();
        while !open.is_empty() {
            let mut fresh = Vec::new();
            let mut repeats = Vec::new();
            for (at, new) in open {
                match self.reserve(&new) {
                    Reservation::New => fresh.push((at, new)),
                    Reservation::Wait(over) => repeats.push((at, new, over)),
                    Reservation::Known(accepted) => answer(&mut answers, at, Ok(accepted)),
                    Reservation::Conflict(conflict) => answer(&mut answers, at, Err(conflict)),
                }
            }
            self.commit(fresh, &mut answers).await?;
            open = Vec::with_capacity(repeats.len());
            for (at, new, mut over) in repeats {
                // The channel only ever closes; afterwards the window knows.
                let _ = over.changed().await;
                open.push((at, new));
            }
        }
        self.metrics.commit.observe(began.elapsed());
        let answers: Vec<Answer> = answers.into_iter().flatten().collect();
        let repeated = answers.iter().flatten().filter(|accepted| accepted.repeated).count();
        self.metrics.events_repeated.add(repeated as u64);
        Ok(answers)
    }

    fn reserve(&self, new: &NewEvent) -> Reservation {
        // Without a name it cannot be a repetition of anything.
        if !new.identity.has_names() {
            return Reservation::New;
        }
        let ids = new.deliveries.iter().map(|delivery| delivery.id.clone());
        let (event, now) = (&new.event, self.clock.now());
        self.shelf.open().window.reserve(&event.workspace, &new.identity, &event.id, ids, now)
    }

    /// Writes events whose names are reserved.
    async fn commit(
        &self,
        fresh: Vec<(usize, NewEvent)>,
        answers: &mut [Option<Answer>],
    ) -> Result<(), Rejected> {
        if fresh.is_empty() {
            return Ok(());
        }
        let mut records = Vec::with_capacity(fresh.len());
        let mut accepted = Vec::with_capacity(fresh.len());
        for (at, new) in fresh {
            let deliveries = new.deliveries.iter().map(|delivery| delivery.id.clone()).collect();
            let event = new.event.id.clone();
            accepted.push((at, Accepted { event, deliveries, repeated: false, skipped: Vec::new() }));
            let NewEvent { event, deliveries, identity } = new;
            records.push(Record::Accepted(Box::new(Owed { event, deliveries, identity })));
        }
        let (durable, skipped) = self.submit(records)?;
        durable.await.map_err(|_| Rejected::Failing)?;
        for ((at, accepted), skipped) in accepted.into_iter().zip(skipped) {
            answer(answers, at, Ok(Accepted { skipped, ..accepted }));
        }
        Ok(())
    }

    /// Queues records that owe something, or undoes what was reserved for them. Says for each record
    /// which deliveries the gates skip.
    fn submit(&self, mut records: Vec<Record>) -> Result<Queued, Rejected> {
        if self.stopping.load(Ordering::Acquire) {
            release_names(&mut self.shelf.open(), &records);
            return Err(Rejected::Stopping);
        }
        // Most events ask no gate, and then nobody waits for the books.
        let mut books = records.iter().any(is_gated).then(|| self.shelf.open());
        let asked = books.as_mut().map(|books| books.gates.ask(&mut records)).unwrap_or_default();
        if let Err(rejected) = admit(&self.shelf.pending, &records) {
            let mut books = books.unwrap_or_else(|| self.shelf.open());
            books.gates.take_back(asked);
            release_names(&mut books, &records);
            return Err(rejected);
        }
        let skipped = records.iter().map(skipped_in).collect();
        // Until what the gates let pass is queued or taken back, nobody else may ask them.
        let held = books.filter(|_| !asked.is_empty());
        crate::crash::point("accept.writing");
        let entries: Vec<_> = records.into_iter().map(|record| fact(record, None)).collect();
        let kept: Vec<Arc<Record>> = entries.iter().map(|entry| Arc::clone(&entry.value.record)).collect();
        match self.writer.submit(Class::Event, entries) {
            Ok(durable) => Ok((durable, skipped)),
            Err(refusal) => {
                let mut books = held.unwrap_or_else(|| self.shelf.open());
                books.gates.take_back(asked);
                release_names(&mut books, kept.iter().map(|record| &**record));
                release_pending(&self.shelf.pending, kept.iter().map(|record| &**record));
                Err(rejected(refusal, self.writer.limits().journal_bytes_max))
            }
        }
    }

    /// Owes a settled delivery again, as a new delivery with `replay_of`; its `webhook-id` stays the
    /// original's, and the receiver sees the header `fanwise-replay`. Replaying a replay replays the original.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn replay(
        &self,
        workspace: &WorkspaceId,
        delivery: &DeliveryId,
    ) -> Result<DeliveryId, ChangeError> {
        let found = self.found(workspace, delivery).await.map_err(|_| ChangeError::Unreadable)?;
        let found = found.ok_or(ChangeError::NotFound)?;
        if !found.may_be_replayed() {
            return Err(ChangeError::WrongState);
        }
        let id = DeliveryId::fresh();
        let again = again(&found, id.clone(), self.clock.now()).ok_or(ChangeError::Unreadable)?;
        self.owe_again(vec![again]).await?;
        Ok(id)
    }

    /// Makes deliveries durable that are owed again, each with its event.
    ///
    /// # Errors
    /// None of them is owed.
    pub async fn owe_again(&self, owed: Vec<Owed>) -> Result<(), Rejected> {
        let records = owed.into_iter().map(|owed| Record::Replayed(Box::new(owed)));
        let (durable, _) = self.submit(records.collect())?;
        durable.await.map_err(|_| Rejected::Failing)
    }

    /// Gives a waiting delivery up, as an operator's decision. One that is under way is given up unless
    /// this attempt succeeds. The new state shows when it is durable, a moment after this returns.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn discard(&self, workspace: &WorkspaceId, delivery: &DeliveryId) -> Result<(), ChangeError> {
        let found = self.found(workspace, delivery).await.map_err(|_| ChangeError::Unreadable)?;
        if found.ok_or(ChangeError::NotFound)?.view.state.is_settled() {
            return Err(ChangeError::WrongState);
        }
        if let Some(id) = delivery.uuid() {
            self.inbox.push_inputs([Input::Discard(id)]);
        }
        Ok(())
    }
}

fn answer(answers: &mut [Option<Answer>], at: usize, with: Answer) {
    if let Some(place) = answers.get_mut(at) {
        *place = Some(with);
    }
}

/// A delivery as it is owed again, as another one with that id; what it replays is the first one of all.
#[must_use]
pub(super) fn again(found: &Found, id: DeliveryId, now: Timestamp) -> Option<Owed> {
    let (event, old) = delivery_in(&found.record, found.index)?;
    let replay_of = Some(old.replay_of.clone().unwrap_or_else(|| old.id.clone()));
    // Who replays wants it sent: no gate is asked, and none counts it.
    let (gated, skipped) = (Gated::default(), None);
    let new = DeliveryRecord { id, created_at: now, due_at: now, replay_of, gated, skipped, ..old.clone() };
    Some(Owed { event: event.clone(), deliveries: vec![new], identity: Default::default() })
}

/// A delivery and its event within their record.
pub(super) fn delivery_in(record: &Record, index: u32) -> Option<(&EventRecord, &DeliveryRecord)> {
    let owed = record.owed()?;
    Some((&owed.event, owed.deliveries.get(index as usize)?))
}

/// Counts what records owe, if all of it may be owed.
fn admit(pending: &PendingCounts, records: &[Record]) -> Result<(), Rejected> {
    for (at, record) in records.iter().enumerate() {
        let Some(owed) = record.owed() else { continue };
        if let Err(rejected) = pending.admit(&owed.event.workspace, owed.owing()) {
            release_pending(pending, records.iter().take(at));
            return Err(rejected);
        }
    }
    Ok(())
}

fn release_names<'a>(books: &mut Books, records: impl IntoIterator<Item = &'a Record>) {
    for owed in records.into_iter().filter_map(Record::owed) {
        books.window.release(&owed.event.workspace, &owed.identity, &owed.event.id);
    }
}

fn release_pending<'a>(pending: &PendingCounts, records: impl IntoIterator<Item = &'a Record>) {
    for owed in records.into_iter().filter_map(Record::owed) {
        pending.remove(&owed.event.workspace, owed.owing());
    }
}

fn rejected(refusal: Refusal, journal_bytes_max: u64) -> Rejected {
    match refusal {
        Refusal::Busy => Rejected::Busy { retry_after: BUSY_RETRY },
        Refusal::NoSpace => {
            let (limit, of) = ("journal_bytes_max", LimitOf::Node);
            Rejected::Limit { limit, max: journal_bytes_max, of, retry_after: SPACE_RETRY }
        }
        Refusal::TooLarge { bytes, bytes_max } => Rejected::TooLarge { bytes, bytes_max },
        Refusal::Failing => Rejected::Failing,
        Refusal::Closed => Rejected::Stopping,
    }
}
