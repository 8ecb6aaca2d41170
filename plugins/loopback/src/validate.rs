//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::{Conf, Loopback};

impl Validate for Loopback {
    fn validate(_: &Request<Conf>) -> Result<()> {
        Ok(())
    }
}
