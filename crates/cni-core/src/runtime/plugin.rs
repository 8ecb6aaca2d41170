//! What a plugin has to say for itself, and what it is asked.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::delegate::Delegate;
use super::invocation::{Attachment, Invocation};
use super::undo::{Cleanup, Undo};
use crate::spec::conf::{NetworkConf, ValidAttachment};
use crate::spec::error::{Error, Result};
use crate::spec::json;
use crate::spec::result::AddResult;
use crate::spec::version::SpecVersion;

/// A plugin: its identity and its verbs.
pub trait Plugin {
    /// The executable's name and the configuration's `type`.
    const NAME: &'static str;

    /// What the plugin is for, in one line for the command line's help.
    const PURPOSE: &'static str;

    /// The versions of the specification it supports, oldest first.
    const SUPPORTED: &'static [SpecVersion] = SpecVersion::ALL;

    /// What the executable does beside the verbs, as first argument: a word, and what it is for. Its
    /// `main` takes them; here they are for the command line's help.
    const ROLES: &'static [(&'static str, &'static str)] = &[];

    /// The words before an error in the configuration; empty for none.
    const LOAD_CONTEXT: &'static str = "failed to load netconf";

    /// What the user may write; see [`json::from_slice`] for how it is read.
    type Conf: DeserializeOwned;

    /// The network of the command line when no configuration is given.
    fn default_network() -> Value;

    /// Attaches the container. Whatever is made for this attachment is given to `undo`.
    ///
    /// # Errors
    ///
    /// Anything; `undo` is then run.
    fn add(request: &Request<Self::Conf>, undo: &mut Undo) -> Result<AddResult>;

    /// Takes away whatever any part of an ADD may have left. Errors of single steps go to
    /// `cleanup`, which goes on.
    ///
    /// # Errors
    ///
    /// Where nothing can be cleaned up at all.
    fn del(request: &Request<Self::Conf>, cleanup: &mut Cleanup) -> Result<()>;

    /// Verifies that the attachment is as ADD left it.
    ///
    /// # Errors
    ///
    /// The first difference.
    fn check(request: &Request<Self::Conf>) -> Result<()>;

    /// Takes away what belongs to this network and to none of the `valid` attachments.
    ///
    /// # Errors
    ///
    /// Where nothing can be cleaned up at all.
    fn gc(
        request: &Request<Self::Conf>,
        valid: &[ValidAttachment],
        cleanup: &mut Cleanup,
    ) -> Result<()>;

    /// Tells whether ADD can work now.
    ///
    /// # Errors
    ///
    /// Code 50 or 51 when it cannot.
    fn status(request: &Request<Self::Conf>) -> Result<()>;
}

/// One request, decoded.
pub struct Request<C> {
    /// Which interface of which container; empty for GC and STATUS.
    pub attachment: Attachment,
    /// The common part of the configuration.
    pub network: NetworkConf,
    /// The plugin's part of the configuration.
    pub conf: C,
    /// `CNI_ARGS` as given.
    pub cni_args: String,
    invocation: Invocation,
}

impl<C: DeserializeOwned> Request<C> {
    /// Decodes the configuration of an invocation.
    ///
    /// # Errors
    ///
    /// Code 999, the message beginning with the plugin's [`Plugin::LOAD_CONTEXT`].
    pub fn load(invocation: &Invocation, load_context: &str) -> Result<Self> {
        let failed = |error: json::JsonError| {
            let text = match load_context {
                "" => error.to_string(),
                context => format!("{context}: {error}"),
            };
            Error::internal(text)
        };
        let document = json::Document::parse(&invocation.stdin).map_err(failed)?;
        Ok(Self {
            attachment: invocation.attachment.clone(),
            network: document.decode().map_err(failed)?,
            conf: document.decode().map_err(failed)?,
            cni_args: invocation.args.clone(),
            invocation: invocation.clone(),
        })
    }
}

impl<C> Request<C> {
    /// The configuration's version; every verb has checked that it is one.
    pub fn version(&self) -> SpecVersion {
        SpecVersion::find(&self.network.cni_version).unwrap_or(SpecVersion::V0_1_0)
    }

    /// The call as it came, for a plugin that hands it on.
    pub fn invocation(&self) -> &Invocation {
        &self.invocation
    }

    /// Finds the plugin that this one delegates to.
    ///
    /// # Errors
    ///
    /// See [`super::find_plugin`].
    pub fn delegate(&self, plugin_type: &str) -> Result<Delegate> {
        Delegate::find(plugin_type, &self.invocation)
    }
}
