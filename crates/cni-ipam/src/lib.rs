//! Where protocol and kernel meet: leases, configuring and verifying interfaces.
