//! DEL: the interface leaves the VRF, which goes with its last port.

use cni_core::{Cleanup, Request, Result};
use linux_net::IfName;

use crate::conf::Conf;
use crate::vrf::Membership;

/// Takes the interface out of the VRF. Its addresses and routes are not moved back, as the plugin
/// that has made it removes it next.
///
/// # Errors
///
/// Never; single steps are recorded.
pub(crate) fn del(request: &Request<Conf>, cleanup: &mut Cleanup) -> Result<()> {
    // Nothing can have been made under a name that is none.
    if let Ok(vrf) = IfName::try_from(request.conf.vrfname.as_str()) {
        let attachment = &request.attachment;
        cleanup.remove(&Membership {
            netns: attachment.netns.clone(),
            ifname: attachment.ifname.clone(),
            vrf,
            keeps_vrf: false,
        });
    }
    Ok(())
}
