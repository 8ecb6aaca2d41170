//! CHECK: the interface is an ipvlan of the configured mode on its master, as the result says.

use cni_core::{Context, Error, Interface, Request, Result, quote};
use cni_ipam::container::Container;
use cni_ipam::master::{self, MasterSide};
use cni_ipam::sole;

use crate::conf::Conf;
use crate::plan;

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let container = Container::open(&request.attachment)?;
    sole::check(request, &container, "Required prevResult missing", |listed| {
        check_link(&request.conf, &container, listed)
    })
}

fn check_link(conf: &Conf, container: &Container<'_>, listed: &Interface) -> Result<()> {
    let name = &listed.name;
    let differs = |what: String| Err(Error::internal(what));
    let side = MasterSide::open(conf.link_in_container, container.place())?;
    // The previous plugin's result or the default route may have told ADD another one, and neither
    // tells now: the result is that of ADD, and the route may have changed.
    let master = Some(conf.master.as_str())
        .filter(|name| !name.is_empty())
        .map(|name| side.get(name).context(|| format!("failed to lookup master {}", quote(name))))
        .transpose()?;
    let Some(link) = container.rtnl.find_link(name.as_str())? else {
        return differs(format!("Container Interface name in prevResult: {name} not found"));
    };
    if link.kind.as_deref() != Some("ipvlan") {
        return differs(format!("Error: Container interface {name} not of type ipvlan"));
    }
    let wanted = plan::mode(&conf.mode)?;
    if link.ipvlan_mode != Some(wanted) {
        let mode = link.ipvlan_mode.map(|mode| mode.to_string()).unwrap_or_default();
        return differs(format!(
            "Container IPVlan mode {mode} does not match expected value: {wanted}"
        ));
    }
    let mac = link.mac.map(|mac| mac.to_string()).unwrap_or_default();
    if !listed.mac.is_empty() && listed.mac != mac {
        return differs(format!(
            "Interface {name} Mac {} doesn't match container Mac: {mac}",
            listed.mac
        ));
    }
    master::expect_on(&link, master.as_ref())
}
