//! The executable `bridge`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_bridge::Bridge>()
}
