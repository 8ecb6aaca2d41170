//! What Kubernetes does on a node: pods are run, looked at, stopped and removed through the CRI socket.

use std::env::consts::ARCH;
use std::ops::Deref;

use cni_testkit::{Machine, Namespace};
use serde_json::{Value, json};

use super::Containerd;

/// The client; see its own words.
const CLIENT: &str = include_str!("cri.py");

/// A machine with containerd and the image that keeps a pod's namespaces.
pub struct Kubelet(Containerd);

impl Deref for Kubelet {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.0
    }
}

impl Kubelet {
    #[track_caller]
    pub fn boot() -> Option<Self> {
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
    pub fn call(&self, method: &str, requests: &[Value]) -> Vec<Value> {
        let requests: Vec<String> = requests.iter().map(Value::to_string).collect();
        let mut command = vec!["/usr/bin/python3", "/run/cri.py", method];
        command.extend(requests.iter().map(String::as_str));
        let answers = self.0.exec(&command);
        answers.lines().map(|line| serde_json::from_str(line).expect("an answer is JSON")).collect()
    }

    /// Runs pods at once.
    #[track_caller]
    pub fn run(&self, pods: &[Value]) -> Vec<Pod<'_>> {
        let ids = self.call("RunPodSandbox", pods);
        let states = self.call("PodSandboxStatus", &ids);
        let pods = ids.into_iter().zip(states);
        pods.map(|(id, state)| Pod { kubelet: self, id, state }).collect()
    }

    /// Stops and removes pods at once, each step twice, as Kubernetes does.
    #[track_caller]
    pub fn end(&self, pods: Vec<Pod<'_>>) {
        let ids: Vec<Value> = pods.into_iter().map(|pod| pod.id).collect();
        for step in ["StopPodSandbox", "StopPodSandbox", "RemovePodSandbox", "RemovePodSandbox"] {
            self.call(step, &ids);
        }
    }

    /// The world when the first pod has come and gone.
    #[track_caller]
    pub fn warmed_up(&self) -> String {
        self.end(self.run(&[pod("first", json!([["tcp", 79, 79]]))]));
        self.0.world()
    }
}

/// A pod that runs.
pub struct Pod<'k> {
    kubelet: &'k Kubelet,
    pub id: Value,
    /// What the status says: `ready`, `ips`, `pid`.
    pub state: Value,
}

impl Pod<'_> {
    pub fn network(&self) -> Namespace {
        self.kubelet.0.network_of(&self.state["pid"].to_string())
    }

    pub fn addresses(&self) -> Vec<&str> {
        let addresses = self.state["ips"].as_array().expect("addresses");
        addresses.iter().filter_map(Value::as_str).collect()
    }
}

/// A pod with ports, each as protocol, host's port and own port, limited in both directions.
pub fn pod(name: &str, ports: Value) -> Value {
    let annotations = json!({
        "kubernetes.io/ingress-bandwidth": "800M",
        "kubernetes.io/egress-bandwidth": "400M"
    });
    json!({ "name": name, "ports": ports, "annotations": annotations })
}
