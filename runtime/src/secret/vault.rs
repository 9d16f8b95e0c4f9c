//! Secrets at rest: a master key wraps a key of each workspace, and that key seals its secrets.
//!
//! The cipher is AES-256-GCM-SIV (RFC 8452): a nonce that comes twice, after a restored snapshot for
//! instance, does not break it. What is sealed is bound to its place, so that a row copied to another
//! workspace, connection or field does not open; and to the key, by an id that is checked first.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::Secret;
use crate::id::WorkspaceId;

/// The file with the master key, in the data folder.
pub const MASTER_KEY_FILE: &str = "master.key";

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const KEY_ID_BYTES: usize = 8;

/// The first byte of everything sealed.
const VERSION: u8 = 1;

/// Why a secret was not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file with the master key cannot be used.
    #[error("the master key `{MASTER_KEY_FILE}` cannot be used: {0}")]
    Io(#[from] io::Error),
    /// Others may read the file.
    #[error("the master key `{MASTER_KEY_FILE}` may be read by others (mode {0:o}); it must be 600")]
    Exposed(u32),
    /// The text is not 32 bytes in base64.
    #[error("a master key is 32 bytes in base64")]
    NotAKey,
    /// It was sealed with another key.
    #[error("this was sealed with another key")]
    OtherKey,
    /// It was changed, or moved from another place.
    #[error("this was changed or belongs elsewhere")]
    Changed,
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    NoRandom,
}

/// Where the master key came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterKeySource {
    /// From the configuration.
    Configured,
    /// From the file in the data folder.
    File,
    /// It was made just now, and put into the file.
    Made,
}

/// Holds the master key.
pub struct Vault {
    key: Key,
    source: MasterKeySource,
}

/// The key of one workspace.
pub struct WorkspaceKey {
    workspace: WorkspaceId,
    key: Key,
}

/// Where a secret belongs. The parts are bound to it: what was sealed for one place opens in no other.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// What it belongs to: a connection's id, for instance.
    pub owner: &'a str,
    /// Which field of it.
    pub field: &'a str,
    /// Which version of the field.
    pub version: u64,
}

impl Vault {
    /// Takes the configured key (32 bytes in base64), or the one in the folder, or makes one there.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub fn open(data_dir: &Path, configured: Option<&Secret>) -> Result<Self, VaultError> {
        if let Some(text) = configured {
            return Ok(Self { key: Key::from_text(text)?, source: MasterKeySource::Configured });
        }
        let path = data_dir.join(MASTER_KEY_FILE);
        match File::open(&path) {
            Ok(mut file) => {
                let mode = file.metadata()?.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    return Err(VaultError::Exposed(mode));
                }
                let mut text = Zeroizing::new(Vec::new());
                file.read_to_end(&mut text)?;
                let key = Key::from_text(&Secret::new(text.as_slice()))?;
                Ok(Self { key, source: MasterKeySource::File })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Key::fresh()?;
                let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
                file.write_all(Zeroizing::new(STANDARD.encode(*key.bytes)).as_bytes())?;
                file.write_all(b"\n")?;
                file.sync_all()?;
                // Losing the name after something was sealed would lose what was sealed.
                File::open(data_dir)?.sync_all()?;
                Ok(Self { key, source: MasterKeySource::Made })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Where the key came from.
    #[must_use]
    pub fn source(&self) -> MasterKeySource {
        self.source
    }

    /// Makes a key for a workspace and returns it wrapped: keep that, it opens with [`Self::unwrap`].
    ///
    /// # Errors
    /// [`VaultError::NoRandom`].
    pub fn fresh_key(&self, workspace: &WorkspaceId) -> Result<Vec<u8>, VaultError> {
        let key = Key::fresh()?;
        self.key.seal(&bound("workspace key", workspace, None), &*key.bytes)
    }

    /// Unwraps a workspace's key.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`] or [`VaultError::Changed`].
    pub fn unwrap(&self, workspace: &WorkspaceId, wrapped: &[u8]) -> Result<WorkspaceKey, VaultError> {
        let bytes = self.key.open(&bound("workspace key", workspace, None), wrapped)?;
        let bytes = Zeroizing::new(bytes.as_slice().try_into().map_err(|_| VaultError::Changed)?);
        Ok(WorkspaceKey { workspace: workspace.clone(), key: Key { bytes } })
    }
}

impl WorkspaceKey {
    /// Seals a secret for its place.
    ///
    /// # Errors
    /// [`VaultError::NoRandom`].
    pub fn seal(&self, place: Place<'_>, secret: &Secret) -> Result<Vec<u8>, VaultError> {
        self.key.seal(&bound("secret", &self.workspace, Some(place)), secret.expose())
    }

    /// Opens a secret in its place.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`] or [`VaultError::Changed`].
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Secret, VaultError> {
        let plain = self.key.open(&bound("secret", &self.workspace, Some(place)), sealed)?;
        Ok(Secret::new(plain.as_slice()))
    }
}

struct Key {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl Key {
    fn fresh() -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        SystemRandom::new().fill(&mut *bytes).map_err(|_| VaultError::NoRandom)?;
        Ok(Self { bytes })
    }

