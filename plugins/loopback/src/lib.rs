//! CNI plugin: brings up the loopback interface.
