//! The executable `portmap`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_portmap::Portmap>()
}