    fn from_text(text: &Secret) -> Result<Self, VaultError> {
        let text = text.expose_text().ok_or(VaultError::NotAKey)?;
        let decoded = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| VaultError::NotAKey)?);
        let bytes = decoded.as_slice().try_into().map_err(|_| VaultError::NotAKey)?;
        Ok(Self { bytes: Zeroizing::new(bytes) })
    }

    /// Tells keys apart without telling anything about them. GCM-SIV alone does not bind a text to one key.
    fn id(&self) -> [u8; KEY_ID_BYTES] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*self.bytes), b"fanwise key id");
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new((&*self.bytes).into())
    }

    /// Version, key id, nonce, then the ciphertext with its tag.
    fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        SystemRandom::new().fill(&mut nonce).map_err(|_| VaultError::NoRandom)?;
        let payload = Payload { msg: plain, aad };
        let text =
            self.cipher().encrypt(Nonce::from_slice(&nonce), payload).map_err(|_| VaultError::Changed)?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&self.id());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (version, rest) = sealed.split_first().ok_or(VaultError::Changed)?;
        let (id, rest) = rest.split_first_chunk::<KEY_ID_BYTES>().ok_or(VaultError::Changed)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Changed)?;
        if *version != VERSION {
            return Err(VaultError::Changed);
        }
        if *id != self.id() {
            return Err(VaultError::OtherKey);
        }
        let opened = self.cipher().decrypt(Nonce::from_slice(nonce), Payload { msg: text, aad });
        opened.map(Zeroizing::new).map_err(|_| VaultError::Changed)
    }
}

/// What a ciphertext is bound to: every part with its length, so that no two places read the same.
fn bound(purpose: &str, workspace: &WorkspaceId, place: Option<Place<'_>>) -> Vec<u8> {
    let mut aad = Vec::new();
    let mut put = |part: &[u8]| {
        aad.extend_from_slice(&(part.len() as u64).to_le_bytes());
        aad.extend_from_slice(part);
    };
    put(b"fanwise 1 AES-256-GCM-SIV");
    put(purpose.as_bytes());
    put(workspace.as_str().as_bytes());
    if let Some(place) = place {
        put(place.owner.as_bytes());
        put(place.field.as_bytes());
        put(&place.version.to_le_bytes());
    }
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(name: &str) -> WorkspaceId {
        WorkspaceId::from_text(name)
    }

    const PLACE: Place<'static> = Place { owner: "con_1", field: "secret", version: 1 };

    #[test]
    fn a_secret_opens_in_its_place_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path(), None).unwrap();
        let (a, b) = (workspace("a"), workspace("b"));
        let wrapped = vault.fresh_key(&a).unwrap();
        let key = vault.unwrap(&a, &wrapped).unwrap();
        let secret = Secret::new("whsec_1234");
        let sealed = key.seal(PLACE, &secret).unwrap();
        assert_ne!(sealed, key.seal(PLACE, &secret).unwrap(), "nonces differ");
        assert!(!sealed.windows(4).any(|window| window == b"1234"));
        assert_eq!(key.open(PLACE, &sealed).unwrap(), secret);
        let others = [
            Place { owner: "con_2", ..PLACE },
            Place { field: "token", ..PLACE },
            Place { version: 2, ..PLACE },
            Place { owner: "con_", field: "1secret", ..PLACE },
        ];
        for place in others {
            assert!(matches!(key.open(place, &sealed), Err(VaultError::Changed)), "{place:?}");
        }
        assert!(matches!(vault.unwrap(&b, &wrapped), Err(VaultError::Changed)));
        let other = vault.unwrap(&b, &vault.fresh_key(&b).unwrap()).unwrap();
        assert!(matches!(other.open(PLACE, &sealed), Err(VaultError::OtherKey)));
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert!(key.open(PLACE, &flipped).is_err(), "a flipped bit at {at}");
            assert!(key.open(PLACE, &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_master_key_is_made_once_kept_private_and_may_be_configured() {
        let folder = tempfile::tempdir().unwrap();
        let made = Vault::open(folder.path(), None).unwrap();
        assert_eq!(made.source(), MasterKeySource::Made);
        let path = folder.path().join(MASTER_KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let wrapped = made.fresh_key(&workspace("a")).unwrap();
        let again = Vault::open(folder.path(), None).unwrap();
        assert_eq!(again.source(), MasterKeySource::File);
        assert!(again.unwrap(&workspace("a"), &wrapped).is_ok());
        let text = Secret::new(std::fs::read(&path).unwrap());
        let configured = Vault::open(Path::new("/nowhere"), Some(&text)).unwrap();
        assert!(configured.unwrap(&workspace("a"), &wrapped).is_ok());
        let another = Secret::new(STANDARD.encode([7; 32]));
        let stranger = Vault::open(folder.path(), Some(&another)).unwrap();
        assert!(matches!(stranger.unwrap(&workspace("a"), &wrapped), Err(VaultError::OtherKey)));
        assert!(matches!(Vault::open(folder.path(), Some(&Secret::new("short"))), Err(VaultError::NotAKey)));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Vault::open(folder.path(), None), Err(VaultError::Exposed(0o644))));
    }
}
