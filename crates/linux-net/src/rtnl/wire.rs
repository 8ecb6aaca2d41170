//! The bytes of netlink: messages, attributes, and the numbers we read them by.

use std::net::IpAddr;

use nix::errno::Errno;

/// Length of `struct nlmsghdr`.
pub(crate) const HEADER_LEN: usize = 16;

/// Attribute numbers of `linux/netlink.h`, `linux/if_link.h`, `linux/if_addr.h`,
/// `linux/rtnetlink.h`, `linux/fib_rules.h`, `linux/if_bridge.h`, `linux/pkt_sched.h` and `linux/pkt_cls.h` that we
/// read, and messages that have no type yet.
pub(crate) mod number {
    pub(crate) const NLMSGERR_ATTR_MSG: u16 = 1;

    pub(crate) const IFLA_ADDRESS: u16 = 1;
    pub(crate) const IFLA_IFNAME: u16 = 3;
    pub(crate) const IFLA_MTU: u16 = 4;
    pub(crate) const IFLA_LINK: u16 = 5;
    pub(crate) const IFLA_MASTER: u16 = 10;
    pub(crate) const IFLA_TXQLEN: u16 = 13;
    pub(crate) const IFLA_OPERSTATE: u16 = 16;
    pub(crate) const IFLA_LINKINFO: u16 = 18;
    pub(crate) const IFLA_IFALIAS: u16 = 20;
    pub(crate) const IFLA_AF_SPEC: u16 = 26;
    pub(crate) const IFLA_PROMISCUITY: u16 = 30;
    pub(crate) const IFLA_LINK_NETNSID: u16 = 37;
    pub(crate) const IFLA_ALT_IFNAME: u16 = 53;
    pub(crate) const IFLA_INET6_FLAGS: u16 = 1;
    pub(crate) const IFLA_INFO_KIND: u16 = 1;
    pub(crate) const IFLA_INFO_DATA: u16 = 2;
    pub(crate) const IFLA_BR_VLAN_FILTERING: u16 = 7;
    pub(crate) const IFLA_MACVLAN_MODE: u16 = 1;
    pub(crate) const IFLA_IPVLAN_MODE: u16 = 1;
    pub(crate) const IFLA_VLAN_ID: u16 = 1;
    pub(crate) const IFLA_VRF_TABLE: u16 = 1;
    pub(crate) const IFLA_BRIDGE_VLAN_INFO: u16 = 2;

    pub(crate) const IFA_ADDRESS: u16 = 1;
    pub(crate) const IFA_LOCAL: u16 = 2;
    pub(crate) const IFA_FLAGS: u16 = 8;

    pub(crate) const RTA_DST: u16 = 1;
    pub(crate) const RTA_OIF: u16 = 4;
    pub(crate) const RTA_GATEWAY: u16 = 5;
    pub(crate) const RTA_PRIORITY: u16 = 6;
    pub(crate) const RTA_PREFSRC: u16 = 7;
    pub(crate) const RTA_METRICS: u16 = 8;
    pub(crate) const RTA_MULTIPATH: u16 = 9;
    pub(crate) const RTA_CACHEINFO: u16 = 12;
    pub(crate) const RTA_TABLE: u16 = 15;
    pub(crate) const RTA_NH_ID: u16 = 30;
    pub(crate) const RTAX_MTU: u16 = 2;
    pub(crate) const RTAX_ADVMSS: u16 = 8;

    pub(crate) const TCA_OPTIONS: u16 = 2;
    pub(crate) const TCA_TBF_PARMS: u16 = 1;
    pub(crate) const TCA_TBF_RATE64: u16 = 4;
    pub(crate) const TCA_U32_ACT: u16 = 7;
    pub(crate) const TCA_ACT_OPTIONS: u16 = 2;
    pub(crate) const TCA_MIRRED_PARMS: u16 = 2;

    pub(crate) const FRA_SRC: u16 = 2;
    pub(crate) const FRA_PRIORITY: u16 = 6;
    pub(crate) const FRA_SUPPRESS_PREFIXLEN: u16 = 14;
    pub(crate) const FRA_TABLE: u16 = 15;
    pub(crate) const FRA_PROTOCOL: u16 = 21;

    pub(crate) const RTM_GETVLAN: u16 = 114;
    pub(crate) const BRIDGE_VLANDB_ENTRY: u16 = 1;
    pub(crate) const BRIDGE_VLANDB_ENTRY_INFO: u16 = 1;
    pub(crate) const BRIDGE_VLANDB_ENTRY_RANGE: u16 = 2;
}

/// Reads two bytes in the host's order at `offset`.
pub(crate) fn read_u16(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(offset..offset + 2)?.try_into().ok()?))
}

/// Reads four bytes in the host's order at `offset`.
pub(crate) fn read_u32(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}

