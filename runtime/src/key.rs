//! Keys of the API: how they look, how they are kept, and who holds one.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dashmap::DashMap;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::id::{KeyId, WorkspaceId};
use crate::secret::Secret;

/// Random bytes of a key's secret part.
const SECRET_BYTES: usize = 32;

/// Characters of an admin key that somebody chose, at least.
pub const ADMIN_KEY_CHARS_MIN: usize = 16;

/// The file of the admin key inside the data folder.
pub const ADMIN_KEY_FILE: &str = "admin.key";

/// Who holds a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// May do everything.
    Admin,
    /// Sees this workspace and no other.
    Workspace(WorkspaceId),
}

/// A key of a workspace as it is kept: its secret only as a digest. A random secret of 256 bits
/// needs no slow hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Its id, the middle part of the key.
    pub id: KeyId,
    /// What it opens.
    pub workspace: WorkspaceId,
    /// For people.
    pub name: Arc<str>,
    /// SHA-256 of the whole key, as base64url.
    pub sha256: Arc<str>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Every key of a server, by id. The lookup of each request; it never waits for the disk.
pub struct Keys {
    admin: [u8; 32],
    by_id: DashMap<KeyId, KeyRecord>,
}

/// A fresh key cannot be made: the system has no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random numbers")]
pub struct NoRandomness;

impl Keys {
    /// Knows the admin key and those that were made before.
    #[must_use]
    pub fn new(admin_key: &str, records: impl IntoIterator<Item = KeyRecord>) -> Self {
        let by_id = records.into_iter().map(|record| (record.id.clone(), record)).collect();
        Self { admin: sha256(admin_key), by_id }
    }

    /// Whose key that is.
    #[must_use]
    pub fn holder(&self, token: &str) -> Option<Holder> {
        let given = sha256(token);
        if same(&given, &self.admin) {
            return Some(Holder::Admin);
        }
        let (id, _) = token.strip_prefix("fw_")?.split_once('_')?;
        let record = self.by_id.get(format!("{}_{id}", KeyId::PREFIX).as_str())?;
        let kept = URL_SAFE_NO_PAD.decode(record.sha256.as_bytes()).ok()?;
        same(&given, &kept).then(|| Holder::Workspace(record.workspace.clone()))
    }

    /// Adds a key.
    pub fn insert(&self, record: KeyRecord) {
        self.by_id.insert(record.id.clone(), record);
    }

    /// Revokes a key; the next request with it is refused.
    pub fn remove(&self, id: &KeyId) {
        self.by_id.remove(id);
    }

    /// One key.
    #[must_use]
    pub fn get(&self, id: &KeyId) -> Option<KeyRecord> {
        self.by_id.get(id).map(|record| record.clone())
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.by_id.len()
    }

    /// The keys of a workspace, or all, oldest first.
    #[must_use]
    pub fn list(&self, workspace: Option<&WorkspaceId>) -> Vec<KeyRecord> {
        let wanted = |record: &KeyRecord| workspace.is_none_or(|id| *id == record.workspace);
        let mut found: Vec<KeyRecord> = self
            .by_id
            .iter()
            .filter(|entry| wanted(entry.value()))
            .map(|entry| entry.value().clone())
            .collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found
    }
}

/// Makes a key of a workspace: the record to keep, and the text that is shown once.
///
/// # Errors
/// [`NoRandomness`].
pub fn fresh_key(
    workspace: WorkspaceId,
    name: &str,
    now: Timestamp,
) -> Result<(KeyRecord, String), NoRandomness> {
    let id = KeyId::fresh();
    let (_, bare) = id.as_str().split_once('_').unwrap_or_default();
    let token = format!("fw_{bare}_{}", random_text()?);
    let sha256 = URL_SAFE_NO_PAD.encode(sha256(&token)).into();
    Ok((KeyRecord { id, workspace, name: name.into(), sha256, created_at: now }, token))
}

/// Where an admin key came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminKey {
    /// It was given or found.
    Known(Secret),
    /// It was made now, and people should be told.
    Made(Secret),
}

impl AdminKey {
    /// The key.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Known(key) | Self::Made(key) => key.expose_text().unwrap_or_default(),
        }
    }
}

