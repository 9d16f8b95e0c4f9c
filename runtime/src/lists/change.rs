//! Changes of lists: checked as a whole, stored in one transaction, then visible at once.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::SemaphorePermit;

use super::{KeptList, ListRecord, Shards, Snapshot, bytes_of, entries_of, list_key, lists_of};
use crate::control::Change;
use crate::id::WorkspaceId;
use crate::limits::{LIST_ENTRIES_MAX, LISTS_BYTES_MAX, LISTS_MAX};
use crate::workspace::change::ChangeError;
use crate::workspace::registry::read;
use crate::workspace::{Registry, Workspace};

/// What is to become of a list. Entries were checked before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// These are its entries from now on; a list that is not there is made.
    Replace(Vec<Box<str>>),
    /// These more and those less. What is there already, or is not there, makes no difference.
    Change {
        /// More.
        add: Vec<Box<str>>,
        /// Less.
        remove: Vec<Box<str>>,
    },
}

/// What came of an edit.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The list as it is now.
    pub record: ListRecord,
    /// It was made.
    pub created: bool,
    /// Entries that were not there before.
    pub added: usize,
    /// Entries that are not there any more.
    pub removed: usize,
}

/// Some entries of a list, in the order of their bytes.
#[derive(Clone, Debug, Default)]
pub struct ListPage {
    /// The entries.
    pub entries: Vec<String>,
    /// Whether there are more after them.
    pub more: bool,
}

/// An edit that was worked out.
struct Prepared {
    changed: Changed,
    snapshot: Arc<Snapshot>,
    /// Empty when nothing changes.
    stored: Vec<Change>,
}

impl Registry {
    /// Waits until few enough lists are changed; whoever holds this may read a large request.
    pub async fn list_turn(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.list_changes.acquire().await.ok()
    }

    /// Makes or changes a list. When this returns, every later event sees the list so.
    ///
    /// # Errors
    /// [`ChangeError`]; then nothing is changed.
    pub async fn edit_list(
        &self,
        workspace: &Workspace,
        name: Arc<str>,
        edit: Edit,
        now: Timestamp,
    ) -> Result<Changed, ChangeError> {
        let _turn = self.turn(workspace).await?;
        let before = workspace.lists.ready().await?;
        let id = workspace.id.clone();
        let work = tokio::task::spawn_blocking(move || prepare(&id, &before, &name, edit, now));
        let Prepared { changed, snapshot, stored } = work.await.map_err(|_| ChangeError::ListsDied)??;
        if !stored.is_empty() {
            self.store.apply(stored).await?;
            workspace.lists.show(snapshot);
        }
        Ok(changed)
    }

    /// Deletes a list that no live rule asks.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn remove_list(&self, workspace: &Workspace, name: &str) -> Result<(), ChangeError> {
        let _turn = self.turn(workspace).await?;
        let before = workspace.lists.ready().await?;
        if before.record(name).is_none() {
            return Err(no_list(name));
        }
        if let Some(live) = workspace.live() {
            live.ready().await;
            if live.rules().is_some_and(|rules| rules.asks_list(name)) {
                return Err(ChangeError::ListInUse { name: name.into() });
            }
        }
        let mut snapshot = Snapshot::clone(&before);
        snapshot.lists.remove(name);
        let key = list_key(&workspace.id, name);
        let prefix = entries_of(&workspace.id, name);
        self.store.apply(vec![Change::Delete { key }, Change::Clear { prefix }]).await?;
        workspace.lists.show(Arc::new(snapshot));
        Ok(())
    }

    /// The lists of a workspace, by name.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lists(&self, workspace: &WorkspaceId) -> Result<Vec<ListRecord>, ChangeError> {
        self.all(&lists_of(workspace)).await
    }

    /// One of them.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`], or the store failed.
    pub async fn list_record(&self, workspace: &WorkspaceId, name: &str) -> Result<ListRecord, ChangeError> {
        let stored = self.store.get(&list_key(workspace, name)).await?;
        read(&stored.ok_or_else(|| no_list(name))?)
    }

    /// Entries of a list, those after `after`, at most `limit`. Pages stay right while entries come and go.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list_entries(
        &self,
        workspace: &WorkspaceId,
        name: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ListPage, ChangeError> {
        let prefix = entries_of(workspace, name);
        let after = after.map(|after| format!("{prefix}{after}"));
        let mut found = self.store.list(&prefix, after.as_deref(), limit + 1).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let entries = found.iter().filter_map(|one| one.key.strip_prefix(&prefix)).map(str::to_owned);
        Ok(ListPage { entries: entries.collect(), more })
    }
}

