//! What the configuration means: which options are sent, and which are asked for.

use std::collections::HashMap;

use cni_core::{Error, Result, quote};
use dhcproto::v4::OptionCode;

use crate::client::v6::Mode;
use crate::client::{CLASSLESS_ROUTES_MICROSOFT, Wishes};
use crate::conf::{IpamConf, LeaseConf, ProvideConf, RequestConf};

/// Options with names; all have numbers. The first six names are the reference's, the others those
/// of dhcp-options(5).
const NAMES: [(&str, OptionCode); 13] = [
    ("dhcp-client-identifier", OptionCode::ClientIdentifier),
    ("subnet-mask", OptionCode::SubnetMask),
    ("routers", OptionCode::Router),
    ("host-name", OptionCode::Hostname),
    ("user-class", OptionCode::UserClass),
    ("vendor-class-identifier", OptionCode::ClassIdentifier),
    ("domain-name-servers", OptionCode::DomainNameServer),
    ("domain-name", OptionCode::DomainName),
    ("domain-search", OptionCode::DomainSearch),
    ("interface-mtu", OptionCode::InterfaceMtu),
    ("static-routes", OptionCode::StaticRoutingTable),
    ("rfc3442-classless-static-routes", OptionCode::ClasslessStaticRoute),
    ("ms-classless-static-routes", CLASSLESS_ROUTES_MICROSOFT),
];

/// What is asked for unless an entry of `request` says `skipDefault`.
const DEFAULT_REQUESTS: [OptionCode; 2] = [OptionCode::Router, OptionCode::SubnetMask];

/// The longest value of one option in bytes.
const LONGEST_VALUE: usize = 255;

/// Reads the wishes of a configuration.
///
/// # Errors
///
/// The reference's texts for a missing `ipam`, and for options.
pub(crate) fn wishes(conf: &LeaseConf, cni_args: &str) -> Result<Wishes> {
    let missing = || Error::internal("IPAM config missing 'ipam' key");
    let ipam = conf.ipam.as_ref().ok_or_else(missing)?;
    let IpamConf { provide, request, priority, detect_conflicts, .. } = ipam;
    let mut wishes =
        Wishes { priority: *priority, detect_conflicts: *detect_conflicts, ..Wishes::default() };
    let cni_args = parse_leniently(cni_args);
    for ProvideConf { option, value, from_arg } in provide {
        let number = number_of(option)?;
        if !value.is_empty() {
            if value.len() > LONGEST_VALUE {
                let (option, value) = (quote(option), quote(value));
                return Err(Error::internal(format!(
                    "value too long for option {option}: {value}"
                )));
            }
            wishes.provided.set_bytes(number, value.as_bytes().to_vec());
        }
        if let Some(value) = cni_args.get(from_arg.as_str()) {
            if value.len() > LONGEST_VALUE {
                return Err(Error::internal(format!(
                    "value too long for option {} from CNI_ARGS {}: {}",
                    quote(option),
                    quote(from_arg),
                    quote(value)
                )));
            }
            wishes.provided.set_bytes(number, value.as_bytes().to_vec());
        }
    }
    let mut ask_for = |number: u8| {
        if !wishes.requested.contains(&number) {
            wishes.requested.push(number);
        }
    };
    for RequestConf { option, .. } in request {
        if !option.is_empty() {
            ask_for(number_of(option)?);
        }
    }
    if !request.iter().any(|entry| entry.skip_default) {
        DEFAULT_REQUESTS.into_iter().map(u8::from).for_each(ask_for);
    }
    Ok(wishes)
}

/// The families of addresses that are asked for; one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Families {
    pub(crate) four: bool,
    pub(crate) six: Option<Mode>,
}

/// Reads which families a configuration asks for.
///
/// # Errors
///
/// A value that is none, and a configuration that asks for nothing.
pub(crate) fn families(conf: &LeaseConf) -> Result<Families> {
    let none = IpamConf::default();
    let IpamConf { ipv4, ipv6, .. } = conf.ipam.as_ref().unwrap_or(&none);
    let six = match ipv6.as_deref() {
        None => None,
        Some("dhcp") => Some(Mode::Dhcp),
        Some("slaac") => Some(Mode::Slaac),
        Some("auto") => Some(Mode::Auto),
        Some(other) => {
            return Err(Error::internal(format!(
                "ipam.ipv6 has to be \"dhcp\", \"slaac\" or \"auto\", not {}",
                quote(other)
            )));
        }
    };
    let four = ipv4.unwrap_or(true);
    if !four && six.is_none() {
        let why = "nothing is asked for: ipam.ipv4 is false and there is no ipam.ipv6";
        return Err(Error::internal(why));
    }
    Ok(Families { four, six })
}

