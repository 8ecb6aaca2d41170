//! `dhcp leases`: what the daemon holds, for people.

use std::net::Ipv6Addr;
use std::process::ExitCode;

use cni_core::runtime::{print, print_error};

use super::clock::now;
use super::record::{Held, Record, Records};
use crate::client::Moment;
use crate::rpc::DEFAULT_SOCKET;

/// Prints one line for each lease; `arguments` may name the socket of the daemon.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let socket_path = match arguments {
        [] => DEFAULT_SOCKET,
        [flag, path] if flag.trim_start_matches('-') == "socketpath" => path,
        _ => {
            print_error("Usage: dhcp leases [-socketpath PATH]");
            return ExitCode::from(2);
        }
    };
    let printed = Records::beside(socket_path).list().and_then(|(records, errors)| {
        errors.iter().for_each(|error| print_error(&format!("dhcp: {error}")));
        Ok(print(&table(&records))?)
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&format!("dhcp: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn table(records: &[Record]) -> String {
    let heading = ["CONTAINER", "NETWORK", "INTERFACE", "ADDRESS", "SERVER", "SECONDS LEFT"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(records.iter().flat_map(|record| {
        shown(&record.lease).into_iter().map(|[address, server, left]| {
            let Record { container_id, network, ifname, .. } = record.clone();
            [container_id, network, ifname, address, server, left]
        })
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Address, server and the seconds that are left, for each address. What the kernel has made lasts
/// for as long as routers say so.
fn shown(held: &Held) -> Vec<[String; 3]> {
    let left = |end: Moment| end.saturating_sub(now()).as_secs().to_string();
    let none = || "-".to_owned();
    match held {
        Held::V4(lease) => {
            let server = lease.server().map_or_else(none, |server| server.to_string());
            vec![[lease.network().to_string(), server, left(lease.expires_at)]]
        }
        Held::V6 { held, .. } => {
            let row = |(address, prefix): (Ipv6Addr, u8)| {
                let lease = held.lease.as_ref().filter(|lease| lease.address == address);
                let server = lease.map_or_else(none, |lease| lease.server_address.to_string());
                [
                    format!("{address}/{prefix}"),
                    server,
                    lease.map_or_else(none, |l| left(l.expires_at)),
                ]
            };
            held.addresses().map(row).collect()
        }
    }
}
