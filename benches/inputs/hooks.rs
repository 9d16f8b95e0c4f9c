//! The demo's payloads of GitHub: 266 real ones, 1 to 28 kB.

use std::fs;
use std::path::Path;

/// The payloads, without what surrounds them in the demo's file.
///
/// # Panics
/// When the file is not there, or not one event per line with the payload at its end.
#[must_use]
pub fn hooks() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtime/demo/github-webhooks.ndjson");
    let text = fs::read_to_string(&path).expect("the demo's events");
    let payload = |line: &str| {
        let (_, rest) = line.split_once("\"payload\":").expect("an event has a payload");
        String::from(rest.trim_end().strip_suffix('}').expect("the payload comes last"))
    };
    text.lines().map(payload).collect()
}
