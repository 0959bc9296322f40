//! Every network at both its ends and just beyond them, and the clothes an IPv4 address may come in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The first and the last address of each private network of IPv4, written a second time on purpose.
const PRIVATE: &[(&str, &str)] = &[
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "255.255.255.255"),
];

fn is_within(address: Ipv4Addr) -> bool {
    let ends = PRIVATE.iter().map(|(first, last)| (first.parse().unwrap(), last.parse().unwrap()));
    ends.into_iter().any(|(first, last): (Ipv4Addr, Ipv4Addr)| (first..=last).contains(&address))
}

#[test]
fn a_private_network_reaches_from_its_first_address_to_its_last() {
    for (first, last) in PRIVATE {
        let ends: [Ipv4Addr; 2] = [first.parse().unwrap(), last.parse().unwrap()];
        assert!(ends.iter().all(|end| is_private(IpAddr::V4(*end))), "{first} to {last}");
        let before = ends[0].to_bits().checked_sub(1).map(Ipv4Addr::from_bits);
        let after = ends[1].to_bits().checked_add(1).map(Ipv4Addr::from_bits);
        for beyond in before.into_iter().chain(after) {
            assert_eq!(is_private(IpAddr::V4(beyond)), is_within(beyond), "{beyond}");
        }
    }
}

#[test]
fn what_is_public_and_what_is_not() {
    let private = [
        "::",
        "::1",
        "::7f00:1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "3fff::1",
        "5f00::1",
        "64:ff9b:1::1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::ffff:169.254.169.254",
        "64:ff9b::192.168.0.1",
    ];
    let public = ["1.1.1.1", "52.89.214.238", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"];
    private.iter().for_each(|text| assert!(is_private(address(text)), "{text}"));
    public.iter().for_each(|text| assert!(!is_private(address(text)), "{text}"));
}

#[test]
fn where_clouds_keep_credentials() {
    let kept = [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
    ];
    kept.iter().for_each(|text| assert!(is_metadata(address(text)), "{text}"));
    let others = ["127.0.0.1", "10.0.0.1", "100.100.100.201", "168.63.129.17", "fd00::1", "::1", "1.1.1.1"];
    others.iter().for_each(|text| assert!(!is_metadata(address(text)), "{text}"));
}

#[test]
fn a_network_is_read_as_people_write_it() {
    let shown = |text: &str| text.parse::<Network>().map(|network| network.to_string());
    for (text, read) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1/32", "10.0.0.1"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("FD00::/8", "fd00::/8"),
        ("::1", "::1"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
    ] {
        assert_eq!(shown(text).as_deref(), Ok(read), "{text}");
    }
    for text in [
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "::/129",
        "10.0.0",
        "a/8",
        "::ffff:10.0.0.0/95",
    ] {
        assert_eq!(shown(text), Err(NotANetwork), "{text}");
    }
}

proptest! {
    #[test]
    fn private_is_private_in_whatever_clothes(bits: u32) {
        let plain = Ipv4Addr::from_bits(bits);
        let translated = Ipv6Addr::from_bits(u128::from_be_bytes([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) | u128::from(bits));
        for dressed in [IpAddr::V4(plain), IpAddr::V6(plain.to_ipv6_mapped()), IpAddr::V6(translated)] {
            prop_assert_eq!(is_private(dressed), is_within(plain));
            prop_assert_eq!(is_metadata(dressed), is_metadata(IpAddr::V4(plain)));
        }
    }

    #[test]
    fn what_clouds_keep_on_the_link_is_private(bits: u16) {
        let [a, b] = bits.to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(169, 254, a, b));
        prop_assert!(is_private(address) && is_metadata(address));
    }

    #[test]
    fn a_network_holds_what_begins_alike(bits: u128, other: u128, prefix in 0_u8..=128) {
        // Such bits are an IPv4 address in other clothes once in many lives.
        let network = Network { base: IpAddr::V6(Ipv6Addr::from_bits(bits | 1 << 127)), prefix };
        let other = other | 1 << 127;
        let alike = (0..u32::from(prefix)).all(|bit| ((bits | 1 << 127) ^ other) >> (127 - bit) & 1 == 0);
        prop_assert_eq!(network.contains(IpAddr::V6(Ipv6Addr::from_bits(other))), alike);
        let read: Network = network.to_string().parse().unwrap();
        prop_assert_eq!(read, network);
    }
}
