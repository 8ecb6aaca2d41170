//! The same tests run on another set of executables, usually the reference's.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::plugins::{self, numeric};
use crate::skip;

/// Whether the executables under test are not ours (`CNI_TEST_AGAINST=1`).
pub fn against_reference() -> bool {
    env::var("CNI_TEST_AGAINST").is_ok_and(|value| value == "1")
}

/// Runs the body as a test of a deliberate difference, a row of `tests/conformance.toml`.
///
/// Against the reference it has to fail, so the row is removed when the difference is.
#[track_caller]
pub fn difference(id: &str, body: impl FnOnce()) {
    if !against_reference() {
        return body();
    }
    let failed = catch_unwind(AssertUnwindSafe(body)).is_err();
    assert!(failed, "difference {id:?} has gone: the reference passes, too");
}

/// Whether the set under test has no such plugin; the test is then recorded as skipped.
///
/// Our own set never lacks one.
#[must_use = "a test that is skipped has to return"]
pub fn lacks_plugin(plugin: &str) -> bool {
    let lacks = against_reference() && !plugins::plugin_dir().join(plugin).exists();
    if lacks {
        skip::record(&format!("the set under test has no {plugin}"));
    }
    lacks
}

/// Whether the plugin under test does not know a spec version; the test is then recorded as
/// skipped. Our own plugins never lack one.
#[must_use = "a test that is skipped has to return"]
pub fn lacks_version(plugin: &str, version: &str) -> bool {
    let known = || plugins::supported_versions(plugin).iter().any(|known| known == version);
    let lacks = against_reference() && !known();
    if lacks {
        skip::record(&format!("the {plugin} under test does not know version {version}"));
    }
    lacks
}

/// Whether the set under test is older than a release of the reference, e.g. `1.5.0`; the test is
/// then recorded as skipped.
///
/// The release is told by `CNI_TEST_RELEASE`; untold it is taken to be older.
#[must_use = "a test that is skipped has to return"]
pub fn lacks_release(release: &str) -> bool {
    let told = env::var("CNI_TEST_RELEASE").unwrap_or_default();
    let lacks = against_reference() && numeric(&told) < numeric(release);
    if lacks {
        skip::record(&format!("the set under test is older than release {release}"));
    }
    lacks
}

/// Whether the set under test is not ours and knows nothing of what a test is about, so that it
/// would wait for what never comes; the test is then recorded as skipped.
#[must_use = "a test that is skipped has to return"]
pub fn knows_nothing_of(what: &str) -> bool {
    if against_reference() {
        skip::record(&format!("the set under test knows nothing of {what}"));
    }
    against_reference()
}

/// Whether a file that the test needs of the reference is not installed; the test is then recorded
/// as skipped.
#[must_use = "a test that is skipped has to return"]
pub fn lacks_file(path: &str) -> bool {
    let lacks = !Path::new(path).exists();
    if lacks {
        skip::record(&format!("there is no {path}"));
    }
    lacks
}
