//! The headers of IPv4 and UDP around a message (RFC 791, RFC 768).

use std::net::Ipv4Addr;

const CLIENT_PORT: u16 = 68;
const SERVER_PORT: u16 = 67;
const IP_LEN: usize = 20;
const UDP_LEN: usize = 8;
const UDP: u8 = 17;

/// The port that answers come to.
pub(crate) const PORT: u16 = CLIENT_PORT;

/// Puts a message to a server into a packet.
pub(crate) fn wrap(source: Ipv4Addr, target: Ipv4Addr, message: &[u8]) -> Vec<u8> {
    let udp_len = (UDP_LEN + message.len()) as u16;
    let mut packet = Vec::with_capacity(IP_LEN + usize::from(udp_len));
    packet.extend([0x45, 0]);
    packet.extend((IP_LEN as u16 + udp_len).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, UDP, 0, 0]);
    packet.extend(source.octets());
    packet.extend(target.octets());
    let checksum = !sum(&packet, 0);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());

    packet.extend(CLIENT_PORT.to_be_bytes());
    packet.extend(SERVER_PORT.to_be_bytes());
    packet.extend(udp_len.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend_from_slice(message);
    let checksum = match !udp_sum(&packet[12..20], &packet[IP_LEN..]) {
        // 0 would say that there is none.
        0 => u16::MAX,
        checksum => checksum,
    };
    packet[26..28].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// Takes the message out of a packet from a server; `None` when it is damaged or no such packet.
pub(crate) fn unwrap(packet: &[u8], has_checksum: bool) -> Option<&[u8]> {
    let header_len = usize::from(packet.first()? & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    let (header, rest) = packet.get(..total_len)?.split_at_checked(header_len)?;
    // More fragments follow, or this is a later one.
    let is_fragment = u16::from_be_bytes([*header.get(6)?, *header.get(7)?]) & 0x3fff != 0;
    if packet[0] >> 4 != 4 || header.len() < IP_LEN || header[9] != UDP || is_fragment {
        return None;
    }
    if sum(header, 0) != u16::MAX {
        return None;
    }
    let word = |at: usize| Some(u16::from_be_bytes([*rest.get(at)?, *rest.get(at + 1)?]));
    let datagram = rest.get(..usize::from(word(4)?))?;
    let message = datagram.get(UDP_LEN..)?;
    let is_sound = word(6)? == 0 || !has_checksum || udp_sum(&header[12..20], datagram) == u16::MAX;
    (word(2)? == CLIENT_PORT && is_sound).then_some(message)
}

/// The sum over a datagram and the pseudo header, of which `addresses` are the part that varies.
fn udp_sum(addresses: &[u8], datagram: &[u8]) -> u16 {
    let pseudo = sum(addresses, UDP.into());
    let pseudo = sum(&(datagram.len() as u16).to_be_bytes(), pseudo);
    sum(datagram, pseudo)
}

/// The sum of 16-bit words in ones' complement (RFC 1071), beginning with another.
fn sum(bytes: &[u8], first: u16) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum = u32::from(first) + bytes.chunks(2).map(word).sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server would have sent: the ports the other way round, which keeps the sum.
    fn answer(message: &[u8]) -> Vec<u8> {
        let mut packet = wrap(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::BROADCAST, message);
        packet[20..24].rotate_left(2);
        packet
    }

    #[test]
    fn what_is_wrapped_is_unwrapped() {
        for message in [&b""[..], b"odd", b"even"] {
            assert_eq!(unwrap(&answer(message), true), Some(message));
        }
        let padded = [answer(b"x"), vec![0; 30]].concat();
        assert_eq!(unwrap(&padded, true), Some(&b"x"[..]), "Ethernet pads short frames");
        assert_eq!(unwrap(&wrap(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, b"x"), true), None);
    }

    #[test]
    fn a_known_packet_has_the_known_checksums() {
        let packet = wrap(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, b"");
        assert_eq!(packet[10..12], [0x7a, 0xd2]);
    }

    #[test]
    fn damage_is_noticed_wherever_it_is() {
        let whole = answer(b"message");
        for position in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[position] ^= 0x10;
            assert_eq!(unwrap(&damaged, true), None, "{position}");
        }
    }

    #[test]
    fn a_checksum_that_was_left_to_hardware_is_not_verified() {
        let mut packet = answer(b"message");
        packet[26] ^= 0xff;
        assert_eq!(unwrap(&packet, true), None);
        assert_eq!(unwrap(&packet, false), Some(&b"message"[..]));
        packet[26..28].fill(0);
        assert_eq!(unwrap(&packet, true), Some(&b"message"[..]), "there is none");
    }

    #[test]
    fn what_is_cut_off_is_no_message() {
        let whole = answer(b"message");
        for len in 0..whole.len() {
            assert_eq!(unwrap(&whole[..len], true), None, "{len}");
        }
    }
}
