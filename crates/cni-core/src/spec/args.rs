//! `CNI_ARGS`: `KEY=VALUE;KEY=VALUE` (protocol section 2, "Parameters").

use super::error::{Error, Result, quote, quote_list};

/// Parses `CNI_ARGS` strictly: only `known` keys and `IgnoreUnknown` may occur, unless
/// `IgnoreUnknown` is true. Returns the values in the order of `known`; a later pair replaces an
/// earlier one.
///
/// # Errors
///
/// Code 999 with the reference's texts, all beginning with `ARGS: `.
pub fn parse_strictly<const N: usize>(args: &str, known: [&str; N]) -> Result<[Option<String>; N]> {
    let mut values = [const { None }; N];
    if args.is_empty() {
        return Ok(values);
    }
    let mut unknown = Vec::new();
    let mut ignore_unknown = false;
    for pair in args.split(';') {
        let (key, value) = match pair.split_once('=') {
            Some((key, value)) if !value.contains('=') => (key, value),
            _ => return Err(Error::internal(format!("ARGS: invalid pair {}", quote(pair)))),
        };
        if key == "IgnoreUnknown" {
            ignore_unknown = parse_bool(value).map_err(|inner| value_error(pair, &inner))?;
        } else if let Some(i) = known.iter().position(|k| *k == key) {
            values[i] = Some(value.to_owned());
        } else if key == "CommonArgs" {
            // Reference: a field of this name exists there by accident and always fails.
            return Err(Error::internal(
                "ARGS: cannot unmarshal into field 'CommonArgs' - type '*types.CommonArgs' does not implement encoding.TextUnmarshaler",
            ));
        } else {
            unknown.push(pair);
        }
    }
    if !unknown.is_empty() && !ignore_unknown {
        return Err(Error::internal(format!("ARGS: unknown args {}", quote_list(unknown))));
    }
    Ok(values)
}

/// The error for a pair whose value is not acceptable.
pub fn value_error(pair: &str, inner: &str) -> Error {
    Error::internal(format!("ARGS: error parsing value of pair {}: {inner}", quote(pair)))
}

fn parse_bool(value: &str) -> std::result::Result<bool, String> {
    match value.to_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        other => Err(format!("boolean unmarshal error: invalid input {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(args: &str) -> String {
        parse_strictly(args, ["MAC"]).expect_err(args).msg
    }

    #[test]
    fn known_keys_are_found_and_unknown_ones_need_permission() {
        assert_eq!(parse_strictly("", ["MAC"]), Ok([None]));
        assert_eq!(parse_strictly("MAC=a;MAC=b", ["MAC"]), Ok([Some("b".to_owned())]));
        assert_eq!(
            parse_strictly("K8S_POD_NAME=x;IgnoreUnknown=TRUE;MAC=", ["MAC"]),
            Ok([Some(String::new())])
        );
        assert_eq!(
            message("K8S_POD_NAME=x;B=2"),
            "ARGS: unknown args [\"K8S_POD_NAME=x\" \"B=2\"]"
        );
        assert_eq!(message("IgnoreUnknown=0;Unk=nown"), "ARGS: unknown args [\"Unk=nown\"]");
        assert_eq!(message("mac=a"), "ARGS: unknown args [\"mac=a\"]");
    }

    #[test]
    fn malformed_pairs_are_refused() {
        assert_eq!(message("MAC=a;"), "ARGS: invalid pair \"\"");
        assert_eq!(message("MAC=a=b"), "ARGS: invalid pair \"MAC=a=b\"");
        assert_eq!(
            message("IgnoreUnknown=Maybe"),
            "ARGS: error parsing value of pair \"IgnoreUnknown=Maybe\": boolean unmarshal error: invalid input maybe"
        );
        assert!(message("CommonArgs=1").contains("does not implement encoding.TextUnmarshaler"));
    }
}
