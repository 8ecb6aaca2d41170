//! Waiting for a child no longer than a given time.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Child, Output};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The longest pause between two looks at a child that closed its output but still runs.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// Collects what a child prints, like [`Child::wait_with_output`], until it ends or the time is
/// over; then the child is killed. A grandchild that keeps the output open does not prolong this.
///
/// # Errors
///
/// The kernel's.
pub(super) fn wait_with_output(mut child: Child, limit: Duration) -> io::Result<Output> {
    let Some(deadline) = Instant::now().checked_add(limit) else {
        return child.wait_with_output();
    };
    let mut stdout = Vec::new();
    let mut stderr = Vec::new();
    let in_time = collect(&mut child, &mut stdout, &mut stderr, deadline)
        .and_then(|()| wait_until(&mut child, deadline));
    // A child whose output cannot be read must not be left behind either.
    if !matches!(in_time, Ok(true)) {
        child.kill()?;
    }
    let status = child.wait()?;
    in_time?;
    Ok(Output { status, stdout, stderr })
}

/// Reads both outputs to their ends, or until the deadline.
fn collect(
    child: &mut Child,
    stdout: &mut Vec<u8>,
    stderr: &mut Vec<u8>,
    deadline: Instant,
) -> io::Result<()> {
    let mut out = child.stdout.take();
    let mut err = child.stderr.take();
    while out.is_some() || err.is_some() {
        let (out_ready, err_ready) = {
            let open = [out.as_ref().map(AsFd::as_fd), err.as_ref().map(AsFd::as_fd)];
            let mut watched: Vec<PollFd<'_>> = open
                .into_iter()
                .flatten()
                .map(|pipe| PollFd::new(pipe, PollFlags::POLLIN))
                .collect();
            // Rounded up, so that the last wait does not become a busy one.
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let left =
                PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
            match poll(&mut watched, left) {
                Ok(_) | Err(Errno::EINTR) => (),
                Err(errno) => return Err(errno.into()),
            }
            let mut ready = watched.iter().map(|pipe| pipe.any().unwrap_or(false));
            let mut next = |pipe: bool| pipe && ready.next().unwrap_or(false);
            (next(out.is_some()), next(err.is_some()))
        };
        if out_ready {
            read_some(&mut out, stdout)?;
        }
        if err_ready {
            read_some(&mut err, stderr)?;
        }
    }
    Ok(())
}

/// Reads what is there; closes the pipe at its end.
fn read_some(pipe: &mut Option<impl Read>, into: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 8192];
    let size = match pipe.as_mut() {
        Some(open) => open.read(&mut chunk)?,
        None => 0,
    };
    into.extend_from_slice(&chunk[..size]);
    if size == 0 {
        *pipe = None;
    }
    Ok(())
}

/// Waits for the end of a child that has closed its output; it normally ends at once.
fn wait_until(child: &mut Child, deadline: Instant) -> io::Result<bool> {
    let mut pause = Duration::from_micros(50);
    loop {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
