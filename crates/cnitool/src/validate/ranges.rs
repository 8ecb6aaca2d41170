//! Ranges of host-local, compared between networks.

use cni_core::spec::address::Cidr;
use cni_core::{Plugin, Request, quote};
use cni_plugin_host_local::{HostLocal, Range, store_and_ranges};

use super::catalogue::invocation;
use super::document::{Node, Position};
use super::finding::{Finding, Severity};
use super::report::Report;

/// The ranges of all files.
#[derive(Default)]
pub struct Pools(Vec<Pool>);

/// A range and where it is written.
struct Pool {
    range: Range,
    /// The folder of the reservations: who shares it gives out no address twice.
    store: String,
    network: String,
    file: String,
    position: Position,
}

impl Pools {
    /// Takes the ranges of a configuration in which there are no mistakes.
    pub fn collect(&mut self, configuration: &str, node: &Node<'_>, report: &Report<'_>) {
        let request = Request::load(&invocation(configuration), HostLocal::LOAD_CONTEXT);
        let Ok(request) = request else { return };
        let Ok((store, ranges)) = store_and_ranges(&request) else { return };
        for range in ranges {
            let offset = find_subnet(node, range.subnet).unwrap_or(node.offset);
            self.0.push(Pool {
                range,
                store: store.clone(),
                network: request.network.name.clone(),
                file: report.file.to_owned(),
                position: Position::of(report.text, offset),
            });
        }
    }

    /// The ranges of different networks that have addresses in common.
    pub fn overlaps(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, pool) in self.0.iter().enumerate() {
            let collides = |earlier: &&Pool| {
                earlier.store != pool.store && earlier.range.overlaps(&pool.range)
            };
            let Some(earlier) = self.0[..index].iter().find(collides) else { continue };
            let Pool { range, network, file, position, .. } = earlier;
            let Position { line, column } = position;
            let text = format!(
                "{} overlaps with {range} of network {} in {file}:{line}:{column}, and neither \
                 knows what the other has given out",
                pool.range,
                quote(network)
            );
            findings.push(Finding {
                file: pool.file.clone(),
                position: Some(pool.position),
                severity: Severity::Warning,
                rule: "overlapping-ranges",
                text,
            });
        }
        findings
    }
}

/// Finds where a subnet is written.
fn find_subnet(node: &Node<'_>, subnet: Cidr) -> Option<usize> {
    let is_it =
        |node: &&Node<'_>| node.value().as_str().and_then(|text| text.parse().ok()) == Some(subnet);
    let own = node.get("subnet").filter(is_it).map(|node| node.offset);
    own.or_else(|| node.nodes().into_iter().find_map(|inner| find_subnet(inner, subnet)))
}
