//! tap devices, and the context of processes.

use std::cell::Cell;
use std::process::Command;

use linux_net::{IfName, Netns, Request, Rtnl, Tap, selinux};

use crate::namespace::{another, isolated, name};

/// What `ip` says about a link.
fn shown(netns: &Netns, name: &IfName) -> String {
    let show = || Command::new("ip").args(["-d", "link", "show", name.as_str()]).output().unwrap();
    String::from_utf8(netns.run(show).unwrap().stdout).unwrap()
}

#[test]
fn a_tap_device_stays_for_those_who_may_open_it() {
    isolated(|| {
        let container = another();
        let eth0 = name("eth0");
        let tap = Tap {
            name: &eth0,
            multi_queue: true,
            packet_info: false,
            vnet_header: true,
            // Without names, which ip(8) would show.
            owner: Some(123_456),
            group: Some(654_321),
        };
        tap.create_in(&container).unwrap();
        let shown = shown(&container, &eth0);
        for expected in
            ["tun type tap pi off vnet_hdr on multi_queue ", "persist on user 123456 group 654321 "]
        {
            assert!(shown.contains(expected), "{shown}");
        }
        let inside = Rtnl::open(&container).unwrap();
        let made = inside.get_link("eth0").unwrap();
        assert_eq!((made.kind.as_deref(), made.is_up()), (Some("tun"), false));
        assert!(made.mac.is_some());
        assert_eq!(Rtnl::open_current().unwrap().find_link("eth0").unwrap(), None);

        let error = tap.create_in(&container).unwrap_err();
        assert!(error.is_present());
        assert_eq!(error.to_string(), "file exists");
        assert!(inside.remove_link(made.index).unwrap());
    });
}

#[test]
fn a_tap_device_may_have_nothing_special() {
    isolated(|| {
        let here = Netns::current().unwrap();
        let tap0 = name("fifteen-bytes-x");
        let tap = Tap {
            name: &tap0,
            multi_queue: false,
            packet_info: true,
            vnet_header: false,
            owner: None,
            group: None,
        };
        tap.create_in(&here).unwrap();
        let shown = shown(&here, &tap0);
        let expected = "tun type tap pi on vnet_hdr off persist on addrgenmode";
        assert!(shown.contains(expected), "{shown}");
        let rtnl = Rtnl::open_current().unwrap();
        rtnl.apply(Request::set_mtu(&tap0, 1400)).unwrap();
        assert_eq!(rtnl.get_link(&tap0).unwrap().mtu, 1400);
    });
}

#[test]
fn nothing_is_left_of_a_tap_device_that_failed() {
    isolated(|| {
        let here = Netns::current().unwrap();
        let tap0 = name("tap0");
        let tap = Tap {
            name: &tap0,
            multi_queue: false,
            packet_info: false,
            vnet_header: false,
            owner: Some(u32::MAX),
            group: None,
        };
        let error = tap.create_in(&here).unwrap_err();
        let text = "Tuntap IOCTL TUNSETOWNER failed [0], errno invalid argument";
        assert_eq!(error.to_string(), text);
        assert_eq!(Rtnl::open_current().unwrap().find_link("tap0").unwrap(), None);
    });
}

#[test]
fn work_runs_in_the_context_or_not_at_all() {
    let has_run = Cell::new(false);
    // Security modules other than SELinux may take any text.
    let outcome = selinux::with_exec_context("no context", || has_run.set(true));
    assert_eq!(outcome.is_ok(), has_run.get());
    if let Err(error) = outcome {
        assert_eq!(error.to_string(), "write /proc/thread-self/attr/exec: invalid argument");
    }
}
