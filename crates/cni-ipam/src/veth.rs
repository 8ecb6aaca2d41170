//! A veth pair: one end on the host under a random name, the other in the container.

use cni_core::{Context, Error, Result, quote};
use linux_net::{
    IfName, Link, LinkRef, Mac, Place, PortFlags, Request, Rtnl, VethPair, VethPeer,
    random_veth_name, sysctl,
};

/// How often a random name may be taken before giving up.
const NAME_ATTEMPTS: usize = 10;

/// A pair to make.
pub struct NewPair<'a> {
    /// What the host's end becomes; none: it stands alone.
    pub port: Option<Port>,
    /// Largest packet in bytes, of both ends; none: the kernel's choice.
    pub mtu: Option<u32>,
    /// Name of the far end, usually the one in the container.
    pub far_name: &'a IfName,
    /// Hardware address of the far end; none: a random one.
    pub far_mac: Option<Mac>,
    /// Where the far end is born.
    pub far: Place<'a>,
}

/// A port of a bridge.
#[derive(Clone, Copy)]
pub struct Port {
    /// Index of the bridge.
    pub bridge: u32,
    /// How the bridge treats it.
    pub flags: PortFlags,
}

impl NewPair<'_> {
    /// Makes the pair, with the host's end up and deaf to router advertisements, or nothing.
    /// Returns the host's end; the far end is down.
    ///
    /// # Errors
    ///
    /// The reference's texts, [`taken`] among them.
    pub fn create(&self, host: &Rtnl) -> Result<Link> {
        for _ in 0..NAME_ATTEMPTS {
            let name = random_veth_name().map_err(|error| {
                Error::internal(format!("failed to generate random veth name: {error}"))
            })?;
            if let Some(end) = self.create_as(&name, host)? {
                // As for a bridge: no router advertisements from containers (CVE-2020-10749).
                drop(sysctl::write(&format!("net/ipv6/conf/{}/accept_ra", end.name), "0"));
                return Ok(end);
            }
        }
        Err(Error::internal("failed to find a unique veth name"))
    }

    /// Makes the pair with this name on the host; `None` when the name is taken there.
    fn create_as(&self, name: &IfName, host: &Rtnl) -> Result<Option<Link>> {
        let pair = VethPair {
            name,
            controller: self.port.map(|port| port.bridge),
            mtu: self.mtu,
            peer: VethPeer { name: self.far_name, mac: self.far_mac, netns: self.far.netns },
        };
        let mut requests = vec![Request::create_veth_pair(&pair)];
        let flags = self.port.map(|port| port.flags);
        if let Some(flags) = flags.filter(|flags| flags.hairpin || flags.isolated) {
            requests.push(Request::set_port_flags(name, flags));
        }
        let (outcomes, mut found) = host.run_and_get(&requests, &[LinkRef::from(name)]);
        let mut outcomes = outcomes.into_iter();
        match outcomes.next().unwrap_or(Ok(())) {
            Ok(()) => (),
            Err(error) if error.is_present() => {
                if self.far.rtnl.find_link(self.far_name)?.is_none() {
                    return Ok(None);
                }
                return Err(taken(self.far_name, name));
            }
            Err(error) => return Err(error).context(|| "failed to make veth pair"),
        }
        // Not owned yet, since until its creation the name could have been somebody else's.
        let given_up = |_: &linux_net::Error| drop(host.remove_link(name));
        outcomes
            .next()
            .unwrap_or(Ok(()))
            .inspect_err(given_up)
            .context(|| format!("failed to setup hairpin mode for {name}"))?;
        let end = found.remove(0).inspect_err(given_up);
        end.map(Some).context(|| format!("failed to lookup {}", quote(name.as_str())))
    }
}

/// The error for an interface name that the container already has.
pub fn taken(ifname: &IfName, peer: &IfName) -> Error {
    Error::internal(format!(
        "container veth name ({}) peer provided ({}) already exists",
        quote(ifname.as_str()),
        quote(peer.as_str())
    ))
}

/// Makes sure that the container has no interface of this name yet.
///
/// # Errors
///
/// [`taken`].
pub fn ensure_free(container: &Rtnl, ifname: &IfName) -> Result<()> {
    match container.find_link(ifname)? {
        Some(_) => Err(taken(ifname, &random_veth_name()?)),
        None => Ok(()),
    }
}
