//! Versions of the CNI specification.

use std::fmt;

use super::error::{Code, Error, Result};

/// A released version of the CNI specification, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is named by its version")]
pub enum SpecVersion {
    V0_1_0,
    V0_2_0,
    V0_3_0,
    V0_3_1,
    V0_4_0,
    V1_0_0,
    V1_1_0,
}

/// The versions that share one layout of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// 0.1.0 and 0.2.0: one address per family, no interfaces.
    Old,
    /// 0.3.0, 0.3.1 and 0.4.0: lists of addresses, each with its version.
    Middle,
    /// 1.0.0 and 1.1.0.
    New,
}

impl SpecVersion {
    /// Every version, oldest first: the order of the VERSION answer.
    pub const ALL: &[Self] = &[
        Self::V0_1_0,
        Self::V0_2_0,
        Self::V0_3_0,
        Self::V0_3_1,
        Self::V0_4_0,
        Self::V1_0_0,
        Self::V1_1_0,
    ];

    /// The newest version.
    pub const NEWEST: Self = Self::V1_1_0;

    /// Finds the version written exactly so; empty means 0.1.0.
    pub fn find(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::V0_1_0);
        }
        Self::ALL.iter().copied().find(|v| v.as_str() == text)
    }

    /// The version as it is written in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
            Self::V0_3_0 => "0.3.0",
            Self::V0_3_1 => "0.3.1",
            Self::V0_4_0 => "0.4.0",
            Self::V1_0_0 => "1.0.0",
            Self::V1_1_0 => "1.1.0",
        }
    }

    /// The layout of this version's results.
    pub fn family(self) -> Family {
        match self {
            Self::V0_1_0 | Self::V0_2_0 => Family::Old,
            Self::V0_3_0 | Self::V0_3_1 | Self::V0_4_0 => Family::Middle,
            Self::V1_0_0 | Self::V1_1_0 => Family::New,
        }
    }
}

impl Family {
    /// The versions of the family as the reference prints the list in its messages.
    pub fn listed(self) -> &'static str {
        match self {
            // Reference: the empty version leads the oldest family, hence the blank.
            Self::Old => "[ 0.1.0 0.2.0]",
            Self::Middle => "[0.3.0 0.3.1 0.4.0]",
            Self::New => "[1.0.0 1.1.0]",
        }
    }
}

impl fmt::Display for SpecVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A version as three numbers, for comparisons of versions that may not be released ones.
pub type Numbers = (i64, i64, i64);

/// Parses `major[.minor[.micro]]`; missing parts are 0 and the empty text is 0.1.0.
///
/// # Errors
///
/// Code 6 with the reference's text.
pub fn parse_numbers(text: &str) -> Result<Numbers> {
    if text.is_empty() {
        return Ok((0, 1, 0));
    }
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() > 3 {
        return Err(Error::new(
            Code::DECODING_FAILURE,
            format!("invalid version {}: too many parts", super::error::quote(text)),
        ));
    }
    let mut numbers = [0_i64; 3];
    for ((number, part), name) in numbers.iter_mut().zip(&parts).zip(["major", "minor", "micro"]) {
        *number = part.parse().map_err(|_| {
            let part = super::error::quote(part);
            Error::new(
                Code::DECODING_FAILURE,
                format!(
                    "failed to convert {name} version part {part}: strconv.Atoi: parsing {part}: invalid syntax"
                ),
            )
        })?;
    }
    Ok((numbers[0], numbers[1], numbers[2]))
}

/// Tells whether version `text` is at least `least`.
///
/// # Errors
///
/// Code 6 when `text` is no version.
pub fn at_least(text: &str, least: SpecVersion) -> Result<bool> {
    Ok(parse_numbers(text)? >= parse_numbers(least.as_str())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_versions_are_refused() {
        for text in ["asdfasdf", "asdf.", ".asdfas", "asdf.adsf.", "0.", "..", "1.2.3.4.5", "1.x"] {
            let error = parse_numbers(text).expect_err(text);
            assert_eq!(error.code, Code::DECODING_FAILURE, "{text}");
        }
        assert_eq!(
            parse_numbers("1.2.3.4").expect_err("four parts").msg,
            "invalid version \"1.2.3.4\": too many parts"
        );
        assert_eq!(
            parse_numbers("1.x").expect_err("letter").msg,
            "failed to convert minor version part \"x\": strconv.Atoi: parsing \"x\": invalid syntax"
        );
    }

    #[test]
    fn missing_parts_are_zero_and_nothing_is_0_1_0() {
        assert_eq!(parse_numbers("1.1").expect("two parts"), (1, 1, 0));
        assert_eq!(parse_numbers("").expect("empty"), (0, 1, 0));
        assert!(at_least("0.5.0", SpecVersion::V0_4_0).expect("a version"));
        assert!(!at_least("0.3.1", SpecVersion::V0_4_0).expect("a version"));
    }
}