/// Why there is no admin key.
#[derive(Debug, thiserror::Error)]
pub enum AdminKeyError {
    /// Its file cannot be read or written.
    #[error("`{file}` cannot be used: {source}")]
    Io {
        /// Which.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It could be guessed, or could not stand in a header. An empty variable is the common case.
    #[error(
        "the admin key {from} must have {ADMIN_KEY_CHARS_MIN} characters or more, all of them printable ASCII without blanks"
    )]
    Weak {
        /// Where it came from.
        from: String,
    },
    /// A fresh one cannot be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// The admin key: the one given, else the one in the data folder, else a fresh one, which is
/// written there with mode 0600. Deleting the file and starting again makes another.
///
/// # Errors
/// [`AdminKeyError`].
pub fn admin_key(given: Option<&Secret>, data_dir: &Path) -> Result<AdminKey, AdminKeyError> {
    if let Some(key) = given {
        return known(key.expose_text().unwrap_or_default(), "that was given");
    }
    let path = data_dir.join(ADMIN_KEY_FILE);
    let file = || path.display().to_string();
    let failed = |source| AdminKeyError::Io { file: file(), source };
    match fs::read_to_string(&path) {
        Ok(text) => known(&text, &format!("in `{}`", file())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = format!("fw_admin_{}", random_text()?);
            let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let written = made.and_then(|mut file| {
                file.write_all(format!("{key}\n").as_bytes())?;
                file.sync_all()?;
                fs::File::open(data_dir)?.sync_all()
            });
            written.map_err(failed)?;
            Ok(AdminKey::Made(key.into()))
        }
        Err(error) => Err(failed(error)),
    }
}

fn known(text: &str, from: &str) -> Result<AdminKey, AdminKeyError> {
    let key = text.trim();
    if key.len() < ADMIN_KEY_CHARS_MIN || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(AdminKeyError::Weak { from: from.to_owned() });
    }
    Ok(AdminKey::Known(Secret::new(key)))
}

fn random_text() -> Result<String, NoRandomness> {
    let mut bytes = [0; SECRET_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn sha256(text: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    out
}

/// Compares without telling by its duration how much was right.
fn same(left: &[u8], right: &[u8]) -> bool {
    let differing = left.iter().zip(right).fold(0_u8, |seen, (a, b)| seen | (a ^ b));
    left.len() == right.len() && std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_its_workspace_until_it_is_revoked() {
        let (record, token) =
            fresh_key(WorkspaceId::from_text("ws_a"), "app", Timestamp::UNIX_EPOCH).unwrap();
        let keys = Keys::new("fw_admin_x", [record.clone()]);
        assert_eq!(keys.holder("fw_admin_x"), Some(Holder::Admin));
        assert_eq!(keys.holder(&token), Some(Holder::Workspace(WorkspaceId::from_text("ws_a"))));
        let mut wrong = token.clone();
        wrong.pop();
        for bad in [wrong.as_str(), "", "fw_", "fw_x_y", "fw_admin_y", token.get(..20).unwrap()] {
            assert_eq!(keys.holder(bad), None, "{bad}");
        }
        keys.remove(&record.id);
        assert_eq!(keys.holder(&token), None);
        // The secret is longer than that; it may hold a `_`.
        assert!(!format!("{record:?}").contains(token.get(token.len() - 20..).unwrap()));
    }

    #[test]
    fn the_admin_key_is_made_once_and_only_for_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let made = admin_key(None, folder.path()).unwrap();
        assert!(matches!(made, AdminKey::Made(_)));
        assert_eq!(admin_key(None, folder.path()).unwrap(), AdminKey::Known(Secret::new(made.text())));
        assert!(!format!("{made:?}").contains(made.text()));
        let mode = fs::metadata(folder.path().join(ADMIN_KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let given = "fw_admin_0123456789\n";
        assert_eq!(admin_key(Some(&Secret::new(given)), folder.path()).unwrap().text(), given.trim());
        for weak in ["", " ", "0123456789", "0123456789 012345", "0123456789é012345"] {
            assert!(
                matches!(admin_key(Some(&Secret::new(weak)), folder.path()), Err(AdminKeyError::Weak { .. })),
                "{weak}"
            );
        }
        fs::write(folder.path().join(ADMIN_KEY_FILE), "\n").unwrap();
        assert!(matches!(admin_key(None, folder.path()), Err(AdminKeyError::Weak { .. })));
    }
}
