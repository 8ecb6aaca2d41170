//! What ADD refuses whatever the machine and the container are.

use cni_core::{Request, Result, Validate};

use crate::HostDevice;
use crate::conf::Conf;
use crate::plan::require_device;

impl Validate for HostDevice {
    fn validate(request: &Request<Conf>) -> Result<()> {
        require_device(request)
    }
}
