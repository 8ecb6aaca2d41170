//! What we will therefore do: sources weighed, contradictions refused, every value typed.

use cni_core::spec::args;
use cni_core::{Context, Error, Request, Result, quote};
use linux_net::{IfName, Mac};

use crate::attributes::Attributes;
use crate::conf::{Conf, Sysctls};

/// What one attachment needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The interface inside the container.
    pub(crate) ifname: IfName,
    /// In the order they are written.
    pub(crate) sysctls: Vec<Sysctl>,
    pub(crate) attributes: Attributes,
}

/// A kernel setting of the container's network.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sysctl {
    /// As the user wrote it.
    pub(crate) key: String,
    /// The path below `/proc/sys`.
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Plan {
    /// Makes the plan for the attachment's interface.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub(crate) fn new(request: &Request<Conf>) -> Result<Self> {
        Self::for_interface(request, &request.attachment.ifname)
    }

    /// Makes the plan for an interface of this name.
    ///
    /// # Errors
    ///
    /// See [`Plan::new`].
    pub(crate) fn for_interface(request: &Request<Conf>, ifname: &str) -> Result<Self> {
        let conf = &request.conf;
        let container = &conf.args.cni;
        refuse_duplicates(&conf.sysctl)?;
        let [mac_argument] = args::parse_strictly(&request.cni_args, ["MAC"])?;
        let ifname = IfName::try_from(ifname)?;
        let attributes = Attributes {
            mac: wanted_mac(conf, mac_argument.as_deref())?,
            promisc: Some(container.promisc.unwrap_or(conf.promisc)).filter(|promisc| *promisc),
            mtu: Some(number("mtu", container.mtu.unwrap_or(conf.mtu))?).filter(|mtu| *mtu != 0),
            allmulti: container.allmulti.or(conf.allmulti),
            tx_queue_len: container
                .tx_queue_len
                .or(conf.tx_queue_len)
                .map(|len| number("txQLen", len))
                .transpose()?,
        };
        let sysctls = merged(&conf.sysctl, &container.sysctl)
            .into_iter()
            .map(|(key, value)| Sysctl::new(key, value, &ifname))
            .collect::<Result<_>>()?;
        Ok(Self { ifname, sysctls, attributes })
    }
}

impl Sysctl {
    /// Finds the setting that a key means. Dots and slashes are one, so no key can climb.
    fn new(key: &str, value: &str, ifname: &IfName) -> Result<Self> {
        let spelled = key.replace('.', "/").replacen("IFNAME", ifname.as_str(), 1);
        let parts: Vec<_> = spelled.split('/').filter(|part| !part.is_empty()).collect();
        let name = parts.join("/");
        if key.contains("..") || !name.starts_with("net/") {
            return Err(Error::internal(format!("invalid net sysctl key: {}", quote(&spelled))));
        }
        Ok(Self { key: key.to_owned(), name, value: value.to_owned() })
    }
}

fn refuse_duplicates(sysctls: &Sysctls) -> Result<()> {
    let keys = || sysctls.0.iter().map(|(key, _)| key);
    match keys().enumerate().find(|(number, key)| keys().take(*number).any(|k| k == *key)) {
        Some((_, key)) => Err(Error::internal("duplicated sysctl keys are not allowed")
            .with_details(format!("the key {} occurs more than once in sysctl", quote(key)))),
        None => Ok(()),
    }
}

/// The settings of the network in their order, with the values of the container, then those of the
/// container alone.
fn merged<'a>(network: &'a Sysctls, container: &'a Sysctls) -> Vec<(&'a str, &'a str)> {
    let mut merged: Vec<(&str, &str)> = Vec::new();
    for (key, value) in network.0.iter().chain(&container.0) {
        match merged.iter_mut().find(|(earlier, _)| earlier == key) {
            Some((_, earlier)) => *earlier = value,
            None => merged.push((key, value)),
        }
    }
    merged
}

/// The hardware address: the container's own even when it is empty, else that of the runtime, of
/// `CNI_ARGS` or of the network.
fn wanted_mac(conf: &Conf, argument: Option<&str>) -> Result<Option<Mac>> {
    let general = [&conf.runtime_config.mac, argument.unwrap_or_default(), &conf.mac];
    let given = match &conf.args.cni.mac {
        Some(own) => own,
        None => general.into_iter().find(|mac| !mac.is_empty()).unwrap_or_default(),
    };
    match given {
        "" => Ok(None),
        mac => mac.parse().map(Some).context(|| format!("invalid args {mac} for MAC addr")),
    }
}

fn number(key: &str, value: i64) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::internal(format!("{key} {value} is out of range")))
}

#[cfg(test)]
mod tests;
