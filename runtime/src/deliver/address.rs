//! Which network addresses a server may call on a workspace's behalf.
//!
//! A workspace writes the URL, the server makes the call: without a guard that is a way into the server's
//! own network. So the URL is checked, its name is resolved, *every* address of the answer is checked, and
//! the connection goes to exactly those addresses. A name with one address that is refused is refused as a
//! whole: an answer that mixes both is how the check is tricked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use url::{Host, Url};

/// Exceptions from the table of refused addresses. The default has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddressPolicy {
    /// This machine (`127.0.0.0/8`, `::1`, and whatever addresses it has): for development only.
    pub allow_loopback: bool,
    /// Private networks (RFC 1918, RFC 4193, RFC 6598). Link-local addresses and the known addresses of
    /// cloud metadata services stay refused.
    pub allow_private_addresses: bool,
    /// `http` to public addresses: whoever stands on the way there reads and changes what is sent. Inner
    /// addresses that are allowed at all are called by `http`, too.
    pub allow_plain_http: bool,
}

/// Why a URL or an address is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no URL.
    #[error("the URL cannot be read: {0}")]
    NotAUrl(url::ParseError),
    /// Neither `http` nor `https`.
    #[error("`{0}` URLs are not called, only `https` and `http`")]
    Scheme(String),
    /// `http` to a public address.
    #[error(
        "`http` is not called outside of this network: everybody on the way could read along; use `https`"
    )]
    PlainHttp,
    /// There is a user name or a password in it.
    #[error("a URL with a user name or a password is not called; use a header")]
    UserInfo,
    /// It has no host.
    #[error("the URL has no host")]
    NoHost,
    /// A port below 1024 that is not a web server's, or one that speaks something else.
    #[error("port {0} is not called; 80, 443 and most ports from 1024 on are")]
    Port(u16),
    /// The address is in the table.
    #[error("{address} is not called: {why}")]
    Refused {
        /// The address.
        address: IpAddr,
        /// What kind of address it is.
        why: &'static str,
    },
}

/// Reads and checks a URL, and its host if that is an address.
///
/// # Errors
/// See [`AddressError`].
pub fn check_url(text: &str, policy: AddressPolicy) -> Result<Url, AddressError> {
    // The parser of browsers folds all ways to write an address (decimal, octal, hexadecimal, short, full
    // width) into one, so that what is checked here is what is called.
    let url = Url::parse(text).map_err(AddressError::NotAUrl)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::UserInfo);
    }
    match url.port_or_known_default() {
        Some(port) if port == 80 || port == 443 => {}
        Some(port) if port >= 1024 && !OTHER_PORTS.contains(&port) => {}
        port => return Err(AddressError::Port(port.unwrap_or(0))),
    }
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(_)) => None,
        None => return Err(AddressError::NoHost),
    };
    if let Some(address) = address {
        check(address, policy)?;
    }
    // Where nothing inner is called, no name can lead there; elsewhere its addresses tell.
    let inner = policy.allow_loopback || policy.allow_private_addresses;
    if url.scheme() == "http" && (address.is_some() || !inner) {
        check_plain(address.as_slice(), policy)?;
    }
    Ok(url)
}

/// Checks that these addresses may be called without TLS; none of them for a host whose addresses nobody
/// here knows.
///
/// # Errors
/// [`AddressError::PlainHttp`].
pub fn check_plain(addresses: &[IpAddr], policy: AddressPolicy) -> Result<(), AddressError> {
    let public = |address: &IpAddr| matches!(kind_of(*address), Kind::Public);
    if !policy.allow_plain_http && (addresses.is_empty() || addresses.iter().any(public)) {
        return Err(AddressError::PlainHttp);
    }
    Ok(())
}

