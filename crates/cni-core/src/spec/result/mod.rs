//! The result of ADD: one type inside, one layout for each family of versions outside.

mod middle;
mod new;
mod old;
mod readable;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::address::{self, Cidr};
use super::error::{Error, Result, quote};
use super::json;
use super::version::{Family, SpecVersion};

/// What ADD did, in the sense of the newest version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddResult {
    /// The interfaces that were made, on the host and in the container.
    pub interfaces: Vec<Interface>,
    /// The addresses, each pointing at its interface by index.
    pub ips: Vec<IpConfig>,
    /// Routes in the container.
    pub routes: Vec<Route>,
    /// Name resolution in the container.
    pub dns: Dns,
}

/// An interface of a result.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its hardware address, lower case with colons; empty when it has none.
    pub mac: String,
    /// Bytes; 0 means not told (1.1.0).
    pub mtu: i64,
    /// The container's namespace as `CNI_NETNS` named it; empty on the host.
    pub sandbox: String,
    /// A vhost-user socket or the like (1.1.0).
    pub socket_path: String,
    /// A PCI device (1.1.0).
    #[serde(rename = "pciID")]
    pub pci_id: String,
}

/// An address of a result.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct IpConfig {
    /// Index into the interfaces; kept as written, so it may be out of range.
    pub interface: Option<i64>,
    /// The address with the subnet's prefix length.
    #[serde(deserialize_with = "address::deserialize_cidr")]
    pub address: Option<Cidr>,
    /// The gateway of the subnet.
    #[serde(with = "address::optional_ip")]
    pub gateway: Option<IpAddr>,
}

/// A route, in configurations as well as in results.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Route {
    /// The destination, host bits as written.
    #[serde(deserialize_with = "address::deserialize_cidr")]
    pub dst: Option<Cidr>,
    /// The next hop; the gateway of the address's family when unset.
    #[serde(with = "address::optional_ip")]
    pub gw: Option<IpAddr>,
    /// Bytes; 0 means unset (1.1.0).
    pub mtu: i64,
    /// Bytes of the largest TCP segment to advertise; 0 means unset (1.1.0).
    pub advmss: i64,
    /// Lower goes first; 0 means unset (1.1.0).
    pub priority: i64,
    /// The routing table; the main one when unset (1.1.0).
    pub table: Option<i64>,
    /// The scope's number; universe when unset (1.1.0).
    pub scope: Option<i64>,
}

/// Name resolution.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Dns {
    /// Addresses of servers, in order of preference.
    pub nameservers: Vec<String>,
    /// The local domain.
    pub domain: String,
    /// Search domains.
    pub search: Vec<String>,
    /// Options of resolv.conf.
    pub options: Vec<String>,
}

impl Dns {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.nameservers.is_empty()
            && self.domain.is_empty()
            && self.search.is_empty()
            && self.options.is_empty()
    }
}

impl AddResult {
    /// Writes the document of `version`: four blanks of indentation, no newline at the end.
    ///
    /// # Errors
    ///
    /// 0.1.0 and 0.2.0 cannot express a result without addresses:
    /// `cannot convert: no valid IP addresses`.
    pub fn to_document(&self, version: SpecVersion) -> Result<String> {
        Ok(match version.family() {
            Family::Old => json::to_pretty(&old::Document::of(self, version)?),
            Family::Middle => json::to_pretty(&middle::Document::of(self, version)),
            Family::New => json::to_pretty(&new::Document::of(self, version)),
        })
    }

    /// The document of `version` as a value, for results that travel inside another document.
    ///
    /// # Errors
    ///
    /// See [`AddResult::to_document`].
    pub fn to_value(&self, version: SpecVersion) -> Result<Value> {
        Ok(json::to_value(self.to_document(version)?.as_bytes())?)
    }

