//! The handler of faults. It does what POSIX allows in a handler, and nothing else.

#![expect(unsafe_code, reason = "signals are the system's interface")]

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::IntoRawFd as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use libc::{c_int, c_void, siginfo_t};

use super::{NOW, Name};

const FAULTS: [c_int; 4] = [libc::SIGSEGV, libc::SIGILL, libc::SIGBUS, libc::SIGFPE];

/// Where the line goes. Open until the process ends.
static FILE: AtomicI32 = AtomicI32::new(-1);

/// What was done about each fault before: Rust's own handler says when a stack is used up.
static BEFORE: OnceLock<[libc::sigaction; FAULTS.len()]> = OnceLock::new();

pub(super) fn install(file: File) -> io::Result<()> {
    FILE.store(file.into_raw_fd(), Ordering::SeqCst);
    let mut before = [none(); FAULTS.len()];
    for (signal, before) in FAULTS.into_iter().zip(&mut before) {
        // SAFETY: a null pointer for the new action asks only, and `before` is a place for the answer.
        if unsafe { libc::sigaction(signal, std::ptr::null(), before) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    if BEFORE.set(before).is_err() {
        // It is in place already; only the file is another one.
        return Ok(());
    }
    let mut action = none();
    action.sa_sigaction = on_fault as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    for signal in FAULTS {
        // SAFETY: `on_fault` has the signature that SA_SIGINFO asks for, lives as long as the process,
        // and calls only what may be called in a handler.
        if unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The default action, with no signal blocked.
fn none() -> libc::sigaction {
    // SAFETY: all zeros is a value of this plain C structure: `SIG_DFL`, no flags, an empty mask.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// # Safety
/// Called by the system, with the facts of the signal.
unsafe extern "C" fn on_fault(signal: c_int, facts: *mut siginfo_t, _: *mut c_void) {
    let named = NOW.try_with(std::cell::Cell::get).ok().flatten();
    if let Some(name) = &named {
        let line = Line::new(name, signal);
        // SAFETY: `write` may be called in a handler; the bytes are `line`'s, which lives here. That it
        // may fail is known: then the crash is not counted.
        unsafe { libc::write(FILE.load(Ordering::SeqCst), line.bytes.as_ptr().cast(), line.length) };
    }
    // Compiled code is not gone back to. Any other fault is for whoever cared before.
    let at = FAULTS.iter().position(|&fault| fault == signal);
    let before = at.and_then(|at| BEFORE.get()?.get(at)).filter(|_| named.is_none());
    let next = before.copied().unwrap_or_else(none);
    // SAFETY: both may be called in a handler; `facts` was given by the system for this call. The
    // instruction that failed runs again after this and meets `next`; a signal that was sent (a code
    // of 0 or less) does not come again by itself.
    unsafe {
        libc::sigaction(signal, &next, std::ptr::null_mut());
        if (*facts).si_code <= 0 {
            libc::raise(signal);
        }
    }
}

/// A line being written, without memory from anywhere.
struct Line {
    bytes: [u8; 128],
    length: usize,
}

impl Line {
    fn new(name: &Name, signal: c_int) -> Self {
        let mut line = Self { bytes: [0; 128], length: 0 };
        name.workspace.iter().take(name.length).for_each(|&byte| line.push(byte));
        line.push(b' ');
        line.number(name.number);
        line.push(b' ');
        line.number(u64::from(signal.unsigned_abs()));
        line.push(b'\n');
        line
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn number(&mut self, number: u64) {
        let mut unit = 1_u64;
        while number / unit >= 10 {
            unit *= 10;
        }
        while unit > 0 {
            self.push(b'0' + (number / unit % 10) as u8);
            unit /= 10;
        }
    }
}

#[cfg(test)]
pub(super) fn raise_a_fault() {
    // SAFETY: it has no precondition.
    unsafe { libc::raise(libc::SIGSEGV) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::WorkspaceId;

    #[test]
    fn a_line_holds_the_longest_name() {
        for (id, number, expected) in [
            ("ws_1".to_owned(), 0, "ws_1 0 11\n".to_owned()),
            ("w".repeat(64), u64::MAX, format!("{} {} 11\n", "w".repeat(64), u64::MAX)),
        ] {
            let line = Line::new(&Name::new(&WorkspaceId::from_text(&id), number), 11);
            assert_eq!(&line.bytes[..line.length], expected.as_bytes());
        }
    }
}
