//! CHECK and STATUS of a list.

use cni_core::runtime::Command;
use cni_core::{Context, Error, Result, SpecVersion, quote};

use super::list::NetworkList;
use super::parameters::Parameters;
use super::request;
use super::result::VersionedResult;
use super::runtime::Runtime;

impl Runtime {
    /// Has every plugin verify an attachment.
    ///
    /// # Errors
    ///
    /// The first plugin's own error; that the version has no CHECK; that the kept result cannot
    /// be read.
    pub fn check(&self, list: &NetworkList, parameters: &Parameters) -> Result<()> {
        if !list.is_at_least(SpecVersion::V0_4_0)? {
            return Err(Error::internal(format!(
                "configuration version {} does not support the CHECK command",
                quote(&list.cni_version)
            )));
        }
        if list.disable_check {
            return Ok(());
        }
        let cached = self
            .cache()
            .result(list, &parameters.attachment)
            .context(|| format!("failed to get network {} cached result", quote(&list.name)))?;
        let prev_result = cached.as_ref().map(VersionedResult::value);
        for plugin in &list.plugins {
            let stdin =
                request::for_attachment(list, plugin, &parameters.capability_args, prev_result);
            self.call(Command::Check, plugin, parameters, &stdin)?;
        }
        Ok(())
    }

    /// Asks every plugin whether ADD can work now; before 1.1.0 nobody is asked.
    ///
    /// # Errors
    ///
    /// The first plugin's own error, so that codes 50 and 51 can be told apart.
    pub fn status(&self, list: &NetworkList) -> Result<()> {
        if !list.is_at_least(SpecVersion::V1_1_0).unwrap_or(false) {
            return Ok(());
        }
        for plugin in &list.plugins {
            let stdin = request::for_network(list, plugin, None);
            self.call(Command::Status, plugin, &Parameters::default(), &stdin)?;
        }
        Ok(())
    }
}
