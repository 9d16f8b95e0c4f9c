//! A disk in memory that forgets what was not synced, as a real one may, and fails when told.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::disk::{Disk, DiskFile};

/// A disk writes so many bytes at once or not at all.
const SECTOR_BYTES: usize = 512;

/// A folder in memory.
#[derive(Default)]
pub(crate) struct FakeDisk {
    names: Mutex<Names>,
    /// From now on every sync fails.
    pub(crate) sync_fails: Arc<AtomicBool>,
    pub(crate) faults: Arc<Faults>,
    /// Everything that was done, if somebody wants to know.
    story: Arc<Mutex<Option<Vec<Act>>>>,
}

/// What goes wrong from now on.
pub(crate) struct Faults {
    pub(crate) write_fails: AtomicBool,
    /// Reads end before they have filled their buffer.
    pub(crate) read_is_short: AtomicBool,
    /// Bytes that files may still be made of.
    pub(crate) space: AtomicU64,
    /// If it is not 0, the next sync fails, and the system forgets what it could not write: it is still
    /// read, and no later sync writes it. The number decides what had been written by then.
    pub(crate) forgets: AtomicU64,
}

impl Default for Faults {
    fn default() -> Self {
        let (write_fails, read_is_short) = (AtomicBool::new(false), AtomicBool::new(false));
        let (space, forgets) = (AtomicU64::new(u64::MAX), AtomicU64::new(0));
        Self { write_fails, read_is_short, space, forgets }
    }
}

#[derive(Default)]
struct Names {
    now: BTreeMap<String, Arc<FakeFile>>,
    durable: BTreeMap<String, Arc<FakeFile>>,
    /// Changes of names since the last sync of the folder. A power cut may keep any first part of them.
    unsynced: Vec<Naming>,
}

