//! What a runtime gives beside the configuration (specification section 3).

use cni_core::Attachment;
use serde_json::{Map, Value};

/// The parameters of one attachment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// Container, namespace and interface.
    pub attachment: Attachment,
    /// `CNI_ARGS`, in order; written as `K=V;K=V` without any escaping.
    pub args: Vec<(String, String)>,
    /// Values for capabilities; a plugin gets those its configuration declares.
    pub capability_args: Map<String, Value>,
}

impl Parameters {
    /// The value of `CNI_ARGS`.
    pub(crate) fn args_text(&self) -> String {
        let pairs: Vec<String> =
            self.args.iter().map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join(";")
    }
}

/// The trace that plugins continue, as the W3C recommendations write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// `TRACEPARENT`: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`.
    pub parent: String,
    /// `TRACESTATE`; empty when there is none.
    pub state: String,
    /// `BAGGAGE`; empty when there is none.
    pub baggage: String,
}

impl TraceContext {
    /// The variables of the plugin's environment.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, String)> {
        [("TRACEPARENT", &self.parent), ("TRACESTATE", &self.state), ("BAGGAGE", &self.baggage)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, value.clone()))
    }
}
