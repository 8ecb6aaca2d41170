//! The veth pair: one end a port of the bridge, the other in the container.

use std::time::Duration;

use cni_core::{Context, Error, Result, quote};
use linux_net::{
    IfName, Link, LinkRef, Mac, Netns, OperState, PortFlags, Request, Rtnl, VethPair, VethPeer,
    random_veth_name, sysctl,
};

use crate::plan::Vlans;
use crate::vlan;

/// How often a random name may be taken before giving up.
const NAME_ATTEMPTS: usize = 10;

/// How long a new port may take to be operationally up.
const UP_LIMIT: Duration = Duration::from_millis(2550);

/// A pair to make.
pub(crate) struct Pair<'a> {
    /// The bridge.
    pub(crate) bridge: &'a Link,
    pub(crate) mtu: Option<u32>,
    pub(crate) flags: PortFlags,
    pub(crate) vlans: &'a Vlans,
    /// The end away from the bridge: its name, hardware address and namespace.
    pub(crate) far_name: &'a IfName,
    pub(crate) far_mac: Option<Mac>,
    pub(crate) far_netns: &'a Netns,
}

impl Pair<'_> {
    /// Makes the pair, with its port up and in its VLANs, or nothing. Returns the port; `far` is a
    /// socket in the far end's namespace.
    pub(crate) fn create(&self, host: &Rtnl, far: &Rtnl) -> Result<Link> {
        let port = self.create_under_free_name(host, far)?;
        // As for the bridge: no router advertisements from containers.
        drop(sysctl::write(&format!("net/ipv6/conf/{}/accept_ra", port.name), "0"));
        vlan::join(host, &port, self.vlans)
            .inspect_err(|_| drop(host.remove_link(port.name.as_str())))?;
        Ok(port)
    }

    fn create_under_free_name(&self, host: &Rtnl, far: &Rtnl) -> Result<Link> {
        for _ in 0..NAME_ATTEMPTS {
            let name = random_veth_name().map_err(|error| {
                Error::internal(format!("failed to generate random veth name: {error}"))
            })?;
            if let Some(port) = self.create_as(&name, host, far)? {
                return Ok(port);
            }
        }
        Err(Error::internal("failed to find a unique veth name"))
    }

    /// Makes the pair with this name on the host; `None` when the name is taken there.
    fn create_as(&self, name: &IfName, host: &Rtnl, far: &Rtnl) -> Result<Option<Link>> {
        let pair = VethPair {
            name,
            controller: Some(self.bridge.index),
            mtu: self.mtu,
            peer: VethPeer { name: self.far_name, mac: self.far_mac, netns: self.far_netns },
        };
        let mut requests = vec![Request::create_veth_pair(&pair)];
        if self.flags.hairpin || self.flags.isolated {
            requests.push(Request::set_port_flags(name, self.flags));
        }
        let (outcomes, mut found) = host.run_and_get(&requests, &[LinkRef::from(name)]);
        let mut outcomes = outcomes.into_iter();
        match outcomes.next().unwrap_or(Ok(())) {
            Ok(()) => (),
            Err(error) if error.is_present() => {
                if far.find_link(self.far_name)?.is_none() {
                    return Ok(None);
                }
                return Err(taken(self.far_name, name));
            }
            Err(error) => return Err(error).context(|| "failed to make veth pair"),
        }
        let port = found.remove(0).and_then(|port| {
            outcomes.next().unwrap_or(Ok(()))?;
            Ok(port)
        });
        // Not owned yet, since until its creation the name could have been somebody else's.
        port.map(Some)
            .inspect_err(|_| drop(host.remove_link(name)))
            .context(|| format!("failed to setup hairpin mode for {name}"))
    }
}

/// The error for an interface name that the container already has.
pub(crate) fn taken(ifname: &IfName, peer: &IfName) -> Error {
    Error::internal(format!(
        "container veth name ({}) peer provided ({}) already exists",
        quote(ifname.as_str()),
        quote(peer.as_str())
    ))
}

/// Waits until the bridge forwards frames of the port.
pub(crate) fn wait_until_up(host: &Rtnl, port: &Link) -> Result<()> {
    if port.operstate == OperState::Up {
        return Ok(());
    }
    match host.wait_operstate_up(port.index, UP_LIMIT)? {
        OperState::Up => Ok(()),
        state => Err(Error::internal(format!("bridge port in error state: {state}"))),
    }
}
