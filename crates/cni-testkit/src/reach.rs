//! Proving a path through the network by a token that is read at its other end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::Namespace;

/// How long a path may take to come up; addresses of IPv6 are tentative for one to two seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_millis(500);

/// How a path has to be blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// Nobody answers within half a second.
    Silently,
    /// The connection is refused, by a reset or by an ICMP message for the port.
    Refused,
    /// There is no route, or an ICMP message says so.
    Unreachable,
}

impl Namespace {
    /// Demands that a TCP connection to `address` (`10.1.2.1:80`, `[fd00::1]:80`) ends in `target`.
    #[track_caller]
    pub fn reaches(&self, target: &Namespace, address: &str) {
        self.reaches_through(target, address, address);
    }

    /// Demands that a TCP connection to `dialled` arrives at the port of `listening` in `target`,
    /// for published ports.
    #[track_caller]
    pub fn reaches_through(&self, target: &Namespace, dialled: &str, listening: &str) {
        if let Err(error) = tcp(self, target, socket_address(dialled), socket_address(listening)) {
            panic!("{} should reach {dialled} in {}: {error}", self.name(), target.name());
        }
    }

    /// The same as [`reaches`](Self::reaches) over UDP, there and back.
    #[track_caller]
    pub fn reaches_by_udp(&self, target: &Namespace, address: &str) {
        self.reaches_through_by_udp(target, address, address);
    }

    /// The same as [`reaches_through`](Self::reaches_through) over UDP, there and back.
    #[track_caller]
    pub fn reaches_through_by_udp(&self, target: &Namespace, dialled: &str, listening: &str) {
        if let Err(error) = udp(self, target, socket_address(dialled), socket_address(listening)) {
            panic!("{} should reach {dialled} in {}: {error}", self.name(), target.name());
        }
    }

    /// Demands that a TCP connection to `address`, where `target` does listen, is blocked so.
    #[track_caller]
    pub fn cannot_reach(&self, target: &Namespace, address: &str, how: Blocked) {
        let dialled = socket_address(address);
        let _listener = listen(target, dialled);
        let found = match connect(self, dialled) {
            Ok(_) => "a connection".to_owned(),
            Err(error) if blocked(&error) == Some(how) => return,
            Err(error) => error.to_string(),
        };
        panic!(
            "{} should not reach {address} in {} ({how:?}), found: {found}",
            self.name(),
            target.name()
        );
    }

    /// Listens here on `address` and returns which source a connection from `source` shows.
    #[track_caller]
    pub fn sees_source(&self, source: &Namespace, address: &str) -> String {
        let address = socket_address(address);
        match tcp(source, self, address, address) {
            Ok(seen) => seen.ip().to_canonical().to_string(),
            Err(error) => {
                panic!("{} should reach {address} in {}: {error}", source.name(), self.name())
            }
        }
    }
}

/// Carries a token from a listener in `target` to `source`; returns the source the target sees.
fn tcp(
    source: &Namespace,
    target: &Namespace,
    dialled: SocketAddr,
    listening: SocketAddr,
) -> io::Result<SocketAddr> {
    let listener = listen(target, listening);
    patiently(|| {
        let mut client = connect(source, dialled)?;
        // The kernel has shaken hands already, with this listener or with somebody else's.
        let (mut server, seen) = accept(&listener)?;
        let token = token();
        server.write_all(token.as_bytes())?;
        drop(server);
        client.set_read_timeout(Some(ATTEMPT))?;
        let mut read = String::new();
        client.read_to_string(&mut read)?;
        same_token(&token, &read)?;
        Ok(seen)
    })
}

/// Sends a token to a socket in `target` and reads it back.
fn udp(
    source: &Namespace,
    target: &Namespace,
    dialled: SocketAddr,
    listening: SocketAddr,
) -> io::Result<()> {
    let port = listening.port();
    let server = target
        .run(move || UdpSocket::bind((wildcard(listening.ip()), port)))
        .expect("listen for datagrams in the target");
    server.set_read_timeout(Some(ATTEMPT))?;
    patiently(|| {
        let token = token();
        let message = token.clone();
        let client = source.run(move || {
            let client = UdpSocket::bind((wildcard(dialled.ip()), 0))?;
            client.connect(dialled)?;
            client.send(message.as_bytes())?;
            Ok::<_, io::Error>(client)
        })?;
        client.set_read_timeout(Some(ATTEMPT))?;
        let mut buffer = [0; 64];
        let (length, from) = server.recv_from(&mut buffer)?;
        server.send_to(&buffer[..length], from)?;
        let length = client.recv(&mut buffer)?;
        same_token(&token, &String::from_utf8_lossy(&buffer[..length]))
    })
}

/// Listens on the port of `address` at every address, which a tentative one does not hinder.
#[track_caller]
fn listen(target: &Namespace, address: SocketAddr) -> TcpListener {
    let bind = || target.run(move || TcpListener::bind((wildcard(address.ip()), address.port())));
    // A process that another test is just starting holds a copy of the listener before, for as
    // long as it is not yet the program it will be.
    let listener = patiently(bind)
        .unwrap_or_else(|error| panic!("listen on {address} in {}: {error}", target.name()));
    listener.set_nonblocking(true).expect("a listener can be made non-blocking");
    listener
}

fn connect(source: &Namespace, address: SocketAddr) -> io::Result<TcpStream> {
    source.run(move || TcpStream::connect_timeout(&address, ATTEMPT))
}

fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let deadline = Instant::now() + ATTEMPT;
    loop {
        match listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(io::Error::other("the connection ended somewhere else"));
            }
            Err(error) => return Err(error),
            Ok((stream, seen)) => {
                stream.set_nonblocking(false)?;
                return Ok((stream, seen));
            }
        }
    }
}

/// Repeats an attempt until it works or the patience is gone.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(20)),
            outcome => return outcome,
        }
    }
}

fn blocked(error: &io::Error) -> Option<Blocked> {
    match error.kind() {
        ErrorKind::TimedOut => Some(Blocked::Silently),
        ErrorKind::ConnectionRefused => Some(Blocked::Refused),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => Some(Blocked::Unreachable),
        _ => None,
    }
}

fn same_token(sent: &str, read: &str) -> io::Result<()> {
    match sent == read {
        true => Ok(()),
        false => Err(io::Error::other(format!("sent token {sent:?}, read {read:?}"))),
    }
}

/// A text no other connection carries.
fn token() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{}", now.as_nanos(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn wildcard(family_of: IpAddr) -> IpAddr {
    match family_of {
        IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}

#[track_caller]
fn socket_address(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no address with a port"))
}
