//! The store in a folder of its own.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::rc::Rc;

use cni_core::Owned;
use tempfile::TempDir;

use super::*;

struct World {
    dir: TempDir,
    folder: Rc<Folder>,
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

fn attachment(container_id: &str, ifname: &str) -> Attachment {
    Attachment {
        container_id: container_id.to_owned(),
        netns: String::new(),
        ifname: ifname.to_owned(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the test plays the reference, or an administrator")]
fn write(path: std::path::PathBuf, content: &str) {
    fs::write(path, content).expect("a written file");
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let data_dir = dir.path().join("networks");
        let folder = Folder::ensure(data_dir.to_str().expect("text"), "net").expect("the store");
        Self { dir, folder: Rc::new(folder) }
    }

    fn index(&self) -> std::path::PathBuf {
        self.dir.path().join("networks/.owners/net")
    }

    fn put(&self, name: &str, content: &str) {
        write(self.folder.path().join(name), content);
    }

    fn content(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join(name)).ok()
    }

    fn lock<'a>(&'a self, attachment: &'a Attachment) -> Store<'a> {
        Store::lock(&self.folder, attachment).expect("the lock")
    }

    fn reserve(&self, attachment: &Attachment, address: &str) -> bool {
        let draft = Draft::durable(&self.folder, Holder::content_for(attachment)).expect("draft");
        let mut store = self.lock(attachment);
        let reserved = store.reserve(&draft, ip(address)).expect("reserve");
        store.settle();
        reserved
    }

    fn held(&self, attachment: &Attachment) -> Vec<String> {
        let mut held: Vec<String> =
            self.lock(attachment).held().expect("held").into_iter().map(|r| r.name).collect();
        held.sort();
        held
    }

    fn release(&self, attachment: &Attachment) {
        let mut store = self.lock(attachment);
        for record in store.held().expect("held") {
            store.release(record.name).expect("release");
        }
        store.settle();
    }

    /// Fills the store so that the index is worth its while.
    fn crowd(&self) {
        for i in 0..=FEW {
            self.put(&format!("10.9.0.{i}"), &format!("crowd{i}\r\neth0"));
        }
    }

    fn is_current(&self) -> bool {
        Owners::of(&self.folder).are_current(&self.folder)
    }
}

#[test]
fn files_are_those_of_the_reference() {
    let world = World::new();
    let c1 = attachment("c1", "eth0");
    assert!(world.reserve(&c1, "10.1.2.2"));
    assert!(world.reserve(&c1, "2001:db8:1::2"));
    assert_eq!(world.content("10.1.2.2").as_deref(), Some("c1\r\neth0"));
    assert_eq!(world.content("2001:db8:1::2").as_deref(), Some("c1\r\neth0"));
    let mode = |name: &str| {
        let path = world.folder.path().join(name);
        fs::metadata(path).expect("a file").mode() & 0o7777
    };
    assert_eq!(mode("10.1.2.2"), 0o600);
    assert_eq!(mode("lock") & !0o750, 0);

    let mut store = world.lock(&c1);
    for address in ["10.1.2.200", "10.1.2.2"] {
        store.set_last_reserved([ip(address)].into_iter()).expect("a marker");
    }
    assert_eq!(world.content("last_reserved_ip.0").as_deref(), Some("10.1.2.2"));
    assert_eq!(store.last_reserved(0), Some(ip("10.1.2.2")));
    assert_eq!(store.last_reserved(1), None);
    world.put("last_reserved_ip.1", "10.1.2.2\n");
    assert_eq!(store.last_reserved(1), None);
    assert_eq!(mode("last_reserved_ip.0"), 0o600);
}

#[test]
fn a_taken_address_stays_and_an_empty_file_is_taken_over() {
    let world = World::new();
    world.put("10.1.2.2", "somebody\r\neth0");
    world.put("10.1.2.3", "");
    let c1 = attachment("c1", "eth0");
    assert!(!world.reserve(&c1, "10.1.2.2"));
    assert!(world.reserve(&c1, "10.1.2.3"));
    assert_eq!(world.content("10.1.2.2").as_deref(), Some("somebody\r\neth0"));
    assert_eq!(world.content("10.1.2.3").as_deref(), Some("c1\r\neth0"));
}

#[test]
fn the_old_form_counts_only_where_there_is_no_new_one() {
    let world = World::new();
    world.put("10.1.2.2", " c1\n");
    world.put("10.1.2.3", "c1\neth0");
    world.put("last_reserved_ip.0", "c1");
    let (eth0, eth1) = (attachment("c1", "eth0"), attachment("c1", "eth1"));
    assert_eq!(world.held(&eth0), ["10.1.2.2"]);
    world.put("10.1.2.4", "c1\r\neth0");
    assert_eq!(world.held(&eth0), ["10.1.2.4"]);
    assert_eq!(world.held(&eth1), ["10.1.2.2"]);
    assert_eq!(world.lock(&eth0).held_in_any_form().expect("held").len(), 2);
    world.release(&eth1);
    assert_eq!(world.content("10.1.2.2"), None);
    assert!(world.content("10.1.2.3").is_some() && world.content("last_reserved_ip.0").is_some());
}

#[test]
fn few_reservations_need_no_index_and_many_get_one() {
    let world = World::new();
    let c1 = attachment("c1", "eth0");
    world.reserve(&c1, "10.1.2.2");
    world.release(&c1);
    assert!(!world.index().exists());

    world.crowd();
    assert_eq!(world.held(&c1), [] as [&str; 0]);
    world.release(&c1);
    assert!(world.is_current());
    world.reserve(&c1, "10.1.2.3");
    assert!(world.is_current());
    assert_eq!(world.held(&c1), ["10.1.2.3"]);
    world.release(&c1);
    assert!(world.is_current());
    assert_eq!(world.held(&c1), [] as [&str; 0]);
    assert_eq!(world.held(&attachment("crowd5", "eth0")), ["10.9.0.5"]);
}

#[test]
fn what_the_reference_does_in_between_is_seen() {
    let world = World::new();
    world.crowd();
    let c1 = attachment("c1", "eth0");
    world.release(&c1);
    assert!(world.is_current());
    world.put("10.1.2.4", "c1\r\neth0");
    assert!(!world.is_current());
    assert_eq!(world.held(&c1), ["10.1.2.4"]);
    // A change on top of one that the index does not know of does not hide that one.
    world.put("10.1.2.5", "c2\r\neth0");
    world.reserve(&c1, "10.1.2.6");
    assert!(!world.is_current());
    assert_eq!(world.held(&attachment("c2", "eth0")), ["10.1.2.5"]);
    world.release(&c1);
    assert!(world.is_current());
    fs::remove_file(world.folder.path().join("10.1.2.5")).expect("removed");
    assert_eq!(world.held(&attachment("c2", "eth0")), [] as [&str; 0]);
}

#[test]
fn a_reservation_edited_in_place_is_read_again() {
    let world = World::new();
    world.crowd();
    let c1 = attachment("c1", "eth0");
    world.release(&c1);
    world.reserve(&c1, "10.1.2.2");
    world.put("10.1.2.2", "c1");
    assert!(world.is_current());
    assert_eq!(world.held(&c1), ["10.1.2.2"]);
    world.put("10.1.2.2", "other\r\neth0");
    assert_eq!(world.held(&c1), [] as [&str; 0]);
}

#[test]
fn a_broken_index_only_costs_time() {
    let world = World::new();
    world.crowd();
    // Nothing can be made below a file.
    write(world.dir.path().join("networks/.owners"), "");
    let c1 = attachment("c1", "eth0");
    assert!(world.reserve(&c1, "10.1.2.2"));
    assert_eq!(world.held(&c1), ["10.1.2.2"]);
    world.release(&c1);
    assert_eq!(world.content("10.1.2.2"), None);

    let world = World::new();
    world.crowd();
    world.release(&c1);
    write(world.index().join("stamp"), "another boot\t1\n");
    assert!(!world.is_current());
    world.release(&c1);
    assert!(world.is_current());
}

#[test]
fn undo_frees_only_the_file_of_its_own_add() {
    let world = World::new();
    let c1 = attachment("c1", "eth0");
    world.reserve(&c1, "10.1.2.2");
    let draft = Draft::durable(&world.folder, Holder::content_for(&c1)).expect("a draft");
    let reservation = |address: &str, draft: &Rc<Draft>| Reservation {
        folder: Rc::clone(&world.folder),
        draft: Rc::clone(draft),
        attachment: c1.clone(),
        address: ip(address),
    };
    let draft = Rc::new(draft);
    let mut store = world.lock(&c1);
    assert!(store.reserve(&draft, ip("10.1.2.3")).expect("reserve"));
    drop(store);
    for address in ["10.1.2.2", "10.1.2.3", "10.1.2.4"] {
        reservation(address, &draft).remove().expect("removed");
    }
    assert_eq!(world.held(&c1), ["10.1.2.2"]);
    assert_eq!(reservation("10.1.2.3", &draft).to_string(), "reservation of 10.1.2.3");
}

#[test]
fn looking_for_a_network_makes_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let data_dir = dir.path().join("networks");
    assert!(Folder::find(data_dir.to_str().expect("text"), "net").expect("no error").is_none());
    assert!(!data_dir.exists());
}
