//! The executable `vrf`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_vrf::Vrf>()
}
