//! A container: a network namespace on a host.

use std::ops::Deref;

use crate::{Host, Namespace, host::enter_network};

/// A container of a [`Host`], without any interface but a `lo` that is down.
#[derive(Debug)]
pub struct Container {
    namespace: Namespace,
}

impl Container {
    #[track_caller]
    pub(crate) fn new(host: &Host, name: &str) -> Self {
        let owned = name.to_owned();
        // Started from the host's thread, it inherits the host's mounts.
        let namespace = host
            .run(move || Namespace::start(&owned, enter_network))
            .unwrap_or_else(|error| panic!("make container {name:?}: {error:#}"));
        namespace.rebase();
        Self { namespace }
    }

    /// The container ID of this container's attachments.
    pub fn id(&self) -> &str {
        self.name()
    }

    /// Ends the container before its networks are deleted: the path of its namespace vanishes.
    ///
    /// The value stays usable as the name of the dead container, for the DEL that follows.
    pub fn destroy(&self) {
        self.namespace.end();
    }
}

impl Deref for Container {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.namespace
    }
}
