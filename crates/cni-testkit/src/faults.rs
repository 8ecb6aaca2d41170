//! Failing or killing a plugin at each of its effects in turn.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{fault_plugin_dir, skip};

/// What happens at the chosen effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The effect fails with an I/O error.
    Fail,
    /// The process is killed just before the effect.
    Kill,
}

/// One fault: pass it to [`Network::with_fault`](crate::Network::with_fault).
///
/// It hits once, in whichever process of that name comes to the effect first.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The value of `CNI_FAULT`, see the crate `fault-point`.
    pub(crate) setting: String,
    /// The file of `CNI_FAULT_MARK`, in which the fault writes what it hit.
    pub(crate) mark: PathBuf,
    pub(crate) plugins: PathBuf,
}

impl Fault {
    /// The value of `CNI_FAULT`, for a process that is not run by [`Network`](crate::Network).
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// The file of `CNI_FAULT_MARK`.
    pub fn mark(&self) -> &Path {
        &self.mark
    }

    /// The folder of the executables that obey.
    pub fn plugins(&self) -> &Path {
        &self.plugins
    }

    /// What was hit, in the words of the effect; `None` before it was, or when there is no effect
    /// of that number.
    pub fn hit(&self) -> Option<String> {
        fs::read_to_string(&self.mark).ok()
    }
}

/// Runs the body with a fault at effect 1, 2, 3 … of an executable until there is no such effect.
///
/// The body runs the plugin with the fault and looks at the world. Returns what was hit.
///
/// Without `CNI_TEST_FAULT_PLUGINS` the test is recorded as skipped, and nothing is returned.
///
/// # Panics
///
/// When not a single effect is hit: the plugins have not been built for this.
#[track_caller]
pub fn for_each_fault(
    mode: Mode,
    executable: &str,
    mut body: impl FnMut(&Fault, usize),
) -> Vec<String> {
    let Some(plugins) = fault_plugin_dir() else {
        skip::record("CNI_TEST_FAULT_PLUGINS names no plugins built with fault-point/inject");
        return Vec::new();
    };
    try_faults(&plugins, mode, executable, &mut body)
}

#[track_caller]
fn try_faults(
    plugins: &Path,
    mode: Mode,
    executable: &str,
    body: &mut dyn FnMut(&Fault, usize),
) -> Vec<String> {
    let word = match mode {
        Mode::Fail => "fail",
        Mode::Kill => "kill",
    };
    let marks = tempfile::tempdir().expect("make a directory for the marks of faults");
    let mut hits = Vec::new();
    loop {
        let effect = hits.len() + 1;
        let fault = Fault {
            setting: format!("{executable}:{word}:{effect}"),
            mark: marks.path().join(effect.to_string()),
            plugins: plugins.to_owned(),
        };
        body(&fault, effect);
        match fault.hit() {
            Some(hit) => hits.push(hit),
            None => break,
        }
    }
    assert!(!hits.is_empty(), "{executable} was never hit: is it built with fault-point/inject?");
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_tried_until_none_hits() {
        let mut settings = Vec::new();
        let hits = try_faults(Path::new("/bin"), Mode::Fail, "sh", &mut |fault, effect| {
            settings.push(fault.setting.clone());
            if effect < 3 {
                fs::write(&fault.mark, format!("effect {effect}")).expect("leave a mark");
            }
        });
        assert_eq!(hits, ["effect 1", "effect 2"]);
        assert_eq!(settings, ["sh:fail:1", "sh:fail:2", "sh:fail:3"]);
    }
}
