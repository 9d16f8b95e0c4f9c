//! How workspaces, connections and revisions are stored: keys and JSON values of the control store.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::deliver::sign::scheme::Signing;
use crate::deliver::success::SuccessRecord;
use crate::id::{ConnectionId, RevisionId, WorkspaceId};

/// `workspace/ID`. It stays after deletion, so that an id never comes to mean something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceRecord {
    /// Its id.
    pub id: WorkspaceId,
    /// For people.
    pub name: Arc<str>,
    /// What it is in.
    pub environment: Arc<str>,
    /// The key that seals its secrets, wrapped by the master key, as base64.
    pub key: Arc<str>,
    /// What becomes of a bundle whose tests fail.
    #[serde(default)]
    pub failing_tests: FailingTests,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// Nothing of a deleted one is left. A crash while it was deleted leaves this for the next start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cleared: bool,
    /// The number of the revision that is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<u64>,
}

/// What becomes of a bundle whose tests fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailingTests {
    /// It does not go live.
    #[default]
    Refuse,
    /// It goes live, and each failure is a warning.
    Warn,
}

/// `connection/WORKSPACE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionRecord {
    /// Its id.
    pub id: ConnectionId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// Its name in rules.
    pub name: Arc<str>,
    /// What it is.
    pub integration: Arc<str>,
    /// Where deliveries go.
    pub url: Arc<str>,
    /// Its signing secrets, sealed, newest first.
    pub secrets: Vec<SealedRecord>,
    /// How they sign.
    #[serde(default)]
    pub signing: Signing,
    /// Which answers count as delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<SuccessRecord>,
    /// Authorities that are trusted in place of the public ones, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<Arc<str>>,
    /// The certificate that it shows, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<Arc<str>>,
    /// That certificate's key as PEM, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<SealedRecord>,
    /// Whether anything may be sent.
    pub enabled: bool,
    /// Why it is not, when the server decided so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_because: Option<Arc<str>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the first settings are 1.
    #[serde(default)]
    pub version: u64,
}

/// A secret as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedRecord {
    /// Which secret of the connection this is; part of what it is sealed to.
    pub version: u64,
    /// The sealed bytes as base64.
    pub sealed: Arc<str>,
    /// When it came.
    pub created_at: Timestamp,
}

/// `revision/WORKSPACE/NUMBER`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRecord {
    /// Its id.
    pub id: RevisionId,
    /// Counts from 1 in its workspace.
    pub number: u64,
    /// When it was published.
    pub created_at: Timestamp,
    /// The files of the bundle.
    pub files: Vec<FileRecord>,
    /// The revision whose files these are, when this was a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_of: Option<u64>,
}

/// One file of a stored bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its path inside the bundle.
    pub path: Box<str>,
    /// Its text.
    pub text: Box<str>,
}

/// Where all workspaces are.
pub const WORKSPACES: &str = "workspace/";

/// Where all keys of the API are.
pub const KEYS: &str = "key/";

/// The key of a workspace.
#[must_use]
pub fn workspace_key(id: &WorkspaceId) -> String {
    format!("{WORKSPACES}{id}")
}

/// Where all connections are.
pub(crate) const CONNECTIONS: &str = "connection/";

/// Where the connections of a workspace are.
#[must_use]
pub fn connections_of(id: &WorkspaceId) -> String {
    format!("{CONNECTIONS}{id}/")
}

/// The key of a connection.
#[must_use]
pub fn connection_key(id: &WorkspaceId, name: &str) -> String {
    format!("{CONNECTIONS}{id}/{name}")
}

/// Where the revisions of a workspace are.
#[must_use]
pub fn revisions_of(id: &WorkspaceId) -> String {
    format!("revision/{id}/")
}

/// The key of a revision; numbers sort as texts.
#[must_use]
pub fn revision_key(id: &WorkspaceId, number: u64) -> String {
    format!("revision/{id}/{number:020}")
}

/// The key of a key of the API.
#[must_use]
pub fn key_key(id: &crate::id::KeyId) -> String {
    format!("{KEYS}{id}")
}
