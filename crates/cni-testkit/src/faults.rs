//! Failing or killing a plugin at each of its effects in turn.

use std::path::{Path, PathBuf};

use crate::{Outcome, fault_plugin_dir, skip};

/// What happens at the chosen effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The effect fails with an I/O error.
    Fail,
    /// The process is killed just before the effect.
    Kill,
}

/// One fault: pass it to [`Network::with_fault`](crate::Network::with_fault).
#[derive(Debug, Clone)]
pub struct Fault {
    /// The value of `CNI_FAULT`, see the crate `fault-point`.
    pub(crate) setting: String,
    pub(crate) plugins: PathBuf,
}

/// How many runs in a row have to pass before the effects are taken to be used up.
///
/// One is not enough: a plugin may rightly go on after some effect has failed.
const QUIET_RUNS: usize = 3;

/// Runs the body with a fault at effect 1, 2, 3 … of an executable until no fault is felt.
///
/// The body makes a host, runs the plugin with the fault, looks at the world, and returns the
/// outcome of that run. Returns how many effects were felt.
///
/// Without `CNI_TEST_FAULT_PLUGINS` the test is recorded as skipped, and 0 returned.
///
/// # Panics
///
/// When not a single fault is felt: the plugins have not been built for this.
#[track_caller]
pub fn for_each_fault(
    mode: Mode,
    executable: &str,
    mut body: impl FnMut(&Fault, usize) -> Outcome,
) -> usize {
    let Some(plugins) = fault_plugin_dir() else {
        skip::record("CNI_TEST_FAULT_PLUGINS names no plugins built with fault-point/inject");
        return 0;
    };
    count_faults(&plugins, mode, executable, &mut body)
}

#[track_caller]
fn count_faults(
    plugins: &Path,
    mode: Mode,
    executable: &str,
    body: &mut dyn FnMut(&Fault, usize) -> Outcome,
) -> usize {
    let word = match mode {
        Mode::Fail => "fail",
        Mode::Kill => "kill",
    };
    let (mut felt, mut quiet, mut effect) = (0, 0, 0);
    while quiet < QUIET_RUNS {
        effect += 1;
        let setting = format!("{executable}:{word}:{effect}");
        let outcome = body(&Fault { setting, plugins: plugins.to_owned() }, effect);
        if outcome.is_success() {
            quiet += 1;
        } else {
            (felt, quiet) = (felt + 1, 0);
        }
    }
    assert!(felt > 0, "no fault was felt by {executable}");
    felt
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Host;

    #[test]
    fn faults_are_tried_until_none_is_felt() {
        let host = Host::new();
        let mut settings = Vec::new();
        // Two effects that matter, one whose failure is survived, one more that matters.
        let felt = count_faults(Path::new("/bin"), Mode::Fail, "sh", &mut |fault, effect| {
            settings.push(fault.setting.clone());
            let status = if [1, 2, 4].contains(&effect) { "exit 1" } else { "exit 0" };
            host.invoke("sh").plugins(&fault.plugins).args(&["-c", status]).run()
        });
        assert_eq!(felt, 3);
        assert_eq!(settings.first().map(String::as_str), Some("sh:fail:1"));
        assert_eq!(settings.last().map(String::as_str), Some("sh:fail:7"));
    }
}
