//! The reference's side: its plugins as packaged, and its runtime, built from the packaged library.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{fs, process};

use cni_testkit::{Host, lacks_file};

use crate::tool::cargo_folder;

/// The reference's plugins.
pub const PLUGINS: &str = "/usr/lib/cni";

/// Where Debian puts the sources of Go libraries.
const LIBRARIES: &str = "/usr/share/gocode";

/// The program around the library; Debian packages the library without cnitool.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/chains/reference_tool.go");

/// Whether the reference's plugins are not installed; the test is then recorded as skipped.
#[must_use = "a test that is skipped has to return"]
pub fn lacks_plugins() -> bool {
    ["bridge", "host-local", "loopback"]
        .iter()
        .any(|plugin| lacks_file(&format!("{PLUGINS}/{plugin}")))
}

/// The reference's runtime, built once; `None`, and recorded as skipped, where that cannot be done.
pub fn tool() -> Option<&'static Path> {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(build);
    let library = format!("{LIBRARIES}/src/github.com/containernetworking/cni/libcni/api.go");
    let lacks = lacks_file("/usr/bin/go") || lacks_file(&library);
    (!lacks).then(|| BUILT.as_path())
}

/// Builds the runtime unless the one of an earlier run is still the newest.
fn build() -> PathBuf {
    let tool = cargo_folder("reference-cnitool");
    let changed = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    if changed(&tool) > changed(Path::new(SOURCE)) {
        return tool;
    }
    // Nobody ever sees half of it.
    let draft = tool.with_extension(process::id().to_string());
    let cache = cargo_folder("reference-build");
    Host::new().exec(&[
        "env",
        "GO111MODULE=off",
        "CGO_ENABLED=0",
        &format!("GOPATH={LIBRARIES}"),
        &format!("GOCACHE={}", cache.display()),
        "go",
        "build",
        "-o",
        &draft.display().to_string(),
        SOURCE,
    ]);
    fs::rename(&draft, &tool).expect("give the reference's runtime its name");
    tool
}
