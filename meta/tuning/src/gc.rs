//! GC: removes the records of this network's attachments that are valid no more. Records without a
//! network are the reference's and may be anybody's, so they stay.

use std::collections::HashSet;
use std::path::Path;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Cleanup, Request, Result};
use cni_ipam::state_file::StateFile;

use crate::conf::Conf;
use crate::record::{self, Record};

pub(crate) fn gc(
    request: &Request<Conf>,
    valid: &[ValidAttachment],
    cleanup: &mut Cleanup,
) -> Result<()> {
    let valid: HashSet<String> =
        valid.iter().map(|valid| record::file_name(&valid.container_id, &valid.ifname)).collect();
    let network = Some(request.network.name.as_str());
    for file in StateFile::list(Path::new(request.conf.data_dir()))? {
        let is_ours =
            || Record::parse(&file.read_any()).is_some_and(|r| r.network.as_deref() == network);
        if !valid.contains(file.name()) && is_ours() {
            cleanup.record(file.remove());
        }
    }
    Ok(())
}
