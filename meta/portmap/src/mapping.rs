//! One port of the host that leads to a port of the container.

use std::fmt;
use std::net::IpAddr;

use cni_core::spec::address::parse_ip;
use cni_core::{Error, Result, quote};
use netfilter::iptables::Protocol;
use netfilter::nft::Transport;

use crate::conf::PortMapping;

/// An element of `portMappings`, typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) host_port: u16,
    pub(crate) container_port: u16,
    pub(crate) transport: Transport,
    /// As written; see [`Mapping::receiver`].
    host_ip: Option<IpAddr>,
}

impl Mapping {
    /// Reads an element.
    ///
    /// # Errors
    ///
    /// The reference's texts for ports that are none; for the rest the key and the value.
    pub(crate) fn read(written: &PortMapping) -> Result<Self> {
        let container_port = port(written.container_port)
            .ok_or_else(|| refused("container port number", written.container_port))?;
        let host_port = port(written.host_port)
            .ok_or_else(|| refused("host port number", written.host_port))?;
        let transport = Transport::ALL
            .into_iter()
            .find(|transport| transport.name().eq_ignore_ascii_case(&written.protocol))
            .ok_or_else(|| {
                let names = Transport::ALL.map(Transport::name).join(", ");
                let protocol = quote(&written.protocol);
                Error::internal(format!(
                    "invalid protocol {protocol} for host port {host_port}: it is one of {names}"
                ))
            })?;
        let host_ip = match written.host_ip.as_str() {
            "" => None,
            text => Some(parse_ip(text).map_err(|cause| {
                Error::internal(format!("invalid hostIP for host port {host_port}: {cause}"))
            })?),
        };
        Ok(Self { host_port, container_port, transport, host_ip })
    }

    /// Whether packets of this protocol can be meant.
    pub(crate) fn is_for(&self, protocol: Protocol) -> bool {
        self.host_ip.is_none_or(|address| protocol.has(&address))
    }

    /// The address of the host that packets must be sent to; none: any of them.
    pub(crate) fn receiver(&self) -> Option<IpAddr> {
        self.host_ip.filter(|address| !address.is_unspecified())
    }
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host_port, self.transport.name())
    }
}

fn port(number: i64) -> Option<u16> {
    u16::try_from(number).ok().filter(|port| *port != 0)
}

fn refused(what: &str, number: i64) -> Error {
    Error::internal(format!("Invalid {what}: {number}"))
}
