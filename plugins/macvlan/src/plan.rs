//! What a macvlan will be: defaults applied, values typed.

use cni_core::spec::args;
use cni_core::{Context, Error, Request, Result, quote};
use linux_net::{Mac, MacvlanMode};

use crate::conf::Conf;

/// Everything ADD needs to know before it looks at the master.
#[derive(Debug)]
pub(crate) struct Plan {
    /// None: the interface of the default route.
    pub(crate) master: Option<String>,
    pub(crate) master_in_container: bool,
    pub(crate) mode: MacvlanMode,
    pub(crate) mac: Option<Mac>,
    pub(crate) broadcast_queue_len: Option<u32>,
}

impl Plan {
    /// Makes the plan.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub(crate) fn new(request: &Request<Conf>) -> Result<Self> {
        let conf = &request.conf;
        let [mac_argument] = args::parse_strictly(&request.cni_args, ["MAC"])?;
        Ok(Self {
            master: Some(conf.master.clone()).filter(|name| !name.is_empty()),
            master_in_container: conf.link_in_container,
            mode: mode(&conf.mode)?,
            mac: wanted_mac(conf, &mac_argument.unwrap_or_default())?,
            broadcast_queue_len: Some(conf.bcqueuelen).filter(|len| *len > 0),
        })
    }
}

fn mode(name: &str) -> Result<MacvlanMode> {
    match name {
        "" | "bridge" => Ok(MacvlanMode::Bridge),
        "private" => Ok(MacvlanMode::Private),
        "vepa" => Ok(MacvlanMode::Vepa),
        "passthru" => Ok(MacvlanMode::Passthru),
        _ => Err(Error::internal(format!("unknown macvlan mode: {}", quote(name)))),
    }
}

/// The hardware address: that of the runtime, else of `CNI_ARGS`, else of the network.
fn wanted_mac(conf: &Conf, argument: &str) -> Result<Option<Mac>> {
    let given = [conf.runtime_config.mac.as_str(), argument, &conf.mac]
        .into_iter()
        .find(|mac| !mac.is_empty());
    let parsed =
        given.map(|mac| mac.parse().context(|| format!("invalid args {mac} for MAC addr")));
    parsed.transpose()
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
    fn without_keys_it_is_a_bridge_on_the_default_interface() {
        for keys in [json!({}), json!({ "mode": "", "master": "", "bcqueuelen": 0, "mac": "" })] {
            let plan = plan(keys, "").expect("a plan");
            assert_eq!((plan.master, plan.mode), (None, MacvlanMode::Bridge));
            assert!(!plan.master_in_container);
            assert_eq!((plan.mac, plan.broadcast_queue_len), (None, None));
        }
    }

    #[test]
    fn modes_are_those_of_the_reference() {
        for (name, mode) in [
            ("bridge", MacvlanMode::Bridge),
            ("private", MacvlanMode::Private),
            ("vepa", MacvlanMode::Vepa),
            ("passthru", MacvlanMode::Passthru),
        ] {
            assert_eq!(plan(json!({ "mode": name }), "").expect("a plan").mode, mode);
        }
        for name in ["source", "Bridge", "x"] {
            assert_eq!(
                refused(json!({ "mode": name })),
                format!("unknown macvlan mode: \"{name}\"")
            );
        }
    }

    #[test]
    fn the_runtimes_hardware_address_goes_first() {
        let mac = |keys: Value, args: &str| {
            let plan = plan(keys, args).expect("a plan");
            plan.mac.map(|mac| mac.to_string())
        };
        let own = json!({ "mac": "c2:11:22:33:44:55" });
        assert_eq!(mac(own.clone(), "").as_deref(), Some("c2:11:22:33:44:55"));
        assert_eq!(mac(own.clone(), "MAC=").as_deref(), Some("c2:11:22:33:44:55"));
        let args = "IgnoreUnknown=1;MAC=c2:11:22:33:44:66";
        assert_eq!(mac(own, args).as_deref(), Some("c2:11:22:33:44:66"));
        let keys = json!({ "RuntimeConfig": { "mac": "C2-11-22-33-44-77" } });
        assert_eq!(mac(keys, args).as_deref(), Some("c2:11:22:33:44:77"));
        let keys = json!({ "args": { "cni": { "mac": "c2:11:22:33:44:88" } } });
        assert_eq!(mac(keys, ""), None, "args.cni is not read");
    }

    #[test]
    fn mistakes_are_refused_in_the_words_of_the_reference() {
        assert_eq!(
            refused(json!({ "mac": "c2:11" })),
            "invalid args c2:11 for MAC addr: address c2:11: invalid MAC address"
        );
        let shown = refused(json!({ "bcqueuelen": -1 }));
        assert!(shown.starts_with("failed to load netconf: "), "{shown}");
        let shown = plan(json!({}), "MAC").expect_err("a mistake").msg;
        assert_eq!(shown, "ARGS: invalid pair \"MAC\"");
    }
}
