//! Places where a test has the process die or the disk fail. In a release build there are none.
//!
//! `FANWISE_CRASH_AT=journal.written` ends the process, without any farewell, the first time that it comes
//! past that place; `journal.written:3` the third time. The names are those of the table in
//! `tests/binary/points.rs`.

/// The process may die here.
pub(crate) fn point(name: &str) {
    if hit(name) {
        std::process::abort();
    }
}

/// Whether a test wants something to go wrong here.
#[cfg(debug_assertions)]
pub(crate) fn hit(name: &str) -> bool {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static ARMED: OnceLock<Option<(String, AtomicU32)>> = OnceLock::new();
    let armed = ARMED.get_or_init(|| {
        let text = crate::config::crash_at()?;
        let (place, times) = text.split_once(':').unwrap_or((&text, "1"));
        Some((place.to_owned(), AtomicU32::new(times.parse().unwrap_or(1))))
    });
    armed.as_ref().is_some_and(|(place, left)| place == name && left.fetch_sub(1, Ordering::SeqCst) == 1)
}

/// Whether a test wants something to go wrong here; nothing does in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn hit(_name: &str) -> bool {
    false
}
