//! The socket that plugins connect to: the service manager's, or one of our own.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use cni_core::spec::error::io_cause;
use nix::sys::stat::{Mode, umask};

/// The first descriptor that a service manager hands over (sd_listen_fds(3)).
const FIRST_INHERITED: i32 = 3;

/// A listening socket; one of our own is removed with it.
pub(super) struct Listener {
    pub(super) socket: UnixListener,
    own_path: Option<PathBuf>,
}

impl Listener {
    /// Takes over the service manager's socket, when there are `inherited` ones, or makes one at
    /// `path`.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub(super) fn open(inherited: usize, path: &str) -> Result<Self, String> {
        let cause = |error: &io::Error| io_cause(error);
        let (socket, own_path) = match inherited {
            0 => (bind(Path::new(path))?, Some(PathBuf::from(path))),
            1 => {
                let socket = linux_net::inherited_socket(FIRST_INHERITED);
                let socket = socket.map_err(|_| "LISTEN_FDS=1 but no FD found".to_owned())?;
                // The service manager's socket outlives us, and starts us again.
                (UnixListener::from(socket), None)
            }
            many => return Err(format!("Too many ({many}) FDs passed through socket activation")),
        };
        socket.set_nonblocking(true).map_err(|error| cause(&error))?;
        Ok(Self { socket, own_path })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.own_path {
            // Nothing is lost with it: a stale one is replaced.
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes a socket that root and its group may use. One that nobody listens at is replaced.
fn bind(path: &Path) -> Result<UnixListener, String> {
    let failed = |what: &str, error: &io::Error| {
        format!("listen unix {}: {what}: {}", path.display(), io_cause(error))
    };
    if let Some(folder) = path.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| format!("mkdir {}: {}", folder.display(), io_cause(&error)))?;
    }
    let bind = || {
        // No other thread makes files yet, and no moment passes in which others may connect.
        let before = umask(Mode::from_bits_truncate(0o117));
        let outcome = UnixListener::bind(path);
        umask(before);
        outcome
    };
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    let outcome = match bind() {
        Err(error)
            if error.kind() == io::ErrorKind::AddrInUse
                && UnixStream::connect(path).is_err_and(|error| refused(&error)) =>
        {
            fs::remove_file(path).map_err(|error| failed("remove", &error))?;
            bind()
        }
        outcome => outcome,
    };
    outcome.map_err(|error| failed("bind", &error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_socket_that_nobody_listens_at_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cni/dhcp.sock");
        let text = path.to_str().expect("text");
        let first = Listener::open(0, text).expect("a socket");
        let mode = fs::metadata(&path).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let taken = Listener::open(0, text).err();
        assert_eq!(taken, Some(format!("listen unix {text}: bind: address already in use")));
        drop(first);
        assert!(!path.exists());

        drop(UnixListener::bind(&path).expect("a socket"));
        assert!(path.exists(), "this one stays behind");
        Listener::open(0, text).expect("replaced");
    }

    #[test]
    fn only_one_socket_is_taken_over() {
        let refused = Listener::open(2, "/x").err();
        assert_eq!(refused.as_deref(), Some("Too many (2) FDs passed through socket activation"));
    }
}
