//! The executable `ptp`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_ptp::Ptp>()
}
