//! What we will therefore do: defaults applied, contradictions refused, every value typed.

use linux_net::{IfName, InvalidName};

use crate::conf::Conf;

/// What one attachment needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The interface inside the container.
    pub(crate) ifname: IfName,
}

impl Plan {
    /// Makes the plan for an interface of the container.
    ///
    /// # Errors
    ///
    /// When the interface cannot have that name.
    pub(crate) fn new(_conf: &Conf, ifname: &str) -> Result<Self, InvalidName> {
        Ok(Self { ifname: IfName::try_from(ifname)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_has_a_name_the_kernel_accepts() {
        assert!(Plan::new(&Conf {}, "eth0").is_ok());
        assert!(Plan::new(&Conf {}, "eth/0").is_err());
    }
}
