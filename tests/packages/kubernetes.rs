//! The DaemonSet: what a cluster would refuse, or what would not work, is found here.

use std::fs;
use std::path::Path;

use cni_testkit::Host;
use yaml_rust2::{Yaml, YamlLoader};

use crate::dist::Dist;
use crate::image;

fn manifest() -> Yaml {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = file.with_file_name("packaging/kubernetes/cni-plugins.yaml");
    let text = fs::read_to_string(file).expect("the manifest");
    let documents = YamlLoader::load_from_str(&text).expect("YAML");
    documents.into_iter().next().expect("a document")
}

fn text(value: &Yaml) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value:?} is no text"))
}

/// The words that a container is started with.
fn arguments(container: &Yaml) -> Vec<&str> {
    container["args"].as_vec().expect("arguments").iter().map(text).collect()
}

#[test]
fn package_daemon_set_is_whole() {
    let manifest = manifest();
    assert_eq!((text(&manifest["apiVersion"]), text(&manifest["kind"])), ("apps/v1", "DaemonSet"));
    let (spec, template) = (&manifest["spec"], &manifest["spec"]["template"]);
    assert_eq!(spec["selector"]["matchLabels"], template["metadata"]["labels"]);
    let pod = &template["spec"];
    let [install, pause] = [&pod["initContainers"][0], &pod["containers"][0]];
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(text(&manifest["metadata"]["labels"]["app.kubernetes.io/version"]), version);
    for container in [install, pause] {
        assert_eq!(text(&container["image"]), format!("localhost/cni-plugins:{version}"));
    }
    let mount = &install["volumeMounts"][0];
    assert_eq!(mount["name"], pod["volumes"][0]["name"]);
    assert_eq!(text(&pod["volumes"][0]["hostPath"]["path"]), "/opt/cni/bin");
    assert_eq!(arguments(install), ["install", "--to", text(&mount["mountPath"])]);
    assert_eq!(arguments(pause), ["pause"]);
}

/// The image does what the manifest asks of it, with the rights the manifest gives.
#[test]
fn package_daemon_set_asks_the_image_for_what_it_does() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    let root = image::unpacked(&host, &dist);
    let manifest = manifest();
    let install = &manifest["spec"]["template"]["spec"]["initContainers"][0];
    host.sh(&format!(
        "mkdir -p {root}/host/opt/cni/bin {root}/proc
         mount --rbind /proc {root}/proc
         echo other > {root}/host/opt/cni/bin/of-another-vendor"
    ));
    // The one capability is for chroot.
    let mut command = vec!["setpriv", "--bounding-set=-all,+sys_chroot", "--inh-caps=-all"];
    command.extend(["--no-new-privs", "chroot", root, "/cni-installer"]);
    command.extend(arguments(install));
    let told = host.exec(&command);
    assert!(told.contains("/host/opt/cni/bin/bridge: installed\n"), "{told}");
    assert!(host.exec(&command).contains("/host/opt/cni/bin/bridge: up to date\n"));
    let installed = format!("{root}/host/opt/cni/bin");
    assert_eq!(host.sh(&format!("cat {installed}/of-another-vendor")), "other\n");
    host.sh(&format!("cmp {installed}/bridge {root}/opt/cni/bin/bridge"));
}
