//! Changes of workspaces and connections: stored first, visible after that.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::connection::{Connection, fresh_secret};
use super::record::{
    ConnectionRecord, SealedRecord, WorkspaceRecord, connection_key, key_key, workspace_key,
};
use super::registry::Registry;
use super::{ConnectionTable, Workspace};
use crate::control::{Expect, StoreError};
use crate::id::{ConnectionId, WorkspaceId};
use crate::key::{KeyRecord, NoRandomness};
use crate::limits::{CONNECTIONS_MAX, WORKSPACES_MAX};
use crate::rules::Refused;
use crate::secret::Secret;
use crate::secret::vault::{Place, VaultError, WorkspaceKey};

/// Signing secrets that one connection has at once: the new one and the one it follows.
pub const LIVE_SECRETS_MAX: usize = 2;

/// What a connection's signing secret is sealed as.
const SECRET_FIELD: &str = "secret";

/// Why a change was not made. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The thing is gone.
    #[error("no {what} `{id}`")]
    NotFound {
        /// What it would be.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The id or name has an owner, or had one.
    #[error("the {what} `{id}` exists already, or existed once")]
    Taken {
        /// What it is.
        what: &'static str,
        /// The id or name.
        id: String,
    },
    /// Live rules deliver to it.
    #[error("rules that are live deliver to `{name}`")]
    InUse {
        /// The connection's name.
        name: Arc<str>,
    },
    /// A limit is reached.
    #[error("at most {max} {what}")]
    Limit {
        /// The limit's name.
        limit: &'static str,
        /// Of what.
        what: &'static str,
        /// How many.
        max: usize,
    },
    /// The rules have errors.
    #[error("the rules have errors")]
    Refused(Box<Refused>),
    /// The system failed.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Secret(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored value cannot be written or read.
    #[error("the stored {key} cannot be read: {source}")]
    Record {
        /// Its key.
        key: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The compiling thread died.
    #[error("the rules could not be compiled")]
    CompilerDied,
}

/// A workspace to be made.
#[derive(Clone, Debug)]
pub struct NewWorkspace {
    /// Its id, when the caller chose one.
    pub id: Option<WorkspaceId>,
    /// For people; the id when there is none.
    pub name: Option<Arc<str>>,
    /// What it is in.
    pub environment: Arc<str>,
}

/// A connection to be made. It was checked before.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// Its name in rules.
    pub name: Arc<str>,
    /// What it is.
    pub integration: Arc<str>,
    /// Where deliveries go.
    pub url: Arc<str>,
    /// What signs; `None` makes one.
    pub secret: Option<Secret>,
}

/// What is to be different about a connection. It was checked before.
#[derive(Clone, Debug, Default)]
pub struct ConnectionChange {
    /// Where deliveries go from now on.
    pub url: Option<Arc<str>>,
    /// Whether anything may be sent.
    pub enabled: Option<bool>,
    /// The only secret from now on.
    pub secret: Option<Secret>,
}

