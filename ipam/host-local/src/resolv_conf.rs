//! Name resolution for the result, read from a file like `/etc/resolv.conf`.

use cni_core::spec::error::io_cause;
use cni_core::{Dns, Error, Result};

/// Bytes; the reference refuses longer lines.
const LONGEST_LINE: usize = 64 * 1024 - 1;

/// Reads a file in the format of resolv.conf(5).
///
/// # Errors
///
/// When it cannot be read or has a line too long.
pub fn read(path: &str) -> Result<Dns> {
    let content = std::fs::read(path)
        .map_err(|error| Error::internal(format!("open {path}: {}", io_cause(&error))))?;
    parse(&String::from_utf8_lossy(&content))
}

/// Reference: comments begin only a line, values are not validated, and `search` and `options`
/// accumulate over lines.
fn parse(content: &str) -> Result<Dns> {
    let mut dns = Dns::default();
    for line in content.lines() {
        if line.len() > LONGEST_LINE {
            return Err(Error::internal("bufio.Scanner: token too long"));
        }
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let mut fields = line.split_whitespace().map(str::to_owned);
        let (Some(keyword), Some(value)) = (fields.next(), fields.next()) else {
            continue;
        };
        match keyword.as_str() {
            "nameserver" => dns.nameservers.push(value),
            "domain" => dns.domain = value,
            "search" => dns.search.extend(std::iter::once(value).chain(fields)),
            "options" => dns.options.extend(std::iter::once(value).chain(fields)),
            _ => (),
        }
    }
    Ok(dns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_accumulate_and_comments_are_lines() {
        let dns = parse(
            "# a comment\n; another\n  nameserver 192.0.2.1\nnameserver 192.0.2.2 ignored\n\
             domain first.example\n\tdomain last.example\nsearch a # b\nsearch c\n\
             options ndots:2 rotate\noptions\nsortlist x\nNameserver x\n",
        )
        .expect("a good file");
        assert_eq!(dns.nameservers, ["192.0.2.1", "192.0.2.2"]);
        assert_eq!(dns.domain, "last.example");
        assert_eq!(dns.search, ["a", "#", "b", "c"]);
        assert_eq!(dns.options, ["ndots:2", "rotate"]);
    }

    #[test]
    fn a_long_line_and_a_missing_file_are_refused() {
        let line = "x".repeat(64 * 1024);
        assert_eq!(parse(&line).expect_err("too long").msg, "bufio.Scanner: token too long");
        assert_eq!(
            read("/nonexistent/resolv.conf").expect_err("missing").msg,
            "open /nonexistent/resolv.conf: no such file or directory"
        );
    }
}
