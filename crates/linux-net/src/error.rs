//! What the kernel refused: operation, object, namespace, error number and the kernel's own words.

use std::fmt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::errno_text::errno_text;

/// The result of an operation on the kernel.
pub type Result<T> = std::result::Result<T, Error>;

/// An operation the kernel refused.
///
/// `{}` prints the short cause (`file exists`, `Link not found`, `open /proc/sys/x: permission
/// denied`), meant to be put behind the caller's own words. `{:#}` prints the whole sentence:
/// `set controller of link "veth1" in namespace "/run/netns/x": device or resource busy (EBUSY):
/// <what the kernel said>`.
#[derive(Clone)]
pub struct Error(Box<Refusal>);

#[derive(Clone)]
struct Refusal {
    operation: &'static str,
    object: String,
    namespace: Option<PathBuf>,
    errno: Option<Errno>,
    /// Stands for the error number's text where the short cause is something else.
    short: Option<String>,
    extack: Option<String>,
}

impl Error {
    /// Reports that `operation` on `object` failed with `errno`.
    pub(crate) fn new(operation: &'static str, object: impl Into<String>, errno: Errno) -> Self {
        let object = object.into();
        Self(Box::new(Refusal {
            operation,
            object,
            namespace: None,
            errno: Some(errno),
            short: None,
            extack: None,
        }))
    }

    /// Reports a failed operation for which there is no error number; `short` is the cause.
    pub(crate) fn without_errno(
        operation: &'static str,
        object: impl Into<String>,
        short: impl Into<String>,
    ) -> Self {
        let mut error = Self::new(operation, object, Errno::UnknownErrno).with_short(short);
        error.0.errno = None;
        error
    }

    /// Replaces the short cause, which otherwise is the error number's text.
    pub(crate) fn with_short(mut self, short: impl Into<String>) -> Self {
        self.0.short = Some(short.into());
        self
    }

    /// Says in which namespace it happened.
    pub(crate) fn with_namespace(mut self, namespace: Option<&Path>) -> Self {
        self.0.namespace = namespace.map(Path::to_path_buf);
        self
    }

    /// Adds the kernel's own explanation (`NLMSGERR_ATTR_MSG`).
    pub(crate) fn with_extack(mut self, extack: Option<String>) -> Self {
        self.0.extack = extack;
        self
    }

    /// Returns the kernel's error number, when the kernel gave one.
    pub fn errno(&self) -> Option<Errno> {
        self.0.errno
    }

    /// Returns the kernel's own explanation, when it gave one.
    pub fn extack(&self) -> Option<&str> {
        self.0.extack.as_deref()
    }

    /// Tells whether the object does not exist: link, address, route, file or namespace.
    pub fn is_missing(&self) -> bool {
        matches!(
            self.0.errno,
            Some(Errno::ENODEV | Errno::ENOENT | Errno::ESRCH | Errno::EADDRNOTAVAIL)
        )
    }

    /// Tells whether the object exists already.
    pub fn is_present(&self) -> bool {
        self.0.errno == Some(Errno::EEXIST)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { operation, object, namespace, errno, short, extack } = &*self.0;
        if f.alternate() {
            write!(f, "{operation} {object}")?;
            if let Some(namespace) = namespace {
                write!(f, " in namespace {namespace:?}")?;
            }
            f.write_str(": ")?;
        }
        match (short, errno) {
            (Some(short), _) => f.write_str(short)?,
            (None, Some(errno)) => f.write_str(errno_text(*errno))?,
            (None, None) => f.write_str("unknown error")?,
        }
        if f.alternate() {
            if let Some(errno) = errno {
                write!(f, " ({errno:?})")?;
            }
            if let Some(extack) = extack {
                write!(f, ": {extack}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_is_the_cause_and_the_long_form_the_whole_sentence() {
        let error = Error::new("set controller of", "link \"veth1\"", Errno::EBUSY)
            .with_namespace(Some(Path::new("/run/netns/x")))
            .with_extack(Some("Device is busy".to_owned()));
        assert_eq!(error.to_string(), "device or resource busy");
        let sentence = r#"set controller of link "veth1" in namespace "/run/netns/x": device or resource busy (EBUSY): Device is busy"#;
        assert_eq!(format!("{error:#}"), sentence);
    }

    #[test]
    fn causes_are_worded_the_same_with_every_c_library() {
        for (errno, text) in [
            (Errno::EEXIST, "file exists"),
            (Errno::ERANGE, "numerical result out of range"),
            (Errno::EOPNOTSUPP, "operation not supported"),
            (Errno::UnknownErrno, "unknown error"),
        ] {
            assert_eq!(Error::new("", "", errno).to_string(), text);
        }
    }
}
