//! CHECK: `lo` must be up.

use cni_core::{Error, Request, Result};
use linux_net::{Netns, Rtnl};

use crate::{Conf, LO};

pub(crate) fn check(request: &Request<Conf>) -> Result<()> {
    let rtnl = Rtnl::open(&Netns::open(&request.attachment.netns)?)?;
    if !rtnl.get_link(LO)?.is_up() {
        return Err(Error::internal("loopback interface is down"));
    }
    Ok(())
}
