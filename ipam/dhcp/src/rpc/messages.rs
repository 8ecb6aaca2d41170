//! The messages themselves: a call with its arguments, an answer with a result.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cni_core::spec::address::Cidr;
use cni_core::{AddResult, Dns, IpConfig, Route};

use super::definition::{ANSWER, CALL, Definition, NOTHING, RESULT, texts};
use super::reader::Value;
use super::writer::Structure;

/// What a plugin asks of the daemon: a method, and its own invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Chosen by the client, repeated in the answer.
    pub(crate) sequence: u64,
    pub(crate) container_id: String,
    pub(crate) netns: String,
    pub(crate) ifname: String,
    pub(crate) args: String,
    pub(crate) path: String,
    pub(crate) stdin: Vec<u8>,
}

/// What the daemon answers: nothing, a result, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Result(AddResult),
    Error(String),
}

impl Call {
    /// The whole stream of a connection with one call.
    pub(super) fn encode(&self) -> Vec<u8> {
        let [header, arguments] = &CALL;
        let header_value = header.value(|header| {
            header.bytes(0, self.method.as_bytes());
            header.uint(1, self.sequence);
        });
        let arguments_value = arguments.value(|fields| {
            let texts = [&self.container_id, &self.netns, &self.ifname, &self.args, &self.path];
            for (number, text) in texts.into_iter().enumerate() {
                fields.bytes(number, text.as_bytes());
            }
            fields.bytes(6, &self.stdin);
        });
        [header.message(), header_value, arguments.message(), arguments_value].concat()
    }

    pub(super) fn decode(mut header: Value, mut arguments: Value) -> Self {
        Self {
            method: header.text("ServiceMethod"),
            sequence: header.uint("Seq"),
            container_id: arguments.text("ContainerID"),
            netns: arguments.text("Netns"),
            ifname: arguments.text("IfName"),
            args: arguments.text("Args"),
            path: arguments.text("Path"),
            stdin: arguments.bytes("StdinData"),
        }
    }
}

/// Which types an answering stream has introduced; each is introduced once.
#[derive(Debug, Default)]
pub(super) struct Introduced {
    answer: bool,
    nothing: bool,
    result: bool,
}

impl Answer {
    /// The messages of an answer to this call.
    pub(super) fn encode(&self, call: (&str, u64), introduced: &mut Introduced) -> Vec<u8> {
        let mut out = Vec::new();
        let introduce = |introduced: &mut bool, definitions: &[Definition]| {
            let is_known = std::mem::replace(introduced, true);
            let unknown = if is_known { &[] } else { definitions };
            unknown.iter().flat_map(Definition::message).collect::<Vec<u8>>()
        };
        out.extend(introduce(&mut introduced.answer, &[ANSWER]));
        out.extend(ANSWER.value(|header| {
            header.bytes(0, call.0.as_bytes());
            header.uint(1, call.1);
            if let Self::Error(text) = self {
                header.bytes(2, text.as_bytes());
            }
        }));
        match self {
            Self::Result(result) => {
                out.extend(introduce(&mut introduced.result, &RESULT));
                out.extend(RESULT[0].value(|fields| encode_result(fields, result)));
            }
            Self::Done | Self::Error(_) => {
                out.extend(introduce(&mut introduced.nothing, &[NOTHING]));
                out.extend(NOTHING.value(|_| {}));
            }
        }
        out
    }

    pub(super) fn decode(mut header: Value, body: Value) -> Self {
        match header.text("Error") {
            error if !error.is_empty() => Self::Error(error),
            _ if matches!(&body, Value::Struct(fields) if fields.is_empty()) => Self::Done,
            _ => Self::Result(decode_result(body)),
        }
    }
}

fn encode_result(fields: &mut Structure<'_>, result: &AddResult) {
    fields.list(2, &result.ips, |out, ip| {
        let mut fields = Structure::new(out);
        encode_network(fields.field(1), ip.address);
        fields.bytes(2, &address_bytes(ip.gateway));
        fields.end();
    });
    fields.list(3, &result.routes, |out, route| {
        let mut fields = Structure::new(out);
        encode_network(fields.field(0), route.dst);
        fields.bytes(1, &address_bytes(route.gw));
        fields.int(2, route.mtu);
        fields.int(3, route.advmss);
        fields.int(4, route.priority);
        fields.int(5, route.table.unwrap_or_default());
        fields.int(6, route.scope.unwrap_or_default());
        fields.end();
    });
    let mut dns = Structure::new(fields.field(4));
    texts(&mut dns, 0, &result.dns.nameservers);
    dns.bytes(1, result.dns.domain.as_bytes());
    texts(&mut dns, 2, &result.dns.search);
    texts(&mut dns, 3, &result.dns.options);
    dns.end();
}

fn encode_network(out: &mut Vec<u8>, network: Option<Cidr>) {
    let mut fields = Structure::new(out);
    fields.bytes(0, &address_bytes(network.map(Cidr::ip)));
    fields.bytes(1, &address_bytes(network.map(|network| network.0.mask())));
    fields.end();
}

fn address_bytes(address: Option<IpAddr>) -> Vec<u8> {
    match address {
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets().to_vec(),
        None => Vec::new(),
    }
}

fn decode_result(mut body: Value) -> AddResult {
    let ip = |mut ip: Value| IpConfig {
        interface: ip.int("Interface"),
        address: ip.take("Address").and_then(decode_network),
        gateway: decode_address(&ip.bytes("Gateway")),
    };
    let route = |mut route: Value| Route {
        dst: route.take("Dst").and_then(decode_network),
        gw: decode_address(&route.bytes("GW")),
        mtu: route.int("MTU").unwrap_or_default(),
        advmss: route.int("AdvMSS").unwrap_or_default(),
        priority: route.int("Priority").unwrap_or_default(),
        table: route.int("Table"),
        scope: route.int("Scope"),
    };
    let dns = |mut dns: Value| Dns {
        nameservers: dns.texts("Nameservers"),
        domain: dns.text("Domain"),
        search: dns.texts("Search"),
        options: dns.texts("Options"),
    };
    AddResult {
        interfaces: Vec::new(),
        ips: body.list("IPs").into_iter().map(ip).collect(),
        routes: body.list("Routes").into_iter().map(route).collect(),
        dns: body.take("DNS").map(dns).unwrap_or_default(),
    }
}

/// An address with a mask; both may have 4 or 16 bytes, independently of each other.
fn decode_network(mut network: Value) -> Option<Cidr> {
    let address = decode_address(&network.bytes("IP"))?;
    let mask = network.bytes("Mask");
    let bits = |bytes: &[u8]| bytes.iter().map(|byte| byte.leading_ones()).sum::<u32>();
    let prefix = match (address, mask.len()) {
        (IpAddr::V4(_), 16) => bits(&mask[12..]),
        (IpAddr::V4(_), 4) | (IpAddr::V6(_), 16) => bits(&mask),
        _ => return None,
    };
    Some(Cidr::new(address, u8::try_from(prefix).ok()?))
}

fn decode_address(bytes: &[u8]) -> Option<IpAddr> {
    let four = |bytes| <[u8; 4]>::try_from(bytes).map(Ipv4Addr::from).map(IpAddr::V4);
    let sixteen = |bytes| <[u8; 16]>::try_from(bytes).map(Ipv6Addr::from).map(IpAddr::V6);
    four(bytes).or_else(|_| sixteen(bytes)).ok().map(|address| address.to_canonical())
}
