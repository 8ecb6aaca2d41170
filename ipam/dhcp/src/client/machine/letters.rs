//! The messages that are sent.

use std::net::Ipv4Addr;

use dhcproto::v4::{DhcpOption, MessageType, OptionCode};

use super::Client;
use crate::client::options::Options;
use crate::client::{Message, Wishes};

/// The longest message we take, in bytes: what fits a packet of Ethernet.
const LONGEST_MESSAGE: u16 = 1500;

/// What is asked for when the user wants nothing: mask, router, domain name, name servers.
const DEFAULT_REQUESTS: [OptionCode; 4] = [
    OptionCode::SubnetMask,
    OptionCode::Router,
    OptionCode::DomainName,
    OptionCode::DomainNameServer,
];

impl Client {
    /// A number for an exchange that nobody else is likely to have.
    pub(super) fn transaction(&self) -> u32 {
        ((self.random)() >> 32) as u32
    }

    pub(super) fn client_id(&self) -> Vec<u8> {
        let provided = self.identity.wishes.provided.bytes(OptionCode::ClientIdentifier);
        provided.unwrap_or(&self.identity.client_id).to_vec()
    }

    /// The options of a message that asks for something; what the user provides replaces any.
    pub(super) fn wishes(&self, kind: MessageType, more: &[DhcpOption]) -> Options {
        let Wishes { requested, provided, .. } = &self.identity.wishes;
        let requested = match &requested[..] {
            [] => DEFAULT_REQUESTS.to_vec(),
            numbers => numbers.iter().map(|number| (*number).into()).collect(),
        };
        let mut options = Options::default();
        options.set(&DhcpOption::MessageType(kind));
        options.set(&DhcpOption::ParameterRequestList(requested));
        options.set(&DhcpOption::MaxMessageSize(LONGEST_MESSAGE));
        options.set(&DhcpOption::ClientIdentifier(self.identity.client_id.clone()));
        more.iter().for_each(|option| options.set(option));
        options.set_all(provided);
        options
    }

    pub(super) fn message(&self, transaction: u32, client: Ipv4Addr, options: Options) -> Message {
        Message {
            is_reply: false,
            transaction,
            wants_broadcast: self.identity.wants_broadcast,
            client,
            yours: Ipv4Addr::UNSPECIFIED,
            hardware: self.identity.hardware,
            options,
        }
    }
}
