//! Conditions and actions of a rule, and the kernel expressions they consist of.

use std::net::{IpAddr, SocketAddr};

use ipnetwork::IpNetwork;

use super::abi::{
    bitwise, cmp, ct, data, expression, fib, immediate, meta, nat, payload, xt_match,
};
use super::message::Message;
use super::table::Family;
use super::xt_match::{ESTABLISHED_OR_RELATED, XtMatch};

/// One condition or action of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Compares an address of the packet with a network (host bits are ignored).
    Address(AddressSide, Comparison, IpNetwork),
    /// Requires the interface of this name, at most 15 bytes, that the packet came in through.
    InputInterface(String),
    /// Compares the name, at most 15 bytes, of the interface that the packet leaves through.
    OutputInterface(Comparison, String),
    /// Requires a packet of a connection that has been answered, or one that belongs to such.
    EstablishedOrRelated,
    /// Requires what an extension of iptables requires.
    Xt(XtMatch),
    /// Counts packets and bytes.
    Counter,
    /// Requires this sender in the Ethernet header.
    EtherSource([u8; 6]),
    /// Requires a receiver that is one of the host's own addresses.
    LocalDestination,
    /// Requires this protocol and the receiver's port.
    DestinationPort(Transport, u16),
    /// Replaces the receiver's address and port; only in a table of the address's family.
    Dnat(SocketAddr),
    /// Replaces the source address by that of the outgoing interface.
    Masquerade,
    /// Decides where the packet goes next.
    Verdict(Verdict),
}

/// Which of a packet's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressSide {
    /// The sender's.
    Source,
    /// The receiver's.
    Destination,
}

/// A protocol that has ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// DCCP.
    Dccp,
    /// SCTP.
    Sctp,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// UDP-Lite.
    Udplite,
}

impl Transport {
    /// All of them, by name.
    pub const ALL: [Transport; 5] =
        [Transport::Dccp, Transport::Sctp, Transport::Tcp, Transport::Udp, Transport::Udplite];

    /// The name for `nft` and `iptables`.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Dccp => "dccp",
            Transport::Sctp => "sctp",
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Udplite => "udplite",
        }
    }

    /// The number in the IP header.
    fn number(self) -> u8 {
        let number = match self {
            Transport::Dccp => libc::IPPROTO_DCCP,
            Transport::Sctp => libc::IPPROTO_SCTP,
            Transport::Tcp => libc::IPPROTO_TCP,
            Transport::Udp => libc::IPPROTO_UDP,
            Transport::Udplite => libc::IPPROTO_UDPLITE,
        };
        number as u8
    }
}

/// How two values must relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Different.
    NotEqual,
}

/// Where a packet goes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Out of this base chain and on to the next.
    Accept,
    /// Away.
    Drop,
    /// Back to the calling chain.
    Return,
    /// To another chain, and back after its end.
    Jump(String),
    /// To another chain, and not back.
    Goto(String),
}

