//! The control store on redb: one file, one writer, durable when a change returns.

use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::BoxFuture;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::{Change, ConfigStore, Expect, StoreError, Versioned};

/// Values by key, each with its revision.
const VALUES: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("values");

/// The store's own numbers.
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");

/// The revision of the last change.
const REVISION: &str = "revision";

/// A store in one file.
#[derive(Clone)]
pub struct RedbStore {
    /// `None` once it is closed. A std lock: read by threads that may block, for one piece of work each.
    database: Arc<RwLock<Option<Database>>>,
}

fn failed<E: std::error::Error + Send + Sync + 'static>(doing: &'static str) -> impl FnOnce(E) -> StoreError {
    move |source| StoreError::Failed { doing, source: Box::new(source) }
}

impl RedbStore {
    /// Opens a file; makes it when it is missing.
    ///
    /// # Errors
    /// The file is in use, damaged or cannot be written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::set_up(Database::create(path).map_err(failed("opening"))?)
    }

    /// A store that is gone when it is dropped.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        let backend = redb::backends::InMemoryBackend::new();
        Self::set_up(Database::builder().create_with_backend(backend).map_err(failed("opening"))?)
    }

    /// Makes the tables, so that reading need not ask whether they are there.
    fn set_up(database: Database) -> Result<Self, StoreError> {
        let change = database.begin_write().map_err(failed("opening"))?;
        change.open_table(VALUES).map_err(failed("opening"))?;
        change.open_table(NUMBERS).map_err(failed("opening"))?;
        change.commit().map_err(failed("opening"))?;
        Ok(Self { database: Arc::new(RwLock::new(Some(database))) })
    }

    /// Does blocking work on a thread that may block.
    fn work<'a, T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        let database = Arc::clone(&self.database);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || with(&database, doing, work)).await;
            done.map_err(failed(doing))?
        })
    }
}

/// Does something with a database that nobody closes meanwhile.
fn with<T>(
    database: &RwLock<Option<Database>>,
    doing: &'static str,
    work: impl FnOnce(&Database) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let held = database.read().unwrap_or_else(PoisonError::into_inner);
    let closed = || StoreError::Failed { doing, source: "it is closed".into() };
    work(held.as_ref().ok_or_else(closed)?)
}

impl ConfigStore for RedbStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Versioned>, StoreError>> {
        let key = key.to_owned();
        self.work("reading", move |database| {
            let view = database.begin_read().map_err(failed("reading"))?;
            let values = view.open_table(VALUES).map_err(failed("reading"))?;
            let found = values.get(&*key).map_err(failed("reading"))?;
            Ok(found.map(|found| {
                let (revision, value) = found.value();
                Versioned { key, value: value.to_vec(), revision }
            }))
        })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Versioned>, StoreError>> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.work("listing", move |database| {
            let view = database.begin_read().map_err(failed("listing"))?;
            let values = view.open_table(VALUES).map_err(failed("listing"))?;
            let from = after.as_deref().filter(|after| **after > *prefix).unwrap_or(&prefix);
            let mut found = Vec::new();
            for entry in values.range(from..).map_err(failed("listing"))? {
                let (key, value) = entry.map_err(failed("listing"))?;
                let key = key.value();
                if found.len() == limit || !key.starts_with(&*prefix) {
                    break;
                }
                if Some(key) != after.as_deref() {
                    let (revision, value) = value.value();
                    found.push(Versioned { key: key.to_owned(), value: value.to_vec(), revision });
                }
            }
            Ok(found)
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Vec<u8>,
        expect: Expect,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        let key = key.to_owned();
        self.work("writing", move |database| change(database, &key, Some(&value), expect))
    }

    fn delete<'a>(&'a self, key: &'a str, expect: Expect) -> BoxFuture<'a, Result<(), StoreError>> {
        let key = key.to_owned();
        self.work("removing", move |database| change(database, &key, None, expect).map(drop))
    }

    fn apply<'a>(&'a self, changes: Vec<Change>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.work("writing", move |database| apply(database, &changes))
    }

