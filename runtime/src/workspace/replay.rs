//! How replays of many deliveries are stored, so that they go on after a restart.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::change::ChangeError;
use super::registry::Registry;
use crate::control::Expect;
use crate::id::{ReplayId, WorkspaceId};

/// Where all replays are.
const REPLAYS: &str = "replay/";

/// `replay/WORKSPACE/ID`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayRecord {
    /// Its id; the app may choose it.
    pub id: ReplayId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// When it was asked for. Only what is older is replayed.
    pub created_at: Timestamp,
    /// What is sent.
    pub mode: ReplayMode,
    /// Deliveries a second.
    pub rate: u32,
    /// Which deliveries, as it was asked for.
    pub filter: Map<String, Value>,
    /// How far it has come.
    pub progress: Progress,
}

/// What a replay sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayMode {
    /// The input that was made when the event came.
    #[default]
    Recorded,
    /// What the rules that are live now make of the event.
    Rematch,
}

/// How far a replay has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Where it stands.
    pub state: ReplayState,
    /// Deliveries, or events to be matched again, that the filter found so far.
    pub matched: u64,
    /// Deliveries that are owed again.
    pub replayed: u64,
    /// Those that this replay owed already, or that were found twice.
    pub repeated: u64,
    /// Those that are still being delivered, or that were sampled out and so have nothing to send.
    pub not_settled: u64,
    /// What was older than this is still to be looked at.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cursor: Option<u64>,
    /// What it waits for, or why it ended early.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub because: Option<Arc<str>>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Where a replay stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// It goes on, also after a restart.
    #[default]
    Running,
    /// Everything that was found is owed again.
    Done,
    /// Somebody ended it. What was owed by then stays owed.
    Cancelled,
    /// It cannot go on.
    Failed,
}

/// Where the replays of a workspace are.
pub(super) fn replays_of(workspace: &WorkspaceId) -> String {
    format!("{REPLAYS}{workspace}/")
}

fn replay_key(workspace: &WorkspaceId, id: &ReplayId) -> String {
    format!("{REPLAYS}{workspace}/{id}")
}

impl Registry {
    /// Stores a replay, new or changed.
    ///
    /// # Errors
    /// The workspace is gone, or the store failed.
    pub async fn store_replay(&self, record: &ReplayRecord) -> Result<(), ChangeError> {
        let workspace = self.existing(&record.workspace)?;
        let _turn = self.turn(&workspace).await?;
        self.put(&replay_key(&record.workspace, &record.id), record, Expect::Any).await.map(drop)
    }

    /// Forgets a replay.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget_replay(&self, record: &ReplayRecord) -> Result<(), ChangeError> {
        Ok(self.store.delete(&replay_key(&record.workspace, &record.id), Expect::Any).await?)
    }

    /// The replays of a workspace, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn stored_replays(&self, workspace: &WorkspaceId) -> Result<Vec<ReplayRecord>, ChangeError> {
        let mut found: Vec<ReplayRecord> = self.all(&replays_of(workspace)).await?;
        found.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(found)
    }

    /// Every replay that has not ended.
    ///
    /// # Errors
    /// The store failed.
    pub async fn running_replays(&self) -> Result<Vec<ReplayRecord>, ChangeError> {
        let mut found: Vec<ReplayRecord> = self.all(REPLAYS).await?;
        found.retain(|record| record.progress.state == ReplayState::Running);
        Ok(found)
    }
}
