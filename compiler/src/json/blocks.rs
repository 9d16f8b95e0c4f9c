//! A walk over the quotation marks and brackets of a document.
//!
//! First every block says where they stand, in a loop of its own; then the walk goes from one to the next.
//! What the walk does not like it answers with `None`: whoever walks then reads the document with the
//! [scanner](super::Scanner), which says what is wrong and where, or finds that it is right after all.

use super::DEPTH_MAX;
use super::simd::{BLOCK, Kernel, Masks, Rare};

/// What stands in a block: bit `i` is byte `i`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Block {
    /// Quotation marks around strings, and brackets outside of them.
    tokens: u64,
    opens: u64,
    closes: u64,
}

/// What goes on from one block to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Carry {
    /// All ones inside a string.
    inside: u64,
    /// 1 when the next byte is escaped.
    escaped: u64,
    seen: Seen,
    /// A control character stood in a string.
    broken: bool,
}

/// What has been met so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// A backslash.
    pub(crate) backslash: bool,
    /// A byte above 0x7f.
    pub(crate) high: bool,
}

/// Says what stands in the blocks of a document from block number `from` on, as many as `blocks` has.
#[inline(always)]
pub(crate) fn index<K: Kernel>(
    kernel: K,
    document: &[u8],
    from: usize,
    blocks: &mut [Block],
    carry: &mut Carry,
) {
    let mut now = *carry;
    let (whole, rest) = document.as_chunks::<BLOCK>();
    let mut places = blocks.iter_mut();
    for block in whole.get(from..).unwrap_or_default() {
        let Some(place) = places.next() else { break };
        *place = now.take(kernel, block, 0);
    }
    if let Some(place) = places.next()
        && !rest.is_empty()
    {
        *place = match document.last_chunk() {
            // The last 64 bytes, of which the first have been looked at already.
            Some(block) => now.take(kernel, block, (BLOCK - rest.len()) as u32),
            None => {
                let mut block = [b' '; BLOCK];
                block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                now.take(kernel, &block, 0)
            }
        };
    }
    *carry = now;
}

impl Carry {
    #[inline(always)]
    fn take<K: Kernel>(&mut self, kernel: K, block: &[u8; BLOCK], behind: u32) -> Block {
        let Masks { quotes, opens, closes, rare } = kernel.masks(block);
        let mut quotes = quotes >> behind;
        let mut controls = 0;
        if rare || self.escaped != 0 {
            let rare = kernel.rare(block);
            quotes &= !self.rare(rare, behind);
            controls = rare.controls >> behind;
        }
        let inside = kernel.prefix_xor(quotes) ^ self.inside;
        self.inside = (inside.cast_signed() >> 63).cast_unsigned();
        self.broken |= controls & inside != 0;
        let (opens, closes) = (opens >> behind & !inside, closes >> behind & !inside);
        Block { tokens: quotes | opens | closes, opens, closes }
    }

    /// Notes what is rare; gives the bytes that a backslash before them makes harmless.
    #[inline(always)]
    fn rare(&mut self, rare: Rare, behind: u32) -> u64 {
        self.seen.high |= rare.high != 0;
        let backslashes = rare.backslashes >> behind;
        if backslashes == 0 {
            return std::mem::take(&mut self.escaped);
        }
        self.seen.backslash = true;
        // A run of backslashes escapes what follows it when its length is odd. Adding the runs that start
        // at odd places to all of them carries to their ends.
        const EVEN: u64 = 0x5555_5555_5555_5555;
        let backslashes = backslashes & !self.escaped;
        let follows = backslashes << 1 | self.escaped;
        let starts_odd = backslashes & !EVEN & !follows;
        let (ends, carry) = starts_odd.overflowing_add(backslashes);
        self.escaped = u64::from(carry);
        (EVEN ^ (ends << 1)) & follows
    }
}

/// A position in a document.
///
/// Nothing that is not inlined may be handed a reference to it: what is in it stays in registers.
pub(crate) struct Blocks<'b, 'e, K> {
    kernel: K,
    bytes: &'e [u8],
    looked: &'b mut Looked,
    /// The number of the block.
    at: usize,
    /// What of the block is still ahead.
    tokens: u64,
}

/// What has been looked at: memory for walks.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    blocks: Vec<Block>,
    carry: Carry,
}

/// How far to look ahead at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// To the end.
    All,
    /// As far as something near the beginning may stand.
    Some,
}

/// The blocks that are looked at first when what is looked for may stand near the beginning.
const AHEAD: usize = 4;

