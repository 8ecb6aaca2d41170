//! What the user or the runtime may write.

use serde::Deserialize;
use serde_json::{Value, json};

/// The plugin's keys; `prevResult` is in the common part.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conf {
    pub(crate) ingress_rate: Option<u64>,
    pub(crate) ingress_burst: Option<u64>,
    pub(crate) egress_rate: Option<u64>,
    pub(crate) egress_burst: Option<u64>,
    pub(crate) runtime_config: RuntimeConfig,
}

/// What the runtime adds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RuntimeConfig {
    pub(crate) bandwidth: Bandwidth,
}

/// The capability `bandwidth`: bits per second and bits, into and out of the container.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Bandwidth {
    pub(crate) ingress_rate: u64,
    pub(crate) ingress_burst: u64,
    pub(crate) egress_rate: u64,
    pub(crate) egress_burst: u64,
}

impl Conf {
    /// The limits that count: the network's as soon as it says anything, else the runtime's.
    pub(crate) fn bandwidth(&self) -> Bandwidth {
        let own = [self.ingress_rate, self.ingress_burst, self.egress_rate, self.egress_burst];
        if own.iter().all(Option::is_none) {
            return self.runtime_config.bandwidth;
        }
        let [ingress_rate, ingress_burst, egress_rate, egress_burst] =
            own.map(Option::unwrap_or_default);
        Bandwidth { ingress_rate, ingress_burst, egress_rate, egress_burst }
    }
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "name": "bandwidth",
        "type": "bandwidth",
        "ingressRate": 100_000_000,
        "ingressBurst": 10_000_000,
        "egressRate": 100_000_000,
        "egressBurst": 10_000_000
    })
}
