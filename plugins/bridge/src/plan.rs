//! What an attachment to a bridge will be: defaults applied, contradictions refused, values typed.

use std::collections::BTreeSet;

use cni_core::spec::args;
use cni_core::{Context, Error, Request, Result, quote};
use cni_ipam::configure::Detection;
use linux_net::{IfName, Mac, VlanId};
use netfilter::masquerade::{Backend, choose_backend};

use crate::conf::{Conf, TrunkElement};

/// Everything ADD needs to know before its first effect.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) bridge: IfName,
    /// For a new bridge and for both ends of the veth pair, in bytes.
    pub(crate) mtu: Option<u32>,
    pub(crate) mac: Option<Mac>,
    pub(crate) vlans: Vlans,
    pub(crate) promiscuous: bool,
    pub(crate) hairpin: bool,
    pub(crate) isolated: bool,
    pub(crate) spoof_check: bool,
    /// Whether the container's end stays down.
    pub(crate) leave_down: bool,
    /// Addresses and what they bring; none: the bridge only switches frames.
    pub(crate) layer3: Option<Layer3>,
}

/// What is done with the addresses of an attachment.
#[derive(Debug)]
pub(crate) struct Layer3 {
    pub(crate) gateway: bool,
    pub(crate) default_gateway: bool,
    pub(crate) force_address: bool,
    pub(crate) masquerade: Option<Backend>,
    pub(crate) detection: Detection,
}

/// The VLANs of a port.
#[derive(Debug, Default)]
pub(crate) struct Vlans {
    /// Whether a new bridge filters VLANs.
    pub(crate) filtering: bool,
    /// The VLAN of untagged frames.
    pub(crate) access: Option<VlanId>,
    /// The VLANs of tagged frames.
    pub(crate) trunk: BTreeSet<VlanId>,
    /// Whether the port keeps the VLANs the kernel gives every port.
    pub(crate) keep_default: bool,
}

impl Plan {
    /// Makes the plan, checking in the reference's order.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub(crate) fn new(request: &Request<Conf>) -> Result<Self> {
        let conf = &request.conf;
        let vlans = Vlans::new(conf)?;
        let [mac_argument] = args::parse_strictly(&request.cni_args, ["MAC"])?;
        let has_ipam = !request.network.ipam.plugin_type.is_empty();
        if has_ipam && conf.disable_container_interface {
            return Err(Error::internal(
                "cannot use IPAM when DisableContainerInterface flag is set",
            ));
        }
        if conf.hairpin_mode && conf.promisc_mode {
            return Err(Error::internal(
                "cannot set hairpin mode and promiscuous mode at the same time",
            ));
        }
        Ok(Self {
            bridge: bridge_name(&conf.bridge)?,
            mtu: u32::try_from(conf.mtu).ok().filter(|mtu| *mtu > 0),
            mac: wanted_mac(conf, mac_argument)?,
            vlans,
            promiscuous: conf.promisc_mode,
            hairpin: conf.hairpin_mode,
            isolated: conf.port_isolation,
            spoof_check: conf.macspoofchk,
            leave_down: conf.disable_container_interface,
            layer3: if has_ipam { Some(Layer3::new(conf)?) } else { None },
        })
    }

    /// Whether the bridge itself, and not the device of a VLAN, has the gateways' addresses.
    pub(crate) fn bridge_is_gateway(&self) -> bool {
        self.vlans.access.is_none() && self.layer3.as_ref().is_some_and(|layer3| layer3.gateway)
    }
}

impl Layer3 {
    fn new(conf: &Conf) -> Result<Self> {
        let masquerade = match conf.ip_masq {
            true => Some(choose_backend(conf.ip_masq_backend.as_deref())?),
            false => None,
        };
        Ok(Self {
            gateway: conf.is_gateway || conf.is_default_gateway,
            default_gateway: conf.is_default_gateway,
            force_address: conf.force_address,
            masquerade,
            detection: if conf.enabledad { Detection::Awaited } else { Detection::Off },
        })
    }
}

impl Vlans {
    fn new(conf: &Conf) -> Result<Self> {
        if !(0..=i64::from(VlanId::MAX.get())).contains(&conf.vlan) {
            return Err(Error::internal(format!(
                "invalid VLAN ID {} (must be between 0 and {})",
                conf.vlan,
                VlanId::MAX
            )));
        }
        let mut trunk = BTreeSet::new();
        for element in conf.vlan_trunk.iter().flatten() {
            element.collect_into(&mut trunk)?;
        }
        let access = vlan_id(conf.vlan);
        Ok(Self {
            filtering: access.is_some() || conf.vlan_trunk.is_some(),
            access,
            trunk,
            keep_default: conf.preserve_default_vlan,
        })
    }
}

