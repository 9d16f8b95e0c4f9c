//! A file of events in memory.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use compiler::event::Event;

use crate::ingest::envelope::{EPOCH, Envelope};

/// Bytes of events that are held; a larger file is refused.
const EVENTS_BYTES_MAX: u64 = 1 << 30;

/// The file's bytes.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let named = path.display();
    let unreadable = |error| format!("`{named}` cannot be read: {error}");
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(EVENTS_BYTES_MAX + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > EVENTS_BYTES_MAX {
        return Err(format!("`{named}` has more than {EVENTS_BYTES_MAX} bytes"));
    }
    Ok(text)
}

/// Events whose envelopes were read: what is measured begins with the payload.
pub(super) struct Events<'t> {
    envelopes: Vec<Envelope<'t>>,
}

impl<'t> Events<'t> {
    /// Reads lines; empty ones are left out.
    pub(super) fn of(text: &'t [u8]) -> Result<Self, String> {
        let lines = text.split(|byte| *byte == b'\n').zip(1_u64..);
        let lines = lines.map(|(line, number)| (line.trim_ascii(), number));
        let read = |(line, number)| {
            Envelope::read(line, "")
                .map_err(|problem| format!("line {number} is no event: {}", problem.to_json()))
        };
        let envelopes: Result<Vec<_>, _> = lines.filter(|(line, _)| !line.is_empty()).map(read).collect();
        let envelopes = envelopes?;
        if envelopes.is_empty() {
            return Err("there are no events".to_owned());
        }
        Ok(Self { envelopes })
    }

    /// As rules see them.
    pub(super) fn seen(&self) -> Vec<Event<'_>> {
        self.envelopes.iter().map(|envelope| envelope.event("evt_bench", EPOCH)).collect()
    }
}
