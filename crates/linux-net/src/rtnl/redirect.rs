//! The filter that hands everything a link receives to another link, to be sent there.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{
    TcAction, TcActionAttribute, TcActionMirror, TcActionMirrorOption, TcActionOption,
    TcActionType, TcAttribute, TcFilterU32, TcFilterU32Option, TcHandle, TcHeader, TcMessage,
    TcMirror, TcOption, TcU32Key, TcU32Selector, TcU32SelectorFlags,
};

use super::qdisc::{FIXED_LEN, Qdisc, is_absence};
use super::request::{CREATE, GET};
use super::wire::{Attributes, Message, number, read_u32};
use crate::{LinkRef, Request, Result, Rtnl};

/// The first filter of the first table of the first priority, `800::800` in the words of tc.
const HANDLE: TcHandle = TcHandle { major: 0x8000, minor: 0x0800 };
const PRIORITY: u32 = 1;

/// Where the index of the target is in `struct tc_mirred`.
const TARGET_OFFSET: usize = 24;

/// The beginning of a message about the filter.
fn select(link: u32) -> TcMessage {
    let every_protocol = u32::from((libc::ETH_P_ALL as u16).to_be());
    let header = TcHeader {
        index: link.cast_signed(),
        handle: HANDLE,
        parent: Qdisc::INGRESS_HANDLE,
        info: PRIORITY << 16 | every_protocol,
        ..TcHeader::default()
    };
    TcMessage::from_parts(header, vec![TcAttribute::Kind(TcFilterU32::KIND.to_owned())])
}

impl Request<'_> {
    /// Redirects what the link with index `link` receives to the link with index `target`, or
    /// changes the target. The link needs [`Qdisc::Ingress`].
    pub fn set_redirect(link: u32, target: u32) -> Self {
        let mut everything = TcU32Selector::default();
        everything.flags = TcU32SelectorFlags::Terminal;
        everything.nkeys = 1;
        everything.keys = vec![TcU32Key::default()];
        let options = [
            TcFilterU32Option::ClassId(TcHandle { major: 1, minor: 1 }),
            TcFilterU32Option::Selector(everything),
            // Reference: a second action, which no packet gets to.
            TcFilterU32Option::Action(vec![
                action(1, target, TcActionType::Stolen),
                action(2, target, TcActionType::Ok),
            ]),
        ];
        let mut message = select(link);
        message.attributes.push(TcAttribute::Options(options.map(TcOption::U32).to_vec()));
        let message = RouteNetlinkMessage::NewTrafficFilter(message);
        let object = format!("{} to {}", LinkRef::from(link), LinkRef::from(target));
        Self::new(&message, CREATE, "redirect", object)
    }
}

/// The action in this place of a filter's list: a packet goes to `target`, and then `verdict`.
fn action(place: u16, target: u32, verdict: TcActionType) -> TcAction {
    let mut mirror = TcMirror::default();
    mirror.generic.action = verdict;
    mirror.ifindex = target;
    let options = TcActionOption::Mirror(TcActionMirrorOption::Parms(mirror));
    let mut action = TcAction::default();
    action.tab = place;
    action.attributes = vec![
        TcActionAttribute::Kind(TcActionMirror::KIND.to_owned()),
        TcActionAttribute::Options(vec![options]),
    ];
    action
}

impl Rtnl {
    /// Looks up where what the link with index `link` receives is redirected to; 0 when that link
    /// has gone, `None` when nothing is redirected by [`Request::set_redirect`].
    ///
    /// # Errors
    ///
    /// What the kernel refused, absence apart.
    pub fn find_redirect(&self, link: u32) -> Result<Option<u32>> {
        let message = RouteNetlinkMessage::GetTrafficFilter(select(link));
        let object = LinkRef::from(link).to_string();
        let request = Request::new(&message, GET, "look up the redirection of", object);
        match self.dump(&request, |list, message| list.extend(decode(message))) {
            Ok(mut found) => Ok(found.pop()),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Reads the target of the first action in `RTM_NEWTFILTER`.
fn decode(message: &Message<'_>) -> Option<u32> {
    let options = Attributes::after(message.body, FIXED_LEN).value_of(number::TCA_OPTIONS)?;
    let actions = Attributes::within(options).value_of(number::TCA_U32_ACT)?;
    let (_, first) = Attributes::within(actions).next()?;
    let options = Attributes::within(first).value_of(number::TCA_ACT_OPTIONS)?;
    let mirred = Attributes::within(options).value_of(number::TCA_MIRRED_PARMS)?;
    read_u32(mirred, TARGET_OFFSET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_is_read_as_it_is_written() {
        let request = Request::set_redirect(7, 42);
        let message = Message { kind: 0, flags: 0, sequence: 1, body: request.body() };
        assert_eq!(decode(&message), Some(42));
        let nothing = Message { body: &[0; FIXED_LEN], ..message };
        assert_eq!(decode(&nothing), None);
    }
}