    /// Decodes a result that must belong to the family of `version`.
    ///
    /// # Errors
    ///
    /// `result type supports … but unmarshalled CNIVersion is …` for a result of another family,
    /// and the errors of JSON and of addresses.
    pub fn from_value(value: &Value, version: SpecVersion) -> Result<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Versioned {
            cni_version: String,
        }
        let family = version.family();
        let Versioned { cni_version } = json::from_value(value)?;
        let belongs = match SpecVersion::find(&cni_version) {
            // Only the oldest family takes a result that does not tell its version.
            _ if cni_version.is_empty() => family == Family::Old,
            Some(found) => found.family() == family,
            None => false,
        };
        if !belongs {
            return Err(Error::internal(format!(
                "result type supports {} but unmarshalled CNIVersion is {}",
                family.listed(),
                quote(&cni_version)
            )));
        }
        Ok(match family {
            Family::Old => json::from_value::<old::Incoming>(value)?.into(),
            Family::Middle => json::from_value::<middle::Incoming>(value)?.into(),
            Family::New => json::from_value::<new::Incoming>(value)?.into(),
        })
    }

    /// Decodes what a plugin printed for ADD; a result without a version has the configuration's.
    ///
    /// # Errors
    ///
    /// `failed to unmarshal raw result: …`, `unsupported CNI result version …`, and those of
    /// [`AddResult::from_value`].
    pub fn from_plugin_output(output: &[u8], config_version: &str) -> Result<Self> {
        let mut value = plugin_output_value(output, config_version)?;
        let version = value["cniVersion"].take();
        let version = version.as_str().unwrap_or_default();
        let found = SpecVersion::find(version).ok_or_else(|| unsupported(version))?;
        value["cniVersion"] = Value::String(version.to_owned());
        Self::from_value(&value, found)
    }

    /// A few lines for a person.
    pub fn to_readable(&self) -> String {
        readable::lines(self)
    }
}

/// The object a plugin printed for ADD, with its version set; unknown keys are kept.
///
/// # Errors
///
/// `failed to unmarshal raw result: …` for anything but an object or `null`.
pub fn plugin_output_value(output: &[u8], config_version: &str) -> Result<Value> {
    let failed = |why: String| Error::internal(format!("failed to unmarshal raw result: {why}"));
    let mut value = json::to_value(output).map_err(|error| failed(error.to_string()))?;
    if value.is_null() {
        value = Value::Object(serde_json::Map::new());
    }
    if !value.is_object() {
        return Err(failed("a plugin's result must be an object".to_owned()));
    }
    if value["cniVersion"].as_str().unwrap_or_default().is_empty() {
        let inherited = if config_version.is_empty() { "0.1.0" } else { config_version };
        value["cniVersion"] = Value::String(inherited.to_owned());
    }
    Ok(value)
}

/// The error for a version no family has.
pub fn unsupported(version: &str) -> Error {
    Error::internal(format!("unsupported CNI result version {}", quote(version)))
}

/// Skips a number that means unset.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes references"
)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Layout of routes and DNS up to 0.4.0: order of the reference's structures.
#[derive(Serialize)]
struct OrderedRoute<'a> {
    #[serde(serialize_with = "address::serialize_cidr")]
    dst: &'a Option<Cidr>,
    #[serde(skip_serializing_if = "Option::is_none", with = "address::optional_ip")]
    gw: &'a Option<IpAddr>,
    #[serde(skip_serializing_if = "is_zero")]
    mtu: i64,
    #[serde(skip_serializing_if = "is_zero")]
    advmss: i64,
    #[serde(skip_serializing_if = "is_zero")]
    priority: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<i64>,
}

impl<'a> OrderedRoute<'a> {
    fn of(route: &'a Route) -> Self {
        Self {
            dst: &route.dst,
            gw: &route.gw,
            mtu: route.mtu,
            advmss: route.advmss,
            priority: route.priority,
            table: route.table,
            scope: route.scope,
        }
    }
}

#[derive(Serialize)]
struct OrderedDns<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    nameservers: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    domain: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    search: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    options: &'a [String],
}

impl<'a> OrderedDns<'a> {
    fn of(dns: &'a Dns) -> Self {
        Self {
            nameservers: &dns.nameservers,
            domain: &dns.domain,
            search: &dns.search,
            options: &dns.options,
        }
    }
}
