//! The executable `firewall`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_firewall::Firewall>()
}
