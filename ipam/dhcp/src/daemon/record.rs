//! What is remembered of a lease beyond the life of the daemon.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cni_core::spec::error::io_cause;
use cni_core::{Error, Result, quote};
use dhcproto::v4::OptionCode;
use linux_net::{Family, Netns};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::clock::now;
use super::port::{Port, random};
use super::tenant::Order;
use crate::client::v6::{self, Holding, Mode};
use crate::client::{Client, Identity, Lease, Timing, Wishes};

/// The longest client id in bytes; with the byte before it, it fills an option.
const LONGEST_CLIENT_ID: usize = 254;

/// The extension of a file that is being written.
const DRAFT: &str = "new";

/// A lease, whose it is, and where it is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) container_id: String,
    pub(crate) network: String,
    pub(crate) ifname: String,
    /// The path of the namespace.
    pub(crate) netns: String,
    /// The namespace itself: a path may lead to another one later.
    pub(crate) netns_id: (u64, u64),
    /// The life of the machine in which the lease was taken.
    pub(crate) boot_id: String,
    pub(crate) wishes: Wishes,
    pub(crate) lease: Held,
}

/// What is held. An attachment has one record for each address family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Held {
    V4(Lease),
    V6 { mode: Mode, held: Holding },
}

/// Whose lease it is: `<container>/<network>/<interface>`.
pub(crate) fn key(container_id: &str, network: &str, ifname: &str) -> String {
    format!("{container_id}/{network}/{ifname}")
}

/// How the holder of a lease shows itself to servers.
pub(crate) fn identity(key: &str, wishes: &Wishes, port: &Port) -> Identity {
    // A byte that says that it is no hardware address, and the key, cut off.
    let len = key.len().min(LONGEST_CLIENT_ID);
    Identity {
        hardware: port.hardware(),
        client_id: [&[0], &key.as_bytes()[..len]].concat(),
        wishes: wishes.clone(),
        wants_broadcast: port.needs_broadcast(),
        tries_out: wishes.detect_conflicts && port.hears_of_neighbours(),
    }
}

/// How the same shows itself to DHCPv6 servers.
///
/// Its identifier is a UUID (RFC 6355) made of what it is called: it stays the same for as long as
/// the attachment exists, whatever its hardware address, and no other attachment has it. Identifiers
/// made of hardware addresses would be shared by all interfaces of an ipvlan.
pub(crate) fn identity6(key: &str, ifname: &str, wishes: &Wishes) -> v6::Identity {
    /// The type of an identifier that is a UUID.
    const UUID: [u8; 2] = [0, 4];

    let provided = wishes.provided.bytes(OptionCode::ClientIdentifier);
    let hash = Sha256::digest(provided.unwrap_or(key.as_bytes()));
    let mut uuid: [u8; 16] = std::array::from_fn(|at| hash[at]);
    // Version 8 and the variant of RFC 9562: made by a rule of ours.
    uuid[6] = uuid[6] & 0x0f | 0x80;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    let name = Sha256::digest(ifname);
    v6::Identity {
        client: [&UUID[..], &uuid].concat(),
        association: u32::from_be_bytes([name[0], name[1], name[2], name[3]]),
    }
}

impl Record {
    /// What is now held at an interface.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell which namespace it is in.
    pub(super) fn of(order: &Order, port: &Port, lease: Held) -> Result<Self> {
        let Order { container_id, network, ifname, netns, wishes } = order.clone();
        let netns_id = port.netns().id()?;
        let boot_id = boot_id();
        Ok(Self { container_id, network, ifname, netns, netns_id, boot_id, wishes, lease })
    }

    pub(super) fn order(&self) -> Order {
        let Self { container_id, network, ifname, netns, wishes, .. } = self.clone();
        Order { container_id, network, ifname, netns, wishes }
    }

    pub(crate) fn key(&self) -> String {
        key(&self.container_id, &self.network, &self.ifname)
    }

    fn family(&self) -> Family {
        match self.lease {
            Held::V4(_) => Family::V4,
            Held::V6 { .. } => Family::V6,
        }
    }

    fn tell_server(self) -> Result<()> {
        let port = Port::open(&self.netns, &self.ifname)?;
        if !self.is_of(port.netns()) {
            return Ok(());
        }
        match self.lease.clone() {
            Held::V4(lease) => self.tell_ipv4_server(lease, &port),
            Held::V6 { held, .. } => self.tell_ipv6_server(held, &port),
        }
    }

    fn tell_ipv4_server(self, lease: Lease, port: &Port) -> Result<()> {
        let identity = identity(&self.key(), &self.wishes, port);
        let mut client = Client::new(identity, Timing::default(), random);
        client.adopt(lease, now());
        match client.release() {
            Some((message, destination)) => port.send(&port.listen()?, &message, destination),
            None => Ok(()),
        }
    }

