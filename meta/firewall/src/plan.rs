//! What we will therefore do: defaults applied, contradictions refused, every value typed.

use std::net::IpAddr;

use cni_core::{AddResult, Context, Error, Interface, Request, Result, quote};
use linux_net::IfName;
use netfilter::iptables::Protocol;

use crate::conf::Conf;

/// The administrator's chain when nobody names another.
const ADMIN_CHAIN: &str = "CNI-ADMIN";
/// The longest chain name of iptables, in bytes (`XT_EXTENSION_MAXNAMELEN` counts the final NUL).
const LONGEST_CHAIN_NAME: usize = 28;

/// What one attachment needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The container's addresses, each once.
    pub(crate) addresses: Vec<IpAddr>,
    /// The chain with the administrator's own rules.
    pub(crate) admin_chain: String,
    /// Who may not reach the container.
    pub(crate) isolation: Option<Isolation>,
}

/// What a bridge's containers are cut off from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Isolation {
    /// Their bridge.
    pub(crate) bridge: IfName,
    /// Whether they are cut off from one another, too, and not only from other such bridges.
    pub(crate) is_strict: bool,
}

impl Plan {
    /// Makes the plan, and the result that is passed on.
    ///
    /// # Errors
    ///
    /// Without a previous result, or when it or the configuration is wrong.
    pub(crate) fn new(request: &Request<Conf>) -> Result<(Self, AddResult)> {
        let previous = request
            .network
            .prev_result()
            .context(|| "could not parse prevResult")?
            .ok_or_else(|| Error::internal("missing prevResult from earlier plugin"))?;
        let plan = Self {
            addresses: addresses(&previous),
            admin_chain: admin_chain(&request.conf.iptables_admin_chain_name)?,
            isolation: isolation(&request.conf.ingress_policy, &previous.interfaces)?,
        };
        Ok((plan, previous))
    }

    /// The protocols of the addresses.
    pub(crate) fn protocols(&self) -> Vec<Protocol> {
        protocols(&self.addresses)
    }
}

/// The protocols of these addresses.
pub(crate) fn protocols(addresses: &[IpAddr]) -> Vec<Protocol> {
    let has_some = |protocol: &Protocol| addresses.iter().any(|address| protocol.has(address));
    Protocol::BOTH.into_iter().filter(has_some).collect()
}

/// The addresses of a result, each once.
pub(crate) fn addresses(result: &AddResult) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for ip in result.ips.iter().filter_map(|ip| ip.address) {
        let address = ip.ip().to_canonical();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// The name becomes a word of a rule.
pub(crate) fn admin_chain(written: &str) -> Result<String> {
    let is_word = |name: &str| {
        !name.starts_with(['-', '!'])
            && name.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\'))
    };
    match written {
        "" => Ok(ADMIN_CHAIN.to_owned()),
        name if is_word(name) && name.len() <= LONGEST_CHAIN_NAME => Ok(name.to_owned()),
        name => Err(Error::internal(format!(
            "iptablesAdminChainName {} cannot be the name of a chain",
            quote(name)
        ))),
    }
}

/// What the policy asks for, on the first of these interfaces.
pub(crate) fn isolation(policy: &str, interfaces: &[Interface]) -> Result<Option<Isolation>> {
    let is_strict = match policy {
        "" | "open" => return Ok(None),
        "same-bridge" => false,
        "isolated" => true,
        _ => return Err(Error::internal(format!("unknown ingress policy: {}", quote(policy)))),
    };
    // Reference: the bridge is whatever interface the previous plugins list first.
    let bridge = interfaces.first().ok_or_else(|| {
        Error::internal(format!(
            "interface needs to be set for ingress policy {}, make sure to chain \"firewall\" \
             plugin with \"bridge\"",
            quote(policy)
        ))
    })?;
    if bridge.name.is_empty() {
        return Err(Error::internal("got empty bridge name"));
    }
    let unusable =
        || Error::internal(format!("bridge name {} cannot be part of a rule", quote(&bridge.name)));
    // iptables takes a plus sign at the end for "and whatever follows".
    if bridge.name.contains(['"', '\'', '\\']) || bridge.name.ends_with('+') {
        return Err(unusable());
    }
    let bridge = IfName::try_from(bridge.name.as_str()).map_err(|_| unusable())?;
    Ok(Some(Isolation { bridge, is_strict }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str]) -> Vec<Interface> {
        let interface =
            |name: &&str| Interface { name: (*name).to_owned(), ..Interface::default() };
        names.iter().map(interface).collect()
    }

    fn bridge_of(policy: &str, interfaces: &[&str]) -> Result<Option<(String, bool)>, String> {
        let found = isolation(policy, &listed(interfaces)).map_err(|error| error.msg)?;
        Ok(found.map(|isolation| (isolation.bridge.as_str().to_owned(), isolation.is_strict)))
    }

    #[test]
    fn a_policy_is_about_the_interface_listed_first() {
        assert_eq!(bridge_of("", &[]), Ok(None));
        assert_eq!(bridge_of("open", &["br0"]), Ok(None));
        assert_eq!(bridge_of("same-bridge", &["br0", "veth1"]), Ok(Some(("br0".into(), false))));
        assert_eq!(bridge_of("isolated", &["br0"]), Ok(Some(("br0".into(), true))));
    }

    #[test]
    fn policies_that_cannot_be_kept_are_refused() {
        for (policy, interfaces, message) in [
            ("Open", vec!["br0"], "unknown ingress policy: \"Open\""),
            (
                "isolated",
                vec![],
                "interface needs to be set for ingress policy \"isolated\", make sure to chain \
                 \"firewall\" plugin with \"bridge\"",
            ),
            ("same-bridge", vec![""], "got empty bridge name"),
            ("isolated", vec!["br+"], "bridge name \"br+\" cannot be part of a rule"),
            ("isolated", vec!["a b"], "bridge name \"a b\" cannot be part of a rule"),
            ("isolated", vec!["br\""], "bridge name \"br\\\"\" cannot be part of a rule"),
        ] {
            assert_eq!(bridge_of(policy, &interfaces), Err(message.to_owned()));
        }
    }

    #[test]
    fn the_administrators_chain_is_one_word() {
        assert_eq!(admin_chain("").as_deref(), Ok("CNI-ADMIN"));
        assert_eq!(admin_chain("my.chain:1").as_deref(), Ok("my.chain:1"));
        for name in ["a b", "a\nb", "-A", "!a", "a\"b", "a-name-of-29-characters-xxxxx", "é"] {
            let message =
                format!("iptablesAdminChainName {} cannot be the name of a chain", quote(name));
            assert_eq!(admin_chain(name).expect_err(name).msg, message);
        }
    }

    #[test]
    fn every_address_counts_once_without_its_prefix() {
        let ip = |text: &str| cni_core::IpConfig {
            address: Some(text.parse().expect("an address")),
            ..cni_core::IpConfig::default()
        };
        let ips = vec![ip("10.0.0.2/24"), ip("10.0.0.2/32"), ip("fd00::2/64"), <_>::default()];
        let found = addresses(&AddResult { ips, ..AddResult::default() });
        assert_eq!(
            found,
            ["10.0.0.2", "fd00::2"].map(|text| text.parse::<IpAddr>().expect("an IP"))
        );
        assert_eq!(protocols(&found), Protocol::BOTH);
        assert_eq!(protocols(&found[1..]), [Protocol::V6]);
    }
}
