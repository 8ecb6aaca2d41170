//! tap devices: Ethernet whose other end is a process; made through `/dev/net/tun`, not netlink.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::tap_order;
use crate::errno_text::errno_text;
use crate::{Error, IfName, LinkRef, Netns, Result};

/// A persistent tap device to make; it is down and without carrier until a process opens it.
#[derive(Debug, Clone, Copy)]
pub struct Tap<'a> {
    /// Its name.
    pub name: &'a IfName,
    /// Whether a process may open it several times, for parallel queues.
    pub multi_queue: bool,
    /// Whether each packet is preceded by `struct tun_pi`.
    pub packet_info: bool,
    /// Whether each packet is preceded by `struct virtio_net_hdr`.
    pub vnet_header: bool,
    /// The user who may open it; none: whoever may configure the network.
    pub owner: Option<u32>,
    /// The group who may open it; none: as above.
    pub group: Option<u32>,
}

/// The driver of all tap devices.
const DRIVER: &str = "/dev/net/tun";

/// What a refused [`set_interface`] is called.
pub(super) const SET_INTERFACE: &str = "Tuntap IOCTL TUNSETIFF failed [0]";

/// What was refused, in the words of the reference, and why.
pub(super) type Refused = (&'static str, Errno);

fn open_driver() -> nix::Result<OwnedFd> {
    open(DRIVER, OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
}

impl Tap<'_> {
    /// Opens the driver, to see whether tap devices can be made at all.
    ///
    /// # Errors
    ///
    /// When the driver is missing or may not be opened.
    pub fn probe() -> Result<()> {
        open_driver().map(drop).map_err(|errno| Error::new("open", DRIVER, errno))
    }

    /// Creates the device in `netns`. Nothing is left of it after an error.
    ///
    /// # Errors
    ///
    /// `is_present()` when any link there has that name; else what the kernel refused.
    pub fn create_in(&self, netns: &Netns) -> Result<()> {
        self.create_with(netns, |file| {
            set_interface(file, self.name, self.flags()).map_err(|errno| (SET_INTERFACE, errno))
        })
    }

    /// Does the same through another process of this executable, for the sake of the SELinux
    /// context that processes started by this thread get; see [`obey_tap_order`](crate::obey_tap_order).
    ///
    /// # Errors
    ///
    /// The same, and when no process can be started.
    pub fn create_by_another_process(&self, netns: &Netns) -> Result<()> {
        self.create_with(netns, |file| tap_order::give(file, self.name, self.flags()))
    }

    fn create_with(
        &self,
        netns: &Netns,
        make: impl FnOnce(&OwnedFd) -> std::result::Result<(), Refused>,
    ) -> Result<()> {
        let refusal = |errno| {
            Error::new("create tap as", LinkRef::from(self.name).to_string(), errno)
                .with_namespace(Some(netns.path()))
        };
        let named = |call: &'static str| {
            move |errno| refusal(errno).with_short(format!("{call}, errno {}", errno_text(errno)))
        };
        fault_point::effect("create tap as").map_err(|_| refusal(Errno::EIO))?;
        // The device belongs to the namespace in which the file is opened.
        let file = netns.run(open_driver)?.map_err(refusal)?;
        make(&file).map_err(|(call, errno)| match errno {
            Errno::EBUSY => refusal(Errno::EEXIST),
            errno => named(call)(errno),
        })?;
        if let Some(owner) = self.owner {
            set(&file, libc::TUNSETOWNER, owner)
                .map_err(named("Tuntap IOCTL TUNSETOWNER failed [0]"))?;
        }
        if let Some(group) = self.group {
            set(&file, libc::TUNSETGROUP, group)
                .map_err(named("Tuntap IOCTL TUNSETGROUP failed [0]"))?;
        }
        // Until here the device vanishes with the descriptor.
        set(&file, libc::TUNSETPERSIST, 1).map_err(named("Tuntap IOCTL TUNSETPERSIST failed"))
    }

    fn flags(&self) -> libc::c_int {
        let mut flags = libc::IFF_TAP | libc::IFF_TUN_EXCL;
        for (is_on, flag) in [
            (self.multi_queue, libc::IFF_MULTI_QUEUE),
            (!self.packet_info, libc::IFF_NO_PI),
            (self.vnet_header, libc::IFF_VNET_HDR),
        ] {
            if is_on {
                flags |= flag;
            }
        }
        flags
    }
}

/// Makes the device and attaches `file` to it (`TUNSETIFF`); `EBUSY` when the name is taken.
pub(super) fn set_interface(
    file: &impl AsRawFd,
    name: &IfName,
    flags: libc::c_int,
) -> nix::Result<()> {
    let mut ifr_name = [0; libc::IFNAMSIZ];
    for (to, from) in ifr_name.iter_mut().zip(name.as_str().bytes()) {
        *to = from as libc::c_char;
    }
    // IFF_TUN_EXCL is the sixteenth bit of a signed number.
    let ifr_ifru = libc::__c_anonymous_ifr_ifru { ifru_flags: flags as libc::c_short };
    let mut request = libc::ifreq { ifr_name, ifr_ifru };
    #[expect(unsafe_code, reason = "nix has no requests for tap devices")]
    // SAFETY: the kernel reads and writes one ifreq, and only during the call.
    let outcome = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    Errno::result(outcome).map(drop)
}

/// Sets one property of the device `file` is attached to.
fn set(file: &OwnedFd, property: libc::Ioctl, value: u32) -> nix::Result<()> {
    let value = libc::c_ulong::from(value);
    #[expect(unsafe_code, reason = "nix has no requests for tap devices")]
    // SAFETY: the properties set here are passed by value; the kernel touches no memory.
    let outcome = unsafe { libc::ioctl(file.as_raw_fd(), property, value) };
    Errno::result(outcome).map(drop)
}
