//! What an ipvlan will be: defaults applied, values typed, the previous plugin's result used.

use cni_core::{AddResult, Error, Request, Result, quote};
use linux_net::IpvlanMode;

use crate::conf::Conf;

/// Everything ADD needs to know before its first effect.
#[derive(Debug)]
pub(crate) struct Plan {
    /// None: the interface of the default route.
    pub(crate) master: Option<String>,
    pub(crate) mode: IpvlanMode,
    /// In bytes.
    pub(crate) mtu: Option<u32>,
    /// The result of the previous plugin, if its addresses are taken; none: the IPAM plugin's are.
    pub(crate) inherited: Option<AddResult>,
}

impl Plan {
    /// Makes the plan for ADD.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub(crate) fn new(request: &Request<Conf>) -> Result<Self> {
        let conf = &request.conf;
        let previous = request.network.prev_result()?;
        let master = match (&conf.master, &previous) {
            (written, Some(previous)) if written.is_empty() => Some(chained_master(previous)?),
            (written, _) => Some(written.clone()).filter(|name| !name.is_empty()),
        };
        let has_ipam = !request.network.ipam.plugin_type.is_empty();
        Ok(Self {
            master,
            mode: mode(&conf.mode)?,
            // Reference: not compared with the master's; the kernel has the last word.
            mtu: u32::try_from(conf.mtu).ok().filter(|mtu| *mtu > 0),
            inherited: previous.filter(|previous| !has_ipam && !previous.ips.is_empty()),
        })
    }
}

/// The only interface that a previous plugin made; where it is, is not asked.
fn chained_master(previous: &AddResult) -> Result<String> {
    match &previous.interfaces[..] {
        [interface] if !interface.name.is_empty() => Ok(interface.name.clone()),
        _ => Err(Error::internal(
            "chained master failure. PrevResult lacks a single named interface",
        )),
    }
}

/// Types the key `mode`.
///
/// # Errors
///
/// `unknown ipvlan mode: …`.
pub(crate) fn mode(name: &str) -> Result<IpvlanMode> {
    match name {
        "" | "l2" => Ok(IpvlanMode::L2),
        "l3" => Ok(IpvlanMode::L3),
        "l3s" => Ok(IpvlanMode::L3s),
        _ => Err(Error::internal(format!("unknown ipvlan mode: {}", quote(name)))),
    }
}

#[cfg(test)]
mod tests {
    use cni_core::runtime::Command;
    use cni_core::{Attachment, Invocation};
    use serde_json::{Value, json};

    use super::*;

    fn plan(keys: Value) -> Result<Plan> {
        let mut config = json!({ "cniVersion": "1.0.0", "name": "net1" });
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

    fn refused(keys: Value) -> String {
        plan(keys).expect_err("a mistake").msg
    }

    fn previous() -> Value {
        json!({ "interfaces": [{ "name": "m0" }], "ips": [{ "address": "10.1.2.3/24" }] })
    }

    #[test]
    fn without_keys_it_is_of_layer_2_on_the_default_interface() {
        let plan = plan(json!({ "mtu": -5, "mode": "" })).expect("a plan");
        assert_eq!((plan.master, plan.mode, plan.mtu), (None, IpvlanMode::L2, None));
        assert_eq!(plan.inherited, None);
    }

    #[test]
    fn modes_are_those_of_the_reference() {
        for (name, mode) in
            [("l2", IpvlanMode::L2), ("l3", IpvlanMode::L3), ("l3s", IpvlanMode::L3s)]
        {
            assert_eq!(plan(json!({ "mode": name })).expect("a plan").mode, mode);
        }
        assert_eq!(refused(json!({ "mode": "L2" })), "unknown ipvlan mode: \"L2\"");
    }

    #[test]
    fn the_previous_plugin_gives_master_and_addresses() {
        let chained = plan(json!({ "prevResult": previous() })).expect("a plan");
        assert_eq!(chained.master.as_deref(), Some("m0"));
        assert_eq!(chained.inherited.expect("addresses").ips.len(), 1);

        let keys =
            json!({ "master": "m1", "ipam": { "type": "static" }, "prevResult": previous() });
        let own = plan(keys).expect("a plan");
        assert_eq!(own.master.as_deref(), Some("m1"));
        assert_eq!(own.inherited, None);

        let bare = json!({ "prevResult": { "interfaces": [{ "name": "m0" }] } });
        assert_eq!(plan(bare).expect("a plan").inherited, None);
    }

    #[test]
    fn the_previous_plugin_has_to_leave_one_named_interface() {
        for interfaces in [json!([]), json!([{ "name": "" }]), json!([{ "name": "a" }, {}])] {
            let keys = json!({ "prevResult": { "interfaces": interfaces } });
            assert_eq!(
                refused(keys),
                "chained master failure. PrevResult lacks a single named interface"
            );
        }
        let keys = json!({ "master": "m1", "prevResult": { "interfaces": [] } });
        assert_eq!(plan(keys).expect("a plan").master.as_deref(), Some("m1"));
    }
}
