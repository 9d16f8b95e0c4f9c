//! Rows in columns, for people.

use crate::out::harmless;

/// Characters of a cell; what is longer is cut, and `--json` has all of it.
const CELL_CHARS_MAX: usize = 72;

/// A table with its heads in the first line. Cells may be anybody's text: control characters are shown, not
/// sent, and line breaks are spaces.
#[must_use]
pub(super) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let heads = heads.map(str::to_owned);
    let rows: Vec<[String; N]> = std::iter::once(&heads).chain(rows).map(shown).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::from(" ");
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(&format!(" {cell:<width$} "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn shown<const N: usize>(row: &[String; N]) -> [String; N] {
    row.each_ref().map(|cell| {
        let plain = harmless(&cell.split_whitespace().collect::<Vec<_>>().join(" "));
        if plain.is_empty() {
            return "-".to_owned();
        }
        if plain.chars().count() <= CELL_CHARS_MAX {
            return plain;
        }
        plain.chars().take(CELL_CHARS_MAX - 1).chain(['…']).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_whatever_is_in_them() {
        let rows = [
            ["é".to_owned(), "two\n lines".to_owned()],
            [String::new(), "\u{1b}[31m".to_owned()],
            ["x".repeat(100), "end".to_owned()],
        ];
        let text = table(["A", "B"], &rows);
        let lines: Vec<&str> = text.lines().collect();
        let long = format!("{}…", "x".repeat(71));
        assert_eq!(lines[0], format!("  A{}  B", " ".repeat(71)));
        assert_eq!(lines[1], format!("  é{}  two lines", " ".repeat(71)));
        assert_eq!(lines[2], format!("  -{}  \\u{{1b}}[31m", " ".repeat(71)));
        assert_eq!(lines[3], format!("  {long}  end"));
    }
}
