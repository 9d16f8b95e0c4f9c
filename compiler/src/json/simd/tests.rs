//! Every kernel sees the same as a loop over bytes.

use super::*;

fn expected(block: &[u8; BLOCK]) -> (Masks, Rare) {
    let bits = |fits: &dyn Fn(u8) -> bool| {
        block.iter().zip(0..).filter(|&(&byte, _)| fits(byte)).fold(0, |bits, (_, at)| bits | 1_u64 << at)
    };
    let rare = Rare {
        backslashes: bits(&|byte| byte == b'\\'),
        controls: bits(&|byte| byte < 0x20),
        high: bits(&|byte| byte > 0x7f),
    };
    let masks = Masks {
        quotes: bits(&|byte| byte == b'"'),
        opens: bits(&|byte| matches!(byte, b'{' | b'[')),
        closes: bits(&|byte| matches!(byte, b'}' | b']')),
        rare: rare.backslashes | rare.controls | rare.high != 0,
    };
    (masks, rare)
}

fn check(kernel: impl Kernel, block: &[u8; BLOCK]) {
    let (masks, rare) = expected(block);
    assert_eq!(kernel.masks(block), masks, "{block:?}");
    assert_eq!(kernel.rare(block), rare, "{block:?}");
    let parity = (0..64).fold((0, false), |(bits, odd), at| {
        let odd = odd ^ (masks.quotes >> at & 1 == 1);
        (bits | u64::from(odd) << at, odd)
    });
    assert_eq!(kernel.prefix_xor(masks.quotes), parity.0, "{block:?}");
}

fn check_all(block: &[u8; BLOCK]) {
    check(Portable, block);
    #[cfg(target_arch = "x86_64")]
    {
        check(x86::Sse2, block);
        x86::Avx2::detect().into_iter().for_each(|kernel| check(kernel, block));
        x86::Avx512::detect().into_iter().for_each(|kernel| check(kernel, block));
    }
}

#[test]
fn kernels_agree_on_every_byte_at_every_place() {
    for byte in 0..=u8::MAX {
        for at in 0..BLOCK {
            let mut block = [b'a'; BLOCK];
            block[at] = byte;
            check_all(&block);
        }
    }
}

#[test]
fn kernels_agree_on_blocks_full_of_everything() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let favourites = b"\"\\{}[],:\n\x1f\x20\x7f\x80\xff!#;<>|~azAZ";
    for _ in 0..20_000 {
        let mut block = [0; BLOCK];
        for byte in &mut block {
            let number = next();
            *byte = match number % 3 {
                0 => (number >> 8) as u8,
                _ => favourites[(number >> 8) as usize % favourites.len()],
            };
        }
        check_all(&block);
    }
}