/// The number of an option that is written as a name or a decimal number.
fn number_of(text: &str) -> Result<u8> {
    if let Some((_, number)) = NAMES.iter().find(|(name, _)| *name == text) {
        return Ok((*number).into());
    }
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let why = if is_number { "value out of range" } else { "invalid syntax" };
    text.parse().ok().filter(|_| is_number).ok_or_else(|| {
        let text = quote(text);
        Error::internal(format!(
            "Can not parse option {text}: Can not parse option: strconv.ParseUint: parsing {text}: {why}"
        ))
    })
}

/// Reads `CNI_ARGS` without any demands: pairs are cut at their first `=`, the last of a key wins.
fn parse_leniently(cni_args: &str) -> HashMap<&str, &str> {
    cni_args.split(';').filter_map(|pair| pair.split_once('=')).collect()
}

#[cfg(test)]
mod tests {
    use cni_core::spec::json;

    use super::*;

    fn plan(ipam: &str, cni_args: &str) -> Result<Wishes> {
        let text = format!("{{\"ipam\":{ipam}}}");
        wishes(&json::from_slice(text.as_bytes()).expect("readable"), cni_args)
    }

    #[test]
    fn the_request_list_has_the_order_of_the_configuration_and_the_defaults_behind() {
        for (request, expected) in [
            ("[]", &[3, 1][..]),
            (r#"[{"option":"host-name"}]"#, &[12, 3, 1]),
            (r#"[{"option":"routers"}]"#, &[3, 1]),
            (r#"[{"option":"subnet-mask"},{"option":"042"}]"#, &[1, 42, 3]),
            (r#"[{"option":"3"},{"option":"routers"}]"#, &[3, 1]),
            (r#"[{"option":"host-name","skipDefault":true}]"#, &[12]),
            (r#"[{"option":"host-name"},{"skipDefault":true}]"#, &[12]),
            (r#"[{"skipDefault":true}]"#, &[]),
        ] {
            let made = plan(&format!("{{\"request\":{request}}}"), "").expect("wishes");
            assert_eq!(made.requested, expected, "{request}");
        }
    }

    #[test]
    fn values_are_text_and_the_last_one_wins() {
        let provided = |provide: &str, cni_args: &str| {
            let made = plan(&format!("{{\"provide\":{provide}}}"), cni_args).expect("wishes");
            let text = |value: &[u8]| String::from_utf8(value.to_vec()).expect("text");
            let value = |number: u8| Some((number, text(made.provided.bytes(number.into())?)));
            (0..=u8::MAX).filter_map(value).collect::<Vec<_>>()
        };
        let both = r#"[{"option":"host-name","value":"a","fromArg":"K8S_POD_NAME"}]"#;
        let one = |text: &str| vec![(12, text.to_owned())];
        assert_eq!(provided(both, ""), one("a"));
        assert_eq!(provided(both, "x;K8S_POD_NAME=b=c;Y=Z"), one("b=c"));
        assert_eq!(provided(both, "K8S_POD_NAME=b;K8S_POD_NAME="), one(""));
        assert_eq!(provided(r#"[{"option":"60"}]"#, ""), []);
        let twice = r#"[{"option":"12","value":"a"},{"option":"host-name","value":"b"}]"#;
        assert_eq!(provided(twice, ""), one("b"));
    }

    #[test]
    fn mistakes_have_the_words_of_the_reference() {
        let long = "x".repeat(256);
        let provide = |entry: &str| format!("{{\"provide\":[{entry}]}}");
        for (ipam, refusal) in [
            ("null".to_owned(), "IPAM config missing 'ipam' key".to_owned()),
            (
                provide(r#"{"option":"x"}"#),
                r#"Can not parse option "x": Can not parse option: strconv.ParseUint: parsing "x": invalid syntax"#.to_owned(),
            ),
            (
                r#"{"request":[{"option":"256"}]}"#.to_owned(),
                r#"Can not parse option "256": Can not parse option: strconv.ParseUint: parsing "256": value out of range"#.to_owned(),
            ),
            (
                r#"{"request":[{"option":"+5"}]}"#.to_owned(),
                r#"Can not parse option "+5": Can not parse option: strconv.ParseUint: parsing "+5": invalid syntax"#.to_owned(),
            ),
            (
                provide(&format!(r#"{{"option":"12","value":"{long}"}}"#)),
                format!("value too long for option \"12\": \"{long}\""),
            ),
            (
                provide(r#"{"option":"12","fromArg":"K"}"#),
                format!("value too long for option \"12\" from CNI_ARGS \"K\": \"{long}\""),
            ),
        ] {
            assert_eq!(plan(&ipam, &format!("K={long}")).expect_err(&ipam).msg, refusal);
        }
    }
}
