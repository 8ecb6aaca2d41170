//! A delegate for the tests: the IPAM plugin `scripted`, a shell script in a private `/run`.

use cni_testkit::{Host, Network};
use serde_json::json;

use crate::support::Plugin;

/// Where the delegate is installed.
pub const FOLDER: &str = "/run/delegates";

/// A script that answers ADD with one address and its gateway, in the version of the configuration.
pub const WORKING: &str = r#"[ $CNI_COMMAND = ADD ] && echo \
'{"ips":[{"address":"10.1.2.9/24","gateway":"10.1.2.1"}]}'
exit 0"#;

/// Makes a delegate in a folder; it first writes down the command.
pub fn install(host: &Host, folder: &str, script: &str) {
    host.sh(&format!(
        "mkdir -p {folder}; cat >{folder}/scripted <<'END'\n#!/bin/sh\n\
         echo $CNI_COMMAND >>/run/calls\n{script}\nEND\nchmod +x {folder}/scripted"
    ));
}

/// The plugin's network with this script as its delegate.
pub fn network<'h>(plugin: &Plugin, host: &'h Host, script: &str) -> Network<'h> {
    install(host, FOLDER, script);
    plugin
        .network(host)
        .with_config("ipam", json!({ "type": "scripted" }))
        .with_env("CNI_PATH", FOLDER)
}

/// The commands that delegates were called with since this was asked last.
pub fn calls(host: &Host) -> Vec<String> {
    host.sh("cat /run/calls; : >/run/calls").lines().map(str::to_owned).collect()
}
