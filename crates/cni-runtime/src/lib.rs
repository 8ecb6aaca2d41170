//! The runtime side of CNI: network lists, running them, the result cache.
