//! Expected result documents, kept in files in the newest spec version.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Map, Value};

use crate::{against_reference, placeholders::Placeholders};

/// Compares a result with the golden file of a case, or rewrites it when `UPDATE_GOLDEN=1`.
#[track_caller]
pub(crate) fn compare(case: &str, mut result: Value, sandbox: &str) {
    let file = file_of(case);
    let is_older = against_reference() && result["cniVersion"] == "1.0.0";
    if is_older {
        lower(&mut result);
    }
    let found = normalised(&result, sandbox);
    // The golden files hold what ours answer.
    if !against_reference() && env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        let directory = file.parent().expect("a golden file is in a directory");
        fs::create_dir_all(directory).expect("make the directory of golden files");
        fs::write(&file, &found).expect("write the golden file");
        return;
    }
    let kept = fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!("{}: {error}; make it with UPDATE_GOLDEN=1", file.display())
    });
    let mut expected: Value = serde_json::from_str(&kept).expect("a golden file holds JSON");
    if is_older {
        lower(&mut expected);
    }
    let expected = pretty(&expected);
    assert!(
        found == expected,
        "result differs from {}\n--- expected\n{expected}\n--- found\n{found}",
        file.display()
    );
}

fn file_of(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(format!("{case}.json"))
}

fn normalised(result: &Value, sandbox: &str) -> String {
    let text = pretty(result);
    let text = match sandbox {
        "" => text,
        path => text.replace(path, "<sandbox>"),
    };
    Placeholders::default().replace(&text)
}

fn pretty(result: &Value) -> String {
    serde_json::to_string_pretty(result).expect("a value can be written") + "\n"
}

/// Leaves of a result what plugins of releases before 1.1.0 was known can say, and say alike.
fn lower(result: &mut Value) {
    result["cniVersion"] = "1.0.0".into();
    for interface in objects(result, "interfaces") {
        interface.retain(|key, _| !matches!(key.as_str(), "mtu" | "socketPath" | "pciID"));
    }
    for route in objects(result, "routes") {
        route.retain(|key, _| matches!(key.as_str(), "dst" | "gw"));
    }
    // They print it even when it is empty.
    if result["dns"] == Value::Object(Map::new())
        && let Some(result) = result.as_object_mut()
    {
        result.remove("dns");
    }
}

fn objects<'v>(
    result: &'v mut Value,
    key: &str,
) -> impl Iterator<Item = &'v mut Map<String, Value>> {
    let list = result.get_mut(key).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_named() {
        let result = json!({ "interfaces": [
            { "mac": "0a:00:00:00:00:01", "name": "vethdeadbeef" },
            { "mac": "0a:00:00:00:00:02", "sandbox": "/proc/1/task/2/ns/net" },
        ]});
        let expected = json!({ "interfaces": [
            { "mac": "<mac:1>", "name": "<veth:1>" },
            { "mac": "<mac:2>", "sandbox": "<sandbox>" },
        ]});
        let found: Value =
            serde_json::from_str(&normalised(&result, "/proc/1/task/2/ns/net")).expect("JSON");
        assert_eq!(found, expected);
    }

    #[test]
    fn a_result_is_lowered_to_what_older_plugins_can_say() {
        let mut result = json!({
            "cniVersion": "1.1.0",
            "dns": {},
            "interfaces": [{ "name": "eth0", "mtu": 1500 }],
            "routes": [{ "dst": "0.0.0.0/0", "priority": 3 }],
        });
        lower(&mut result);
        assert_eq!(
            result,
            json!({
                "cniVersion": "1.0.0",
                "interfaces": [{ "name": "eth0" }],
                "routes": [{ "dst": "0.0.0.0/0" }],
            })
        );
    }
}
