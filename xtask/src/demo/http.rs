//! The smallest HTTP server and client that can prove who reached whom.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cni_testkit::Namespace;

/// Where servers listen.
pub const PORT: u16 = 80;

/// How long a reader tries: a new IPv6 address may be tentative for a while.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server in a namespace; its thread ends with the process.
pub struct Server {
    /// What it answers with; nobody else knows it.
    pub token: String,
}

/// What a reader was told.
pub struct Answer {
    /// The server's token.
    pub token: String,
    /// Where the server saw the request come from.
    pub source: IpAddr,
}

impl Server {
    /// Listens on port 80 of every address of the namespace, IPv4 and IPv6.
    ///
    /// # Errors
    ///
    /// When the port cannot be had, or the kernel gives no random number.
    pub fn start(namespace: &Namespace) -> Result<Self> {
        let token = std::fs::read_to_string("/proc/sys/kernel/random/uuid")
            .context("make a token")?
            .trim()
            .to_owned();
        let listener = namespace
            .run(|| TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT)))
            .with_context(|| format!("listen on port {PORT} in {}", namespace.name()))?;
        let answer = token.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A reader that went away reports that itself.
                let _ = serve(stream, &answer);
            }
        });
        Ok(Self { token })
    }
}

/// Answers one request with the token and the reader's address.
fn serve(mut stream: TcpStream, token: &str) -> Result<()> {
    let source = stream.peer_addr()?.ip().to_canonical();
    stream.set_read_timeout(Some(PATIENCE))?;
    for line in BufReader::new(&stream).lines() {
        if line?.is_empty() {
            break;
        }
    }
    let body = format!("{token} {source}");
    write!(
        stream,
        "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    Ok(())
}

/// Reads `/` from an address, from inside a namespace.
///
/// # Errors
///
/// When no complete answer comes within five seconds.
pub fn get(namespace: &Namespace, address: SocketAddr) -> Result<Answer> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match namespace.run(move || read(address)) {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn read(address: SocketAddr) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))
        .with_context(|| format!("connect to {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET / HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response).with_context(|| format!("read from {address}"))?;
    let (_, body) = response.split_once("\r\n\r\n").context("an answer without a body")?;
    let (token, source) = body.split_once(' ').context("an answer without a source")?;
    Ok(Answer { token: token.to_owned(), source: source.parse().context("the source")? })
}
