//! What a journal wants of a disk: a folder of files whose writes and names can be made to stay.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One folder. A simulated one stands in for it in tests.
pub trait Disk: Send + Sync {
    /// The names of the files in it.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a file of that many zeroes, written out and synced, so that later writes into it need no
    /// space and change no metadata. An existing one is overwritten.
    ///
    /// # Errors
    /// No space, or the folder cannot be written.
    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// It is not there or may not be opened.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file within the folder. It stays renamed after [`Self::sync_names`].
    ///
    /// # Errors
    /// As the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. It stays removed after [`Self::sync_names`].
    ///
    /// # Errors
    /// As the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations, renames and removals stay.
    ///
    /// # Errors
    /// As the system says.
    fn sync_names(&self) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// As the system says.
    fn bytes(&self) -> io::Result<u64>;

    /// Fills the buffer from that offset.
    ///
    /// # Errors
    /// As the system says; `UnexpectedEof` when the file ends before.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Fills the buffer from that offset if the system has the bytes in memory; `false` when a thread would
    /// have to wait for them, or cannot know.
    ///
    /// # Errors
    /// As the system says.
    fn read_now(&self, _offset: u64, _buffer: &mut [u8]) -> io::Result<bool> {
        Ok(false)
    }

    /// Writes all bytes at that offset. They stay after [`Self::sync`].
    ///
    /// # Errors
    /// As the system says; an unknown part may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the writes stay (`fdatasync`).
    ///
    /// # Errors
    /// As the system says. It must not be tried again: the system may have forgotten what it could not write.
    fn sync(&self) -> io::Result<()>;
}

/// A real folder.
pub struct Folder {
    path: PathBuf,
    /// Locked while this process uses the folder.
    _lock: File,
}

/// The file that is locked while a process uses a folder.
const LOCK: &str = "lock";

/// Zeroes are written in pieces of this size.
static ZEROES: [u8; 1 << 16] = [0; 1 << 16];

impl Folder {
    /// Takes a folder for this process alone; makes it when it is missing.
    ///
    /// # Errors
    /// It cannot be made or written; `WouldBlock` when another process has it.
    pub fn take(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Self::take_existing(path)
    }

    /// The same of a folder that must be there.
    ///
    /// # Errors
    /// It is not there or cannot be written; `WouldBlock` when another process has it.
    pub fn take_existing(path: &Path) -> io::Result<Self> {
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::WouldBlock, "another process uses this folder")
            }
            std::fs::TryLockError::Error(error) => error,
        })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string()
                && name != LOCK
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.path.join(name);
        let mut file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(path)?;
        let mut left = bytes;
        while left > 0 {
            let piece = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROES.len());
            file.write_all(ZEROES.get(..piece).unwrap_or(&ZEROES))?;
            left -= piece as u64;
        }
        file.sync_all()?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).open(self.path.join(name))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    #[cfg(target_os = "linux")]
    fn read_now(&self, offset: u64, buffer: &mut [u8]) -> io::Result<bool> {
        use rustix::io::{Errno, ReadWriteFlags, preadv2};
        let bytes = buffer.len();
        match preadv2(&self.0, &mut [io::IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(read == bytes),
            // Some file systems cannot tell.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
