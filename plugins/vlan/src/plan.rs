//! What a VLAN interface will be: what is required is there, and the id is one.

use cni_core::{Error, Request, Result};

use crate::conf::Conf;

/// The highest id; 4095 is reserved (IEEE 802.1Q).
const MAX_ID: u16 = 4094;

/// Everything ADD needs to know before it looks at the master.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) master: String,
    /// Reference: 0 is taken, also when it is not written; such frames only carry a priority.
    pub(crate) id: u16,
}

impl Plan {
    /// Makes the plan.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub(crate) fn new(request: &Request<Conf>) -> Result<Self> {
        let conf = &request.conf;
        if conf.master.is_empty() {
            return Err(Error::internal(
                "\"master\" field is required. It specifies the host interface name to create \
                 the VLAN for",
            ));
        }
        let id = u16::try_from(conf.vlan_id).ok().filter(|id| *id <= MAX_ID);
        let id = id.ok_or_else(|| {
            // Reference: the text is wrong about the last one.
            let text =
                format!("invalid VLAN ID {} (must be between 0 and 4095 inclusive)", conf.vlan_id);
            Error::internal(text).with_details("vlanId is 0 to 4094; 4095 is reserved")
        })?;
        Ok(Self { master: conf.master.clone(), id })
    }
}

#[cfg(test)]
mod tests {
    use cni_core::runtime::Command;
    use cni_core::{Attachment, Invocation};
    use serde_json::{Value, json};

    use super::*;

    fn plan(keys: Value) -> Result<Plan> {
        let mut config = json!({ "name": "net1", "master": "m0" });
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
    fn ids_end_before_the_reserved_one() {
        assert_eq!(plan(json!({})).expect("a plan").id, 0);
        for id in [0, 1, 4094] {
            assert_eq!(plan(json!({ "vlanid": id })).expect("a plan").id, id);
        }
        for id in [-1, 4095, 65_536 + 5] {
            assert_eq!(
                plan(json!({ "vlanId": id })).expect_err("a mistake").msg,
                format!("invalid VLAN ID {id} (must be between 0 and 4095 inclusive)")
            );
        }
    }

    #[test]
    fn a_master_is_required_and_comes_first() {
        assert_eq!(plan(json!({ "master": "m1" })).expect("a plan").master, "m1");
        for master in [json!(""), json!(null)] {
            // A null leaves what is there, which here is nothing.
            let keys = json!({ "vlanId": 5000, "master": master });
            assert_eq!(
                plan(keys).expect_err("a mistake").msg,
                "\"master\" field is required. It specifies the host interface name to create \
                 the VLAN for"
            );
        }
    }
}
