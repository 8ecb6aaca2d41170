//! The daemon's command line.

use std::fmt;
use std::time::Duration;

use crate::client::Timing;
use crate::rpc::DEFAULT_SOCKET;

/// What the daemon is told when it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flags {
    /// Empty for none.
    pub(super) pid_file: String,
    /// Comes before the socket's path and those of namespaces.
    pub(super) host_prefix: String,
    pub(super) socket_path: String,
    pub(super) timing: Timing,
    /// Whether servers are asked to answer to all on the link.
    pub(super) broadcast: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            pid_file: String::new(),
            host_prefix: String::new(),
            socket_path: DEFAULT_SOCKET.to_owned(),
            timing: Timing::default(),
            broadcast: false,
        }
    }
}

/// How a command line is right: a flag and its value's type, then what it is for.
pub const USAGE: &str = "Usage of daemon:
  -broadcast
    \tbroadcast DHCP leases
  -hostprefix string
    \toptional prefix to host root
  -pidfile string
    \toptional path to write daemon PID to
  -resendmax duration
    \toptional dhcp client max resend delay between requests (default 1m2s)
  -resendtimeout duration
    \toptional dhcp client resend timeout, no more retries after this timeout (default 3m28s)
  -socketpath string
    \toptional dhcp server socketpath
  -timeout duration
    \toptional dhcp client timeout duration for each request (default 10s)
";

/// Why there are no flags.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoFlags {
    /// `-h`.
    HelpWanted,
    Mistake(String),
}

impl fmt::Display for NoFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HelpWanted => f.write_str(USAGE),
            Self::Mistake(mistake) => write!(f, "{mistake}\n{USAGE}"),
        }
    }
}

impl Flags {
    /// Reads the arguments behind `daemon`. What begins with the first one that is no flag is
    /// ignored, as it is by the reference.
    pub(super) fn parse(arguments: &[String]) -> Result<Self, NoFlags> {
        let mut flags = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let Some(flag) = argument.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
                break;
            };
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            if flag.is_empty() {
                break;
            }
            if flag.starts_with(['-', '=']) {
                return Err(NoFlags::Mistake(format!("bad flag syntax: {argument}")));
            }
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag, None),
            };
            if matches!(name, "h" | "help") {
                return Err(NoFlags::HelpWanted);
            }
            if name == "broadcast" {
                flags.broadcast = parse_bool(value.unwrap_or("true"))?;
                continue;
            }
            let undefined = || NoFlags::Mistake(format!("flag provided but not defined: -{name}"));
            let target = flags.target(name).ok_or_else(undefined)?;
            let value = value.or_else(|| arguments.next().map(String::as_str));
            let missing = || NoFlags::Mistake(format!("flag needs an argument: -{name}"));
            target.set(name, value.ok_or_else(missing)?)?;
        }
        Ok(flags)
    }

    fn target(&mut self, name: &str) -> Option<Target<'_>> {
        Some(match name {
            "pidfile" => Target::Text(&mut self.pid_file),
            "hostprefix" => Target::Text(&mut self.host_prefix),
            "socketpath" => Target::Text(&mut self.socket_path),
            "timeout" => Target::Time(&mut self.timing.timeout),
            "resendmax" => Target::Time(&mut self.timing.resend_max),
            "resendtimeout" => Target::Time(&mut self.timing.resend_timeout),
            _ => return None,
        })
    }
}

/// What a flag sets.
enum Target<'f> {
    Text(&'f mut String),
    Time(&'f mut Duration),
}

impl Target<'_> {
    fn set(self, name: &str, value: &str) -> Result<(), NoFlags> {
        match self {
            Self::Text(text) => value.clone_into(text),
            Self::Time(time) => {
                *time = parse_duration(value).ok_or_else(|| invalid(value, name, "parse error"))?;
            }
        }
        Ok(())
    }
}

fn invalid(value: &str, name: &str, why: &str) -> NoFlags {
    NoFlags::Mistake(format!("invalid value \"{value}\" for flag -{name}: {why}"))
}

fn parse_bool(value: &str) -> Result<bool, NoFlags> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(NoFlags::Mistake(format!(
            "invalid boolean value \"{value}\" for -broadcast: parse error"
        ))),
    }
}

/// Reads a time as Go writes it: numbers with units, one behind the other, such as `1m30.5s`.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(number);
        let unit = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit);
        let nanoseconds: u64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_nanos(times(number, nanoseconds)?))?;
        rest = behind;
    }
    (!text.is_empty()).then_some(total)
}

/// A decimal number such as `1.5` or `.5`, so many times; what is less than one is cut off.
fn times(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let (mut part, mut place) = (0, unit);
    for digit in fraction.chars() {
        place /= 10;
        part += u64::from(digit.to_digit(10)?) * place;
    }
    whole.checked_mul(unit)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Flags, NoFlags> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Flags::parse(&arguments)
    }

    #[test]
    fn flags_have_one_dash_or_two_and_their_value_behind_or_after() {
        let flags =
            parse("-socketpath /s --hostprefix=/host -timeout 1m30.5s -broadcast x -timeout 1s");
        let flags = flags.expect("good flags");
        assert_eq!((flags.socket_path.as_str(), flags.host_prefix.as_str()), ("/s", "/host"));
        assert_eq!(flags.timing.timeout, Duration::from_millis(90_500));
        assert!(flags.broadcast);
        assert_eq!(parse("x -timeout 1s"), Ok(Flags::default()));
        assert_eq!(parse("-broadcast=false -- -timeout"), Ok(Flags::default()));
        assert_eq!(parse(""), Ok(Flags::default()));
    }

    #[test]
    fn mistakes_are_told() {
        for (line, mistake) in [
            ("-x", "flag provided but not defined: -x"),
            ("-timeout", "flag needs an argument: -timeout"),
            ("-timeout 5", "invalid value \"5\" for flag -timeout: parse error"),
            ("-timeout=-1s", "invalid value \"-1s\" for flag -timeout: parse error"),
            ("-broadcast=x", "invalid boolean value \"x\" for -broadcast: parse error"),
            ("---x", "bad flag syntax: ---x"),
        ] {
            assert_eq!(parse(line), Err(NoFlags::Mistake(mistake.to_owned())), "{line}");
        }
        assert_eq!(parse("-h"), Err(NoFlags::HelpWanted));
    }

    #[test]
    fn durations_are_those_of_go() {
        for (text, milliseconds) in [
            ("0", 0),
            ("500ms", 500),
            ("2s", 2000),
            ("1h1m1s", 3_661_000),
            (".5s", 500),
            ("1.25m", 75_000),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", ".s", "1.2.3s", "1x", "1s2", "-1s", "9999999999h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
