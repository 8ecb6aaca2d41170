//! The error a runtime sees, and how any other error becomes one.

use std::fmt;

use serde::Serialize;

use super::json;
use super::version::SpecVersion;

/// The result of everything that can end as a CNI error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error code of the specification; values from 100 are free for plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Code(pub u64);

impl Code {
    /// Made up by the invoker of a delegate that failed without an error document.
    pub const UNKNOWN: Self = Self(0);
    /// The configuration's version is not one the plugin supports.
    pub const INCOMPATIBLE_VERSION: Self = Self(1);
    /// Empty container ID; only the runtime side meets it.
    pub const UNKNOWN_CONTAINER: Self = Self(3);
    /// A `CNI_*` variable is missing or wrong.
    pub const INVALID_ENVIRONMENT: Self = Self(4);
    /// Standard input could not be read or standard output not be written.
    pub const IO_FAILURE: Self = Self(5);
    /// The configuration is not JSON of the right types.
    pub const DECODING_FAILURE: Self = Self(6);
    /// The configuration is understood but wrong.
    pub const INVALID_NETWORK: Self = Self(7);
    /// `CNI_NETNS` is the plugin's own namespace. Not in the spec's table.
    pub const INVALID_NETNS: Self = Self(8);
    /// STATUS: the plugin cannot serve ADD now.
    pub const NOT_AVAILABLE: Self = Self(50);
    /// STATUS: the plugin cannot serve ADD, and existing containers may be limited.
    pub const LIMITED_CONNECTIVITY: Self = Self(51);
    /// Everything a plugin reports without a code of its own. Not in the spec's table.
    pub const INTERNAL: Self = Self(999);
}

/// What the runtime sees: a code, a message, and details that may be empty.
///
/// Any error type converts into one with code 999. Its plain `Display` becomes `msg`; when its
/// alternate form (`{:#}`) says more, that becomes `details`. So a kernel error gives the
/// reference's short text to the message and the whole story to the details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// One of [`Code`], or a plugin's own from 100.
    pub code: Code,
    /// One sentence.
    pub msg: String,
    /// More of the story; may be empty.
    pub details: String,
}

impl Error {
    /// Makes an error without details.
    pub fn new(code: Code, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), details: String::new() }
    }

    /// Makes an error of code 999 without details.
    pub fn internal(msg: impl Into<String>) -> Self {
        Self::new(Code::INTERNAL, msg)
    }

    /// Sets the details.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    /// Adds a line to the details.
    pub fn add_detail(&mut self, line: &str) {
        if !self.details.is_empty() {
            self.details.push_str("; ");
        }
        self.details.push_str(line);
    }

    /// The error document: four blanks of indentation, no newline at the end.
    ///
    /// Spec: section "Error" asks for `cniVersion`, which the reference leaves out.
    pub fn to_document(&self, version: SpecVersion) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Document<'a> {
            cni_version: &'a str,
            code: u64,
            msg: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            details: &'a str,
        }
        json::to_pretty(&Document {
            cni_version: version.as_str(),
            code: self.code.0,
            msg: &self.msg,
            details: &self.details,
        })
    }
}

/// As the reference prints errors in logs: the message, and the details after a semicolon.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.msg)?;
        if !self.details.is_empty() {
            write!(f, "; {}", self.details)?;
        }
        Ok(())
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let msg = error.to_string();
        let whole = format!("{error:#}");
        let details = if whole == msg { String::new() } else { whole };
        Self { code: Code::INTERNAL, msg, details }
    }
}

/// Puts words before the message of an error.
pub trait Context<T> {
    /// Makes the message `<context>: <message>`.
    ///
    /// # Errors
    ///
    /// The same error with the longer message, as code 999.
    fn context<C: fmt::Display>(self, context: impl FnOnce() -> C) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context<C: fmt::Display>(self, context: impl FnOnce() -> C) -> Result<T> {
        self.map_err(|error| {
            let error: Error = error.into();
            Error {
                code: Code::INTERNAL,
                msg: format!("{}: {}", context(), error.msg),
                details: error.details,
            }
        })
    }
}

/// The cause of an I/O error as the reference prints it: lower case, without a number.
pub fn io_cause(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        // nix describes the mathematical meaning of the number.
        Some(errno) if errno == nix::errno::Errno::ERANGE as i32 => {
            "numerical result out of range".to_owned()
        }
        Some(errno) => nix::errno::Errno::from_raw(errno).desc().to_lowercase(),
        None => error.to_string(),
    }
}

/// Quotes text the way the reference's messages do (Go's `%q`): double quotes, control characters
/// and the quote itself escaped.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0b' => quoted.push_str("\\v"),
            '\x0c' => quoted.push_str("\\f"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                quoted.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Quotes a list the way the reference's messages do: `["a" "b"]`.
pub fn quote_list<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    let quoted: Vec<String> = items.into_iter().map(|item| quote(item.as_ref())).collect();
    format!("[{}]", quoted.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_omits_empty_details_and_escapes_markup() {
        assert_eq!(
            Error::new(Code(4), "a <b> & \"c\"").to_document(SpecVersion::V1_1_0),
            "{\n    \"cniVersion\": \"1.1.0\",\n    \"code\": 4,\n    \"msg\": \"a \\u003cb\\u003e \\u0026 \\\"c\\\"\"\n}"
        );
        assert!(
            Error::internal("m")
                .with_details("d")
                .to_document(SpecVersion::V1_1_0)
                .ends_with("\"msg\": \"m\",\n    \"details\": \"d\"\n}")
        );
    }

    #[test]
    fn context_comes_before_the_message_and_keeps_the_details() {
        let inner: Result<()> = Err(Error::new(Code(7), "inner").with_details("more"));
        let outer = inner.context(|| "outer").expect_err("an error");
        assert_eq!(outer, Error::internal("outer: inner").with_details("more"));
    }

    #[test]
    fn quoting_escapes_what_go_escapes() {
        assert_eq!(quote("a\"b\\c\n\u{1}é"), "\"a\\\"b\\\\c\\n\\x01é\"");
        assert_eq!(quote_list(["a", "b c"]), "[\"a\" \"b c\"]");
    }

    #[test]
    fn causes_are_lower_case_without_numbers() {
        let cause = |errno: nix::errno::Errno| io_cause(&std::io::Error::from(errno));
        assert_eq!(cause(nix::errno::Errno::ENOENT), "no such file or directory");
        assert_eq!(cause(nix::errno::Errno::ERANGE), "numerical result out of range");
    }
}
