//! Events again, by the rules that are live now.

use std::collections::HashSet;
use std::sync::Arc;

use compiler::gate::Gated;
use jiff::Timestamp;

use super::{Piece, Runner, Stop, delivery_id};
use crate::id::EventId;
use crate::ingest::decide::owed_record;
use crate::node::{Cursor, Identity};
use crate::record::{Owed, Record};
use crate::rules::condition::seen;
use crate::server::Server;

impl Runner {
    /// The next events, and what the rules make of them.
    pub(super) async fn rematched(&mut self, server: &Server, cursor: &Cursor) -> Result<Piece, Stop> {
        let workspace = self.workspace.id.clone();
        let mut piece = Piece::default();
        let mut records: Vec<Arc<Record>> = Vec::new();
        if self.wanted.only_events {
            let page = server.node.event_records(&workspace, &self.wanted.events(), cursor).await?;
            (records, piece.next) = (page.items, page.next);
        } else {
            let page = server.node.found_deliveries(&workspace, &self.wanted.deliveries, cursor).await?;
            piece.next = page.next;
            let mut events: HashSet<EventId> = HashSet::new();
            for found in page.items {
                if events.insert(found.view.event.clone())
                    && let Some(record) = server.node.event_record(&workspace, &found.view.event).await?
                {
                    records.push(record);
                }
            }
        }
        piece.matched = records.len() as u64;
        for record in records {
            self.again_by_rules(server, &record, &mut piece).await?;
        }
        Ok(piece)
    }

    async fn again_by_rules(
        &mut self,
        server: &Server,
        record: &Record,
        piece: &mut Piece,
    ) -> Result<(), Stop> {
        let (Some(before), Some(live)) = (record.owed(), self.workspace.live()) else { return Ok(()) };
        self.workspace.ready().await;
        let Some(rules) = live.rules() else { return Ok(()) };
        let lists = self.workspace.lists_for(&rules)?;
        let Ok(decided) = rules.decide(&seen(&before.event), &*lists) else { return Ok(()) };
        let replay = self.running.record().clone();
        let (connections, now) = (self.workspace.connections(), Timestamp::now());
        let mut event = before.event.clone();
        (event.revision, event.rules) = (Some(live.id.clone()), decided.rules);
        let mut deliveries = Vec::new();
        for owed in decided.deliveries {
            let mut new = owed_record(&self.workspace, &connections, &event.id, owed, None, now);
            // As for every replay, no gate is asked, and none counts it.
            (new.gated, new.skipped) = (Gated::default(), None);
            let asked = &self.wanted.deliveries;
            let wanted = asked.rule.as_ref().is_none_or(|rule| *rule == new.rule)
                && asked.connection.as_ref().is_none_or(|connection| *connection == new.connection);
            if !wanted {
                continue;
            }
            new.id = delivery_id(&replay, &[event.id.as_str(), &new.key]);
            // To its receiver it is the delivery that the same rule owed then, if it owed one.
            let same = before.deliveries.iter().find(|old| old.key == new.key);
            new.replay_of = same.map(|old| old.replay_of.clone().unwrap_or_else(|| old.id.clone()));
            if self.is_owed(server, &new.id).await? {
                piece.repeated += 1;
            } else {
                deliveries.push(new);
            }
        }
        if !deliveries.is_empty() {
            piece.deliveries += deliveries.len() as u64;
            piece.owed.push(Owed { event, deliveries, identity: Identity::default() });
        }
        Ok(())
    }
}
