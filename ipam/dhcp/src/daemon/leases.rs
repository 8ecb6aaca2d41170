//! `dhcp leases`: what the daemon holds, for people.

use std::process::ExitCode;

use cni_core::runtime::{print, print_error};

use super::clock::now;
use super::record::{Record, Records};
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
    rows.extend(records.iter().map(|record| {
        let lease = &record.lease;
        [
            record.container_id.clone(),
            record.network.clone(),
            record.ifname.clone(),
            lease.network().to_string(),
            lease.server().map_or_else(|| "-".to_owned(), |server| server.to_string()),
            lease.expires_at.saturating_sub(now()).as_secs().to_string(),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
