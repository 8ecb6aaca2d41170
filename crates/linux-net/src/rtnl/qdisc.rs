//! Queueing disciplines: the bucket that limits what a link sends, and the hook for what it
//! receives.

use netlink_packet_core::DefaultNla;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcHeader, TcMessage, TcOption};
use nix::errno::Errno;

use super::request::{CHANGE, CREATE, CREATE_NEW, GET};
use super::wire::{Attributes, Message, number, read_u32, read_u64};
use crate::{Error, LinkRef, Request, Result, Rtnl};

/// Length of `struct tcmsg`.
pub(crate) const FIXED_LEN: usize = 20;

/// Length of `struct tc_tbf_qopt`: two `struct tc_ratespec` and three numbers.
const TBF_LEN: usize = 36;

/// What a token bucket filter lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenBucket {
    /// Bytes per second.
    pub rate: u64,
    /// Bytes that may wait.
    pub limit: u32,
    /// How long a full bucket lasts at this rate, in units of 64 ns.
    pub buffer: u32,
}

/// A queueing discipline by its place, handle and kind, in which one link has at most one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qdisc {
    /// The token bucket filter `1:` for all that the link sends.
    TokenBucket,
    /// `ffff:`, the place of filters for what the link receives.
    Ingress,
}

impl Qdisc {
    /// The handle that filters have for their parent.
    pub(crate) const INGRESS_HANDLE: TcHandle = TcHandle { major: 0xffff, minor: 0 };

    fn message(self, link: u32) -> TcMessage {
        let (kind, handle, parent) = match self {
            Self::TokenBucket => ("tbf", TcHandle { major: 1, minor: 0 }, TcHandle::ROOT),
            Self::Ingress => ("ingress", Self::INGRESS_HANDLE, TcHandle::INGRESS),
        };
        let header = TcHeader { index: link.cast_signed(), handle, parent, ..TcHeader::default() };
        TcMessage::from_parts(header, vec![TcAttribute::Kind(kind.to_owned())])
    }
}

impl Request<'_> {
    /// Limits what the link with index `link` sends, or changes the limit.
    ///
    /// `is_present()` when somebody else's discipline is in its place.
    pub fn set_token_bucket(link: u32, bucket: &TokenBucket) -> Self {
        let mut message = Qdisc::TokenBucket.message(link);
        message.attributes.push(TcAttribute::Options(bucket.options()));
        let message = RouteNetlinkMessage::NewQueueDiscipline(message);
        // Without NLM_F_REPLACE the kernel changes what has this handle, and replaces nothing else.
        Self::new(&message, CREATE, "limit the rate of", LinkRef::from(link).to_string())
    }

    /// Lets the link with index `link` have filters for what it receives; `is_present()` when it
    /// may have some already.
    pub fn create_ingress(link: u32) -> Self {
        let message = RouteNetlinkMessage::NewQueueDiscipline(Qdisc::Ingress.message(link));
        let object = LinkRef::from(link).to_string();
        Self::new(&message, CREATE_NEW, "create ingress qdisc of", object)
    }
}

impl TokenBucket {
    fn options(&self) -> Vec<TcOption> {
        let mut parameters = vec![0; TBF_LEN];
        // The kernel reads the lower half of a rate that needs 64 bits, and then the whole below.
        let rate = self.rate as u32;
        for (offset, number) in [(8, rate), (24, self.limit), (28, self.buffer)] {
            parameters[offset..offset + 4].copy_from_slice(&number.to_ne_bytes());
        }
        let mut options = vec![DefaultNla::new(number::TCA_TBF_PARMS, parameters)];
        if u32::try_from(self.rate).is_err() {
            let rate = self.rate.to_ne_bytes().to_vec();
            options.push(DefaultNla::new(number::TCA_TBF_RATE64, rate));
        }
        options.into_iter().map(TcOption::Other).collect()
    }

    /// Reads `RTM_NEWQDISC` about a token bucket filter.
    fn decode(message: &Message<'_>) -> Option<Self> {
        let options = Attributes::after(message.body, FIXED_LEN).value_of(number::TCA_OPTIONS)?;
        let parameters = Attributes::within(options).value_of(number::TCA_TBF_PARMS)?;
        let rate = match Attributes::within(options).value_of(number::TCA_TBF_RATE64) {
            Some(rate) => read_u64(rate, 0)?,
            None => read_u32(parameters, 8)?.into(),
        };
        Some(Self { rate, limit: read_u32(parameters, 24)?, buffer: read_u32(parameters, 28)? })
    }
}

impl Rtnl {
    /// Looks up the limit of what the link with index `link` sends; `None` when it has none.
    ///
    /// # Errors
    ///
    /// What the kernel refused, absence apart.
    pub fn find_token_bucket(&self, link: u32) -> Result<Option<TokenBucket>> {
        let message = RouteNetlinkMessage::GetQueueDiscipline(Qdisc::TokenBucket.message(link));
        let object = LinkRef::from(link).to_string();
        let request = Request::new(&message, GET, "look up the rate of", object);
        match self.dump(&request, |list, message| list.extend(TokenBucket::decode(message))) {
            Ok(mut found) => Ok(found.pop()),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a discipline, with its filters, and tells whether there was one.
    ///
    /// # Errors
    ///
    /// What the kernel refused, absence apart.
    pub fn remove_qdisc(&self, link: u32, qdisc: Qdisc) -> Result<bool> {
        let message = RouteNetlinkMessage::DelQueueDiscipline(qdisc.message(link));
        let operation = match qdisc {
            Qdisc::TokenBucket => "remove the rate limit of",
            Qdisc::Ingress => "remove ingress qdisc of",
        };
        match self.apply(Request::new(&message, CHANGE, operation, LinkRef::from(link).to_string()))
        {
            Ok(()) => Ok(true),
            Err(error) if is_absence(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Tells whether an error means that what was asked for is not there. `EINVAL` is the answer where
/// something of another kind or handle is in its place, or the place itself is missing.
pub(crate) fn is_absence(error: &Error) -> bool {
    error.is_missing() || error.errno() == Some(Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What [`TokenBucket::decode`] makes of the request that sets the bucket.
    fn read_back(bucket: TokenBucket) -> Option<TokenBucket> {
        let request = Request::set_token_bucket(7, &bucket);
        TokenBucket::decode(&Message { kind: 0, flags: 0, sequence: 1, body: request.body() })
    }

    #[test]
    fn a_bucket_is_read_as_it_is_written() {
        for rate in [1, 125_000, u32::MAX.into(), u64::from(u32::MAX) + 1, u64::MAX] {
            let bucket = TokenBucket { rate, limit: 103_125, buffer: 12_500_000 };
            assert_eq!(read_back(bucket), Some(bucket));
        }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_bucket_is_written_for_the_root_and_in_few_numbers() {
        let bucket = TokenBucket { rate: 1, limit: 2, buffer: 3 };
        let request = Request::set_token_bucket(7, &bucket);
        let (header, attributes) = request.body().split_at(FIXED_LEN);
        assert_eq!(header[4..16], [7, 0, 0, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff]);
        let mut written = vec![8, 0, 1, 0, b't', b'b', b'f', 0, 44, 0, 2, 0, 40, 0, 1, 0];
        written.extend([0; 8]);
        written.extend([1, 0, 0, 0]);
        written.extend([0; 12]);
        written.extend([2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(attributes, written);
    }
}
