//! Links made on others, at once in the namespace they are for.
//!
//! What few kernels have is tested in user-mode Linux.

use cni_testkit::{Feature, lacks};
use linux_net::{
    IfName, Ipvlan, IpvlanMode, Link, LinkKind, Mac, Macvlan, MacvlanMode, NewLink, NewLinkError,
    Place, Request, Rtnl, VethPair, VethPeer, Vlan,
};

use crate::namespace::{another, isolated, name};

const MAC: [u8; 6] = [0xc2, 0xb0, 0x57, 0x49, 0x47, 0xf1];

/// Makes the veth `base`, with its peer `far`, and returns it.
fn base(rtnl: &Rtnl) -> Link {
    let here = linux_net::Netns::current().unwrap();
    let (base, far) = (name("base"), name("far"));
    let peer = VethPeer { name: &far, mac: None, netns: &here };
    let pair = VethPair { name: &base, controller: None, mtu: None, peer };
    rtnl.apply(Request::create_veth_pair(&pair)).unwrap();
    rtnl.get_link(&base).unwrap()
}

/// A link of the lower device's address and size.
fn plain(name: &IfName, kind: LinkKind) -> NewLink<'_> {
    NewLink { name, mac: None, mtu: None, kind }
}

fn macvlan(lower: &Link, mode: MacvlanMode) -> LinkKind {
    LinkKind::Macvlan(Macvlan { lower: lower.index, mode, broadcast_queue_len: None })
}

#[test]
fn a_macvlan_is_born_where_it_is_wanted() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let base = base(&rtnl);
        for mode in [MacvlanMode::Private, MacvlanMode::Vepa, MacvlanMode::Bridge] {
            let container = another();
            let inside = Rtnl::open(&container).unwrap();
            let eth0 = name("eth0");
            let kind = LinkKind::Macvlan(Macvlan {
                lower: base.index,
                mode,
                broadcast_queue_len: Some(2000),
            });
            let link = NewLink { name: &eth0, mac: Some(MAC.into()), mtu: Some(1300), kind };
            let place = Place { netns: &container, rtnl: &inside };
            let made = rtnl.create_link_at(place, &link).unwrap();
            assert_eq!((made.name.as_str(), made.kind.as_deref()), ("eth0", Some("macvlan")));
            assert_eq!((made.mac, made.mtu, made.is_up()), (Some(Mac::from(MAC)), 1300, false));
            assert_eq!((made.macvlan_mode, made.peer_index), (Some(mode), Some(base.index)));
            assert!(made.peer_netnsid.is_some());
        }
    });
}

#[test]
fn a_passthru_macvlan_is_alone() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let base = base(&rtnl);
        let (one, other) = (name("one"), name("other"));
        let passthru = macvlan(&base, MacvlanMode::Passthru);
        let made = rtnl.create_link(&plain(&one, passthru)).unwrap();
        assert_eq!((made.mac, made.peer_netnsid), (base.mac, None));
        let error = rtnl.create_link(&plain(&other, passthru)).unwrap_err();
        assert!(matches!(&error, NewLinkError::Create(_)), "{error:?}");
        assert_eq!(error.to_string(), "invalid argument");
    });
}

#[test]
fn a_name_the_host_has_is_free_in_a_container() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let base = base(&rtnl);
        let container = another();
        let inside = Rtnl::open(&container).unwrap();
        let (far, place) = (name("far"), Place { netns: &container, rtnl: &inside });
        let link = plain(&far, macvlan(&base, MacvlanMode::Bridge));
        let made = rtnl.create_link_at(place, &link).unwrap();
        assert_eq!((made.name.as_str(), made.kind.as_deref()), ("far", Some("macvlan")));
        assert_eq!(inside.get_link("far").unwrap(), made);
        assert_eq!(rtnl.get_link("far").unwrap().kind.as_deref(), Some("veth"));
    });
}

