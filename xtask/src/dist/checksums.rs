//! Checksums of what is delivered, as `sha256sum` and `sha512sum` check them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256, Sha512};

/// Writes a file and its checksums beside it.
///
/// # Errors
///
/// When they cannot be written.
pub fn write(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    let put = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, content).with_context(|| format!("write {}", path.display()))
    };
    put(name, content)?;
    put(&format!("{name}.sha256"), format!("{}  {name}\n", sha256(content)).as_bytes())?;
    put(&format!("{name}.sha512"), format!("{}  {name}\n", sha512(content)).as_bytes())
}

/// The SHA-256 sum in hexadecimal digits.
pub fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

fn sha512(content: &[u8]) -> String {
    hex(&Sha512::digest(content))
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
