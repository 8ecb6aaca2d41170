//! Entering and comparing namespaces, and their settings.

use crate::namespace::{another, isolated};
use linux_net::{Family, Netns, Rtnl, sysctl};

#[test]
fn work_runs_inside_and_the_thread_comes_back() {
    isolated(|| {
        let before = Netns::current().unwrap();
        let other = another();
        let inside = other.run(|| Netns::current().unwrap()).unwrap();
        assert!(inside.is_same(&other).unwrap());
        assert!(!before.is_same(&other).unwrap());
        assert!(Netns::current().unwrap().is_same(&before).unwrap());
        assert_eq!(before.run(|| 5).unwrap(), 5);
    });
}

#[test]
fn the_thread_comes_back_from_work_that_panics() {
    isolated(|| {
        let before = Netns::current().unwrap();
        let other = another();
        let work = std::panic::AssertUnwindSafe(|| other.run(|| std::panic::panic_any(1_u8)));
        assert!(std::panic::catch_unwind(work).is_err());
        assert!(Netns::current().unwrap().is_same(&before).unwrap());
    });
}

#[test]
fn opening_tells_absence_from_other_files() {
    let absent = Netns::open("/nonexistent/ns").unwrap_err();
    assert!(absent.is_missing());
    let text = r#"failed to Statfs "/nonexistent/ns": no such file or directory"#;
    assert_eq!(absent.to_string(), text);

    let other = Netns::open(env!("CARGO_MANIFEST_DIR")).unwrap_err();
    assert!(!other.is_missing());
    assert!(other.to_string().starts_with("unknown FS magic on "), "{other}");

    let no_namespace = Netns::open("/proc/self/stat").unwrap();
    let error = no_namespace.run(|| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "error switching to ns /proc/self/stat: Error switching to ns /proc/self/stat: \
         invalid argument"
    );
}

#[test]
fn a_namespace_that_has_gone_may_have_left_its_mount_point() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("left-by-a-namespace");
    let _ = std::fs::remove_file(&file);
    assert!(Netns::find(&file).unwrap().is_none());
    std::fs::write(&file, "").unwrap();
    assert!(Netns::find(&file).unwrap().is_none());
    std::fs::write(&file, "x").unwrap();
    let other = Netns::find(&file).unwrap_err();
    assert!(other.to_string().starts_with("unknown FS magic on "), "{other}");
    assert!(Netns::find(folder).is_err());
    std::fs::remove_file(&file).unwrap();
    assert!(Netns::find("/proc/self/ns/net").unwrap().is_some());
}

#[test]
fn settings_belong_to_the_namespace_they_are_written_in() {
    isolated(|| {
        let other = another();
        let settings =
            [("net/ipv4/conf/lo/arp_notify", "1"), ("net/ipv4/conf/none/arp_notify", "1")];
        let results = sysctl::write_in(&other, &settings).unwrap();
        assert!(results[0].is_ok());
        let error = results[1].as_ref().unwrap_err();
        assert!(error.is_missing());
        let text = "open /proc/sys/net/ipv4/conf/none/arp_notify: no such file or directory";
        assert_eq!(error.to_string(), text);
        let read = || sysctl::read("net/ipv4/conf/lo/arp_notify").unwrap();
        assert_eq!(other.run(read).unwrap(), "1");
        assert_eq!(read(), "0");
    });
}

#[test]
fn a_refused_value_is_an_error_of_the_write() {
    isolated(|| {
        let error = sysctl::write("net/ipv4/conf/lo/arp_notify", "no").unwrap_err();
        let text = "write /proc/sys/net/ipv4/conf/lo/arp_notify: invalid argument";
        assert_eq!(error.to_string(), text);
    });
}

#[test]
fn a_file_that_is_no_setting_is_not_written() {
    isolated(|| {
        let target = "../../dev/null";
        assert!(sysctl::write(target, "1").is_err());
    });
}

#[test]
fn forwarding_is_switched_on_per_family() {
    isolated(|| {
        sysctl::write("net/ipv4/ip_forward", "0").unwrap();
        sysctl::write("net/ipv6/conf/all/forwarding", "0").unwrap();
        sysctl::ensure_forwarding(Family::V4).unwrap();
        assert_eq!(sysctl::read("net/ipv4/ip_forward").unwrap(), "1");
        assert_eq!(sysctl::read("net/ipv6/conf/all/forwarding").unwrap(), "0");
        sysctl::ensure_forwarding(Family::V6).unwrap();
        assert_eq!(sysctl::read("net/ipv6/conf/all/forwarding").unwrap(), "1");
    });
}

#[test]
fn a_socket_stays_in_its_namespace() {
    isolated(|| {
        let other = another();
        let inside = Rtnl::open(&other).unwrap();
        inside.apply(linux_net::Request::set_up("lo")).unwrap();
        assert!(inside.get_link("lo").unwrap().is_up());
        assert!(!Rtnl::open_current().unwrap().get_link("lo").unwrap().is_up());
    });
}
