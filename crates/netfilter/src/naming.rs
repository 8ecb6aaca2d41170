//! Names of chains and texts of comments, which another implementation must find again.

use std::fmt::Write;

use sha2::{Digest, Sha512};

use crate::error::{Error, Result};

/// Length of every iptables chain name made here; iptables allows 28 characters.
const CHAIN_LENGTH: usize = 28;
/// Length of the hashes in nf_tables comments.
const HASH_LENGTH: usize = 16;
/// Bytes of a comment that `nft` stores (libnftnl's `NFTNL_UDATA_COMMENT_MAXLEN`).
const COMMENT_LENGTH: usize = 128;

/// Names the iptables chain of a container's attachments to a network.
///
/// The interface name is not part of it: two attachments of one container share the chain.
pub fn iptables_chain(network: &str, container_id: &str) -> String {
    iptables_chain_with_prefix(network, container_id, "")
}

/// Names an iptables chain for one purpose, told by `prefix` (which comes after `CNI-`).
pub fn iptables_chain_with_prefix(network: &str, container_id: &str, prefix: &str) -> String {
    hash(CHAIN_LENGTH, &format!("CNI-{prefix}"), &format!("{network}{container_id}"))
}

/// Writes the comment of an attachment's iptables rules.
pub fn iptables_comment(network: &str, container_id: &str) -> String {
    format!("name: {} id: {}", quoted(network), quoted(container_id))
}

/// Finds the container in a comment that [`iptables_comment`] wrote for `network`.
pub fn container_of_iptables_comment(network: &str, comment: &str) -> Option<String> {
    let start = format!("name: {} id: \"", quoted(network));
    let written = comment.strip_prefix(&start)?.strip_suffix('"')?;
    let mut container_id = String::with_capacity(written.len());
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => container_id.push(characters.next()?),
            '"' => return None,
            other => container_id.push(other),
        }
    }
    Some(container_id)
}

/// Hashes a network's name: how every comment of that network's nf_tables rules starts.
pub fn network_hash(network: &str) -> String {
    hash(HASH_LENGTH, "", network)
}

/// Hashes an attachment: how every comment of that attachment's nf_tables rules starts.
pub fn instance_hash(network: &str, ifname: &str, container_id: &str) -> String {
    let instance = hash(HASH_LENGTH, "", &format!("{ifname}:{container_id}"));
    format!("{}-{instance}", network_hash(network))
}

/// Writes the comment of an attachment's nf_tables rules, at most 128 bytes.
pub fn nft_comment(network: &str, ifname: &str, container_id: &str) -> String {
    let mut comment = instance_hash(network, ifname, container_id);
    for (label, value) in [("net", network), ("if", ifname), ("id", container_id)] {
        comment.push_str(&format!(", {label}: "));
        comment.extend(value.chars().filter(|character| *character != '"'));
    }
    comment.truncate(comment.floor_char_boundary(COMMENT_LENGTH));
    comment
}

/// Refuses texts that could end the line or the string they are written into.
///
/// # Errors
///
/// [`Error::Unwritable`] for control characters.
pub(crate) fn check(what: &'static str, text: &str) -> Result<()> {
    if text.chars().any(char::is_control) {
        return Err(Error::Unwritable { what, text: text.to_owned() });
    }
    Ok(())
}

/// The first `length` characters of `prefix` and the SHA-512 of `text` in lower-case hex.
fn hash(length: usize, prefix: &str, text: &str) -> String {
    let mut name = prefix.to_owned();
    for byte in Sha512::digest(text).iter() {
        if name.len() >= length {
            break;
        }
        write!(name, "{byte:02x}").expect("writing to a String succeeds");
    }
    name.truncate(length);
    name
}

/// `text` in double quotes; control characters have been refused by [`check`].
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_names_are_the_reference_ones() {
        assert_eq!(iptables_chain("test", "1234"), "CNI-2bbe0c48b91a7d1b8a6753a8");
        assert_eq!(iptables_chain("mynet", "cid1"), "CNI-a631aa8e1549a3b129110fd2");
        let long = "testalongnamethatdoesnotmakesense";
        assert_eq!(iptables_chain(long, "1234"), "CNI-374f33fe84ab0ed84dcdebe3");
        let prefixed = |network| iptables_chain_with_prefix(network, "1234", "PREFIX-");
        assert_eq!(prefixed("test"), "CNI-PREFIX-2bbe0c48b91a7d1b8");
        assert_eq!(prefixed(long), "CNI-PREFIX-374f33fe84ab0ed84");
    }

    #[test]
    fn instance_hashes_are_the_reference_ones() {
        for (network, ifname, container_id, expected) in [
            ("unit-test", "eth0", "one", "6fd94d501e58f0aa-287fc69eff0574a2"),
            ("unit-test", "eth0", "two", "6fd94d501e58f0aa-d750b2c8f0f25d5f"),
            ("unit-test", "eth0", "three", "6fd94d501e58f0aa-a4d4adb82b669cfe"),
            ("unit-test", "eth0", "four", "6fd94d501e58f0aa-e766de567ef6c543"),
            ("alternate", "net1", "three", "82783ef24bdc7036-acb19d111858e348"),
            ("mynet", "eth0", "cid1", "d23676b4f2d9fe04-0b65a318f52e521b"),
        ] {
            assert_eq!(instance_hash(network, ifname, container_id), expected);
        }
    }

    #[test]
    fn nft_comments_lose_quotes_and_everything_after_128_bytes() {
        assert_eq!(
            nft_comment("my\"net", "eth0", "cid1").split_once(',').map(|parts| parts.1),
            Some(" net: mynet, if: eth0, id: cid1")
        );
        assert_eq!(nft_comment(&"n".repeat(200), "eth0", "cid1").len(), 128);
    }

    #[test]
    fn the_container_is_read_back_from_its_comment_and_from_no_other() {
        for container_id in ["cid1", "a\"b", r"back\slash", r#"\""#] {
            let comment = iptables_comment("my net", container_id);
            assert_eq!(
                container_of_iptables_comment("my net", &comment).as_deref(),
                Some(container_id)
            );
            assert_eq!(container_of_iptables_comment("my", &comment), None);
        }
        let forged = r#"name: "a" id: "b" id: "c""#;
        assert_eq!(container_of_iptables_comment("a", forged), None);
    }
}
