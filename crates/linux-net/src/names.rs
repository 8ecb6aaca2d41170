//! Names and numbers checked once, at the door: interface names, hardware addresses, VLAN ids.

use std::fmt;
use std::str::FromStr;

use nix::errno::Errno;

use crate::{Error, Result};

/// A text that is not the name, address or number it should be; prints why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName(String);

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidName {}

/// The name of a network interface, as the kernel's `dev_valid_name` allows it.
///
/// 1 to 15 bytes, not `.` or `..`, without `/`, `:` and white space. Nor does any link have a name
/// with `%`: the kernel takes that for a pattern, and `eth%d` for the next free one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfName(String);

impl IfName {
    /// The longest name in bytes: `IFNAMSIZ` without the final NUL.
    pub const MAX_LEN: usize = libc::IFNAMSIZ - 1;

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for IfName {
    type Error = InvalidName;

    fn try_from(name: String) -> std::result::Result<Self, InvalidName> {
        // The kernel's isspace() counts the vertical tab (0x0b), and in Latin-1 the byte 0xa0.
        let is_refused =
            |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b':' | 0x0b | 0xa0 | 0);
        let reason = if name.is_empty() {
            "it is empty"
        } else if name.len() > Self::MAX_LEN {
            "it is longer than 15 bytes"
        } else if name == "." || name == ".." {
            "it is a directory"
        } else if name.bytes().any(is_refused) {
            "it contains '/', ':' or white space"
        } else if name.contains('%') {
            "it contains '%'"
        } else {
            return Ok(Self(name));
        };
        Err(InvalidName(format!("invalid interface name {name:?}: {reason}")))
    }
}

impl TryFrom<&str> for IfName {
    type Error = InvalidName;

    fn try_from(name: &str) -> std::result::Result<Self, InvalidName> {
        name.to_owned().try_into()
    }
}

impl AsRef<str> for IfName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes up the name of a veth end: `veth` and eight random lower-case hexadecimal digits.
///
/// # Errors
///
/// When the kernel gives no random bytes.
pub fn random_veth_name() -> Result<IfName> {
    Ok(IfName(format!("veth{:08x}", u32::from_be_bytes(random_bytes()?))))
}

/// Draws a random number.
///
/// # Errors
///
/// When the kernel gives no random bytes.
pub fn random_number() -> Result<u64> {
    Ok(u64::from_ne_bytes(random_bytes()?))
}

fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut random = [0; N];
    #[expect(unsafe_code, reason = "nix has no getrandom")]
    // SAFETY: the kernel writes at most the given length into a buffer of that length.
    let filled = unsafe { libc::getrandom(random.as_mut_ptr().cast(), N, 0) };
    if usize::try_from(filled) != Ok(N) {
        return Err(Error::new("read", "random bytes", Errno::last()));
    }
    Ok(random)
}

/// A hardware address of 6, 8 or 20 bytes (Ethernet, EUI-64, InfiniBand).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac {
    bytes: [u8; Mac::MAX_LEN],
    len: u8,
}

impl Mac {
    const MAX_LEN: usize = 20;

    /// Takes the address from its bytes; `None` unless there are 6, 8 or 20 of them.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if !matches!(bytes.len(), 6 | 8 | 20) {
            return None;
        }
        let mut mac = Self { bytes: [0; Self::MAX_LEN], len: bytes.len() as u8 };
        mac.bytes[..bytes.len()].copy_from_slice(bytes);
        Some(mac)
    }

    /// Makes up a unicast address of 6 bytes, marked as locally administered.
    ///
    /// # Errors
    ///
    /// When the kernel gives no random bytes.
    pub fn random() -> Result<Self> {
        let mut bytes: [u8; 6] = random_bytes()?;
        bytes[0] = bytes[0] & !0x01 | 0x02;
        Ok(bytes.into())
    }

    /// Returns the 6, 8 or 20 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Tells whether every byte is zero, which the kernel uses for "none".
    pub fn is_zero(&self) -> bool {
        self.as_bytes().iter().all(|byte| *byte == 0)
    }
}

impl From<[u8; 6]> for Mac {
    fn from(address: [u8; 6]) -> Self {
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..6].copy_from_slice(&address);
        Self { bytes, len: 6 }
    }
}

impl FromStr for Mac {
    type Err = InvalidName;

