//! What we will therefore do: which interface goes into which VRF.

use cni_core::{Error, Result};
use linux_net::IfName;

use crate::conf::Conf;

/// What one attachment needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The interface inside the container.
    pub(crate) ifname: IfName,
    /// The VRF, inside the container as well.
    pub(crate) vrf: IfName,
    /// The VRF's routing table; none: one that is free.
    pub(crate) table: Option<u32>,
}

impl Plan {
    /// Makes the plan for an interface of the container.
    ///
    /// # Errors
    ///
    /// When interface or VRF cannot have that name.
    pub(crate) fn new(conf: &Conf, ifname: &str) -> Result<Self> {
        let name = &conf.vrfname;
        if name.is_empty() {
            return Err(Error::internal("configuration is expected to have a valid vrf name"));
        }
        let vrf = IfName::try_from(name.as_str()).map_err(|error| {
            let errno = match name.len() {
                ..=IfName::MAX_LEN => "invalid argument",
                _ => "numerical result out of range",
            };
            Error::internal(format!("cmdAdd failed: could not add VRF {name}: {errno}"))
                .with_details(error.to_string())
        })?;
        let table = Some(conf.table).filter(|table| *table != 0);
        Ok(Self { ifname: IfName::try_from(ifname)?, vrf, table })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(vrfname: &str, table: u32) -> Result<Plan> {
        Plan::new(&Conf { vrfname: vrfname.to_owned(), table }, "eth0")
    }

    #[test]
    fn a_table_of_zero_is_none() {
        for (written, table) in [(0, None), (1, Some(1)), (u32::MAX, Some(u32::MAX))] {
            let plan = plan("blue", written).expect("a plan");
            assert_eq!((plan.vrf.as_str(), plan.table), ("blue", table));
        }
    }

    #[test]
    fn names_are_refused_as_the_kernel_does() {
        for (name, msg) in [
            ("", "configuration is expected to have a valid vrf name"),
            (
                "1234567890123456",
                "cmdAdd failed: could not add VRF 1234567890123456: numerical result out of range",
            ),
            ("a/b", "cmdAdd failed: could not add VRF a/b: invalid argument"),
        ] {
            assert_eq!(plan(name, 0).expect_err("refused").msg, msg);
        }
    }
}
