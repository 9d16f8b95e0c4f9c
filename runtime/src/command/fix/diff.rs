//! What a change does to a text, line by line, as `patch` reads it.

use std::fmt::Write as _;

/// Lines shown around a change.
const CONTEXT_LINES: usize = 3;

/// Where more lines than these lie between the first change and the last, all of them are one change:
/// finding the smallest one takes time in the square of their number.
const COMPARED_LINES_MAX: usize = 2_000;

/// One line of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'t> {
    Same(&'t str),
    Gone(&'t str),
    New(&'t str),
}

/// The change between two texts in the unified format; empty when there is none.
pub(super) fn unified(path: &str, before: &str, after: &str) -> String {
    let lines = compared(before, after);
    let changed: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !matches!(line, Line::Same(_)))
        .map(|(at, _)| at)
        .collect();
    let mut out = String::new();
    let Some(&first) = changed.first() else { return out };
    let _ = writeln!(out, "--- {path}\n+++ {path}");
    let (mut from, mut to) = (first, first);
    for &at in &changed {
        if at > to + 2 * CONTEXT_LINES {
            hunk(&mut out, &lines, from, to);
            from = at;
        }
        to = at;
    }
    hunk(&mut out, &lines, from, to);
    out
}

/// Writes the lines of one group of changes with those around it.
fn hunk(out: &mut String, lines: &[Line<'_>], from: usize, to: usize) {
    let from = from.saturating_sub(CONTEXT_LINES);
    let to = (to + CONTEXT_LINES + 1).min(lines.len());
    let count = |lines: &[Line<'_>], left_out: fn(&Line<'_>) -> bool| {
        lines.iter().filter(|line| !left_out(line)).count()
    };
    let (is_new, is_gone) =
        (|line: &Line<'_>| matches!(line, Line::New(_)), |line: &Line<'_>| matches!(line, Line::Gone(_)));
    let before = lines.get(..from).unwrap_or_default();
    let shown = lines.get(from..to).unwrap_or_default();
    let (old, new) = (count(shown, is_new), count(shown, is_gone));
    // A range without lines is named by the line before it.
    let start = |before: usize, many: usize| if many == 0 { before } else { before + 1 };
    let (old_start, new_start) = (start(count(before, is_new), old), start(count(before, is_gone), new));
    let _ = writeln!(out, "@@ -{old_start},{old} +{new_start},{new} @@");
    for line in shown {
        let (sign, text) = match line {
            Line::Same(text) => (' ', text),
            Line::Gone(text) => ('-', text),
            Line::New(text) => ('+', text),
        };
        let _ = write!(out, "{sign}{text}");
        if !text.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// Every line of both texts, those that both have once.
fn compared<'t>(before: &'t str, after: &'t str) -> Vec<Line<'t>> {
    let one: Vec<&str> = before.split_inclusive('\n').collect();
    let two: Vec<&str> = after.split_inclusive('\n').collect();
    let head = one.iter().zip(&two).take_while(|(a, b)| a == b).count();
    let most = one.len().min(two.len()) - head;
    let tail = one.iter().rev().zip(two.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let (old, new) = (
        one.get(head..one.len() - tail).unwrap_or_default(),
        two.get(head..two.len() - tail).unwrap_or_default(),
    );
    let mut lines: Vec<Line<'t>> = one.iter().take(head).map(|line| Line::Same(line)).collect();
    if old.len().max(new.len()) > COMPARED_LINES_MAX {
        lines.extend(old.iter().map(|line| Line::Gone(line)));
        lines.extend(new.iter().map(|line| Line::New(line)));
    } else {
        lines.extend(middle(old, new));
    }
    lines.extend(one.iter().skip(one.len() - tail).map(|line| Line::Same(line)));
    lines
}

/// The longest lines in common stay; what goes stands before what comes.
fn middle<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    let width = new.len() + 1;
    // How many lines the rests from here on have in common.
    let mut common = vec![0_u16; (old.len() + 1) * width];
    let at =
        |common: &[u16], row: usize, column: usize| common.get(row * width + column).copied().unwrap_or(0);
    for (row, a) in old.iter().enumerate().rev() {
        for (column, b) in new.iter().enumerate().rev() {
            let longest = if a == b {
                at(&common, row + 1, column + 1) + 1
            } else {
                at(&common, row + 1, column).max(at(&common, row, column + 1))
            };
            if let Some(cell) = common.get_mut(row * width + column) {
                *cell = longest;
            }
        }
    }
    let (mut row, mut column, mut lines) = (0, 0, Vec::new());
    loop {
        match (old.get(row), new.get(column)) {
            (Some(a), Some(b)) if a == b => {
                lines.push(Line::Same(a));
                (row, column) = (row + 1, column + 1);
            }
            (Some(a), rest)
                if rest.is_none() || at(&common, row + 1, column) >= at(&common, row, column + 1) =>
            {
                lines.push(Line::Gone(a));
                row += 1;
            }
            (_, Some(b)) => {
                lines.push(Line::New(b));
                column += 1;
            }
            (_, None) => return lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn a_change_is_shown_with_three_lines_around_it() {
        let before = "1\n2\n3\n4\n5\n6\n7\n";
        let after = "1\n2\n3\n4\nfive\n6\n7\n";
        let expected = "--- a\n+++ a\n@@ -2,6 +2,6 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n";
        assert_eq!(unified("a", before, after), expected);
        assert_eq!(unified("a", before, before), "");
    }

    #[test]
    fn changes_far_apart_are_shown_apart() {
        let lines = |first: &str, last: &str| {
            let between: Vec<String> = (1..=20).map(|at| at.to_string()).collect();
            format!("{first}\n{}\n{last}", between.join("\n"))
        };
        let patch = unified("a", &lines("a", "b"), &lines("A", "B"));
        assert_eq!(patch.matches("@@ -").count(), 2, "{patch}");
        assert!(patch.contains("@@ -1,4 +1,4 @@\n-a\n+A\n 1\n"), "{patch}");
        assert!(patch.ends_with(
            "@@ -19,4 +19,4 @@\n 18\n 19\n 20\n-b\n\\ No newline at end of file\n+B\n\\ No newline at end of file\n"
        ), "{patch}");
    }

    #[test]
    fn lines_come_and_go() {
        let patch = unified("a", "x\ny\n", "x\nz\nw\ny\n");
        assert_eq!(patch, "--- a\n+++ a\n@@ -1,2 +1,4 @@\n x\n+z\n+w\n y\n");
        assert_eq!(unified("a", "", "x\n"), "--- a\n+++ a\n@@ -0,0 +1,1 @@\n+x\n");
    }
}
