//! Throws anything at a DHCP client that may come from its link.

#![no_main]

libfuzzer_sys::fuzz_target!(|script: &[u8]| cni_plugin_dhcp::fuzz::link(script));
