//! Name servers and search lists, wherever they come from.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

/// How names are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Names {
    pub(crate) servers: Vec<Ipv6Addr>,
    pub(crate) search: Vec<String>,
}

/// Options of router advertisements (RFC 8106 section 5).
const RECURSIVE_SERVERS: u8 = 25;
const SEARCH_LIST: u8 = 31;

/// What is before the addresses or the names: number, length, two spare bytes, lifetime.
const HEAD_LEN: usize = 8;

impl Names {
    pub(crate) fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.search.is_empty()
    }

    /// Adds what is not there yet.
    pub(crate) fn add(&mut self, other: Self) {
        for server in other.servers {
            if !self.servers.contains(&server) {
                self.servers.push(server);
            }
        }
        for domain in other.search {
            if !self.search.contains(&domain) {
                self.search.push(domain);
            }
        }
    }

    /// Adds an option of a router advertisement, head included. What is malformed, over already or
    /// about something else is ignored.
    pub(crate) fn add_router_option(&mut self, option: &[u8]) {
        let Some((head, value)) = option.split_at_checked(HEAD_LEN) else { return };
        if head[4..] == [0; 4] {
            return;
        }
        match head[0] {
            RECURSIVE_SERVERS => {
                let (servers, _) = value.as_chunks::<16>();
                let servers = servers.iter().copied().map(Ipv6Addr::from).collect();
                self.add(Self { servers, search: Vec::new() });
            }
            SEARCH_LIST => {
                self.add(Self { servers: Vec::new(), search: domains(value).unwrap_or_default() });
            }
            _ => {}
        }
    }
}

/// Domain names one after the other, and zeros; `None` when one is cut off or points elsewhere.
fn domains(mut list: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut labels: Vec<String> = Vec::new();
    while let [len, rest @ ..] = list {
        let (label, rest) = rest.split_at_checked(usize::from(*len))?;
        list = rest;
        match label {
            [] if labels.is_empty() => {}
            [] => names.push(std::mem::take(&mut labels).join(".")),
            _ if label.len() > 63 => return None,
            _ => labels.push(String::from_utf8_lossy(label).into_owned()),
        }
    }
    labels.is_empty().then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: &[&[u8]]) -> Names {
        let mut names = Names::default();
        options.iter().for_each(|option| names.add_router_option(option));
        names
    }

    #[test]
    fn routers_tell_name_servers_and_domains() {
        let server: Ipv6Addr = "2001:db8::53".parse().expect("an address");
        let servers = [&[25, 3, 0, 0, 0, 0, 1, 0][..], &server.octets()].concat();
        let search =
            b"\x1f\x03\x00\x00\x00\x00\x01\x00\x02ab\x01c\x00\x01d\x00\x00\x00\x00\x00\x00";
        let names = read(&[&servers, &search[..], &servers]);
        assert_eq!(names.servers, [server]);
        assert_eq!(names.search, ["ab.c", "d"]);
    }

    #[test]
    fn what_is_over_or_malformed_is_ignored() {
        let over = [&[25, 3, 0, 0, 0, 0, 0, 0][..], &[1; 16]].concat();
        for option in [
            &over[..],
            b"\x19\x01\x00",
            b"\x1f\x02\x00\x00\x00\x00\x01\x00\x02ab\x07c",
            b"\x1f\x02\x00\x00\x00\x00\x01\x00\x02ab\xc0\x00\x00\x00\x00",
            b"\x05\x02\x00\x00\x00\x00\x01\x00\x02ab\x00\x00\x00\x00\x00",
        ] {
            assert!(read(&[option]).is_empty(), "{option:?}");
        }
    }
}
