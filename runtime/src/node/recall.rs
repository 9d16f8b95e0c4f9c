//! What a node tells about the past: questions to its history, asked on threads that may block.

use std::sync::Arc;

use super::query::{Cursor, DeliveryFilter, DeliveryView, EventFilter, EventView, Page};
use super::{Found, History, Node, ReadError, admit};
use crate::id::{DeliveryId, EventId, WorkspaceId};
use crate::journal::Position;
use crate::model::{AttemptRecord, SkipReason, State};
use crate::record::{Owed, Record};
use crate::sync::blocking;

/// A question is asked that often when segments are dropped under it each time.
const ASKED_MAX: usize = 16;

impl Found {
    /// Whether it can be owed again: it is settled, and there is something to send. What a sample left out
    /// was never made.
    #[must_use]
    pub fn may_be_replayed(&self) -> bool {
        let nothing_to_send = self.view.state == State::Skipped { reason: SkipReason::Sampled };
        self.view.state.is_settled() && !nothing_to_send
    }
}

impl Node {
    /// Asks the history, once it shows what was durable before; again when a segment was dropped during
    /// the question, because what was owed in it stands in a later one by then.
    async fn recall<T: Send + 'static>(
        &self,
        ask: impl Fn(&History) -> std::io::Result<T> + Send + Sync + 'static,
    ) -> Result<T, ReadError> {
        let ask = Arc::new(ask);
        let mut asked = 0;
        loop {
            let gone = self.history.gone();
            self.history.caught_up().await;
            let (history, ask) = (Arc::clone(&self.history), Arc::clone(&ask));
            let answer = blocking(move || ask(&history)).await;
            asked += 1;
            if self.history.gone() == gone || asked == ASKED_MAX {
                return Ok(answer??);
            }
        }
    }

    /// Waits until the history shows everything that is durable now, however long it takes.
    #[cfg(test)]
    pub async fn whole_history(&self) {
        self.history.whole().await;
    }

    /// A delivery that was found, as it is owed again under that id.
    #[must_use]
    pub fn again(&self, found: &Found, id: DeliveryId) -> Option<Owed> {
        admit::again(found, id, self.clock.now())
    }

    /// Events of a workspace, newest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn events(
        &self,
        workspace: &WorkspaceId,
        filter: &EventFilter,
        cursor: &Cursor,
    ) -> Result<Page<EventView>, ReadError> {
        let (workspace, filter, cursor) = (workspace.clone(), filter.clone(), cursor.clone());
        self.recall(move |history| history.events(&workspace, &filter, &cursor)).await
    }

    /// Events as the journal has them, with payload and what they owed; newest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn event_records(
        &self,
        workspace: &WorkspaceId,
        filter: &EventFilter,
        cursor: &Cursor,
    ) -> Result<Page<Arc<Record>>, ReadError> {
        let (workspace, filter, cursor) = (workspace.clone(), filter.clone(), cursor.clone());
        self.recall(move |history| history.records(&workspace, &filter, &cursor)).await
    }

    /// One event.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn event(
        &self,
        workspace: &WorkspaceId,
        event: &EventId,
    ) -> Result<Option<EventView>, ReadError> {
        let record = self.event_record(workspace, event).await?;
        Ok(record.and_then(|record| crate::history::event_view(&record)))
    }

    /// One event as the journal has it.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn event_record(
        &self,
        workspace: &WorkspaceId,
        event: &EventId,
    ) -> Result<Option<Arc<Record>>, ReadError> {
        let (workspace, event) = (workspace.clone(), event.clone());
        self.recall(move |history| history.event(&workspace, &event)).await
    }

    /// An event's payload.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn payload(
        &self,
        workspace: &WorkspaceId,
        event: &EventId,
    ) -> Result<Option<Arc<[u8]>>, ReadError> {
        let record = self.event_record(workspace, event).await?;
        Ok(record.and_then(|record| record.owed().map(|owed| Arc::clone(&owed.event.payload))))
    }

    /// Deliveries of a workspace, newest first. Dead letters are those of
    /// [`StateKind::DeadLetter`](super::StateKind::DeadLetter).
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn deliveries(
        &self,
        workspace: &WorkspaceId,
        filter: &DeliveryFilter,
        cursor: &Cursor,
    ) -> Result<Page<DeliveryView>, ReadError> {
        let page = self.found_deliveries(workspace, filter, cursor).await?;
        Ok(Page { items: page.items.into_iter().map(|found| found.view).collect(), next: page.next })
    }

    /// Deliveries with their records, newest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn found_deliveries(
        &self,
        workspace: &WorkspaceId,
        filter: &DeliveryFilter,
        cursor: &Cursor,
    ) -> Result<Page<Found>, ReadError> {
        let unsettled = filter.state.is_some_and(|state| !state.is_settled());
        if unsettled && self.shelf.pending.of(workspace) == 0 {
            // The history would look through everything to find none.
            return Ok(Page { items: Vec::new(), next: None });
        }
        let (workspace, filter, cursor) = (workspace.clone(), filter.clone(), cursor.clone());
        self.recall(move |history| history.deliveries(&workspace, &filter, &cursor)).await
    }

    /// One delivery with its record.
    pub(super) async fn found(
        &self,
        workspace: &WorkspaceId,
        delivery: &DeliveryId,
    ) -> Result<Option<Found>, ReadError> {
        let (workspace, delivery) = (workspace.clone(), delivery.clone());
        self.recall(move |history| history.delivery(&workspace, &delivery)).await
    }

    /// Whether a delivery is or was owed; `None` when the history does not show everything yet and so cannot
    /// say no.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn knows(
        &self,
        workspace: &WorkspaceId,
        delivery: &DeliveryId,
    ) -> Result<Option<bool>, ReadError> {
        let whole = self.history.caught_up().await;
        let found = self.found(workspace, delivery).await?.is_some();
        Ok((found || whole).then_some(found))
    }

    /// One delivery.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn delivery(
        &self,
        workspace: &WorkspaceId,
        delivery: &DeliveryId,
    ) -> Result<Option<DeliveryView>, ReadError> {
        Ok(self.found(workspace, delivery).await?.map(|found| found.view))
    }

    /// A delivery's input as JSON text, or why it could not be made.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn input(
        &self,
        workspace: &WorkspaceId,
        delivery: &DeliveryId,
    ) -> Result<Option<Result<Arc<str>, Arc<str>>>, ReadError> {
        let found = self.found(workspace, delivery).await?;
        let input = found.and_then(|found| {
            admit::delivery_in(&found.record, found.index).map(|(_, delivery)| delivery.input.clone())
        });
        Ok(input)
    }

    /// The attempts of a delivery that are over, oldest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn attempts(
        &self,
        workspace: &WorkspaceId,
        delivery: &DeliveryId,
    ) -> Result<Vec<AttemptRecord>, ReadError> {
        let (workspace, wanted) = (workspace.clone(), delivery.clone());
        let positions = self.recall(move |history| history.attempts(&workspace, &wanted)).await?;
        let mut attempts = Vec::new();
        for position in positions {
            if let Some(record) = self.read(position).await?
                && let Record::Finished { attempt, .. } = &*record
                && attempt.delivery == *delivery
            {
                attempts.push(attempt.clone());
            }
        }
        Ok(attempts)
    }

    /// A record, unless its segment has been dropped.
    async fn read(&self, position: Position) -> Result<Option<Arc<Record>>, ReadError> {
        match self.driver.read(position).await {
            Ok(record) => Ok(Some(record)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
