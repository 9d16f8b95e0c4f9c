//! How many columns of a terminal a character takes.

/// Columns between tab stops.
const TAB_COLUMNS: usize = 4;

/// Marks that are drawn over the letter before them, joiners, and selectors of a variant.
const NO_WIDTH: &[(u32, u32)] = &[
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x05BD),
    (0x0610, 0x061A),
    (0x064B, 0x065F),
    (0x06D6, 0x06DC),
    (0x093C, 0x093C),
    (0x0941, 0x0948),
    (0x094D, 0x094D),
    (0x0E31, 0x0E31),
    (0x0E34, 0x0E3A),
    (0x0E47, 0x0E4E),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x200D, 0x200D),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0x1F3FB, 0x1F3FF),
    (0xE0020, 0xE007F),
];

/// East Asian wide and full-width characters and emoji (Unicode Standard Annex 11, in ranges).
const TWO_COLUMNS: &[(u32, u32)] = &[
    (0x1100, 0x115F),
    (0x231A, 0x231B),
    (0x23E9, 0x23EC),
    (0x25FD, 0x25FE),
    (0x2614, 0x2615),
    (0x2648, 0x2653),
    (0x26A1, 0x26A1),
    (0x26BD, 0x26BE),
    (0x26D4, 0x26D4),
    (0x2705, 0x2705),
    (0x270A, 0x270B),
    (0x2728, 0x2728),
    (0x274C, 0x274C),
    (0x2753, 0x2755),
    (0x2757, 0x2757),
    (0x2795, 0x2797),
    (0x2B50, 0x2B50),
    (0x2E80, 0x303E),
    (0x3041, 0x33FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0xA4CF),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE6F),
    (0xFF01, 0xFF60),
    (0xFFE0, 0xFFE6),
    (0x1F300, 0x1F64F),
    (0x1F680, 0x1F6FF),
    (0x1F7E0, 0x1F7EB),
    (0x1F900, 0x1F9FF),
    (0x1FA70, 0x1FAFF),
    (0x20000, 0x3FFFD),
];

fn within(ranges: &[(u32, u32)], letter: char) -> bool {
    let code = u32::from(letter);
    let after = ranges.partition_point(|&(first, _)| first <= code);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|&(_, last)| code <= last)
}

/// Whether a terminal would obey the character rather than draw it: control characters, and those
/// that turn the direction of text round and so could show another rule than the one that runs.
pub(super) fn is_unsafe(letter: char) -> bool {
    let turns = matches!(letter, '\u{200B}' | '\u{200C}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{AD}');
    letter.is_control() || turns
}

/// What is drawn for a character at `column`, and how wide that is.
pub(super) fn drawn(letter: char, column: usize) -> (Drawn, usize) {
    match letter {
        '\t' => {
            let width = TAB_COLUMNS - column % TAB_COLUMNS;
            (Drawn::Spaces, width)
        }
        _ if is_unsafe(letter) => (Drawn::As('\u{FFFD}'), 1),
        _ if letter.is_ascii() => (Drawn::As(letter), 1),
        _ if within(NO_WIDTH, letter) => (Drawn::As(letter), 0),
        _ if within(TWO_COLUMNS, letter) => (Drawn::As(letter), 2),
        _ => (Drawn::As(letter), 1),
    }
}

/// What stands in the place of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawn {
    /// As many spaces as it is wide.
    Spaces,
    /// This character.
    As(char),
}

/// `text` on one line without anything that a terminal would obey, and not longer than `chars_max`.
pub(super) fn harmless(text: &str, chars_max: usize) -> String {
    let letters = text.chars().map(|letter| match letter {
        '\n' | '\t' | '\r' => ' ',
        _ if is_unsafe(letter) => '\u{FFFD}',
        _ => letter,
    });
    let mut shown: String = letters.clone().take(chars_max).collect();
    if letters.count() > chars_max {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{NO_WIDTH, TWO_COLUMNS, drawn, harmless};

    #[test]
    fn the_ranges_are_sorted_and_apart() {
        for ranges in [NO_WIDTH, TWO_COLUMNS] {
            assert!(ranges.iter().all(|&(first, last)| first <= last));
            assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }

    #[test]
    fn letters_have_their_width() {
        let width = |letter| drawn(letter, 0).1;
        assert_eq!([width('a'), width('é'), width('日'), width('🚨'), width('\u{301}')], [1, 1, 2, 2, 0]);
        assert_eq!([drawn('\t', 0).1, drawn('\t', 1).1, drawn('\t', 4).1], [4, 3, 4]);
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(harmless("a\u{1b}[31m\nb\u{202e}c", 100), "a\u{FFFD}[31m b\u{FFFD}c");
        assert_eq!(harmless("abcdef", 3), "abc…");
    }
}
