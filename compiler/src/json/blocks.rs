//! A walk from bracket to bracket of a document, with the strings between them.
//!
//! First every block says where they stand, in a loop of its own; then the walk goes from one to the next.
//! What the walk does not like it answers with `None`: whoever walks then reads the document with the
//! [scanner](super::Scanner), which says what is wrong and where, or finds that it is right after all.

use super::DEPTH_MAX;
use super::simd::{BLOCK, Kernel, Masks, Rare};

/// What stands in a block: bit `i` is byte `i`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Block {
    /// Quotation marks that begin a string.
    starts: u64,
    /// Quotation marks that end one.
    ends: u64,
    /// `{` and `[` outside of strings.
    opens: u64,
    /// `}` and `]` outside of strings.
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
        Block { starts: quotes & inside, ends: quotes & !inside, opens, closes }
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

/// A position in what has been looked at of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks<'b> {
    /// What was looked at, from the beginning on, and one empty block.
    blocks: &'b [Block],
    /// The number of the block.
    at: usize,
    /// The brackets of the block that are still ahead.
    ahead: u64,
}

/// What has been looked at: memory for walks.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// Of which the first `count` are about this document.
    blocks: Vec<Block>,
    count: usize,
    carry: Carry,
}

/// The longest name whose places are found without going from string to string.
const NAME_MAX: u32 = 62;

impl<'b> Blocks<'b> {
    /// The next bracket, as far as was looked.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<usize> {
        while self.ahead == 0 {
            let next = self.at.wrapping_add(1);
            let block = self.blocks.get(next)?;
            self.at = next;
            self.ahead = block.opens | block.closes;
        }
        let at = self.at.wrapping_mul(BLOCK).wrapping_add(self.ahead.trailing_zeros() as usize);
        self.ahead &= self.ahead.wrapping_sub(1);
        Some(at)
    }

    /// Every string that begins before this and has a name's length ends where was looked.
    #[inline(always)]
    pub(crate) fn near(&self) -> usize {
        self.blocks.len().saturating_sub(2).wrapping_mul(BLOCK)
    }

    /// Passes over a container whose bracket was the last one, and which stands inside `depth` others.
    /// Gives the place of its closing bracket. `None` when there is none, or too many containers are
    /// inside each other, or perhaps are.
    #[inline(always)]
    pub(crate) fn skip(&mut self, depth: u32) -> Option<usize> {
        let mut rest = self.blocks.get(self.at..)?.iter();
        let mut block = rest.next()?;
        let (mut opens, mut closes) = (block.opens & self.ahead, block.closes & self.ahead);
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
                self.at = self.blocks.len().wrapping_sub(rest.as_slice().len()).wrapping_sub(1);
                self.ahead = (block.opens | block.closes) & (u64::MAX << bit << 1);
                return Some(self.at.wrapping_mul(BLOCK).wrapping_add(bit as usize));
            }
            open = open.wrapping_add(opened).wrapping_sub(closed);
            block = rest.next()?;
            (opens, closes) = (block.opens, block.closes);
        }
    }

    /// Goes on behind something that was read in another way; `at` is not behind the next bracket.
    #[inline(always)]
    pub(crate) fn resume(&mut self, at: usize) -> Option<()> {
        let number = at / BLOCK;
        if self.at < number {
            let block = self.blocks.get(number)?;
            self.at = number;
            self.ahead = block.opens | block.closes;
        }
        self.ahead &= u64::MAX << (at % BLOCK);
        Some(())
    }

    /// The blocks from number `first` to number `last`, each with the one behind it.
    #[inline(always)]
    pub(crate) fn pairs(
        &self,
        first: usize,
        last: usize,
    ) -> Option<impl Iterator<Item = Pair<'b>> + use<'b>> {
        let blocks = self.blocks.get(first..last.wrapping_add(2))?;
        Some(blocks.array_windows().map(|[block, next]| Pair { block, next }))
    }

    /// Where the string ends that begins at `start`.
    #[inline(always)]
    pub(crate) fn end_of_string(&self, start: usize) -> Option<usize> {
        let mut number = start / BLOCK;
        let mut ends = self.blocks.get(number)?.ends & (u64::MAX << (start % BLOCK));
        while ends == 0 {
            number = number.wrapping_add(1);
            ends = self.blocks.get(number)?.ends;
        }
        Some(number.wrapping_mul(BLOCK).wrapping_add(ends.trailing_zeros() as usize))
    }
}

/// A block and the one behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'b> {
    block: &'b Block,
    next: &'b Block,
}

impl Pair<'_> {
    /// The places where a string of one of these lengths begins, and perhaps some where one does not. Bit
    /// `i` of `lengths` is a length of `i` bytes; none is above [`NAME_MAX`], and there is at least one.
    #[inline(always)]
    pub(crate) fn strings(self, mut lengths: u64) -> u64 {
        let Self { block, next } = self;
        let mut found = 0;
        loop {
            // The end stands one further away than the length says.
            let away = lengths.trailing_zeros().wrapping_add(1);
            found |= block.ends >> (away & 63) | next.ends << (64_u32.wrapping_sub(away) & 63);
            lengths &= lengths.wrapping_sub(1);
            if lengths == 0 {
                return block.starts & found;
            }
        }
    }

    /// The places where any string begins.
    #[inline(always)]
    pub(crate) fn all_strings(self) -> u64 {
        self.block.starts
    }
}

/// Whether names of these lengths can be found without going from string to string: few lengths, and none
/// too long. Bit `i` is a length of `i` bytes.
pub(crate) fn are_few(lengths: u64) -> bool {
    const LENGTHS_MAX: u32 = 6;
    lengths != 0 && lengths >> NAME_MAX <= 1 && lengths.count_ones() <= LENGTHS_MAX
}

impl Looked {
    /// Begins with another document.
    #[inline(always)]
    pub(crate) fn begin(&mut self) {
        self.count = 0;
        self.carry = Carry::default();
    }

    /// Looks at up to so many more blocks; `None` when there are none, or a string is broken.
    #[inline(always)]
    pub(crate) fn look<K: Kernel>(&mut self, kernel: K, document: &[u8], more: usize) -> Option<()> {
        let had = self.count;
        let count = document.len().div_ceil(BLOCK).min(had.saturating_add(more));
        // One more, because names are looked for across the end of a block.
        if self.blocks.len() <= count {
            self.grow(count.wrapping_add(1));
        }
        let new = self.blocks.get_mut(had..count).filter(|new| !new.is_empty())?;
        kernel.index(document, had, new, &mut self.carry);
        self.count = count;
        if let Some(behind) = self.blocks.get_mut(count) {
            *behind = Block::default();
        }
        (!self.carry.broken).then_some(())
    }

    #[inline(never)]
    fn grow(&mut self, count: usize) {
        self.blocks.resize(count, Block::default());
    }

    /// The beginning of what has been looked at, and what has been met in it.
    #[inline(always)]
    pub(crate) fn blocks(&self) -> (Blocks<'_>, Seen) {
        let blocks = self.blocks.get(..self.count.wrapping_add(1)).unwrap_or_default();
        let ahead = blocks.first().map_or(0, |first| first.opens | first.closes);
        (Blocks { blocks, at: 0, ahead }, self.carry.seen)
    }
}

/// The first place from `at` on without white space.
#[inline(never)]
pub(crate) fn past_space(bytes: &[u8], at: usize) -> usize {
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
