//! What the kernel or `iptables` refused, with the texts the reference plugins use.

use std::fmt;
use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

/// The result of an operation on rules.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why rules could not be read or changed.
///
/// `{}` is the short text, `{:#}` adds the object's address and the errno's name.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// nf_tables refused an operation.
    Kernel {
        /// What was asked for, such as `add rule to chain "masq_checks"`.
        operation: String,
        /// Where, such as `table inet cni_plugins_masquerade`; empty when there is no table.
        place: String,
        /// The kernel's answer.
        errno: Errno,
    },
    /// The configuration names a backend that does not exist.
    UnknownBackend(String),
    /// An executable is in no directory of `PATH`.
    NotInPath(&'static str),
    /// An executable could not be started or talked to.
    Start {
        /// The executable.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An executable ended with a failure.
    Command {
        /// The executable.
        program: PathBuf,
        /// Its arguments.
        args: Vec<String>,
        /// How it ended, such as `exit status 2`.
        status: String,
        /// What it wrote to stderr, with its line end.
        stderr: String,
    },
    /// A name or comment that cannot be part of a rule.
    Unwritable {
        /// What it is for, such as `network name`.
        what: &'static str,
        /// The refused text.
        text: String,
    },
    /// The fault suite asked this step to fail.
    Fault(io::Error),
    /// An error with the words the reference puts before it.
    Context {
        /// The words before the colon.
        context: &'static str,
        /// The error itself.
        source: Box<Error>,
    },
    /// Independent steps failed; one line each.
    Several(Vec<Error>),
}

impl Error {
    /// Whether the thing addressed does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self.errno(), Some(Errno::ENOENT))
    }

    /// Whether the thing to be made exists already.
    pub fn is_present(&self) -> bool {
        matches!(self.errno(), Some(Errno::EEXIST))
    }

    /// Whether programs refused what they were told to do, and nothing else failed.
    pub fn is_by_program(&self) -> bool {
        match self {
            Error::Command { .. } => true,
            Error::Context { source, .. } => source.is_by_program(),
            Error::Several(errors) => errors.iter().all(Error::is_by_program),
            _ => false,
        }
    }

    /// Whether somebody else changed the rules between our reading and our writing.
    pub(crate) fn is_lost_race(&self) -> bool {
        // ENOENT: what we delete or add to is gone. EEXIST: what we add appeared. EBUSY: a chain
        // we delete got a reference. ERESTART: the ruleset's generation moved.
        matches!(self.errno(), Some(Errno::ENOENT | Errno::EEXIST | Errno::EBUSY | Errno::ERESTART))
    }

    /// The kernel's answer, where the kernel was asked directly.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Error::Kernel { errno, .. } => Some(*errno),
            Error::Context { source, .. } => source.errno(),
            _ => None,
        }
    }

    /// Puts the reference's words before the error.
    pub(crate) fn context(self, context: &'static str) -> Error {
        Error::Context { context, source: Box::new(self) }
    }

    /// One result from several independent steps.
    pub(crate) fn all(results: impl IntoIterator<Item = Result<()>>) -> Result<()> {
        let mut errors: Vec<Error> = results.into_iter().filter_map(Result::err).collect();
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Error::Several(errors)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Kernel { operation, place, errno } => {
                write!(f, "could not {operation}")?;
                if !f.alternate() {
                    return write!(f, ": {}", errno.desc());
                }
                if !place.is_empty() {
                    write!(f, " in {place}")?;
                }
                write!(f, ": {} ({errno:?})", errno.desc())
            }
            Error::UnknownBackend(name) => write!(f, "unknown ipmasq backend {name:?}"),
            Error::NotInPath(program) => write!(
                f,
                "failed to locate iptables: exec: {program:?}: executable file not found in $PATH"
            ),
            Error::Start { program, source } => {
                write!(f, "could not run {}: {source}", program.display())
            }
            Error::Command { program, args, status, stderr } => {
                write!(f, "running [{} {}]: {status}: {stderr}", program.display(), args.join(" "))
            }
            Error::Unwritable { what, text } => {
                write!(f, "{what} {text:?} cannot be part of a rule")
            }
            Error::Fault(source) => write!(f, "{source}"),
            Error::Context { context, source } if f.alternate() => {
                write!(f, "{context}: {source:#}")
            }
            Error::Context { context, source } => write!(f, "{context}: {source}"),
            Error::Several(errors) => {
                for (index, error) in errors.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    match f.alternate() {
                        true => write!(f, "{separator}{error:#}")?,
                        false => write!(f, "{separator}{error}")?,
                    }
                }
                Ok(())
            }
        }
    }
}

// No `source`: every text above already contains its cause.
impl std::error::Error for Error {}