#[derive(Clone)]
enum Naming {
    Put(String, Arc<FakeFile>),
    Gone(String),
    Renamed(String, String),
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, Arc<FakeFile>>) {
        match self {
            Self::Put(name, file) => drop(names.insert(name.clone(), Arc::clone(file))),
            Self::Gone(name) => drop(names.remove(name)),
            Self::Renamed(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

/// One thing that was done to the disk.
#[derive(Clone)]
enum Act {
    Create(String, u64),
    Rename(String, String),
    Remove(String),
    SyncNames,
    /// Of the file that had this name then.
    Write(usize, usize, Vec<u8>),
    Sync(usize),
}

pub(crate) struct FakeFile {
    /// Counts files in the order in which they were made.
    number: usize,
    inner: Mutex<Contents>,
    sync_fails: Arc<AtomicBool>,
    faults: Arc<Faults>,
    story: Arc<Mutex<Option<Vec<Act>>>>,
}

#[derive(Clone, Default)]
struct Contents {
    durable: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
    /// What is read: everything that was written.
    now: Vec<u8>,
    /// It was made empty and grows.
    grows: bool,
}

fn write(bytes: &mut Vec<u8>, offset: usize, part: &[u8]) {
    if bytes.len() < offset + part.len() {
        bytes.resize(offset + part.len(), 0);
    }
    bytes[offset..offset + part.len()].copy_from_slice(part);
}

impl Contents {
    fn of(durable: Vec<u8>, grows: bool) -> Self {
        Self { now: durable.clone(), durable, unsynced: Vec::new(), grows }
    }

    fn write(&mut self, offset: usize, part: &[u8]) {
        write(&mut self.now, offset, part);
        self.unsynced.push((offset, part.to_vec()));
    }

    fn forget(&mut self, random: &mut StdRng) {
        for (offset, part) in self.unsynced.drain(..) {
            if random.random_bool(0.5) {
                write(&mut self.durable, offset, &part);
            }
        }
    }

    fn sync(&mut self) {
        for (offset, part) in self.unsynced.drain(..) {
            write(&mut self.durable, offset, &part);
        }
    }
}

impl FakeDisk {
    /// What a power cut leaves: synced names and bytes, and the first `kept` bytes of each unsynced write.
    pub(crate) fn after_power_cut(&self, kept: usize) -> Self {
        self.cut(
            |names| names.durable.clone(),
            |bytes, offset, part| {
                write(bytes, offset, &part[..part.len().min(kept)]);
            },
        )
    }

    /// What a power cut leaves when the disk wrote in an order of its own: some of the sectors that were not
    /// synced, and some of the names.
    pub(crate) fn after_any_power_cut(&self, random: &mut StdRng) -> Self {
        let random = std::cell::RefCell::new(random);
        let names = |names: &Names| {
            let mut left = names.durable.clone();
            let kept = random.borrow_mut().random_range(0..=names.unsynced.len());
            names.unsynced.iter().take(kept).for_each(|naming| naming.apply(&mut left));
            left
        };
        self.cut(names, |bytes, offset, part| {
            let mut at = 0;
            while at < part.len() {
                // Sectors are counted from the file's beginning.
                let end = (SECTOR_BYTES - (offset + at) % SECTOR_BYTES + at).min(part.len());
                if random.borrow_mut().random_bool(0.5) {
                    write(bytes, offset + at, &part[at..end]);
                }
                at = end;
            }
        })
    }

    fn cut(
        &self,
        names: impl Fn(&Names) -> BTreeMap<String, Arc<FakeFile>>,
        keep: impl Fn(&mut Vec<u8>, usize, &[u8]),
    ) -> Self {
        let disk = Self::default();
        for (name, file) in names(&self.names.lock().unwrap()) {
            let contents = file.inner.lock().unwrap().clone();
            let mut bytes = contents.durable;
            contents.unsynced.iter().for_each(|(offset, part)| keep(&mut bytes, *offset, part));
            disk.put(&name, bytes);
        }
        disk
    }

    /// The same files again, as another disk.
    pub(crate) fn copy(&self) -> Self {
        let disk = Self::default();
        for (name, file) in &self.names.lock().unwrap().now {
            disk.put(name, file.inner.lock().unwrap().now.clone());
        }
        disk
    }

    /// From now on, everything that is done is remembered. The disk must be empty.
    pub(crate) fn remember(&self) {
        *self.story.lock().unwrap() = Some(Vec::new());
    }

    /// How much has been done.
    pub(crate) fn acts(&self) -> usize {
        self.story.lock().unwrap().as_ref().map_or(0, Vec::len)
    }

    /// A disk to which only the first `acts` things were done.
    pub(crate) fn until(&self, acts: usize) -> Self {
        let disk = Self::default();
        let mut files: Vec<Arc<FakeFile>> = Vec::new();
        let story = self.story.lock().unwrap().clone().unwrap_or_default();
        for act in story.into_iter().take(acts) {
            match act {
                Act::Create(name, bytes) => files.push(disk.make(&name, bytes)),
                Act::Rename(from, to) => disk.rename(&from, &to).unwrap(),
                Act::Remove(name) => disk.remove(&name).unwrap(),
                Act::SyncNames => disk.sync_names().unwrap(),
                Act::Write(file, offset, part) => {
                    files[file].inner.lock().unwrap().write(offset, &part);
                }
                Act::Sync(file) => files[file].sync().unwrap(),
            }
        }
        disk
    }

    fn make(&self, name: &str, bytes: u64) -> Arc<FakeFile> {
        let grows = bytes == 0;
        let inner = Mutex::new(Contents::of(vec![0; bytes as usize], grows));
        let mut story = self.story.lock().unwrap();
        let number = story.iter().flatten().filter(|act| matches!(act, Act::Create(..))).count();
        if let Some(story) = &mut *story {
            story.push(Act::Create(name.to_owned(), bytes));
        }
        let file = Arc::new(FakeFile {
            number,
            inner,
            sync_fails: Arc::clone(&self.sync_fails),
            faults: Arc::clone(&self.faults),
            story: Arc::clone(&self.story),
        });
        let naming = Naming::Put(name.to_owned(), Arc::clone(&file));
        let mut names = self.names.lock().unwrap();
        naming.apply(&mut names.now);
        names.unsynced.push(naming);
        file
    }

    fn tell(&self, act: impl FnOnce() -> Act) {
        if let Some(story) = &mut *self.story.lock().unwrap() {
            story.push(act());
        }
    }

    /// Puts a durable file there.
    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) {
        let file = self.make(name, 0);
        *file.inner.lock().unwrap() = Contents::of(bytes, false);
        self.sync_names().unwrap();
    }

    /// The bytes of a file.
    pub(crate) fn bytes_of(&self, name: &str) -> Vec<u8> {
        self.names.lock().unwrap().now[name].inner.lock().unwrap().now.clone()
    }

    /// The names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.names.lock().unwrap().now.keys().cloned().collect()
    }
}

impl Disk for FakeDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        let space = self.faults.space.load(Ordering::Relaxed);
        if space < bytes.max(1) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if space != u64::MAX {
            self.faults.space.store(space - bytes, Ordering::Relaxed);
        }
        Ok(self.make(name, bytes))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let names = self.names.lock().unwrap();
        let file = names.now.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::<FakeFile>::clone(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.tell(|| Act::Rename(from.to_owned(), to.to_owned()));
        let mut names = self.names.lock().unwrap();
        if !names.now.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let naming = Naming::Renamed(from.to_owned(), to.to_owned());
        naming.apply(&mut names.now);
        names.unsynced.push(naming);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.tell(|| Act::Remove(name.to_owned()));
        let mut names = self.names.lock().unwrap();
        if !names.now.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let naming = Naming::Gone(name.to_owned());
        naming.apply(&mut names.now);
        names.unsynced.push(naming);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        if self.sync_fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.tell(|| Act::SyncNames);
        let mut names = self.names.lock().unwrap();
        names.durable = names.now.clone();
        names.unsynced.clear();
        Ok(())
    }
}

impl DiskFile for FakeFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.inner.lock().unwrap().now.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.faults.read_is_short.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let contents = self.inner.lock().unwrap();
        let from = offset as usize;
        let found = contents.now.get(from..from + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.faults.write_fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk does not write"));
        }
        let mut contents = self.inner.lock().unwrap();
        let fits = offset as usize + bytes.len() <= contents.durable.len();
        assert!(fits || contents.grows, "a segment never grows");
        contents.write(offset as usize, bytes);
        if let Some(story) = &mut *self.story.lock().unwrap() {
            story.push(Act::Write(self.number, offset as usize, bytes.to_vec()));
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        if self.sync_fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is gone"));
        }
        let forgets = self.faults.forgets.swap(0, Ordering::Relaxed);
        if forgets != 0 {
            self.inner.lock().unwrap().forget(&mut StdRng::seed_from_u64(forgets));
            return Err(io::Error::other("the disk is gone"));
        }
        if let Some(story) = &mut *self.story.lock().unwrap() {
            story.push(Act::Sync(self.number));
        }
        self.inner.lock().unwrap().sync();
        Ok(())
    }
}