    fn read(&self, prefixes: &[&str], each: &mut dyn FnMut(&str, &[u8])) -> Result<(), StoreError> {
        with(&self.database, "reading", |database| {
            let view = database.begin_read().map_err(failed("reading"))?;
            let values = view.open_table(VALUES).map_err(failed("reading"))?;
            for prefix in prefixes {
                for entry in values.range(*prefix..).map_err(failed("reading"))? {
                    let (key, value) = entry.map_err(failed("reading"))?;
                    if !key.value().starts_with(prefix) {
                        break;
                    }
                    each(key.value(), value.value().1);
                }
            }
            Ok(())
        })
    }

    fn close<'a>(&'a self) -> BoxFuture<'a, Result<(), StoreError>> {
        let database = Arc::clone(&self.database);
        Box::pin(async move {
            let take = move || drop(database.write().unwrap_or_else(PoisonError::into_inner).take());
            tokio::task::spawn_blocking(take).await.map_err(failed("closing"))
        })
    }
}

/// Makes changes in one transaction.
fn apply(database: &Database, changes: &[Change]) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(failed("writing"))?;
    {
        let mut values = transaction.open_table(VALUES).map_err(failed("writing"))?;
        let mut numbers = transaction.open_table(NUMBERS).map_err(failed("writing"))?;
        let revision = numbers.get(REVISION).map_err(failed("writing"))?.map_or(0, |last| last.value()) + 1;
        numbers.insert(REVISION, revision).map_err(failed("writing"))?;
        for change in changes {
            match change {
                Change::Put { key, value } => {
                    values.insert(&**key, (revision, &**value)).map_err(failed("writing"))?;
                }
                Change::Delete { key } => {
                    values.remove(&**key).map_err(failed("removing"))?;
                }
                Change::Clear { prefix } => {
                    let end = after_all(prefix);
                    let all = (
                        Bound::Included(&**prefix),
                        end.as_deref().map_or(Bound::Unbounded, Bound::Excluded),
                    );
                    values.retain_in::<&str, _>(all, |_, _| false).map_err(failed("removing"))?;
                }
            }
        }
    }
    transaction.commit().map_err(failed("writing"))
}

