//! A man page from a command line's grammar.

use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, roman};

/// Where a program's page belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Section 8: runtimes run plugins as root.
    Plugin,
    /// Section 1: `cnitool` is for everybody, who may own the namespaces.
    Tool,
}

impl Section {
    fn number(self) -> &'static str {
        match self {
            Self::Plugin => "8",
            Self::Tool => "1",
        }
    }
}

/// The name of the page's file, and the page.
///
/// The pages of plugins have a prefix: others have the names, such as `bridge` of iproute2.
pub fn render(grammar: &Command, section: Section) -> (String, Vec<u8>) {
    let mut grammar = grammar.clone().disable_help_subcommand(true);
    grammar.build();
    let program = grammar.get_name().to_owned();
    let title = match section {
        Section::Plugin => format!("cni-{program}"),
        Section::Tool => program.clone(),
    };
    let mut page = Roff::new();
    let source = concat!("cni-plugins ", env!("CARGO_PKG_VERSION"));
    page.control("TH", [&title.to_uppercase(), section.number(), "", source, "CNI plugins"]);
    let about = grammar.get_about().map(ToString::to_string).unwrap_or_default();
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{title} - {}", in_passing(&about)))]);
    synopsis(&mut page, &mut grammar);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(format!("{about}."))]);
    for paragraph in description(&program, section) {
        page.control("PP", []);
        page.text(paragraph);
    }
    commands(&mut page, &grammar);
    options(&mut page, &grammar);
    notes(&mut page, &grammar);
    page.control("SH", ["SEE ALSO"]);
    let also = match section {
        Section::Plugin => vec![bold("cnitool"), roman("(1), "), bold("ip-netns"), roman("(8)")],
        Section::Tool => vec![bold("cni-bridge"), roman("(8), "), bold("ip-netns"), roman("(8)")],
    };
    page.text(also);
    (format!("{title}.{}", section.number()), page.render().into_bytes())
}

/// The synopsis: one line for each command, as its help gives it.
fn synopsis(page: &mut Roff, grammar: &mut Command) {
    page.control("SH", ["SYNOPSIS"]);
    page.control("nf", []);
    for command in grammar.get_subcommands_mut() {
        let usage = command.render_usage().to_string();
        page.text([roman(usage.trim_start_matches("Usage:").trim())]);
    }
    page.control("fi", []);
}

/// What every program of a kind has in common.
fn description(program: &str, section: Section) -> Vec<Vec<Inline>> {
    match section {
        Section::Plugin => vec![
            vec![
                roman("Container runtimes run it as their "),
                bold("CNI"),
                roman(" plugin: the verb in the variable "),
                bold("CNI_COMMAND"),
                roman(
                    " of the environment, the network configuration on standard input, the \
                     result on standard output. Without that variable it reads the arguments \
                     described here, for people.",
                ),
            ],
            vec![
                roman("The keys of its configuration are in the file "),
                italic(format!("{program}.md")),
                roman(" of the package's documentation."),
            ],
        ],
        Section::Tool => vec![vec![
            roman("It runs lists of plugins, as found in "),
            italic("/etc/cni/net.d"),
            roman(", the way a container runtime does."),
        ]],
    }
}

fn commands(page: &mut Roff, grammar: &Command) {
    page.control("SH", ["COMMANDS"]);
    for command in grammar.get_subcommands().filter(|command| !command.is_hide_set()) {
        page.control("TP", []);
        page.text([bold(command.get_name())]);
        page.text([roman(command.get_about().map(ToString::to_string).unwrap_or_default())]);
    }
}

/// The arguments of all commands; one that several have is told once.
fn options(page: &mut Roff, grammar: &Command) {
    page.control("SH", ["OPTIONS"]);
    let mut told = Vec::new();
    let commands = [grammar].into_iter().chain(grammar.get_subcommands());
    for argument in commands.flat_map(Command::get_arguments) {
        let id = argument.get_id();
        if argument.is_hide_set() || id == "help" || told.contains(&id) {
            continue;
        }
        told.push(id);
        page.control("TP", []);
        page.text(heading(argument));
        page.text([roman(argument.get_help().map(ToString::to_string).unwrap_or_default())]);
    }
}

/// An argument as it is typed.
fn heading(argument: &Arg) -> Vec<Inline> {
    let value = argument.get_value_names().map(|names| names.join(" "));
    let value = value.unwrap_or_else(|| argument.get_id().to_string());
    if argument.is_positional() {
        return vec![italic(format!("<{value}>"))];
    }
    let mut heading = Vec::new();
    if let Some(short) = argument.get_short() {
        heading.extend([bold(format!("-{short}")), roman(", ")]);
    }
    heading.push(bold(format!("--{}", argument.get_long().unwrap_or_default())));
    if argument.get_action().takes_values() {
        heading.extend([roman(" "), italic(value)]);
    }
    heading
}

/// What stands behind the help: a heading, and lines that are wide as they are.
fn notes(page: &mut Roff, grammar: &Command) {
    let Some(notes) = grammar.get_after_help().map(ToString::to_string) else { return };
    let (title, lines) = notes.split_once('\n').unwrap_or((&notes, ""));
    page.control("SH", [title.trim_end_matches(':').to_uppercase().as_str()]);
    page.control("nf", []);
    for line in lines.lines() {
        page.text([roman(line)]);
    }
    page.control("fi", []);
}

/// A sentence's text inside another one.
fn in_passing(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_every_command_and_each_argument_once() {
        let argument = || Arg::new("config").long("config").value_name("FILE").help("The file");
        let grammar = Command::new("ptp")
            .about("Connects a container")
            .subcommand(Command::new("add").about("Attaches").arg(argument()))
            .subcommand(Command::new("del").about("Detaches").arg(argument()));
        let (name, page) = render(&grammar, Section::Plugin);
        let page = String::from_utf8(page).expect("text");
        assert_eq!(name, "cni-ptp.8");
        assert!(page.contains("cni\\-ptp \\- connects a container"), "{page}");
        assert!(page.contains("ptp add [OPTIONS]"), "{page}");
        assert_eq!(page.matches("The file").count(), 1, "{page}");
        assert!(!page.contains("help"), "{page}");
    }
}
