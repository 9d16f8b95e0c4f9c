//! Diagnostics as text for a terminal.

use super::Diagnostic;
use crate::source::Source;

/// Whether the text carries terminal colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Off,
    /// ANSI colours.
    On,
}

/// Writes one message with the lines it speaks of.
#[must_use]
pub fn render(diagnostic: &Diagnostic, sources: &[Source], colour: Colour) -> String {
    let _ = (sources, colour);
    diagnostic.title.clone()
}
