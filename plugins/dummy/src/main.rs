//! The executable `dummy`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_dummy::Dummy>()
}
