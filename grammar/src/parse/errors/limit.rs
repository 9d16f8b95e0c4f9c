//! Bounds, each by its name and with its number.

use crate::{
    Diagnostic,
    diagnostic::Code,
    parse::limits::{
        EXPRESSION_DEPTH_MAX, FILE_BYTES_MAX, LIST_ITEMS_MAX, NESTING_MAX, PATTERN_CHARS_MAX,
        RECORD_FIELDS_MAX, TEXT_BYTES_MAX,
    },
    span::Span,
};

/// E0105. Too many brackets inside each other.
pub(in crate::parse) fn nesting(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0105, format!("nesting is limited to {NESTING_MAX} levels"))
        .at(span, "this is one level too many")
        .help("give the inner part a name with `const` or `predicate`")
}

/// E0105. Too many operators in a row.
pub(in crate::parse) fn depth(span: Span) -> Diagnostic {
    let title = format!("an expression is limited to {EXPRESSION_DEPTH_MAX} operators in a row");
    Diagnostic::error(Code::E0105, title)
        .at(span, "this expression is longer")
        .help("split it with `let` or `const`")
}

/// E0106. The file is too large; nothing of it is read.
pub(in crate::parse) fn file(span: Span, bytes: usize) -> Diagnostic {
    let title = format!("a file is limited to {} KiB", FILE_BYTES_MAX / 1024);
    Diagnostic::error(Code::E0106, title)
        .at(span, format!("this one has {} KiB", bytes.div_ceil(1024)))
        .help("split it: all files of a bundle share their names")
}

/// E0107. One item took too many steps.
pub(in crate::parse) fn steps(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0107, "this item takes more steps to read than one item may")
        .at(span, "it starts here")
        .help("split it into smaller items, or keep long lists in a file: `list name from \"file.csv\"`")
}

/// E0135. A list literal.
pub(in crate::parse) fn list(span: Span, items: usize) -> Diagnostic {
    Diagnostic::error(Code::E0135, format!("a list is limited to {LIST_ITEMS_MAX} values"))
        .at(span, format!("this one has {items}"))
        .help("keep long lists in a file: `list name from \"file.csv\"`")
}

/// E0135. A record or a record type.
pub(in crate::parse) fn record(span: Span, fields: usize) -> Diagnostic {
    Diagnostic::error(Code::E0135, format!("a record is limited to {RECORD_FIELDS_MAX} fields"))
        .at(span, format!("this one has {fields}"))
}

/// E0135. A text literal.
pub(in crate::parse) fn text(span: Span, bytes: usize) -> Diagnostic {
    Diagnostic::error(Code::E0135, format!("a text is limited to {} KiB", TEXT_BYTES_MAX / 1024))
        .at(span, format!("this one has {} KiB", bytes.div_ceil(1024)))
}

/// E0135. A regular expression.
pub(in crate::parse) fn pattern(span: Span, chars: usize) -> Diagnostic {
    Diagnostic::error(Code::E0135, format!("a pattern is limited to {PATTERN_CHARS_MAX} characters"))
        .at(span, format!("this one has {chars}"))
}
