//! One measurement: some processes started together, and what they cost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use cni_testkit::Namespace;

use crate::process;

/// One process to be measured.
pub struct Job {
    /// The executable.
    pub program: PathBuf,
    /// What it reads from stdin.
    pub input: String,
    /// Its whole environment.
    pub environment: Vec<(&'static str, String)>,
}

/// What the processes of one measurement cost, and what they wrote.
#[derive(Default)]
pub struct Sample {
    /// From the start of the first to the end of the last, in milliseconds.
    pub wall_ms: f64,
    /// Processor time of all of them and their descendants, in milliseconds.
    pub cpu_ms: f64,
    /// The peak memory of the largest process, in KiB.
    pub peak_kib: f64,
    /// What each wrote to stdout, in the order of the jobs.
    pub outputs: Vec<String>,
}

impl Sample {
    /// Counts what was done afterwards as one measurement with this one.
    pub fn followed_by(self, next: Sample) -> Sample {
        Sample {
            wall_ms: self.wall_ms + next.wall_ms,
            cpu_ms: self.cpu_ms + next.cpu_ms,
            peak_kib: self.peak_kib.max(next.peak_kib),
            outputs: next.outputs,
        }
    }
}

/// Starts the processes of a measurement through the small program made for it.
pub struct Spawner {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Spawner {
    /// Uses the built spawner and a folder for its files; in memory if `/dev/shm` is, so that
    /// no disk takes part in the measurement.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn new(program: PathBuf) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::tempdir_in(parent).context("make a folder for the jobs")?;
        Ok(Self { program, folder })
    }

    /// Runs the jobs at once inside a namespace.
    ///
    /// # Errors
    ///
    /// When one of them fails; the error has what it wrote.
    pub fn measure(&self, namespace: &Namespace, jobs: &[Job]) -> Result<Sample> {
        let mut lines = String::new();
        for (number, job) in jobs.iter().enumerate() {
            let input = self.file("in", number);
            fs::write(&input, &job.input).context("write a job's input")?;
            let mut fields = vec![
                job.program.display().to_string(),
                input.display().to_string(),
                self.file("out", number).display().to_string(),
            ];
            fields.extend(job.environment.iter().map(|(name, value)| format!("{name}={value}")));
            lines.push_str(&fields.join("\t"));
            lines.push('\n');
        }
        let list = self.folder.path().join("jobs");
        fs::write(&list, lines).context("write the jobs")?;

        let program = self.program.clone();
        let answer = namespace.run(move || process::capture(Command::new(program).arg(list)))?;
        let outputs = (0..jobs.len())
            .map(|number| fs::read_to_string(self.file("out", number)).context("read an output"))
            .collect::<Result<Vec<_>>>()?;
        decode(&answer, outputs)
    }

    fn file(&self, kind: &str, number: usize) -> PathBuf {
        self.folder.path().join(format!("{kind}{number}"))
    }
}

/// Reads the spawner's line.
fn decode(answer: &str, outputs: Vec<String>) -> Result<Sample> {
    let numbers = answer.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>();
    let Ok([wall_ns, cpu_us, peak_kib, failures]) = numbers.as_deref() else {
        bail!("the spawner answered {answer:?}");
    };
    if *failures > 0.0 {
        let said = outputs.iter().find(|output| output.contains("\"code\""));
        let said = said.map_or("nothing", String::as_str);
        bail!("{failures} of {} processes failed; one said {said}", outputs.len());
    }
    Ok(Sample { wall_ms: wall_ns / 1e6, cpu_ms: cpu_us / 1e3, peak_kib: *peak_kib, outputs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_converted() -> Result<()> {
        let sample = decode("1500000 2500 640 0\n", vec![String::new()])?;
        assert_eq!((sample.wall_ms, sample.cpu_ms, sample.peak_kib), (1.5, 2.5, 640.0));
        Ok(())
    }

    #[test]
    fn a_failed_process_fails_the_measurement_with_its_words() {
        let output = vec![String::new(), "{\"code\":11}".to_owned()];
        let error = decode("1 1 1 1", output).map(|_| ()).expect_err("one process failed");
        assert_eq!(error.to_string(), "1 of 2 processes failed; one said {\"code\":11}");
    }
}
