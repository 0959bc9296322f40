//! Networks of addresses: which are private, and where clouds keep what no message may fetch.
//!
//! Pure. Knows addresses, no names and no rules. Next file: [`super::host`], which knows names, too.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// All addresses with the same first bits: `10.0.0.0/8`; one address alone is a network, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

impl Network {
    const fn v4(base: [u8; 4], prefix: u8) -> Self {
        let [a, b, c, d] = base;
        Self { base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    /// By the first four groups of the address; the others are zero.
    const fn v6(base: [u16; 4], prefix: u8) -> Self {
        let [a, b, c, d] = base;
        Self { base: IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)), prefix }
    }

    /// Whether this address is in it. An IPv4 address in the clothes of IPv6 is an IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, undressed(address)) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differs = base.to_bits() ^ address.to_bits();
                differs.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differs = base.to_bits() ^ address.to_bits();
                differs.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }

    /// Whether it is one address alone.
    pub fn is_one_address(&self) -> bool {
        u32::from(self.prefix) == bits(self.base)
    }
}

/// No network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no address and no network such as `10.0.0.0/8`")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (base, prefix) = text.split_once('/').map_or((text, None), |(base, prefix)| (base, Some(prefix)));
        let base: IpAddr = base.parse().map_err(|_| NotANetwork)?;
        let is_number = |prefix: &&str| prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            None => bits(base),
            Some(prefix) => Some(prefix).filter(is_number).and_then(|prefix| prefix.parse().ok()).ok_or(NotANetwork)?,
        };
        let undressed = undressed(base);
        // What is said of the IPv6 clothes is not said of the address.
        let prefix = prefix.checked_sub(bits(base) - bits(undressed)).filter(|prefix| *prefix <= bits(undressed));
        let prefix = prefix.and_then(|prefix| u8::try_from(prefix).ok()).ok_or(NotANetwork)?;
        Ok(Self { base: undressed, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_one_address() {
            true => write!(f, "{}", self.base),
            false => write!(f, "{}/{}", self.base, self.prefix),
        }
    }
}

fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => Ipv4Addr::BITS,
        IpAddr::V6(_) => Ipv6Addr::BITS,
    }
}

/// The IPv4 address that is meant by `::ffff:10.0.0.1`, or by `64:ff9b::10.0.0.1` where a network translates (RFC 6052).
fn undressed(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    v6.to_ipv4_mapped().or_else(|| translated(v6)).map_or(address, IpAddr::V4)
}

fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() else { return None };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

/// What the registry of IPv4 keeps for something else than the public internet, with multicast and what was never given out,
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>.
const PRIVATE_V4: &[Network] = &[
    Network::v4([0, 0, 0, 0], 8),
    Network::v4([10, 0, 0, 0], 8),
    Network::v4([100, 64, 0, 0], 10),
    Network::v4([127, 0, 0, 0], 8),
    Network::v4([169, 254, 0, 0], 16),
    Network::v4([172, 16, 0, 0], 12),
    Network::v4([192, 0, 0, 0], 24),
    Network::v4([192, 0, 2, 0], 24),
    Network::v4([192, 88, 99, 0], 24),
    Network::v4([192, 168, 0, 0], 16),
    Network::v4([198, 18, 0, 0], 15),
    Network::v4([198, 51, 100, 0], 24),
    Network::v4([203, 0, 113, 0], 24),
    Network::v4([224, 0, 0, 0], 4),
    Network::v4([240, 0, 0, 0], 4),
];

/// The only part of IPv6 that is given out for the public internet.
const PUBLIC_V6: Network = Network::v6([0x2000, 0, 0, 0], 3);

/// What in it is kept for something else: protocols and tunnels (Teredo, 6to4), and examples,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const PRIVATE_V6: &[Network] = &[
    Network::v6([0x2001, 0, 0, 0], 23),
    Network::v6([0x2001, 0xdb8, 0, 0], 32),
    Network::v6([0x2002, 0, 0, 0], 16),
    Network::v6([0x3fff, 0, 0, 0], 20),
];

/// Whether an address is none of the public internet: private, of this machine or this link, shared by a provider, for
/// many, for nobody, for examples; in whatever clothes.
pub fn is_private(address: IpAddr) -> bool {
    let is_in = |networks: &[Network]| networks.iter().any(|network| network.contains(address));
    match undressed(address) {
        IpAddr::V4(_) => is_in(PRIVATE_V4),
        IpAddr::V6(_) => !PUBLIC_V6.contains(address) || is_in(PRIVATE_V6),
    }
}

/// Where clouds tell a machine, and whoever asks from it, its credentials. All that is on the link alone: AWS, Azure, Google
/// (169.254.169.254), tasks and pods of AWS (169.254.170.2, 169.254.170.23); and what of the kind is elsewhere.
const METADATA: &[Network] = &[
    Network::v4([169, 254, 0, 0], 16),
    Network::v6([0xfe80, 0, 0, 0], 10),
    // AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>.
    Network::v6([0xfd00, 0xec2, 0, 0], 32),
    // Google: <https://cloud.google.com/compute/docs/metadata/querying-metadata>.
    Network::v6([0xfd20, 0xce, 0, 0], 32),
    // Alibaba: <https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata>.
    Network::v4([100, 100, 100, 200], 32),
    // Azure: <https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16>.
    Network::v4([168, 63, 129, 16], 32),
    // Oracle's older cloud.
    Network::v4([192, 0, 0, 192], 32),
];

/// Whether an address is where clouds keep the credentials of their machines, in whatever clothes.
pub fn is_metadata(address: IpAddr) -> bool {
    METADATA.iter().any(|network| network.contains(address))
}

#[cfg(test)]
#[path = "tests/network.rs"]
mod tests;