impl TrunkElement {
    fn collect_into(&self, trunk: &mut BTreeSet<VlanId>) -> Result<()> {
        let refuse = |msg: &str| Err(Error::internal(msg));
        match (self.min_id, self.max_id) {
            (Some(min), Some(max)) => {
                let (Some(first), Some(last)) = (vlan_id(min), vlan_id(max)) else {
                    let which = if vlan_id(min).is_none() { "minID" } else { "maxID" };
                    return refuse(&format!("incorrect trunk {which} parameter"));
                };
                if last < first {
                    return refuse("minID is greater than maxID in trunk parameter");
                }
                trunk.extend((min..=max).filter_map(vlan_id));
            }
            (None, Some(_)) => {
                return refuse(
                    "minID and maxID should be configured simultaneously, minID is missing",
                );
            }
            (Some(_), None) => {
                return refuse(
                    "minID and maxID should be configured simultaneously, maxID is missing",
                );
            }
            (None, None) => (),
        }
        match self.id.map(vlan_id) {
            Some(Some(id)) => drop(trunk.insert(id)),
            Some(None) => return refuse("incorrect trunk id parameter"),
            None => (),
        }
        Ok(())
    }
}

/// A VLAN of 1 to 4094; anything else is none.
fn vlan_id(number: i64) -> Option<VlanId> {
    u16::try_from(number).ok().and_then(|number| VlanId::try_from(number).ok())
}

/// The bridge's name, refused before anything is made with the text its creation would end with.
fn bridge_name(name: &str) -> Result<IfName> {
    IfName::try_from(name).map_err(|error| {
        let quoted = quote(name);
        let cause = match name.len() {
            0 => "LinkAttrs.Name cannot be empty",
            1..=IfName::MAX_LEN => "invalid argument",
            _ => "numerical result out of range",
        };
        Error::internal(format!(
            "failed to create bridge {quoted}: could not add {quoted}: {cause}"
        ))
        .with_details(format!("key \"bridge\": {error}"))
    })
}

/// The container's hardware address: `CNI_ARGS`, overridden by `args.cni`, by `runtimeConfig`.
fn wanted_mac(conf: &Conf, argument: Option<String>) -> Result<Option<Mac>> {
    let given = [&conf.runtime_config.mac, &conf.args.cni.mac, &argument.unwrap_or_default()]
        .into_iter()
        .find(|mac| !mac.is_empty())
        .cloned();
    given.map(|mac| mac.parse().context(|| "failed to make veth pair")).transpose()
}

#[cfg(test)]
mod tests {
    use cni_core::runtime::Command;
    use cni_core::{Attachment, Invocation};
    use serde_json::{Value, json};

    use super::*;

