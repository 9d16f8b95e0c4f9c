//! The language server of the rule language: what editors ask, answered from tokens, tree and checker.
//!
//! A *bundle* is a folder of rule files with the schemas and lists beside them; what is open in the
//! editor counts as it stands there. Messages come from the checker. Everything else is answered
//! from tokens, because the text around a cursor hardly ever parses:
//!
//! - [`serve`], [`serve_stdio`]: the conversation, one message after the other
//! - `bundle`, `file`, `items`, `tokens`: text in pieces
//! - `outline`, `schema`: what a bundle declares
//! - `context`: what may stand at a place; `analysis`: what stands there
//! - `complete`, `hover`, `navigate`, `symbols`, `check`: the answers
#![forbid(unsafe_code)]

mod analysis;
mod bundle;
mod check;
mod complete;
mod context;
mod file;
mod hover;
mod items;
mod navigate;
mod outline;
pub mod position;
mod project;
mod schema;
mod server;
mod settings;
mod symbols;
mod tokens;
mod transport;

use std::io::{BufReader, stdin, stdout};

pub use server::{ServeError, serve};

/// Serves the editor at standard input and output until it says goodbye.
///
/// # Errors
/// When the editor breaks the protocol or the connection.
pub fn serve_stdio() -> Result<(), ServeError> {
    let (connection, threads) = transport::connect(BufReader::new(stdin()), stdout());
    let served = serve(&connection);
    drop(connection);
    served.and(threads.join().map_err(ServeError::from))
}
