//! CHECK: the attachment is as ADD left it.

use cni_core::{Request, Result};
use linux_net::{Netns, Rtnl};

use crate::conf::Conf;
use crate::plan::Plan;

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::new(&request.conf, &request.attachment.ifname)?;
    let netns = Netns::open(&request.attachment.netns)?;
    Rtnl::open(&netns)?.get_link(&plan.ifname)?;
    Ok(())
}
