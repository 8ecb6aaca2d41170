//! The executable `dhcp`.

fn main() -> std::process::ExitCode {
    cni_plugin_dhcp::main()
}
