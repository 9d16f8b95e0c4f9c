//! Which revision's compiled code a crash happened in, found again at the next start.
//!
//! While compiled code runs, its thread bears the name of workspace and revision. When the processor
//! then reports a fault, one line with that name is added to a file of the data folder, and the process
//! ends as it would have. A revision that is named twice runs interpreted after that; the next one that
//! is published has another number, and starts afresh.

mod signal;

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::marker::PhantomData;
use std::path::Path;
use std::sync::atomic::{Ordering, compiler_fence};

use crate::id::WorkspaceId;
use crate::limits::ID_CHARS_MAX;

/// The file in the data folder. A line is the workspace, the revision's number and the signal's.
pub const CRASHES_FILE: &str = "crashes";

/// From so many crashes on, a revision is interpreted.
const CRASHES_MAX: u32 = 2;

/// So much of the end of the file is read: some thousand crashes. Older ones are forgotten.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// How often each revision was named.
#[derive(Debug, Default)]
pub struct Crashes {
    counts: HashMap<(Box<str>, u64), u32>,
}

impl Crashes {
    /// Reads what earlier processes left in a data folder; nothing is there when none crashed.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(data_dir: &Path) -> io::Result<Self> {
        let mut file = match std::fs::File::open(data_dir.join(CRASHES_FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            file => file?,
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(FILE_BYTES_MAX)))?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Self::of(&String::from_utf8_lossy(&bytes)))
    }

    fn of(text: &str) -> Self {
        let mut counts = HashMap::new();
        for line in text.lines() {
            // A line that was cut off names nobody.
            let mut words = line.split(' ');
            let (Some(workspace), Some(number), Some(_), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                continue;
            };
            if let Ok(number) = number.parse() {
                *counts.entry((workspace.into(), number)).or_default() += 1;
            }
        }
        Self { counts }
    }

    /// Whether a revision crashed so often that it is interpreted.
    #[must_use]
    pub fn are_too_many(&self, workspace: &WorkspaceId, number: u64) -> bool {
        let crashed = self.counts.get(&(workspace.as_str().into(), number));
        crashed.is_some_and(|&count| count >= CRASHES_MAX)
    }
}

/// Has faults in compiled code leave their line in a data folder, from here to the end of the process.
///
/// # Errors
/// The file cannot be opened, or the system takes no handler.
pub fn install(data_dir: &Path) -> io::Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(data_dir.join(CRASHES_FILE))?;
    signal::install(file)
}

/// The name of a revision, as threads bear it.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    workspace: [u8; ID_CHARS_MAX],
    length: usize,
    number: u64,
}

impl Name {
    /// Of an id that is too long only the beginning is kept; the API makes none.
    #[must_use]
    pub fn new(workspace: &WorkspaceId, number: u64) -> Self {
        let mut bytes = [0; ID_CHARS_MAX];
        let id = workspace.as_str().as_bytes();
        bytes.iter_mut().zip(id).for_each(|(byte, &of)| *byte = of);
        Self { workspace: bytes, length: id.len().min(ID_CHARS_MAX), number }
    }

    /// Bears it until what is returned is dropped.
    pub fn enter(&self) -> Inside {
        NOW.with(|now| now.set(Some(*self)));
        // What follows may end in a handler on this very thread, which must see it.
        compiler_fence(Ordering::SeqCst);
        Inside { thread: PhantomData }
    }
}

/// While it lives, its thread bears a name.
#[must_use]
pub struct Inside {
    /// It is dropped where it was made.
    thread: PhantomData<*const ()>,
}

impl Drop for Inside {
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        NOW.with(|now| now.set(None));
    }
}

thread_local! {
    /// Made while compiling and never dropped, so that reading it in a handler touches memory only.
    static NOW: Cell<Option<Name>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests;
