//! Finding lists in a folder.

use std::fs;

use cni_runtime::NetworkList;

use super::World;

fn types(list: &NetworkList) -> Vec<&str> {
    list.plugins.iter().map(|plugin| plugin.plugin_type.as_str()).collect()
}

fn load(world: &World, name: &str) -> Result<NetworkList, String> {
    NetworkList::load(&world.configurations(), name).map_err(|error| error.to_string())
}

#[test]
fn lists_come_before_single_plugins() {
    let world = World::with_plugins(&[]);
    let single = world.configure("10-a.conf", r#"{"name":"net","type":"single"}"#);
    let listed =
        world.configure("20-a.conflist", r#"{"name":"net","plugins":[{"type":"listed"}]}"#);
    world.configure("05-b.json", r#"{"name":"json","type":"single"}"#);
    assert_eq!(types(&load(&world, "net").unwrap()), ["listed"]);
    assert_eq!(types(&load(&world, "json").unwrap()), ["single"]);
    fs::remove_file(listed).unwrap();
    assert_eq!(types(&load(&world, "net").unwrap()), ["single"]);
    fs::remove_file(single).unwrap();
    assert!(load(&world, "net").is_err());
}

#[test]
fn the_first_file_in_order_wins() {
    let world = World::with_plugins(&[]);
    world.configure("20.conflist", r#"{"name":"net","plugins":[{"type":"second"}]}"#);
    world.configure("10.conflist", r#"{"name":"net","plugins":[{"type":"first"}]}"#);
    assert_eq!(types(&load(&world, "net").unwrap()), ["first"]);
}

#[test]
fn missing_networks_are_named() {
    let world = World::with_plugins(&[]);
    let folder = world.configurations().display().to_string();
    assert_eq!(
        load(&world, "net").unwrap_err(),
        format!("no net configurations found in {folder}")
    );
    world.configure("below/net.conflist", r#"{"name":"net","plugins":[{"type":"t"}]}"#);
    world.configure("net.CONFLIST", r#"{"name":"net","plugins":[{"type":"t"}]}"#);
    assert_eq!(
        load(&world, "net").unwrap_err(),
        format!("no net configurations found in {folder}")
    );
    world.configure("a.conflist", r#"{"name":"other","plugins":[{"type":"t"}]}"#);
    assert_eq!(
        load(&world, "net").unwrap_err(),
        format!("no net configuration with name \"net\" in {folder}")
    );
    let gone = world.configurations().join("gone");
    assert_eq!(
        NetworkList::load(&gone, "net").unwrap_err().msg,
        format!("no net configurations found in {}", gone.display())
    );
}

#[test]
fn a_broken_file_disables_no_other_network() {
    let world = World::with_plugins(&[]);
    let broken = world.configure("10.conflist", "{");
    world.configure("20.conflist", r#"{"name":"net","plugins":[{"type":"t"}]}"#);
    assert_eq!(types(&load(&world, "net").unwrap()), ["t"]);
    assert_eq!(
        load(&world, "other").unwrap_err(),
        format!(
            "error parsing configuration list: unexpected end of JSON input; {}",
            broken.display()
        )
    );
}

#[test]
fn a_broken_file_of_the_network_itself_is_not_passed_over() {
    let world = World::with_plugins(&[]);
    world.configure("10.conflist", r#"{"name":"net","plugins":[]}"#);
    world.configure("20.conflist", r#"{"name":"net","plugins":[{"type":"t"}]}"#);
    assert!(
        load(&world, "net")
            .unwrap_err()
            .starts_with("error parsing configuration list: no plugins in list")
    );
}

#[test]
fn broken_single_plugins_are_told_apart() {
    let world = World::with_plugins(&[]);
    world.configure("10.conf", "");
    assert!(
        load(&world, "net")
            .unwrap_err()
            .starts_with("error parsing configuration: unexpected end of JSON input")
    );
    fs::remove_file(world.configurations().join("10.conf")).unwrap();
    std::os::unix::fs::symlink("/", world.configurations().join("10.conf")).unwrap();
    let error = load(&world, "net").unwrap_err();
    assert!(error.starts_with("error reading ") && error.contains(": is a directory"), "{error}");
}

#[test]
fn plugins_of_the_folder_are_appended_unless_refused() {
    let world = World::with_plugins(&[]);
    let configure =
        |keys: &str| world.configure("net.conflist", &format!(r#"{{"name":"net"{keys}}}"#));
    let inlined = r#","plugins":[{"type":"inlined"}]"#;
    let without = configure("");
    assert_eq!(NetworkList::from_file(&without).unwrap_err().msg, "no plugin configs found");
    let loaded = |keys: &str| {
        let list = NetworkList::from_file(&configure(keys)).unwrap();
        types(&list).join(" ")
    };
    world.configure("net/ignored.json", "x");
    assert_eq!(loaded(inlined), "inlined");
    world.configure("net/20.conf", r#"{"type":"second"}"#);
    world.configure("net/10.conf", r#"{"type":"first"}"#);
    assert_eq!(loaded(""), "first second");
    assert_eq!(loaded(inlined), "inlined first second");
    assert_eq!(
        loaded(r#","loadOnlyInlinedPlugins":"True","plugins":[{"type":"inlined"}]"#),
        "inlined"
    );
    assert_eq!(types(&load(&world, "net").unwrap()), ["inlined"]);
    world.configure("net/15.conf", "{}");
    assert_eq!(
        NetworkList::from_file(&configure(inlined)).unwrap_err().msg,
        "error parsing configuration: missing 'type'"
    );
}

#[test]
fn a_network_name_cannot_leave_the_folder() {
    let world = World::with_plugins(&[]);
    world.configure("outside/10.conf", r#"{"type":"outside"}"#);
    let file = world.configure("inside/net.conflist", r#"{"name":"../outside"}"#);
    let error = NetworkList::from_file(&file).unwrap_err();
    assert_eq!((error.code.0, error.details.as_str()), (7, "../outside"));
    world.configure("bad.conflist", r#"{"name":"../outside","plugins":[{"type":"t"}]}"#);
    world.configure("good.conflist", r#"{"name":"good","plugins":[{"type":"t"}]}"#);
    assert_eq!(types(&load(&world, "good").unwrap()), ["t"]);
}
