//! Events in one piece of memory, the same for every engine.

use inputs::shapes::Source;

/// Bytes that may be read behind the last event: engines that read whole vectors need not stop early.
const SPARE_BYTES: usize = 64;

/// Parcels of the small set: about 1 MB, which stays in the caches next to the core.
const HOT_EVENTS: usize = 1_000;

/// Parcels of the large set: about 20 MB, which fits the last level of cache of a server.
const LLC_EVENTS: usize = 21_000;

/// One set of events.
pub struct Events {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Events {
    fn new(payloads: &[String]) -> Self {
        let mut bytes = Vec::with_capacity(payloads.iter().map(String::len).sum::<usize>() + SPARE_BYTES);
        let mut ends = Vec::with_capacity(payloads.len());
        for payload in payloads {
            bytes.extend_from_slice(payload.as_bytes());
            ends.push(bytes.len());
        }
        bytes.resize(bytes.len() + SPARE_BYTES, b' ');
        Self { bytes, ends }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Their bytes together.
    pub fn total_bytes(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The sizes' mean, median and 99th percentile.
    pub fn sizes(&self) -> (usize, usize, usize) {
        let mut sizes: Vec<_> = self.iter().map(<[u8]>::len).collect();
        sizes.sort_unstable();
        let at = |percent: usize| sizes[(sizes.len() - 1) * percent / 100];
        (self.total_bytes() / self.len().max(1), at(50), at(99))
    }

    /// Each event.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// The sets about one source, by name. The events of the first are the first of the others.
pub fn sets(source: Source, wanted: &[String]) -> Vec<(&'static str, Events)> {
    let names: &[(&str, usize)] = match source {
        Source::Parcels => &[("hot", HOT_EVENTS), ("llc", LLC_EVENTS)],
        Source::Hooks => &[("github", usize::MAX)],
    };
    let mut found = Vec::new();
    for (name, count) in names {
        if wanted.iter().any(|one| one == name) {
            let payloads = match source {
                Source::Parcels => inputs::parcels(*count),
                Source::Hooks => inputs::hooks::hooks(),
            };
            found.push((*name, Events::new(&payloads)));
        }
    }
    found
}
