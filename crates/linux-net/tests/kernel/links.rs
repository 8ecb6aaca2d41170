//! Links on the running kernel: veth pairs, bridges and their ports.

use std::process::Command;
use std::time::Duration;

use crate::namespace::{another, isolated, name};
use linux_net::{
    Bridge, IfName, Link, LinkRef, Mac, Netns, OperState, PortFlags, Request, Rtnl, VethPair,
    VethPeer,
};

const MAC: [u8; 6] = [0xc2, 0xb0, 0x57, 0x49, 0x47, 0xf1];

fn bridge(rtnl: &Rtnl, name: &IfName) -> Link {
    let request =
        Request::create_bridge(&Bridge { name, mac: None, mtu: Some(1400), vlan_filtering: false });
    let (steps, mut links) = rtnl.run_and_get(&[request], &[name.into()]);
    assert!(steps[0].is_ok(), "{steps:?}");
    links.remove(0).unwrap()
}

#[test]
fn an_absent_link_is_not_found() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        assert_eq!(rtnl.find_link("eth0").unwrap(), None);
        let error = rtnl.get_link("eth0").unwrap_err();
        assert!(error.is_missing());
        assert_eq!(error.to_string(), "Link not found");
        assert_eq!(format!("{error:#}"), "look up link \"eth0\": Link not found (ENODEV)");
        assert_eq!(rtnl.find_link("a-name-of-more-than-fifteen-bytes").unwrap(), None);
        assert!(!rtnl.remove_link("eth0").unwrap());
        assert!(!rtnl.remove_link(99).unwrap());
    });
}

#[test]
fn the_loopback_has_no_kind_and_no_address() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let lo = rtnl.get_link("lo").unwrap();
        assert_eq!((lo.index, lo.name.as_str(), lo.kind.as_deref(), lo.mac), (1, "lo", None, None));
        assert!(!lo.is_up());
        assert_eq!((lo.mtu, lo.operstate, lo.controller), (65536, OperState::Down, None));
        assert_eq!(rtnl.get_link(1).unwrap(), lo);
        let found = rtnl.get_links(&[1.into(), "none".into(), "lo".into()]);
        assert_eq!(found[0].as_ref().unwrap(), &lo);
        assert!(found[1].as_ref().unwrap_err().is_missing());
        assert_eq!(found[2].as_ref().unwrap(), &lo);
    });
}

#[test]
fn a_bridge_is_made_once() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let cni0 = name("cni0");
        let made = bridge(&rtnl, &cni0);
        assert_eq!((made.kind.as_deref(), made.mtu, made.is_up()), (Some("bridge"), 1400, false));
        assert_eq!(made.vlan_filtering, Some(false));
        let again = Bridge { name: &cni0, mac: None, mtu: None, vlan_filtering: false };
        let (steps, links) = rtnl.run_and_get(&[Request::create_bridge(&again)], &["cni0".into()]);
        let error = steps[0].as_ref().unwrap_err();
        assert!(error.is_present());
        assert_eq!(error.to_string(), "file exists");
        assert_eq!(links[0].as_ref().unwrap(), &made);
    });
}

#[test]
fn settings_of_a_link_are_changed() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let made = bridge(&rtnl, &name("cni0"));
        let results = rtnl.run(&[
            Request::set_mac(&made, Mac::from(MAC)),
            Request::set_mtu("cni0", 1300),
            Request::set_promiscuous(&made, true),
            Request::set_all_multicast(&made, true),
            Request::set_tx_queue_len("cni0", 77),
            Request::rename(made.index, &name("cni1")),
            Request::set_up("cni1"),
        ]);
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let link = rtnl.get_link(made.index).unwrap();
        assert_eq!((link.mac, link.mtu, link.is_up()), (Some(Mac::from(MAC)), 1300, true));
        assert!(link.promiscuity > 0 && link.is_all_multicast());
        assert_eq!(link.tx_queue_len, 77);
        rtnl.apply(Request::set_promiscuous("cni1", false)).unwrap();
        rtnl.apply(Request::set_down("cni1")).unwrap();
        let link = rtnl.get_link("cni1").unwrap();
        assert_eq!((link.is_up(), link.promiscuity), (false, 0));
        assert!(rtnl.remove_link("cni1").unwrap());
        assert!(!rtnl.remove_link(made.index).unwrap());
    });
}

#[test]
fn one_send_makes_a_pair_and_configures_its_port() {
    isolated(|| {
        let container = another();
        let rtnl = Rtnl::open_current().unwrap();
        let cni0 = bridge(&rtnl, &name("cni0"));
        rtnl.apply(Request::set_up(&cni0)).unwrap();
        let (host_end, eth0) = (name("veth1"), name("eth0"));
        let pair = VethPair {
            name: &host_end,
            controller: Some(cni0.index),
            mtu: Some(1400),
            peer: VethPeer { name: &eth0, mac: Some(Mac::from(MAC)), netns: &container },
        };
        let flags = PortFlags { hairpin: true, isolated: true };
        let requests =
            [Request::create_veth_pair(&pair), Request::set_port_flags(&host_end, flags)];
        let (steps, mut links) = rtnl.run_and_get(&requests, &[LinkRef::from(&host_end)]);
        assert!(steps.iter().all(Result::is_ok), "{steps:?}");
        let own = links.remove(0).unwrap();
        assert_eq!(own.kind.as_deref(), Some("veth"));
        assert_eq!((own.controller, own.mtu, own.is_up()), (Some(cni0.index), 1400, true));
        assert!(own.peer_netnsid.is_some());
        assert!(is_on("veth1", "hairpin"));
        assert!(is_on("veth1", "isolated"));

        let inside = Rtnl::open(&container).unwrap();
        let peer = inside.get_link("eth0").unwrap();
        assert_eq!(Some(peer.index), own.peer_index);
        assert_eq!(peer.peer_index, Some(own.index));
        assert_eq!((peer.mac, peer.mtu, peer.is_up()), (Some(Mac::from(MAC)), 1400, false));

        inside.apply(Request::set_up("eth0")).unwrap();
        let limit = Duration::from_millis(2550);
        assert_eq!(rtnl.wait_operstate_up("veth1", limit).unwrap(), OperState::Up);

        let off = PortFlags { hairpin: false, isolated: false };
        rtnl.apply(Request::set_port_flags(&own, off)).unwrap();
        assert!(!is_on("veth1", "hairpin"));
        assert!(!is_on("veth1", "isolated"));

        assert!(inside.remove_link("eth0").unwrap());
        assert_eq!(rtnl.find_link("veth1").unwrap(), None);
    });
}

