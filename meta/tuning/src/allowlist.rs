//! Which settings the administrator of the host allows.

use std::io::ErrorKind;

use cni_core::spec::error::io_cause;
use cni_core::{Error, Result};
use regex_lite::Regex;

use crate::plan::Sysctl;

const FILE: &str = "/etc/cni/tuning/allowlist.conf";

/// The lines of the list; without one everything is allowed.
#[derive(Debug)]
pub(crate) struct Allowlist(Option<Vec<String>>);

impl Allowlist {
    /// Reads the list of this host.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    pub(crate) fn read() -> Result<Self> {
        match std::fs::read(FILE) {
            Ok(content) => Ok(Self::parse(&String::from_utf8_lossy(&content))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self(None)),
            Err(error) => Err(Error::internal(format!("open {FILE}: {}", io_cause(&error)))),
        }
    }

    /// Reference: every line that is not blank is an expression; there are no comments.
    fn parse(content: &str) -> Self {
        let lines = content.split('\n').map(str::trim).filter(|line| !line.is_empty());
        Self(Some(lines.map(str::to_owned).collect()))
    }

    /// Refuses the first setting that no line matches anywhere in its key, as the user wrote it.
    ///
    /// # Errors
    ///
    /// The reference's texts, also for a line before the match that is no regular expression.
    pub(crate) fn check(&self, sysctls: &[Sysctl]) -> Result<()> {
        let Some(lines) = &self.0 else {
            return Ok(());
        };
        for Sysctl { key, .. } in sysctls {
            if !matches_any(lines, key)? {
                return Err(Error::internal(format!(
                    "Sysctl {key} is not allowed. Only the following sysctls are allowed: [{}]",
                    lines.join(" ")
                )));
            }
        }
        Ok(())
    }
}

fn matches_any(lines: &[String], key: &str) -> Result<bool> {
    for line in lines {
        let expression = Regex::new(line)
            .map_err(|error| Error::internal(format!("error parsing regexp: {error}: `{line}`")))?;
        if expression.is_match(key) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, keys: &[&str]) -> std::result::Result<(), String> {
        let sysctl = |key: &&str| Sysctl {
            key: (*key).to_owned(),
            name: String::new(),
            value: String::new(),
        };
        let sysctls: Vec<_> = keys.iter().map(sysctl).collect();
        Allowlist::parse(content).check(&sysctls).map_err(|error| error.msg)
    }

    #[test]
    fn every_line_is_an_expression_that_matches_anywhere() {
        let content = "\n  ^net\\.ipv4\\.conf\\.[a-zA-Z0-9]+\\.log_martians$ \r\n\nsomaxconn\n";
        let allowed = ["net.ipv4.conf.IFNAME.log_martians", "net.core.somaxconn", "net/somaxconn_"];
        assert_eq!(check(content, &allowed), Ok(()));
        assert_eq!(
            check(content, &["net.core.somaxconn", "net/ipv4/conf/IFNAME/log_martians", "x"]),
            Err("Sysctl net/ipv4/conf/IFNAME/log_martians is not allowed. Only the following \
                 sysctls are allowed: [^net\\.ipv4\\.conf\\.[a-zA-Z0-9]+\\.log_martians$ somaxconn]"
                .to_owned())
        );
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        let refused = "Sysctl net.a is not allowed. Only the following sysctls are allowed: []";
        assert_eq!(check("\n", &["net.a"]), Err(refused.to_owned()));
        assert_eq!(check("", &[]), Ok(()));
    }

    #[test]
    fn an_expression_counts_when_it_is_reached() {
        assert_eq!(check("a\n[", &["net.a"]), Ok(()));
        let refused = check("[\na", &["net.a"]).expect_err("no expression");
        assert!(refused.starts_with("error parsing regexp: ") && refused.ends_with(": `[`"));
    }

    /// What administrators write in RE2 and here means the same.
    #[test]
    fn expressions_are_those_of_re2() {
        for (expression, key, matches) in [
            (r"^net\.ipv4\.conf\.\w+\.rp_filter$", "net.ipv4.conf.eth0.rp_filter", true),
            (r"^net\.ipv4\.conf\.\w+\.rp_filter$", "net.ipv4.conf.eth-0.rp_filter", false),
            (r"(?i)NET\.CORE", "net.core.x", true),
            (r"net\.(core|ipv[46])\.", "net.ipv6.x", true),
            (r"^net\.ipv4\.[^.]+$", "net.ipv4.a.b", false),
            (r"^[[:lower:].]+\d{1,2}?$", "net.x12", true),
            (r"(?P<family>ipv4)\b", "net.ipv4.x", true),
            (r"\Anet(?:\.|/)core\z", "net/core", true),
            (r"a\-[\d]{0,2}$", "a-12", true),
        ] {
            let found = matches_any(&[expression.to_owned()], key);
            assert_eq!(found, Ok(matches), "{expression} in {key}");
        }
    }
}
