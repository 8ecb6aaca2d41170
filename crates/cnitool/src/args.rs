//! `CNI_ARGS` and `CAP_ARGS` as a person sets them.

use cni_core::spec::json;
use cni_core::{Error, Result, quote};
use serde_json::{Map, Value};

/// Reads `KEY=VALUE;KEY=VALUE`.
///
/// # Errors
///
/// `invalid CNI_ARGS pair …` for anything but one equals sign between two texts.
pub fn parse_args(text: &str) -> Result<Vec<(String, String)>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(';')
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() && !value.contains('=') => {
                Ok((key.to_owned(), value.to_owned()))
            }
            _ => Err(Error::internal(format!("invalid CNI_ARGS pair {}", quote(pair)))),
        })
        .collect()
}

/// Reads an object of values for capabilities.
///
/// # Errors
///
/// Why it is no JSON object.
pub fn parse_capability_args(text: &str) -> Result<Map<String, Value>> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    Ok(json::from_slice(text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_need_one_equals_sign_between_two_texts() {
        assert_eq!(parse_args(""), Ok(Vec::new()));
        assert_eq!(
            parse_args("A=b;C=d"),
            Ok(vec![("A".to_owned(), "b".to_owned()), ("C".to_owned(), "d".to_owned())])
        );
        for (text, pair) in
            [("A=b;", ""), ("A", "A"), ("=b", "=b"), ("A=", "A="), ("X=1;A=b=c", "A=b=c")]
        {
            assert_eq!(
                parse_args(text).expect_err(text).msg,
                format!("invalid CNI_ARGS pair \"{pair}\"")
            );
        }
    }

    #[test]
    fn capability_args_are_an_object() {
        assert!(parse_capability_args("").is_ok_and(|args| args.is_empty()));
        assert!(parse_capability_args("null").is_ok_and(|args| args.is_empty()));
        assert!(parse_capability_args(r#"{"mac":"m"}"#).is_ok_and(|args| args["mac"] == "m"));
        assert_eq!(
            parse_capability_args("{").expect_err("broken").msg,
            "unexpected end of JSON input"
        );
        assert!(parse_capability_args("[]").is_err());
    }
}