/// Asks `ip` whether a flag of a bridge's port is on.
fn is_on(port: &str, flag: &str) -> bool {
    let show = Command::new("ip").args(["-d", "-j", "link", "show", "dev", port]).output().unwrap();
    let json = String::from_utf8(show.stdout).unwrap();
    let value = json.split(&format!("\"{flag}\":")).nth(1);
    value.unwrap_or_else(|| panic!("no {flag} in {json}")).starts_with("true")
}

#[test]
fn a_pair_may_stay_in_one_namespace() {
    isolated(|| {
        let here = Netns::current().unwrap();
        let rtnl = Rtnl::open(&here).unwrap();
        let (one, other) = (name("veth1"), name("cni0.100"));
        let pair = VethPair {
            name: &one,
            controller: None,
            mtu: None,
            peer: VethPeer { name: &other, mac: None, netns: &here },
        };
        rtnl.apply(Request::create_veth_pair(&pair)).unwrap();
        let links = rtnl.get_links(&[(&one).into(), (&other).into()]);
        let (one, other) = (links[0].as_ref().unwrap(), links[1].as_ref().unwrap());
        assert_eq!(one.peer_index, Some(other.index));
        assert_eq!(one.peer_netnsid, None);
        assert_eq!(one.mtu, 1500);
        assert!(one.mac.is_some());
    });
}

#[test]
fn a_taken_name_at_either_end_is_present() {
    isolated(|| {
        let container = another();
        let rtnl = Rtnl::open_current().unwrap();
        let (host_end, other_end, eth0) = (name("veth1"), name("veth2"), name("eth0"));
        let create = |name: &IfName, peer: &IfName| {
            let peer = VethPeer { name: peer, mac: None, netns: &container };
            let pair = VethPair { name, controller: None, mtu: None, peer };
            rtnl.apply(Request::create_veth_pair(&pair))
        };
        create(&host_end, &eth0).unwrap();
        assert!(create(&other_end, &eth0).unwrap_err().is_present());
        assert!(create(&host_end, &name("eth1")).unwrap_err().is_present());
        assert_eq!(rtnl.find_link(&other_end).unwrap(), None);
    });
}

#[test]
fn a_refused_step_does_not_stop_the_others_and_says_why() {
    isolated(|| {
        let container = another();
        let rtnl = Rtnl::open(&container).unwrap();
        let results = rtnl.run(&[
            Request::set_mtu("lo", 10),
            Request::set_controller("lo", Some(99)),
            Request::set_up("lo"),
        ]);
        let sentence = format!("{:#}", results[1].as_ref().unwrap_err());
        let start = "set controller of link \"lo\" in namespace \"/proc/thread-self/ns/net\": ";
        assert!(sentence.starts_with(start), "{sentence}");
        assert!(results[2].is_ok());
        assert!(rtnl.get_link("lo").unwrap().is_up());
        let error = rtnl.apply(Request::create_bridge(&Bridge {
            name: &name("br"),
            mac: None,
            mtu: Some(1),
            vlan_filtering: false,
        }));
        assert_eq!(format!("{:#}", error.unwrap_err()).matches("EINVAL").count(), 1);
    });
}

#[test]
fn more_requests_than_one_send_takes_are_all_answered() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let requests: Vec<_> = (0..200)
            .map(|n| if n % 2 == 0 { Request::set_up("lo") } else { Request::set_up(99) })
            .collect();
        let results = rtnl.run(&requests);
        assert_eq!(results.len(), 200);
        for (n, result) in results.iter().enumerate() {
            assert_eq!(result.is_ok(), n % 2 == 0, "{n}: {result:?}");
        }
    });
}

#[test]
fn a_port_without_carrier_is_waited_for_until_the_limit() {
    isolated(|| {
        let here = Netns::current().unwrap();
        let rtnl = Rtnl::open_current().unwrap();
        let (one, other) = (name("veth1"), name("veth2"));
        let peer = VethPeer { name: &other, mac: None, netns: &here };
        let pair = VethPair { name: &one, controller: None, mtu: None, peer };
        rtnl.apply(Request::create_veth_pair(&pair)).unwrap();
        let state = rtnl.wait_operstate_up(&one, Duration::from_millis(5)).unwrap();
        // Linux 6.1 says so only after a second.
        let expected = [OperState::LowerLayerDown, OperState::Unknown];
        assert!(expected.contains(&state), "{state}");
    });
}
