//! STATUS: whether an ADD could work now.

use cni_core::{Code, Error, Request, Result};
use cni_ipam::lease;
use netfilter::masquerade::choose_backend;

use crate::conf::Conf;

pub(crate) fn status(request: &Request<Conf>) -> Result<()> {
    let conf = &request.conf;
    if conf.ip_masq && !choose_backend(conf.ip_masq_backend.as_deref())?.is_usable() {
        return Err(Error::new(
            Code::NOT_AVAILABLE,
            "ipMasq is set, but neither iptables nor nf_tables can be used here as configured",
        )
        .with_details(format!("ipMasqBackend is {:?}", conf.ip_masq_backend)));
    }
    lease::status(request)
}
