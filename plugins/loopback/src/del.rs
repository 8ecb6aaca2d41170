//! DEL: sets `lo` down. A namespace that is gone took it along.

use cni_core::{Request, Result};
use linux_net::{Netns, Rtnl};

use crate::{Conf, LO};

pub(crate) fn del(request: &Request<Conf>) -> Result<()> {
    let path = &request.attachment.netns;
    if path.is_empty() {
        return Ok(());
    }
    let netns = match Netns::open(path) {
        Ok(netns) => netns,
        Err(error) if error.is_missing() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    Rtnl::open(&netns)?.apply(linux_net::Request::set_down(LO))?;
    Ok(())
}