/// Checks one address. A public one is also compared with those that this machine has.
///
/// # Errors
/// [`AddressError::Refused`].
pub fn check(address: IpAddr, policy: AddressPolicy) -> Result<(), AddressError> {
    let refuse = |why| Err(AddressError::Refused { address, why });
    match kind_of(address) {
        Kind::Public if !policy.allow_loopback && is_own(address) => refuse("it is this machine"),
        Kind::Public => Ok(()),
        Kind::Loopback if policy.allow_loopback => Ok(()),
        Kind::Private if policy.allow_private_addresses => Ok(()),
        Kind::Loopback => refuse("it is this machine"),
        Kind::Private => refuse("it is in a private network"),
        Kind::Never(why) => refuse(why),
    }
}

/// Whether this machine has the address. A datagram socket that is connected sends nothing; it only asks
/// the system which address it would send from, and to itself a machine sends from the very same one.
fn is_own(address: IpAddr) -> bool {
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let from = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, DISCARD_PORT))?;
        socket.local_addr()
    });
    from.is_ok_and(|from| from.ip() == address)
}

/// Any port would do: nothing is sent there.
const DISCARD_PORT: u16 = 9;

/// Ports from 1024 on that are no web server's: those that browsers refuse (Fetch, "bad port").
const OTHER_PORTS: &[u16] = &[
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679,
    6697, 10080,
];

#[derive(Clone, Copy)]
enum Kind {
    Public,
    Loopback,
    Private,
    Never(&'static str),
}

const METADATA: Kind = Kind::Never("it belongs to a cloud's metadata service");
const NOT_UNICAST: Kind = Kind::Never("it is not the address of one machine");
const RESERVED: Kind = Kind::Never("it is reserved and belongs to nobody");

/// The special-purpose registry of IANA (RFC 6890 and its updates), first match wins.
const V4: &[(Ipv4Addr, u32, Kind)] = &[
    (Ipv4Addr::new(100, 100, 100, 200), 32, METADATA),
    (Ipv4Addr::new(168, 63, 129, 16), 32, METADATA),
    (Ipv4Addr::new(0, 0, 0, 0), 8, Kind::Never("it means this network, not a machine")),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Kind::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Kind::Private),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Kind::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Kind::Never("it is link-local")),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Kind::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, RESERVED),
    (Ipv4Addr::new(192, 0, 2, 0), 24, RESERVED),
    (Ipv4Addr::new(192, 31, 196, 0), 24, RESERVED),
    (Ipv4Addr::new(192, 52, 193, 0), 24, RESERVED),
    (Ipv4Addr::new(192, 88, 99, 0), 24, RESERVED),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Kind::Private),
    (Ipv4Addr::new(192, 175, 48, 0), 24, RESERVED),
    (Ipv4Addr::new(198, 18, 0, 0), 15, RESERVED),
    (Ipv4Addr::new(198, 51, 100, 0), 24, RESERVED),
    (Ipv4Addr::new(203, 0, 113, 0), 24, RESERVED),
    (Ipv4Addr::new(224, 0, 0, 0), 4, NOT_UNICAST),
    (Ipv4Addr::new(240, 0, 0, 0), 4, RESERVED),
];

/// The same for version 6. What stands in none of the rows is public only within 2000::/3.
const V6: &[(Ipv6Addr, u32, Kind)] = &[
    // Metadata, credentials of containers, time and names: all of this network is a cloud's own.
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0), 32, METADATA),
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, METADATA),
    (Ipv6Addr::LOCALHOST, 128, Kind::Loopback),
    (Ipv6Addr::UNSPECIFIED, 128, Kind::Never("it means this network, not a machine")),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Kind::Private),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Kind::Never("it is link-local")),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, NOT_UNICAST),
    // Teredo, benchmarks, ORCHID and others: none is a web server.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, RESERVED),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, RESERVED),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, RESERVED),
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, Kind::Public),
];

/// Ways to write a version 4 address as a version 6 one: prefix, its bits, and where the 32 bits begin.
/// Mapped, compatible, translated (RFC 2765), NAT64 (RFC 6052), 6to4 (RFC 3056).
const EMBEDDED: &[(Ipv6Addr, u32, u32)] = &[
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 96),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, 96),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, 96),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 16),
    (Ipv6Addr::UNSPECIFIED, 96, 96),
];

