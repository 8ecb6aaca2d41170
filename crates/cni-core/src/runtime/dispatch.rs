//! From an invocation to the plugin's function: the common checks, in the reference's order.

use serde::Deserialize;

use super::invocation::{Command, Invocation};
use super::plugin::{Plugin, Request};
use super::undo::{Cleanup, Undo};
use crate::spec::error::{Code, Error, Result, quote, quote_list};
use crate::spec::result::AddResult;
use crate::spec::version::{self, SpecVersion};
use crate::spec::{json, names};

/// A plugin without its type: what the verbs need, as values and functions.
pub(super) struct Verbs {
    pub(super) name: &'static str,
    pub(super) purpose: &'static str,
    pub(super) roles: &'static [(&'static str, &'static str)],
    pub(super) supported: &'static [SpecVersion],
    pub(super) default_network: fn() -> serde_json::Value,
    add: fn(&Invocation, &mut Undo) -> Result<AddResult>,
    del: fn(&Invocation, &mut Cleanup) -> Result<()>,
    check: fn(&Invocation) -> Result<()>,
    gc: fn(&Invocation, &mut Cleanup) -> Result<()>,
    status: fn(&Invocation) -> Result<()>,
}

impl Verbs {
    pub(super) fn of<P: Plugin>() -> Self {
        fn load<P: Plugin>(invocation: &Invocation) -> Result<Request<P::Conf>> {
            Request::load(invocation, P::LOAD_CONTEXT)
        }
        Self {
            name: P::NAME,
            purpose: P::PURPOSE,
            roles: P::ROLES,
            supported: P::SUPPORTED,
            default_network: P::default_network,
            add: |invocation, undo| P::add(&load::<P>(invocation)?, undo),
            del: |invocation, cleanup| P::del(&load::<P>(invocation)?, cleanup),
            check: |invocation| P::check(&load::<P>(invocation)?),
            gc: |invocation, cleanup| {
                let request = load::<P>(invocation)?;
                // Spec: the list is required; without one nothing can be proved to be stale.
                match &request.network.valid_attachments {
                    Some(valid) => P::gc(&request, valid, cleanup),
                    None => Ok(()),
                }
            },
            status: |invocation| P::status(&load::<P>(invocation)?),
        }
    }

    /// Runs any verb but VERSION. Only ADD has a result: the document in the configuration's
    /// version.
    pub(super) fn run(
        &self,
        invocation: &Invocation,
        undo: &mut Undo,
    ) -> Result<Option<AddResult>> {
        let config_version = self.checked_version(invocation.command, &invocation.stdin)?;
        match invocation.command {
            Command::Add => {
                refuse_own_netns(invocation)?;
                let result = (self.add)(invocation, undo)?;
                // A result this version cannot express is an error before anyone sees it.
                result.to_document(config_version)?;
                return Ok(Some(result));
            }
            Command::Del => {
                refuse_own_netns(invocation)?;
                cleaned_up(|cleanup| (self.del)(invocation, cleanup))?;
            }
            Command::Gc => cleaned_up(|cleanup| (self.gc)(invocation, cleanup))?,
            Command::Check => (self.check)(invocation)?,
            Command::Status => (self.status)(invocation)?,
            Command::Version => (),
        }
        Ok(None)
    }

    /// Steps 4 and 6 of the reference's order: the network's name, then the version.
    fn checked_version(&self, command: Command, stdin: &[u8]) -> Result<SpecVersion> {
        let document = check_network_name(stdin)?;
        let config_version = document.decode::<Versioned>().map_err(|error| {
            Error::new(
                Code::DECODING_FAILURE,
                format!("decoding version from network config: {error}"),
            )
        })?;
        let config_version = match config_version.cni_version.as_str() {
            "" => "0.1.0",
            written => written,
        };
        let since = match command {
            Command::Check => Some(SpecVersion::V0_4_0),
            Command::Gc | Command::Status => Some(SpecVersion::V1_1_0),
            Command::Add | Command::Del | Command::Version => None,
        };
        if let Some(since) = since {
            self.allow(command, config_version, since)?;
        }
        SpecVersion::find(config_version).filter(|found| self.supported.contains(found)).ok_or_else(
            || {
                let supported = quote_list(self.supported.iter().map(|v| v.as_str()));
                Error::new(Code::INCOMPATIBLE_VERSION, "incompatible CNI versions").with_details(
                    format!("config is {}, plugin supports {supported}", quote(config_version)),
                )
            },
        )
    }

    /// Refuses a verb that the configuration's version, or every version of the plugin, lacks.
    fn allow(&self, command: Command, config_version: &str, since: SpecVersion) -> Result<()> {
        let refuse = |whose: &str| {
            Err(Error::new(
                Code::INCOMPATIBLE_VERSION,
                format!("{whose} version does not allow {}", command.as_str()),
            ))
        };
        if !version::at_least(config_version, since)? {
            return refuse("config");
        }
        let newest = self.supported.iter().copied().max().unwrap_or(SpecVersion::V0_1_0);
        if version::parse_numbers(newest.as_str())? < version::parse_numbers(config_version)? {
            return refuse("plugin");
        }
        Ok(())
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Versioned {
    cni_version: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

/// Reads the configuration's syntax and refuses a missing or bad network name.
///
/// # Errors
///
/// Code 6 or 7.
pub(super) fn check_network_name(stdin: &[u8]) -> Result<json::Document> {
    let undecodable = |error: json::JsonError| {
        Error::new(Code::DECODING_FAILURE, format!("error unmarshall network config: {error}"))
    };
    let document = json::Document::parse(stdin).map_err(undecodable)?;
    let Named { name } = document.decode().map_err(undecodable)?;
    if name.is_empty() {
        return Err(Error::new(Code::INVALID_NETWORK, "missing network name"));
    }
    names::validate_network_name(&name)?;
    Ok(document)
}

/// The configuration's version as far as it can be told, else the newest: what answers and errors
/// are written in.
pub(super) fn stated_version(stdin: &[u8]) -> SpecVersion {
    json::from_slice::<Versioned>(stdin)
        .ok()
        .and_then(|versioned| SpecVersion::find(&versioned.cni_version))
        .unwrap_or(SpecVersion::NEWEST)
}

fn cleaned_up(steps: impl FnOnce(&mut Cleanup) -> Result<()>) -> Result<()> {
    let mut cleanup = Cleanup::default();
    let outcome = steps(&mut cleanup);
    cleanup.record(outcome);
    cleanup.outcome()
}

/// Refuses to work on the plugin's own namespace, before anything has been done to it.
///
/// A namespace that cannot be looked at is left to the plugin.
fn refuse_own_netns(invocation: &Invocation) -> Result<()> {
    use std::os::unix::fs::MetadataExt;

    let path = &invocation.attachment.netns;
    if invocation.own_netns_allowed || path.is_empty() {
        return Ok(());
    }
    let Ok(wanted) = std::fs::metadata(path) else {
        return Ok(());
    };
    let own = std::fs::metadata("/proc/thread-self/ns/net")
        .map_err(|_| Error::new(Code::INVALID_NETNS, "get plugin's netns failed"))?;
    if (own.dev(), own.ino()) == (wanted.dev(), wanted.ino()) {
        return Err(Error::new(
            Code::INVALID_NETNS,
            "plugin's netns and netns from CNI_NETNS should not be the same",
        )
        .with_details(format!("CNI_NETNS is {}", quote(path))));
    }
    Ok(())
}
