//! The kernel for AVX-512: a comparison of 64 bytes gives its 64 bits at once.

use std::arch::x86_64::{
    __m512i, _mm512_cmpeq_epi8_mask, _mm512_cmplt_epi8_mask, _mm512_loadu_si512, _mm512_movepi8_mask,
    _mm512_or_si512, _mm512_set1_epi8,
};

use super::{Avx2, BLOCK, Block, Carry, Kernel, Masks, Rare, index};

/// Sixty-four bytes in a register. Made only by [`Avx512::detect`], so whoever holds one is on a
/// processor with AVX-512F and AVX-512BW, and with all that [`Avx2`] proves.
#[derive(Clone, Copy, Debug)]
pub(in crate::json::simd) struct Avx512(Avx2);

#[target_feature(enable = "avx512f,avx512bw,avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
fn index_avx512(kernel: Avx512, document: &[u8], from: usize, blocks: &mut [Block], carry: &mut Carry) {
    index(kernel, document, from, blocks, carry);
}

impl Avx512 {
    /// The kernel, where the processor has it.
    #[inline]
    pub(in crate::json::simd) fn detect() -> Option<Self> {
        let there = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        Avx2::detect().filter(|_| there).map(Self)
    }

    #[inline(always)]
    fn load(self, block: &[u8; BLOCK]) -> __m512i {
        // SAFETY: the unaligned load is the 64 bytes of the block, and `self` proves AVX-512F.
        unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
    }

    #[inline(always)]
    fn splat(self, byte: u8) -> __m512i {
        // SAFETY: registers only, and `self` proves AVX-512F.
        unsafe { _mm512_set1_epi8(byte.cast_signed()) }
    }

    #[inline(always)]
    fn equal(self, bytes: __m512i, byte: u8) -> u64 {
        // SAFETY: registers only, and `self` proves AVX-512BW.
        unsafe { _mm512_cmpeq_epi8_mask(bytes, self.splat(byte)) }
    }

    /// Compared as signed numbers: bytes above 0x7f are below everything.
    #[inline(always)]
    fn below(self, bytes: __m512i, bound: u8) -> u64 {
        // SAFETY: registers only, and `self` proves AVX-512BW.
        unsafe { _mm512_cmplt_epi8_mask(bytes, self.splat(bound)) }
    }
}

impl Kernel for Avx512 {
    #[inline(always)]
    fn masks(self, block: &[u8; BLOCK]) -> Masks {
        let bytes = self.load(block);
        // `{` and `[`, `}` and `]` differ in one bit.
        // SAFETY: registers only, and `self` proves AVX-512F.
        let folded = unsafe { _mm512_or_si512(bytes, self.splat(0x20)) };
        Masks {
            quotes: self.equal(bytes, b'"'),
            opens: self.equal(folded, b'{'),
            closes: self.equal(folded, b'}'),
            rare: self.below(bytes, 0x20) | self.equal(bytes, b'\\') != 0,
        }
    }

    #[inline(always)]
    fn rare(self, block: &[u8; BLOCK]) -> Rare {
        let bytes = self.load(block);
        // SAFETY: registers only, and `self` proves AVX-512BW.
        let high = unsafe { _mm512_movepi8_mask(bytes) };
        Rare { backslashes: self.equal(bytes, b'\\'), controls: self.below(bytes, 0x20) & !high, high }
    }

    #[inline(always)]
    fn prefix_xor(self, bits: u64) -> u64 {
        self.0.prefix_xor(bits)
    }

    #[inline]
    fn index(self, document: &[u8], from: usize, blocks: &mut [Block], carry: &mut Carry) {
        // SAFETY: `self` proves that the processor has the features `index_avx512` is compiled for.
        unsafe { index_avx512(self, document, from, blocks, carry) }
    }
}
