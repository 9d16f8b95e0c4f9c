//! One line of source with the markers below it, in columns of a terminal.

use crate::diagnostic::width::{Drawn, drawn};

/// Columns of a line that are shown; of a longer one, the part around the markers.
const LINE_COLUMNS_MAX: usize = 180;

/// Columns that are kept before the first marker of a long line.
const LEAD_COLUMNS: usize = 60;

/// A marker: first in bytes of the line, then in columns.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    from: usize,
    until: usize,
    primary: bool,
    text: String,
}

impl Mark {
    /// A marker over the bytes `from..until` of a line.
    pub(super) fn new(from: usize, until: usize, primary: bool, text: String) -> Self {
        Self { from, until, primary, text }
    }

    fn sign(&self) -> char {
        if self.primary { '^' } else { '-' }
    }
}

/// A piece of a row below the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) column: usize,
    pub(super) width: usize,
    pub(super) primary: bool,
    pub(super) text: String,
}

/// A line ready to be drawn.
pub(super) struct Line {
    drawn: String,
    /// In columns, by their start.
    marks: Vec<Mark>,
}

impl Line {
    /// A line and its markers, whose places are in bytes of the line.
    pub(super) fn new(text: &str, mut marks: Vec<Mark>) -> Self {
        let columns = Columns::of(text);
        for mark in &mut marks {
            let from = columns.at(mark.from);
            // An empty span gets one marker; a span that goes on below ends with the line.
            let until = columns.at(mark.until.min(text.len())).max(from + 1);
            (mark.from, mark.until) = (from, until);
        }
        marks.sort_by_key(|mark| (mark.from, mark.until));
        let first = marks.first().map_or(0, |mark| mark.from);
        let (mut skip, mut room) = (0, usize::MAX);
        if columns.width > LINE_COLUMNS_MAX {
            skip = first.saturating_sub(LEAD_COLUMNS);
            room = LINE_COLUMNS_MAX;
        }
        let drawn = columns.window(skip, room);
        // The mark of the cut takes one column.
        let shift = if skip > 0 { skip - 1 } else { 0 };
        let last = room.saturating_add(usize::from(skip > 0));
        for mark in &mut marks {
            mark.from = mark.from.saturating_sub(shift).min(last);
            mark.until = mark.until.saturating_sub(shift).min(last).max(mark.from + 1);
        }
        Self { drawn, marks }
    }

    /// The line as a terminal shows it.
    pub(super) fn drawn(&self) -> &str {
        &self.drawn
    }

    /// The markers with the words of the last one, then the words of the others from right to left.
    pub(super) fn rows(&self) -> Vec<Vec<Piece>> {
        let mut rows = vec![self.markers()];
        let end = self.marks.iter().map(|mark| mark.until).max().unwrap_or(0);
        let mut below: Vec<&Mark> = self.marks.iter().filter(|mark| !mark.text.is_empty()).collect();
        if let Some(last) = self.marks.last().filter(|last| !last.text.is_empty() && last.until == end) {
            below.pop();
            if let Some(row) = rows.first_mut() {
                row.push(words(last, end + 1));
            }
        }
        while let Some(mark) = below.pop() {
            let mut row: Vec<Piece> = Vec::new();
            for other in &below {
                let seen = row.last().is_some_and(|piece| piece.column == other.from);
                if other.from < mark.from && !seen {
                    let text = "│".to_owned();
                    row.push(Piece { column: other.from, width: 1, primary: other.primary, text });
                }
            }
            row.push(words(mark, mark.from));
            rows.push(row);
        }
        rows
    }

    /// The row of `^` and `-`. Where they overlap, `^` stays.
    fn markers(&self) -> Vec<Piece> {
        let end = self.marks.iter().map(|mark| mark.until).max().unwrap_or(0);
        let mut signs = vec![' '; end];
        for mark in &self.marks {
            for sign in signs.iter_mut().take(mark.until).skip(mark.from) {
                if *sign != '^' {
                    *sign = mark.sign();
                }
            }
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for (column, sign) in signs.into_iter().enumerate().filter(|&(_, sign)| sign != ' ') {
            let primary = sign == '^';
            match pieces.last_mut() {
                Some(piece) if piece.column + piece.width == column && piece.primary == primary => {
                    piece.text.push(sign);
                    piece.width += 1;
                }
                _ => pieces.push(Piece { column, width: 1, primary, text: sign.to_string() }),
            }
        }
        pieces
    }
}

fn words(mark: &Mark, column: usize) -> Piece {
    Piece { column, width: 0, primary: mark.primary, text: mark.text.clone() }
}

/// The columns of a line's characters.
struct Columns {
    /// Byte offset, first column, width and what is drawn, per character.
    cells: Vec<(usize, usize, usize, Drawn)>,
    width: usize,
}

impl Columns {
    fn of(text: &str) -> Self {
        let mut cells = Vec::new();
        let mut column = 0;
        for (at, letter) in text.char_indices() {
            let (drawn, width) = drawn(letter, column);
            cells.push((at, column, width, drawn));
            column += width;
        }
        Self { cells, width: column }
    }

    /// The column of a byte offset.
    fn at(&self, offset: usize) -> usize {
        let cell = self.cells.partition_point(|&(at, ..)| at < offset);
        self.cells.get(cell).map_or(self.width, |&(_, column, ..)| column)
    }

    /// What is drawn in `room` columns from `skip` on, with marks where it is cut.
    fn window(&self, skip: usize, room: usize) -> String {
        let mut text = String::new();
        if skip > 0 {
            text.push('…');
        }
        for &(_, column, width, drawn) in &self.cells {
            if column < skip {
                continue;
            }
            if column + width - skip > room {
                text.push('…');
                break;
            }
            match drawn {
                Drawn::Spaces => text.extend(std::iter::repeat_n(' ', width)),
                Drawn::As(letter) => text.push(letter),
            }
        }
        text
    }
}
