//! The executable `loopback`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_loopback::Loopback>()
}
