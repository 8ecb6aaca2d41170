//! Packet sockets: UDP over IPv4, and ARP, on one link, which needs no address of its own for that.

use std::mem::{size_of, zeroed};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::{Error, Link, Mac, Netns, Result};

/// Which packets a [`PacketSocket`] sends and receives. The kernel drops all others before the process
/// hears of them.
#[derive(Debug, Clone)]
pub enum PacketFilter {
    /// UDP datagrams over IPv4 that are whole.
    Udp {
        /// The port they are sent to.
        port: u16,
        /// Words that their payload must have, by offset.
        words: Vec<(u32, u32)>,
    },
    /// ARP on Ethernet.
    Arp {
        /// The address that the sender has, or looks for.
        address: Ipv4Addr,
    },
}

/// A socket that sends and receives packets of one kind on one link, without waiting for any.
#[derive(Debug)]
pub struct PacketSocket {
    file: OwnedFd,
    index: u32,
    /// What is above the link, as in the header of Ethernet.
    protocol: u16,
    object: String,
}

/// A packet that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its length in bytes; more than the buffer has when it was cut off.
    pub len: usize,
    /// The hardware address that sent it; none on a link without such.
    pub from: Option<Mac>,
    /// Whether the checksum of its payload is filled in. It is not when the sender is on this
    /// machine and left it to a network card that the packet never reached.
    pub has_checksum: bool,
    /// The VLAN it was tagged with, in which the link has no part.
    pub vlan: Option<u16>,
}

/// The part of a hardware address that fits the kernel's structure.
const HARDWARE_LEN: usize = 8;

/// Protocol number of UDP in the header of IPv4.
const UDP: u32 = 17;

/// What a filter answers for a packet it takes: no packet is longer.
const WHOLE: u32 = 0x4_0000;

impl PacketSocket {
    /// Opens a socket on a link in `netns`.
    ///
    /// # Errors
    ///
    /// When the namespace cannot be entered, the link is missing, or the kernel refuses.
    pub fn open(netns: &Netns, link: &Link, filter: &PacketFilter) -> Result<Self> {
        let object = format!("a packet socket on link {:?}", link.name);
        let failed =
            |errno| Error::new("open", object.clone(), errno).with_namespace(Some(netns.path()));
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        // Without a protocol it receives nothing until it is bound: no packet passes unfiltered.
        let open = || socket(AddressFamily::Packet, SockType::Datagram, flags, None);
        let file = netns.run(open)?.map_err(failed)?;
        let (index, protocol) = (link.index, filter.protocol());
        let socket = Self { file, index, protocol, object: object.clone() };
        socket.attach(filter).map_err(failed)?;
        let on: libc::c_int = 1;
        socket.set(libc::SOL_PACKET, libc::PACKET_AUXDATA, &on).map_err(failed)?;
        socket.bind().map_err(failed)?;
        Ok(socket)
    }

