//! Pods have what they ask for, and leave nothing.

use cni_testkit::Namespace;
use serde_json::{Value, json};

use super::kubelet::{Kubelet, Pod, pod};

/// How many pods are started at once.
const CROWD: u16 = 20;

#[test]
fn a_pod_has_address_ports_and_limits_until_it_is_stopped() {
    let Some(kubelet) = Kubelet::boot() else { return };
    let outside = kubelet.outside();
    assert_eq!(kubelet.call("Version", &[]), ["containerd"]);
    let before = kubelet.warmed_up();

    let pods = kubelet.run(&[pod("web", json!([["tcp", 8080, 80], ["udp", 5353, 53]]))]);
    assert_eq!(pods[0].state["ready"], true);
    assert_eq!(pods[0].addresses(), ["10.1.2.3", "fd00:1::3"]);
    let web = pods[0].network();
    for address in ["192.0.2.1:8080", "[2001:db8::1]:8080"] {
        outside.reaches_through(&web, address, "[::]:80");
        web.reaches_through(&web, address, "[::]:80");
    }
    kubelet.reaches_through(&web, "127.0.0.1:8080", "[::]:80");
    outside.reaches_through_by_udp(&web, "192.0.2.1:5353", "0.0.0.0:53");
    assert_eq!(outside.sees_source(&web, "192.0.2.2:80"), "192.0.2.1");
    let limits = kubelet.exec(&["tc", "qdisc", "show"]);
    assert!(limits.contains("rate 800Mbit") && limits.contains("rate 400Mbit"), "{limits}");
    assert!(web.exec(&["ip", "address", "show", "dev", "lo"]).contains("127.0.0.1/8"));

    drop(web);
    let ids = [pods[0].id.clone()];
    kubelet.call("StopPodSandbox", &ids);
    let stopped = &kubelet.call("PodSandboxStatus", &ids)[0];
    assert_eq!(stopped["ready"], false);
    kubelet.returns_to(&before);
    kubelet.end(pods);
    kubelet.returns_to(&before);
}

#[test]
fn twenty_pods_at_once_come_and_go() {
    let Some(kubelet) = Kubelet::boot() else { return };
    let outside = kubelet.outside();
    let before = kubelet.warmed_up();
    let crowd: Vec<Value> = (0..CROWD)
        .map(|number| pod(&format!("pod{number}"), json!([["tcp", 8000 + number, 80]])))
        .collect();
    let pods = kubelet.run(&crowd);

    let mut given: Vec<&str> = pods.iter().flat_map(Pod::addresses).collect();
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), 2 * usize::from(CROWD), "{given:?}");
    let networks: Vec<Namespace> = pods.iter().map(Pod::network).collect();
    for (port, network) in (8000..).zip(&networks) {
        outside.reaches_through(network, &format!("192.0.2.1:{port}"), "[::]:80");
    }
    assert_eq!(kubelet.exec(&["ip", "-br", "link", "show", "type", "ifb"]).lines().count(), 20);

    drop(networks);
    kubelet.end(pods);
    kubelet.returns_to(&before);
}
