//! The program `nft`, for what nobody but it can parse.

use crate::error::{Error, Result};
use crate::program::{find_in_path, run};

/// Runs a script, all or nothing. Whatever of it comes from outside must not be able to end its
/// command: no line feed, no `;`.
///
/// # Errors
///
/// [`Error::NotInPath`] without the program; [`Error::Command`] when a command was refused.
pub fn run_script(script: &str) -> Result<()> {
    let program = find_in_path("nft")?;
    fault_point::effect("run nft").map_err(Error::Fault)?;
    run(&program, &["-f", "-"], script).map(drop)
}
