//! The kernel's share of the bridge plugin's work: the same requests and nothing else.
//!
//! It is started like the plugin, with `CNI_COMMAND` and `CNI_NETNS`, but reads no configuration
//! and asks no IPAM plugin: the address is fixed, so it serves one attachment at a time. No
//! plugin can be faster than this on the same machine.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it takes the plugin's place and therefore its input and output"
)]

use std::error::Error;
use std::net::Ipv4Addr;

use ipnetwork::{IpNetwork, Ipv4Network};
use linux_net::{
    Bridge, Family, IfName, Netns, Request, Result, Route, Rtnl, VethPair, VethPeer,
    random_veth_name, sysctl,
};

const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 2);

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let netns = Netns::open(std::env::var("CNI_NETNS")?)?;
    let ifname = IfName::try_from("eth0")?;
    if std::env::var("CNI_COMMAND")? == "DEL" {
        Rtnl::open(&netns)?.remove_link(&ifname)?;
        return Ok(());
    }
    let bridge = IfName::try_from("cni0")?;
    add(&netns, &bridge, &ifname)?;
    println!(r#"{{"ips":[{{"address":"{ADDRESS}/16"}}]}}"#);
    Ok(())
}

/// What an ADD with a gateway asks of the kernel.
fn add(netns: &Netns, bridge: &IfName, ifname: &IfName) -> Result<()> {
    let host = Rtnl::open_current()?;
    let inside = Rtnl::open(netns)?;
    let controller = match host.find_link(bridge)? {
        Some(link) => link.index,
        None => make_bridge(&host, bridge)?,
    };
    let name = random_veth_name()?;
    let peer = VethPeer { name: ifname, mac: None, netns };
    let pair = VethPair { name: &name, controller: Some(controller), mtu: None, peer };
    host.apply(Request::create_veth_pair(&pair))?;
    let eth0 = inside.get_link(ifname)?.index;
    for written in sysctl::write_in(netns, &[("net/ipv4/conf/eth0/arp_notify", "1")])? {
        written?;
    }
    let mut default = Route::new(network(Ipv4Addr::UNSPECIFIED, 0), eth0);
    default.gateway = Some(GATEWAY.into());
    let requests = [
        Request::add_address(eth0, network(ADDRESS, 16)),
        Request::set_up(eth0),
        Request::add_route(&default),
    ];
    inside.run(&requests).into_iter().collect::<Result<()>>()?;
    sysctl::ensure_forwarding(Family::V4)
}

/// Makes the shared bridge, which only the first ADD does.
fn make_bridge(host: &Rtnl, name: &IfName) -> Result<u32> {
    host.apply(Request::create_bridge(&Bridge {
        name,
        mac: None,
        mtu: None,
        vlan_filtering: false,
    }))?;
    let index = host.get_link(name)?.index;
    host.apply(Request::add_address(index, network(GATEWAY, 16)))?;
    host.apply(Request::set_up(index))?;
    Ok(index)
}

fn network(address: Ipv4Addr, prefix: u8) -> IpNetwork {
    Ipv4Network::new(address, prefix).expect("the prefixes here are at most 32").into()
}
