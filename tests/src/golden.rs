//! Golden files: what came out is compared with a file, and `UPDATE=1` writes it.

use std::fs;
use std::path::Path;

/// Compares `actual` with the file at `path`, or writes it when `UPDATE=1` is set.
///
/// # Errors
/// Says what differs, with the first differing line.
pub fn compare(path: &Path, actual: &str) -> Result<(), String> {
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, actual).map_err(|error| format!("{}: {error}", path.display()))?;
        return Ok(());
    }
    let mut lines = expected.lines().zip(actual.lines()).enumerate();
    let at = lines
        .find(|(_, (old, new))| old != new)
        .map_or(expected.lines().count().min(actual.lines().count()), |(at, _)| at);
    let line = |text: &str| text.lines().nth(at).unwrap_or("(end)").to_owned();
    Err(format!(
        "{}:{}: differs; `UPDATE=1` rewrites it\n  expected: {}\n  actual:   {}",
        path.display(),
        at + 1,
        line(&expected),
        line(actual)
    ))
}
