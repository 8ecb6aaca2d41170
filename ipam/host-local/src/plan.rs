//! What a configuration means.

use std::net::IpAddr;

use cni_core::spec::args;
use cni_core::spec::conf::NetworkConf;
use cni_core::{Context, Error, Result, Route, SpecVersion};

use crate::conf::{Conf, RangeConf, RequestedIp};
use crate::range_set::RangeSet;

/// What ADD will do.
#[derive(Debug)]
pub struct Plan {
    /// One address is handed out from each.
    pub sets: Vec<RangeSet>,
    /// Addresses the container asks for, each once; possibly in no set.
    pub requested: Vec<IpAddr>,
    /// Routes for the result.
    pub routes: Vec<Route>,
    /// A file in the format of resolv.conf.
    pub resolv_conf: Option<String>,
}

impl Plan {
    /// Applies the defaults and refuses contradictions.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub fn new(conf: &Conf, network: &NetworkConf, cni_args: &str) -> Result<Self> {
        let ipam = conf.ipam()?;
        let runtime = conf.runtime_config.get("runtimeConfig")?;
        let args = conf.args.get("args")?;
        let configured = ipam.ranges.get("ipam.ranges")?;
        let old_syntax = ipam.old_syntax_range()?;
        let routes = ipam.routes.get("ipam.routes")?;
        let resolv_conf = ipam.resolv_conf.get("ipam.resolvConf")?;

        let requested = requested(cni_args, &args.cni.ips, &runtime.ips)?;
        let old_syntax = old_syntax.as_ref().map(std::slice::from_ref);
        let sets = runtime
            .ip_ranges
            .iter()
            .map(Vec::as_slice)
            .chain(old_syntax)
            .chain(configured.iter().map(Vec::as_slice));
        Ok(Self {
            sets: range_sets(sets, network)?,
            requested,
            routes: routes.clone(),
            resolv_conf: Some(resolv_conf).filter(|path| !path.is_empty()).cloned(),
        })
    }

    /// For each set the address to take from it: the first requested one that lies in it, or
    /// `None` for any.
    ///
    /// # Errors
    ///
    /// When an address is left over, with all that are.
    pub fn wanted(&self) -> Result<Vec<Option<IpAddr>>> {
        let mut left = self.requested.clone();
        let take_from = |set: &RangeSet| {
            let found = left.iter().position(|ip| set.find_range(*ip).is_some())?;
            Some(left.remove(found))
        };
        let wanted = self.sets.iter().map(take_from).collect();
        if left.is_empty() {
            return Ok(wanted);
        }
        let left: String = left.iter().map(|ip| format!(" {ip}")).collect();
        Err(Error::internal(format!("failed to allocate all requested IPs:{left}")))
    }
}

/// Collects the requested addresses: `CNI_ARGS` first, then `args`, then `runtimeConfig`.
///
/// Reference: the conventions would have `CNI_ARGS` ignored where `args` has the same.
fn requested(cni_args: &str, args: &[RequestedIp], runtime: &[RequestedIp]) -> Result<Vec<IpAddr>> {
    let [from_args] = args::parse_strictly(cni_args, ["IP"])?;
    let from_args = match &from_args {
        Some(text) => {
            text.parse::<RequestedIp>()
                .map_err(|inner| args::value_error(&format!("IP={text}"), &inner))?
                .0
        }
        None => None,
    };
    let mut requested: Vec<IpAddr> = from_args.into_iter().collect();
    for RequestedIp(ip) in args.iter().chain(runtime) {
        let ip =
            ip.ok_or_else(|| Error::internal("cannot understand ip: IP <nil> not v4 nor v6"))?;
        if !requested.contains(&ip) {
            requested.push(ip);
        }
    }
    Ok(requested)
}

fn range_sets<'a>(
    confs: impl Iterator<Item = &'a [RangeConf]>,
    network: &NetworkConf,
) -> Result<Vec<RangeSet>> {
    let sets = confs
        .enumerate()
        .map(|(i, ranges)| RangeSet::new(ranges).context(|| format!("invalid range set {i}")))
        .collect::<Result<Vec<RangeSet>>>()?;
    if sets.is_empty() {
        return Err(Error::internal("no IP ranges specified"));
    }
    let ipv4_sets = sets.iter().filter(|set| set.is_ipv4()).count();
    let several = ipv4_sets > 1 || sets.len() - ipv4_sets > 1;
    let version = SpecVersion::find(&network.cni_version).unwrap_or(SpecVersion::V0_1_0);
    if several && version < SpecVersion::V0_3_0 {
        return Err(Error::internal(format!(
            "CNI version {} does not support more than 1 address per family",
            network.cni_version
        )));
    }
    for (i, one) in sets.iter().enumerate() {
        if let Some(j) = (i + 1..sets.len()).find(|j| one.overlaps(&sets[*j])) {
            return Err(Error::internal(format!("range set {i} overlaps with {j}")));
        }
    }
    Ok(sets)
}
