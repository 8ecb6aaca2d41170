//! The executable `host-device`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_host_device::HostDevice>()
}