    fn plan_with_args(keys: Value, args: &str) -> Result<Plan> {
        let mut config = json!({ "name": "net1", "ipam": { "type": "host-local" } });
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

    fn plan(keys: Value) -> Plan {
        let shown = keys.to_string();
        plan_with_args(keys, "").unwrap_or_else(|error| panic!("{shown}: {error}"))
    }

    fn refused(keys: Value) -> String {
        let shown = keys.to_string();
        match plan_with_args(keys, "") {
            Ok(_) => panic!("{shown} was accepted"),
            Err(error) => error.msg,
        }
    }

    #[test]
    fn without_keys_it_is_a_plain_port_of_cni0() {
        let plan = plan(json!({}));
        assert_eq!(plan.bridge.as_str(), "cni0");
        assert_eq!((plan.mtu, plan.mac, plan.hairpin, plan.isolated), (None, None, false, false));
        assert!(!plan.vlans.filtering && plan.vlans.access.is_none());
        let layer3 = plan.layer3.expect("there is an IPAM plugin");
        assert!(!layer3.gateway && layer3.masquerade.is_none());
    }

    #[test]
    fn a_default_gateway_is_a_gateway() {
        assert!(plan(json!({ "isDefaultGateway": true })).layer3.expect("layer 3").gateway);
    }

    #[test]
    fn without_ipam_nothing_is_done_with_addresses() {
        let plan = plan(json!({ "ipam": {}, "isGateway": true, "ipMasqBackend": "bogus" }));
        assert!(plan.layer3.is_none());
    }

    #[test]
    fn vlan_ids_are_those_of_802_1q() {
        for id in [-100, 4095, 5000] {
            assert_eq!(
                refused(json!({ "vlan": id })),
                format!("invalid VLAN ID {id} (must be between 0 and 4094)")
            );
        }
        assert!(plan(json!({ "vlan": 4094 })).vlans.filtering);
        assert!(!plan(json!({ "vlan": 0 })).vlans.filtering);
    }

    #[test]
    fn a_trunk_is_a_set_of_ranges_and_single_ids() {
        let trunk = |elements: Value| plan(json!({ "vlanTrunk": elements })).vlans;
        let ids = |vlans: Vlans| vlans.trunk.into_iter().map(VlanId::get).collect::<Vec<_>>();
        assert_eq!(
            ids(trunk(json!([{ "minID": 200, "maxID": 202, "id": 101 }, {}, null, { "id": 201 }]))),
            [101, 200, 201, 202]
        );
        assert!(trunk(json!([])).filtering);
        assert!(!trunk(Value::Null).filtering);
    }

    #[test]
    fn contradictions_in_a_trunk_are_refused() {
        for (element, message) in [
            (json!({ "minID": -1, "maxID": 5 }), "incorrect trunk minID parameter"),
            (json!({ "minID": 5000, "maxID": 5 }), "incorrect trunk minID parameter"),
            (json!({ "minID": 1, "maxID": 5000 }), "incorrect trunk maxID parameter"),
            (json!({ "minID": 9, "maxID": 5 }), "minID is greater than maxID in trunk parameter"),
            (
                json!({ "maxID": 5 }),
                "minID and maxID should be configured simultaneously, minID is missing",
            ),
            (
                json!({ "minID": 5 }),
                "minID and maxID should be configured simultaneously, maxID is missing",
            ),
            (json!({ "id": 0 }), "incorrect trunk id parameter"),
            (json!({ "id": 5000 }), "incorrect trunk id parameter"),
        ] {
            assert_eq!(refused(json!({ "vlanTrunk": [element] })), message);
        }
    }

    #[test]
    fn contradictions_between_keys_are_refused() {
        assert_eq!(
            refused(json!({ "disableContainerInterface": true })),
            "cannot use IPAM when DisableContainerInterface flag is set"
        );
        assert_eq!(
            refused(json!({ "hairpinMode": true, "promiscMode": true })),
            "cannot set hairpin mode and promiscuous mode at the same time"
        );
        assert_eq!(
            refused(json!({ "ipMasq": true, "ipMasqBackend": "" })),
            "unknown ipmasq backend \"\""
        );
    }

    #[test]
    fn a_bridge_needs_a_name_the_kernel_takes() {
        for (name, cause) in [
            ("", "LinkAttrs.Name cannot be empty"),
            ("a-name-of-16-byt", "numerical result out of range"),
            ("br/0", "invalid argument"),
        ] {
            assert_eq!(
                refused(json!({ "bridge": name })),
                format!("failed to create bridge \"{name}\": could not add \"{name}\": {cause}")
            );
        }
    }

    #[test]
    fn the_runtimes_hardware_address_goes_first() {
        let mac = |keys: Value| {
            let plan = plan_with_args(keys, "MAC=c2:11:22:33:44:66").expect("a plan");
            plan.mac.expect("an address").to_string()
        };
        let args = json!({ "cni": { "mac": "c2:11:22:33:44:77" } });
        assert_eq!(mac(json!({})), "c2:11:22:33:44:66");
        assert_eq!(mac(json!({ "args": args })), "c2:11:22:33:44:77");
        assert_eq!(
            mac(json!({ "args": args, "RuntimeConfig": { "mac": "C2-11-22-33-44-88" } })),
            "c2:11:22:33:44:88"
        );
        assert_eq!(
            refused(json!({ "runtimeConfig": { "mac": "c2:11" } })),
            "failed to make veth pair: address c2:11: invalid MAC address"
        );
    }

    #[test]
    fn only_a_positive_mtu_counts() {
        assert_eq!(plan(json!({ "mtu": 1400 })).mtu, Some(1400));
        assert_eq!(plan(json!({ "mtu": -5 })).mtu, None);
        assert_eq!(
            refused(json!({ "mtu": "1400" })),
            "failed to load netconf: cannot read \"1400\" as integer in key mtu"
        );
    }
}
