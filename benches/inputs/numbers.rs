//! Numbers that look random and are the same every time.

/// A generator of numbers that gives the same ones every time (xorshift64*, Vigna 2016).
pub struct Numbers(u64);

impl Numbers {
    /// From a seed, which must not be 0.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound
    }
}
