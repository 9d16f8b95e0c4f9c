//! The kernels for x86-64: AVX-512 or AVX2 where the processor has it, SSE2 everywhere.
//!
//! No closures here: each would be a function of its own, not compiled for the processor.

#![expect(unsafe_code, reason = "vector instructions, and calls into functions compiled for them")]

mod avx512;

use std::arch::x86_64::{
    __m128i, __m256i, _mm_clmulepi64_si128, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_cvtsi128_si64,
    _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm256_cmpeq_epi8,
    _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
};
use std::sync::OnceLock;

pub(super) use avx512::Avx512;

use super::{BLOCK, Kernel, Masks, Rare, Work};
use crate::json::blocks::{Block, Carry, index};

/// Thirty-two bytes in a register. Made only by [`Avx2::detect`], so whoever holds one is on a processor
/// with AVX2, BMI and PCLMULQDQ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(());

/// Sixteen bytes in a register; every x86-64 processor has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sse2;

/// What this processor has.
#[derive(Clone, Copy, Debug)]
enum Best {
    Avx512(Avx512),
    Avx2(Avx2),
    Sse2,
}

#[inline]
pub(super) fn with_best<W: Work>(work: W) -> W::Output {
    // Looked at once per process.
    static BEST: OnceLock<Best> = OnceLock::new();
    match *BEST.get_or_init(Best::look) {
        // SAFETY: the value proves that the processor has the features `run_avx2` is compiled for. Only
        // the kernel's loop over blocks, a function of its own, gains from wider registers.
        Best::Avx512(kernel) => unsafe { run_avx2(work, kernel) },
        // SAFETY: as above.
        Best::Avx2(kernel) => unsafe { run_avx2(work, kernel) },
        Best::Sse2 => work.run(Sse2),
    }
}

