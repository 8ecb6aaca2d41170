//! The table of what only certain files may do, and who goes beyond it.
//!
//! `clippy.toml` catches the calls by meaning; this rule keeps the exceptions to it, and the
//! words that give such a call away, inside the places the table names.

use super::{Finding, Source};

const EXPLAINED: &str = "docs/ARCHITECTURE.md";

/// One row of the table.
struct Permission {
    /// What it permits, as the end of "may not …".
    may: &'static str,
    /// The signs of it; a sign is in a line when all of its words are.
    signs: &'static [&'static [&'static str]],
    /// The beginnings of the paths that may do it.
    places: &'static [&'static str],
}

const PERMISSIONS: &[Permission] = &[
    Permission {
        may: "read the environment, the arguments or stdin, write stdout or choose the exit code",
        signs: &[
            &["env::var"],
            &["env::args"],
            &["env::set_var"],
            &["io::stdin"],
            &["io::stdout"],
            &["process::exit"],
        ],
        places: &[
            "crates/bench-probes/",
            "crates/cni-core/src/runtime/",
            "crates/cni-manual/",
            "crates/cni-plugins/src/main.rs",
            "crates/cni-testkit/",
            "crates/cnitool/",
            "crates/fault-point/",
            // Finds its programs in PATH before it starts one.
            "crates/netfilter/src/program.rs",
            "xtask/",
        ],
    },
    Permission {
        may: "start a process",
        signs: &[&["process::", "Command"], &["posix_spawn"], &["fork("]],
        places: &[
            "crates/bench-probes/",
            "crates/cni-core/src/runtime/exec.rs",
            "crates/cni-testkit/",
            // SELinux labels a tap device as the process that makes it.
            "crates/linux-net/src/rtnl/kind/tap_order.rs",
            "crates/netfilter/",
            "xtask/",
        ],
    },
    Permission {
        may: "enter a namespace or touch /proc/sys/net",
        signs: &[&["setns("], &["unshare("], &["\"/proc/sys/net"]],
        places: &["crates/linux-net/", "crates/cni-testkit/", "xtask/"],
    },
    Permission {
        may: "open a netlink socket",
        signs: &[&["AddressFamily::Netlink"], &["AF_NETLINK"]],
        places: &["crates/linux-net/", "crates/netfilter/src/nft/"],
    },
    Permission {
        may: "write files",
        signs: &[&["fs::write"], &["File::create"], &["OpenOptions::new"]],
        places: &[
            "crates/bench-probes/",
            "crates/cni-ipam/src/state_file.rs",
            // Runs when packages are built.
            "crates/cni-manual/",
            "crates/cni-runtime/src/",
            "crates/cni-testkit/",
            // Leaves a mark where a fault has hit, in the fault suite's build alone.
            "crates/fault-point/",
            "crates/linux-net/src/sysctl.rs",
            "ipam/dhcp/src/",
            "ipam/host-local/src/",
            "xtask/",
        ],
    },
    Permission {
        may: "use unsafe code",
        signs: &[&["unsafe {"], &["unsafe fn"], &["unsafe impl"], &["(unsafe_code"]],
        places: &["crates/linux-net/", "crates/cni-testkit/"],
    },
];

/// Finds what a file does without the permission for it.
pub fn check(source: &Source) -> Vec<Finding> {
    if !source.is_rust() || source.spells_out_rules() || is_test(&source.path) {
        return Vec::new();
    }
    let mut findings = unexpected_exceptions(source);
    for permission in PERMISSIONS {
        if is_in(&source.path, permission.places) {
            continue;
        }
        for (number, line) in code_lines(source) {
            if permission.signs.iter().any(|sign| has_sign(line, sign)) {
                let text = format!("this file may not {}", permission.may);
                findings.push(source.finding(Some(number), text, EXPLAINED));
            }
        }
    }
    findings
}

/// An exception to `clippy.toml` is only for a place in the table.
fn unexpected_exceptions(source: &Source) -> Vec<Finding> {
    let has_a_place = PERMISSIONS.iter().any(|permission| is_in(&source.path, permission.places));
    if has_a_place {
        return Vec::new();
    }
    code_lines(source)
        .filter(|(_, line)| line.contains("clippy::disallowed_methods"))
        .map(|(number, _)| {
            let text = "no exception to clippy.toml is meant for this file";
            source.finding(Some(number), text, EXPLAINED)
        })
        .collect()
}

/// Tests may do what they like: they stand outside the product.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn is_in(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path.starts_with(place))
}

fn has_sign(line: &str, sign: &[&str]) -> bool {
    sign.iter().all(|word| line.contains(word))
}

/// The lines before the test module, with their numbers, without comments.
fn code_lines(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source
        .lines()
        .take_while(|(_, line)| *line != "#[cfg(test)]")
        .map(|(number, line)| (number, line.split("//").next().unwrap_or(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        check(&source).iter().map(|finding| finding.text.clone()).collect()
    }

    #[test]
    fn a_plugin_may_not_read_the_environment() {
        assert_eq!(
            texts("plugins/bridge/src/add.rs", "let x = std::env::var(\"A\");\n"),
            [
                "this file may not read the environment, the arguments or stdin, write stdout or choose the exit code"
            ]
        );
        assert_eq!(texts("crates/cni-core/src/runtime/invocation.rs", "env::var(\"A\")"), [""; 0]);
    }

    #[test]
    fn a_process_is_told_from_a_command_line_parser() {
        let parser = "clap::Command::new(\"cnitool\")\n";
        assert_eq!(texts("crates/cnitool/src/main.rs", parser), [""; 0]);
        let process = "use std::process::{Child, Command};\n";
        assert_eq!(
            texts("crates/cnitool/src/main.rs", process),
            ["this file may not start a process"]
        );
    }

    #[test]
    fn unsafe_stays_in_two_crates() {
        let text = "unsafe { f() }\n";
        assert_eq!(
            texts("crates/netfilter/src/lib.rs", text),
            ["this file may not use unsafe code"]
        );
        assert_eq!(texts("crates/linux-net/src/netns.rs", text), [""; 0]);
    }

    #[test]
    fn comments_and_tests_are_free() {
        assert_eq!(
            texts("plugins/a/src/add.rs", "// not env::var\n#[cfg(test)]\nenv::var()"),
            [""; 0]
        );
        assert_eq!(texts("crates/linux-net/tests/link.rs", "process::Command"), [""; 0]);
    }

    #[test]
    fn exceptions_to_clippy_stay_in_the_named_places() {
        let text = "#![expect(clippy::disallowed_methods, reason = \"x\")]\n";
        assert_eq!(
            texts("plugins/bridge/src/add.rs", text),
            ["no exception to clippy.toml is meant for this file"]
        );
        assert_eq!(texts("xtask/src/main.rs", text), [""; 0]);
    }
}
