//! GC of a list: attachments that should not exist any more.

use cni_core::runtime::Command;
use cni_core::spec::conf::ValidAttachment;
use cni_core::{Attachment, Context, Error, Result, SpecVersion};

use super::list::NetworkList;
use super::parameters::Parameters;
use super::request;
use super::runtime::Runtime;

impl Runtime {
    /// Calls DEL for every kept attachment of this network that is not in `valid`, and then, from
    /// version 1.1.0, GC of every plugin. Without a list of valid attachments none is valid, and
    /// plugins are not told which are.
    ///
    /// # Errors
    ///
    /// Everything that failed, one on a line; nothing stops at the first failure.
    pub fn gc(&self, list: &NetworkList, valid: Option<&[ValidAttachment]>) -> Result<()> {
        if list.disable_gc {
            return Ok(());
        }
        let mut failures = Vec::new();
        match self.cache().attachments_of_network(&list.name) {
            Ok(attachments) => {
                for cached in attachments {
                    if !is_valid(&cached.parameters.attachment, valid.unwrap_or_default()) {
                        failures.extend(self.del_stale(list, &cached.parameters).err());
                    }
                }
            }
            // Plugins can still tell what is stale.
            Err(error) => failures.push(error),
        }
        if list.is_at_least(SpecVersion::V1_1_0).unwrap_or(false) {
            for plugin in &list.plugins {
                let stdin = request::for_network(list, plugin, valid);
                let collected = self
                    .call(Command::Gc, plugin, &Parameters::default(), &stdin)
                    .context(|| format!("failed to GC plugin {plugin}"));
                failures.extend(collected.err());
            }
        }
        if failures.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = failures.iter().map(Error::to_string).collect();
        Err(Error::internal(lines.join("\n")))
    }

    fn del_stale(&self, list: &NetworkList, parameters: &Parameters) -> Result<()> {
        let Attachment { container_id, ifname, .. } = &parameters.attachment;
        self.del(list, parameters)
            .context(|| format!("failed to delete stale attachment {container_id} {ifname}"))
    }
}

fn is_valid(attachment: &Attachment, valid: &[ValidAttachment]) -> bool {
    valid.iter().any(|v| v.container_id == attachment.container_id && v.ifname == attachment.ifname)
}
