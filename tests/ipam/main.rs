//! Every IPAM plugin as an interface plugin uses it: real executables on a host of its own.

mod host_local_store;
mod static_;
