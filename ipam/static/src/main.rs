//! The executable `static`.

fn main() -> std::process::ExitCode {
    cni_core::runtime::main::<cni_plugin_static::Static>()
}
