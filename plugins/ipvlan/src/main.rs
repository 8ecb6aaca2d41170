//! The executable `ipvlan`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_ipvlan::Ipvlan>()
}
