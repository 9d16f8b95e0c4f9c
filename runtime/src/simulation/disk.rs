//! The disk of a simulated node: slow, full or broken when the plan says so, and watched by the shadow.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use rand::Rng;

use super::scheduler::{self, Micros};
use super::shadow::Shadow;
use crate::journal::disk::{Disk, DiskFile};
use crate::journal::fake::FakeDisk;

/// What goes wrong with a disk, and when. Counts go down with each use; at 0 it happens.
pub(crate) struct Mishaps {
    /// The process dies at that use of the disk.
    pub crash_in: AtomicI64,
    /// That sync fails, and every one after it.
    pub sync_fails_in: AtomicI64,
    /// That write fails, a part of it done.
    pub write_fails_in: AtomicI64,
    /// One read in so many fails; 0 for none.
    pub read_fails_in: u32,
    /// There is no room for a new file.
    pub full: AtomicBool,
    /// A sync takes at most so long.
    pub sync_micros: Micros,
    /// Something failed: the node may fail, too.
    pub failed: AtomicBool,
}

impl Default for Mishaps {
    fn default() -> Self {
        let never = || AtomicI64::new(i64::MAX);
        Self {
            crash_in: never(),
            sync_fails_in: never(),
            write_fails_in: never(),
            read_fails_in: 0,
            full: AtomicBool::new(false),
            sync_micros: 300,
            failed: AtomicBool::new(false),
        }
    }
}

fn counts_down(count: &AtomicI64) -> bool {
    count.fetch_sub(1, Ordering::Relaxed) <= 1
}

/// A disk in memory as one process sees it.
#[derive(Clone)]
pub(crate) struct SimDisk {
    pub inner: Arc<FakeDisk>,
    pub mishaps: Arc<Mishaps>,
    pub shadow: Arc<Mutex<Shadow>>,
}

impl SimDisk {
    /// Something is about to be done: it takes its time, and the process may die before it.
    fn act(&self, what: &str, about: &str, micros_max: Micros) -> io::Result<()> {
        if scheduler::is_dead() {
            return Err(io::Error::other("the process is dead"));
        }
        if scheduler::is_on() {
            scheduler::note((what, about));
            let micros = scheduler::draw(|random| random.random_range(0..=micros_max.max(1)));
            scheduler::pause(micros.unwrap_or_default());
            self.maybe_crash();
        }
        Ok(())
    }

    fn maybe_crash(&self) {
        if counts_down(&self.mishaps.crash_in) {
            scheduler::crash();
        }
    }

    fn fail(&self, what: &'static str) -> io::Error {
        self.mishaps.failed.store(true, Ordering::Relaxed);
        io::Error::other(what)
    }

    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(SimFile { file, disk: self.clone() })
    }
}

impl Disk for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.act("list", "", 5)?;
        self.inner.list()
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        self.act("create", name, 2 * self.mishaps.sync_micros)?;
        if self.mishaps.full.load(Ordering::Relaxed) {
            // When the reserve is used up, too, the node may end.
            self.mishaps.failed.store(true, Ordering::Relaxed);
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = self.inner.create(name, bytes)?;
        self.maybe_crash();
        Ok(self.file(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.act("open", name, 5)?;
        Ok(self.file(self.inner.open(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.act("rename", to, 20)?;
        self.inner.rename(from, to)?;
        self.maybe_crash();
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.act("remove", name, 20)?;
        self.inner.remove(name)?;
        self.maybe_crash();
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        self.act("sync_names", "", self.mishaps.sync_micros)?;
        self.inner.sync_names()?;
        self.maybe_crash();
        Ok(())
    }
}

struct SimFile {
    file: Arc<dyn DiskFile>,
    disk: SimDisk,
}

impl DiskFile for SimFile {
    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        // Most reads come from the page cache; another one may still get its turn.
        if scheduler::is_dead() {
            return Err(io::Error::other("the process is dead"));
        }
        if scheduler::is_on() {
            scheduler::maybe_turn();
        }
        let one_in = self.disk.mishaps.read_fails_in;
        let fails = one_in > 0 && scheduler::draw(|random| random.random_range(0..one_in) == 0) == Some(true);
        if fails {
            return Err(self.disk.fail("the disk does not read"));
        }
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.act("write", "", 20)?;
        scheduler::note((offset, bytes.len()));
        if counts_down(&self.disk.mishaps.write_fails_in) {
            let part = scheduler::draw(|random| random.random_range(0..=bytes.len())).unwrap_or(0);
            self.file.write_at(offset, &bytes[..part])?;
            return Err(self.disk.fail("the disk does not write"));
        }
        self.file.write_at(offset, bytes)?;
        self.disk.maybe_crash();
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.act("sync", "", self.disk.mishaps.sync_micros)?;
        if counts_down(&self.disk.mishaps.sync_fails_in) {
            let forgets = scheduler::draw(|random| random.random_range(1..=u64::MAX)).unwrap_or(1);
            self.disk.inner.faults.forgets.store(forgets, Ordering::Relaxed);
            let _ = self.disk.fail("the disk does not sync");
        }
        self.file.sync()?;
        self.disk.shadow.lock().unwrap().look(&*self.file);
        self.disk.maybe_crash();
        Ok(())
    }
}
