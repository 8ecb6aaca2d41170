//! Tracked connections (`NETLINK_NETFILTER`, `linux/netfilter/nfnetlink_conntrack.h`).

use std::net::IpAddr;

use nix::errno::Errno;

use crate::rtnl::socket::Socket;
use crate::rtnl::wire::{Attributes, HEADER_LEN, Message, Messages};
use crate::{Error, Family, Result};

/// Flows of UDP by where their first packet was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UdpFlows {
    /// Which addresses they have.
    pub family: Family,
    /// The address they were sent to; none: any.
    pub receiver: Option<IpAddr>,
    /// The port they were sent to.
    pub port: u16,
}

/// Forgets flows, so that the rules decide anew about their next packets.
///
/// A kernel that does not tell about flows is left alone.
///
/// # Errors
///
/// The first refusal; the flows behind it are not tried.
pub fn forget(flows: &[UdpFlows]) -> Result<()> {
    let failed = |errno| Error::new("forget", "tracked flows", errno);
    if flows.is_empty() {
        return Ok(());
    }
    fault_point::effect("forget tracked flows").map_err(|_| failed(Errno::EIO))?;
    let socket = Socket::open_netfilter().map_err(failed)?;
    for flows in flows {
        let outcome = match flows {
            // Kernels up to 6.18 take the filter's IPv6 address for the one that may not be.
            UdpFlows { receiver: Some(IpAddr::V6(_)), .. } => flows.forget_listed(&socket),
            _ => flows.forget_filtered(&socket).or_else(|errno| match errno {
                // Kernels like 6.1 filter what they list, but not what they delete.
                Errno::EINVAL => flows.forget_listed(&socket),
                errno => Err(errno),
            }),
        };
        match outcome {
            // Nothing answers in this subsystem.
            Err(Errno::EINVAL | Errno::EOPNOTSUPP) | Ok(()) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
    Ok(())
}

/// Messages of the subsystem (`IPCTNL_MSG_CT_*`).
const NEW: u16 = message(0);
const GET: u16 = message(1);
const DELETE: u16 = message(2);

/// Length of `struct nfgenmsg`.
const FIXED_LEN: usize = 4;

/// Room for one piece of a listing in bytes: the kernel puts no more into one.
const ROOM: usize = 32 * 1024;

/// Attribute numbers of `linux/netfilter/nfnetlink_conntrack.h`.
mod number {
    pub(super) const CTA_TUPLE_ORIG: u16 = 1;
    pub(super) const CTA_ID: u16 = 12;
    pub(super) const CTA_ZONE: u16 = 18;
    pub(super) const CTA_FILTER: u16 = 25;
    pub(super) const CTA_FILTER_ORIG_FLAGS: u16 = 1;
    pub(super) const CTA_FILTER_REPLY_FLAGS: u16 = 2;
    pub(super) const CTA_TUPLE_IP: u16 = 1;
    pub(super) const CTA_TUPLE_PROTO: u16 = 2;
    pub(super) const CTA_IP_V4_DST: u16 = 2;
    pub(super) const CTA_IP_V6_DST: u16 = 4;
    pub(super) const CTA_PROTO_NUM: u16 = 1;
    pub(super) const CTA_PROTO_DST_PORT: u16 = 3;
}

/// What a filter compares (`CTA_FILTER_F_*` of `nf_conntrack_netlink.c`).
const FILTER_RECEIVER: u32 = 1 << 1;
const FILTER_PROTOCOL: u32 = 1 << 3;
const FILTER_PORT: u32 = 1 << 5;

impl UdpFlows {
    /// Lets the kernel choose and delete.
    fn forget_filtered(&self, socket: &Socket) -> nix::Result<()> {
        socket.send(&request(DELETE, libc::NLM_F_ACK, self.family, &self.filter()))?;
        let mut buffer = vec![0; ROOM];
        match Messages(socket.receive(&mut buffer)?).next() {
            Some(message) => verdict(&message),
            None => Err(Errno::EBADMSG),
        }
    }

    /// Lists, and deletes one by one.
    fn forget_listed(&self, socket: &Socket) -> nix::Result<()> {
        for flow in self.list(socket)? {
            socket.send(&request(DELETE, libc::NLM_F_ACK, self.family, &flow))?;
            let mut buffer = [0; 1024];
            for message in Messages(socket.receive(&mut buffer)?) {
                match verdict(&message) {
                    // It has ended meanwhile.
                    Ok(()) | Err(Errno::ENOENT) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
        Ok(())
    }

    /// The attributes that name each of the flows.
    fn list(&self, socket: &Socket) -> nix::Result<Vec<Vec<u8>>> {
        socket.send(&request(GET, libc::NLM_F_DUMP, self.family, &self.filter()))?;
        let mut flows = Vec::new();
        let mut buffer = vec![0; ROOM];
        loop {
            for message in Messages(socket.receive(&mut buffer)?) {
                if message.is_verdict() {
                    return verdict(&message).map(|()| flows);
                }
                if message.kind == NEW {
                    // Kernels before 5.8 list everything, and none of them filters IPv6 addresses.
                    flows.extend(self.name_if_included(message.body));
                }
            }
        }
    }

    /// What names a listed flow, if it is one of these.
    fn name_if_included(&self, body: &[u8]) -> Option<Vec<u8>> {
        let value = |value, wanted| Attributes::within(value).value_of(wanted);
        let tuple = value(body.get(FIXED_LEN..)?, number::CTA_TUPLE_ORIG)?;
        let protocol = value(tuple, number::CTA_TUPLE_PROTO)?;
        let is_udp = value(protocol, number::CTA_PROTO_NUM)? == [libc::IPPROTO_UDP as u8];
        let has_port = value(protocol, number::CTA_PROTO_DST_PORT)? == self.port.to_be_bytes();
        let has_receiver = match self.receiver() {
            Some((number, octets)) => {
                value(value(tuple, number::CTA_TUPLE_IP)?, number)? == octets.as_slice()
            }
            None => true,
        };
        let is_name = |number: &u16| {
            [number::CTA_TUPLE_ORIG, number::CTA_ID, number::CTA_ZONE].contains(number)
        };
        (is_udp && has_port && has_receiver).then(|| {
            Attributes::after(body, FIXED_LEN)
                .filter(|(number, _)| is_name(number))
                .flat_map(|(number, value)| match number {
                    number::CTA_TUPLE_ORIG => nested(number, value),
                    _ => attribute(number, value),
                })
                .collect()
        })
    }

    /// A tuple with only what is compared, and the filter that says so.
    fn filter(&self) -> Vec<u8> {
        let mut flags = FILTER_PROTOCOL | FILTER_PORT;
        let mut tuple = Vec::new();
        if let Some((number @ number::CTA_IP_V4_DST, octets)) = self.receiver() {
            flags |= FILTER_RECEIVER;
            tuple.extend(nested(number::CTA_TUPLE_IP, &attribute(number, &octets)));
        }
        let protocol = [
            attribute(number::CTA_PROTO_NUM, &[libc::IPPROTO_UDP as u8]),
            attribute(number::CTA_PROTO_DST_PORT, &self.port.to_be_bytes()),
        ];
        tuple.extend(nested(number::CTA_TUPLE_PROTO, &protocol.concat()));
        let filter = [
            attribute(number::CTA_FILTER_ORIG_FLAGS, &flags.to_ne_bytes()),
            attribute(number::CTA_FILTER_REPLY_FLAGS, &0_u32.to_ne_bytes()),
        ];
        [nested(number::CTA_TUPLE_ORIG, &tuple), nested(number::CTA_FILTER, &filter.concat())]
            .concat()
    }

    /// The attribute of the receiver's address.
    fn receiver(&self) -> Option<(u16, Vec<u8>)> {
        Some(match self.receiver? {
            IpAddr::V4(address) => (number::CTA_IP_V4_DST, address.octets().to_vec()),
            IpAddr::V6(address) => (number::CTA_IP_V6_DST, address.octets().to_vec()),
        })
    }
}

const fn message(kind: i32) -> u16 {
    (libc::NFNL_SUBSYS_CTNETLINK << 8 | kind) as u16
}

fn request(kind: u16, flags: i32, family: Family, attributes: &[u8]) -> Vec<u8> {
    let length = (HEADER_LEN + FIXED_LEN + attributes.len()) as u32;
    let flags = (libc::NLM_F_REQUEST | flags) as u16;
    let mut bytes = Vec::from(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([family.number(), 0, 0, 0]);
    bytes.extend(attributes);
    bytes
}

fn attribute(number: u16, value: &[u8]) -> Vec<u8> {
    let length = 4 + value.len();
    let mut bytes = Vec::from((length as u16).to_ne_bytes());
    bytes.extend(number.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(length.next_multiple_of(4), 0);
    bytes
}

fn nested(number: u16, attributes: &[u8]) -> Vec<u8> {
    attribute(number | libc::NLA_F_NESTED as u16, attributes)
}

fn verdict(message: &Message<'_>) -> nix::Result<()> {
    message.verdict().map_err(|(errno, _)| errno)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make namespaces and flows to be tracked")]
mod tests {
    use std::fs;
    use std::net::UdpSocket;
    use std::process::Command;
    use std::thread;

    use nix::sched::{CloneFlags, unshare};

    use super::*;

    /// Runs a test where the flows of both families are tracked and a few exist.
    fn with_flows(test: impl FnOnce() + Send + 'static) {
        let thread = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("tests may make network namespaces");
            let script = "ip link set lo up && ip addr add 127.0.0.2/32 dev lo && nft '
                add table inet t
                add chain inet t c { type filter hook output priority 0; }
                add rule inet t c ct state new'";
            let status = Command::new("sh").args(["-c", script]).status();
            assert!(status.expect("a shell").success());
            for receiver in ["127.0.0.1:5300", "127.0.0.2:5300", "127.0.0.1:5301", "[::1]:5300"] {
                let any = if receiver.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
                let socket = UdpSocket::bind(any).expect("a socket");
                socket.send_to(b"x", receiver).expect("sent");
            }
            assert_eq!(tracked().len(), 4);
            test();
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }

    /// Receivers of what is tracked, sorted.
    fn tracked() -> Vec<String> {
        let table = fs::read_to_string("/proc/thread-self/net/nf_conntrack").expect("a table");
        let word = |line: &str, start: &str| {
            let found = line.split(' ').find_map(|word| word.strip_prefix(start));
            found.unwrap_or_default().to_owned()
        };
        let receiver = |line| format!("{} {}", word(line, "dst="), word(line, "dport="));
        let udp = table.lines().filter(|line| line.contains(" udp "));
        let mut receivers: Vec<String> = udp.map(receiver).collect();
        receivers.sort();
        receivers
    }

    fn flows(family: Family, receiver: Option<&str>, port: u16) -> UdpFlows {
        let receiver = receiver.map(|receiver| receiver.parse().expect("an address"));
        UdpFlows { family, receiver, port }
    }

    const IPV6: &str = "0000:0000:0000:0000:0000:0000:0000:0001 5300";

    #[test]
    fn flows_to_a_port_are_forgotten_and_no_others() {
        with_flows(|| {
            forget(&[flows(Family::V4, Some("127.0.0.2"), 5300)]).expect("forgotten");
            assert_eq!(tracked(), [IPV6, "127.0.0.1 5300", "127.0.0.1 5301"]);
            forget(&[flows(Family::V4, None, 5300)]).expect("forgotten");
            assert_eq!(tracked(), [IPV6, "127.0.0.1 5301"]);
            forget(&[flows(Family::V6, Some("::2"), 5300), flows(Family::V4, None, 1)])
                .expect("nothing");
            assert_eq!(tracked(), [IPV6, "127.0.0.1 5301"]);
            forget(&[flows(Family::V6, Some("::1"), 5300)]).expect("forgotten");
            assert_eq!(tracked(), ["127.0.0.1 5301"]);
        });
    }

    #[test]
    fn kernels_that_only_list_get_the_same_done() {
        with_flows(|| {
            let socket = Socket::open_netfilter().expect("a socket");
            let forget = |flows: UdpFlows| flows.forget_listed(&socket).expect("forgotten");
            forget(flows(Family::V4, Some("127.0.0.2"), 5300));
            assert_eq!(tracked(), [IPV6, "127.0.0.1 5300", "127.0.0.1 5301"]);
            forget(flows(Family::V4, None, 5300));
            forget(flows(Family::V6, None, 5300));
            assert_eq!(tracked(), ["127.0.0.1 5301"]);
        });
    }

    #[test]
    fn a_listing_that_was_not_filtered_is_filtered_here() {
        let protocol = [attribute(1, &[17]), attribute(3, &5300_u16.to_be_bytes())].concat();
        let address = attribute(2, &[127, 0, 0, 1]);
        let tuple = nested(1, &[nested(1, &address), nested(2, &protocol)].concat());
        let name = [tuple, attribute(12, &[0, 0, 0, 7]), attribute(18, &[0, 1])].concat();
        let body = [vec![0; FIXED_LEN], name.clone(), attribute(8, &[0; 4])].concat();
        let name_of = |flows: UdpFlows| flows.name_if_included(&body);
        assert_eq!(name_of(flows(Family::V4, None, 5300)), Some(name.clone()));
        assert_eq!(name_of(flows(Family::V4, Some("127.0.0.1"), 5300)), Some(name));
        assert_eq!(name_of(flows(Family::V4, Some("127.0.0.2"), 5300)), None);
        assert_eq!(name_of(flows(Family::V4, None, 5301)), None);
    }
}
