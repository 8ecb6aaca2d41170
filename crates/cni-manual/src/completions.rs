//! Completions for the shells that clap knows best.

use clap::Command;
use clap_complete::{Generator, Shell, generate};

/// The files of one program, as the shells look for them, below a folder for each shell.
pub fn of(grammar: &Command) -> Vec<(String, Vec<u8>)> {
    let name = grammar.get_name().to_owned();
    let file = |shell: Shell| {
        let mut text = Vec::new();
        generate(shell, &mut grammar.clone(), &name, &mut text);
        let file = match shell {
            // The loader of bash-completion looks for the bare name.
            Shell::Bash => name.clone(),
            other => other.file_name(&name),
        };
        (format!("{shell}/{file}"), text)
    };
    [Shell::Bash, Shell::Zsh, Shell::Fish].map(file).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_gets_the_name_it_looks_for() {
        let files = of(&Command::new("ptp").subcommand(Command::new("add")));
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["bash/ptp", "zsh/_ptp", "fish/ptp.fish"]);
        for (name, text) in files {
            assert!(String::from_utf8_lossy(&text).contains("add"), "{name}");
        }
    }
}
