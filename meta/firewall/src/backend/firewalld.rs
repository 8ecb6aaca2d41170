//! firewalld, asked over the system's message bus.

use std::net::IpAddr;
use std::time::Duration;

use cni_core::spec::error::io_cause;
use cni_core::{Context, Error, Result};
use ipnetwork::IpNetwork;
use zbus::address::Transport;
use zbus::address::transport::UnixSocket;
use zbus::connection::Builder;
use zbus::{Address, Connection, Message, block_on};

const SERVICE: &str = "org.fedoraproject.FirewallD1";
const OBJECT: &str = "/org/fedoraproject/FirewallD1";
const ZONE: &str = "org.fedoraproject.FirewallD1.zone";
/// How long an answer may take: what libdbus waits.
const PATIENCE: Duration = Duration::from_secs(25);

/// Whether firewalld has its name on the bus. Where there is no bus nothing but that is found out.
pub(crate) fn is_running() -> bool {
    let Ok(address) = Address::system() else {
        return false;
    };
    socket_of(&address).is_none_or(|path| path.exists())
        && Firewalld::connect().is_ok_and(|firewalld| firewalld.status().is_ok())
}

/// The file of the bus's socket.
fn socket_of(address: &Address) -> Option<&std::path::Path> {
    match address.transport() {
        Transport::Unix(unix) => match unix.path() {
            UnixSocket::File(path) => Some(path),
            _ => None,
        },
        _ => None,
    }
}

/// The firewall daemon. It forgets what it is told here when it is reloaded.
pub(crate) struct Firewalld(Connection);

impl Firewalld {
    /// Connects to the bus.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn connect() -> Result<Self> {
        let connected = block_on(Builder::system().method_timeout(PATIENCE).build());
        connected.map(Self).map_err(|error| match &error {
            // Reference: in these words.
            zbus::Error::Connection(cause, address) => match socket_of(address) {
                Some(path) => Error::internal(format!(
                    "dial unix {}: connect: {}",
                    path.display(),
                    io_cause(cause)
                )),
                None => error.into(),
            },
            _ => error.into(),
        })
    }

    /// Tells whether the daemon has its name on the bus; does not start it.
    ///
    /// # Errors
    ///
    /// When it has not.
    pub(crate) fn status(&self) -> Result<()> {
        let (bus, path) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
        let asked = self.0.call_method(Some(bus), path, Some(bus), "GetNameOwner", &SERVICE);
        block_on(asked)
            .map(drop)
            .map_err(|error| Error::internal(format!("firewalld does not run: {}", text(&error))))
    }

    /// Puts an address into a zone; it may be there already.
    ///
    /// # Errors
    ///
    /// When it is in another zone, or there is no such zone.
    pub(crate) fn add(&self, zone: &str, address: IpAddr) -> Result<()> {
        fault_point::effect("add a source to firewalld")?;
        let source = source(address);
        match self.call("addSource", zone, &source) {
            Err(error) if !text(&error).contains("ZONE_ALREADY_SET") => {
                Err(Error::internal(text(&error)))
                    .context(|| format!("failed to add the address {source} to {zone} zone"))
            }
            _ => Ok(()),
        }
    }

    /// Takes an address out of a zone; it may be gone already.
    ///
    /// # Errors
    ///
    /// When it is still there.
    pub(crate) fn remove(&self, zone: &str, address: IpAddr) -> Result<()> {
        fault_point::effect("remove a source from firewalld")?;
        // Not there, there in another zone, no such zone, and no firewalld to have zones.
        let gone =
            ["UNKNOWN_SOURCE", "ZONE_CONFLICT", "INVALID_ZONE", "ServiceUnknown", "NameHasNoOwner"];
        let source = source(address);
        match self.call("removeSource", zone, &source) {
            Err(error) if !gone.iter().any(|word| error.to_string().contains(word)) => {
                Err(Error::internal(text(&error)))
                    .context(|| format!("failed to remove the address {source} from {zone} zone"))
            }
            _ => Ok(()),
        }
    }

    /// Verifies that an address is in a zone.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub(crate) fn check(&self, zone: &str, address: IpAddr) -> Result<()> {
        let source = source(address);
        let answer = self.call("querySource", zone, &source);
        match answer.and_then(|answer| answer.body().deserialize::<bool>()) {
            Ok(true) => Ok(()),
            other => {
                let why = other.err().map(|error| text(&error)).unwrap_or_default();
                let msg = format!("failed to find the address {source} in {zone} zone");
                Err(Error::internal(msg).with_details(why))
            }
        }
    }

    fn call(&self, method: &str, zone: &str, source: &str) -> zbus::Result<Message> {
        let arguments = (zone, source);
        block_on(self.0.call_method(Some(SERVICE), OBJECT, Some(ZONE), method, &arguments))
    }
}

/// An address as a source of a zone.
fn source(address: IpAddr) -> String {
    IpNetwork::from(address).to_string()
}

/// The daemon's own words, or else the library's.
fn text(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(_, Some(words), _) => words.clone(),
        other => other.to_string(),
    }
}
