//! The executable `sbr`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_sbr::Sbr>()
}
