//! What we will therefore do: defaults applied, contradictions refused, every value typed.

use std::net::IpAddr;

use cni_core::{AddResult, Context, Error, Request, Result, quote};
use ipnetwork::IpNetwork;
use netfilter::Backend;
use netfilter::iptables::Protocol;

use crate::backend::read_conditions;
use crate::conf::Conf;
use crate::mapping::Mapping;

/// What one attachment needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) backend: Backend,
    pub(crate) source: Source,
    pub(crate) reject_conflicts: bool,
    pub(crate) mappings: Vec<Mapping>,
    /// At most one of each family.
    pub(crate) targets: Vec<Target>,
    /// The result of the plugin before; none when there is none.
    pub(crate) previous: Option<AddResult>,
}

/// A container's address of one family, and what leads to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) protocol: Protocol,
    pub(crate) container: IpNetwork,
    /// Further conditions in the words of the backend.
    pub(crate) conditions: Vec<String>,
}

/// What becomes of the sender's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// It stays (`snat` is off).
    Kept,
    /// Where the answer would not come back otherwise, it is replaced.
    Replaced { always: bool, mark: Mark },
}

/// How packets get marked for it with iptables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// With this bit, and chains of our own.
    Bits(u32),
    /// By a chain of the administrator's.
    By(String),
}

/// The bit with which packets are marked when nobody chooses one.
const DEFAULT_BIT: i64 = 13;
/// The longest name of a chain that iptables takes, in bytes.
const CHAIN_LENGTH: usize = 28;

impl Plan {
    /// Makes the plan. `probe` finds out which backend works here, when options make it matter.
    ///
    /// # Errors
    ///
    /// In the reference's order and words, where it has any.
    pub(crate) fn new(request: &Request<Conf>, probe: impl FnOnce() -> Backend) -> Result<Self> {
        let conf = &request.conf;
        let previous =
            request.network.prev_result().context(|| "could not parse prevResult".to_owned())?;
        let source = source(conf)?;
        let backend = backend(conf, probe)?;
        let mappings: Vec<_> =
            conf.runtime_config.port_mappings.iter().map(Mapping::read).collect::<Result<_>>()?;
        let ifname = &request.attachment.ifname;
        let targets = targets(conf, backend, previous.as_ref(), ifname)?;
        let reject_conflicts = conf.reject_conflicts;
        Ok(Self { backend, source, reject_conflicts, mappings, targets, previous })
    }
}

impl Target {
    /// The mappings that concern this family.
    pub(crate) fn applicable<'a>(
        &self,
        mappings: &'a [Mapping],
    ) -> impl Iterator<Item = &'a Mapping> {
        let protocol = self.protocol;
        mappings.iter().filter(move |mapping| mapping.is_for(protocol))
    }
}

fn source(conf: &Conf) -> Result<Source> {
    let external = conf.external_set_mark_chain.as_deref();
    if conf.mark_masq_bit.is_some() && external.is_some() {
        return Err(Error::internal("Cannot specify externalSetMarkChain and markMasqBit"));
    }
    let bit = conf.mark_masq_bit.unwrap_or(DEFAULT_BIT);
    let bits = u32::try_from(bit)
        .ok()
        .and_then(|bit| 1_u32.checked_shl(bit))
        .ok_or_else(|| Error::internal("MasqMarkBit must be between 0 and 31"))?;
    let mark = match external {
        Some(chain) => Mark::By(chain_name(chain)?),
        None => Mark::Bits(bits),
    };
    Ok(if conf.snat { Source::Replaced { always: conf.masq_all, mark } } else { Source::Kept })
}

/// A chain that a rule can name.
fn chain_name(chain: &str) -> Result<String> {
    let is_name = (1..=CHAIN_LENGTH).contains(&chain.len())
        && chain.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\'".contains(&byte))
        && !chain.starts_with(['-', '!']);
    match is_name {
        true => Ok(chain.to_owned()),
        false => Err(Error::internal(format!("externalSetMarkChain {} is no chain", quote(chain)))),
    }
}

