//! The executable `dhcp`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_dhcp::Dhcp>()
}
