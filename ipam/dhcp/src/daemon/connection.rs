//! One connection to the daemon, which never waits for its other end.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::poll::PollFlags;

use super::clock::now;
use crate::client::Moment;
use crate::rpc::stream::{Incoming, Listening};
use crate::rpc::{Answer, CONNECTED, Call};

/// How long a client may stay without asking for anything or without taking its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// More questions than a client has at a time.
const MOST_OPEN: usize = 64;

/// A connected client.
pub(super) struct Connection {
    stream: UnixStream,
    listening: Listening,
    /// What the client has not taken yet.
    out: Vec<u8>,
    /// How many questions are open.
    pub(super) open: usize,
    last_heard: Moment,
    /// Whether it ends once everything is taken.
    is_ending: bool,
}

/// Says that a connection is over.
pub(super) struct Over;

impl Connection {
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            listening: Listening::default(),
            out: Vec::new(),
            open: 0,
            last_heard: now(),
            is_ending: false,
        })
    }

    /// What to watch the connection for. A client that does not take its answers is not heard.
    pub(super) fn interest(&self) -> PollFlags {
        if self.out.is_empty() { PollFlags::POLLIN } else { PollFlags::POLLOUT }
    }

    /// When the client is given up; `None` while it waits for us.
    pub(super) fn patience_ends(&self) -> Option<Moment> {
        (self.open == 0).then(|| self.last_heard + PATIENCE)
    }

    /// Gives what has not been taken yet, then takes what has come, and returns the questions that
    /// are complete.
    pub(super) fn attend(&mut self) -> Result<Vec<Call>, Over> {
        self.flush()?;
        if self.out.is_empty() { self.read() } else { Ok(Vec::new()) }
    }

    fn read(&mut self) -> Result<Vec<Call>, Over> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Err(Over),
            Ok(len) => self.listening.feed(&buffer[..len]),
            Err(error) if is_temporary(&error) => return Ok(Vec::new()),
            Err(_) => return Err(Over),
        }
        let mut calls = Vec::new();
        while let Some(incoming) = self.listening.next().map_err(|_| Over)? {
            self.last_heard = now();
            match incoming {
                Incoming::Greeting => self.send(CONNECTED)?,
                Incoming::Stranger(answer) => {
                    self.is_ending = true;
                    self.send(answer)?;
                    return Ok(calls);
                }
                Incoming::Call(call) => calls.push(call),
            }
        }
        self.open += calls.len();
        if self.open > MOST_OPEN { Err(Over) } else { Ok(calls) }
    }

    /// Answers a question.
    pub(super) fn answer(
        &mut self,
        method: &str,
        sequence: u64,
        answer: &Answer,
    ) -> Result<(), Over> {
        self.open = self.open.saturating_sub(1);
        self.last_heard = now();
        let bytes = self.listening.answer(method, sequence, answer);
        self.send(&bytes)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.out.extend_from_slice(bytes);
        self.flush()
    }

    /// Writes as much as the client takes.
    fn flush(&mut self) -> Result<(), Over> {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(len) => drop(self.out.drain(..len)),
                Err(error) if is_temporary(&error) => return Ok(()),
                Err(_) => return Err(Over),
            }
        }
        if self.is_ending { Err(Over) } else { Ok(()) }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
