//! CHECK: settings and attributes are as configured.

use std::fmt::Display;

use cni_core::{Error, Request, Result};
use linux_net::{IfName, Link, Netns, Rtnl, sysctl};

use crate::attributes::Attributes;
use crate::conf::Conf;
use crate::plan::{Plan, Sysctl};

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::new(request)?;
    if request.network.prev_result()?.is_none() {
        return Err(Error::internal("Required prevResult missing"));
    }
    let netns = Netns::open(&request.attachment.netns)?;
    netns.run(|| plan.sysctls.iter().try_for_each(check_sysctl))??;
    let ifname = &plan.ifname;
    let link = Rtnl::open(&netns)?.find_link(ifname)?.ok_or_else(|| {
        Error::internal(format!("Cannot find container link {}", ifname.as_str()))
    })?;
    check_attributes(&plan.attributes, &link, ifname)
}

fn check_sysctl(wanted: &Sysctl) -> Result<()> {
    let Sysctl { name, value, .. } = wanted;
    let current = sysctl::read(name)?;
    // The kernel puts tabs between several numbers.
    if current.split_whitespace().eq(value.split_whitespace()) {
        return Ok(());
    }
    differs(&format!("value of /proc/sys/{name}"), value, &current)
}

fn check_attributes(wanted: &Attributes, link: &Link, ifname: &IfName) -> Result<()> {
    let ifname = ifname.as_str();
    let current = wanted.found_on(link);
    if let Some(mac) = wanted.mac.filter(|mac| link.mac != Some(*mac)) {
        let current = link.mac.map(|mac| mac.to_string()).unwrap_or_default();
        return differs(&format!("Ethernet of {ifname}"), mac, current);
    }
    if wanted.promisc != current.promisc {
        return Err(Error::internal(format!(
            "Error: Tuning link {ifname} configured promisc is true, current value is {}",
            link.promiscuity
        )));
    }
    if let Some(mtu) = wanted.mtu.filter(|mtu| link.mtu != *mtu) {
        return differs(&format!("MTU of {ifname}"), mtu, link.mtu);
    }
    if let Some(on) = wanted.allmulti.filter(|on| link.is_all_multicast() != *on) {
        return differs(&format!("all-multicast mode of {ifname}"), on, !on);
    }
    if let Some(len) = wanted.tx_queue_len.filter(|len| link.tx_queue_len != *len) {
        return differs(&format!("Transmit Queue Length of {ifname}"), len, link.tx_queue_len);
    }
    Ok(())
}

fn differs(what: &str, wanted: impl Display, current: impl Display) -> Result<()> {
    Err(Error::internal(format!(
        "Error: Tuning configured {what} is {wanted}, current value is {current}"
    )))
}
