//! Routing sockets (`NETLINK_ROUTE`), blocking, one per namespace.

pub(crate) mod address;
pub(crate) mod bridge_port;
pub(crate) mod bridge_vlan;
pub(crate) mod ipv6_watch;
pub(crate) mod kind;
pub(crate) mod link;
pub(crate) mod move_link;
mod move_route;
pub(crate) mod new_link;
pub(crate) mod qdisc;
pub(crate) mod redirect;
pub(crate) mod request;
pub(crate) mod route;
pub(crate) mod router;
pub(crate) mod rule;
pub(crate) mod saved;
pub(crate) mod socket;
pub(crate) mod wait;
pub(crate) mod wire;

use std::cell::Cell;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::{Error, Link, LinkRef, Netns, Result};
use socket::Socket;
use wire::{Message, Messages};

pub use request::Request;

/// Requests sent with one system call; so many refusals still fit the receive buffer.
const BATCH_LEN: usize = 64;

/// Room for one answer in bytes: the description of a link without counters takes about 1500.
const ANSWER_LEN: usize = 8 * 1024;

/// Room for a part of a listing in bytes: the kernel puts no more into one.
const DUMP_LEN: usize = 32 * 1024;

/// How often an interrupted listing is read before it is taken as it is.
const DUMP_ATTEMPTS: usize = 5;

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::V4 => libc::AF_INET as u8,
            Self::V6 => libc::AF_INET6 as u8,
        }
    }
}

/// A blocking routing socket, bound for its life to the namespace it was opened in.
#[derive(Debug)]
pub struct Rtnl {
    socket: Socket,
    /// Number of the latest request.
    sequence: Cell<u32>,
    /// For errors; none: the namespace the process runs in.
    namespace: Option<PathBuf>,
}

/// A namespace and a socket in it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The namespace.
    pub netns: &'a Netns,
    /// A socket opened in it.
    pub rtnl: &'a Rtnl,
}

impl Rtnl {
    /// Opens a socket in `netns`.
    ///
    /// # Errors
    ///
    /// When the namespace cannot be entered or there is no descriptor left.
    pub fn open(netns: &Netns) -> Result<Self> {
        let socket = netns.run(Socket::open_route)?;
        Self::new(socket, Some(netns.path().to_path_buf()))
    }