fn kind_of(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(v4) => kind_of_v4(v4),
        IpAddr::V6(v6) => kind_of_v6(v6),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Kind {
    let bits = u32::from(address);
    let row = V4.iter().find(|(network, length, _)| (bits ^ u32::from(*network)) >> (32 - length) == 0);
    row.map_or(Kind::Public, |(_, _, kind)| *kind)
}

fn kind_of_v6(address: Ipv6Addr) -> Kind {
    let bits = u128::from(address);
    let within = |network: Ipv6Addr, length: u32| {
        (bits ^ u128::from(network)).checked_shr(128 - length).is_none_or(|rest| rest == 0)
    };
    if address == Ipv6Addr::LOCALHOST || address == Ipv6Addr::UNSPECIFIED {
        return if address == Ipv6Addr::LOCALHOST {
            Kind::Loopback
        } else {
            Kind::Never("it means this network, not a machine")
        };
    }
    for (prefix, length, start) in EMBEDDED {
        if within(*prefix, *length) {
            let v4 = u32::try_from((bits >> (96 - start)) & u128::from(u32::MAX)).unwrap_or(0);
            return kind_of_v4(Ipv4Addr::from(v4));
        }
    }
    let row = V6.iter().find(|(network, length, _)| within(*network, *length));
    row.map_or(RESERVED, |(_, _, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING_ALLOWED: AddressPolicy =
        AddressPolicy { allow_loopback: false, allow_private_addresses: false, allow_plain_http: false };

    /// Hosts that all mean an inner address, separated by spaces.
    const INNER: &str = "\
        127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.0.0.1 0177.0.0.1 0177.0.0.0x1 \
        017700000001 0x7F.0X0.0.1 127.0.0.1. 127.255.255.254 １２７.０.０.１ ①②⑦.0.0.1 127。0。0。1 \
        %31%32%37.0.0.1 0.0.0.0 0 0x0 00.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 0xa000001 167772161 \
        012.0.0.1 172.16.0.1 172.31.255.255 0xac100001 192.168.0.1 192.168.1 3232235521 \
        169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.1.1 100.64.0.1 \
        100.100.100.200 168.63.129.16 192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 \
        198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 [::] [::1] \
        [0:0:0:0:0:0:0:1] [::127.0.0.1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:a9fe:a9fe] \
        [::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::a00:1] [64:ff9b:1::1] [2002:7f00:1::] \
        [2002:a9fe:a9fe::1] [2002:c0a8:1::1] [fc00::1] [fd12:3456::1] [fd00:ec2::254] [fe80::1] \
        [febf::1] [fec0::1] [ff02::1] [2001::1] [2001:db8::1] [2001:10::1] [3fff::1] [100::1] \
        [4000::1] [::ffff:10.1.2.3] [::a00:1]";

    #[test]
    fn no_way_to_write_an_inner_address_gets_through() {
        assert!(INNER.split(' ').filter(|host| !host.is_empty()).count() >= 60);
        for host in INNER.split(' ').filter(|host| !host.is_empty()) {
            for scheme in ["http", "https"] {
                let text = format!("{scheme}://{host}/hook");
                let result = check_url(&text, NOTHING_ALLOWED);
                assert!(matches!(result, Err(AddressError::Refused { .. })), "{text}: {result:?}");
            }
        }
    }

    #[test]
    fn public_addresses_and_names_pass() {
        let hosts = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.167.255.255",
            "192.169.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "[2606:4700::1111]",
            "[2a00:1450::1]",
            "[::ffff:8.8.8.8]",
            "[64:ff9b::808:808]",
            "[2002:808:808::1]",
            "example.com",
            "xn--bcher-kva.example",
            "localhost",
        ];
        for host in hosts {
            assert!(check_url(&format!("https://{host}/hook"), NOTHING_ALLOWED).is_ok(), "{host}");
        }
    }

    #[test]
    fn a_url_is_a_web_address_and_nothing_else() {
        let check = |text: &str| check_url(text, NOTHING_ALLOWED).unwrap_err();
        assert_eq!(check("ftp://example.com/"), AddressError::Scheme("ftp".into()));
        assert_eq!(check("file:///etc/passwd"), AddressError::Scheme("file".into()));
        assert_eq!(check("gopher://example.com/"), AddressError::Scheme("gopher".into()));
        assert_eq!(check("https://me@example.com/"), AddressError::UserInfo);
        assert_eq!(check("https://me:too@example.com/"), AddressError::UserInfo);
        assert_eq!(check("https://example.com:22/"), AddressError::Port(22));
        assert_eq!(check("https://example.com:25/"), AddressError::Port(25));
        assert_eq!(check("https://example.com:6667/"), AddressError::Port(6667));
        assert!(matches!(check("example.com/hook"), AddressError::NotAUrl(_)));
        assert!(matches!(check("https://"), AddressError::NotAUrl(_)));
    }

    #[test]
    fn an_address_that_this_machine_has_is_its_own() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        for other in ["192.0.2.1", "8.8.8.8", "2001:db8::1"] {
            assert!(!is_own(other.parse().unwrap()), "{other}");
        }
        // The one that it would call others from, where it has one.
        let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
        if socket.connect(("192.0.2.1", DISCARD_PORT)).is_ok() {
            let own = socket.local_addr().unwrap().ip();
            assert!(is_own(own), "{own}");
        }
    }

    #[test]
    fn http_is_for_inner_addresses_unless_the_operator_says_otherwise() {
        let loopback = AddressPolicy { allow_loopback: true, ..NOTHING_ALLOWED };
        let plain = AddressPolicy { allow_plain_http: true, ..NOTHING_ALLOWED };
        let both = AddressPolicy { allow_loopback: true, ..plain };
        // A URL, and whether it may be called with nothing allowed, loopback, `http`, both.
        let rows = [
            ("https://example.com/", [true, true, true, true]),
            ("https://8.8.8.8/", [true, true, true, true]),
            ("http://8.8.8.8/", [false, false, true, true]),
            ("http://[2606:4700::1]:8080/", [false, false, true, true]),
            // With inner addresses allowed, what the name means decides.
            ("http://example.com/", [false, true, true, true]),
            ("http://127.0.0.1:8080/", [false, true, false, true]),
        ];
        for (url, expected) in rows {
            let found = [NOTHING_ALLOWED, loopback, plain, both].map(|policy| check_url(url, policy).is_ok());
            assert_eq!(found, expected, "{url}");
        }
        assert_eq!(check_url("http://example.com/", NOTHING_ALLOWED), Err(AddressError::PlainHttp));
        let [inner, outer] = ["127.0.0.1", "8.8.8.8"].map(|text| text.parse().unwrap());
        assert_eq!(check_plain(&[inner], loopback), Ok(()));
        for addresses in [&[outer][..], &[inner, outer], &[]] {
            assert_eq!(check_plain(addresses, loopback), Err(AddressError::PlainHttp), "{addresses:?}");
            assert_eq!(check_plain(addresses, both), Ok(()), "{addresses:?}");
        }
    }

    #[test]
    fn exceptions_allow_what_they_say_and_no_more() {
        let loopback = AddressPolicy { allow_loopback: true, ..NOTHING_ALLOWED };
        let private = AddressPolicy { allow_private_addresses: true, ..NOTHING_ALLOWED };
        let rows = [
            ("127.0.0.1", true, false),
            ("[::1]", true, false),
            ("[::ffff:127.0.0.1]", true, false),
            ("10.0.0.1", false, true),
            ("192.168.1.1", false, true),
            ("[fd12::1]", false, true),
            ("169.254.169.254", false, false),
            ("100.100.100.200", false, false),
            ("[fd00:ec2::254]", false, false),
            ("[fd00:ec2::23]", false, false),
            ("0.0.0.0", false, false),
            ("[fe80::1]", false, false),
        ];
        for (host, with_loopback, with_private) in rows {
            let url = format!("http://{host}:8080/");
            assert_eq!(check_url(&url, loopback).is_ok(), with_loopback, "{host} with loopback");
            assert_eq!(check_url(&url, private).is_ok(), with_private, "{host} with private networks");
        }
    }
}
