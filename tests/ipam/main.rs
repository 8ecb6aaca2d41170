//! Every IPAM plugin as an interface plugin uses it: real executables on a host of its own.

mod dhcp;
mod host_local;
mod host_local_collection;
mod host_local_crowd;
mod host_local_disk;
mod host_local_pools;
mod host_local_refusals;
mod host_local_release;
mod host_local_requests;
mod host_local_results;
mod host_local_store;
mod static_;