impl<'b, 'e, K: Kernel> Blocks<'b, 'e, K> {
    /// At the beginning of a document; `None` when it is empty or a string holds control characters.
    #[inline(always)]
    pub(crate) fn new(kernel: K, bytes: &'e [u8], looked: &'b mut Looked, ahead: Ahead) -> Option<Self> {
        looked.blocks.clear();
        looked.carry = Carry::default();
        looked.look(kernel, bytes, if ahead == Ahead::All { usize::MAX } else { AHEAD })?;
        let tokens = looked.blocks.first()?.tokens;
        Some(Self { kernel, bytes, looked, at: 0, tokens })
    }

    #[inline(always)]
    pub(crate) fn seen(&self) -> Seen {
        self.looked.carry.seen
    }

    /// The byte at a place; 0 behind the end.
    #[inline(always)]
    pub(crate) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The first place from `at` on without white space.
    #[inline(always)]
    pub(crate) fn past_space(&self, at: usize) -> usize {
        if self.byte(at) > b' ' { at } else { past_space(self.bytes, at) }
    }

    /// The next quotation mark or bracket.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<usize> {
        while self.tokens == 0 {
            self.tokens = self.turn()?.tokens;
        }
        let at = self.at.wrapping_mul(BLOCK).wrapping_add(self.tokens.trailing_zeros() as usize);
        self.tokens &= self.tokens.wrapping_sub(1);
        Some(at)
    }

    /// Passes over a container whose bracket was the last token, and which stands inside `depth` others.
    /// Gives the place of its closing bracket. `None` when there is none, or too many containers are
    /// inside each other, or perhaps are.
    #[inline(always)]
    pub(crate) fn skip(&mut self, depth: u32) -> Option<usize> {
        let mut block = *self.looked.blocks.get(self.at)?;
        let (mut opens, mut closes) = (block.opens & self.tokens, block.closes & self.tokens);
        let mut open = 1_u32;
        loop {
            let (opened, closed) = (opens.count_ones(), closes.count_ones());
            if depth.wrapping_add(open).wrapping_add(opened) > DEPTH_MAX {
                return None;
            }
            // As long as fewer close than are open, the end is not here.
            if closed >= open
                && let Some(bit) = end(opens, closes, open)
            {
                self.tokens = block.tokens & (u64::MAX << bit << 1);
                return Some(self.at.wrapping_mul(BLOCK).wrapping_add(bit as usize));
            }
            open = open.wrapping_add(opened).wrapping_sub(closed);
            block = self.turn()?;
            (opens, closes) = (block.opens, block.closes);
        }
    }

    /// Goes on behind something that was read in another way; `at` is not behind the next token.
    #[inline(always)]
    pub(crate) fn resume(&mut self, at: usize) -> Option<()> {
        while self.at < at / BLOCK {
            self.tokens = self.turn()?.tokens;
        }
        self.tokens &= u64::MAX << (at % BLOCK);
        Some(())
    }

    /// The next block.
    #[inline(always)]
    fn turn(&mut self) -> Option<Block> {
        self.at = self.at.wrapping_add(1);
        if let Some(block) = self.looked.blocks.get(self.at) {
            return Some(*block);
        }
        self.looked.look(self.kernel, self.bytes, usize::MAX)?;
        self.looked.blocks.get(self.at).copied()
    }
}

impl Looked {
    /// Looks at up to so many more blocks; `None` when there are none, or a string is broken.
    #[inline(never)]
    fn look<K: Kernel>(&mut self, kernel: K, document: &[u8], more: usize) -> Option<()> {
        let had = self.blocks.len();
        let count = document.len().div_ceil(BLOCK).min(had.saturating_add(more));
        self.blocks.resize(count, Block::default());
        let new = self.blocks.get_mut(had..).filter(|new| !new.is_empty())?;
        kernel.index(document, had, new, &mut self.carry);
        (!self.carry.broken).then_some(())
    }
}

#[inline(never)]
fn past_space(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count()
}

/// The bit of the bracket that closes the last of `open` containers.
#[inline(always)]
fn end(opens: u64, mut closes: u64, open: u32) -> Option<u32> {
    let mut closed = 0_u32;
    while closes != 0 {
        let bit = closes.trailing_zeros();
        closed = closed.wrapping_add(1);
        if (opens & (1_u64 << bit).wrapping_sub(1)).count_ones().wrapping_add(open) == closed {
            return Some(bit);
        }
        closes &= closes.wrapping_sub(1);
    }
    None
}
