//! Texts of a form: email addresses, URLs, UUIDs, addresses and networks.
//!
//! Deliberately looser than the standards: the destination has the last word, and a rule that refuses
//! an address which works is worse than one that passes on an address which does not.

use core::net::IpAddr;

/// Whether a text has one `@`, something before it, and a domain of labels behind it; no blanks.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let blank = |one: char| one.is_whitespace() || one.is_control();
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    !local.is_empty()
        && !text.contains(blank)
        && !local.contains('@')
        && !local.contains("://")
        && !domain.contains([':', '/'])
        && domain.split('.').all(label)
}

/// Whether a text is `scheme://host…` without blanks.
#[must_use]
pub fn is_url(text: &str) -> bool {
    host(text).is_some()
}

/// The host of a URL, without user, port and brackets.
#[must_use]
pub fn host(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let letter = |one: char| one.is_ascii_alphanumeric() || matches!(one, '+' | '-' | '.');
    let blank = |one: char| one.is_whitespace() || one.is_control();
    if !scheme.starts_with(|one: char| one.is_ascii_alphabetic())
        || !scheme.chars().all(letter)
        || text.contains(blank)
    {
        return None;
    }
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let host = match place.strip_prefix('[') {
        Some(inner) => inner.split_once(']').map(|(host, _)| host)?,
        None => place.split_once(':').map_or(place, |(host, _)| host),
    };
    (!host.is_empty()).then_some(host)
}

/// Whether a text is 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.
#[must_use]
pub fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Whether a text is an address of IPv4 or IPv6.
#[must_use]
pub fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Whether a text is a network such as `10.0.0.0/8`.
#[must_use]
pub fn is_network(text: &str) -> bool {
    text.parse::<ipnet::IpNet>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (text, email, url, uuid) in [
            ("ada@example.com", true, false, false),
            ("a@b", true, false, false),
            ("ada@-x.com", false, false, false),
            ("ada@x..com", false, false, false),
            ("a b@x.com", false, false, false),
            ("a@b@c", false, false, false),
            ("@x", false, false, false),
            ("https://example.com", false, true, false),
            ("https://u@example.com", false, true, false),
            ("postgres://[::1]:5432/db", false, true, false),
            ("https://", false, false, false),
            ("https:///x", false, false, false),
            ("https://a b", false, false, false),
            ("1a://x", false, false, false),
            ("example.com/x", false, false, false),
            ("018f2b6e-0f5c-7c3a-9d7e-3f2a1b4c5d6e", false, false, true),
            ("018f2b6e0f5c7c3a9d7e3f2a1b4c5d6e", false, false, false),
            ("g18f2b6e-0f5c-7c3a-9d7e-3f2a1b4c5d6e", false, false, false),
            ("", false, false, false),
        ] {
            assert_eq!((is_email(text), is_url(text), is_uuid(text)), (email, url, uuid), "{text}");
        }
    }

    #[test]
    fn hosts() {
        for (text, gives) in [
            ("https://example.com/a", Some("example.com")),
            ("https://example.com?x=a@b", Some("example.com")),
            ("https://example.com\\@evil.example/", Some("example.com")),
            ("https://a:b@example.com:80", Some("example.com")),
            ("https://[::1", None),
            ("https://:80/", None),
        ] {
            assert_eq!(host(text), gives, "{text}");
        }
    }
}
