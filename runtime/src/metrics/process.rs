//! What the system says about this process, from `/proc` (proc(5)); nothing where there is none.

use std::fs;

/// Memory and files of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Bytes of memory that are really there.
    pub resident_bytes: u64,
    /// The most that ever was.
    pub resident_bytes_peak: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub files: u64,
    /// So many it may have.
    pub files_max: u64,
}

impl Process {
    /// As it is now.
    #[must_use]
    pub fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        // The folder that is being listed is itself one of them.
        let files = fs::read_dir("/proc/self/fd").map_or(0, |folder| folder.count().saturating_sub(1));
        let mut process = Self::read(&status, &limits);
        process.files = files as u64;
        process
    }

    fn read(status: &str, limits: &str) -> Self {
        let word = |text: &str, name: &str, at: usize| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().nth(at)?.parse::<u64>().ok()).unwrap_or(0)
        };
        Self {
            resident_bytes: word(status, "VmRSS:", 0) << 10,
            resident_bytes_peak: word(status, "VmHWM:", 0) << 10,
            threads: word(status, "Threads:", 0),
            files: 0,
            files_max: word(limits, "Max open files", 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_names() {
        let status = "Name:\tfanwise\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t7\n";
        let limits = "Limit   Soft Limit  Hard Limit  Units\nMax open files   1024   4096   files\n";
        let expected = Process {
            resident_bytes: 1 << 20,
            resident_bytes_peak: 2 << 20,
            threads: 7,
            files: 0,
            files_max: 1024,
        };
        assert_eq!(Process::read(status, limits), expected);
        assert_eq!(Process::read("", ""), Process::default());
    }
}