impl Registry {
    /// Makes a workspace.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn create(&self, new: NewWorkspace, now: Timestamp) -> Result<Arc<Workspace>, ChangeError> {
        if self.count() >= WORKSPACES_MAX {
            return Err(ChangeError::Limit {
                limit: "workspaces_max",
                what: "workspaces",
                max: WORKSPACES_MAX,
            });
        }
        let id = new.id.unwrap_or_else(WorkspaceId::fresh);
        let name = new.name.unwrap_or_else(|| id.as_str().into());
        let wrapped = self.vault.fresh_key(&id)?;
        let key = self.vault.unwrap(&id, &wrapped)?;
        let record = WorkspaceRecord {
            id,
            name,
            environment: new.environment,
            key: STANDARD.encode(wrapped).into(),
            created_at: now,
            deleted_at: None,
            live: None,
        };
        match self.put(&workspace_key(&record.id), &record, Expect::Absent).await {
            Err(ChangeError::Store(StoreError::Conflict { .. })) => {
                Err(ChangeError::Taken { what: "workspace", id: record.id.to_string() })
            }
            Err(other) => Err(other),
            Ok(_) => {
                let workspace = Arc::new(Workspace::new(&record, key, ConnectionTable::default()));
                self.show(Arc::clone(&workspace));
                Ok(workspace)
            }
        }
    }

    /// Gives a workspace another name for people.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn rename(&self, workspace: &Workspace, name: Arc<str>) -> Result<(), ChangeError> {
        let _turn = workspace.turn.acquire().await;
        let (mut record, revision) = self.workspace_record(&workspace.id).await?;
        record.name = Arc::clone(&name);
        self.put(&workspace_key(&workspace.id), &record, Expect::Revision(revision)).await?;
        workspace.set_name(name);
        Ok(())
    }

    /// Deletes a workspace: no request sees it any more, and what is still to be delivered there is
    /// given up at its next attempt. Its id stays taken, so that its history never becomes another's.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn delete(
        &self,
        workspace: &Workspace,
        keys: &[KeyRecord],
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let _turn = workspace.turn.acquire().await;
        let (mut record, revision) = self.workspace_record(&workspace.id).await?;
        record.deleted_at = Some(now);
        // Without its key whatever was sealed stays sealed, in copies of the store, too.
        record.key = "".into();
        self.put(&workspace_key(&workspace.id), &record, Expect::Revision(revision)).await?;
        self.hide(&workspace.id);
        for connection in workspace.connections().iter() {
            self.store.delete(&connection_key(&workspace.id, &connection.name), Expect::Any).await?;
        }
        for key in keys {
            self.store.delete(&key_key(&key.id), Expect::Any).await?;
        }
        Ok(())
    }

    /// Makes a connection. The secret that signs is in the answer, here and never again.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn add_connection(
        &self,
        workspace: &Workspace,
        new: NewConnection,
        now: Timestamp,
    ) -> Result<(Arc<Connection>, Arc<Secret>), ChangeError> {
        let _turn = workspace.turn.acquire().await;
        let table = workspace.connections();
        if table.named(&new.name).is_some() {
            return Err(ChangeError::Taken { what: "connection", id: new.name.to_string() });
        }
        if table.len() >= CONNECTIONS_MAX {
            return Err(ChangeError::Limit {
                limit: "connections_max",
                what: "connections",
                max: CONNECTIONS_MAX,
            });
        }
        let id = ConnectionId::fresh();
        let secret = Arc::new(match new.secret {
            Some(secret) => secret,
            None => fresh_secret()?,
        });
        let sealed = seal(workspace, &id, 1, &secret, now)?;
        let record = ConnectionRecord {
            id,
            workspace: workspace.id.clone(),
            name: new.name,
            integration: new.integration,
            url: new.url,
            secrets: vec![sealed],
            enabled: true,
            disabled_because: None,
            created_at: now,
            updated_at: now,
        };
        let connection = self.keep(workspace, record, vec![Arc::clone(&secret)]).await?;
        Ok((connection, secret))
    }

    /// Changes a connection. What waits for it uses the new settings at its next attempt.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn change_connection(
        &self,
        workspace: &Workspace,
        id: &ConnectionId,
        change: ConnectionChange,
        now: Timestamp,
    ) -> Result<Arc<Connection>, ChangeError> {
        let _turn = workspace.turn.acquire().await;
        let current = connection_of(workspace, id)?;
        let mut record = ConnectionRecord::clone(&current.record);
        let mut secrets = current.secrets.clone();
        if let Some(url) = change.url {
            record.url = url;
        }
        if let Some(enabled) = change.enabled {
            record.enabled = enabled;
            record.disabled_because = None;
        }
        if let Some(secret) = change.secret {
            let secret = Arc::new(secret);
            record.secrets = vec![seal(workspace, id, next_version(&record), &secret, now)?];
            secrets = vec![secret];
        }
        record.updated_at = now;
        self.keep(workspace, record, secrets).await
    }

    /// Adds a fresh signing secret; the one before it signs too, until the next rotation.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn rotate(
        &self,
        workspace: &Workspace,
        id: &ConnectionId,
        now: Timestamp,
    ) -> Result<(Arc<Connection>, Arc<Secret>), ChangeError> {
        let _turn = workspace.turn.acquire().await;
        let current = connection_of(workspace, id)?;
        let secret = Arc::new(fresh_secret()?);
        let mut record = ConnectionRecord::clone(&current.record);
        record.secrets.insert(0, seal(workspace, id, next_version(&record), &secret, now)?);
        record.secrets.truncate(LIVE_SECRETS_MAX);
        record.updated_at = now;
        let mut secrets = current.secrets.clone();
        secrets.insert(0, Arc::clone(&secret));
        secrets.truncate(LIVE_SECRETS_MAX);
        Ok((self.keep(workspace, record, secrets).await?, secret))
    }

    /// Stops sending to a connection because its receiver said so.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn disable(
        &self,
        workspace: &Workspace,
        id: &ConnectionId,
        because: &str,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let _turn = workspace.turn.acquire().await;
        let current = connection_of(workspace, id)?;
        let mut record = ConnectionRecord::clone(&current.record);
        record.enabled = false;
        record.disabled_because = Some(because.into());
        record.updated_at = now;
        self.keep(workspace, record, current.secrets.clone()).await?;
        Ok(())
    }

    /// Deletes a connection that no live rule delivers to.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn remove_connection(
        &self,
        workspace: &Workspace,
        id: &ConnectionId,
    ) -> Result<(), ChangeError> {
        let _turn = workspace.turn.acquire().await;
        let current = connection_of(workspace, id)?;
        let used = workspace
            .live()
            .and_then(|live| live.rules())
            .is_some_and(|rules| rules.delivers_to(&current.name));
        if used {
            return Err(ChangeError::InUse { name: Arc::clone(&current.name) });
        }
        self.store.delete(&connection_key(&workspace.id, &current.name), Expect::Any).await?;
        workspace.edit_connections(|table| table.remove(id));
        Ok(())
    }

    /// Stores a connection, then shows it.
    async fn keep(
        &self,
        workspace: &Workspace,
        record: ConnectionRecord,
        secrets: Vec<Arc<Secret>>,
    ) -> Result<Arc<Connection>, ChangeError> {
        // The turn is held, so nobody else can have changed it.
        self.put(&connection_key(&workspace.id, &record.name), &record, Expect::Any).await?;
        let connection = Arc::new(Connection::new(record, secrets));
        workspace.edit_connections(|table| table.insert(Arc::clone(&connection)));
        Ok(connection)
    }
}

