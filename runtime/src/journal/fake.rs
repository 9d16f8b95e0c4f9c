//! A disk in memory that can lose what was not synced, and fail when told to.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::disk::{Disk, DiskFile};

/// A folder in memory.
#[derive(Default)]
pub(crate) struct FakeDisk {
    files: Mutex<BTreeMap<String, Arc<FakeFile>>>,
    /// The names that are durable.
    durable: Mutex<BTreeMap<String, Arc<FakeFile>>>,
    /// From now on every sync fails.
    pub(crate) sync_fails: Arc<AtomicBool>,
}

pub(crate) struct FakeFile {
    inner: Mutex<Contents>,
    sync_fails: Arc<AtomicBool>,
}

#[derive(Default)]
struct Contents {
    durable: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

impl Contents {
    fn now(&self) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for (offset, write) in &self.unsynced {
            bytes[*offset..offset + write.len()].copy_from_slice(write);
        }
        bytes
    }
}

impl FakeDisk {
    /// What a power cut leaves: synced names and bytes, and the first `kept` bytes of each unsynced write.
    pub(crate) fn after_power_cut(&self, kept: usize) -> Self {
        let disk = Self::default();
        for (name, file) in &*self.durable.lock().unwrap() {
            let mut contents =
                Contents { durable: file.inner.lock().unwrap().durable.clone(), unsynced: Vec::new() };
            for (offset, write) in &file.inner.lock().unwrap().unsynced {
                let part = &write[..write.len().min(kept)];
                contents.durable[*offset..offset + part.len()].copy_from_slice(part);
            }
            disk.put(name, contents.durable);
        }
        disk
    }

    /// The same files again, as another disk.
    pub(crate) fn copy(&self) -> Self {
        let disk = Self::default();
        for (name, file) in &*self.files.lock().unwrap() {
            disk.put(name, file.inner.lock().unwrap().now());
        }
        disk
    }

    /// Puts a durable file there.
    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) {
        let inner = Mutex::new(Contents { durable: bytes, unsynced: Vec::new() });
        let file = Arc::new(FakeFile { inner, sync_fails: Arc::clone(&self.sync_fails) });
        self.files.lock().unwrap().insert(name.to_owned(), Arc::clone(&file));
        self.durable.lock().unwrap().insert(name.to_owned(), file);
    }

    /// The bytes of a file.
    pub(crate) fn bytes_of(&self, name: &str) -> Vec<u8> {
        self.files.lock().unwrap()[name].inner.lock().unwrap().now()
    }

    /// The names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.files.lock().unwrap().keys().cloned().collect()
    }
}

impl Disk for FakeDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        let inner = Mutex::new(Contents { durable: vec![0; bytes as usize], unsynced: Vec::new() });
        let file = Arc::new(FakeFile { inner, sync_fails: Arc::clone(&self.sync_fails) });
        self.files.lock().unwrap().insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let files = self.files.lock().unwrap();
        let file = files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::<FakeFile>::clone(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.files.lock().unwrap();
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.lock().unwrap().remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        *self.durable.lock().unwrap() = self.files.lock().unwrap().clone();
        Ok(())
    }
}

impl DiskFile for FakeFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.inner.lock().unwrap().durable.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let bytes = self.inner.lock().unwrap().now();
        let from = offset as usize;
        let found = bytes.get(from..from + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut contents = self.inner.lock().unwrap();
        assert!(offset as usize + bytes.len() <= contents.durable.len(), "a segment never grows");
        contents.unsynced.push((offset as usize, bytes.to_vec()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        if self.sync_fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is gone"));
        }
        let mut contents = self.inner.lock().unwrap();
        contents.durable = contents.now();
        contents.unsynced.clear();
        Ok(())
    }
}
