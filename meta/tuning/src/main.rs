//! The executable `tuning`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_tuning::Tuning>()
}
