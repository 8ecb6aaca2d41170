//! Expected result documents, kept in files in the newest spec version.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Map, Value};

use crate::{against_reference, placeholders::Placeholders};

/// Compares a result with the golden file of a case, or rewrites it when `UPDATE_GOLDEN=1`.
#[track_caller]
pub(crate) fn compare(case: &str, result: Value, sandbox: &str) {
    let found = normalised(&result, sandbox);
    let file = file_of(case);
    if env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        let directory = file.parent().expect("a golden file is in a directory");
        fs::create_dir_all(directory).expect("make the directory of golden files");
        fs::write(&file, &found).expect("write the golden file");
        return;
    }
    let kept = fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; make it with UPDATE_GOLDEN=1", file.display()));
    let expected = match result["cniVersion"].as_str() {
        Some("1.0.0") if against_reference() => lowered(&kept),
        _ => kept,
    };
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
    let text = serde_json::to_string_pretty(result).expect("a value can be written") + "\n";
    let text = match sandbox {
        "" => text,
        path => text.replace(path, "<sandbox>"),
    };
    Placeholders::default().replace(&text)
}

/// What a result of 1.1.0 looks like in 1.0.0, for reference plugins that know no more.
fn lowered(golden: &str) -> String {
    let mut result: Value = serde_json::from_str(golden).expect("a golden file holds JSON");
    result["cniVersion"] = "1.0.0".into();
    for interface in objects(&mut result, "interfaces") {
        interface.retain(|key, _| !matches!(key.as_str(), "mtu" | "socketPath" | "pciID"));
    }
    for route in objects(&mut result, "routes") {
        route.retain(|key, _| matches!(key.as_str(), "dst" | "gw"));
    }
    serde_json::to_string_pretty(&result).expect("a value can be written") + "\n"
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
    fn a_result_is_lowered_to_what_older_plugins_can_say() {
        let newest = json!({
            "cniVersion": "1.1.0",
            "interfaces": [{ "name": "eth0", "mtu": 1500 }],
            "routes": [{ "dst": "0.0.0.0/0", "priority": 3 }],
        });
        let older: Value = serde_json::from_str(&lowered(&newest.to_string())).expect("JSON");
        assert_eq!(
            older,
            json!({
                "cniVersion": "1.0.0",
                "interfaces": [{ "name": "eth0" }],
                "routes": [{ "dst": "0.0.0.0/0" }],
            })
        );
    }
}
