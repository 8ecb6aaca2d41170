//! What ADD refuses whatever the machine and the container are.

use cni_core::{Interface, Request, Result, Validate};

use crate::Firewall;
use crate::conf::Conf;
use crate::plan::{admin_chain, isolation};

impl Validate for Firewall {
    const CHOICES: &'static [(&'static str, &'static [&'static str])] = &[
        ("backend", &["iptables", "nftables", "firewalld", ""]),
        ("ingressPolicy", &["open", "same-bridge", "isolated", ""]),
    ];

    fn validate(request: &Request<Conf>) -> Result<()> {
        admin_chain(&request.conf.iptables_admin_chain_name)?;
        let bridge = Interface { name: "cni0".to_owned(), ..Interface::default() };
        isolation(&request.conf.ingress_policy, &[bridge]).map(drop)
    }
}
