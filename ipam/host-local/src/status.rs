//! STATUS: whether ADD can hand out an address now.

use std::net::IpAddr;
use std::path::Path;

use cni_core::spec::error::{Code, io_cause};
use cni_core::{Error, Request, Result, quote};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use crate::conf::Conf;
use crate::plan::Plan;
use crate::range_set::RangeSet;
use crate::resolv_conf;
use crate::store::Folder;

/// Looks whether the store can be written and every range set has a free address.
///
/// # Errors
///
/// A bad configuration, and code 50 for everything that changes with time.
pub fn status(request: &Request<Conf>) -> Result<()> {
    let plan = Plan::new(&request.conf, &request.network, &request.cni_args)?;
    let data_dir = request.conf.ipam()?.data_dir();
    let unavailable = |error: Error| Error { code: Code::NOT_AVAILABLE, ..error };
    if let Some(path) = &plan.resolv_conf {
        resolv_conf::read(path).map_err(unavailable)?;
    }
    let path = Folder::path_of(data_dir, &request.network.name);
    writable(&path).map_err(unavailable)?;
    let Some(folder) = Folder::find(data_dir, &request.network.name).map_err(unavailable)? else {
        return Ok(());
    };
    let taken = taken(&folder)?;
    match plan.sets.iter().find(|set| is_exhausted(set, &taken, &folder)) {
        Some(set) => Err(Error::new(
            Code::NOT_AVAILABLE,
            format!("no IP addresses available in range set: {set}"),
        )),
        None => Ok(()),
    }
}

/// Refuses a folder that cannot be written or, where it is still to be made, cannot be made.
fn writable(path: &Path) -> Result<()> {
    for folder in path.ancestors().filter(|folder| !folder.as_os_str().is_empty()) {
        match access(folder, AccessFlags::W_OK | AccessFlags::X_OK) {
            Ok(()) => return Ok(()),
            Err(Errno::ENOENT) => (),
            Err(errno) => {
                let cause = io_cause(&errno.into());
                let folder = quote(&folder.to_string_lossy());
                return Err(Error::internal(format!("write in {folder}: {cause}")));
            }
        }
    }
    Ok(())
}

fn taken(folder: &Folder) -> Result<Vec<IpAddr>> {
    let names = folder.names()?;
    Ok(names.iter().filter_map(|name| name.parse::<IpAddr>().ok()).collect())
}

fn is_exhausted(set: &RangeSet, taken: &[IpAddr], folder: &Folder) -> bool {
    let capacity = set.capacity();
    // Most sets are larger than the whole store.
    if capacity > taken.len() as u128 {
        return false;
    }
    let of_set = |ip: &&IpAddr| set.find_range(**ip).is_some_and(|range| range.gateway != **ip);
    let taken: Vec<&IpAddr> = taken.iter().filter(of_set).collect();
    // Files may be empty, which leaves their addresses free.
    let is_taken = |ip: &&IpAddr| !folder.is_free(&ip.to_string()).unwrap_or(false);
    taken.len() as u128 >= capacity && taken.iter().all(is_taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::RangeConf;
    use cni_core::spec::json;

    #[test]
    fn a_set_is_exhausted_when_every_address_has_a_holder() {
        let dir = tempfile::tempdir().expect("a folder");
        let data_dir = dir.path().to_str().expect("text");
        let folder = Folder::ensure(data_dir, "net").expect("the store");
        let confs: Vec<RangeConf> = json::from_slice(
            br#"[{"subnet":"10.0.0.0/30"},{"subnet":"10.0.1.0/30","gateway":"10.0.1.2"}]"#,
        )
        .expect("good ranges");
        let set = RangeSet::new(&confs).expect("a good set");
        let now = || is_exhausted(&set, &taken(&folder).expect("listed"), &folder);
        #[expect(clippy::disallowed_methods, reason = "the test plays the reference")]
        let put = |name: &str, content: &str| {
            std::fs::write(folder.path().join(name), content).expect("written");
        };
        assert!(!now());
        for name in ["10.0.0.1", "10.0.0.2", "10.9.9.9"] {
            put(name, "x\r\neth0");
        }
        assert!(!now(), "gateways and others do not count");
        put("10.0.1.1", "");
        assert!(!now(), "an empty file is free");
        put("10.0.1.1", "x\r\neth0");
        assert!(now());
    }

    #[test]
    fn a_store_that_cannot_be_made_is_told() {
        assert_eq!(
            writable(Path::new("/proc/version/net")).expect_err("not a folder").msg,
            "write in \"/proc/version/net\": not a directory"
        );
    }
}
