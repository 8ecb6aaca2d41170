//! The executable `vlan`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_vlan::Vlan>()
}