#[test]
fn a_name_taken_in_the_container_leaves_nothing() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let base = base(&rtnl);
        let container = another();
        let inside = Rtnl::open(&container).unwrap();
        let lo = name("lo");
        let link = plain(&lo, macvlan(&base, MacvlanMode::Bridge));
        let place = Place { netns: &container, rtnl: &inside };
        let error = rtnl.create_link_at(place, &link).unwrap_err();
        let NewLinkError::Name(error) = error else { panic!("{error:?}") };
        assert!(error.is_present());
        assert_eq!(error.to_string(), "file exists");
        // The next index would be the link's, had it been left.
        assert_eq!(inside.list_links_with_mac(Mac::from([0; 6])).unwrap().len(), 1);
        assert_eq!(inside.find_link(2).unwrap(), None);
        let error = inside.create_link(&link).unwrap_err();
        assert!(matches!(&error, NewLinkError::Create(_)), "{error:?}");
    });
}

#[test]
fn uml_an_ipvlan_shares_the_address_of_its_device() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let base = base(&rtnl);
        for mode in [IpvlanMode::L2, IpvlanMode::L3, IpvlanMode::L3s] {
            let container = another();
            let inside = Rtnl::open(&container).unwrap();
            // A name of the host's, too.
            let far = name("far");
            let ipvlan = Ipvlan { lower: base.index, mode };
            let link = NewLink { mtu: Some(1300), ..plain(&far, LinkKind::Ipvlan(ipvlan)) };
            let place = Place { netns: &container, rtnl: &inside };
            let made = rtnl.create_link_at(place, &link).unwrap();
            assert_eq!((made.name.as_str(), made.kind.as_deref()), ("far", Some("ipvlan")));
            assert_eq!((made.mac, made.mtu), (base.mac, 1300));
            assert_eq!((made.ipvlan_mode, made.peer_index), (Some(mode), Some(base.index)));
        }
        let error = rtnl
            .create_link(&plain(&name("mac"), macvlan(&base, MacvlanMode::Bridge)))
            .unwrap_err();
        assert_eq!(error.to_string(), "device or resource busy");
    });
}

#[test]
fn uml_a_vlan_interface_exists_once_in_all_namespaces() {
    if lacks(Feature::Vlan) {
        return;
    }
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let base = base(&rtnl);
        let (container, eth0) = (another(), name("eth0"));
        let inside = Rtnl::open(&container).unwrap();
        let place = Place { netns: &container, rtnl: &inside };
        let vlan = |id| plain(&eth0, LinkKind::Vlan(Vlan { lower: base.index, id }));
        let made = rtnl.create_link_at(place, &vlan(1234)).unwrap();
        assert_eq!((made.name.as_str(), made.kind.as_deref()), ("eth0", Some("vlan")));
        assert_eq!((made.vlan_id, made.mac, made.mtu), (Some(1234), base.mac, 1500));
        assert_eq!(made.peer_index, Some(base.index));

        // The same id again, under any name: it is the interface that exists.
        let elsewhere = another();
        let outside = Rtnl::open(&elsewhere).unwrap();
        for place in [place, Place { netns: &elsewhere, rtnl: &outside }] {
            let error = rtnl.create_link_at(place, &vlan(1234)).unwrap_err();
            let NewLinkError::Create(error) = error else { panic!("{error:?}") };
            assert!(error.is_present());
        }
        // Another id under that name: it is the name.
        let error = rtnl.create_link_at(place, &vlan(0)).unwrap_err();
        let NewLinkError::Name(error) = error else { panic!("{error:?}") };
        assert!(error.is_present());
        let made = rtnl.create_link(&vlan(0)).unwrap();
        assert_eq!((made.vlan_id, made.peer_netnsid), (Some(0), None));
    });
}

#[test]
fn uml_a_dummy_is_made_with_one_send() {
    if lacks(Feature::Dummy) {
        return;
    }
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let eth0 = name("eth0");
        let made = rtnl.create_link(&plain(&eth0, LinkKind::Dummy)).unwrap();
        assert_eq!((made.name.as_str(), made.kind.as_deref()), ("eth0", Some("dummy")));
        assert!(made.mac.is_some() && !made.is_up());
        let error = rtnl.create_link(&plain(&eth0, LinkKind::Dummy)).unwrap_err();
        assert!(matches!(&error, NewLinkError::Create(error) if error.is_present()), "{error:?}");
    });
}
