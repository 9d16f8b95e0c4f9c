//! `fanwise explain`: the page of a message number.

use grammar::diagnostic::CODES;

use crate::api::fields::closest;
use crate::out::{Exit, Out, complain};

/// Arguments of `fanwise explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The number, such as E0203
    code: String,
}

/// Runs it.
#[must_use]
pub(super) fn run(arguments: &Arguments) -> Exit {
    let code = arguments.code.to_ascii_uppercase();
    let Some(page) = page(&code) else {
        let near = closest(&code, CODES.iter().map(|entry| entry.code.as_str()));
        let help = near.map(|near| format!(", did you mean {near}?")).unwrap_or_default();
        complain(&format!("there is no message `{code}`{help}"));
        return Exit::Failed;
    };
    match Out::default().text(page) {
        Ok(_) => Exit::Ok,
        Err(error) => {
            complain(&format!("stdout cannot be written: {error}"));
            Exit::Failed
        }
    }
}

fn page(code: &str) -> Option<&'static str> {
    compiler::explain::explain(code)
}
