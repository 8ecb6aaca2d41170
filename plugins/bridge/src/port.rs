//! The port: the host's end of a veth pair, in the bridge and in its VLANs.

use std::time::Duration;

use cni_core::{Error, Result};
use cni_ipam::veth::NewPair;
use linux_net::{Link, OperState, Rtnl};

use crate::plan::Vlans;
use crate::vlan;

/// How long a new port may take to be operationally up.
const UP_LIMIT: Duration = Duration::from_millis(2550);

/// Makes a pair, with its port up and in its VLANs, or nothing. Returns the port.
pub(crate) fn create(host: &Rtnl, pair: &NewPair<'_>, vlans: &Vlans) -> Result<Link> {
    let port = pair.create(host)?;
    vlan::join(host, &port, vlans).inspect_err(|_| drop(host.remove_link(port.name.as_str())))?;
    Ok(port)
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
