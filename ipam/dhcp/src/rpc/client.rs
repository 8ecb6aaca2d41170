//! Asking the daemon, and waiting for its answer.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use cni_core::spec::error::io_cause;
use cni_core::{Error, Result};

use super::stream::Asking;
use super::{Answer, Call};

/// How long a daemon may take to greet when nothing else is wanted of it.
const GREETING_LIMIT: Duration = Duration::from_secs(5);

/// A daemon that cannot be reached.
#[derive(Debug)]
pub(crate) struct Unreachable {
    /// Whether nobody listens there at all.
    pub(crate) is_absent: bool,
    pub(crate) error: Error,
}

/// A connection to the daemon, which has greeted.
pub(crate) struct Connection {
    stream: UnixStream,
    asking: Asking,
    path: String,
}

impl Connection {
    /// Connects to the daemon's socket.
    ///
    /// # Errors
    ///
    /// `error dialing DHCP daemon: …`, with how to start it when nobody listens.
    pub(crate) fn open(path: &str) -> Result<Self, Unreachable> {
        let stream = UnixStream::connect(path).map_err(|error| unreachable(path, &error))?;
        let mut connection = Self { stream, asking: Asking::default(), path: path.to_owned() };
        connection.greet().map_err(|why| {
            let text = format!("error dialing DHCP daemon: dial-http unix {path}: {why}");
            Unreachable { is_absent: false, error: Error::internal(text) }
        })?;
        Ok(connection)
    }

    fn greet(&mut self) -> Result<(), String> {
        let cause = |error: io::Error| io_cause(&error);
        self.stream.set_read_timeout(Some(GREETING_LIMIT)).map_err(cause)?;
        self.stream.write_all(Asking::GREETING).map_err(cause)?;
        loop {
            let greeted = self.asking.greeted();
            if greeted.map_err(|status| format!("unexpected HTTP response: {status}"))? {
                return self.stream.set_read_timeout(None).map_err(cause);
            }
            if !self.read().map_err(cause)? {
                return Err("unexpected EOF".to_owned());
            }
        }
    }

    /// Asks for something and waits for the answer, however long it takes.
    ///
    /// # Errors
    ///
    /// `error calling <method>: …` when no answer comes or it is one of failure.
    pub(crate) fn call(mut self, call: &Call) -> Result<Answer> {
        let failed = |why: &str| Error::internal(format!("error calling {}: {why}", call.method));
        fault_point::effect("ask the DHCP daemon")?;
        let sent = self.stream.write_all(&Asking::call(call));
        sent.map_err(|error| {
            failed(&format!("write unix @->{}: write: {}", self.path, io_cause(&error)))
        })?;
        loop {
            match self.asking.answer().map_err(failed)? {
                Some(Answer::Error(why)) => return Err(failed(&why)),
                Some(answer) => return Ok(answer),
                None => {}
            }
            match self.read() {
                Ok(true) => {}
                Ok(false) => return Err(failed("unexpected EOF")),
                Err(error) => {
                    let cause = io_cause(&error);
                    return Err(failed(&format!("read unix @->{}: read: {cause}", self.path)));
                }
            }
        }
    }

    /// Reads what has come; `false` at the end of the connection.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(len) => {
                    self.asking.feed(&buffer[..len]);
                    return Ok(len > 0);
                }
            }
        }
    }
}

fn unreachable(path: &str, error: &io::Error) -> Unreachable {
    let is_absent =
        matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused);
    let cause = io_cause(error);
    let error =
        Error::internal(format!("error dialing DHCP daemon: dial unix {path}: connect: {cause}"));
    let error = if is_absent {
        error.with_details(
            "no DHCP daemon is running; start it with `systemctl enable --now cni-dhcp.socket`, or \
             run this plugin's executable as `dhcp daemon`",
        )
    } else {
        error
    };
    Unreachable { is_absent, error }
}
