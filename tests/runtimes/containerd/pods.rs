//! Pods, through the CRI socket.

use std::env::consts::ARCH;

use cni_testkit::{Machine, Namespace};
use serde_json::{Value, json};

use super::Containerd;

/// The client; see its own words.
const CLIENT: &str = include_str!("cri.py");

/// How many pods are started at once.
const CROWD: u16 = 20;

/// A machine with containerd and the image that keeps a pod's namespaces.
struct Kubelet(Containerd);

impl Kubelet {
    #[track_caller]
    fn boot() -> Option<Self> {
        let containerd = Containerd::boot()?;
        containerd.write("/run/cri.py", CLIENT);
        let architecture = match ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        // A Docker archive: one layer with busybox, and what to run of it.
        containerd.sh(&format!(
            r#"mkdir /run/pause; cd /run/pause
            tar -C {} -cf layer.tar ./bin/busybox ./bin/sleep
            layer=$(sha256sum layer.tar | cut -d ' ' -f 1)
            cat >config.json <<END
            {{ "architecture": "{architecture}", "os": "linux",
               "config": {{ "Entrypoint": ["/bin/sleep", "100000"] }},
               "rootfs": {{ "type": "layers", "diff_ids": ["sha256:$layer"] }} }}
END
            cat >manifest.json <<END
            [{{ "Config": "config.json", "RepoTags": ["localhost/pause:test"],
                "Layers": ["layer.tar"] }}]
END
            tar -cf pause.tar layer.tar config.json manifest.json
            ctr -n k8s.io image import --snapshotter native pause.tar"#,
            Machine::ROOTFS
        ));
        Some(Self(containerd))
    }

    /// One call with these requests at once, and the answers in their order.
    #[track_caller]
    fn call(&self, method: &str, requests: &[Value]) -> Vec<Value> {
        let requests: Vec<String> = requests.iter().map(Value::to_string).collect();
        let mut command = vec!["/usr/bin/python3", "/run/cri.py", method];
        command.extend(requests.iter().map(String::as_str));
        let answers = self.0.exec(&command);
        answers.lines().map(|line| serde_json::from_str(line).expect("an answer is JSON")).collect()
    }

    /// Runs pods at once.
    #[track_caller]
    fn run(&self, pods: &[Value]) -> Vec<Pod<'_>> {
        let ids = self.call("RunPodSandbox", pods);
        let states = self.call("PodSandboxStatus", &ids);
        let pods = ids.into_iter().zip(states);
        pods.map(|(id, state)| Pod { kubelet: self, id, state }).collect()
    }

    /// Stops and removes pods at once, each step twice, as Kubernetes does.
    #[track_caller]
    fn end(&self, pods: Vec<Pod<'_>>) {
        let ids: Vec<Value> = pods.into_iter().map(|pod| pod.id).collect();
        for step in ["StopPodSandbox", "StopPodSandbox", "RemovePodSandbox", "RemovePodSandbox"] {
            self.call(step, &ids);
        }
    }

    /// The world when the first pod has come and gone.
    #[track_caller]
    fn warmed_up(&self) -> String {
        self.end(self.run(&[pod("first", &[[79, 79]])]));
        self.0.world()
    }
}

/// A pod that runs.
struct Pod<'k> {
    kubelet: &'k Kubelet,
    id: Value,
    state: Value,
}

impl Pod<'_> {
    fn network(&self) -> Namespace {
        self.kubelet.0.network_of(&self.state["pid"].to_string())
    }

    fn addresses(&self) -> Vec<&str> {
        let addresses = self.state["ips"].as_array().expect("addresses");
        addresses.iter().filter_map(Value::as_str).collect()
    }
}

/// A pod with host ports and their ports inside, limited in both directions.
fn pod(name: &str, ports: &[[u16; 2]]) -> Value {
    let annotations = json!({
        "kubernetes.io/ingress-bandwidth": "800M",
        "kubernetes.io/egress-bandwidth": "400M"
    });
    json!({ "name": name, "ports": ports, "annotations": annotations })
}

#[test]
fn a_pod_has_address_ports_and_limits_until_it_is_stopped() {
    let Some(kubelet) = Kubelet::boot() else { return };
    let (machine, outside) = (&kubelet.0, kubelet.0.outside());
    assert_eq!(kubelet.call("Version", &[]), ["containerd"]);
    let before = kubelet.warmed_up();

    let pods = kubelet.run(&[pod("web", &[[8080, 80]])]);
    assert_eq!(pods[0].state["ready"], true);
    assert_eq!(pods[0].addresses(), ["10.1.2.3", "fd00:1::3"]);
    let web = pods[0].network();
    for address in ["192.0.2.1:8080", "[2001:db8::1]:8080"] {
        outside.reaches_through(&web, address, "[::]:80");
        web.reaches_through(&web, address, "[::]:80");
    }
    machine.reaches_through(&web, "127.0.0.1:8080", "[::]:80");
    assert_eq!(outside.sees_source(&web, "192.0.2.2:80"), "192.0.2.1");
    let limits = machine.exec(&["tc", "qdisc", "show"]);
    assert!(limits.contains("rate 800Mbit") && limits.contains("rate 400Mbit"), "{limits}");
    assert!(web.exec(&["ip", "address", "show", "dev", "lo"]).contains("127.0.0.1/8"));

    drop(web);
    let ids = [pods[0].id.clone()];
    kubelet.call("StopPodSandbox", &ids);
    let stopped = &kubelet.call("PodSandboxStatus", &ids)[0];
    assert_eq!(stopped["ready"], false);
    machine.returns_to(&before);
    kubelet.end(pods);
    machine.returns_to(&before);
}

#[test]
fn twenty_pods_at_once_come_and_go() {
    let Some(kubelet) = Kubelet::boot() else { return };
    let (machine, outside) = (&kubelet.0, kubelet.0.outside());
    let before = kubelet.warmed_up();
    let crowd: Vec<Value> =
        (0..CROWD).map(|number| pod(&format!("pod{number}"), &[[8000 + number, 80]])).collect();
    let pods = kubelet.run(&crowd);

    let mut given: Vec<&str> = pods.iter().flat_map(Pod::addresses).collect();
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), 2 * usize::from(CROWD), "{given:?}");
    let networks: Vec<Namespace> = pods.iter().map(Pod::network).collect();
    for (port, network) in (8000..).zip(&networks) {
        outside.reaches_through(network, &format!("192.0.2.1:{port}"), "[::]:80");
    }
    assert_eq!(machine.exec(&["ip", "-br", "link", "show", "type", "ifb"]).lines().count(), 20);

    drop(networks);
    kubelet.end(pods);
    machine.returns_to(&before);
}
