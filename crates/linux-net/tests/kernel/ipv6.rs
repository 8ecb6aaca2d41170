//! What routers say about a link, and addresses that last for a time.

use std::net::Ipv6Addr;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

use ipnetwork::IpNetwork;
use linux_net::{
    AddressOptions, Family, Ipv6News, Ipv6Watch, Lifetime, Netns, Request, RouterFlags, Rtnl,
    VethPair, VethPeer, solicit_routers, sysctl,
};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, socket};

use crate::namespace::{another, isolated, name};

/// A router here, and a link in another namespace that is up and listens to it.
struct Scene {
    inside: Rtnl,
    container: Netns,
    eth0: u32,
}

fn scene() -> Scene {
    let container = another();
    let rtnl = Rtnl::open_current().unwrap();
    let (one, other) = (name("veth1"), name("eth0"));
    let peer = VethPeer { name: &other, mac: None, netns: &container };
    let pair = VethPair { name: &one, controller: None, mtu: None, peer };
    rtnl.apply(Request::create_veth_pair(&pair)).unwrap();
    sysctl::write("net/ipv6/conf/veth1/accept_dad", "0").unwrap();
    let settings = [("net/ipv6/conf/eth0/accept_dad", "0")];
    assert!(sysctl::write_in(&container, &settings).unwrap()[0].is_ok());
    rtnl.apply(Request::set_up(rtnl.get_link("veth1").unwrap().index)).unwrap();
    let inside = Rtnl::open(&container).unwrap();
    let eth0 = inside.get_link("eth0").unwrap().index;
    Scene { inside, container, eth0 }
}

impl Scene {
    fn addresses(&self) -> Vec<linux_net::Address> {
        self.inside.list_addresses(self.eth0, Family::V6).unwrap()
    }

    /// Waits until the kernel has told something.
    fn wait_for(&self, watch: &Ipv6Watch, is_it: impl Fn(&[Ipv6News]) -> bool) {
        let start = Instant::now();
        let mut all = Vec::new();
        while !is_it(&all) {
            assert!(start.elapsed() < Duration::from_secs(20), "so far: {all:?}");
            all.extend(watch.read().unwrap());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// An advertisement with M and O, a prefix for addresses, and a name server.
const ADVERTISE: &str = "
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix = bytes([3, 4, 64, 0xc0]) + (600).to_bytes(4, 'big') * 2 + bytes(4)
prefix += socket.inet_pton(socket.AF_INET6, 'fd00:1::')
server = bytes([25, 3, 0, 0]) + (600).to_bytes(4, 'big')
server += socket.inet_pton(socket.AF_INET6, 'fd00:1::53')
head = bytes([134, 0, 0, 0, 64, 0xc0]) + (600).to_bytes(2, 'big') + bytes(8)
index = socket.if_nametoindex('veth1')
s.sendto(head + prefix + server, ('ff02::1', 0, 0, index))
";

#[test]
fn what_a_router_says_is_heard() {
    isolated(|| {
        let scene = scene();
        let watch = Ipv6Watch::open(&scene.container, scene.eth0).unwrap();
        assert_eq!(watch.read().unwrap(), []);
        scene.inside.apply(Request::set_up(scene.eth0)).unwrap();
        scene.wait_for(&watch, |news| news.contains(&Ipv6News::Changed));
        assert_eq!(scene.inside.router_flags(scene.eth0).unwrap(), RouterFlags::default());

        let sent = Command::new("python3").args(["-c", ADVERTISE]).status();
        assert!(sent.unwrap().success());
        let server: Ipv6Addr = "fd00:1::53".parse().unwrap();
        let option = [&[25, 3, 0, 0, 0, 0, 2, 88][..], &server.octets()].concat();
        scene.wait_for(&watch, |news| news.contains(&Ipv6News::RouterOption(option.clone())));
        let flags = RouterFlags { is_managed: true, has_other: true };
        assert_eq!(scene.inside.router_flags(scene.eth0).unwrap(), flags);
        let start = Instant::now();
        let made = |address: &linux_net::Address| address.network.prefix() == 64;
        while !scene.addresses().iter().any(|a| made(a) && a.is_dynamic() && !a.is_tentative()) {
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", scene.addresses());
        }
    });
}

#[test]
fn routers_are_asked() {
    isolated(|| {
        let scene = scene();
        // Asks by itself otherwise.
        let settings = [("net/ipv6/conf/eth0/router_solicitations", "0")];
        assert!(sysctl::write_in(&scene.container, &settings).unwrap()[0].is_ok());
        let kind = SockType::Raw;
        let flags = SockFlag::SOCK_NONBLOCK;
        let heard = socket(AddressFamily::Inet6, kind, flags, SockProtocol::IcmpV6).unwrap();
        // A router listens to the routers' address.
        sysctl::write("net/ipv6/conf/veth1/forwarding", "1").unwrap();
        scene.inside.apply(Request::set_up(scene.eth0)).unwrap();
        let start = Instant::now();
        let mut buffer = [0; 1500];
        loop {
            assert!(start.elapsed() < Duration::from_secs(20));
            // Before the link has an address of its own, nothing is sent.
            let _ = solicit_routers(&scene.container, scene.eth0);
            std::thread::sleep(Duration::from_millis(5));
            let len = recv(heard.as_raw_fd(), &mut buffer, MsgFlags::empty());
            if len.is_ok() && buffer[0] == 133 {
                return;
            }
        }
    });
}

#[test]
fn an_address_for_a_time_can_be_given_more_of_it() {
    isolated(|| {
        let scene = scene();
        let network: IpNetwork = "fd00:1::5/128".parse().unwrap();
        let with = |seconds| AddressOptions {
            without_detection: true,
            lifetime: Some(Lifetime {
                preferred: Duration::from_secs(seconds),
                valid: Duration::from_secs(seconds),
            }),
            ..AddressOptions::default()
        };
        let replace = |options| Request::replace_address(scene.eth0, network, options);
        scene.inside.apply(Request::set_up(scene.eth0)).unwrap();
        scene.inside.apply(replace(with(1))).unwrap();
        scene.inside.apply(replace(with(u64::MAX))).unwrap();
        let found = scene.addresses().into_iter().find(|address| address.network == network);
        assert!(found.unwrap().is_dynamic());
        scene.inside.apply(replace(with(1))).unwrap();
        let start = Instant::now();
        while scene.addresses().iter().any(|address| address.network == network) {
            assert!(start.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(20));
        }
        scene.inside.apply(replace(AddressOptions::default())).unwrap();
        let found = scene.addresses().into_iter().find(|address| address.network == network);
        assert!(!found.unwrap().is_dynamic());
    });
}
