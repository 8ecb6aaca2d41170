//! host-local: the networks its tests start from, and what they look at.

use std::fs;
use std::path::{Path, PathBuf};

use cni_testkit::{Container, Host, Network};
use serde_json::{Value, json};

/// Where the plugin keeps everything by default.
pub const STORE: &str = "/var/lib/cni/networks";

/// Where the addresses of `net1` are.
pub const FOLDER: &str = "/var/lib/cni/networks/net1";

/// The network `net1` with this `ipam` object, as an interface plugin passes it on.
pub fn network(host: &Host, mut ipam: Value) -> Network<'_> {
    ipam["type"] = "host-local".into();
    let config =
        json!({ "cniVersion": "1.1.0", "name": "net1", "type": "host-local", "ipam": ipam });
    host.network(config)
}

/// The network `net1` with a subnet of 252 free addresses, 10.1.2.2 first.
pub fn plain(host: &Host) -> Network<'_> {
    network(host, json!({ "subnet": "10.1.2.0/24" }))
}

/// The same network for the container with another ID.
pub fn of<'h>(network: &Network<'h>, container_id: &str) -> Network<'h> {
    network.with_env("CNI_CONTAINERID", container_id)
}

/// The addresses that an ADD gives.
#[track_caller]
pub fn given(network: &Network<'_>, container: &Container) -> Vec<String> {
    let result = network.add(container, "eth0").succeeds().result();
    let ips = result["ips"].as_array().cloned().unwrap_or_default();
    ips.iter().map(|ip| ip["address"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Everything below the store's folder, sorted: folders, and files with their contents as Rust
/// would write them.
pub fn files(host: &Host) -> String {
    files_in(host, STORE)
}

/// The same for another folder.
pub fn files_in(host: &Host, folder: &str) -> String {
    let folder = PathBuf::from(folder);
    host.run(move || {
        let mut found = Vec::new();
        collect(&folder, &folder, &mut found);
        found.sort();
        found.concat()
    })
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.strip_prefix(root).expect("found below it").display();
        if path.is_dir() {
            found.push(format!("{name}/\n"));
            collect(root, &path, found);
        } else {
            let content = fs::read(&path).unwrap_or_default();
            found.push(format!("{name} {:?}\n", String::from_utf8_lossy(&content)));
        }
    }
}

/// The addresses of `net1` that are reserved, sorted as text.
pub fn reserved(host: &Host) -> Vec<String> {
    let listed = host.run(|| fs::read_dir(FOLDER).map(|entries| entries.flatten().collect()));
    let entries: Vec<fs::DirEntry> = listed.unwrap_or_default();
    let names = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.parse::<std::net::IpAddr>().is_ok()).collect();
    names.sort();
    names
}

/// Writes a file of `net1`, as the reference or an administrator would.
#[expect(clippy::disallowed_methods, reason = "the test plays the one who writes without care")]
pub fn put(host: &Host, name: &str, content: &str) {
    let path = Path::new(FOLDER).join(name);
    let content = content.to_owned();
    host.run(move || {
        fs::create_dir_all(FOLDER).expect("the folder of net1");
        fs::write(path, content).expect("a file of net1");
    });
}

/// Removes a file of `net1`.
pub fn take_away(host: &Host, name: &str) {
    let path = Path::new(FOLDER).join(name);
    host.run(move || fs::remove_file(path).expect("a file of net1"));
}