    /// Reads pairs of hexadecimal digits separated by `:` or `-`, or groups of four separated by
    /// `.`, in upper or lower case; the separator may not change.
    fn from_str(text: &str) -> std::result::Result<Self, InvalidName> {
        let invalid = || InvalidName(format!("address {text}: invalid MAC address"));
        let (separator, digits) = match text.bytes().find(|byte| !byte.is_ascii_hexdigit()) {
            Some(b'.') => ('.', 4),
            Some(b'-') => ('-', 2),
            _ => (':', 2),
        };
        let mut bytes = Vec::with_capacity(Self::MAX_LEN);
        for group in text.split(separator) {
            if group.len() != digits || !group.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(invalid());
            }
            let value = u16::from_str_radix(group, 16).map_err(|_| invalid())?;
            let big_endian = value.to_be_bytes();
            bytes.extend_from_slice(&big_endian[2 - digits / 2..]);
        }
        Self::from_bytes(&bytes).ok_or_else(invalid)
    }
}

impl TryFrom<&str> for Mac {
    type Error = InvalidName;

    fn try_from(text: &str) -> std::result::Result<Self, InvalidName> {
        text.parse()
    }
}

impl fmt::Display for Mac {
    /// Prints pairs of lower-case hexadecimal digits with colons.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.as_bytes().iter().enumerate() {
            if position > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A VLAN id that can be used: 1 to 4094 (IEEE 802.1Q).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VlanId(u16);

impl VlanId {
    /// The lowest id.
    pub const MIN: Self = Self(1);
    /// The highest id.
    pub const MAX: Self = Self(4094);

    /// Returns the number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for VlanId {
    type Error = InvalidName;

    fn try_from(id: u16) -> std::result::Result<Self, InvalidName> {
        if (Self::MIN.0..=Self::MAX.0).contains(&id) {
            Ok(Self(id))
        } else {
            Err(InvalidName(format!("invalid VLAN id {id}: it is not in 1 to 4094")))
        }
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_follow_the_kernels_rules() {
        for name in ["eth0", "a", "fifteen-bytes-x", "eth0.100", "..."] {
            assert!(IfName::try_from(name).is_ok(), "{name:?}");
        }
        let not_valid =
            ["", "sixteen-bytes-xx", ".", "..", "a/b", "a:b", "a b", "a\t", "a\u{b}", "\0"];
        for name in not_valid.into_iter().chain(["eth%d", "%"]) {
            assert!(IfName::try_from(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn random_names_are_valid_and_differ() -> Result<()> {
        let (one, other) = (random_veth_name()?, random_veth_name()?);
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 12);
        assert!(one.as_str().starts_with("veth"));
        assert!(IfName::try_from(one.as_str()).is_ok());
        Ok(())
    }

    #[test]
    fn random_hardware_addresses_are_local_and_differ() -> Result<()> {
        let (one, other) = (Mac::random()?, Mac::random()?);
        assert_ne!(one, other);
        assert_eq!(one.as_bytes().len(), 6);
        assert_eq!(one.as_bytes()[0] & 0x03, 0x02);
        Ok(())
    }

    #[test]
    fn hardware_addresses_print_in_one_form() {
        for (text, printed) in [
            ("C2:B0:57:49:47:F1", "c2:b0:57:49:47:f1"),
            ("c2-b0-57-49-47-f1", "c2:b0:57:49:47:f1"),
            ("c2b0.5749.47f1", "c2:b0:57:49:47:f1"),
            ("02:00:5e:10:00:00:00:01", "02:00:5e:10:00:00:00:01"),
            ("0200.5e10.0000.0001", "02:00:5e:10:00:00:00:01"),
        ] {
            let mac: Mac = text.parse().expect(text);
            assert_eq!(mac.to_string(), printed);
        }
        let infiniband = ["00"; 20].join(":");
        assert!(infiniband.parse::<Mac>().expect("20 bytes").is_zero());
    }

    #[test]
    fn other_texts_are_no_hardware_addresses() {
        let texts =
            ["", "c2", "c2b0574947f1", "c2:b0:57:49:47", "c2:b0-57:49:47:f1", "c:2:3:4:5:6"];
        for text in texts.into_iter().chain(["c2b0:5749:47f1", "+2:b0:57:49:47:f1"]) {
            let error = text.parse::<Mac>().expect_err(text);
            assert_eq!(error.to_string(), format!("address {text}: invalid MAC address"));
        }
    }

    #[test]
    fn vlan_ids_end_before_the_reserved_ones() {
        assert!(VlanId::try_from(0).is_err());
        assert_eq!(VlanId::try_from(1), Ok(VlanId::MIN));
        assert_eq!(VlanId::try_from(4094), Ok(VlanId::MAX));
        assert!(VlanId::try_from(4095).is_err());
    }
}
