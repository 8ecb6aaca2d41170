//! CNI plugin: connects a container to a Linux bridge.
