//! The keys `conditionsV4` and `conditionsV6`: further conditions in the words of a backend.

use cni_core::{Error, Result, quote};
use ipnetwork::IpNetwork;
use netfilter::Backend;
use netfilter::nft::{AddressSide, Comparison, Statement};

/// What a condition for `nft` may consist of besides letters and digits. With none of these a
/// command ends or another begins.
const NFT_PUNCTUATION: &str = " _.:/@{},!=<>&|^*+-()\"";

/// Refuses what is more than conditions.
///
/// # Errors
///
/// Names the key and the word.
pub(crate) fn read(key: &str, conditions: &[String], backend: Backend) -> Result<Vec<String>> {
    let is_allowed = |character: char| match backend {
        Backend::Nftables => {
            character.is_ascii_alphanumeric() || NFT_PUNCTUATION.contains(character)
        }
        // Each word reaches iptables as one, whatever is in it.
        Backend::Iptables | Backend::Preferred => !character.is_control(),
    };
    for word in conditions {
        if let Some(character) = word.chars().find(|character| !is_allowed(*character)) {
            let (word, character) = (quote(word), quote(&character.to_string()));
            return Err(Error::internal(format!("invalid {key} {word}: {character} in it")));
        }
    }
    Ok(conditions.iter().filter(|word| !word.is_empty()).cloned().collect())
}

/// The conditions as statements, where all of them are of the usual kinds: addresses, and the
/// interface that packets come in through. For the others there is the program `nft`.
pub(crate) fn statements(conditions: &[String], is_ipv4: bool) -> Option<Vec<Statement>> {
    let text = conditions.join(" ");
    let mut words = text.split_ascii_whitespace().peekable();
    let mut statements = Vec::new();
    while let Some(word) = words.next() {
        statements.push(match word {
            "ip" | "ip6" if is_ipv4 == (word == "ip") => {
                let side = match words.next()? {
                    "saddr" => AddressSide::Source,
                    "daddr" => AddressSide::Destination,
                    _ => return None,
                };
                let comparison = match words.next_if(|word| ["!=", "=="].contains(word)) {
                    Some("!=") => Comparison::NotEqual,
                    _ => Comparison::Equal,
                };
                let network: IpNetwork = words.next()?.parse().ok()?;
                (network.is_ipv4() == is_ipv4)
                    .then_some(Statement::Address(side, comparison, network))?
            }
            "iifname" => Statement::InputInterface(interface(words.next()?)?.to_owned()),
            _ => return None,
        });
    }
    Some(statements)
}

/// The name of one interface, not a pattern for several.
fn interface(word: &str) -> Option<&str> {
    let name = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    ((1..16).contains(&name.len()) && name.bytes().all(is_plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn usual_conditions_need_no_program() {
        for (text, is_ipv4, written) in [
            ("ip saddr 10.0.0.0/8", true, "ip saddr 10.0.0.0/8"),
            (
                "ip daddr != 192.0.2.7 iifname \"eth0\"",
                true,
                "ip daddr != 192.0.2.7 iifname \"eth0\"",
            ),
            ("ip6 daddr == fd00::/7", false, "ip6 daddr fc00::/7"),
        ] {
            let statements = statements(&words(text), is_ipv4).expect("statements");
            let found: Vec<_> = statements.iter().map(ToString::to_string).collect();
            assert_eq!(found.join(" "), written);
        }
        for other in ["tcp dport 80", "ip saddr { 10.0.0.1, 10.0.0.2 }", "ip saddr", "ip saddr x"] {
            assert_eq!(statements(&words(other), true), None, "{other}");
        }
        for other in ["ip6 saddr fd00::1", "iifname eth*", "iifname \"a b\"", "ip saddr fd00::1"] {
            assert_eq!(statements(&words(other), true), None, "{other}");
        }
    }

    #[test]
    fn what_could_end_a_command_is_refused() {
        for (word, character) in
            [("a;b", "\";\""), ("a\nb", "\"\\n\""), ("#", "\"#\""), ("$x", "\"$\""), ("é", "\"é\"")]
        {
            let refused = read("conditionsV4", &words(word), Backend::Nftables);
            let refused = refused.expect_err(word).msg;
            assert!(refused.ends_with(&format!(": {character} in it")), "{refused}");
        }
        assert!(read("conditionsV4", &words("a;b $x #"), Backend::Iptables).is_ok());
        assert!(read("conditionsV6", &words("a\nb"), Backend::Iptables).is_err());
    }
}
