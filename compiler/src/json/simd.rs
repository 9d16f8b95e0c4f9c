//! Sixty-four bytes at a time: where quotation marks and brackets stand.
//!
//! The idea of one bit per byte is that of simdjson (Langdale and Lemire, *Parsing Gigabytes of JSON per
//! Second*, 2019). A kernel is a value that exists only where the processor has what it needs, so
//! whoever holds one may use it.

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(any(test, not(target_arch = "x86_64")))]
pub(crate) use portable::Portable;

use super::blocks::{Block, Carry};

/// Bytes of a block.
pub(crate) const BLOCK: usize = 64;

/// What stands where in a block: bit `i` is byte `i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Masks {
    /// Quotation marks, escaped ones too.
    pub(crate) quotes: u64,
    /// `{` and `[`
    pub(crate) opens: u64,
    /// `}` and `]`
    pub(crate) closes: u64,
    /// Something of what [`Rare`] tells apart is in the block.
    pub(crate) rare: bool,
}

/// What most blocks have nothing of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rare {
    pub(crate) backslashes: u64,
    /// Bytes below 0x20.
    pub(crate) controls: u64,
    /// Bytes above 0x7f.
    pub(crate) high: u64,
}

/// How a processor looks at a block.
pub(crate) trait Kernel: Copy {
    fn masks(self, block: &[u8; BLOCK]) -> Masks;

    fn rare(self, block: &[u8; BLOCK]) -> Rare;

    /// Bit `i` is the parity of bits 0 to `i`.
    #[inline(always)]
    fn prefix_xor(self, bits: u64) -> u64 {
        let bits = bits ^ bits << 1;
        let bits = bits ^ bits << 2;
        let bits = bits ^ bits << 4;
        let bits = bits ^ bits << 8;
        let bits = bits ^ bits << 16;
        bits ^ bits << 32
    }

    /// [`index`](super::blocks::index), compiled for the processor.
    fn index(self, document: &[u8], from: usize, blocks: &mut [Block], carry: &mut Carry);
}

/// Something to be done with whatever kernel is the best here.
pub(crate) trait Work {
    type Output;

    /// Must be `#[inline(always)]`, so that it is compiled for the kernel's processor.
    fn run<K: Kernel>(self, kernel: K) -> Self::Output;
}

/// Does something with the best kernel of this processor.
#[inline]
pub(crate) fn with_best<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    return x86::with_best(work);
    #[cfg(not(target_arch = "x86_64"))]
    work.run(Portable)
}
