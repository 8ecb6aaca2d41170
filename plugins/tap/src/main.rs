//! The executable `tap`.

fn main() -> std::process::ExitCode {
    cni_plugin_tap::main()
}
