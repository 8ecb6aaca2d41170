//! The rules for names that arrive from outside (specification section 2, "Parameters").

use super::error::{Code, Error, Result};

/// The longest interface name in bytes; the kernel's `IFNAMSIZ` counts the final NUL.
const LONGEST_IFNAME: usize = 15;

/// Tells whether `name` is one or more of `[a-zA-Z0-9_.-]`, the first a letter or digit.
fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// Refuses a container ID outside `^[a-zA-Z0-9][a-zA-Z0-9_.\-]*$`.
///
/// # Errors
///
/// Code 3 when it is empty, code 4 otherwise.
pub fn validate_container_id(id: &str) -> Result<()> {
    if id.is_empty() {
        return Err(Error::new(Code::UNKNOWN_CONTAINER, "missing containerID"));
    }
    if !is_identifier(id) {
        return Err(Error::new(Code::INVALID_ENVIRONMENT, "invalid characters in containerID")
            .with_details(id));
    }
    Ok(())
}

/// Refuses a network name outside the rule of container IDs.
///
/// # Errors
///
/// Code 7.
pub fn validate_network_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::new(Code::INVALID_NETWORK, "missing network name:"));
    }
    if !is_identifier(name) {
        return Err(Error::new(Code::INVALID_NETWORK, "invalid characters found in network name")
            .with_details(name));
    }
    Ok(())
}

/// Refuses an interface name the kernel would not take.
///
/// # Errors
///
/// Code 4; length is looked at first, then dots, then characters.
pub fn validate_ifname(name: &str) -> Result<()> {
    let refuse = |msg: &str| Err(Error::new(Code::INVALID_ENVIRONMENT, msg));
    if name.is_empty() {
        return refuse("interface name is empty");
    }
    if name.len() > LONGEST_IFNAME {
        return Err(Error::new(Code::INVALID_ENVIRONMENT, "interface name is too long")
            .with_details("interface name should be less than 16 characters"));
    }
    if name == "." || name == ".." {
        return refuse("interface name is . or ..");
    }
    if name.chars().any(|c| matches!(c, '/' | ':') || c.is_whitespace()) {
        return refuse("interface name contains / or : or whitespace characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_ids_are_identifiers() {
        for id in ["c1", "0", "A_b.c-d"] {
            assert_eq!(validate_container_id(id), Ok(()), "{id}");
        }
        for id in ["-a", ".a", "_a", "a b", "a/b", "a\n", "é"] {
            let error = validate_container_id(id).expect_err(id);
            assert_eq!((error.code.0, error.details.as_str()), (4, id));
        }
        assert_eq!(validate_container_id("").expect_err("empty").code.0, 3);
    }

    #[test]
    fn network_names_cannot_leave_their_folder() {
        for name in ["../x", "a/b", "..", "a b"] {
            assert_eq!(validate_network_name(name).expect_err(name).code.0, 7);
        }
    }

    #[test]
    fn interface_names_follow_the_kernel() {
        assert_eq!(validate_ifname("123456789012345"), Ok(()));
        for (name, msg) in [
            ("1234567890123456", "interface name is too long"),
            ("/234567890123456", "interface name is too long"),
            (".", "interface name is . or .."),
            ("..", "interface name is . or .."),
            ("eth/0", "interface name contains / or : or whitespace characters"),
            ("a:b", "interface name contains / or : or whitespace characters"),
            ("a\u{85}", "interface name contains / or : or whitespace characters"),
            ("a\u{a0}", "interface name contains / or : or whitespace characters"),
        ] {
            let error = validate_ifname(name).expect_err(name);
            assert_eq!((error.code.0, error.msg.as_str()), (4, msg));
        }
    }
}