fn no_list(name: &str) -> ChangeError {
    ChangeError::NotFound { what: "list", id: name.to_owned() }
}

/// Works an edit out: what is really different, whether it fits, and what is to be stored.
fn prepare(
    workspace: &WorkspaceId,
    before: &Snapshot,
    name: &Arc<str>,
    edit: Edit,
    now: Timestamp,
) -> Result<Prepared, ChangeError> {
    let old = before.lists.get(name);
    if old.is_none() && matches!(edit, Edit::Change { .. }) {
        return Err(no_list(name));
    }
    if old.is_none() && before.lists.len() >= LISTS_MAX {
        return Err(ChangeError::Limit { limit: "lists_max", what: "lists", max: LISTS_MAX });
    }
    let empty = Shards::new(Vec::new());
    let entries = old.map_or(&empty, |old| &old.entries);
    let (add, remove) = difference(entries, edit);
    if let Some(old) = old.filter(|_| add.is_empty() && remove.is_empty()) {
        let changed = Changed { record: old.record.clone(), created: false, added: 0, removed: 0 };
        return Ok(Prepared { changed, snapshot: Arc::default(), stored: Vec::new() });
    }
    let count = entries.len() + add.len() - remove.len();
    if count > LIST_ENTRIES_MAX {
        let (limit, what) = ("list_entries_max", "entries in a list");
        return Err(ChangeError::Limit { limit, what, max: LIST_ENTRIES_MAX });
    }
    let sum = |entries: &[Box<str>]| entries.iter().map(|entry| bytes_of(entry)).sum::<usize>();
    let bytes = old.map_or(0, |old| old.record.bytes) + sum(&add) - sum(&remove);
    let others = before.bytes() - old.map_or(0, |old| old.record.bytes);
    if others + bytes > LISTS_BYTES_MAX {
        let (limit, what) = ("lists_bytes_max", "bytes in all lists of a workspace");
        return Err(ChangeError::Limit { limit, what, max: LISTS_BYTES_MAX });
    }
    let record = ListRecord {
        name: Arc::clone(name),
        entries: count,
        bytes,
        version: old.map_or(0, |old| old.record.version) + 1,
        created_at: old.map_or(now, |old| old.record.created_at),
        updated_at: now,
    };
    let list = KeptList { record: record.clone(), entries: entries.with(&add, &remove) };
    let mut snapshot = before.clone();
    snapshot.lists.insert(Arc::clone(name), Arc::new(list));
    let stored = stored(workspace, &record, &add, &remove)?;
    let changed = Changed { record, created: old.is_none(), added: add.len(), removed: remove.len() };
    Ok(Prepared { changed, snapshot: Arc::new(snapshot), stored })
}

/// The entries that an edit really adds and really removes, each once.
fn difference(entries: &Shards, edit: Edit) -> (Vec<Box<str>>, Vec<Box<str>>) {
    let once = |entries: Vec<Box<str>>| entries.into_iter().collect::<HashSet<Box<str>>>();
    let (add, remove) = match edit {
        Edit::Replace(all) => {
            let all = once(all);
            let gone = entries.iter().filter(|entry| !all.contains(*entry)).map(Box::from).collect();
            (all, gone)
        }
        Edit::Change { add, remove } => {
            let gone = once(remove).into_iter().filter(|entry| entries.contains(entry, false));
            (once(add), gone.collect())
        }
    };
    let mut add: Vec<Box<str>> = add.into_iter().filter(|entry| !entries.contains(entry, false)).collect();
    // In the order of keys a tree takes them in one pass.
    add.sort_unstable();
    (add, remove)
}