/// The least text that is greater than every text with that beginning; `None` when there is none. Keys are compared
/// by their bytes, and UTF-8 keeps the order of characters.
fn after_all(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

/// Puts or removes a value in one transaction, which redb makes durable before it returns.
fn change(database: &Database, key: &str, value: Option<&[u8]>, expect: Expect) -> Result<u64, StoreError> {
    let change = database.begin_write().map_err(failed("writing"))?;
    let revision = {
        let mut values = change.open_table(VALUES).map_err(failed("writing"))?;
        let found = values.get(key).map_err(failed("writing"))?.map(|found| found.value().0);
        let fits = match expect {
            Expect::Absent => found.is_none(),
            Expect::Revision(wanted) => found == Some(wanted),
            Expect::Any => true,
        };
        if !fits {
            return Err(StoreError::Conflict { key: key.to_owned(), found });
        }
        let mut numbers = change.open_table(NUMBERS).map_err(failed("writing"))?;
        let last = numbers.get(REVISION).map_err(failed("writing"))?.map_or(0, |last| last.value());
        let revision = last + 1;
        numbers.insert(REVISION, revision).map_err(failed("writing"))?;
        match value {
            Some(value) => values.insert(key, (revision, value)).map_err(failed("writing"))?,
            None => values.remove(key).map_err(failed("writing"))?,
        };
        revision
    };
    change.commit().map_err(failed("writing"))?;
    Ok(revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn keys(store: &RedbStore, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        let found = store.list(prefix, after, limit).await.unwrap();
        found.into_iter().map(|value| value.key).collect()
    }

    #[tokio::test]
    async fn a_change_goes_in_only_on_top_of_what_it_expects() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.redb");
        let store = RedbStore::open(&path).unwrap();
        assert_eq!(store.get("a").await.unwrap(), None);
        let first = store.put("a", b"1".to_vec(), Expect::Absent).await.unwrap();
        let conflict = store.put("a", b"2".to_vec(), Expect::Absent).await.unwrap_err();
        assert!(matches!(conflict, StoreError::Conflict { found: Some(found), .. } if found == first));
        let second = store.put("a", b"2".to_vec(), Expect::Revision(first)).await.unwrap();
        assert!(second > first);
        assert!(store.put("a", b"3".to_vec(), Expect::Revision(first)).await.is_err());
        assert!(store.delete("a", Expect::Revision(first)).await.is_err());
        drop(store);
        let store = RedbStore::open(&path).unwrap();
        let found = store.get("a").await.unwrap().unwrap();
        assert_eq!((found.value.as_slice(), found.revision), (b"2".as_slice(), second));
        store.delete("a", Expect::Revision(second)).await.unwrap();
        assert_eq!(store.get("a").await.unwrap(), None);
        assert!(store.put("a", vec![], Expect::Absent).await.unwrap() > second, "revisions never go back");
        store.delete("never", Expect::Any).await.unwrap();
        assert!(store.delete("never", Expect::Revision(1)).await.is_err());
    }

    #[tokio::test]
    async fn a_store_that_is_closed_is_free_whoever_still_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.redb");
        let store = RedbStore::open(&path).unwrap();
        store.put("a", b"1".to_vec(), Expect::Absent).await.unwrap();
        assert!(RedbStore::open(&path).is_err());
        store.close().await.unwrap();
        store.close().await.unwrap();
        let next = RedbStore::open(&path).unwrap();
        assert_eq!(next.get("a").await.unwrap().unwrap().value, b"1");
        assert!(store.get("a").await.unwrap_err().to_string().contains("it is closed"));
        assert!(store.read(&["a"], &mut |_, _| {}).is_err());
    }

    #[tokio::test]
    async fn lists_are_pages_of_a_prefix() {
        let store = RedbStore::in_memory().unwrap();
        for key in ["b/2", "a/1", "b/1", "b/3", "b", "c/1", "b/é"] {
            store.put(key, vec![], Expect::Any).await.unwrap();
        }
        assert_eq!(keys(&store, "b/", None, 10).await, ["b/1", "b/2", "b/3", "b/é"]);
        assert_eq!(keys(&store, "b/", None, 2).await, ["b/1", "b/2"]);
        assert_eq!(keys(&store, "b/", Some("b/2"), 2).await, ["b/3", "b/é"]);
        assert_eq!(keys(&store, "b/", Some("a"), 1).await, ["b/1"]);
        assert_eq!(keys(&store, "", None, 2).await, ["a/1", "b"]);
        assert!(keys(&store, "d", None, 2).await.is_empty());
    }

    #[tokio::test]
    async fn changes_that_belong_together_are_made_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.redb");
        let store = RedbStore::open(&path).unwrap();
        for key in ["a/1", "a/2", "a0", "b/1", "b/2", "\u{10ffff}/1"] {
            store.put(key, b"old".to_vec(), Expect::Any).await.unwrap();
        }
        let put = |key: &str| Change::Put { key: key.to_owned(), value: b"new".to_vec() };
        let clear = |prefix: &str| Change::Clear { prefix: prefix.to_owned() };
        let gone = Change::Delete { key: "b/1".to_owned() };
        let changes = vec![put("a/9"), clear("a/"), put("a/3"), gone.clone(), gone, clear("\u{10ffff}")];
        store.apply(changes).await.unwrap();
        drop(store);
        let store = RedbStore::open(&path).unwrap();
        assert_eq!(keys(&store, "", None, 10).await, ["a/3", "a0", "b/2"]);
        let mut found = Vec::new();
        let mut each = |key: &str, value: &[u8]| found.push((key.to_owned(), value.to_vec()));
        store.read(&["b/", "a/", "none/"], &mut each).unwrap();
        assert_eq!(found, [("b/2".to_owned(), b"old".to_vec()), ("a/3".to_owned(), b"new".to_vec())]);
        let later = store.put("c", vec![], Expect::Any).await.unwrap();
        assert!(later > store.get("a/3").await.unwrap().unwrap().revision);
    }
}
