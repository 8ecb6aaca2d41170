//! CHECK: the interface is the configured VLAN of its master, as the result says.

use cni_core::{Context, Error, Interface, Request, Result, quote};
use cni_ipam::container::Container;
use cni_ipam::master::{self, MasterSide};
use cni_ipam::{sole, verify};

use crate::conf::Conf;

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let container = Container::open(&request.attachment)?;
    sole::check(request, &container, "vlan: Required prevResult missing", |listed| {
        check_link(&request.conf, &container, listed)
    })
}

fn check_link(conf: &Conf, container: &Container<'_>, listed: &Interface) -> Result<()> {
    let side = MasterSide::open(conf.link_in_container, container.place())?;
    let master = side
        .get(&conf.master)
        .context(|| format!("failed to lookup master {}", quote(&conf.master)))?;
    let link = verify::link(&container.rtnl, listed, "vlan", "vlan: ")?;
    let name = &link.name;
    if let Some(id) = link.vlan_id
        && i64::from(id) != conf.vlan_id
    {
        // Reference: the words are those of another plugin.
        return Err(Error::internal(format!(
            "Error: Tuning link {name} configured promisc is {}, current value is {id}",
            conf.vlan_id
        ))
        .with_details(format!(
            "the VLAN of {name} is {id}, the configured vlanId {}",
            conf.vlan_id
        )));
    }
    if conf.mtu != 0 && i64::from(link.mtu) != conf.mtu {
        return Err(Error::internal(format!(
            "Error: Tuning configured MTU of {name} is {}, current value is {}",
            conf.mtu, link.mtu
        )));
    }
    master::expect_on(&link, Some(&master))
}
