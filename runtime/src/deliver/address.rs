//! Which network addresses a server may call on a workspace's behalf.

/// Exceptions from the table of refused addresses. The default has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    /// This machine (`127.0.0.0/8`, `::1`): for development only.
    pub allow_loopback: bool,
    /// Private networks (RFC 1918, RFC 4193, RFC 6598) and link-local addresses.
    pub allow_private_addresses: bool,
}
