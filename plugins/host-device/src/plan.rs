//! From the configuration to the device that is meant, or to none for DPDK.

use cni_core::{Error, Request, Result};

use crate::conf::Conf;
use crate::device::Source;
use crate::sysfs::{Bus, Sysfs};

/// Drivers that hand a device to a program: the kernel has no interface for it.
const DPDK_DRIVERS: [&str; 3] = ["vfio-pci", "uio_pci_generic", "igb_uio"];

/// What an ADD is to do.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The device to move; none when a program drives it, so that there is nothing to move.
    pub(crate) device: Option<Source>,
}

impl Plan {
    /// Understands the configuration.
    ///
    /// # Errors
    ///
    /// When it names no device, or a PCI or auxiliary device that does not exist.
    pub(crate) fn new(conf: &Conf, sysfs: &Sysfs) -> Result<Self> {
        let (pci, auxiliary) = match conf.runtime_config.device_id.as_str() {
            "" => (conf.pci_bus_id.as_str(), ""),
            id if sysfs.has(Bus::Pci, id) => (id, ""),
            id if sysfs.has(Bus::Auxiliary, id) => ("", id),
            id => {
                return Err(Error::internal(format!(
                    "runtime config DeviceID {id} not found or unsupported"
                )));
            }
        };
        let given = |text: &str, source: fn(String) -> Source| {
            (!text.is_empty()).then(|| source(text.to_owned()))
        };
        let source = given(&conf.device, Source::Name)
            .or_else(|| given(&conf.hwaddr, Source::HardwareAddress))
            .or_else(|| given(&conf.kernelpath, Source::KernelPath))
            .or_else(|| given(pci, Source::Pci))
            .or_else(|| given(auxiliary, Source::Auxiliary));
        let source = source.ok_or_else(no_device)?;
        // Reference: the driver decides even when another key names the device to move.
        let is_driven_by_program = match pci {
            "" => conf.dpdk_mode,
            address => DPDK_DRIVERS.contains(&sysfs.driver(address)?.as_str()),
        };
        Ok(Self { device: (!is_driven_by_program).then_some(source) })
    }
}

/// Refuses a configuration that names no device, when the runtime is not to name one either.
///
/// # Errors
///
/// `specify either …`.
pub(crate) fn require_device(request: &Request<Conf>) -> Result<()> {
    let conf = &request.conf;
    let named = [
        &conf.device,
        &conf.hwaddr,
        &conf.kernelpath,
        &conf.pci_bus_id,
        &conf.runtime_config.device_id,
    ];
    let by_runtime = request.network.capabilities.get("deviceID") == Some(&true);
    match by_runtime || named.iter().any(|name| !name.is_empty()) {
        true => Ok(()),
        false => Err(no_device()),
    }
}