    /// Opens a socket in the calling thread's namespace.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub fn open_current() -> Result<Self> {
        Self::new(Socket::open_route(), None)
    }

    fn new(socket: nix::Result<Socket>, namespace: Option<PathBuf>) -> Result<Self> {
        match socket {
            Ok(socket) => Ok(Self { socket, sequence: Cell::new(0), namespace }),
            Err(errno) => {
                let error = Error::new("open", "a routing socket", errno);
                Err(error.with_namespace(namespace.as_deref()))
            }
        }
    }

    /// Makes one change.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn apply(&self, request: Request<'_>) -> Result<()> {
        self.exchange(&[&request]).remove(0).map(drop)
    }

    /// Makes several changes with one system call; each has its own result.
    ///
    /// The kernel runs all of them in order, also those after a refused one. Only an injected
    /// fault ends the batch: it is the result of its step and of every later one.
    pub fn run(&self, requests: &[Request<'_>]) -> Vec<Result<()>> {
        self.run_and_get(requests, &[]).0
    }

    /// Makes several changes and then looks up `links`, all with one system call.
    ///
    /// The results are those of [`Rtnl::run`] and [`Rtnl::get_links`].
    pub fn run_and_get(
        &self,
        requests: &[Request<'_>],
        links: &[LinkRef<'_>],
    ) -> (Vec<Result<()>>, Vec<Result<Link>>) {
        let lookups: Vec<_> = links.iter().map(|link| link::lookup(*link)).collect();
        let all: Vec<_> = requests.iter().chain(&lookups).collect();
        let mut steps = self.exchange(&all);
        let links = steps.split_off(requests.len());
        let links = links.into_iter().zip(&lookups);
        (
            steps.into_iter().map(|step| step.map(drop)).collect(),
            links.map(|(link, lookup)| self.expect_link(link, lookup)).collect(),
        )
    }

    /// Sends requests and returns one result for each, with the link that answered a lookup.
    fn exchange(&self, requests: &[&Request<'_>]) -> Vec<Result<Option<Link>>> {
        let mut results = Vec::with_capacity(requests.len());
        for batch in requests.chunks(BATCH_LEN) {
            let fault = batch.iter().position(|request| {
                !request.is_lookup() && fault_point::effect(request.operation()).is_err()
            });
            self.exchange_batch(&batch[..fault.unwrap_or(batch.len())], &mut results);
            if let Some(position) = fault {
                let error = self.refusal(batch[position], Errno::EIO);
                results.resize(requests.len(), Err(error));
                break;
            }
        }
        results
    }

    fn exchange_batch(&self, batch: &[&Request<'_>], results: &mut Vec<Result<Option<Link>>>) {
        let Some(last) = batch.last() else { return };
        let first = self.sequence.get().wrapping_add(1);
        let final_sequence = self.sequence.get().wrapping_add(batch.len() as u32);
        self.sequence.set(final_sequence);
        let mut datagram = Vec::with_capacity(256 * batch.len());
        for (position, request) in batch.iter().enumerate() {
            let sequence = first.wrapping_add(position as u32);
            // Refusals come unasked; the acknowledgement of the last one ends the conversation.
            let acknowledge = sequence == final_sequence && !last.is_lookup();
            request.encode(sequence, acknowledge, &mut datagram);
        }

        let start = results.len();
        results.resize(start + batch.len(), Ok(None));
        let outcome = self.socket.send(&datagram).and_then(|()| {
            self.receive_until(final_sequence, ANSWER_LEN, |message| {
                let position = message.sequence.wrapping_sub(first) as usize;
                let Some(request) = batch.get(position) else { return };
                results[start + position] = self.answer(request, message);
            })
        });
        if let Err(errno) = outcome {
            for (result, request) in results[start..].iter_mut().zip(batch) {
                if matches!(result, Ok(None)) {
                    *result = Err(self.refusal(request, errno));
                }
            }
        }
    }

    /// Hands every message to `visit`, up to the first one that answers request `last`.
    fn receive_until(
        &self,
        last: u32,
        room: usize,
        mut visit: impl FnMut(&Message<'_>),
    ) -> nix::Result<()> {
        let mut buffer = vec![0; room];
        loop {
            for message in Messages(self.socket.receive(&mut buffer)?) {
                visit(&message);
                let is_part = i32::from(message.flags) & libc::NLM_F_MULTI != 0;
                if message.sequence == last && (message.is_verdict() || !is_part) {
                    return Ok(());
                }
            }
        }
    }

    fn answer(&self, request: &Request<'_>, message: &Message<'_>) -> Result<Option<Link>> {
        if !message.is_verdict() {
            return Ok(Link::decode(message));
        }
        message.verdict().map(|()| None).map_err(|(errno, extack)| {
            let error = self.refusal(request, errno).with_extack(extack);
            if request.is_lookup() && errno == Errno::ENODEV {
                error.with_short("Link not found")
            } else {
                error
            }
        })
    }

    /// Turns a lookup's result into the link; success without one is no answer.
    fn expect_link(&self, answer: Result<Option<Link>>, lookup: &Request<'_>) -> Result<Link> {
        answer?.ok_or_else(|| self.refusal(lookup, Errno::EBADMSG))
    }

    fn refusal(&self, request: &Request<'_>, errno: Errno) -> Error {
        Error::new(request.operation(), request.object(), errno)
            .with_namespace(self.namespace.as_deref())
    }

    /// Lists objects; `collect` adds those of one message to the list.
    ///
    /// A listing that changes interrupted is read again, and taken as it is after five times.
    fn dump<T>(
        &self,
        request: &Request<'_>,
        mut collect: impl FnMut(&mut Vec<T>, &Message<'_>),
    ) -> Result<Vec<T>> {
        let mut list = Vec::new();
        for _ in 0..DUMP_ATTEMPTS {
            list.clear();
            let sequence = self.sequence.get().wrapping_add(1);
            self.sequence.set(sequence);
            let mut datagram = Vec::new();
            request.encode(sequence, false, &mut datagram);
            let mut is_interrupted = false;
            let mut verdict = Ok(());
            let outcome = self.socket.send(&datagram).and_then(|()| {
                self.receive_until(sequence, DUMP_LEN, |message| {
                    if message.sequence != sequence {
                        return;
                    }
                    is_interrupted |= i32::from(message.flags) & libc::NLM_F_DUMP_INTR != 0;
                    if message.is_verdict() {
                        verdict = message.verdict();
                    } else {
                        collect(&mut list, message);
                    }
                })
            });
            outcome.map_err(|errno| self.refusal(request, errno))?;
            verdict.map_err(|(errno, extack)| self.refusal(request, errno).with_extack(extack))?;
            if !is_interrupted {
                break;
            }
        }
        Ok(list)
    }
}
