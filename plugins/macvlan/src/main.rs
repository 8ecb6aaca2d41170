//! The executable `macvlan`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_macvlan::Macvlan>()
}
