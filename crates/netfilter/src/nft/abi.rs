//! Numbers of `linux/netfilter/nf_tables.h` and `nfnetlink.h` that `libc` does not have.

/// Attributes of a table (`nft_table_attributes`).
pub mod table {
    pub const NAME: u16 = 1;
    pub const FLAGS: u16 = 2;
    pub const USERDATA: u16 = 6;
}

/// Attributes of a chain (`nft_chain_attributes`).
pub mod chain {
    pub const TABLE: u16 = 1;
    pub const NAME: u16 = 3;
    pub const HOOK: u16 = 4;
    pub const POLICY: u16 = 5;
    pub const TYPE: u16 = 7;
    pub const USERDATA: u16 = 12;
}

/// Attributes of a base chain's hook (`nft_hook_attributes`).
pub mod hook {
    pub const NUMBER: u16 = 1;
    pub const PRIORITY: u16 = 2;
}

/// Attributes of a rule (`nft_rule_attributes`).
pub mod rule {
    pub const TABLE: u16 = 1;
    pub const CHAIN: u16 = 2;
    pub const HANDLE: u16 = 3;
    pub const EXPRESSIONS: u16 = 4;
    pub const USERDATA: u16 = 7;
}

/// Attributes of one expression of a rule (`nft_list_attributes`, `nft_expr_attributes`).
pub mod expression {
    pub const ELEMENT: u16 = 1;
    pub const NAME: u16 = 1;
    pub const DATA: u16 = 2;
}

/// Attributes of a value (`nft_data_attributes`, `nft_verdict_attributes`).
pub mod data {
    pub const VALUE: u16 = 1;
    pub const VERDICT: u16 = 2;
    pub const VERDICT_CODE: u16 = 1;
    pub const VERDICT_CHAIN: u16 = 2;
}

/// Attributes of the expression `meta`.
pub mod meta {
    pub const DESTINATION: u16 = 1;
    pub const KEY: u16 = 2;
}

/// Attributes of the expression `payload`.
pub mod payload {
    pub const DESTINATION: u16 = 1;
    pub const BASE: u16 = 2;
    pub const OFFSET: u16 = 3;
    pub const LENGTH: u16 = 4;
}

/// Attributes of the expression `bitwise`.
pub mod bitwise {
    pub const SOURCE: u16 = 1;
    pub const DESTINATION: u16 = 2;
    pub const LENGTH: u16 = 3;
    pub const MASK: u16 = 4;
    pub const XOR: u16 = 5;
}

/// Attributes of the expression `cmp`.
pub mod cmp {
    pub const SOURCE: u16 = 1;
    pub const OPERATION: u16 = 2;
    pub const DATA: u16 = 3;
}

/// Attributes of the expression `ct`.
pub mod ct {
    pub const DESTINATION: u16 = 1;
    pub const KEY: u16 = 2;
}

/// Attributes of the expression `match`, a condition of iptables (`nft_match_attributes`).
pub mod xt_match {
    pub const NAME: u16 = 1;
    pub const REVISION: u16 = 2;
    pub const INFO: u16 = 3;
}

/// Attributes of the expression `immediate`.
pub mod immediate {
    pub const DESTINATION: u16 = 1;
    pub const DATA: u16 = 2;
}

/// Attributes and values of the expression `fib`.
pub mod fib {
    pub const DESTINATION: u16 = 1;
    pub const RESULT: u16 = 2;
    pub const FLAGS: u16 = 3;
    /// `NFT_FIB_RESULT_ADDRTYPE`.
    pub const RESULT_ADDRESS_TYPE: u32 = 3;
    /// `NFTA_FIB_F_DADDR`.
    pub const FLAG_RECEIVER: u32 = 2;
}

/// Attributes and values of the expression `nat`.
pub mod nat {
    pub const TYPE: u16 = 1;
    pub const FAMILY: u16 = 2;
    pub const ADDRESS_MIN: u16 = 3;
    pub const PORT_MIN: u16 = 5;
    pub const FLAGS: u16 = 7;
    /// `NFT_NAT_DNAT`.
    pub const TYPE_DESTINATION: u32 = 1;
    /// `NF_NAT_RANGE_MAP_IPS` and `NF_NAT_RANGE_PROTO_SPECIFIED`; the kernel adds the first itself
    /// and shows both.
    pub const FLAGS_ADDRESS_AND_PORT: u32 = 3;
}

/// The user data field with a comment, in tables, chains and rules (libnftnl's `udata.h`).
pub const USERDATA_COMMENT: u8 = 0;
/// The user data field of a rule with its owner; `nft` skips types it does not know.
pub const USERDATA_OWNER: u8 = 0xc1;
/// Longest user data of any object (`NFT_USERDATA_MAXLEN`), in bytes.
pub const USERDATA_LENGTH: usize = 256;
