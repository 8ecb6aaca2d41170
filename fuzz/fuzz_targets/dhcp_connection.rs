//! Throws anything at the two ends of the DHCP daemon's socket.

#![no_main]

libfuzzer_sys::fuzz_target!(|script: &[u8]| cni_plugin_dhcp::fuzz::connection(script));
