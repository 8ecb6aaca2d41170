//! Links taken to another namespace and back.

use std::process::Command;

use ipnetwork::IpNetwork;
use linux_net::{Arrival, Bridge, Link, Netns, Place, Request, Rtnl, VethPair, VethPeer};

use crate::namespace::{another, isolated, name};

/// Makes the veth `hd0`, up, with its peer `far`, and returns it.
fn device(rtnl: &Rtnl) -> Link {
    let here = Netns::current().unwrap();
    let (hd0, far) = (name("hd0"), name("far"));
    let peer = VethPeer { name: &far, mac: None, netns: &here };
    let pair = VethPair { name: &hd0, controller: None, mtu: None, peer };
    rtnl.apply(Request::create_veth_pair(&pair)).unwrap();
    rtnl.get_link(&hd0).unwrap()
}

#[test]
fn a_device_goes_and_comes_back_under_its_name() {
    isolated(|| {
        let (here, there) = (Netns::current().unwrap(), another());
        let (rtnl, inside) = (Rtnl::open_current().unwrap(), Rtnl::open(&there).unwrap());
        let host = Place { netns: &here, rtnl: &rtnl };
        let container = Place { netns: &there, rtnl: &inside };
        let device = device(&rtnl);
        let (eth0, hd0) = (name("eth0"), name("hd0"));

        let arrival = Arrival { name: &eth0, alias: "hd0", up: true };
        let inner = host.move_link(&device, container, &arrival).unwrap();
        assert_eq!((inner.name.as_str(), inner.alias.as_deref()), ("eth0", Some("hd0")));
        assert_eq!((inner.mac, inner.is_up()), (device.mac, true));
        assert_eq!(rtnl.find_link("hd0").unwrap(), None);

        let arrival = Arrival { name: &hd0, alias: "", up: false };
        let back = container.move_link(&inner, host, &arrival).unwrap();
        assert_eq!((back.name.as_str(), back.alias.as_deref()), ("hd0", None));
        assert_eq!((back.mac, back.is_up()), (device.mac, false));
        assert_eq!(inside.find_link("eth0").unwrap(), None);
    });
}

#[test]
fn a_link_of_the_old_name_is_not_in_the_way() {
    isolated(|| {
        let (here, there) = (Netns::current().unwrap(), another());
        let (rtnl, inside) = (Rtnl::open_current().unwrap(), Rtnl::open(&there).unwrap());
        let namesake = Bridge { name: &name("hd0"), mac: None, mtu: None, vlan_filtering: false };
        inside.apply(Request::create_bridge(&namesake)).unwrap();
        let namesake = inside.get_link("hd0").unwrap();
        let device = device(&rtnl);
        let eth0 = name("eth0");
        let arrival = Arrival { name: &eth0, alias: "hd0", up: true };
        let host = Place { netns: &here, rtnl: &rtnl };
        let container = Place { netns: &there, rtnl: &inside };
        let inner = host.move_link(&device, container, &arrival).unwrap();
        assert_eq!((inner.name.as_str(), inner.mac), ("eth0", device.mac));
        assert_eq!(inside.get_link("hd0").unwrap(), namesake);
    });
}

#[test]
fn a_taken_name_keeps_the_device_where_it_is() {
    isolated(|| {
        let (here, there) = (Netns::current().unwrap(), another());
        let (rtnl, inside) = (Rtnl::open_current().unwrap(), Rtnl::open(&there).unwrap());
        let device = device(&rtnl);
        let address: IpNetwork = "10.1.2.3/24".parse().unwrap();
        rtnl.apply(Request::add_address(device.index, address)).unwrap();
        let lo = name("lo");
        let arrival = Arrival { name: &lo, alias: "hd0", up: true };
        let host = Place { netns: &here, rtnl: &rtnl };
        let container = Place { netns: &there, rtnl: &inside };
        let error = host.move_link(&device, container, &arrival).unwrap_err();
        assert!(error.is_present());
        assert_eq!(error.to_string(), "file exists");
        assert_eq!(rtnl.get_link("hd0").unwrap(), device);
        let addresses = rtnl.list_addresses(device.index, linux_net::Family::V4).unwrap();
        assert_eq!(addresses.len(), 1);
    });
}