    /// Sends a packet to a hardware address; none on a link without such.
    ///
    /// # Errors
    ///
    /// What the kernel refused, such as a link that is down.
    pub fn send(&self, packet: &[u8], to: Option<Mac>) -> Result<()> {
        let mut address = self.address();
        if let Some(mac) = to {
            let bytes = mac.as_bytes();
            let len = bytes.len().min(HARDWARE_LEN);
            address.sll_addr[..len].copy_from_slice(&bytes[..len]);
            address.sll_halen = len as u8;
        }
        #[expect(unsafe_code, reason = "nix makes no address of this family")]
        // SAFETY: the kernel reads the packet and the address within their lengths.
        let sent = unsafe {
            libc::sendto(
                self.file.as_raw_fd(),
                packet.as_ptr().cast(),
                packet.len(),
                0,
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        Errno::result(sent).map(drop).map_err(|errno| Error::new("send on", &*self.object, errno))
    }

    /// Takes the next packet that has come; `None` when there is none.
    ///
    /// # Errors
    ///
    /// What the kernel refused, such as a link that is down or gone.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Option<Received>> {
        loop {
            match self.receive_once(buffer) {
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Err(errno) => return Err(Error::new("receive from", &*self.object, errno)),
                Ok(received) => return Ok(Some(received)),
            }
        }
    }

    fn receive_once(&self, buffer: &mut [u8]) -> nix::Result<Received> {
        let mut from = self.address();
        let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // Aligned as the kernel's headers are, and larger than the one that comes.
        let mut control = [0_u64; 16];
        #[expect(unsafe_code, reason = "nix does not know what comes beside the packet")]
        // SAFETY: all zeros are a message header; the kernel writes into what it points to within
        // the lengths given, and the walk over the headers stays within what it wrote.
        unsafe {
            let mut message: libc::msghdr = zeroed();
            message.msg_name = (&raw mut from).cast();
            message.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            message.msg_iov = &raw mut part;
            message.msg_iovlen = 1;
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = size_of_val(&control) as _;
            let received = libc::recvmsg(self.file.as_raw_fd(), &raw mut message, libc::MSG_TRUNC);
            let len = Errno::result(received)?.unsigned_abs();
            let hardware = from.sll_addr.get(..usize::from(from.sll_halen));
            let mut received = Received {
                len,
                from: hardware.and_then(Mac::from_bytes).filter(|mac| !mac.is_zero()),
                has_checksum: true,
                vlan: None,
            };
            let mut header = libc::CMSG_FIRSTHDR(&raw const message);
            while let Some(found) = header.as_ref() {
                let kind = (found.cmsg_level, found.cmsg_type);
                if kind == (libc::SOL_PACKET, libc::PACKET_AUXDATA) {
                    let data = libc::CMSG_DATA(header).cast::<libc::tpacket_auxdata>();
                    received.add(&data.read_unaligned());
                }
                header = libc::CMSG_NXTHDR(&raw const message, header);
            }
            Ok(received)
        }
    }

    fn attach(&self, filter: &PacketFilter) -> nix::Result<()> {
        let mut program = filter.program();
        let program =
            libc::sock_fprog { len: program.len() as libc::c_ushort, filter: program.as_mut_ptr() };
        self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    fn set<T>(&self, level: libc::c_int, option: libc::c_int, value: &T) -> nix::Result<()> {
        #[expect(unsafe_code, reason = "nix does not have these options")]
        // SAFETY: the kernel reads one value of this type, and only during the call.
        let outcome = unsafe {
            libc::setsockopt(
                self.file.as_raw_fd(),
                level,
                option,
                (&raw const *value).cast(),
                size_of::<T>() as libc::socklen_t,
            )
        };
        Errno::result(outcome).map(drop)
    }

    fn bind(&self) -> nix::Result<()> {
        let address = self.address();
        #[expect(unsafe_code, reason = "nix makes no address of this family")]
        // SAFETY: the kernel reads one address of this length.
        let outcome = unsafe {
            libc::bind(
                self.file.as_raw_fd(),
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        Errno::result(outcome).map(drop)
    }

    /// The link, and nobody in particular on it.
    fn address(&self) -> libc::sockaddr_ll {
        libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as libc::c_ushort,
            sll_protocol: self.protocol.to_be(),
            sll_ifindex: self.index.cast_signed(),
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; HARDWARE_LEN],
        }
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Received {
    fn add(&mut self, beside: &libc::tpacket_auxdata) {
        let has = |flag: libc::__u32| beside.tp_status & flag != 0;
        self.has_checksum = !has(libc::TP_STATUS_CSUMNOTREADY);
        // Id 0 is a priority without a VLAN.
        let id = beside.tp_vlan_tci & 0x0fff;
        self.vlan = (has(libc::TP_STATUS_VLAN_VALID) && id != 0).then_some(id);
    }
}

impl PacketFilter {
    fn protocol(&self) -> u16 {
        match self {
            Self::Udp { .. } => libc::ETH_P_IP as u16,
            Self::Arp { .. } => libc::ETH_P_ARP as u16,
        }
    }

    /// The filter in the kernel's classic language (`linux/filter.h`); a packet begins with its own
    /// header.
    fn program(&self) -> Vec<libc::sock_filter> {
        match self {
            Self::Udp { port, words } => udp_program(*port, words),
            Self::Arp { address } => arp_program(*address),
        }
    }
}

fn udp_program(port: u16, words: &[(u32, u32)]) -> Vec<libc::sock_filter> {
    const HEADER_LEN: u32 = 8;

    let load_behind = |size, at| instruction(libc::BPF_LD | size | libc::BPF_IND, at);
    let mut program = vec![
        load(libc::BPF_B, 9),
        equal(UDP),
        // A fragment that is not the first has no header of UDP.
        load(libc::BPF_H, 6),
        instruction(BITS, 0x1fff),
        // The length of the header, which is where UDP begins.
        instruction(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0),
        load_behind(libc::BPF_H, 2),
        equal(port.into()),
    ];
    for (offset, value) in words {
        program.extend([load_behind(libc::BPF_W, HEADER_LEN + offset), equal(*value)]);
    }
    program.extend([answer(WHOLE), answer(0)]);
    let refusal = program.len() - 1;
    for (position, step) in program.iter_mut().enumerate() {
        let to_refusal = (refusal - position).saturating_sub(1) as u8;
        match u32::from(step.code) {
            EQUAL => step.jf = to_refusal,
            BITS => step.jt = to_refusal,
            _ => {}
        }
    }
    program
}

fn arp_program(address: Ipv4Addr) -> Vec<libc::sock_filter> {
    const LENGTHS_OF_ADDRESSES: u32 = 0x0604;
    let jump = |step, to_then, to_else| libc::sock_filter { jt: to_then, jf: to_else, ..step };
    vec![
        load(libc::BPF_H, 4),
        jump(equal(LENGTHS_OF_ADDRESSES), 0, 5),
        // The sender's address, and the one it looks for.
        load(libc::BPF_W, 14),
        jump(equal(address.to_bits()), 2, 0),
        load(libc::BPF_W, 24),
        jump(equal(address.to_bits()), 0, 1),
        answer(WHOLE),
        answer(0),
    ]
}

const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ;
const BITS: u32 = libc::BPF_JMP | libc::BPF_JSET;

fn load(size: u32, at: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | size | libc::BPF_ABS, at)
}

fn equal(value: u32) -> libc::sock_filter {
    instruction(EQUAL, value)
}

fn answer(len: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, len)
}

fn instruction(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_jumps_to_the_refusal() {
        let program = PacketFilter::Udp { port: 68, words: vec![(4, 7)] }.program();
        let shown: Vec<_> = program.iter().map(|s| (s.code, s.jt, s.jf, s.k)).collect();
        assert_eq!(
            shown,
            [
                (0x30, 0, 0, 9),
                (0x15, 0, 8, 17),
                (0x28, 0, 0, 6),
                (0x45, 6, 0, 0x1fff),
                (0xb1, 0, 0, 0),
                (0x48, 0, 0, 2),
                (0x15, 0, 3, 68),
                (0x40, 0, 0, 12),
                (0x15, 0, 1, 7),
                (0x06, 0, 0, 0x4_0000),
                (0x06, 0, 0, 0),
            ]
        );
    }
}
