//! The packet filter's rules as text.

use crate::{Namespace, placeholders::Placeholders};

impl Namespace {
    /// What `nft list ruleset` prints, counters at zero and random veth names numbered.
    #[track_caller]
    pub fn nft_rules(&self) -> String {
        Placeholders::default().replace(&without_counts(&self.exec(&["nft", "list", "ruleset"])))
    }

    /// What `iptables-save` prints, without remarks and counts.
    ///
    /// One line per chain and rule below its table: `*nat`, `:CNI-HOSTPORT-DNAT -`, `-A …`.
    #[track_caller]
    pub fn iptables_rules(&self) -> String {
        Placeholders::default().replace(&saved(&self.exec(&["iptables-save"])))
    }

    /// The same for IPv6.
    #[track_caller]
    pub fn ip6tables_rules(&self) -> String {
        Placeholders::default().replace(&saved(&self.exec(&["ip6tables-save"])))
    }
}

/// Writes `counter packets 0 bytes 0` whatever was counted.
pub(crate) fn without_counts(ruleset: &str) -> String {
    let mut previous = "";
    let mut text = String::with_capacity(ruleset.len());
    for word in ruleset.split_inclusive([' ', '\n', '\t']) {
        let bare = word.trim_end();
        let is_count = matches!(previous, "packets" | "bytes") && bare.parse::<u64>().is_ok();
        if is_count {
            text.push('0');
            text.push_str(&word[bare.len()..]);
        } else {
            text.push_str(word);
        }
        previous = bare;
    }
    text
}

/// Drops remarks, `COMMIT` and the counts of chains.
pub(crate) fn saved(dump: &str) -> String {
    dump.lines()
        .filter(|line| !line.starts_with('#') && *line != "COMMIT")
        .map(|line| match line.strip_prefix(':').and_then(|_| line.rsplit_once(" [")) {
            Some((chain, _)) => format!("{chain}\n"),
            None => format!("{line}\n"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_left_out() {
        assert_eq!(
            without_counts("\ta counter packets 12 bytes 345 accept\n\tb 12 bytes\n"),
            "\ta counter packets 0 bytes 0 accept\n\tb 12 bytes\n"
        );
        assert_eq!(
            saved("# now\n*nat\n:INPUT ACCEPT [5:6]\n:OWN - [0:0]\n-A INPUT -j OWN\nCOMMIT\n"),
            "*nat\n:INPUT ACCEPT\n:OWN -\n-A INPUT -j OWN\n"
        );
    }
}
