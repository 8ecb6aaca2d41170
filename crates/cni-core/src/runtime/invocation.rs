//! One call of a plugin: the `CNI_*` variables and the bytes of the configuration.

use std::io::Read;
use std::sync::Arc;

use crate::spec::error::{Code, Error, Result, io_cause};
use crate::spec::names;

/// A verb of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the verb it is named after")]
pub enum Command {
    Add,
    Del,
    Check,
    Gc,
    Status,
    Version,
}

impl Command {
    const ALL: [Self; 6] =
        [Self::Add, Self::Del, Self::Check, Self::Gc, Self::Status, Self::Version];

    /// The value of `CNI_COMMAND`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Del => "DEL",
            Self::Check => "CHECK",
            Self::Gc => "GC",
            Self::Status => "STATUS",
            Self::Version => "VERSION",
        }
    }

    /// Finds the verb written exactly so.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.as_str() == text)
    }
}

/// An interface in a container, as the runtime names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// `CNI_CONTAINERID`.
    pub container_id: String,
    /// `CNI_NETNS`, a path; may be empty for DEL.
    pub netns: String,
    /// `CNI_IFNAME`.
    pub ifname: String,
}

/// One call of a plugin.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// `CNI_COMMAND`.
    pub command: Command,
    /// Container ID, namespace and interface; empty strings where they are not given.
    pub attachment: Attachment,
    /// `CNI_ARGS`.
    pub args: String,
    /// `CNI_PATH`, folders separated by colons.
    pub path: String,
    /// Whether `CNI_NETNS_OVERRIDE` allows the plugin's own namespace.
    pub own_netns_allowed: bool,
    /// The configuration, byte for byte. Empty for VERSION.
    pub stdin: Arc<[u8]>,
}

/// What the environment asks for.
pub(super) enum Asked {
    /// `CNI_COMMAND` is not set: the about text.
    Nothing,
    /// A verb the specification has.
    Invocation(Invocation),
    /// Another word, to be refused after the configuration has been looked at.
    Unknown { command: String, stdin: Vec<u8> },
}

/// Reads the environment and, except for VERSION, standard input.
///
/// # Errors
///
/// Code 4 for variables: the first invalid one, else all missing ones together. Code 5 when
/// standard input cannot be read.
pub(super) fn from_environment() -> Result<Asked> {
    let variable = |name: &str| {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let command_text = variable("CNI_COMMAND");
    if command_text.is_empty() {
        return Ok(Asked::Nothing);
    }
    let command = Command::find(&command_text);
    let invocation = Invocation {
        command: command.unwrap_or(Command::Version),
        attachment: Attachment {
            container_id: variable("CNI_CONTAINERID"),
            netns: variable("CNI_NETNS"),
            ifname: variable("CNI_IFNAME"),
        },
        args: variable("CNI_ARGS"),
        path: variable("CNI_PATH"),
        own_netns_allowed: allows_own_netns(&variable("CNI_NETNS_OVERRIDE")),
        stdin: Arc::default(),
    };
    if let Some(command) = command {
        invocation.validate(command)?;
        if command == Command::Version {
            return Ok(Asked::Invocation(invocation));
        }
    }
    let stdin = read_stdin()?;
    Ok(match command {
        Some(_) => Asked::Invocation(Invocation { stdin: stdin.into(), ..invocation }),
        None => Asked::Unknown { command: command_text, stdin },
    })
}

/// Reads standard input to its end.
///
/// # Errors
///
/// Code 5.
pub(super) fn read_stdin() -> Result<Vec<u8>> {
    let mut stdin = Vec::new();
    std::io::stdin().lock().read_to_end(&mut stdin).map_err(|error| {
        Error::new(Code::IO_FAILURE, format!("error reading from stdin: {}", io_cause(&error)))
    })?;
    Ok(stdin)
}

/// Reference: `1`, or `true` in any case; nothing else.
fn allows_own_netns(value: &str) -> bool {
    value == "1" || value.eq_ignore_ascii_case("true")
}

impl Invocation {
    /// Checks the variables that `command` needs, in the order of the specification's table.
    ///
    /// # Errors
    ///
    /// Code 4: the first invalid variable, else all missing ones together.
    pub(super) fn validate(&self, command: Command) -> Result<()> {
        use Command::{Add, Check, Del, Version};

        let of_attachment = matches!(command, Add | Check | Del);
        let Attachment { container_id, netns, ifname } = &self.attachment;
        let mut missing = Vec::new();
        let mut require = |needed: bool, name, value: &str, validate: fn(&str) -> Result<()>| {
            match (needed, value.is_empty()) {
                (true, true) => missing.push(name),
                (true, false) => return validate(value),
                (false, _) => (),
            }
            Ok(())
        };
        let anything = |_: &str| Ok(());
        require(of_attachment, "CNI_CONTAINERID", container_id, names::validate_container_id)?;
        require(matches!(command, Add | Check), "CNI_NETNS", netns, anything)?;
        require(of_attachment, "CNI_IFNAME", ifname, names::validate_ifname)?;
        require(command != Version, "CNI_PATH", &self.path, anything)?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            Code::INVALID_ENVIRONMENT,
            format!("required env variables [{}] missing", missing.join(",")),
        ))
    }

    /// The variables that a delegate gets, with another verb.
    pub(super) fn environment(&self, command: Command) -> Vec<(&'static str, String)> {
        let Attachment { container_id, netns, ifname } = &self.attachment;
        let mut variables = vec![("CNI_COMMAND", command.as_str().to_owned())];
        for (name, value) in [
            ("CNI_CONTAINERID", container_id),
            ("CNI_NETNS", netns),
            ("CNI_IFNAME", ifname),
            ("CNI_ARGS", &self.args),
            ("CNI_PATH", &self.path),
        ] {
            if !value.is_empty() {
                variables.push((name, value.clone()));
            }
        }
        variables
    }
}
