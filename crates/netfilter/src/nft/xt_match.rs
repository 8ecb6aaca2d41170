//! Conditions of iptables, for tables that iptables must go on to understand.

/// An extension of iptables: its name, revision and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XtMatch {
    pub(super) name: &'static str,
    pub(super) revision: u32,
    pub(super) info: Vec<u8>,
}

/// The bits of the states `established` and `related` of a connection (`NF_CT_STATE_BIT`).
pub(super) const ESTABLISHED_OR_RELATED: u8 = 1 << 1 | 1 << 2;

impl XtMatch {
    /// `-m conntrack --ctstate RELATED,ESTABLISHED`.
    pub fn established_or_related() -> XtMatch {
        // struct xt_conntrack_mtinfo3 of linux/netfilter/xt_conntrack.h, rounded up by XT_ALIGN.
        const SIZE: usize = 168;
        const MATCH_FLAGS: usize = 146;
        const STATE_MASK: usize = 150;
        // XT_CONNTRACK_STATE
        let flags: u16 = 1 << 0;
        let mut info = vec![0; SIZE];
        info[MATCH_FLAGS..][..2].copy_from_slice(&flags.to_ne_bytes());
        info[STATE_MASK..][..2].copy_from_slice(&u16::from(ESTABLISHED_OR_RELATED).to_ne_bytes());
        XtMatch { name: "conntrack", revision: 3, info }
    }

    /// `-m comment --comment …`, of which at most 255 bytes count.
    pub fn comment(text: &str) -> XtMatch {
        /// `XT_MAX_COMMENT_LEN`, the final NUL included.
        const SIZE: usize = 256;
        let mut info = text.as_bytes().to_vec();
        info.truncate(SIZE - 1);
        info.resize(SIZE, 0);
        XtMatch { name: "comment", revision: 0, info }
    }
}
