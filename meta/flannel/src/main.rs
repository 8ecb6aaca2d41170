//! The executable `flannel`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_flannel::Flannel>()
}
