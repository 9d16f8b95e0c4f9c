//! Numbers, durations, dates and times.

use crate::{Diagnostic, diagnostic::Code, span::Span};

/// Adds the fix, when what was meant is known.
fn mended(report: Diagnostic, span: Span, written: &str, meant: Option<&str>) -> Diagnostic {
    match meant {
        Some(meant) => {
            let title = format!("replace `{written}` with `{meant}`");
            report.at(span, format!("did you mean `{meant}`?")).fix(title, [(span, meant.to_owned())])
        }
        None => report.at(span, ""),
    }
}

/// E0115. `1e6`, `.5`, `1__0`, `0x1f`.
pub(in crate::parse) fn number(span: Span, written: &str, meant: Option<&str>) -> Diagnostic {
    let report = Diagnostic::error(Code::E0115, format!("`{written}` is not how a number is written here"));
    mended(report, span, written, meant).note("numbers look like `42`, `10_000`, `19.90` or `5%`")
}

/// E0116. `2w`, `1.5h`, `90min`.
pub(in crate::parse) fn duration(span: Span, written: &str, meant: Option<&str>) -> Diagnostic {
    let report = Diagnostic::error(Code::E0116, format!("`{written}` is not how a duration is written here"));
    let report =
        mended(report, span, written, meant).note("durations are made of ms, s, m, h and d: `1h30m`");
    match meant {
        Some(_) => report,
        None => report.note("months and years are not of one length, so they are no durations"),
    }
}

/// E0116. More milliseconds than fit.
pub(in crate::parse) fn duration_too_long(span: Span, written: &str) -> Diagnostic {
    Diagnostic::error(Code::E0116, format!("`{written}` is longer than any duration can be")).at(span, "")
}

/// E0116. A number where a duration must stand.
pub(in crate::parse) fn not_a_duration(span: Span, written: &str) -> Diagnostic {
    Diagnostic::error(Code::E0116, format!("`{written}` has no unit"))
        .at(span, "a duration was expected, such as `20m`")
}

/// E0115. A count that fits nothing.
pub(in crate::parse) fn count_too_large(span: Span, written: &str) -> Diagnostic {
    Diagnostic::error(Code::E0115, format!("`{written}` is larger than any count can be")).at(span, "")
}

/// E0133. `2026-3-1`, or an instant without a zone.
pub(in crate::parse) fn date(span: Span, written: &str, meant: Option<&str>) -> Diagnostic {
    let title = if written.contains('T') {
        format!("`{written}` is not a whole instant")
    } else {
        format!("`{written}` is not how a date is written here")
    };
    let report = mended(Diagnostic::error(Code::E0133, title), span, written, meant);
    if written.contains('T') {
        report.note("an instant has a zone: `2026-03-01T09:00:00Z` or `2026-03-01T09:00:00+01:00`")
    } else {
        report.note("dates look like `2026-03-01`")
    }
}

/// E0133. A date alone where an instant must stand.
pub(in crate::parse) fn instant_without_time(span: Span, written: &str) -> Diagnostic {
    Diagnostic::error(Code::E0133, "a date alone is no instant")
        .at(span, format!("did you mean `{written}T00:00:00Z`?"))
        .fix("add the time of day and the zone", [(span.tail(), "T00:00:00Z".to_owned())])
}

/// E0133. `9:00`, `9am`, `25:00`.
pub(in crate::parse) fn time(span: Span, written: &str, meant: Option<&str>) -> Diagnostic {
    let report =
        Diagnostic::error(Code::E0133, format!("`{written}` is not how a time of day is written here"));
    mended(report, span, written, meant).note("times of day look like `09:00`, up to `24:00`")
}

/// E0133. Hours that open at `24:00`.
pub(in crate::parse) fn opens_at_midnight(span: Span) -> Diagnostic {
    Diagnostic::error(Code::E0133, "hours can end at `24:00`, but not start there")
        .at(span, "did you mean `00:00`?")
        .fix("replace `24:00` with `00:00`", [(span, "00:00".to_owned())])
}
