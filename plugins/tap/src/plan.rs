//! What a tap device will be: defaults applied, values typed.

use cni_core::spec::args;
use cni_core::{Context, Error, Request, Result};
use linux_net::Mac;

use crate::conf::Conf;

/// Everything ADD needs to know before its first effect.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) multi_queue: bool,
    /// What precedes each packet where the program that opens the device does not say otherwise.
    pub(crate) headers: Headers,
    /// In bytes.
    pub(crate) mtu: Option<u32>,
    pub(crate) mac: Option<Mac>,
    pub(crate) owner: Option<u32>,
    pub(crate) group: Option<u32>,
    pub(crate) selinux_context: Option<String>,
    /// A bridge in the container.
    pub(crate) bridge: Option<String>,
}

/// See [`linux_net::Tap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Headers {
    pub(crate) packet_info: bool,
    pub(crate) vnet: bool,
}

impl Plan {
    /// Makes the plan.
    ///
    /// # Errors
    ///
    /// The reference's texts, where it has any.
    pub(crate) fn new(request: &Request<Conf>) -> Result<Self> {
        let conf = &request.conf;
        let [mac_argument] = args::parse_strictly(&request.cni_args, ["MAC"])?;
        let written = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let mtu = u32::try_from(conf.mtu).map_err(|_| {
            Error::internal(format!("invalid MTU {}: it cannot be negative or so large", conf.mtu))
        })?;
        Ok(Self {
            multi_queue: conf.multi_queue,
            headers: headers(conf),
            mtu: Some(mtu).filter(|mtu| *mtu > 0),
            mac: wanted_mac(conf, &mac_argument.unwrap_or_default())?,
            owner: conf.owner,
            group: conf.group,
            selinux_context: written(&conf.selinux_context),
            bridge: written(&conf.bridge),
        })
    }
}

/// Reference: devices made with ip(8) and those it makes itself, which is when owner and group are
/// both given, have different headers.
fn headers(conf: &Conf) -> Headers {
    let is_own = conf.owner.is_some() && conf.group.is_some() && conf.selinux_context.is_empty();
    Headers { packet_info: is_own && !conf.multi_queue, vnet: is_own }
}

/// The hardware address: that of the runtime, else of `CNI_ARGS`, else of the network.
fn wanted_mac(conf: &Conf, argument: &str) -> Result<Option<Mac>> {
    let given = [conf.runtime_config.mac.as_str(), argument, &conf.mac]
        .into_iter()
        .find(|mac| !mac.is_empty());
    let Some(text) = given else { return Ok(None) };
    let mac: Mac = text.parse().context(|| format!("invalid args {text} for MAC addr"))?;
    // The kernel would take the first bytes of a longer one.
    match mac.as_bytes().len() {
        6 => Ok(Some(mac)),
        len => Err(Error::internal(format!(
            "invalid args {text} for MAC addr: it has {len} bytes, not 6"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use cni_core::runtime::Command;
    use cni_core::{Attachment, Invocation};
    use serde_json::{Value, json};

    use super::*;

    fn plan(keys: Value, args: &str) -> Result<Plan> {
        let mut config = json!({ "name": "net1" });
        for (key, value) in keys.as_object().expect("an object of keys") {
            config[key] = value.clone();
        }
        let invocation = Invocation {
            command: Command::Add,
            attachment: Attachment::default(),
            args: args.to_owned(),
            path: String::new(),
            own_netns_allowed: false,
            stdin: config.to_string().into_bytes().into(),
        };
        Plan::new(&Request::load(&invocation, "failed to load netconf")?)
    }

    fn refused(keys: Value) -> String {
        plan(keys, "").expect_err("a mistake").msg
    }

    #[test]
    fn without_keys_everything_is_the_kernels_choice() {
        for keys in [json!({}), json!({ "mtu": 0, "mac": "", "owner": null, "bridge": "" })] {
            let plan = plan(keys, "").expect("a plan");
            assert!(!plan.multi_queue && plan.mtu.is_none() && plan.mac.is_none());
            assert!(plan.owner.is_none() && plan.group.is_none());
            assert!(plan.selinux_context.is_none() && plan.bridge.is_none());
        }
    }

    #[test]
    fn headers_depend_on_owner_and_group() {
        let none = Headers { packet_info: false, vnet: false };
        for (keys, expected) in [
            (json!({}), none),
            (json!({ "owner": 0 }), none),
            (json!({ "group": 0, "multiQueue": true }), none),
            (json!({ "owner": 0, "group": 0 }), Headers { packet_info: true, vnet: true }),
            (
                json!({ "owner": 0, "group": 0, "multiQueue": true }),
                Headers { packet_info: false, vnet: true },
            ),
            (json!({ "owner": 0, "group": 0, "selinuxcontext": "x" }), none),
        ] {
            assert_eq!(plan(keys.clone(), "").expect("a plan").headers, expected, "{keys}");
        }
    }

    #[test]
    fn an_owner_of_number_0_is_an_owner() {
        let plan = plan(json!({ "owner": 0, "group": 4_294_967_294_u32 }), "").expect("a plan");
        assert_eq!((plan.owner, plan.group), (Some(0), Some(4_294_967_294)));
    }

    #[test]
    fn the_runtimes_hardware_address_goes_first() {
        let mac = |keys: Value, args: &str| {
            let plan = plan(keys, args).expect("a plan");
            plan.mac.map(|mac| mac.to_string())
        };
        let own = json!({ "mac": "c2:11:22:33:44:55" });
        assert_eq!(mac(own.clone(), "MAC=").as_deref(), Some("c2:11:22:33:44:55"));
        let args = "IgnoreUnknown=1;MAC=c2:11:22:33:44:66;K8S=x";
        assert_eq!(mac(own, args).as_deref(), Some("c2:11:22:33:44:66"));
        let keys = json!({ "RuntimeConfig": { "mac": "C2-11-22-33-44-77" } });
        assert_eq!(mac(keys, args).as_deref(), Some("c2:11:22:33:44:77"));
        let keys = json!({ "args": { "cni": { "mac": "c2:11:22:33:44:88" } } });
        assert_eq!(mac(keys, ""), None, "args.cni is not read");
    }

    #[test]
    fn mistakes_are_refused() {
        for (keys, msg) in [
            (
                json!({ "mac": "c2:11" }),
                "invalid args c2:11 for MAC addr: address c2:11: invalid MAC address",
            ),
            (
                json!({ "mac": "02:00:00:00:00:00:00:01" }),
                "invalid args 02:00:00:00:00:00:00:01 for MAC addr: it has 8 bytes, not 6",
            ),
            (json!({ "mtu": -1 }), "invalid MTU -1: it cannot be negative or so large"),
        ] {
            assert_eq!(refused(keys), msg);
        }
        for keys in [json!({ "owner": -1 }), json!({ "group": "0" }), json!({ "mtu": 1.5 })] {
            let msg = refused(keys);
            assert!(msg.starts_with("failed to load netconf: "), "{msg}");
        }
        let msg = plan(json!({}), "MAC=a;x=y").expect_err("a mistake").msg;
        assert_eq!(msg, "ARGS: unknown args [\"x=y\"]");
    }
}
