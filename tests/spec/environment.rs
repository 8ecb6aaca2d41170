//! The `CNI_*` variables: which are needed, what they may hold, and in which order that is looked
//! at (specification section 2, "Parameters").

use cni_testkit::{Host, Invocation, difference, lacks_release};

use crate::support::{has_no_link, plugins, undoing};

/// What each command needs, in the order of the specification's table.
const REQUIRED: [(&str, &[&str]); 3] = [
    ("ADD", &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"]),
    ("CHECK", &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"]),
    ("DEL", &["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"]),
];

const NEWER: [(&str, &[&str]); 2] = [("GC", &["CNI_PATH"]), ("STATUS", &["CNI_PATH"])];

/// Calls a test with a complete call of each command of each plugin.
fn for_each_command(test: impl Fn(Invocation<'_>, &[&str])) {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in plugins() {
        let knows_newer = plugin.versions().iter().any(|version| version == "1.1.0");
        let newer = NEWER.iter().filter(|_| knows_newer);
        for (command, required) in REQUIRED.iter().chain(newer) {
            test(plugin.call(&host, &c1, command), required);
        }
    }
    has_no_link(&c1);
}

#[test]
fn each_missing_variable_is_named() {
    for_each_command(|call, required| {
        for name in required {
            let msg = format!("required env variables [{name}] missing");
            let failure = call.clone().without_env(name).run().fails(4, &msg);
            failure.details_are("");
            // An empty value is none.
            call.clone().env(name, "").run().fails(4, &msg);
        }
    });
}

#[test]
fn missing_variables_are_named_together() {
    for_each_command(|call, required| {
        for first in 0..required.len() {
            let missing = &required[first..];
            let call = missing.iter().fold(call.clone(), |call, name| call.without_env(name));
            let msg = format!("required env variables [{}] missing", missing.join(","));
            call.run().fails(4, &msg);
        }
    });
}

/// Variables are looked at in the order of the table, and the first wrong one ends it.
#[test]
fn a_wrong_variable_beats_missing_ones() {
    if lacks_release("1.5.0") {
        return;
    }
    for_each_command(|call, required| {
        if !required.contains(&"CNI_IFNAME") {
            return;
        }
        let ifname = call.clone().env("CNI_IFNAME", "eth/0");
        let msg = "interface name contains / or : or whitespace characters";
        ifname.clone().without_env("CNI_PATH").run().fails(4, msg);
        ifname.clone().without_env("CNI_CONTAINERID").run().fails(4, msg);
        let id = ifname.env("CNI_CONTAINERID", "a/b");
        id.run().fails(4, "invalid characters in containerID").details_are("a/b");
    });
}

/// Nothing is read before the variables are right.
#[test]
fn variables_are_checked_before_the_configuration() {
    for_each_command(|call, required| {
        let call = call.stdin("no configuration").without_env(required[0]);
        call.run().fails_with(4, "missing");
    });
}

#[test]
fn container_ids_are_identifiers() {
    for_each_command(|call, required| {
        if !required.contains(&"CNI_CONTAINERID") {
            return;
        }
        for id in ["-a", ".a", "_a", "a b", "a/b", "../a", "a\n", "a:b", "é"] {
            let failure = call.clone().env("CNI_CONTAINERID", id).run();
            failure.fails(4, "invalid characters in containerID").details_are(id);
        }
    });
}

#[test]
fn interface_names_are_those_of_the_kernel() {
    let characters = "interface name contains / or : or whitespace characters";
    let too_long = "interface name should be less than 16 characters";
    for_each_command(|call, required| {
        if !required.contains(&"CNI_IFNAME") {
            return;
        }
        for (name, msg, details) in [
            ("1234567890123456", "interface name is too long", too_long),
            ("/234567890123456", "interface name is too long", too_long),
            // Length is counted in bytes.
            ("éééééééé", "interface name is too long", too_long),
            (".", "interface name is . or ..", ""),
            ("..", "interface name is . or ..", ""),
            ("eth/0", characters, ""),
            ("eth:0", characters, ""),
            ("eth 0", characters, ""),
            ("eth\t0", characters, ""),
            ("eth\n", characters, ""),
            ("eth\u{b}", characters, ""),
            ("eth\u{85}", characters, ""),
            ("eth\u{a0}", characters, ""),
            ("eth\u{2003}", characters, ""),
        ] {
            let failure = call.clone().env("CNI_IFNAME", name).run();
            failure.fails(4, msg).details_are(details);
        }
    });
}

/// The kernel would take such a name for a pattern, and nobody would find the interface again.
#[test]
fn a_pattern_is_no_interface_name() {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in plugins().filter(|plugin| plugin.delegates) {
        plugin.prepare(&host);
        let before = host.world();
        difference("interface-name-pattern", || {
            let call = plugin.call(&host, &c1, "ADD").env("CNI_IFNAME", "eth%d");
            call.run().fails(999, "invalid interface name \"eth%d\": it contains '%'");
            assert_eq!(host.world(), before);
            has_no_link(&c1);
        });
    }
}

/// DEL frees what it can without a namespace; GC and STATUS are about no attachment at all.
#[test]
fn what_a_command_does_not_need_may_be_missing() {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in undoing(plugins()) {
        plugin.call(&host, &c1, "DEL").without_env("CNI_NETNS").run().succeeds();
        if plugin.versions().iter().any(|version| version == "1.1.0") {
            let commands = if plugin.is_ready() { &["GC", "STATUS"][..] } else { &["GC"] };
            for command in commands {
                let call = host.invoke(plugin.name).command(command).config(&plugin.config());
                call.clone().run().succeeds().silent();
                // Nor is it looked at.
                call.env("CNI_IFNAME", "eth/0").run().succeeds().silent();
            }
        }
    }
}

/// An unknown word is told only after the configuration has been looked at; nothing else is.
#[test]
fn unknown_commands_are_refused_after_the_configuration() {
    if lacks_release("1.5.0") {
        return;
    }
    let host = Host::new();
    for plugin in plugins() {
        for command in ["NOPE", "add", "Add", " ADD", "VERSION "] {
            let call = host.invoke(plugin.name).command(command).without_env("CNI_PATH");
            let msg = format!("unknown CNI_COMMAND: {command}");
            call.clone().config(&plugin.config()).run().fails(4, &msg).details_are("");
            call.clone().run().fails_with(6, "error unmarshall network config: ");
            call.clone().stdin("{}").run().fails(7, "missing network name");
            let unknown_version = r#"{"name":"net1","cniVersion":"9.9.9"}"#;
            call.stdin(unknown_version).run().fails(4, &msg);
        }
    }
}
