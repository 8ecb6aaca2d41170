//! What comes and goes through an attachment's sockets.

use std::net::Ipv4Addr;

use cni_core::Result;
use linux_net::PacketSocket;

use super::{Fate, Tenant};
use crate::client::{Destination, Message, arp, frame};
use crate::daemon::clock::now;

/// Room for a packet in bytes.
const PACKET_LEN: usize = 2048;

/// So many packets are looked at before others get their turn.
const PACKETS_AT_ONCE: usize = 32;

impl Tenant {
    /// Takes the packets that have come.
    pub(in crate::daemon) fn receive(&mut self) -> Fate {
        let mut buffer = [0; PACKET_LEN];
        for _ in 0..PACKETS_AT_ONCE {
            let Some(socket) = &self.socket else { break };
            // A link that is down is told once, and noticed by whatever is sent next.
            let Ok(Some(received)) = socket.receive(&mut buffer) else { break };
            let packet = buffer.get(..received.len).filter(|_| received.vlan.is_none());
            let message = packet
                .and_then(|packet| frame::unwrap(packet, received.has_checksum))
                .and_then(Message::decode);
            let Some(message) = message else { continue };
            let actions = self.client.receive(&message, received.from, now());
            match self.perform(actions) {
                Fate::Goes => {}
                fate => return fate,
            }
        }
        self.receive_from_neighbours()
    }

    fn receive_from_neighbours(&mut self) -> Fate {
        let mut buffer = [0; PACKET_LEN];
        for _ in 0..PACKETS_AT_ONCE {
            let (Some(watch), Some(tried)) = (&self.watch, self.client.tried()) else { break };
            let Ok(Some(received)) = watch.receive(&mut buffer) else { break };
            let packet = buffer.get(..received.len).filter(|_| received.vlan.is_none());
            let hardware = self.port.hardware();
            let rival = packet.and_then(|packet| arp::rival(packet, hardware.bytes(), tried));
            if let Some(rival) = rival {
                let actions = self.client.meet(rival, now());
                return self.perform(actions);
            }
        }
        Fate::Goes
    }

    pub(super) fn probe(&mut self, address: Ipv4Addr) -> Result<()> {
        if self.watch.is_none() {
            self.watch = Some(self.port.watch(address)?);
        }
        self.watch.iter().try_for_each(|watch| self.port.probe(watch, address))
    }

    pub(super) fn socket_to_send(&mut self) -> Result<()> {
        if self.socket.is_none() {
            self.socket = Some(self.port.listen()?);
        }
        Ok(())
    }

    pub(super) fn send(&self, message: &Message, to: Destination) -> Result<()> {
        match &self.socket {
            Some(socket) => self.port.send(socket, message, to),
            None => Ok(()),
        }
    }

    pub(super) fn close(&mut self) {
        let sockets = [self.socket.take(), self.watch.take()];
        self.hand_over(sockets);
    }

    pub(super) fn hand_over(&self, sockets: [Option<PacketSocket>; 2]) {
        for socket in sockets.into_iter().flatten() {
            // Without the thread it is closed here.
            let _ = self.closer.send(socket);
        }
    }
}
