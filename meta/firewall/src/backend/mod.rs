//! What lets the addresses through.

pub(crate) mod firewalld;
pub(crate) mod iptables;
pub(crate) mod nftables;

use std::fmt;

use netfilter::iptables::{Iptables, Protocol};
use netfilter::nft;

use crate::conf::Conf;

/// The zone when nobody names another.
const ZONE: &str = "trusted";

/// One of the host's firewalls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Backend {
    /// iptables.
    Iptables,
    /// nf_tables, without any executable.
    Nftables,
    /// firewalld.
    Firewalld {
        /// The zone of the addresses.
        zone: String,
    },
}

impl Backend {
    /// Decides for a configuration; asks the bus, at most, and starts no process.
    pub(crate) fn choose(conf: &Conf) -> Self {
        let zone = if conf.firewalld_zone.is_empty() { ZONE } else { &conf.firewalld_zone };
        let firewalld = || Self::Firewalld { zone: zone.to_owned() };
        match conf.backend.as_str() {
            "iptables" => Self::Iptables,
            "nftables" => Self::Nftables,
            "firewalld" => firewalld(),
            // Reference: every other word means automatic, too.
            _ if firewalld::is_running() => firewalld(),
            _ => Self::of_rules(),
        }
    }

    /// What rules are written with where nobody says: iptables, unless there is only nf_tables.
    pub(crate) fn of_rules() -> Self {
        let is_missing = Iptables::find(Protocol::V4).is_err();
        if is_missing && nft::is_usable() { Self::Nftables } else { Self::Iptables }
    }

    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ').unwrap_or((text, "")) {
            ("iptables", "") => Some(Self::Iptables),
            ("nftables", "") => Some(Self::Nftables),
            ("firewalld", zone) if !zone.is_empty() => {
                Some(Self::Firewalld { zone: zone.to_owned() })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iptables => f.write_str("iptables"),
            Self::Nftables => f.write_str("nftables"),
            Self::Firewalld { zone } => write!(f, "firewalld {zone}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let zones = ["trusted", "my zone"].map(|zone| Backend::Firewalld { zone: zone.to_owned() });
        for backend in [Backend::Iptables, Backend::Nftables].into_iter().chain(zones) {
            assert_eq!(Backend::parse(&backend.to_string()), Some(backend));
        }
        for text in ["", "ipfw", "iptables x", "firewalld"] {
            assert_eq!(Backend::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_named_backend_is_taken_and_empty_is_the_default_zone() {
        let choose = |backend: &str, zone: &str| {
            let (backend, firewalld_zone) = (backend.to_owned(), zone.to_owned());
            Backend::choose(&Conf { backend, firewalld_zone, ..Conf::default() })
        };
        assert_eq!(choose("iptables", ""), Backend::Iptables);
        assert_eq!(choose("nftables", ""), Backend::Nftables);
        let zone = |zone: &str| Backend::Firewalld { zone: zone.to_owned() };
        assert_eq!(choose("firewalld", ""), zone("trusted"));
        assert_eq!(choose("firewalld", "home"), zone("home"));
    }
}