/// Writes a rule's expressions, as `nft` does, into the open attribute `NFTA_RULE_EXPRESSIONS`.
pub(super) fn write_expressions(message: &mut Message, family: Family, statements: &[Statement]) {
    let mut protocol_known = false;
    for statement in statements {
        match statement {
            Statement::Address(side, comparison, network) => {
                // A table of both families must first ask which one the packet has.
                if family != Family::Ip && family != Family::Ip6 && !protocol_known {
                    protocol_known = true;
                    write_protocol(message, network);
                }
                write_address(message, *side, *comparison, network);
            }
            Statement::InputInterface(name) => {
                write_meta(message, libc::NFT_META_IIFNAME);
                write_cmp(message, Comparison::Equal, &interface_name(name));
            }
            Statement::OutputInterface(comparison, name) => {
                write_meta(message, libc::NFT_META_OIFNAME);
                write_cmp(message, *comparison, &interface_name(name));
            }
            Statement::EstablishedOrRelated => write_established_or_related(message),
            Statement::Xt(xt) => write_expression(message, "match", |message| {
                message.text(xt_match::NAME, xt.name);
                message.number(xt_match::REVISION, xt.revision);
                message.bytes(xt_match::INFO, &xt.info);
            }),
            Statement::Counter => write_expression(message, "counter", |_| {}),
            Statement::EtherSource(mac) => {
                write_payload(message, libc::NFT_PAYLOAD_LL_HEADER, 6, 6);
                write_cmp(message, Comparison::Equal, mac);
            }
            Statement::LocalDestination => write_local_destination(message),
            Statement::DestinationPort(transport, port) => {
                write_meta(message, libc::NFT_META_L4PROTO);
                write_cmp(message, Comparison::Equal, &[transport.number()]);
                write_payload(message, libc::NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
                write_cmp(message, Comparison::Equal, &port.to_be_bytes());
            }
            Statement::Dnat(target) => write_dnat(message, target),
            Statement::Masquerade => write_expression(message, "masq", |_| {}),
            Statement::Verdict(verdict) => write_verdict(message, verdict),
        }
    }
}

/// An interface's name as the kernel compares it.
fn interface_name(name: &str) -> [u8; libc::IFNAMSIZ] {
    let mut value = [0; libc::IFNAMSIZ];
    value[..name.len()].copy_from_slice(name.as_bytes());
    value
}

fn write_established_or_related(message: &mut Message) {
    write_expression(message, "ct", |message| {
        message.number(ct::KEY, libc::NFT_CT_STATE as u32);
        message.number(ct::DESTINATION, libc::NFT_REG_1 as u32);
    });
    write_mask(message, &u32::from(ESTABLISHED_OR_RELATED).to_ne_bytes());
    write_cmp(message, Comparison::NotEqual, &[0; 4]);
}

fn write_protocol(message: &mut Message, network: &IpNetwork) {
    let protocol = match network {
        IpNetwork::V4(_) => libc::NFPROTO_IPV4,
        IpNetwork::V6(_) => libc::NFPROTO_IPV6,
    };
    write_meta(message, libc::NFT_META_NFPROTO);
    write_cmp(message, Comparison::Equal, &[protocol as u8]);
}

/// Prefixes of whole bytes are compared without a mask, which is how `nft` recognises them.
fn write_address(
    message: &mut Message,
    side: AddressSide,
    comparison: Comparison,
    network: &IpNetwork,
) {
    // Offsets of struct iphdr and struct ipv6hdr.
    let offset = match (network, side) {
        (IpNetwork::V4(_), AddressSide::Source) => 12,
        (IpNetwork::V4(_), AddressSide::Destination) => 16,
        (IpNetwork::V6(_), AddressSide::Source) => 8,
        (IpNetwork::V6(_), AddressSide::Destination) => 24,
    };
    let value = octets(network.network());
    let prefix = usize::from(network.prefix());
    if prefix != 0 && prefix.is_multiple_of(8) {
        write_payload(message, libc::NFT_PAYLOAD_NETWORK_HEADER, offset, prefix / 8);
        return write_cmp(message, comparison, &value[..prefix / 8]);
    }
    write_payload(message, libc::NFT_PAYLOAD_NETWORK_HEADER, offset, value.len());
    write_mask(message, &octets(network.mask()));
    write_cmp(message, comparison, &value);
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn write_local_destination(message: &mut Message) {
    write_expression(message, "fib", |message| {
        message.number(fib::DESTINATION, libc::NFT_REG_1 as u32);
        message.number(fib::RESULT, fib::RESULT_ADDRESS_TYPE);
        message.number(fib::FLAGS, fib::FLAG_RECEIVER);
    });
    write_cmp(message, Comparison::Equal, &u32::from(libc::RTN_LOCAL).to_ne_bytes());
}

fn write_dnat(message: &mut Message, target: &SocketAddr) {
    let family = if target.is_ipv4() { Family::Ip } else { Family::Ip6 };
    write_immediate(message, libc::NFT_REG_1, &octets(target.ip()));
    write_immediate(message, libc::NFT_REG_2, &target.port().to_be_bytes());
    write_expression(message, "nat", |message| {
        message.number(nat::TYPE, nat::TYPE_DESTINATION);
        message.number(nat::FAMILY, u32::from(family.number()));
        message.number(nat::ADDRESS_MIN, libc::NFT_REG_1 as u32);
        message.number(nat::PORT_MIN, libc::NFT_REG_2 as u32);
        message.number(nat::FLAGS, nat::FLAGS_ADDRESS_AND_PORT);
    });
}

fn write_immediate(message: &mut Message, register: i32, value: &[u8]) {
    write_expression(message, "immediate", |message| {
        message.number(immediate::DESTINATION, register as u32);
        message.nested(immediate::DATA, |message| message.bytes(data::VALUE, value));
    });
}

fn write_meta(message: &mut Message, key: i32) {
    write_expression(message, "meta", |message| {
        message.number(meta::KEY, key as u32);
        message.number(meta::DESTINATION, libc::NFT_REG_1 as u32);
    });
}

fn write_payload(message: &mut Message, base: i32, offset: u32, length: usize) {
    write_expression(message, "payload", |message| {
        message.number(payload::DESTINATION, libc::NFT_REG_1 as u32);
        message.number(payload::BASE, base as u32);
        message.number(payload::OFFSET, offset);
        message.number(payload::LENGTH, length as u32);
    });
}

fn write_mask(message: &mut Message, mask: &[u8]) {
    write_expression(message, "bitwise", |message| {
        message.number(bitwise::SOURCE, libc::NFT_REG_1 as u32);
        message.number(bitwise::DESTINATION, libc::NFT_REG_1 as u32);
        message.number(bitwise::LENGTH, mask.len() as u32);
        message.nested(bitwise::MASK, |message| message.bytes(data::VALUE, mask));
        message.nested(bitwise::XOR, |message| message.bytes(data::VALUE, &vec![0; mask.len()]));
    });
}

fn write_cmp(message: &mut Message, comparison: Comparison, value: &[u8]) {
    let operation = match comparison {
        Comparison::Equal => libc::NFT_CMP_EQ,
        Comparison::NotEqual => libc::NFT_CMP_NEQ,
    };
    write_expression(message, "cmp", |message| {
        message.number(cmp::SOURCE, libc::NFT_REG_1 as u32);
        message.number(cmp::OPERATION, operation as u32);
        message.nested(cmp::DATA, |message| message.bytes(data::VALUE, value));
    });
}

fn write_verdict(message: &mut Message, verdict: &Verdict) {
    let (code, chain) = match verdict {
        Verdict::Accept => (libc::NF_ACCEPT, None),
        Verdict::Drop => (libc::NF_DROP, None),
        Verdict::Return => (libc::NFT_RETURN, None),
        Verdict::Jump(chain) => (libc::NFT_JUMP, Some(chain)),
        Verdict::Goto(chain) => (libc::NFT_GOTO, Some(chain)),
    };
    write_expression(message, "immediate", |message| {
        message.number(immediate::DESTINATION, libc::NFT_REG_VERDICT as u32);
        message.nested(immediate::DATA, |message| {
            message.nested(data::VERDICT, |message| {
                message.number(data::VERDICT_CODE, code as u32);
                if let Some(chain) = chain {
                    message.text(data::VERDICT_CHAIN, chain);
                }
            });
        });
    });
}

fn write_expression(message: &mut Message, name: &str, attributes: impl FnOnce(&mut Message)) {
    message.nested(expression::ELEMENT, |message| {
        message.text(expression::NAME, name);
        message.nested(expression::DATA, attributes);
    });
}
