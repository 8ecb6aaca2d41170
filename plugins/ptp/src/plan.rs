//! What an attachment will be: defaults applied, values typed.

use cni_core::{Error, Request, Result};
use netfilter::masquerade::{Backend, choose_backend};

use crate::conf::Conf;

/// Everything ADD needs to know before its first effect.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Of both ends of the veth pair, in bytes.
    pub(crate) mtu: Option<u32>,
    pub(crate) masquerade: Option<Backend>,
}

impl Plan {
    /// Makes the plan.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub(crate) fn new(request: &Request<Conf>) -> Result<Self> {
        require_ipam(request)?;
        let conf = &request.conf;
        Ok(Self {
            mtu: u32::try_from(conf.mtu).ok().filter(|mtu| *mtu > 0),
            masquerade: match conf.ip_masq {
                true => Some(choose_backend(conf.ip_masq_backend.as_deref())?),
                false => None,
            },
        })
    }
}

/// Refuses a network without an IPAM plugin: there is nothing to route to then.
///
/// # Errors
///
/// `no plugin name provided`.
pub(crate) fn require_ipam(request: &Request<Conf>) -> Result<()> {
    match request.network.ipam.plugin_type.is_empty() {
        true => Err(Error::internal("no plugin name provided")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use cni_core::runtime::Command;
    use cni_core::{Attachment, Invocation};
    use serde_json::{Value, json};

    use super::*;

    fn plan(keys: &Value) -> Result<Plan> {
        let mut config = json!({ "name": "net1", "ipam": { "type": "host-local" } });
        for (key, value) in keys.as_object().expect("an object of keys") {
            config[key] = value.clone();
        }
        let invocation = Invocation {
            command: Command::Add,
            attachment: Attachment::default(),
            args: String::new(),
            path: String::new(),
            own_netns_allowed: false,
            stdin: config.to_string().into_bytes().into(),
        };
        Plan::new(&Request::load(&invocation, "failed to load netconf")?)
    }

    #[test]
    fn keys_are_planned() {
        for (keys, mtu, masquerade) in [
            (json!({}), None, None),
            (json!({ "mtu": 5000 }), Some(5000), None),
            (json!({ "mtu": -1, "ipMasq": true }), None, Some(Backend::Preferred)),
            (json!({ "ipMasq": true, "ipMasqBackend": null }), None, Some(Backend::Preferred)),
            (json!({ "ipmasq": true, "ipMasqBackend": "nftables" }), None, Some(Backend::Nftables)),
            (json!({ "ipMasqBackend": "nonsense" }), None, None),
        ] {
            let plan = plan(&keys).unwrap_or_else(|error| panic!("{keys}: {error}"));
            assert_eq!((plan.mtu, plan.masquerade), (mtu, masquerade), "{keys}");
        }
    }

    #[test]
    fn mistakes_are_refused() {
        for (keys, msg) in [
            (json!({ "ipam": {} }), "no plugin name provided"),
            (json!({ "ipam": null }), "no plugin name provided"),
            (json!({ "ipMasq": true, "ipMasqBackend": "" }), "unknown ipmasq backend \"\""),
            (
                json!({ "mtu": "1400" }),
                "failed to load netconf: cannot read \"1400\" as integer in key mtu",
            ),
        ] {
            let error = plan(&keys).err().unwrap_or_else(|| panic!("{keys} was accepted"));
            assert_eq!(error.msg, msg);
        }
    }
}
