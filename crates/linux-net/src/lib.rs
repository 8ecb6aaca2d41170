//! Linux networking as the plugins need it: namespaces, rtnetlink, sysctl, packet sockets.
//!
//! Everything is synchronous and blocking. A [`Netns`] is an open network namespace, an [`Rtnl`]
//! a routing socket bound to one, a [`Request`] one change to send through it; several requests
//! travel in one system call. Errors are [`Error`]s and name what the kernel refused.

pub mod conntrack;
mod errno_text;
mod error;
mod inherited;
mod names;
mod netns;
mod packet;
mod router_solicitation;
mod rtnl;
pub mod selinux;
pub mod sysctl;

pub use error::{Error, Result};
pub use inherited::inherited_socket;
pub use names::{IfName, InvalidName, Mac, VlanId, random_number, random_veth_name};
pub use netns::{Netns, NetnsLock};
pub use nix::errno::Errno;
pub use packet::{PacketFilter, PacketSocket, Received};
pub use router_solicitation::solicit_routers;
pub use rtnl::address::{Address, AddressOptions, Lifetime};
pub use rtnl::bridge_port::PortFlags;
pub use rtnl::bridge_vlan::PortVlan;
pub use rtnl::ipv6_watch::{Ipv6News, Ipv6Watch};
pub use rtnl::kind::bridge::Bridge;
pub use rtnl::kind::ipvlan::{Ipvlan, IpvlanMode};
pub use rtnl::kind::macvlan::{Macvlan, MacvlanMode};
pub use rtnl::kind::tap::Tap;
pub use rtnl::kind::tap_order::obey as obey_tap_order;
pub use rtnl::kind::veth::{VethPair, VethPeer};
pub use rtnl::kind::vlan::Vlan;
pub use rtnl::kind::vrf::Vrf;
pub use rtnl::link::{Link, LinkRef, OperState};
pub use rtnl::move_link::Arrival;
pub use rtnl::new_link::{LinkKind, NewLink, NewLinkError};
pub use rtnl::qdisc::{Qdisc, TokenBucket};
pub use rtnl::route::{NextHop, Route};
pub use rtnl::router::RouterFlags;
pub use rtnl::rule::Rule;
pub use rtnl::saved::{SavedAddress, SavedRoute};
pub use rtnl::wait::Settled;
pub use rtnl::{Family, Place, Request, Rtnl};
