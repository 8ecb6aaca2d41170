//! The document in which an attachment is kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use cni_core::spec::json;
use cni_core::{Attachment, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::list::NetworkList;
use super::super::parameters::Parameters;
use super::super::result::VersionedResult;
use super::CachedAttachment;

/// What tells this document from a bare result.
const KIND: &str = "cniCacheV1";

/// One kept attachment; keys in the order other runtimes write them.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Entry {
    kind: String,
    container_id: String,
    /// Base64 with padding.
    config: String,
    if_name: String,
    network_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    netns: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cni_args: Vec<[String; 2]>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    capability_args: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    result: Map<String, Value>,
}

impl Entry {
    pub(super) fn new(
        list: &NetworkList,
        parameters: &Parameters,
        result: &VersionedResult,
    ) -> Self {
        let Parameters { attachment, args, capability_args } = parameters;
        Self {
            kind: KIND.to_owned(),
            container_id: attachment.container_id.clone(),
            config: BASE64.encode(&list.bytes),
            if_name: attachment.ifname.clone(),
            network_name: list.name.clone(),
            netns: attachment.netns.clone(),
            cni_args: args.iter().map(|(key, value)| [key.clone(), value.clone()]).collect(),
            capability_args: capability_args.clone(),
            result: result.value().as_object().cloned().unwrap_or_default(),
        }
    }

    /// Reads a document of this kind; anything else is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        json::from_slice(bytes).ok().filter(Self::is_current)
    }

    pub(super) fn is_current(&self) -> bool {
        self.kind == KIND
    }

    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether the file name, which several attachments can share, was this one's.
    pub(super) fn belongs_to(&self, network: &str, attachment: &Attachment) -> bool {
        self.network_name == network
            && self.container_id == attachment.container_id
            && self.if_name == attachment.ifname
    }

    /// Whether it names an attachment at all.
    pub(super) fn is_complete(&self) -> bool {
        !self.if_name.is_empty() && !self.network_name.is_empty()
    }

    pub(super) fn into_result(self) -> Value {
        Value::Object(self.result)
    }

    pub(super) fn into_attachment(self) -> Result<CachedAttachment> {
        Ok(CachedAttachment {
            config: BASE64.decode(&self.config)?,
            network: self.network_name,
            parameters: Parameters {
                attachment: Attachment {
                    container_id: self.container_id,
                    netns: self.netns,
                    ifname: self.if_name,
                },
                args: self.cni_args.into_iter().map(|[key, value]| (key, value)).collect(),
                capability_args: self.capability_args,
            },
        })
    }
}
