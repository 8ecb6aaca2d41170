//! DEL: the interface gets its recorded attributes back, and the record goes. Settings stay: they
//! are the namespace's and end with it.

use cni_core::{Cleanup, Request};

use crate::conf::Conf;
use crate::record::Originals;

pub(crate) fn del(request: &Request<Conf>, cleanup: &mut Cleanup) {
    cleanup.remove(&Originals::of(&request.attachment, request.conf.data_dir()));
}