/// What an edit stores.
fn stored(
    workspace: &WorkspaceId,
    record: &ListRecord,
    add: &[Box<str>],
    remove: &[Box<str>],
) -> Result<Vec<Change>, ChangeError> {
    let key = list_key(workspace, &record.name);
    let value = serde_json::to_vec(record);
    let value = value.map_err(|source| ChangeError::Record { key: key.clone(), source })?;
    let prefix = entries_of(workspace, &record.name);
    let of = |entry: &str| format!("{prefix}{entry}");
    let mut stored = vec![Change::Put { key, value }];
    stored.extend(remove.iter().map(|entry| Change::Delete { key: of(entry) }));
    stored.extend(add.iter().map(|entry| Change::Put { key: of(entry), value: Vec::new() }));
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(before: &Snapshot, name: &str, edit: Edit) -> Result<Prepared, ChangeError> {
        prepare(&WorkspaceId::from_text("ws"), before, &name.into(), edit, Timestamp::UNIX_EPOCH)
    }

    fn entries(words: &str) -> Vec<Box<str>> {
        words.split(' ').filter(|word| !word.is_empty()).map(Box::from).collect()
    }

    #[test]
    fn what_is_stored_is_what_is_different() {
        let made = edit(&Snapshot::default(), "vips", Edit::Replace(entries("b a b"))).unwrap();
        let keys = |prepared: &Prepared| {
            let key = |change: &Change| match change {
                Change::Put { key, .. } => format!("+{key}"),
                Change::Delete { key } => format!("-{key}"),
                Change::Clear { prefix } => format!("--{prefix}"),
            };
            prepared.stored.iter().map(key).collect::<Vec<_>>()
        };
        assert_eq!(keys(&made), ["+list/ws/vips", "+entry/ws/vips/a", "+entry/ws/vips/b"]);
        let change = Edit::Change { add: entries("c a"), remove: entries("b d") };
        let changed = edit(&made.snapshot, "vips", change.clone()).unwrap();
        assert_eq!(keys(&changed), ["+list/ws/vips", "-entry/ws/vips/b", "+entry/ws/vips/c"]);
        assert_eq!(changed.changed.record.bytes, 2 * bytes_of("a"));
        assert!(edit(&changed.snapshot, "vips", change).unwrap().stored.is_empty(), "the same again");
        let replaced = edit(&changed.snapshot, "vips", Edit::Replace(entries("c"))).unwrap();
        assert_eq!(keys(&replaced), ["+list/ws/vips", "-entry/ws/vips/a"]);
        assert_eq!(made.snapshot.lists.get("vips").map(|list| list.entries.len()), Some(2), "as it was");
    }

    #[test]
    fn all_lists_of_a_workspace_share_one_bound_of_bytes() {
        let mut before = edit(&Snapshot::default(), "vips", Edit::Replace(entries("a"))).unwrap().snapshot;
        let full = Arc::make_mut(&mut before);
        let mut list =
            KeptList { record: full.record("vips").unwrap().clone(), entries: Shards::new(entries("a")) };
        list.record.bytes = LISTS_BYTES_MAX - 2 * bytes_of("x");
        full.lists.insert("vips".into(), Arc::new(list));
        let limit = |name: &str, words: &str| match edit(&before, name, Edit::Replace(entries(words))) {
            Ok(_) => "",
            Err(ChangeError::Limit { limit, .. }) => limit,
            Err(other) => panic!("{other}"),
        };
        assert_eq!((limit("other", "x y"), limit("other", "x yz")), ("", "lists_bytes_max"));
        assert_eq!((limit("vips", "a x y"), limit("vips", "a x y z")), ("", "lists_bytes_max"));
    }
}
