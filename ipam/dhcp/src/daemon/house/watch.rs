//! What the loop waits for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;

use super::House;
use crate::client::Moment;
use crate::daemon::attachment::Attachment;
use crate::daemon::clock::{Alarm, now};
use crate::daemon::connection::Connection;

/// So many clients are connected at most; others wait in the socket's queue.
const MOST_CONNECTIONS: usize = 1024;

/// What has something to be done about.
pub(super) enum Ready {
    Signal,
    Newcomer,
    Connection(u64),
    Attachment(String),
}

impl House {
    /// Sleeps until there is something to do.
    pub(super) fn wait(
        &self,
        listener: &UnixListener,
        signals: &SignalFd,
        alarm: &Alarm,
    ) -> io::Result<Vec<Ready>> {
        let mut watched = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let is_pausing = now() < self.accept_at;
        let accepts = self.connections.len() < MOST_CONNECTIONS && !is_pausing;
        let newcomers = if accepts { PollFlags::POLLIN } else { PollFlags::empty() };
        watched.push(PollFd::new(listener.as_fd(), newcomers));
        let ids: Vec<u64> = self.connections.keys().copied().collect();
        watched.extend(ids.iter().map(|id| {
            let connection = &self.connections[id];
            PollFd::new(connection.as_fd(), connection.interest())
        }));
        let attachments = self.attachments.iter();
        let listening: Vec<(&String, BorrowedFd<'_>)> = attachments
            .flat_map(|(key, held)| held.sockets().map(move |socket| (key, socket)))
            .collect();
        watched.extend(listening.iter().map(|(_, socket)| PollFd::new(*socket, PollFlags::POLLIN)));

        watched.push(PollFd::new(alarm.as_fd(), PollFlags::POLLIN));
        let end_of_pause = is_pausing.then_some(self.accept_at);
        alarm.set(self.next_moment().into_iter().chain(end_of_pause).min())?;
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Vec::new()),
            Err(errno) => return Err(errno.into()),
        }
        let is_ready = |at: usize| watched[at].any().unwrap_or(true);
        let mut ready = Vec::new();
        if is_ready(0) {
            ready.push(Ready::Signal);
        }
        if is_ready(1) {
            ready.push(Ready::Newcomer);
        }
        for (at, id) in (2..).zip(&ids) {
            if is_ready(at) {
                ready.push(Ready::Connection(*id));
            }
        }
        for (at, (key, _)) in (2 + ids.len()..).zip(&listening) {
            if is_ready(at) {
                ready.push(Ready::Attachment((*key).clone()));
            }
        }
        Ok(ready)
    }

    /// When there is something to do without anybody asking for it.
    pub(super) fn next_moment(&self) -> Option<Moment> {
        let attachments = self.attachments.values().filter_map(Attachment::wake);
        let connections = self.connections.values().filter_map(Connection::patience_ends);
        attachments.chain(connections).min()
    }

    pub(super) fn due(&self, now: Moment) -> Vec<String> {
        let due = |attachment: &Attachment| attachment.wake().is_some_and(|wake| wake <= now);
        let due = self.attachments.iter().filter(|(_, attachment)| due(attachment));
        due.map(|(key, _)| key.clone()).collect()
    }
}
