//! Packets of ARP about IPv4 on Ethernet (RFC 826), as far as they tell who has an address.

use std::net::Ipv4Addr;

use linux_net::Mac;

/// Ethernet, IPv4, and the lengths of their addresses.
const ETHERNET_AND_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: [u8; 2] = [0, 1];

/// Where things are in a packet.
const OPERATION: usize = 6;
const SENDER_MAC: usize = 8;
const SENDER: usize = 14;
const TARGET: usize = 24;

/// Asks who has an address, without saying that we have one: so nobody learns a wrong one.
pub(crate) fn probe(hardware: &[u8], address: Ipv4Addr) -> Vec<u8> {
    let nothing = [0; 4 + 6];
    [&ETHERNET_AND_IPV4[..], &REQUEST, hardware, &nothing, &address.octets()].concat()
}

/// The machine that has an address by this packet, or looks for it in order to use it as we do (RFC
/// 5227 section 2.1.1).
pub(crate) fn rival(packet: &[u8], own: &[u8], address: Ipv4Addr) -> Option<Mac> {
    let field = |at: usize, len: usize| packet.get(at..at + len);
    if field(0, OPERATION)? != ETHERNET_AND_IPV4 {
        return None;
    }
    let (sender, target) = (field(SENDER, 4)?, field(TARGET, 4)?);
    let is_probe = field(OPERATION, 2)? == REQUEST && sender == Ipv4Addr::UNSPECIFIED.octets();
    let claims = sender == address.octets() || (is_probe && target == address.octets());
    let mac = field(SENDER_MAC, 6)?;
    (claims && mac != own).then(|| Mac::from_bytes(mac)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 5);

    /// What the owner of an address answers.
    fn reply(from: [u8; 6], sender: Ipv4Addr) -> Vec<u8> {
        let head = [&ETHERNET_AND_IPV4[..], &[0, 2], &from, &sender.octets()].concat();
        [&head[..], &OWN, &[0; 4], &[0; 18]].concat()
    }

    #[test]
    fn a_probe_is_what_the_standard_says() {
        let expected = [
            &[0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0][..],
            &[0, 0, 0, 0, 0, 0, 192, 168, 1, 5],
        ];
        assert_eq!(probe(&OWN, ADDRESS), expected.concat());
    }

    #[test]
    fn who_has_the_address_or_looks_for_it_is_a_rival() {
        let met = |packet: &[u8]| rival(packet, &OWN, ADDRESS).map(|mac| mac.as_bytes().to_vec());
        let other = Some(OTHER.to_vec());
        assert_eq!(met(&reply(OTHER, ADDRESS)), other);
        assert_eq!(met(&probe(&OTHER, ADDRESS)), other);
        assert_eq!(met(&reply(OWN, ADDRESS)), None);
        assert_eq!(met(&probe(&OWN, ADDRESS)), None);
        let neighbour = Ipv4Addr::new(192, 168, 1, 6);
        assert_eq!(met(&reply(OTHER, neighbour)), None);
        let mut question = probe(&OTHER, ADDRESS);
        question[SENDER..SENDER + 4].copy_from_slice(&neighbour.octets());
        assert_eq!(met(&question), None, "it only looks for who has it");
        assert_eq!(met(&reply(OTHER, ADDRESS)[..27]), None);
        let mut other_hardware = reply(OTHER, ADDRESS);
        other_hardware[1] = 6;
        assert_eq!(met(&other_hardware), None);
    }
}
