//! DEL: sets `lo` down. A namespace that is gone took it along.

use cni_core::{Request, Result};
use linux_net::{Netns, Rtnl};

use crate::{Conf, LO};

pub(crate) fn del(request: &Request<Conf>) -> Result<()> {
    let path = &request.attachment.netns;
    if path.is_empty() {
        return Ok(());
    }
    if let Some(netns) = Netns::find(path)? {
        Rtnl::open(&netns)?.apply(linux_net::Request::set_down(LO))?;
    }
    Ok(())
}
