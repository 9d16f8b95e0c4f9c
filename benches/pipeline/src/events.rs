//! The events that are sent: one size, made once, with a time and a workspace written into a copy.

use crate::clock::DIGITS;
use crate::http::write_digits;
use crate::server::request;

/// An event as bytes, with the place where its time goes.
#[derive(Clone)]
pub struct Event {
    bytes: Vec<u8>,
    time_at: usize,
}

impl Event {
    /// An order of about 1 KiB with eight items, of that type.
    #[must_use]
    pub fn order(kind: &str) -> Self {
        let items: Vec<String> = (0..8)
            .map(|at| format!("{{\"sku\":\"SKU-{at:04}\",\"title\":\"Thing number {at}\",\"count\":{},\"price\":{}.{}0}}", at + 1, 10 + at, at))
            .collect();
        let payload = format!(
            "{{\"t\":{DIGITS},\"id\":\"ord_1842\",\"total\":149.90,\"currency\":\"EUR\",\"customer\":{{\"id\":\"cust_7\",\"name\":\"Ada Example\",\
             \"mail\":\"ada@shop.example\",\"country\":\"DE\",\"tags\":[\"vip\",\"b2b\",\"early\"]}},\"items\":[{}],\
             \"shipping\":{{\"street\":\"Long Street 12\",\"city\":\"Hamburg\",\"zip\":\"20095\",\"carrier\":\"sea\",\"express\":false}},\
             \"note\":\"leave it with the neighbour, please\",\"source\":\"web\"}}",
            items.join(",")
        );
        Self::new(kind, &payload)
    }

    /// A small event, for large numbers of them.
    #[must_use]
    pub fn small(kind: &str) -> Self {
        Self::new(kind, &format!("{{\"t\":{DIGITS},\"id\":\"ord_1842\",\"total\":149.90}}"))
    }

    fn new(kind: &str, payload: &str) -> Self {
        let text = format!(
            "{{\"event\":\"{kind}\",\"resource\":\"shop\",\"resource_id\":\"cust_7\",\"payload\":{payload}}}"
        );
        let time_at = text.find(&DIGITS.to_string()).unwrap_or(0);
        Self { bytes: text.into_bytes(), time_at }
    }

    /// As a request to a workspace.
    #[must_use]
    pub fn posted(&self, workspace: &str) -> Self {
        let path = format!("/v1/workspaces/{workspace}/events");
        let bytes = request("POST", &path, "application/json", &self.bytes, false);
        let time_at = bytes.len() - self.bytes.len() + self.time_at;
        Self { bytes, time_at }
    }

    /// As a line of a stream.
    #[must_use]
    pub fn line(mut self) -> Self {
        self.bytes.push(b'\n');
        self
    }

    /// Its bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends it, as sent at that time.
    pub fn write(&self, time: u64, to: &mut Vec<u8>) {
        let begin = to.len();
        to.extend_from_slice(&self.bytes);
        if let Some(place) = to.get_mut(begin + self.time_at..begin + self.time_at + 16) {
            write_digits(place, DIGITS + time);
        }
    }
}
