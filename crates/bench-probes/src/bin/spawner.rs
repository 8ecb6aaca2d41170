//! Starts the processes of one measurement together and says what they cost.
//!
//! It is a program of its own because a child inherits the peak memory of the process that
//! started it: from a big one, every child would look big. It links no allocation-happy crate
//! for the same reason.
//!
//! The only argument is a file with one job in each line, its fields separated by tabs: the
//! executable, the file for stdin, the file for stdout, then the environment as `NAME=value`.
//! One line answers: wall time in nanoseconds, CPU time of all descendants in microseconds, the
//! peak memory of the largest in kilobytes, and how many ended with another status than 0.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measuring program reads its arguments, starts processes and prints"
)]

use std::fs::File;
use std::io::{Error, Result};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

fn main() -> Result<()> {
    let file = std::env::args().nth(1).ok_or_else(|| Error::other("usage: spawner <jobs>"))?;
    let jobs = std::fs::read_to_string(file)?;
    let mut commands = jobs.lines().map(command).collect::<Result<Vec<_>>>()?;

    let started = Instant::now();
    let children: Vec<Result<Child>> = commands.iter_mut().map(Command::spawn).collect();
    let mut failures = 0;
    for child in children {
        failures += u32::from(!child?.wait()?.success());
    }
    let wall = started.elapsed();

    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = microseconds(usage.user_time()) + microseconds(usage.system_time());
    println!("{} {cpu} {} {failures}", wall.as_nanos(), usage.max_rss());
    Ok(())
}

/// Opens a job's files ahead of the measurement.
fn command(job: &str) -> Result<Command> {
    let mut fields = job.split('\t');
    let mut field = || fields.next().ok_or_else(|| Error::other("a job with too few fields"));
    let mut command = Command::new(field()?);
    command.stdin(File::open(field()?)?).stdout(File::create(field()?)?).stderr(Stdio::null());
    command.env_clear().envs(fields.filter_map(|variable| variable.split_once('=')));
    Ok(command)
}

fn microseconds(time: TimeVal) -> i64 {
    time.tv_sec() * 1_000_000 + time.tv_usec()
}
