//! Changes of workspaces and connections: stored first, visible after that.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use tokio::sync::SemaphorePermit;

use super::connection::{Connection, Credentials};
use super::record::{
    ConnectionRecord, FailingTests, SealedRecord, WorkspaceRecord, connection_key, workspace_key,
};
use super::registry::Registry;
use super::{ConnectionTable, Workspace};
use crate::control::{Expect, StoreError};
use crate::deliver::sign::SecretError;
use crate::deliver::sign::scheme::Signing;
use crate::deliver::success::SuccessRecord;
use crate::deliver::tls::TlsMaterial;
use crate::id::{ConnectionId, WorkspaceId};
use crate::key::NoRandomness;
use crate::limits::{CONNECTIONS_MAX, WORKSPACES_MAX};
use crate::lists::ReadError as ListError;
use crate::rules::Refused;
use crate::secret::Secret;
use crate::secret::vault::{Place, VaultError, WorkspaceKey};

/// Signing secrets that one connection has at once: the new one and the one it follows.
pub const LIVE_SECRETS_MAX: usize = 2;

/// What a connection's signing secret is sealed as.
const SECRET_FIELD: &str = "secret";

/// What the key of a connection's client certificate is sealed as.
const CLIENT_KEY_FIELD: &str = "client_key";

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
    /// Live rules ask it.
    #[error("rules that are live ask the list `{name}`")]
    ListInUse {
        /// The list's name.
        name: Arc<str>,
    },
    /// A secret of the connection cannot sign as it is to sign from now on.
    #[error("a secret of the connection cannot sign so ({why}); send a `secret` that can, too")]
    Unsigned {
        /// The field of the change.
        field: &'static str,
        /// What is wrong with the secret.
        why: SecretError,
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
    /// Lists cannot be read.
    #[error(transparent)]
    Lists(#[from] ListError),
    /// The thread that changed a list died.
    #[error("the list could not be changed")]
    ListsDied,
    /// The thread that read the store died.
    #[error("what is stored could not be read")]
    ReaderDied,
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
    /// What becomes of a bundle whose tests fail.
    pub failing_tests: FailingTests,
}

/// What is to be different about a workspace. It was checked before.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceChange {
    /// For people.
    pub name: Option<Arc<str>>,
    /// What becomes of a bundle whose tests fail.
    pub failing_tests: Option<FailingTests>,
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
    /// How it signs.
    pub signing: Signing,
    /// Which answers count as delivered.
    pub success: Option<SuccessRecord>,
    /// Its certificates.
    pub tls: TlsMaterial,
}

/// What is to be different about a connection. Each part was checked before, but for how parts fit together.
#[derive(Clone, Debug, Default)]
pub struct ConnectionChange {
    /// Where deliveries go from now on.
    pub url: Option<Arc<str>>,
    /// Whether anything may be sent.
    pub enabled: Option<bool>,
    /// The only secret from now on. It must be able to sign as the connection then signs.
    pub secret: Option<Secret>,
    /// How it signs from now on. Every secret that it has then must be able to.
    pub signing: Option<Signing>,
    /// Which answers count as delivered from now on.
    pub success: Option<Option<SuccessRecord>>,
    /// All its certificates from now on.
    pub tls: Option<TlsMaterial>,
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
            failing_tests: new.failing_tests,
            key: STANDARD.encode(wrapped).into(),
            created_at: now,
            deleted_at: None,
            cleared: false,
            live: None,
        };
        match self.put(&workspace_key(&record.id), &record, Expect::Absent).await {
            Err(ChangeError::Store(StoreError::Conflict { .. })) => {
                Err(ChangeError::Taken { what: "workspace", id: record.id.to_string() })
            }
            Err(other) => Err(other),
            Ok(_) => {
                let lists = self.lists_of(&record.id);
                let workspace = Arc::new(Workspace::new(&record, key, ConnectionTable::default(), lists));
                self.show(Arc::clone(&workspace));
                Ok(workspace)
            }
        }
    }

    /// Changes a workspace.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn change(&self, workspace: &Workspace, change: WorkspaceChange) -> Result<(), ChangeError> {
        let _turn = self.turn(workspace).await?;
        let (mut record, revision) = self.workspace_record(&workspace.id).await?;
        record.name = change.name.unwrap_or(record.name);
        record.failing_tests = change.failing_tests.unwrap_or(record.failing_tests);
        self.put(&workspace_key(&workspace.id), &record, Expect::Revision(revision)).await?;
        workspace.set(&record);
        Ok(())
    }

    /// Waits for the turn to change a workspace, and sees that it is still there.
    pub(crate) async fn turn<'w>(
        &self,
        workspace: &'w Workspace,
    ) -> Result<SemaphorePermit<'w>, ChangeError> {
        let turn = workspace.turn.acquire().await;
        self.existing(&workspace.id)?;
        // Nobody closes it.
        turn.map_err(|_| ChangeError::NotFound { what: "workspace", id: workspace.id.to_string() })
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
        let _turn = self.turn(workspace).await?;
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
            None => new.signing.fresh_secret().map_err(|_| NoRandomness)?,
        });
        let sealed = seal(workspace, &id, SECRET_FIELD, 1, &secret, now)?;
        let mut record = ConnectionRecord {
            id,
            workspace: workspace.id.clone(),
            name: new.name,
            integration: new.integration,
            url: new.url,
            secrets: vec![sealed],
            signing: new.signing,
            success: new.success,
            ca: None,
            client_certificate: None,
            client_key: None,
            enabled: true,
            disabled_because: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let mut credentials = Credentials { secrets: vec![Arc::clone(&secret)], client_key: None };
        set_tls(workspace, &mut record, &mut credentials, new.tls, now)?;
        let connection = self.keep(workspace, record, credentials).await?;
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
        let _turn = self.turn(workspace).await?;
        let current = connection_of(workspace, id)?;
        let mut record = ConnectionRecord::clone(&current.record);
        let mut credentials = current.credentials.clone();
        let changed = change.secret.as_ref().map(|_| "secret").or(change.signing.as_ref().map(|_| "signing"));
        if let Some(url) = change.url {
            record.url = url;
        }
        if let Some(enabled) = change.enabled {
            record.enabled = enabled;
            record.disabled_because = None;
        }
        if let Some(secret) = change.secret {
            let secret = Arc::new(secret);
            record.secrets = vec![seal(workspace, id, SECRET_FIELD, next_version(&record), &secret, now)?];
            credentials.secrets = vec![secret];
        }
        if let Some(signing) = change.signing {
            record.signing = signing;
        }
        // Here and not before: another change may have come first, and every secret that is kept may sign.
        if let Some(field) = changed {
            let mistake = |secret: &Arc<Secret>| record.signing.check(secret).err();
            if let Some(why) = credentials.secrets.iter().find_map(mistake) {
                return Err(ChangeError::Unsigned { field, why });
            }
        }
        if let Some(success) = change.success {
            record.success = success;
        }
        if let Some(tls) = change.tls {
            set_tls(workspace, &mut record, &mut credentials, tls, now)?;
        }
        record.updated_at = now;
        record.version += 1;
        self.keep(workspace, record, credentials).await
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
        let _turn = self.turn(workspace).await?;
        let current = connection_of(workspace, id)?;
        let mut record = ConnectionRecord::clone(&current.record);
        let secret = Arc::new(record.signing.fresh_secret().map_err(|_| NoRandomness)?);
        record.secrets.insert(0, seal(workspace, id, SECRET_FIELD, next_version(&record), &secret, now)?);
        record.secrets.truncate(LIVE_SECRETS_MAX);
        record.updated_at = now;
        record.version += 1;
        let mut credentials = current.credentials.clone();
        credentials.secrets.insert(0, Arc::clone(&secret));
        credentials.secrets.truncate(LIVE_SECRETS_MAX);
        Ok((self.keep(workspace, record, credentials).await?, secret))
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
        let _turn = self.turn(workspace).await?;
        let current = connection_of(workspace, id)?;
        let mut record = ConnectionRecord::clone(&current.record);
        record.enabled = false;
        record.disabled_because = Some(because.into());
        record.updated_at = now;
        record.version += 1;
        self.keep(workspace, record, current.credentials.clone()).await?;
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
        let _turn = self.turn(workspace).await?;
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
        credentials: Credentials,
    ) -> Result<Arc<Connection>, ChangeError> {
        // The turn is held, so nobody else can have changed it.
        self.put(&connection_key(&workspace.id, &record.name), &record, Expect::Any).await?;
        let connection = Arc::new(Connection::new(record, credentials));
        workspace.edit_connections(|table| table.insert(Arc::clone(&connection)));
        Ok(connection)
    }
}

