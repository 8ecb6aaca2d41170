//! The executable `bandwidth`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_bandwidth::Bandwidth>()
}
