//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};
use netfilter::Backend;

use crate::Portmap;
use crate::backend::read_conditions;
use crate::conf::Conf;
use crate::plan::Plan;

impl Validate for Portmap {
    const CHOICES: &'static [(&'static str, &'static [&'static str])] =
        &[("backend", &["iptables", "nftables"])];

    fn validate(request: &Request<Conf>) -> Result<()> {
        // Which backend works is the machine's affair, so either will do.
        let plan = Plan::new(request, || Backend::Iptables)
            .or_else(|error| Plan::new(request, || Backend::Nftables).map_err(|_| error))?;
        let Conf { conditions_v4, conditions_v6, .. } = &request.conf;
        for (key, conditions) in [("conditionsV4", conditions_v4), ("conditionsV6", conditions_v6)]
        {
            read_conditions(key, conditions, plan.backend)?;
        }
        Ok(())
    }
}