/// Replaces a connection's certificates.
fn set_tls(
    workspace: &Workspace,
    record: &mut ConnectionRecord,
    credentials: &mut Credentials,
    tls: TlsMaterial,
    now: Timestamp,
) -> Result<(), ChangeError> {
    let version = record.client_key.as_ref().map_or(1, |key| key.version + 1);
    record.ca = tls.ca;
    (record.client_certificate, credentials.client_key) = tls.client.unzip();
    let key = credentials.client_key.as_ref();
    let sealed = key.map(|key| seal(workspace, &record.id, CLIENT_KEY_FIELD, version, key, now));
    record.client_key = sealed.transpose()?;
    Ok(())
}

/// Seals a secret to its connection, field and version.
fn seal(
    workspace: &Workspace,
    connection: &ConnectionId,
    field: &str,
    version: u64,
    secret: &Secret,
    now: Timestamp,
) -> Result<SealedRecord, ChangeError> {
    let place = Place { owner: connection.as_str(), field, version };
    let sealed = workspace.key.seal(place, secret)?;
    Ok(SealedRecord { version, sealed: STANDARD.encode(sealed).into(), created_at: now })
}

/// Opens everything that is sealed about a connection.
///
/// # Errors
/// It was sealed for another place or by another key, or it was changed.
pub(super) fn opened(key: &WorkspaceKey, record: &ConnectionRecord) -> Result<Credentials, ChangeError> {
    let open = |field, sealed: &SealedRecord| {
        let place = Place { owner: record.id.as_str(), field, version: sealed.version };
        let bytes = STANDARD.decode(sealed.sealed.as_bytes()).map_err(|_| VaultError::Changed)?;
        Ok::<_, ChangeError>(Arc::new(key.open(place, &bytes)?))
    };
    let secrets = record.secrets.iter().map(|sealed| open(SECRET_FIELD, sealed));
    let client_key = record.client_key.as_ref().map(|sealed| open(CLIENT_KEY_FIELD, sealed));
    Ok(Credentials { secrets: secrets.collect::<Result<_, _>>()?, client_key: client_key.transpose()? })
}

fn connection_of(workspace: &Workspace, id: &ConnectionId) -> Result<Arc<Connection>, ChangeError> {
    let found = workspace.connections().get(id).cloned();
    found.ok_or_else(|| ChangeError::NotFound { what: "connection", id: id.to_string() })
}

/// A version that no earlier secret of the connection had.
fn next_version(record: &ConnectionRecord) -> u64 {
    record.secrets.iter().map(|secret| secret.version).max().unwrap_or(0) + 1
}
