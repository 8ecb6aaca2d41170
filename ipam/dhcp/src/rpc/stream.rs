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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use cni_core::{AddResult, IpConfig, Route};

    use super::*;

    /// What the reference's plugin sends, captured.
    const REQUEST: &str = "2e7f030101075265717565737401ff80000102010d536572766963654d6574686f64010c0001035365710106000000";
    const ALLOCATE: &str = "12ff80010d444843502e416c6c6f6361746500";
    const ARGUMENTS: &str = "6cff8103010107436d644172677301ff82000107010b436f6e7461696e65724944010c0001054e65746e73010c00010649664e616d65010c00010441726773010c00010450617468010c00010d4e65746e734f76657272696465010c000109537464696e44617461010a000000";

    /// What the reference's daemon sends, captured.
    const RESPONSE: &str = "397f03010108526573706f6e736501ff80000103010d536572766963654d6574686f64010c00010353657101060001054572726f72010c000000";
    const RESULT: &str = "51ff8103010106526573756c7401ff82000105010a434e4956657273696f6e010c00010a496e746572666163657301ff8600010349507301ff8c000106526f7574657301ff90000103444e5301ff92000000\
        24ff85020101155b5d2a74797065733130302e496e7465726661636501ff860001ff840000\
        4aff83030102ff8400010601044e616d65010c0001034d6163010c0001034d7475010400010753616e64626f78010c00010a536f636b657450617468010c0001055063694944010c000000\
        23ff8b020101145b5d2a74797065733130302e4950436f6e66696701ff8c0001ff880000\
        33ff87030102ff880001030109496e7465726661636501040001074164647265737301ff8a00010747617465776179010a000000\
        23ff890301010549504e657401ff8a00010201024950010a0001044d61736b010a000000\
        1dff8f0201010e5b5d2a74797065732e526f75746501ff900001ff8e0000\
        50ff8d030102ff8e000107010344737401ff8a0001024757010a0001034d545501040001064164764d535301040001085072696f7269747901040001055461626c65010400010553636f70650104000000\
        46ff9103010103444e5301ff92000104010b4e616d657365727665727301ff94000106446f6d61696e010c00010653656172636801ff940001074f7074696f6e7301ff94000000\
        16ff93020101085b5d737472696e6701ff9400010c0000\
        36ff820301020104c0a801050104ffffff00000104c0a8010100010101010400000000010400000000000104c0a8010103ff9a00010000";
    const DONE: &str = "0aff95030102ff96000000";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
    }

    fn call() -> Call {
        Call {
            method: "DHCP.Allocate".to_owned(),
            container_id: "dummy".to_owned(),
            netns: "/run/netns/x".to_owned(),
            ifname: "eth0".to_owned(),
            path: "/x".to_owned(),
            stdin: vec![b'j'; 92],
            ..Call::default()
        }
    }

    fn result() -> AddResult {
        let address = |text: &str| Some(text.parse::<IpAddr>().expect("an address"));
        AddResult {
            ips: vec![IpConfig {
                interface: None,
                address: "192.168.1.5/24".parse().ok(),
                gateway: address("192.168.1.1"),
            }],
            routes: vec![Route {
                dst: "0.0.0.0/0".parse().ok(),
                gw: address("192.168.1.1"),
                priority: 77,
                ..Route::default()
            }],
            ..AddResult::default()
        }
    }

    #[test]
    fn a_call_is_what_the_reference_sends_byte_for_byte() {
        let mut expected = bytes(&[REQUEST, ALLOCATE, ARGUMENTS].concat());
        expected.extend(bytes(
            "ff80ff82010564756d6d79010c2f72756e2f6e65746e732f7801046574683002022f78025c",
        ));
        expected.extend([b'j'; 92]);
        expected.push(0);
        assert_eq!(Asking::call(&call()), expected);
    }

    #[test]
    fn an_answer_is_what_the_reference_sends_byte_for_byte() {
        let answer = |answer| Listening::default().answer("DHCP.Allocate", 0, &answer);
        assert_eq!(answer(Answer::Result(result())), bytes(&[RESPONSE, ALLOCATE, RESULT].concat()));
        let failure = "21ff80010d444843502e416c6c6f63617465020d6e6f206d6f726520747269657300";
        assert_eq!(
            answer(Answer::Error("no more tries".to_owned())),
            bytes(&[RESPONSE, failure, DONE, "03ff9600"].concat())
        );
    }

    #[test]
    fn a_call_arrives_in_pieces_of_any_size() {
        let sent = [CONNECT.to_vec(), Asking::call(&call())].concat();
        for size in 1..sent.len() {
            let mut listening = Listening::default();
            let mut incoming = Vec::new();
            for piece in sent.chunks(size) {
                listening.feed(piece);
                while let Some(next) = listening.next().expect("well-formed") {
                    incoming.push(next);
                }
            }
            assert_eq!(incoming, [Incoming::Greeting, Incoming::Call(call())], "{size}");
        }
    }

    #[test]
    fn several_calls_and_answers_share_a_connection() {
        let mut listening = Listening::default();
        let mut asking = Asking::default();
        for (sequence, answer) in
            [Answer::Result(result()), Answer::Done, Answer::Result(result())].iter().enumerate()
        {
            asking.feed(&listening.answer("DHCP.Allocate", sequence as u64, answer));
            assert_eq!(asking.answer(), Ok(Some(answer.clone())));
        }
        let types: usize = listening.answer("DHCP.Release", 9, &Answer::Done).len();
        assert!(types < 32, "types are introduced once");
    }

    /// As Go numbers it in a daemon that has not answered an ADD before.
    #[test]
    fn numbers_of_types_are_the_senders_choice() {
        let mut asking = Asking::default();
        asking.feed(&bytes(
            &[
                RESPONSE,
                "11ff80010c444843502e52656c6561736500",
                "0aff81030102ff82000000",
                "03ff8200",
            ]
            .concat(),
        ));
        assert_eq!(asking.answer(), Ok(Some(Answer::Done)));
    }

    #[test]
    fn strangers_are_told_so() {
        for (head, status) in [
            ("GET /_goRPC_ HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
            ("GET /debug/rpc HTTP/1.0\n\n", "404"),
            ("\n\n", "404"),
        ] {
            let mut listening = Listening::default();
            listening.feed(head.as_bytes());
            let Ok(Some(Incoming::Stranger(answer))) = listening.next() else { panic!("{head}") };
            let mut asking = Asking::default();
            asking.feed(answer);
            assert!(asking.greeted().expect_err("a stranger").starts_with(status), "{head}");
        }
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic() {
        let whole = Asking::call(&call());
        for position in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xf8, 0xff] {
                let mut broken = whole.clone();
                broken[position] = value;
                let mut listening = Listening { greeted: true, ..Listening::default() };
                listening.feed(&broken);
                while let Ok(Some(_)) = listening.next() {}
            }
        }
    }
}
