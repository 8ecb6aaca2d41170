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

#[cfg(test)]
mod tests {
    use cni_core::spec::json;

    use super::*;

    fn plan(cni_args: &str, text: &str) -> Result<Plan> {
        let document = json::Document::parse(text.as_bytes())?;
        Plan::new(&document.decode::<Conf>()?, &document.decode::<NetworkConf>()?, cni_args)
    }

    fn sets(text: &str) -> Vec<String> {
        plan("", text).expect(text).sets.iter().map(RangeSet::to_string).collect()
    }

    #[test]
    fn runtime_ranges_come_first_then_the_old_syntax() {
        let text = r#"{"cniVersion":"1.1.0","ipam":{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.9",
            "ranges":[[{"subnet":"10.2.0.0/24"},{"subnet":"10.3.0.0/24"}],[{"subnet":"fd00::/120"}]]},
            "RuntimeConfig":{"ipRanges":[[{"subnet":"10.9.0.0/24"}]]}}"#;
        assert_eq!(
            sets(text),
            [
                "10.9.0.1-10.9.0.254",
                "10.1.0.9-10.1.0.254",
                "10.2.0.1-10.2.0.254,10.3.0.1-10.3.0.254",
                "fd00::1-fd00::ff"
            ]
        );
        let without_subnet = r#"{"ipam":{"rangeStart":"10.1.0.9","gateway":"10.1.0.1",
            "ranges":[[{"subnet":"10.2.0.0/24"}]]}}"#;
        assert_eq!(sets(without_subnet), ["10.2.0.1-10.2.0.254"]);
    }

    #[test]
    fn requests_come_from_three_places_in_order_and_once() {
        let text = r#"{"cniVersion":"1.1.0","ipam":{"ranges":[[{"subnet":"10.1.0.0/24"}],
            [{"subnet":"fd00::/64"}]]},"args":{"cni":{"ips":["fd00::7","::ffff:10.1.0.4"]}},
            "runtimeConfig":{"ips":["10.1.0.3/24","10.1.0.6"]}}"#;
        let made = plan("IP=10.1.0.3/16", text).expect("a good plan");
        let requested: Vec<String> = made.requested.iter().map(IpAddr::to_string).collect();
        assert_eq!(requested, ["10.1.0.3", "fd00::7", "10.1.0.4", "10.1.0.6"]);
        assert_eq!(
            made.wanted().expect_err("too many").msg,
            "failed to allocate all requested IPs: 10.1.0.4 10.1.0.6"
        );
        let made = plan("IgnoreUnknown=1;K8S=x;IP=", &text.replace(",\"10.1.0.6\"", ""))
            .expect("a good plan");
        assert_eq!(
            made.wanted().expect_err("two for one set").msg,
            "failed to allocate all requested IPs: 10.1.0.3"
        );
    }

    #[test]
    fn mistakes_have_the_words_of_the_reference() {
        let ranges =
            |ranges: &str| format!(r#"{{"cniVersion":"1.1.0","ipam":{{"ranges":{ranges}}}}}"#);
        let subnet = r#""ipam":{"subnet":"10.1.0.0/24"}"#;
        for (cni_args, text, refusal) in [
            ("", "{}", "IPAM config missing 'ipam' key"),
            ("", r#"{"ipam":null}"#, "IPAM config missing 'ipam' key"),
            ("", r#"{"ipam":{}}"#, "no IP ranges specified"),
            ("", r#"{"ipam":{"rangeStart":"10.1.0.1"}}"#, "no IP ranges specified"),
            ("", r#"{"ipam":{"subnet":"10.1.2.3"}}"#, "invalid CIDR address: 10.1.2.3"),
            ("", r#"{"ipam":{"subnet":null}}"#, "invalid CIDR address: "),
            ("", r#"{"ipam":{"rangeStart":"x"}}"#, "invalid IP address: x"),
            ("", &ranges(r#"[[{"gateway":"x"}]]"#), "invalid IP address: x"),
            ("", &ranges("[[]]"), "invalid range set 0: empty range set"),
            ("", &ranges("[[{}]]"), "invalid range set 0: IP <nil> not v4 nor v6"),
            (
                "",
                &ranges(r#"[[{"subnet":"10.1.0.0/24"}],[{"subnet":"10.1.0.0/23"}]]"#),
                "range set 0 overlaps with 1",
            ),
            (
                "",
                r#"{"cniVersion":"0.2.0","ipam":{"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"10.2.0.0/24"}]]}}"#,
                "CNI version 0.2.0 does not support more than 1 address per family",
            ),
            (
                "",
                &format!(r#"{{{subnet},"args":{{"cni":{{"ips":["x"]}}}}}}"#),
                "invalid IP address x",
            ),
            (
                "",
                &format!(r#"{{{subnet},"runtimeConfig":{{"ips":[null]}}}}"#),
                "cannot understand ip: IP <nil> not v4 nor v6",
            ),
            (
                "IP=a,b",
                &format!("{{{subnet}}}"),
                "ARGS: error parsing value of pair \"IP=a,b\": invalid IP address a,b",
            ),
            ("A=b", &format!("{{{subnet}}}"), "ARGS: unknown args [\"A=b\"]"),
            (
                "",
                r#"{"ipam":{"ranges":[{"subnet":"10.1.0.0/24"}]}}"#,
                "cannot read object as array in key ipam.ranges.0",
            ),
        ] {
            assert_eq!(plan(cni_args, text).expect_err(text).msg, refusal, "{text}");
        }
        assert_eq!(
            sets(r#"{"cniVersion":"0.2.0","ipam":{"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]]}}"#)
                .len(),
            2
        );
    }

    #[test]
    fn mistakes_below_ipam_do_not_keep_del_from_its_folder() {
        let text = r#"{"ipam":{"dataDir":"/x","subnet":5,"ranges":7,"routes":[{"dst":"y"}],
            "resolvConf":1},"args":2,"runtimeConfig":[]}"#;
        let conf: Conf = json::from_slice(text.as_bytes()).expect("readable for DEL");
        assert_eq!(conf.ipam().expect("there").data_dir(), "/x");
    }
}