impl Best {
    fn look() -> Self {
        let best = Avx512::detect().map(Self::Avx512);
        best.or_else(|| Avx2::detect().map(Self::Avx2)).unwrap_or(Self::Sse2)
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
fn run_avx2<W: Work>(work: W, kernel: impl Kernel) -> W::Output {
    work.run(kernel)
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
fn index_avx2(kernel: Avx2, document: &[u8], from: usize, blocks: &mut [Block], carry: &mut Carry) {
    index(kernel, document, from, blocks, carry);
}

impl Avx2 {
    /// The kernel, where the processor has it.
    pub(super) fn detect() -> Option<Self> {
        let there = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("pclmulqdq");
        there.then_some(Self(()))
    }

    #[inline(always)]
    fn halves(self, block: &[u8; BLOCK]) -> [__m256i; 2] {
        let start = block.as_ptr().cast::<__m256i>();
        // SAFETY: both unaligned loads lie within the 64 bytes of the block, and `self` proves AVX2.
        unsafe { [_mm256_loadu_si256(start), _mm256_loadu_si256(start.add(1))] }
    }

    #[inline(always)]
    fn equal(self, half: __m256i, byte: u8) -> __m256i {
        // SAFETY: registers only, and `self` proves AVX2.
        unsafe { _mm256_cmpeq_epi8(half, _mm256_set1_epi8(byte.cast_signed())) }
    }

    #[inline(always)]
    fn below(self, half: __m256i, bound: u8) -> __m256i {
        // SAFETY: registers only, and `self` proves AVX2.
        unsafe { _mm256_cmpgt_epi8(_mm256_set1_epi8(bound.cast_signed()), half) }
    }

    #[inline(always)]
    fn or(self, one: __m256i, two: __m256i) -> __m256i {
        // SAFETY: registers only, and `self` proves AVX2.
        unsafe { _mm256_or_si256(one, two) }
    }

    /// The top bit of each byte.
    #[inline(always)]
    fn tops(self, half: __m256i) -> u64 {
        // SAFETY: registers only, and `self` proves AVX2.
        u64::from(unsafe { _mm256_movemask_epi8(half) }.cast_unsigned())
    }

    #[inline(always)]
    fn bits(self, halves: [__m256i; 2]) -> u64 {
        let [low, high] = halves;
        self.tops(low) | self.tops(high) << 32
    }

    #[inline(always)]
    fn equal_bits(self, halves: [__m256i; 2], byte: u8) -> u64 {
        let [low, high] = halves;
        self.bits([self.equal(low, byte), self.equal(high, byte)])
    }

    #[inline(always)]
    fn splat(self, byte: u8) -> __m256i {
        // SAFETY: registers only, and `self` proves AVX2.
        unsafe { _mm256_set1_epi8(byte.cast_signed()) }
    }
}

impl Kernel for Avx2 {
    #[inline(always)]
    fn masks(self, block: &[u8; BLOCK]) -> Masks {
        let [one, two] = self.halves(block);
        // `{` and `[`, `}` and `]` differ in one bit.
        let folded = [self.or(one, self.splat(0x20)), self.or(two, self.splat(0x20))];
        // Compared as signed numbers, control characters and bytes above 0x7f are below 0x20.
        let odd = self.or(self.below(one, 0x20), self.below(two, 0x20));
        let escapes = self.or(self.equal(one, b'\\'), self.equal(two, b'\\'));
        Masks {
            quotes: self.equal_bits([one, two], b'"'),
            opens: self.equal_bits(folded, b'{'),
            closes: self.equal_bits(folded, b'}'),
            rare: self.tops(self.or(odd, escapes)) != 0,
        }
    }

    #[inline(always)]
    fn rare(self, block: &[u8; BLOCK]) -> Rare {
        let [one, two] = self.halves(block);
        let high = self.bits([one, two]);
        Rare {
            backslashes: self.equal_bits([one, two], b'\\'),
            controls: self.bits([self.below(one, 0x20), self.below(two, 0x20)]) & !high,
            high,
        }
    }

    #[inline]
    fn index(self, document: &[u8], from: usize, blocks: &mut [Block], carry: &mut Carry) {
        // SAFETY: `self` proves that the processor has the features `index_avx2` is compiled for.
        unsafe { index_avx2(self, document, from, blocks, carry) }
    }

    /// A product without carries with all ones is the running parity.
    #[inline(always)]
    fn prefix_xor(self, bits: u64) -> u64 {
        // SAFETY: registers only, and `self` proves PCLMULQDQ.
        unsafe {
            let bits = _mm_set_epi64x(0, bits.cast_signed());
            _mm_cvtsi128_si64(_mm_clmulepi64_si128::<0>(bits, _mm_set1_epi8(-1))).cast_unsigned()
        }
    }
}

impl Sse2 {
    #[inline(always)]
    fn quarters(self, block: &[u8; BLOCK]) -> [__m128i; 4] {
        let start = block.as_ptr().cast::<__m128i>();
        // SAFETY: the four unaligned loads lie within the 64 bytes of the block; SSE2 is part of x86-64.
        unsafe {
            [
                _mm_loadu_si128(start),
                _mm_loadu_si128(start.add(1)),
                _mm_loadu_si128(start.add(2)),
                _mm_loadu_si128(start.add(3)),
            ]
        }
    }

    /// The top bit of each byte.
    #[inline(always)]
    fn tops(self, quarter: __m128i) -> u64 {
        // SAFETY: registers only; SSE2 is part of x86-64.
        u64::from(unsafe { _mm_movemask_epi8(quarter) }.cast_unsigned())
    }

    #[inline(always)]
    fn bits(self, quarters: [__m128i; 4]) -> u64 {
        let [one, two, three, four] = quarters;
        self.tops(one) | self.tops(two) << 16 | self.tops(three) << 32 | self.tops(four) << 48
    }

    #[inline(always)]
    fn equal(self, quarter: __m128i, byte: u8) -> __m128i {
        // SAFETY: registers only; SSE2 is part of x86-64.
        unsafe { _mm_cmpeq_epi8(quarter, _mm_set1_epi8(byte.cast_signed())) }
    }

    #[inline(always)]
    fn equal_bits(self, quarters: [__m128i; 4], byte: u8) -> u64 {
        let [one, two, three, four] = quarters;
        let equal = [self.equal(one, byte), self.equal(two, byte), self.equal(three, byte)];
        let [one, two, three] = equal;
        self.bits([one, two, three, self.equal(four, byte)])
    }

    #[inline(always)]
    fn below(self, quarter: __m128i) -> __m128i {
        // SAFETY: registers only; SSE2 is part of x86-64.
        unsafe { _mm_cmplt_epi8(quarter, _mm_set1_epi8(0x20)) }
    }

    #[inline(always)]
    fn or(self, one: __m128i, two: __m128i) -> __m128i {
        // SAFETY: registers only; SSE2 is part of x86-64.
        unsafe { _mm_or_si128(one, two) }
    }

    /// Square brackets become curly ones.
    #[inline(always)]
    fn folded(self, quarter: __m128i) -> __m128i {
        // SAFETY: registers only; SSE2 is part of x86-64.
        self.or(quarter, unsafe { _mm_set1_epi8(0x20) })
    }
}

impl Kernel for Sse2 {
    #[inline(always)]
    fn masks(self, block: &[u8; BLOCK]) -> Masks {
        let [one, two, three, four] = self.quarters(block);
        // `{` and `[`, `}` and `]` differ in one bit.
        let folded = [self.folded(one), self.folded(two), self.folded(three), self.folded(four)];
        let odd =
            self.or(self.or(self.below(one), self.below(two)), self.or(self.below(three), self.below(four)));
        let escapes = self.or(
            self.or(self.equal(one, b'\\'), self.equal(two, b'\\')),
            self.or(self.equal(three, b'\\'), self.equal(four, b'\\')),
        );
        Masks {
            quotes: self.equal_bits([one, two, three, four], b'"'),
            opens: self.equal_bits(folded, b'{'),
            closes: self.equal_bits(folded, b'}'),
            rare: self.tops(self.or(odd, escapes)) != 0,
        }
    }

    #[inline(always)]
    fn rare(self, block: &[u8; BLOCK]) -> Rare {
        let [one, two, three, four] = self.quarters(block);
        let high = self.bits([one, two, three, four]);
        let below = [self.below(one), self.below(two), self.below(three), self.below(four)];
        Rare {
            backslashes: self.equal_bits([one, two, three, four], b'\\'),
            controls: self.bits(below) & !high,
            high,
        }
    }

    fn index(self, document: &[u8], from: usize, blocks: &mut [Block], carry: &mut Carry) {
        index(self, document, from, blocks, carry);
    }
}