/// Seals a signing secret to its connection and version.
fn seal(
    workspace: &Workspace,
    connection: &ConnectionId,
    version: u64,
    secret: &Secret,
    now: Timestamp,
) -> Result<SealedRecord, ChangeError> {
    let place = Place { owner: connection.as_str(), field: SECRET_FIELD, version };
    let sealed = workspace.key.seal(place, secret)?;
    Ok(SealedRecord { version, sealed: STANDARD.encode(sealed).into(), created_at: now })
}

/// Opens a stored signing secret.
///
/// # Errors
/// It was sealed for another place or by another key, or it was changed.
pub(super) fn opened(
    key: &WorkspaceKey,
    connection: &ConnectionId,
    sealed: &SealedRecord,
) -> Result<Secret, ChangeError> {
    let place = Place { owner: connection.as_str(), field: SECRET_FIELD, version: sealed.version };
    let bytes = STANDARD.decode(sealed.sealed.as_bytes()).map_err(|_| VaultError::Changed)?;
    Ok(key.open(place, &bytes)?)
}

fn connection_of(workspace: &Workspace, id: &ConnectionId) -> Result<Arc<Connection>, ChangeError> {
    let found = workspace.connections().get(id).cloned();
    found.ok_or_else(|| ChangeError::NotFound { what: "connection", id: id.to_string() })
}

/// A version that no earlier secret of the connection had.
fn next_version(record: &ConnectionRecord) -> u64 {
    record.secrets.iter().map(|secret| secret.version).max().unwrap_or(0) + 1
}
