//! The little Markdown that tests are written in: headings, fenced blocks and tables.

/// A part of a Markdown file that a test looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A heading: its level and text.
    Heading(usize, String),
    /// A fenced block: the words after the fence, its text, and the line its text starts on.
    Fence { info: String, text: String, line: usize },
    /// A table: its header and its rows, each with the line it stands on. `\|` is a pipe, and a cell
    /// that is one code span loses its backticks.
    Table { header: Vec<String>, rows: Vec<(usize, Vec<String>)> },
}

/// Reads the parts of a file. Prose is passed over.
#[must_use]
pub fn parts(text: &str) -> Vec<Part> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((at, line)) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let mut body = String::new();
            for (_, inner) in lines.by_ref().take_while(|(_, inner)| !inner.starts_with("```")) {
                body.push_str(inner);
                body.push('\n');
            }
            found.push(Part::Fence { info: info.trim().to_owned(), text: body, line: at + 2 });
        } else if let Some(level) = heading_level(line) {
            found.push(Part::Heading(level, line.trim_start_matches('#').trim().to_owned()));
        } else if line.starts_with('|') {
            let header = cells(line);
            let mut rows = Vec::new();
            while let Some((at, row)) = lines.next_if(|(_, row)| row.starts_with('|')) {
                if !row.starts_with("|--") && !row.starts_with("| --") {
                    rows.push((at + 1, cells(row)));
                }
            }
            found.push(Part::Table { header, rows });
        }
    }
    found
}

fn heading_level(line: &str) -> Option<usize> {
    let level = line.bytes().take_while(|&byte| byte == b'#').count();
    (level > 0 && line.as_bytes().get(level) == Some(&b' ')).then_some(level)
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|');
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    let mut found = vec![String::new()];
    let mut chars = inner.chars().peekable();
    while let Some(letter) = chars.next() {
        let last = found.last_mut().expect("at least one cell");
        match letter {
            '\\' if chars.peek() == Some(&'|') => last.extend(chars.next()),
            '|' => found.push(String::new()),
            _ => last.push(letter),
        }
    }
    found.iter().map(|cell| code(cell.trim()).to_owned()).collect()
}

fn code(cell: &str) -> &str {
    let inner = cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    inner.filter(|inner| !inner.contains('`')).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fences_and_headings_are_found() {
        let text = "# A\n\nprose\n\n| a | b |\n|---|---|\n| `x \\| y` | 2 |\n\n```route x\nrule\n```\n";
        let row = (7, vec!["x | y".to_owned(), "2".to_owned()]);
        let table = Part::Table { header: vec!["a".into(), "b".into()], rows: vec![row] };
        let fence = Part::Fence { info: "route x".into(), text: "rule\n".into(), line: 10 };
        assert_eq!(parts(text), vec![Part::Heading(1, "A".into()), table, fence]);
    }
}
