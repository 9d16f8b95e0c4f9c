//! W3C Trace Context: which distributed trace an event belongs to, from the app to its receivers.
//!
//! <https://www.w3.org/TR/trace-context/>. What comes in the headers `traceparent` and `tracestate` of a
//! request is kept with each of its events, and every attempt goes out as a child of it. What cannot be read is
//! treated as if it were not there, as the specification says: no event is refused for it.

use std::fmt;
use std::sync::Arc;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// Which trace, and what in it came before.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What others want to be passed on with it.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Characters of a `tracestate`. A longer one is not passed on; the specification asks for 512.
pub const TRACESTATE_CHARS_MAX: usize = 512;

/// Flags that are passed on: *sampled*, and *random trace id* of level 2. Others are zero, as level 1 says.
const FLAGS_KNOWN: u8 = 0b11;

/// A place in a distributed trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    /// The trace; not all zero.
    pub trace_id: [u8; 16],
    /// The span that comes before; not all zero.
    pub parent_id: [u8; 8],
    /// Bit 0 is *sampled*.
    pub flags: u8,
    /// `tracestate` as it came, at most [`TRACESTATE_CHARS_MAX`] characters.
    pub state: Option<Arc<str>>,
}

impl TraceContext {
    /// What the headers of a request say.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let parent = parents.next()?.to_str().ok()?;
        // Of two, nobody knows which is right.
        if parents.next().is_some() {
            return None;
        }
        let states: Option<Vec<&str>> =
            headers.get_all(TRACESTATE).iter().map(|value| value.to_str().ok()).collect();
        Self::read(parent, states.map(|states| states.join(",")).as_deref())
    }

    /// The same from the texts of both; `None` when the first is not a `traceparent`.
    #[must_use]
    pub fn read(parent: &str, state: Option<&str>) -> Option<Self> {
        let mut fields = parent.trim().split('-');
        let version = hex::<1>(fields.next()?)?;
        let (trace_id, parent_id) = (hex::<16>(fields.next()?)?, hex::<8>(fields.next()?)?);
        let [flags] = hex::<1>(fields.next()?)?;
        let known = version == [0] && fields.next().is_none();
        // A later version may have more fields; 255 is none.
        let later = version != [0] && version != [0xff];
        let is_there = trace_id != [0; 16] && parent_id != [0; 8];
        let state = state.map(str::trim).filter(|state| {
            let printable = state.bytes().all(|byte| (0x20..0x7f).contains(&byte));
            !state.is_empty() && state.len() <= TRACESTATE_CHARS_MAX && printable
        });
        let state = state.map(Arc::from);
        let read = Self { trace_id, parent_id, flags: flags & FLAGS_KNOWN, state };
        ((known || later) && is_there).then_some(read)
    }

    /// Whether whoever came before wants this trace to be recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The same trace, one span further.
    #[must_use]
    pub fn child(&self, parent_id: [u8; 8]) -> Self {
        Self { parent_id, ..self.clone() }
    }

    /// Adds it to the headers of a request that have none of their own.
    pub fn write(&self, headers: &mut HeaderMap) {
        if headers.contains_key(TRACEPARENT) {
            return;
        }
        if let Ok(parent) = HeaderValue::from_str(&self.to_string()) {
            headers.insert(TRACEPARENT, parent);
        }
        let state = self.state.as_deref().and_then(|state| HeaderValue::from_str(state).ok());
        if let Some(state) = state {
            headers.insert(TRACESTATE, state);
        }
    }
}

/// As `traceparent`, version 00.
impl fmt::Display for TraceContext {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, parent) = (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.parent_id));
        write!(to, "00-{trace:032x}-{parent:016x}-{:02x}", self.flags)
    }
}

/// Exactly so many bytes in lower-case hexadecimal digits.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let good = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(good) {
        return None;
    }
    let number = u128::from_str_radix(text, 16).ok()?.to_be_bytes();
    number.last_chunk::<N>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn headers(rows: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_what_the_specification_allows_is_a_context() {
        let rows = [
            (format!("00-{TRACE}-{SPAN}-01"), Some(1)),
            (format!("00-{TRACE}-{SPAN}-00"), Some(0)),
            (format!("00-{TRACE}-{SPAN}-ff"), Some(3)),
            (format!("00-{TRACE}-{SPAN}-01-more"), None),
            (format!("01-{TRACE}-{SPAN}-01-more"), Some(1)),
            (format!("ff-{TRACE}-{SPAN}-01"), None),
            (format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None),
            (format!("00-{}-{SPAN}-01", "0".repeat(32)), None),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
            (format!("00-{TRACE}-{SPAN}"), None),
            (format!("00-{TRACE}-{SPAN}-1"), None),
            (format!("0-{TRACE}-{SPAN}-01"), None),
            (format!("00-{TRACE}+{SPAN}-01"), None),
            (String::new(), None),
            ("é".repeat(30), None),
        ];
        for (text, flags) in rows {
            let read = TraceContext::read(&text, None);
            assert_eq!(read.as_ref().map(|context| context.flags), flags, "{text}");
            if let Some(context) = read {
                assert_eq!(context.to_string(), format!("00-{TRACE}-{SPAN}-{:02x}", context.flags));
            }
        }
    }

    #[test]
    fn headers_in_are_headers_out_one_span_further() {
        let came = headers(&[
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("tracestate", "congo=t61rcWkgMzE"),
            ("tracestate", "rojo=00f067aa0ba902b7"),
        ]);
        let context = TraceContext::of(&came).unwrap();
        let mut goes = HeaderMap::new();
        context.child([0, 0, 0, 0, 0, 0, 0, 7]).write(&mut goes);
        assert_eq!(goes["traceparent"], "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000007-01");
        assert_eq!(goes["tracestate"], "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
    }

    #[test]
    fn what_is_wrong_is_as_if_it_were_not_there() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceContext::of(&headers(&[("traceparent", good), ("traceparent", good)])), None);
        assert_eq!(TraceContext::of(&headers(&[("tracestate", "a=b")])), None);
        for state in ["", " ", "é=1", &"x".repeat(TRACESTATE_CHARS_MAX + 1)] {
            assert_eq!(TraceContext::read(good, Some(state)).unwrap().state, None, "{state}");
        }
    }

    #[test]
    fn headers_of_a_rule_s_own_stay() {
        let context = TraceContext::read(&format!("00-{TRACE}-{SPAN}-01"), Some("a=b")).unwrap();
        let mut goes = headers(&[("traceparent", "mine")]);
        context.write(&mut goes);
        assert_eq!((goes["traceparent"].to_str().unwrap(), goes.get("tracestate")), ("mine", None));
    }
}
