//! Netlink messages with nested attributes: writing, reading, comparing.

/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Length of `struct nfgenmsg`.
const NETFILTER_HEADER: usize = 4;
/// `NLA_F_NESTED`; the kernel leaves it out in some answers.
const NESTED: u16 = 1 << 15;
/// The bits of an attribute's type that are not flags (`NLA_TYPE_MASK`).
const KIND: u16 = 0x3fff;

/// Messages being written, one after the other.
#[derive(Debug, Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
    /// Where the newest message starts.
    last: usize,
}

impl Message {
    /// The finished messages.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes one message: `family` and `resource` are the fields of `struct nfgenmsg`.
    pub(super) fn push(
        &mut self,
        kind: u16,
        flags: i32,
        sequence: u32,
        (family, resource): (u8, u16),
        attributes: impl FnOnce(&mut Message),
    ) {
        let start = self.bytes.len();
        self.last = start;
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&((flags | libc::NLM_F_REQUEST) as u16).to_ne_bytes());
        self.bytes.extend_from_slice(&sequence.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&[family, 0]);
        self.bytes.extend_from_slice(&resource.to_be_bytes());
        attributes(self);
        let length = (self.bytes.len() - start) as u32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    }

    /// Asks for an answer to the newest message even if it succeeds.
    pub(super) fn acknowledge_last(&mut self) {
        // The low byte of nlmsg_flags has all flags of requests.
        let flags = self.last + if cfg!(target_endian = "big") { 7 } else { 6 };
        self.bytes[flags] |= libc::NLM_F_ACK as u8;
    }

    /// Writes an attribute with these bytes.
    pub(super) fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.attribute(kind, |message| message.bytes.extend_from_slice(value));
    }

    /// Writes an attribute with a string and its NUL.
    pub(super) fn text(&mut self, kind: u16, value: &str) {
        self.attribute(kind, |message| {
            message.bytes.extend_from_slice(value.as_bytes());
            message.bytes.push(0);
        });
    }

    /// Writes an attribute with a number in network byte order.
    pub(super) fn number(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Writes an attribute that consists of attributes.
    pub(super) fn nested(&mut self, kind: u16, attributes: impl FnOnce(&mut Message)) {
        self.attribute(kind | NESTED, attributes);
    }

    fn attribute(&mut self, kind: u16, value: impl FnOnce(&mut Message)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        value(self);
        let length = (self.bytes.len() - start) as u16;
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

/// One received message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received<'a> {
    /// `nlmsg_type`.
    pub(super) kind: u16,
    /// `nlmsg_flags`.
    pub(super) flags: u16,
    /// `nlmsg_seq` of the request it answers.
    pub(super) sequence: u32,
    /// What follows `struct nlmsghdr`.
    payload: &'a [u8],
}

impl<'a> Received<'a> {
    /// The attributes after `struct nfgenmsg`.
    pub(super) fn attributes(&self) -> Attributes<'a> {
        Attributes(self.payload.get(NETFILTER_HEADER..).unwrap_or_default())
    }

    /// The error number at the start of `NLMSG_ERROR` and `NLMSG_DONE`; 0 is success.
    pub(super) fn error(&self) -> i32 {
        let number = self.payload.first_chunk().copied().unwrap_or_default();
        i32::from_ne_bytes(number).saturating_neg()
    }
}

/// Splits what one `recv` returned.
pub(super) fn split(mut bytes: &[u8]) -> impl Iterator<Item = Received<'_>> {
    std::iter::from_fn(move || {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *header;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        let payload = bytes.get(HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Received {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            payload,
        })
    })
}

/// Received attributes: pairs of type, without flags, and value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'a>(pub(super) &'a [u8]);

impl<'a> Attributes<'a> {
    /// The value of the first attribute of this type.
    pub(super) fn find_value(self, kind: u16) -> Option<&'a [u8]> {
        self.into_iter().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    /// The next attribute, its type with flags.
    fn next_flagged(&mut self) -> Option<(u16, &'a [u8])> {
        let [l0, l1, k0, k1] = *self.0.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([k0, k1]), value))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_flagged().map(|(kind, value)| (kind & KIND, value))
    }
}

/// Whether every attribute we would write is in `found` with the same value.
///
/// The kernel adds attributes of its own and has its own order.
pub(super) fn includes(found: Attributes<'_>, mut ours: Attributes<'_>) -> bool {
    std::iter::from_fn(|| ours.next_flagged()).all(|(kind, value)| {
        match found.find_value(kind & KIND) {
            Some(there) if kind & NESTED != 0 => includes(Attributes(there), Attributes(value)),
            Some(there) => there == value,
            None => value.is_empty(),
        }
    })
}

/// A received string without its NUL; empty when it is not UTF-8.
pub(super) fn text(value: &[u8]) -> &str {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    std::str::from_utf8(&value[..end]).unwrap_or_default()
}
