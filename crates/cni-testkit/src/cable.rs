//! The program behind tap devices: one that carries frames from each to the other.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::Namespace;

/// Room for a frame in bytes.
const FRAME_LEN: usize = 65_536;

/// How often the end of the cable is asked for, in milliseconds.
const PAUSE: u8 = 20;

/// A cable between two tap devices, which have a carrier for as long as it exists.
#[derive(Debug)]
pub struct Cable {
    pulled: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Cable {
    /// Opens both tap devices and carries frames between them.
    ///
    /// # Panics
    ///
    /// When a device is missing or taken.
    #[track_caller]
    pub fn between(one: (&Namespace, &str), other: (&Namespace, &str)) -> Self {
        let ends = [one, other].map(|(namespace, name)| {
            open(namespace, name)
                .unwrap_or_else(|error| panic!("open tap {name} in {}: {error}", namespace.name()))
        });
        let pulled = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&pulled);
        let thread = thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                carry(&ends);
            }
        });
        Self { pulled, thread: Some(thread) }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.pulled.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed, and the test fails for want of the cable.
            let _ = thread.join();
        }
    }
}

/// Carries what comes within a pause. A device that is down neither gives nor takes frames.
fn carry(ends: &[File; 2]) {
    let mut polled = [0, 1].map(|end| PollFd::new(ends[end].as_fd(), PollFlags::POLLIN));
    let _ = poll(&mut polled, PollTimeout::from(PAUSE));
    let mut frame = vec![0; FRAME_LEN];
    for (end, polled) in polled.iter().enumerate() {
        if polled.any().unwrap_or(false)
            && let Ok(length) = (&ends[end]).read(&mut frame)
        {
            let _ = (&ends[1 - end]).write(&frame[..length]);
        }
    }
}

nix::ioctl_readwrite_bad!(
    /// Attaches the file to a tap device.
    tun_set_iff,
    libc::TUNSETIFF,
    libc::ifreq
);

/// Opens a queue of a tap device that exists, without anything before the frames.
fn open(namespace: &Namespace, name: &str) -> io::Result<File> {
    let exists = namespace.output(&["ip", "link", "show", name]).status.success();
    if !exists {
        // It would be created.
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = namespace.run(|| OpenOptions::new().read(true).write(true).open("/dev/net/tun"))?;
    let flags = libc::IFF_TAP | libc::IFF_NO_PI;
    // The number of queues has to be said as it was when the device was made.
    attach(&file, name, flags).or_else(|_| attach(&file, name, flags | libc::IFF_MULTI_QUEUE))?;
    Ok(file)
}

fn attach(file: &File, name: &str, flags: libc::c_int) -> nix::Result<libc::c_int> {
    let mut ifr_name = [0; libc::IFNAMSIZ];
    for (to, from) in ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    let flags = libc::c_short::try_from(flags).expect("the flags are among the lower 15 bits");
    let ifr_ifru = libc::__c_anonymous_ifr_ifru { ifru_flags: flags };
    let mut request = libc::ifreq { ifr_name, ifr_ifru };
    #[expect(unsafe_code, reason = "no safe interface has this request")]
    // SAFETY: the kernel reads and writes one ifreq, and only during the call.
    unsafe {
        tun_set_iff(file.as_raw_fd(), &raw mut request)
    }
}
