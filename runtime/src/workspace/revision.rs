//! A published bundle, compiled: immutable, and live or not.

use std::sync::Arc;

use compiler::world::{Bundle, BundleFile, World};
use jiff::Timestamp;

use super::record::{FileRecord, RevisionRecord};
use crate::id::RevisionId;
use crate::rules::{Refused, Rules};

/// One immutable, published bundle of a workspace.
pub struct Revision {
    /// Its id.
    pub id: RevisionId,
    /// Counts from 1 in its workspace.
    pub number: u64,
    /// When it was published.
    pub created_at: Timestamp,
    /// The revision whose files these are, when this was a rollback.
    pub rollback_of: Option<u64>,
    /// The files.
    pub bundle: Arc<Bundle>,
    /// What they compile to.
    pub rules: Arc<Rules>,
}

impl Revision {
    /// A revision made now.
    #[must_use]
    pub fn new(
        number: u64,
        bundle: Arc<Bundle>,
        rules: Arc<Rules>,
        now: Timestamp,
        rollback_of: Option<u64>,
    ) -> Self {
        Self { id: RevisionId::fresh(), number, created_at: now, rollback_of, bundle, rules }
    }

    /// Compiles a stored revision again.
    ///
    /// # Errors
    /// Messages, when this build no longer takes what an earlier one took.
    pub fn from_record(record: RevisionRecord, mut world: World) -> Result<Self, Refused> {
        // Connections may have gone since: what was published stays what it was.
        world.connections = None;
        let bundle = Arc::new(bundle_of(record.files));
        let rules = Rules::compile(&bundle, &world)?;
        Ok(Self {
            id: record.id,
            number: record.number,
            created_at: record.created_at,
            rollback_of: record.rollback_of,
            bundle,
            rules: Arc::new(rules),
        })
    }

    /// How it is stored.
    #[must_use]
    pub fn record(&self) -> RevisionRecord {
        let files = self.bundle.files.iter();
        RevisionRecord {
            id: self.id.clone(),
            number: self.number,
            created_at: self.created_at,
            files: files
                .map(|file| FileRecord { path: file.path.clone(), text: file.text.clone() })
                .collect(),
            rollback_of: self.rollback_of,
        }
    }
}

/// Stored files as a bundle.
#[must_use]
pub fn bundle_of(files: Vec<FileRecord>) -> Bundle {
    Bundle { files: files.into_iter().map(|file| BundleFile { path: file.path, text: file.text }).collect() }
}
