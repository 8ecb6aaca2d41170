//! Pages of the documentation whose commands are run as they are written.

use cni_testkit::Machine;

/// A block of commands, and what it prints where the page shows that.
#[derive(Debug, PartialEq)]
pub struct Step {
    commands: String,
    printed: Option<String>,
}

/// The steps of the section with this heading.
#[track_caller]
pub fn section(page: &str, heading: &str) -> Vec<Step> {
    let mut lines = page.lines().skip_while(|line| *line != format!("## {heading}")).skip(1);
    let mut steps: Vec<Step> = Vec::new();
    while let Some(line) = lines.next().filter(|line| !line.starts_with("## ")) {
        if !matches!(line, "```sh" | "```text") {
            continue;
        }
        let block = lines.by_ref().take_while(|line| *line != "```");
        let block = block.map(|line| line.to_owned() + "\n").collect();
        match (line, steps.last_mut()) {
            ("```text", Some(step)) => step.printed = Some(block),
            _ => steps.push(Step { commands: block, printed: None }),
        }
    }
    assert!(!steps.is_empty(), "no commands under {heading:?}");
    steps
}

/// Where the variables of a step are kept for the next one.
const VARIABLES: &str = "/run/page.env";

impl Step {
    /// Runs the commands in the shell that has run the steps before, as far as that can be seen.
    #[track_caller]
    pub fn run(&self, machine: &Machine) {
        let printed = machine.sh(&format!(
            "set -a; [ ! -e {VARIABLES} ] || . {VARIABLES}\n{}export -p >{VARIABLES}",
            self.commands
        ));
        if let Some(expected) = &self.printed {
            assert_eq!(printed, *expected, "is printed by\n{}", self.commands);
        }
    }
}

#[test]
fn commands_and_what_they_print_are_read_from_a_page() {
    let page = "## One\n\n```sh\na\nb\n```\ntext\n```json\n{}\n```\n```sh\nc\n```\nprints\n\
                ```text\nd\n```\n## Two\n```sh\ne\n```\n";
    let step = |commands: &str, printed: Option<&str>| Step {
        commands: commands.to_owned(),
        printed: printed.map(str::to_owned),
    };
    assert_eq!(section(page, "One"), [step("a\nb\n", None), step("c\n", Some("d\n"))]);
    assert_eq!(section(page, "Two"), [step("e\n", None)]);
}
