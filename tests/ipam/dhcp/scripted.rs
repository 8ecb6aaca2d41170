//! A server that a test tells what to answer, and that remembers what it was asked.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::stage::wait_for;

/// A client's message of one of the two protocols.
pub trait Message: Clone + Send + 'static {
    /// Reads one that came.
    fn read(bytes: &[u8]) -> Self;

    /// The number of its kind.
    fn kind(&self) -> u8;
}

/// The server; it ends with this value.
pub struct Scripted<Asked> {
    asked: Arc<Mutex<Vec<Asked>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl<Asked: Message> Scripted<Asked> {
    /// Answers each message that comes to the socket with the packets `answers` makes of it, and
    /// sends them to `to`, or else to where the message came from.
    pub fn serve(
        socket: UdpSocket,
        to: Option<SocketAddr>,
        mut answers: impl FnMut(&Asked) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        let (asked, ends) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default());
        let (list, seen) = (Arc::clone(&asked), Arc::clone(&ends));
        let thread = thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !seen.load(Ordering::Relaxed) {
                let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
                let asked = Asked::read(&buffer[..len]);
                list.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
                for answer in answers(&asked) {
                    socket.send_to(&answer, to.unwrap_or(from)).expect("an answer is sent");
                }
            }
        });
        Self { asked, ends, thread: Some(thread) }
    }

    /// Everything that has come so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The kinds of what has come so far.
    pub fn kinds(&self) -> Vec<u8> {
        self.asked().iter().map(Message::kind).collect()
    }

    /// Waits until a message of this kind has come.
    #[track_caller]
    pub fn wait_for(&self, kind: u8) {
        wait_for("a message", || self.kinds().contains(&kind));
    }
}

impl<Asked> Drop for Scripted<Asked> {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed.
            let _ = thread.join();
        }
    }
}
