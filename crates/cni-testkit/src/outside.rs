//! The world beyond a host's own network card.

use std::ops::Deref;

use crate::{Namespace, host::enter_network};

/// A namespace cabled to a host, knowing no route to the host's containers.
///
/// The host's end is `outside` with 192.0.2.1/24 and 2001:db8::1/64, this one `eth0` with
/// 192.0.2.2/24 and 2001:db8::2/64, so a container is only answered if it is masqueraded.
#[derive(Debug)]
pub struct Outside {
    namespace: Namespace,
}

impl Outside {
    #[track_caller]
    pub(crate) fn new(host: &Namespace) -> Self {
        let namespace = Namespace::start("outside", enter_network)
            .unwrap_or_else(|error| panic!("make the outside: {error:#}"));
        // From here, for a machine does not see the processes of this one.
        let netns = host.netns_path();
        let cable = format!("ip link add name eth0 type veth peer name outside netns {netns}");
        namespace.sh(&cable);
        host.sh("ip addr add 192.0.2.1/24 dev outside
             ip addr add 2001:db8::1/64 dev outside nodad
             ip link set outside up");
        namespace.sh("ip link set lo up
             ip addr add 192.0.2.2/24 dev eth0
             ip addr add 2001:db8::2/64 dev eth0 nodad
             ip link set eth0 up");
        host.rebase();
        namespace.rebase();
        Self { namespace }
    }
}

impl Deref for Outside {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.namespace
    }
}
