//! Messages as they arrive in pieces, on either side of a connection.

use super::messages::{Answer, Call, Introduced};
use super::reader::{Cursor, Malformed, Reader, Value};
use super::{CONNECT, CONNECTED, LONGEST_MESSAGE};

/// More than any client's greeting has.
const LONGEST_GREETING: usize = 4096;

/// What a client's bytes amount to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// It greets and is to be told [`CONNECTED`].
    Greeting,
    /// It asks for something.
    Call(Call),
    /// It is no client of this protocol: this is the answer, and the end.
    Stranger(&'static [u8]),
}

/// The daemon's side of a connection.
#[derive(Default)]
pub(crate) struct Listening {
    greeted: bool,
    messages: Messages,
    introduced: Introduced,
}

impl Listening {
    /// Takes bytes as they come.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.messages.buffer.extend_from_slice(bytes);
    }

    /// The next thing that is complete.
    pub(crate) fn next(&mut self) -> Result<Option<Incoming>, Malformed> {
        if !self.greeted {
            return self.greeting();
        }
        let pair = self.messages.next_pair()?;
        Ok(pair.map(|(header, body)| Incoming::Call(Call::decode(header, body))))
    }

    /// The answer to a call, as bytes.
    pub(crate) fn answer(&mut self, method: &str, sequence: u64, answer: &Answer) -> Vec<u8> {
        answer.encode((method, sequence), &mut self.introduced)
    }

    fn greeting(&mut self) -> Result<Option<Incoming>, Malformed> {
        let buffer = &mut self.messages.buffer;
        let Some(end) = end_of_head(buffer) else {
            let too_long = buffer.len() > LONGEST_GREETING;
            return if too_long { Err("the greeting is too long") } else { Ok(None) };
        };
        let mut words = buffer[..end].split(|byte| byte.is_ascii_whitespace());
        let (method, path) = (words.next(), words.next());
        let incoming = match path {
            Some(b"/_goRPC_") if method == Some(b"CONNECT") => Incoming::Greeting,
            Some(b"/_goRPC_") => Incoming::Stranger(
                b"HTTP/1.0 405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n405 must CONNECT\n",
            ),
            _ => Incoming::Stranger(
                b"HTTP/1.0 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n404 page not found\n",
            ),
        };
        buffer.drain(..end);
        self.greeted = true;
        Ok(Some(incoming))
    }
}

/// The plugin's side of a connection.
#[derive(Default)]
pub(crate) struct Asking {
    messages: Messages,
}

impl Asking {
    /// What to say first.
    pub(crate) const GREETING: &'static [u8] = CONNECT;

    /// What to say once the greeting has been answered.
    pub(crate) fn call(call: &Call) -> Vec<u8> {
        call.encode()
    }

    /// Takes bytes as they come.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.messages.buffer.extend_from_slice(bytes);
    }

    /// Whether the greeting has been answered.
    ///
    /// # Errors
    ///
    /// The status line of an answer that is not the daemon's.
    pub(crate) fn greeted(&mut self) -> Result<bool, String> {
        let buffer = &mut self.messages.buffer;
        let Some(end) = end_of_head(buffer) else { return Ok(false) };
        let head: Vec<u8> = buffer.drain(..end).collect();
        if head == CONNECTED {
            return Ok(true);
        }
        let line = String::from_utf8_lossy(&head);
        let line = line.lines().next().unwrap_or_default();
        Err(line.split_once(' ').map_or(line, |(_, status)| status).to_owned())
    }

    /// The answer, once it is complete.
    pub(crate) fn answer(&mut self) -> Result<Option<Answer>, Malformed> {
        Ok(self.messages.next_pair()?.map(|(header, body)| Answer::decode(header, body)))
    }
}

/// Where the blank line after the first lines of a connection ends.
fn end_of_head(buffer: &[u8]) -> Option<usize> {
    let end_of = |mark: &[u8]| {
        let start = buffer.windows(mark.len()).position(|window| window == mark)?;
        Some(start + mark.len())
    };
    end_of(b"\n\n").into_iter().chain(end_of(b"\r\n\r\n")).min()
}

/// A stream of messages; each one of interest is a header with a body behind it.
#[derive(Default)]
struct Messages {
    buffer: Vec<u8>,
    reader: Reader,
    header: Option<Value>,
}

impl Messages {
    fn next_pair(&mut self) -> Result<Option<(Value, Value)>, Malformed> {
        while let Some(message) = self.next_message()? {
            let Some(value) = self.reader.read(&message)? else { continue };
            match self.header.take() {
                Some(header) => return Ok(Some((header, value))),
                None => self.header = Some(value),
            }
        }
        Ok(None)
    }

    /// Takes one message without its length out of the buffer.
    fn next_message(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        let mut cursor = Cursor(&self.buffer);
        let Some(len) = cursor.complete_uint()? else { return Ok(None) };
        let len = usize::try_from(len).ok().filter(|len| *len <= LONGEST_MESSAGE);
        let len = len.ok_or("a message is too long")?;
        let start = self.buffer.len() - cursor.0.len();
        if cursor.0.len() < len {
            return Ok(None);
        }
        let message = cursor.0[..len].to_vec();
        self.buffer.drain(..start + len);
        Ok(Some(message))
    }
}
