//! CNI plugin: addresses from ranges, reserved in files on the host.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_host_local::HostLocal>()
}