    fn tell_ipv6_server(self, held: Holding, port: &Port) -> Result<()> {
        let Some(lease) = held.lease else { return Ok(()) };
        let identity = identity6(&self.key(), &self.ifname, &self.wishes);
        let mut client = v6::Client::new(identity, Timing::default(), random);
        let address = lease.address;
        client.adopt(lease, now());
        port.hide_ipv6(address)?;
        match client.release() {
            Some(message) => port.send_ipv6(&port.listen_ipv6()?, &message),
            None => Ok(()),
        }
    }

    /// Whether the lease is of this life of the machine and this is its namespace.
    pub(crate) fn is_of(&self, netns: &Netns) -> bool {
        self.boot_id == boot_id() && netns.id().is_ok_and(|id| id == self.netns_id)
    }
}

/// The life of the machine.
fn boot_id() -> String {
    let read = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    read.unwrap_or_default().trim().to_owned()
}

/// The families that an attachment may have a record of.
const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// The folder with one file for each lease of a daemon.
#[derive(Clone, Debug)]
pub(crate) struct Records(PathBuf);

impl Records {
    /// The folder beside a socket: `/run/cni/dhcp.leases` for `/run/cni/dhcp.sock`.
    pub(crate) fn beside(socket_path: &str) -> Self {
        Self(Path::new(socket_path).with_extension("leases"))
    }

    fn path(&self, key: &str, family: Family) -> PathBuf {
        let hash: String =
            Sha256::digest(key).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.0.join(hash + if family == Family::V4 { ".json" } else { ".v6.json" })
    }

    /// Writes a lease, in the place of what was known of it.
    ///
    /// # Errors
    ///
    /// When the disk is full, or the like; then the old one stays.
    pub(crate) fn save(&self, record: &Record) -> Result<()> {
        let path = self.path(&record.key(), record.family());
        let text = serde_json::to_vec(record)?;
        self.replace(&path, &text).map_err(|error| failed("write", &path, &error))
    }

    fn replace(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        fault_point::effect("write a lease")?;
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let draft = path.with_extension(DRAFT);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text)?;
        file.sync_all()?;
        fault_point::effect("put a lease in its place")?;
        fs::rename(draft, path)
    }

    /// Removes what a daemon that was killed had not finished to write.
    pub(super) fn sweep(&self) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == DRAFT) {
                // Nobody reads it, so it may as well stay.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Forgets a lease.
    ///
    /// # Errors
    ///
    /// When it is still there.
    pub(crate) fn remove(&self, key: &str, family: Family) -> Result<()> {
        let path = self.path(key, family);
        fault_point::effect("forget a lease")?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(failed("remove", &path, &error))
            }
            _ => Ok(()),
        }
    }

    /// Forgets all leases of an attachment.
    ///
    /// # Errors
    ///
    /// When one is still there; all are tried.
    pub(crate) fn remove_all(&self, key: &str) -> Result<()> {
        FAMILIES.map(|family| self.remove(key, family)).into_iter().fold(Ok(()), Result::and)
    }

    /// Gives the leases of an attachment back and forgets them, for want of a daemon.
    ///
    /// # Errors
    ///
    /// When it is still on record. A server that cannot be told takes it back in the end.
    pub(crate) fn release(&self, key: &str) -> Result<()> {
        for family in FAMILIES {
            if let Ok(Some(record)) = read(&self.path(key, family)) {
                let _ = record.tell_server();
            }
        }
        self.remove_all(key)
    }

    /// All leases. Files that cannot be read are told beside them.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub(crate) fn list(&self) -> Result<(Vec<Record>, Vec<Error>)> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((vec![], vec![])),
            Err(error) => return Err(failed("read", &self.0, &error)),
            Ok(entries) => entries,
        };
        let (mut records, mut errors) = (Vec::new(), Vec::new());
        for entry in entries {
            let path = entry.map_err(|error| failed("read", &self.0, &error))?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match read(&path) {
                Ok(record) => records.extend(record),
                Err(error) => errors.push(error),
            }
        }
        records.sort_by_key(Record::key);
        Ok((records, errors))
    }
}

fn read(path: &Path) -> Result<Option<Record>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path, &error)),
        Ok(text) => text,
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        Error::internal(format!("read {}: {error}", quote(&path.to_string_lossy())))
    })
}

fn failed(operation: &str, path: &Path, error: &io::Error) -> Error {
    let path = quote(&path.to_string_lossy());
    Error::internal(format!("{operation} {path}: {}", io_cause(error)))
}
