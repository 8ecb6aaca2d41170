//! Devices and their network interfaces as `/sys` shows them.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use cni_core::spec::error::io_cause;
use cni_core::{Error, Result, quote};

/// A mounted sysfs; the interfaces in it are those of the namespace it was mounted in.
pub(crate) struct Sysfs(PathBuf);

/// A bus whose devices have ids.
#[derive(Clone, Copy)]
pub(crate) enum Bus {
    Pci,
    Auxiliary,
}

impl Default for Sysfs {
    fn default() -> Self {
        Self::at("/sys")
    }
}

impl Sysfs {
    /// The sysfs mounted at `root`.
    pub(crate) fn at(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// Tells whether a bus has a device of this id.
    pub(crate) fn has(&self, bus: Bus, id: &str) -> bool {
        is_file_name(id) && self.device(bus, id).exists()
    }

    /// The name of a PCI device's driver.
    ///
    /// # Errors
    ///
    /// When there is no such device, or no driver: where the way to it ends.
    pub(crate) fn driver(&self, address: &str) -> Result<String> {
        let device = self.device(Bus::Pci, address);
        if !is_file_name(address) {
            return Err(Error::internal(format!(
                "error with host device: lstat {}: no such file or directory",
                device.display()
            )));
        }
        let link = device.join("driver");
        let driver = fs::canonicalize(&link).map_err(|error| {
            let (end, cause) = (end_of_way(&link), io_cause(&error));
            Error::internal(format!("error with host device: lstat {}: {cause}", end.display()))
        })?;
        Ok(driver.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }

    /// The interface of a PCI device, or of the virtio device on it.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub(crate) fn pci_interface(&self, address: &str) -> Result<String> {
        let device = self.device(Bus::Pci, address);
        let own = device.join("net");
        if own.exists() {
            return first_interface(&own);
        }
        let virtio = file_names(&device).unwrap_or_default().into_iter();
        let mut directories = virtio
            .filter(|name| name.starts_with("virtio"))
            .map(|name| device.join(name).join("net"));
        match directories.find(|directory| directory.exists()) {
            Some(directory) => first_interface(&directory),
            None => Err(Error::internal(format!("no net directory under pci device {address}"))),
        }
    }

    /// The interface of an auxiliary device, for example a sub-function of a network card.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub(crate) fn auxiliary_interface(&self, id: &str) -> Result<String> {
        first_interface(&self.device(Bus::Auxiliary, id).join("net"))
    }

    fn device(&self, bus: Bus, id: &str) -> PathBuf {
        let bus = match bus {
            Bus::Pci => "pci",
            Bus::Auxiliary => "auxiliary",
        };
        self.0.join("bus").join(bus).join("devices").join(id)
    }
}

/// The interface of the device whose folder this is.
///
/// # Errors
///
/// When the path leads elsewhere, or the device has no interface.
pub(crate) fn interface_at(path: &str) -> Result<String> {
    if !path.starts_with("/sys/devices/") {
        return Err(Error::internal(format!(
            "kernel device path {} must be absolute and begin with /sys/devices/",
            quote(path)
        )));
    }
    first_interface(&cleaned(path).join("net"))
}

/// The first name in a folder `net`, by its bytes: a device may have several interfaces.
fn first_interface(directory: &Path) -> Result<String> {
    let shown = directory.display();
    let names = file_names(directory).map_err(|error| {
        let cause = format!("open {shown}: {}", io_cause(&error));
        Error::internal(format!("failed to read directory {shown}: {}", quote(&cause)))
    })?;
    names
        .into_iter()
        .next()
        .ok_or_else(|| Error::internal(format!("failed to find network device in path {shown}")))
}

/// The names in a folder in the order of their bytes.
fn file_names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Whether a text is the name of a file, and leads nowhere else.
fn is_file_name(text: &str) -> bool {
    !text.contains('/') && text != "." && text != ".."
}

/// The path without `.` and `..`, wherever links may lead: what the user reads is what is meant.
fn cleaned(path: &str) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in Path::new(path).components() {
        if component == Component::ParentDir {
            cleaned.pop();
        } else {
            cleaned.push(component);
        }
    }
    cleaned
}

/// The first part of the way along `path` that does not exist, every link before it followed.
fn end_of_way(path: &Path) -> PathBuf {
    let mut way = PathBuf::new();
    for component in path.components() {
        let next = way.join(component);
        match (fs::canonicalize(&next), fs::read_link(&next)) {
            (Ok(real), _) => way = real,
            (Err(error), Ok(target)) if error.kind() == io::ErrorKind::NotFound => {
                return end_of_way(&way.join(target));
            }
            (Err(_), _) => return next,
        }
    }
    way
}
