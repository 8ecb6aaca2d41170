//! The leniency that configurations rely on.

use cni_testkit::{Host, Outcome, difference};

use crate::support::{Plugin, attaching, undoing};

/// Attaches a container with the text of a configuration in which `%` stands for the plugin's own
/// keys and the version.
fn add(plugin: &Plugin, text: &str) -> Outcome {
    let host = Host::new();
    let c1 = host.container("c1");
    plugin.call(&host, &c1, "ADD").stdin(filled(plugin, text)).run()
}

fn filled(plugin: &Plugin, text: &str) -> Vec<u8> {
    let mut config = plugin.config();
    let object = config.as_object_mut().expect("a configuration is an object");
    object.remove("name");
    let keys = config.to_string();
    text.replace('%', &keys[1..keys.len() - 1]).into_bytes()
}

#[test]
fn keys_match_in_any_case() {
    for plugin in attaching() {
        add(plugin, r#"{"NAME":"net1",%}"#).succeeds();
        let text = filled(plugin, r#"{"name":"net1",%}"#);
        let text = String::from_utf8(text).expect("text").replace("cniVersion", "CNIVERSION");
        let result = add(plugin, &text).succeeds().result();
        assert_eq!(result["cniVersion"].as_str(), plugin.versions().last().map(String::as_str));
    }
}

#[test]
fn the_last_duplicate_wins() {
    for plugin in attaching() {
        add(plugin, r#"{"name":"a/b",%,"Name":"net1"}"#).succeeds();
        add(plugin, r#"{"cniVersion":"9.9.9","name":"net1",%}"#).succeeds();
        add(plugin, r#"{"name":"net1",%,"NAME":"a/b"}"#).fails_with(7, "invalid characters");
    }
}

#[test]
fn null_leaves_what_was_there() {
    for plugin in attaching() {
        add(plugin, r#"{"name":"net1","name":null,%,"prevResult":null,"dns":null}"#).succeeds();
    }
}

#[test]
fn unknown_keys_are_ignored() {
    for plugin in attaching() {
        let unknown = r#"{"name":"net1","unknown":{"a":[1.5,null,true,9007199254740993]},"":1,%}"#;
        add(plugin, unknown).succeeds();
    }
}

#[test]
fn broken_text_is_repaired() {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in undoing(attaching()) {
        add(plugin, r#"{"name":"net1","x":"\ud800",%}"#).succeeds();
        let mut stdin = filled(plugin, r#"{"name":"net1","x":"!",%}"#);
        let at = stdin.iter().position(|&byte| byte == b'!').expect("the mark");
        stdin[at] = 0xff;
        plugin.call(&host, &c1, "DEL").stdin(stdin).run().succeeds();
        let failure = plugin.call(&host, &c1, "DEL").stdin(*b"{\"name\":\"net\xff\"}").run();
        let failure = failure.fails(7, "invalid characters found in network name");
        failure.details_are("net\u{fffd}");
    }
}

/// The reference reads ten thousand levels, which no configuration has.
#[test]
fn nesting_ends_at_128_levels() {
    let nested = |levels: usize| {
        format!(r#"{{"name":"net1","x":{}{},%}}"#, "[".repeat(levels), "]".repeat(levels))
    };
    for plugin in attaching() {
        add(plugin, &nested(120)).succeeds();
    }
    difference("nesting", || {
        for plugin in attaching() {
            add(plugin, &nested(128)).fails_with(6, "recursion limit exceeded");
        }
    });
}

/// The reference does not look at numbers under keys it does not know.
#[test]
fn numbers_end_where_doubles_do() {
    for plugin in attaching() {
        add(plugin, r#"{"name":"net1","x":[1e308,-12345678901234567890123],%}"#).succeeds();
    }
    difference("huge-numbers", || {
        for plugin in attaching() {
            add(plugin, r#"{"name":"net1","x":1e400,%}"#).fails_with(6, "out of range");
        }
    });
}
