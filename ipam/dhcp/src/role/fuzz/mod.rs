//! What the daemon makes of anything that may come, for those who throw anything at it: cargo-fuzz
//! (folder `fuzz`), and a test that does so for a moment.

mod call;
#[cfg(test)]
mod mutation;
mod packet;
mod packet6;

pub use call::connection;
pub use packet::link;
pub use packet6::link6;

/// A script that is read step by step; it ends where there is nothing left.
struct Script<'s>(&'s [u8]);

impl<'s> Script<'s> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// What is written behind its length; less, when there is less.
    fn bytes(&mut self) -> Option<&'s [u8]> {
        let len = u16::from_be_bytes([self.byte()?, self.byte()?]);
        let (bytes, rest) = self.0.split_at(usize::from(len).min(self.0.len()));
        self.0 = rest;
        Some(bytes)
    }
}