fn no_device() -> Error {
    Error::internal(r#"specify either "device", "hwaddr", "kernelpath" or "pciBusID""#)
}

#[cfg(test)]
mod tests {
    use std::fs::create_dir_all;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use cni_core::spec::json;
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;

    /// A machine with a network card, one driven by a program, one without a driver, and a
    /// sub-function.
    fn machine() -> TempDir {
        let root = tempfile::tempdir().expect("a directory");
        let make = |path: &str| create_dir_all(root.path().join(path)).expect("a directory");
        make("bus/pci/devices/0000:00:03.0");
        make("bus/pci/drivers/vfio-pci");
        make("bus/pci/drivers/e1000");
        make("bus/auxiliary/devices/mlx5_core.sf.4");
        for (address, driver) in [("0000:00:01.0", "e1000"), ("0000:00:02.0", "vfio-pci")] {
            make(&format!("devices/pci/{address}"));
            let link = |target: &str, at: &str| {
                symlink(target, root.path().join(at)).expect("a link");
            };
            link(&format!("../../../devices/pci/{address}"), &format!("bus/pci/devices/{address}"));
            link(
                &format!("../../../bus/pci/drivers/{driver}"),
                &format!("devices/pci/{address}/driver"),
            );
        }
        root
    }

    fn plan(root: &Path, conf: serde_json::Value) -> Result<Option<Source>, String> {
        let conf: Conf = json::from_slice(conf.to_string().as_bytes()).expect("a configuration");
        Plan::new(&conf, &Sysfs::at(root)).map(|plan| plan.device).map_err(|error| error.msg)
    }

    #[test]
    fn the_first_of_the_keys_names_the_device() {
        let root = machine();
        let mut conf = json!({
            "device": "hd0", "hwaddr": "02:00:00:00:00:01", "kernelpath": "/sys/devices/x",
            "PCIBUSID": "0000:00:01.0"
        });
        for (key, source) in [
            ("device", Source::Name("hd0".to_owned())),
            ("hwaddr", Source::HardwareAddress("02:00:00:00:00:01".to_owned())),
            ("kernelpath", Source::KernelPath("/sys/devices/x".to_owned())),
            ("PCIBUSID", Source::Pci("0000:00:01.0".to_owned())),
        ] {
            assert_eq!(plan(root.path(), conf.clone()), Ok(Some(source)));
            conf[key] = "".into();
        }
        let text = r#"specify either "device", "hwaddr", "kernelpath" or "pciBusID""#;
        assert_eq!(plan(root.path(), conf), Err(text.to_owned()));
    }

    #[test]
    fn the_runtime_names_a_device_of_either_bus() {
        let root = machine();
        let by_id = |id: &str| {
            let conf = json!({ "pciBusID": "0000:00:02.0", "runtimeConfig": { "deviceID": id } });
            plan(root.path(), conf)
        };
        assert_eq!(by_id("0000:00:01.0"), Ok(Some(Source::Pci("0000:00:01.0".to_owned()))));
        let auxiliary = Source::Auxiliary("mlx5_core.sf.4".to_owned());
        assert_eq!(by_id("mlx5_core.sf.4"), Ok(Some(auxiliary)));
        for id in ["0000:99:00.0", "../devices/0000:00:01.0", ".", ".."] {
            let text = format!("runtime config DeviceID {id} not found or unsupported");
            assert_eq!(by_id(id), Err(text));
        }
    }

    #[test]
    fn a_device_driven_by_a_program_is_not_moved() {
        let root = machine();
        for conf in [
            json!({ "pciBusID": "0000:00:02.0" }),
            json!({ "device": "hd0", "pciBusID": "0000:00:02.0" }),
            json!({ "device": "hd0", "runtimeConfig": { "deviceID": "0000:00:02.0" } }),
            json!({ "device": "hd0", "dpdkMode": true }),
        ] {
            assert_eq!(plan(root.path(), conf.clone()), Ok(None), "{conf}");
        }
        let by_kernel = json!({ "pciBusID": "0000:00:01.0", "DPDKMode": true });
        let source = Source::Pci("0000:00:01.0".to_owned());
        assert_eq!(plan(root.path(), by_kernel), Ok(Some(source)));
    }

    #[test]
    fn a_missing_driver_is_an_error_that_names_where_the_way_ends() {
        let root = machine();
        let shown = root.path().canonicalize().expect("a directory").display().to_string();
        for (address, end) in [
            ("0000:99:00.0", "bus/pci/devices/0000:99:00.0"),
            ("0000:00:03.0", "bus/pci/devices/0000:00:03.0/driver"),
        ] {
            assert_eq!(
                plan(root.path(), json!({ "pciBusID": address })),
                Err(format!(
                    "error with host device: lstat {shown}/{end}: no such file or directory"
                ))
            );
        }
        let foreign = plan(root.path(), json!({ "pciBusID": "../devices/0000:00:01.0" }));
        assert!(foreign.is_err_and(|text| text.ends_with(": no such file or directory")));
    }
}
