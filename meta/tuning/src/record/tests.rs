//! Records on disk, byte for byte.

use std::path::Path;

use super::*;

const ALL: &str = r#"{
 "mac": "02:00:00:00:00:01",
 "promisc": false,
 "mtu": 1500,
 "allmulti": false,
 "txQLen": 1000,
 "network": "net1"
}"#;

fn all() -> Attributes {
    Attributes {
        mac: "02:00:00:00:00:01".parse().ok(),
        promisc: Some(false),
        mtu: Some(1500),
        allmulti: Some(false),
        tx_queue_len: Some(1000),
    }
}

fn mtu(mtu: u32) -> Attributes {
    Attributes { mtu: Some(mtu), ..Attributes::default() }
}

fn originals(folder: &Path) -> Originals {
    let attachment = Attachment {
        container_id: "ctr1".to_owned(),
        ifname: "eth0".to_owned(),
        netns: String::new(),
    };
    Originals::of(&attachment, &folder.to_string_lossy())
}

fn content(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("ctr1_eth0.json")).expect("the record")
}

#[test]
fn the_text_is_the_references_and_the_network() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("made/by/the/way");
    let record = originals(&folder);
    assert_eq!(record.ensure(&all(), "net1"), Ok(true));
    assert_eq!(content(&folder), ALL);
    assert_eq!(record.read().map(|record| record.originals()), Some(all()));
    assert_eq!(record.remove(), Ok(()));
    assert_eq!(std::fs::read_dir(&folder).expect("the folder").count(), 0);
    assert_eq!(record.remove(), Ok(()));
}

#[test]
fn the_first_values_stay_and_missing_ones_are_added() {
    let root = tempfile::tempdir().expect("a folder");
    let record = originals(root.path());
    assert_eq!(record.ensure(&mtu(1500), "net1"), Ok(true));
    assert_eq!(record.ensure(&mtu(1400), "net1"), Ok(false));
    assert_eq!(content(root.path()), "{\n \"mtu\": 1500,\n \"network\": \"net1\"\n}");
    let later = Attributes { mtu: Some(1400), ..all() };
    assert_eq!(record.ensure(&later, "net1"), Ok(false));
    assert_eq!(content(root.path()), ALL);
}

#[expect(clippy::disallowed_methods, reason = "the test plays the reference")]
fn put(folder: &Path, text: &str) {
    std::fs::write(folder.join("ctr1_eth0.json"), text).expect("written");
}

#[test]
fn what_the_reference_wrote_is_understood() {
    let root = tempfile::tempdir().expect("a folder");
    let record = originals(root.path());
    put(root.path(), "{\n \"mtu\": 1500\n}");
    assert_eq!(record.ensure(&mtu(1400), "net1"), Ok(false));
    assert_eq!(content(root.path()), "{\n \"mtu\": 1500,\n \"network\": \"net1\"\n}");
    put(root.path(), r#"{ "MTU": 0, "mac": "", "unknown": [1] }"#);
    assert_eq!(record.read().map(|record| record.originals()), Some(Attributes::default()));
}

#[test]
fn what_is_broken_or_another_networks_is_no_record() {
    let root = tempfile::tempdir().expect("a folder");
    let record = originals(root.path());
    for text in ["", "{", "[]", r#"{"mtu":"x"}"#, r#"{"mtu":9,"network":"net2"}"#] {
        put(root.path(), text);
        assert_eq!(record.ensure(&mtu(1500), "net1"), Ok(true), "{text}");
        assert_eq!(content(root.path()), "{\n \"mtu\": 1500,\n \"network\": \"net1\"\n}");
        put(root.path(), text);
        assert_eq!(record.remove(), Ok(()), "{text}");
        assert!(!root.path().join("ctr1_eth0.json").exists());
    }
}

#[test]
fn a_symbolic_link_is_neither_read_nor_written_through() {
    let root = tempfile::tempdir().expect("a folder");
    let record = originals(root.path());
    let target = root.path().join("target");
    for content in [ALL, "precious"] {
        #[expect(clippy::disallowed_methods, reason = "the test makes a target")]
        std::fs::write(&target, content).expect("written");
        let link = || {
            std::os::unix::fs::symlink(&target, root.path().join("ctr1_eth0.json"))
                .expect("a link");
        };
        link();
        assert_eq!(record.read(), None);
        assert_eq!(record.remove(), Ok(()));
        link();
        assert_eq!(record.ensure(&mtu(1500), "net1"), Ok(true));
        assert_eq!(record.remove(), Ok(()));
        assert_eq!(std::fs::read_to_string(&target).expect("the target"), content);
    }
}
