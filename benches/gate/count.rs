//! Runs each case under valgrind and reads what it counted.

use std::env;
use std::process::{Command, Stdio};

use crate::cases::{CASES, MEASURED_EVENTS, NO_VECTORS};

/// Why there are no counts.
pub(crate) enum NotCounted {
    /// This machine's counts would be others.
    NotHere(String),
    /// Something went wrong.
    Failed(String),
}

/// Instructions per event of every case.
pub(crate) fn all() -> Result<Vec<(&'static str, u64)>, NotCounted> {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Err(NotCounted::NotHere("valgrind is not installed".to_owned()));
    }
    CASES.iter().map(|case| Ok((case.name, one(case.name)? / MEASURED_EVENTS))).collect()
}

/// Instructions of one case; what it needs beforehand is not counted.
fn one(name: &str) -> Result<u64, NotCounted> {
    let failed = |error: std::io::Error| NotCounted::Failed(format!("{name} cannot be run: {error}"));
    let this = env::current_exe().map_err(failed)?;
    let ran = Command::new("timeout")
        .args(["120", "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=gate::cases::measured*")
        .arg(this)
        .args(["case", name])
        .output()
        .map_err(failed)?;
    let said = String::from_utf8_lossy(&ran.stderr);
    match ran.status.code() {
        Some(0) => {}
        Some(code) if code == i32::from(NO_VECTORS) => {
            return Err(NotCounted::NotHere("they were taken with AVX2, and this is something else".into()));
        }
        _ => return Err(NotCounted::Failed(format!("{name} failed: {said}"))),
    }
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok()).filter(|count| *count > 0);
    count.ok_or_else(|| NotCounted::Failed(format!("valgrind counted nothing for {name}: {said}")))
}
