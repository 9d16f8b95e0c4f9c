//! The kernel for any processor: eight bytes in a word.

use super::{BLOCK, Kernel, Masks, Rare};
use crate::json::blocks::{Block, Carry, index};

/// Works everywhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

impl Kernel for Portable {
    #[inline(always)]
    fn masks(self, block: &[u8; BLOCK]) -> Masks {
        let mut masks = Masks { quotes: 0, opens: 0, closes: 0, rare: false };
        each_word(block, |word, shift| {
            // `{` and `[`, `}` and `]` differ in one bit.
            let folded = word | (ONES * 0x20);
            masks.quotes |= equal(word, b'"') << shift;
            masks.opens |= equal(folded, b'{') << shift;
            masks.closes |= equal(folded, b'}') << shift;
            masks.rare |= equal(word, b'\\') | controls(word) | gather(word & TOPS) != 0;
        });
        masks
    }

    #[inline(always)]
    fn rare(self, block: &[u8; BLOCK]) -> Rare {
        let mut rare = Rare { backslashes: 0, controls: 0, high: 0 };
        each_word(block, |word, shift| {
            rare.backslashes |= equal(word, b'\\') << shift;
            rare.controls |= controls(word) << shift;
            rare.high |= gather(word & TOPS) << shift;
        });
        rare
    }

    fn index(self, document: &[u8], from: usize, blocks: &mut [Block], carry: &mut Carry) {
        index(self, document, from, blocks, carry);
    }
}

#[inline(always)]
fn each_word(block: &[u8; BLOCK], mut see: impl FnMut(u64, u32)) {
    let (words, _) = block.as_chunks::<8>();
    for (word, at) in words.iter().zip(0..) {
        see(u64::from_le_bytes(*word), at * 8);
    }
}

/// A bit per byte that equals.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    let other = word ^ (ONES * u64::from(byte));
    // Adding to the low seven bits cannot carry into the next byte; what has no bit at all is equal.
    gather(!(((other & !TOPS) + !TOPS) | other) & TOPS)
}

/// A bit per byte below 0x20.
#[inline(always)]
fn controls(word: u64) -> u64 {
    gather(!(((word & !TOPS) + ONES * 0x60) | word) & TOPS)
}

/// The top bits of eight bytes side by side.
#[inline(always)]
fn gather(tops: u64) -> u64 {
    (tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}
