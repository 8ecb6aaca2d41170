//! VLANs of bridge ports, on kernels that filter them (`CONFIG_BRIDGE_VLAN_FILTERING`).

use cni_testkit::{Feature, lacks};
use linux_net::{Bridge, Netns, PortVlan, Request, Rtnl, VethPair, VethPeer, VlanId};

use crate::namespace::{isolated, name};

fn id(id: u16) -> VlanId {
    id.try_into().unwrap()
}

/// Makes `veth1` a port of a filtering bridge and returns its index.
fn port(rtnl: &Rtnl) -> u32 {
    let here = Netns::current().unwrap();
    let (cni0, veth1, veth2) = (name("cni0"), name("veth1"), name("veth2"));
    let bridge = Bridge { name: &cni0, mac: None, mtu: None, vlan_filtering: true };
    rtnl.apply(Request::create_bridge(&bridge)).unwrap();
    let cni0 = rtnl.get_link("cni0").unwrap();
    assert_eq!(cni0.vlan_filtering, Some(true));
    for (one, other) in [(&veth1, &veth2), (&name("veth3"), &name("veth4"))] {
        let peer = VethPeer { name: other, mac: None, netns: &here };
        let pair = VethPair { name: one, controller: Some(cni0.index), mtu: None, peer };
        rtnl.apply(Request::create_veth_pair(&pair)).unwrap();
    }
    rtnl.get_link("veth1").unwrap().index
}

#[test]
fn uml_a_new_port_is_in_the_default_vlan() {
    if lacks(Feature::BridgeVlanFiltering) {
        return;
    }
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let port = port(&rtnl);
        assert_eq!(rtnl.list_port_vlans(port).unwrap(), [PortVlan::native(id(1))]);
    });
}

#[test]
fn uml_one_send_replaces_all_vlans_of_a_port() {
    if lacks(Feature::BridgeVlanFiltering) {
        return;
    }
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let port = port(&rtnl);
        let mut vlans = vec![PortVlan::native(id(100))];
        vlans.extend(PortVlan::tagged_ranges([101, 200, 201, 202].map(id)));
        let results = rtnl.run(&[
            Request::remove_port_vlans(port, &[PortVlan::ALL]),
            Request::add_port_vlans(port, &vlans),
            Request::remove_port_vlans(port, &[PortVlan::tagged(id(500))]),
        ]);
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(rtnl.list_port_vlans(port).unwrap(), vlans);
        let other = rtnl.get_link("veth3").unwrap().index;
        assert_eq!(rtnl.list_port_vlans(other).unwrap(), [PortVlan::native(id(1))]);
    });
}

#[test]
fn uml_every_vlan_fits_one_request() {
    if lacks(Feature::BridgeVlanFiltering) {
        return;
    }
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let port = port(&rtnl);
        let odd: Vec<_> = (1..=4093).step_by(2).map(id).collect();
        let vlans = PortVlan::tagged_ranges(odd);
        rtnl.apply(Request::remove_port_vlans(port, &[PortVlan::ALL])).unwrap();
        rtnl.apply(Request::add_port_vlans(port, &vlans)).unwrap();
        assert_eq!(rtnl.list_port_vlans(port).unwrap(), vlans);
        rtnl.apply(Request::remove_port_vlans(port, &[PortVlan::ALL])).unwrap();
        assert_eq!(rtnl.list_port_vlans(port).unwrap(), []);
    });
}
