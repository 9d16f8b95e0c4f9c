//! The least of HTTP/1.1 that both ends need: where a head ends, how long its body is, who asks what.

use memchr::{memchr, memmem};

/// A message's first line and headers.
#[derive(Debug)]
pub struct Head<'b> {
    /// Without its line break.
    pub first_line: &'b [u8],
    /// The headers' bytes, line by line.
    pub headers: &'b [u8],
    /// Bytes up to the body.
    pub bytes: usize,
    /// Bytes of the body, when they are said.
    pub length: Option<usize>,
    /// The body comes in chunks.
    pub chunked: bool,
}

/// The head at the beginning, once it is complete.
#[must_use]
pub fn head(bytes: &[u8]) -> Option<Head<'_>> {
    let end = memmem::find(bytes, b"\r\n\r\n")?;
    let first_end = memchr(b'\r', bytes)?;
    let headers = &bytes[(first_end + 2).min(end)..end];
    let mut head =
        Head { first_line: &bytes[..first_end], headers, bytes: end + 4, length: None, chunked: false };
    each_header(headers, |name, value| {
        if name.eq_ignore_ascii_case(b"content-length") {
            head.length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            head.chunked = true;
        }
    });
    Some(head)
}

/// Every header, in order.
pub fn each_header<'b>(headers: &'b [u8], mut see: impl FnMut(&'b [u8], &'b [u8])) {
    for line in headers.split(|byte| *byte == b'\n') {
        if let Some(colon) = memchr(b':', line) {
            see(&line[..colon], line[colon + 1..].trim_ascii());
        }
    }
}

/// An answer's status.
#[must_use]
pub fn status(first_line: &[u8]) -> u16 {
    let digits = first_line.get(9..12).unwrap_or_default();
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// A request's path.
#[must_use]
pub fn path(first_line: &[u8]) -> &[u8] {
    first_line.split(|byte| *byte == b' ').nth(1).unwrap_or_default()
}

/// Writes a number with exactly sixteen digits over those that stand there.
pub fn write_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// Reads sixteen digits.
#[must_use]
pub fn read_digits(place: &[u8]) -> Option<u64> {
    std::str::from_utf8(place.get(..16)?).ok()?.parse().ok()
}