#[test]
fn a_device_that_cannot_be_renamed_comes_back() {
    isolated(|| {
        let (here, there) = (Netns::current().unwrap(), another());
        let (rtnl, inside) = (Rtnl::open_current().unwrap(), Rtnl::open(&there).unwrap());
        let device = device(&rtnl);
        // No device may have one of its own alternative names.
        for arguments in [
            ["link", "property", "add", "dev", "hd0", "altname", "eth0"].as_slice(),
            &["link", "set", "dev", "hd0", "alias", "uplink"],
        ] {
            assert!(Command::new("ip").args(arguments).status().unwrap().success());
        }
        let device = rtnl.get_link(device.index).unwrap();
        let eth0 = name("eth0");
        let arrival = Arrival { name: &eth0, alias: "hd0", up: true };
        let host = Place { netns: &here, rtnl: &rtnl };
        let container = Place { netns: &there, rtnl: &inside };
        let error = host.move_link(&device, container, &arrival).unwrap_err();
        assert!(error.is_present(), "{error:?}");
        let back = rtnl.get_link("hd0").unwrap();
        assert_eq!((back.alias.as_deref(), back.is_up()), (Some("uplink"), true));
        assert_eq!(back.mac, device.mac);
        assert_eq!(inside.find_link("hd0").unwrap(), None);
    });
}

#[test]
fn a_device_bound_to_its_namespace_stays() {
    isolated(|| {
        let (here, there) = (Netns::current().unwrap(), another());
        let (rtnl, inside) = (Rtnl::open_current().unwrap(), Rtnl::open(&there).unwrap());
        let lo = rtnl.get_link("lo").unwrap();
        let eth0 = name("eth0");
        let arrival = Arrival { name: &eth0, alias: "lo", up: true };
        let host = Place { netns: &here, rtnl: &rtnl };
        let container = Place { netns: &there, rtnl: &inside };
        let error = host.move_link(&lo, container, &arrival).unwrap_err();
        assert_eq!(error.to_string(), "invalid argument");
        assert_eq!(rtnl.get_link("lo").unwrap(), lo);
    });
}

#[test]
fn devices_are_found_by_their_address() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let device = device(&rtnl);
        let mac = device.mac.unwrap();
        assert_eq!(rtnl.list_links_with_mac(mac).unwrap(), std::slice::from_ref(&device));
        rtnl.apply(Request::set_mac("far", mac)).unwrap();
        let both = rtnl.list_links_with_mac(mac).unwrap();
        assert_eq!(both.len(), 2);
        assert!(both[0].index < both[1].index);
    });
}

#[test]
fn a_device_is_found_by_its_alias_and_gets_its_name_back() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let device = device(&rtnl);
        let eth0 = name("eth0");
        rtnl.apply(Request::set_down(device.index)).unwrap();
        rtnl.apply(Request::set_name_and_alias(device.index, &eth0, "hd0")).unwrap();
        let stranded = rtnl.get_link(&eth0).unwrap();
        assert_eq!(rtnl.list_links_with_alias("hd0").unwrap(), [stranded]);
        assert_eq!(rtnl.list_links_with_alias("hd").unwrap(), []);
        let (taken, hd0) = (name("far"), name("hd0"));
        let refused =
            rtnl.apply(Request::set_name_and_alias(device.index, &taken, "")).unwrap_err();
        assert!(refused.is_present());
        assert_eq!(rtnl.list_links_with_alias("hd0").unwrap().len(), 1);
        rtnl.apply(Request::set_name_and_alias(device.index, &hd0, "")).unwrap();
        assert_eq!(rtnl.get_link(&hd0).unwrap().alias, None);
    });
}
