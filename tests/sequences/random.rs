//! Random numbers that can be had again.

use std::time::{SystemTime, UNIX_EPOCH};

/// A generator (xorshift64*) whose seed is printed.
pub struct Random(u64);

impl Random {
    /// Starts with the seed in `CNI_TEST_SEED`, or else with the time.
    #[expect(clippy::disallowed_methods, reason = "a test is repeated by its environment")]
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the epoch is over");
        let given = std::env::var("CNI_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or(now.as_nanos() as u64).max(1);
        println!("to repeat: CNI_TEST_SEED={seed}");
        Self(seed)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).expect("31 bits fit") % limit
    }
}