fn backend(conf: &Conf, probe: impl FnOnce() -> Backend) -> Result<Backend> {
    let options = [
        ("externalSetMarkChain", conf.external_set_mark_chain.as_ref().map(|_| Syntax::Iptables)),
        ("conditionsV4", Syntax::of(&conf.conditions_v4)),
        ("conditionsV6", Syntax::of(&conf.conditions_v6)),
    ];
    let (name, backend) = match conf.backend.as_deref() {
        // Whichever works is right; ADD finds out by trying.
        None if options.iter().all(|(_, syntax)| syntax.is_none()) => {
            return Ok(Backend::Preferred);
        }
        None => match probe() {
            Backend::Nftables => ("nftables", Some(Backend::Nftables)),
            _ => ("iptables", Some(Backend::Iptables)),
        },
        Some("iptables") => ("iptables", Some(Backend::Iptables)),
        Some("nftables") => ("nftables", Some(Backend::Nftables)),
        Some(unknown) => (unknown, None),
    };
    let (other, other_name) = match backend {
        Some(Backend::Iptables) => (Syntax::Nftables, "nftables"),
        _ => (Syntax::Iptables, "iptables"),
    };
    let wrong: Vec<&str> = options
        .iter()
        .filter(|(_, syntax)| *syntax == Some(other))
        .map(|(option, _)| *option)
        .collect();
    if !wrong.is_empty() {
        let wrong = wrong.join(" ");
        return Err(Error::internal(format!(
            "{name} backend was requested but configuration contains {other_name}-specific \
             options [{wrong}]"
        )));
    }
    backend.ok_or_else(|| Error::internal(format!("unrecognized backend {}", quote(name))))
}

/// Whose words a list of conditions is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Iptables,
    Nftables,
}

impl Syntax {
    /// Tells by the first word; an empty one tells nothing.
    fn of(conditions: &[String]) -> Option<Self> {
        match conditions.first()?.as_bytes() {
            [] => None,
            [b'-' | b'!', ..] => Some(Self::Iptables),
            _ => Some(Self::Nftables),
        }
    }
}

/// The first address of each family that is the attachment's.
fn targets(
    conf: &Conf,
    backend: Backend,
    previous: Option<&AddResult>,
    ifname: &str,
) -> Result<Vec<Target>> {
    let mut targets: Vec<Target> = Vec::new();
    for ip in previous.into_iter().flat_map(|previous| &previous.ips) {
        let Some(address) = ip.address else { continue };
        let interfaces = previous.map_or(&[][..], |previous| &previous.interfaces);
        let listed = ip.interface.and_then(|index| interfaces.get(usize::try_from(index).ok()?));
        let is_own = listed.is_none_or(|i| i.name == ifname && !i.sandbox.is_empty());
        let container = canonical(address.0);
        let (protocol, key, conditions) = match container {
            IpNetwork::V4(_) => (Protocol::V4, "conditionsV4", &conf.conditions_v4),
            IpNetwork::V6(_) => (Protocol::V6, "conditionsV6", &conf.conditions_v6),
        };
        if is_own && targets.iter().all(|target| target.protocol != protocol) {
            let conditions = read_conditions(key, conditions, backend)?;
            targets.push(Target { protocol, container, conditions });
        }
    }
    // Reference: rules of IPv4 come first, whatever the result's order.
    targets.sort_by_key(|target| target.container.is_ipv6());
    Ok(targets)
}

/// An IPv4 address in IPv6's clothes as what it is.
fn canonical(address: IpNetwork) -> IpNetwork {
    let unmapped = match address.ip() {
        IpAddr::V6(ip) => ip.to_ipv4_mapped(),
        IpAddr::V4(_) => None,
    };
    unmapped
        .and_then(|ip| IpNetwork::new(ip.into(), address.prefix().saturating_sub(96)).ok())
        .unwrap_or(address)
}

#[cfg(test)]
pub(crate) mod tests;
