//! `fanwise lsp`: the language server, for editors, over standard input and output.

use clap::Args;

use super::with_causes;
use crate::out::{Exit, complain};

/// Arguments of `fanwise lsp`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Some editors say so; there is no other way
    #[arg(long, hide = true)]
    stdio: bool,
}

/// Serves one editor until it says goodbye.
pub(super) fn run(_: &Arguments) -> Exit {
    match ::lsp::serve_stdio() {
        Ok(()) => Exit::Ok,
        Err(error) => {
            complain(&with_causes(&error));
            Exit::Failed
        }
    }
}
