//! Conditions and actions of a rule, and the kernel expressions they consist of.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::abi::{bitwise, cmp, data, expression, immediate, meta, payload};
use super::message::Message;
use super::table::Family;

/// One condition or action of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Compares an address of the packet with a network (host bits are ignored).
    Address(AddressSide, Comparison, IpNetwork),
    /// Requires the interface of this name, at most 15 bytes, that the packet came in through.
    InputInterface(String),
    /// Requires this sender in the Ethernet header.
    EtherSource([u8; 6]),
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
                let mut value = [0; libc::IFNAMSIZ];
                value[..name.len()].copy_from_slice(name.as_bytes());
                write_cmp(message, Comparison::Equal, &value);
            }
            Statement::EtherSource(mac) => {
                write_payload(message, libc::NFT_PAYLOAD_LL_HEADER, 6, 6);
                write_cmp(message, Comparison::Equal, mac);
            }
            Statement::Masquerade => write_expression(message, "masq", |_| {}),
            Statement::Verdict(verdict) => write_verdict(message, verdict),
        }
    }
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
