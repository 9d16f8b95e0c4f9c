//! The control plane's store: workspaces, connections, revisions, keys, as small versioned values.

mod redb;

pub use self::redb::RedbStore;

use futures_util::future::BoxFuture;

/// A value and which change of it this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Vec<u8>,
    /// Grows with every change of the store, so it also orders changes of different keys.
    pub revision: u64,
}

/// What a change expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing under that key.
    Absent,
    /// The value of this revision.
    Revision(u64),
    /// Whatever is there.
    Any,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another change came first; read again and decide again.
    #[error("`{key}` was changed by somebody else")]
    Conflict {
        /// The key.
        key: String,
        /// What is there now.
        found: Option<u64>,
    },
    /// The store itself failed.
    #[error("the control store failed while {doing}: {source}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// One of several changes that are made together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Puts a value, whatever is there.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: Vec<u8>,
    },
    /// Removes a value; it may be gone.
    Delete {
        /// The key.
        key: String,
    },
    /// Removes every value whose key begins so.
    Clear {
        /// The beginning.
        prefix: String,
    },
}

/// Keys are paths such as `workspace/ws_1/connection/con_2`. A change is durable when its future is done.
pub trait ConfigStore: Send + Sync {
    /// One value.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Versioned>, StoreError>>;

    /// Values whose key begins with `prefix` and is greater than `after`, in the order of keys, at most `limit`.
    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Versioned>, StoreError>>;

    /// Puts a value and returns its revision.
    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Vec<u8>,
        expect: Expect,
    ) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Removes a value. Removing what is not there is fine with [`Expect::Any`].
    fn delete<'a>(&'a self, key: &'a str, expect: Expect) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Makes all of the changes or none of them, in their order.
    fn apply<'a>(&'a self, changes: Vec<Change>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Reads every value whose key begins with one of `prefixes`, all as they are at one moment, prefix by prefix
    /// in the order of keys. Blocks, so it is for threads that may.
    ///
    /// # Errors
    /// The store failed.
    fn read(&self, prefixes: &[&str], each: &mut dyn FnMut(&str, &[u8])) -> Result<(), StoreError>;

    /// Lets go of what it keeps, so that another may open it, whoever still holds this one: what is being done
    /// ends before, and whatever is asked after that fails. Closing twice is fine.
    fn close<'a>(&'a self) -> BoxFuture<'a, Result<(), StoreError>>;
}