/// Reads eight bytes in the host's order at `offset`.
pub(crate) fn read_u64(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(offset..offset + 8)?.try_into().ok()?))
}

/// Returns the text before the NUL, or nothing when it is no UTF-8.
pub(crate) fn read_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()
}

/// Reads an IPv4 or IPv6 address, told apart by the length.
pub(crate) fn read_ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => None,
    }
}

/// Attributes one after the other: number and value, without the flags `NLA_F_*`.
///
/// Ends at the first one that does not fit.
pub(crate) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// Reads the attributes that follow a message's fixed part of `fixed` bytes.
    pub(crate) fn after(body: &'a [u8], fixed: usize) -> Self {
        Self(body.get(fixed..).unwrap_or_default())
    }

    /// Reads attributes nested in another's value.
    pub(crate) fn within(value: &'a [u8]) -> Self {
        Self(value)
    }

    /// Returns the value of the first one with this number.
    pub(crate) fn value_of(mut self, wanted: u16) -> Option<&'a [u8]> {
        self.find(|(number, _)| *number == wanted).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let len = usize::from(read_u16(self.0, 0)?);
        let number = read_u16(self.0, 2)? & libc::NLA_TYPE_MASK as u16;
        let value = self.0.get(4..len)?;
        self.0 = self.0.get(align(len)..).unwrap_or_default();
        Some((number, value))
    }
}

/// One message of a datagram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    /// What follows the header.
    pub(crate) body: &'a [u8],
}

impl Message<'_> {
    /// Tells whether the message reports how a request ended.
    pub(crate) fn is_verdict(&self) -> bool {
        let kind = i32::from(self.kind);
        kind == libc::NLMSG_ERROR || kind == libc::NLMSG_DONE
    }

    /// Reads the verdict: success, or the error number and the kernel's explanation.
    pub(crate) fn verdict(&self) -> Result<(), (Errno, Option<String>)> {
        let code = read_u32(self.body, 0).map_or(0, |code| code as i32);
        if code == 0 {
            return Ok(());
        }
        // An error quotes the refused request, of which NETLINK_CAP_ACK leaves the header.
        let quoted = match i32::from(self.kind) {
            libc::NLMSG_DONE => 0,
            _ if i32::from(self.flags) & libc::NLM_F_CAPPED != 0 => HEADER_LEN,
            _ => read_u32(self.body, 4).map_or(HEADER_LEN, |len| align(len as usize)),
        };
        let has_explanation = i32::from(self.flags) & libc::NLM_F_ACK_TLVS != 0;
        let explanation = Attributes::after(self.body, 4 + quoted)
            .find(|(number, _)| has_explanation && *number == number::NLMSGERR_ATTR_MSG)
            .and_then(|(_, text)| read_text(text))
            .map(str::to_owned);
        Err((Errno::from_raw(-code), explanation))
    }
}

/// The messages of a datagram.
pub(crate) struct Messages<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let len = read_u32(self.0, 0)? as usize;
        let message = Message {
            kind: read_u16(self.0, 4)?,
            flags: read_u16(self.0, 6)?,
            sequence: read_u32(self.0, 8)?,
            body: self.0.get(HEADER_LEN..len)?,
        };
        self.0 = self.0.get(align(len)..).unwrap_or_default();
        Some(message)
    }
}

/// Appends an attribute to a message.
pub(crate) fn push(message: &mut Vec<u8>, number: u16, value: &[u8]) {
    message.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
    message.extend_from_slice(&number.to_ne_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// Rounds up to the four bytes that messages and attributes are aligned to.
fn align(len: usize) -> usize {
    len.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_end_at_one_that_does_not_fit() {
        let mut bytes = vec![5, 0, 1, 0x80, b'x', 0, 0, 0];
        bytes.extend([9, 0, 2, 0, 1, 2]);
        let read: Vec<_> = Attributes::within(&bytes).collect();
        assert_eq!(read, [(1, b"x".as_slice())]);
        assert_eq!(Attributes::after(&bytes, 100).count(), 0);
    }

    #[test]
    fn an_attribute_shorter_than_its_header_ends_the_list() {
        assert_eq!(Attributes::within(&[0, 0, 1, 0, 0, 0, 0, 0]).count(), 0);
    }

    #[test]
    fn a_verdict_carries_the_kernels_words() {
        let mut body = Vec::from((-17_i32).to_ne_bytes());
        body.extend([0; HEADER_LEN]);
        body.extend([9, 0, 1, 0]);
        body.extend(b"gone\0");
        let flags = (libc::NLM_F_CAPPED | libc::NLM_F_ACK_TLVS) as u16;
        let message = Message { kind: 2, flags, sequence: 1, body: &body };
        assert!(message.is_verdict());
        assert_eq!(message.verdict(), Err((Errno::EEXIST, Some("gone".to_owned()))));
    }
}
